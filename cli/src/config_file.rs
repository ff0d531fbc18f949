//! The configuration file: defaults, and named profiles of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// Defaults for the client options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(crate) server: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) tls_ca: Option<PathBuf>,
    pub(crate) tls_client_cert: Option<PathBuf>,
    pub(crate) tls_client_key: Option<PathBuf>,
}

/// What the file says. The keys of [`Defaults`] are repeated because serde's `flatten` would let unknown keys pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) server: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) tls_ca: Option<PathBuf>,
    pub(crate) tls_client_cert: Option<PathBuf>,
    pub(crate) tls_client_key: Option<PathBuf>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Defaults>,
}

impl ConfigFile {
    /// Reads the file that was named, or the usual one when it is there.
    pub(crate) fn read(named: Option<&Path>, usual: Option<PathBuf>) -> Result<Self, Failure> {
        let path = match (named, usual) {
            (Some(path), _) => path.to_owned(),
            (None, Some(path)) => path,
            (None, None) => return Ok(Self::default()),
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|complaint| {
                Failure::Usage(format!("the configuration file {} is not valid: {complaint}", path.display()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) => {
                Err(Failure::Usage(format!("cannot read the configuration file {}: {error}", path.display())))
            }
        }
    }

    /// Reads TOML. An unknown key is an error that names the key: a misspelled `server` must not change another server.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    /// The defaults of a profile.
    pub(crate) fn profile(&self, name: &str) -> Result<&Defaults, Failure> {
        self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
            Failure::Usage(format!("the configuration file has no profile `{name}` (profiles: {known})"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_the_keys_of_the_top_level() {
        let file = ConfigFile::parse(
            "env = 'staging'\n[profiles.prod]\nserver = 'http://flags:8013'\nactor = 'bot'\n",
        )
        .unwrap();
        assert_eq!(file.env.as_deref(), Some("staging"));
        let profile = file.profile("prod").unwrap();
        assert_eq!(profile.server.as_deref(), Some("http://flags:8013"));
        assert_eq!(profile.actor.as_deref(), Some("bot"));
        assert_eq!(profile.env, None);
    }

    #[test]
    fn an_unknown_key_is_named() {
        for text in ["servr = 'x'", "[profiles.a]\nservr = 'x'"] {
            let complaint = ConfigFile::parse(text).unwrap_err();
            assert!(complaint.contains("servr"), "{complaint}");
        }
    }

    #[test]
    fn an_unknown_profile_is_named_with_the_known_ones() {
        let file = ConfigFile::parse("[profiles.a]\n[profiles.b]\n").unwrap();
        let failure = file.profile("c").unwrap_err();
        assert!(failure.message().contains("`c` (profiles: a, b)"), "{}", failure.message());
    }

    #[test]
    fn only_a_file_that_was_named_must_be_there() {
        let missing = PathBuf::from("/nonexistent/config.toml");
        assert_eq!(ConfigFile::read(None, Some(missing.clone())).unwrap(), ConfigFile::default());
        assert!(ConfigFile::read(Some(&missing), None).is_err());
    }
}
