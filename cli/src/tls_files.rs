//! The files that a client speaks TLS with.

use std::fs;
use std::path::{Path, PathBuf};

use mycelia_flags_proto::client_tls::{ClientTls, ClientTlsError};

use crate::failure::Failure;

/// Which files they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// Whom to trust; none means whom the system trusts.
    pub(crate) ca: Option<PathBuf>,
    /// The client's certificate.
    pub(crate) client_cert: Option<PathBuf>,
    /// Its private key.
    pub(crate) client_key: Option<PathBuf>,
}

impl TlsSettings {
    /// Reads them. What is wrong is said of the option and the file.
    pub(crate) fn read(&self) -> Result<ClientTls, Failure> {
        let mut tls = ClientTls::default();
        if let Some(path) = &self.ca {
            tls = tls.ca(read("--tls-ca", path)?).map_err(|error| self.blame(&error))?;
        }
        match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) =
                    (read("--tls-client-cert", certificate)?, read("--tls-client-key", key)?);
                tls.identity(certificate, key).map_err(|error| self.blame(&error))
            }
            (None, None) => Ok(tls),
            (Some(_), None) => Err(Failure::Usage("--tls-client-cert needs its --tls-client-key".to_owned())),
            (None, Some(_)) => Err(Failure::Usage("--tls-client-key needs its --tls-client-cert".to_owned())),
        }
    }

    /// What is wrong, with the option and the file that are to blame.
    pub(crate) fn blame(&self, error: &ClientTlsError) -> Failure {
        let (option, path, why) = match error {
            ClientTlsError::Ca(why) => ("--tls-ca", &self.ca, why),
            ClientTlsError::Certificate(why) => ("--tls-client-cert", &self.client_cert, why),
            ClientTlsError::Key(why) => ("--tls-client-key", &self.client_key, why),
            ClientTlsError::Unusable(why) => {
                return Failure::Usage(format!(
                    "TLS is not possible here: {why}; install ca-certificates, or name whom to trust with --tls-ca"
                ));
            }
        };
        Failure::Usage(format!("{option} {}: {why}", path.as_deref().unwrap_or(Path::new("")).display()))
    }
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Usage(format!("{option} {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &TlsSettings, expected: &str) {
        let failure = settings.read().unwrap_err();
        assert!(failure.message().contains(expected), "{}", failure.message());
    }

    #[test]
    fn what_is_wrong_is_said_of_the_option_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
        fs::write(&empty, "nothing").unwrap();
        let ca = |path: &Path| TlsSettings { ca: Some(path.to_owned()), ..TlsSettings::default() };
        check(&ca(&missing), "missing.pem: No such file");
        check(&ca(&empty), "empty.pem: it holds no certificate");
        let identity = |certificate: Option<&Path>, key: Option<&Path>| TlsSettings {
            client_cert: certificate.map(Path::to_owned),
            client_key: key.map(Path::to_owned),
            ..TlsSettings::default()
        };
        check(&identity(Some(&empty), None), "--tls-client-cert needs its --tls-client-key");
        check(&identity(None, Some(&empty)), "--tls-client-key needs its --tls-client-cert");
        check(&identity(Some(&empty), Some(&empty)), "--tls-client-cert ");
    }
}
