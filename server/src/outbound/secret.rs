//! Secrets, which come from files and environment variables, and are never shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A secret. It has no way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Box::from(text))
    }

    /// The secret itself, for whoever signs or sends it.
    #[must_use]
    pub const fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file. White space around it does not belong to it: editors end files with a line break.
    File(PathBuf),
    /// In an environment variable of the server's process.
    Variable(String),
}

/// A text that names no place of a secret. It may be the secret itself, and is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected file:PATH or env:VARIABLE, which name where the secret stands")]
pub struct SecretSourceError;

impl FromStr for SecretSource {
    type Err = SecretSourceError;

    /// Reads `file:PATH` or `env:VARIABLE`.
    fn from_str(text: &str) -> Result<Self, SecretSourceError> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            _ => Err(SecretSourceError),
        }
    }
}

/// A secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the file {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The variable is not there, or is no text.
    #[error("the environment variable {0} is not set")]
    Variable(String),
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// When it is not there, or empty. The error names the place, never what stands in it.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let (text, place) = match self {
            Self::File(path) => (read_file(path)?, format!("the file {}", path.display())),
            Self::Variable(name) => {
                let text =
                    std::env::var(name).map_err(|_absent_or_no_text| SecretError::Variable(name.clone()))?;
                (text, format!("the environment variable {name}"))
            }
        };
        let text = text.trim();
        if text.is_empty() { Err(SecretError::Empty(place)) } else { Ok(Secret::new(text)) }
    }
}

fn read_file(path: &Path) -> Result<String, SecretError> {
    std::fs::read_to_string(path).map_err(|error| SecretError::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "s3cret\n").unwrap();
        let secret = SecretSource::File(path.clone()).read().unwrap();
        assert_eq!(secret.reveal(), "s3cret");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        std::fs::write(&path, " \n").unwrap();
        let error = SecretSource::File(path).read().unwrap_err().to_string();
        assert!(error.ends_with("key is empty"), "{error}");
    }

    #[test]
    fn a_place_is_a_file_or_a_variable() {
        assert_eq!("file:/run/key".parse(), Ok(SecretSource::File("/run/key".into())));
        assert_eq!("file:a:b".parse(), Ok(SecretSource::File("a:b".into())));
        assert_eq!("env:KEY".parse(), Ok(SecretSource::Variable("KEY".to_owned())));
        for text in ["s3cret", "file:", "env:", "", "vault:key", "/run/key"] {
            let error = text.parse::<SecretSource>().unwrap_err().to_string();
            assert!(!error.contains("s3cret") && error.contains("file:PATH or env:VARIABLE"), "{error}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = SecretSource::File("/nonexistent/key".into()).read().unwrap_err().to_string();
        assert!(error.starts_with("cannot read the file /nonexistent/key: "), "{error}");
        let error = SecretSource::Variable("MYCELIA_NO_SUCH".to_owned()).read().unwrap_err().to_string();
        assert_eq!(error, "the environment variable MYCELIA_NO_SUCH is not set");
    }
}
