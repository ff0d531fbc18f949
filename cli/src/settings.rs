//! What was typed, and what it means: flag, then environment variable, then profile, then the file's top level, then
//! the built-in default. (Clap has put flag before environment variable already.)

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::client::ClientArgs;
use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::tls_files::TlsSettings;

/// Where `serve` listens unless it is told otherwise.
pub(crate) const SERVER_DEFAULT: &str = "http://127.0.0.1:8013";

/// What the process finds around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) config_home: Option<PathBuf>,
    pub(crate) user: Option<String>,
}

impl Surroundings {
    /// Looks at the environment variables.
    pub(crate) fn of_process() -> Self {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            config_home: folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config"))),
            user: ["USER", "LOGNAME"]
                .iter()
                .find_map(|name| env::var(name).ok().filter(|user| !user.is_empty())),
        }
    }

    fn config_file(&self) -> Option<PathBuf> {
        Some(self.config_home.as_ref()?.join("mycelia-flags").join("config.toml"))
    }
}

/// What the client options mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// With scheme, such as `http://127.0.0.1:8013`.
    pub(crate) server: String,
    /// What TLS is spoken with when the server is `https`.
    pub(crate) tls: TlsSettings,
    /// Empty when none is configured: the server's default one.
    pub(crate) environment: String,
    /// Who asks.
    pub(crate) actor: String,
    /// None when it was not said: each command has its own default.
    pub(crate) timeout: Option<Duration>,
}

impl Settings {
    /// Reads the configuration file and fills in the defaults.
    pub(crate) fn resolve(typed: &ClientArgs, surroundings: &Surroundings) -> Result<Self, Failure> {
        let file = ConfigFile::read(typed.config.as_deref(), surroundings.config_file())?;
        Self::of(typed, &file, surroundings.user.as_deref())
    }

    fn of(typed: &ClientArgs, file: &ConfigFile, user: Option<&str>) -> Result<Self, Failure> {
        let profile = match said(typed.profile.as_ref()) {
            Some(name) => file.profile(&name)?.clone(),
            None => Default::default(),
        };
        let first =
            |candidates: [&Option<String>; 3]| candidates.into_iter().find_map(|value| said(value.as_ref()));
        let server = first([&typed.server, &profile.server, &file.server]);
        let environment = first([&typed.env, &profile.env, &file.env]);
        let actor = first([&typed.actor, &profile.actor, &file.actor]);
        Ok(Self {
            server: server_url(server.as_deref().unwrap_or(SERVER_DEFAULT))?,
            tls: TlsSettings {
                ca: file_of([&typed.tls_ca, &profile.tls_ca, &file.tls_ca]),
                client_cert: file_of([
                    &typed.tls_client_cert,
                    &profile.tls_client_cert,
                    &file.tls_client_cert,
                ]),
                client_key: file_of([&typed.tls_client_key, &profile.tls_client_key, &file.tls_client_key]),
            },
            environment: environment.unwrap_or_default(),
            actor: actor.unwrap_or_else(|| user.unwrap_or("unknown").to_owned()),
            timeout: typed.timeout,
        })
    }
}

/// The file that was named most closely; an empty environment variable names none.
fn file_of(candidates: [&Option<PathBuf>; 3]) -> Option<PathBuf> {
    candidates.into_iter().flatten().find(|path| !path.as_os_str().is_empty()).cloned()
}

/// An empty environment variable says nothing.
fn said(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

fn server_url(text: &str) -> Result<String, Failure> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url: tonic::transport::Uri = with_scheme.parse().map_err(|error| {
        Failure::Usage(format!("the server `{text}` is not a URL such as {SERVER_DEFAULT}: {error}"))
    })?;
    match url.scheme_str() {
        Some("http" | "https") if url.host().is_some_and(|host| !host.is_empty()) => {
            Ok(with_scheme.trim_end_matches('/').to_owned())
        }
        _ => Err(Failure::Usage(format!("the server `{text}` is not a URL such as {SERVER_DEFAULT}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ConfigFile {
        ConfigFile::parse(
            "server = 'http://top:1'\nenv = 'top'\nactor = 'top'\n\
             [profiles.prod]\nserver = 'http://profile:2'\nenv = 'profile'\n[profiles.bare]\n",
        )
        .unwrap()
    }

    fn typed(server: Option<&str>, profile: Option<&str>) -> ClientArgs {
        ClientArgs {
            server: server.map(str::to_owned),
            profile: profile.map(str::to_owned),
            ..ClientArgs::default()
        }
    }

    #[track_caller]
    fn check(typed: &ClientArgs, file: &ConfigFile, expected: [&str; 3]) {
        let settings = Settings::of(typed, file, Some("ada")).unwrap();
        assert_eq!([&*settings.server, &*settings.environment, &*settings.actor], expected);
    }

    #[test]
    fn what_is_said_more_closely_wins() {
        check(&typed(None, None), &ConfigFile::default(), [SERVER_DEFAULT, "", "ada"]);
        check(&typed(None, None), &file(), ["http://top:1", "top", "top"]);
        check(&typed(None, Some("prod")), &file(), ["http://profile:2", "profile", "top"]);
        check(&typed(None, Some("bare")), &file(), ["http://top:1", "top", "top"]);
        check(&typed(Some("http://flag:3"), Some("prod")), &file(), ["http://flag:3", "profile", "top"]);
    }

    #[test]
    fn an_empty_environment_variable_says_nothing() {
        check(&typed(Some(""), Some("")), &file(), ["http://top:1", "top", "top"]);
    }

    #[test]
    fn nobody_is_unknown() {
        let settings = Settings::of(&typed(None, None), &ConfigFile::default(), None).unwrap();
        assert_eq!(settings.actor, "unknown");
    }

    #[test]
    fn servers_are_urls() {
        for (text, expected) in [
            ("localhost:8013", Some("http://localhost:8013")),
            ("http://[::1]:8013/", Some("http://[::1]:8013")),
            ("https://flags/", Some("https://flags")),
            ("ftp://flags", None),
            ("http://", None),
            ("a b", None),
        ] {
            assert_eq!(server_url(text).ok().as_deref(), expected, "{text:?}");
        }
    }
}
