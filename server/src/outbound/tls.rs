//! TLS towards others: rustls with ring, and the certificates that the system trusts (docs/adr/0017), or a file names.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

/// Whose certificates are trusted: those that the system trusts, and those of a file. Clones share what was read.
#[derive(Clone, Default)]
pub struct Trust {
    more: Arc<[CertificateDer<'static>]>,
    /// Read when the first `https` address is spoken to: a server that has none never looks.
    config: Arc<OnceCell<Result<Arc<ClientConfig>, String>>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Trust(the system's and {} more)", self.more.len())
    }
}

/// A file of certificates cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read, or is no PEM.
    #[error("cannot read certificates from {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// There is none in it.
    #[error("{path} holds no certificate: expected PEM, with BEGIN CERTIFICATE")]
    None {
        /// The file.
        path: PathBuf,
    },
    /// One of them is no certificate authority's.
    #[error("certificate {place} of {path} cannot be trusted: {cause}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Which, from 1 on.
        place: usize,
        /// Why.
        cause: String,
    },
}

impl Trust {
    /// Trusts the certificates of a PEM file, too.
    ///
    /// # Errors
    /// When one of them could not be trusted: a server that starts without it would fail later, at the first notice.
    pub fn with_file(path: &Path) -> Result<Self, TrustError> {
        let unreadable =
            |cause: String| TrustError::Unreadable { path: path.to_owned(), cause: cause.trim().to_owned() };
        // Read by ourselves, so that a file that is not there is said in the system's words.
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let certificates: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&bytes).collect();
        let certificates = certificates.map_err(|error| unreadable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(TrustError::None { path: path.to_owned() });
        }
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            roots.add(certificate.clone()).map_err(|error| TrustError::Unusable {
                path: path.to_owned(),
                place: index + 1,
                cause: error.to_string(),
            })?;
        }
        Ok(Self { more: certificates.into(), config: Arc::default() })
    }

    /// What is trusted beside the system's.
    pub(super) fn more(&self) -> &[CertificateDer<'static>] {
        &self.more
    }

    /// What every connection shares. `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates than the system's.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let load = || async {
            let more = Arc::clone(&self.more);
            let loaded = tokio::task::spawn_blocking(move || load(&more)).await;
            loaded
                .unwrap_or_else(|_panicked_or_cancelled| Err("the certificates could not be read".to_owned()))
        };
        self.config.get_or_init(load).await.clone()
    }
}

fn load(more: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unusable) =
        roots.add_parsable_certificates(found.certs.into_iter().chain(more.iter().cloned()));
    if added == 0 {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        return Err(format!(
            "no trusted certificates on this machine: install ca-certificates, or name some with SSL_CERT_FILE or \
             --outbound-ca{why}"
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuse(content: Option<&[u8]>, words: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        content.into_iter().for_each(|content| std::fs::write(&path, content).unwrap());
        let error = Trust::with_file(&path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("ca.pem"), "{error}");
    }

    #[test]
    fn a_file_that_would_be_of_no_use_is_refused_at_once() {
        refuse(None, "cannot read certificates");
        refuse(Some(b""), "holds no certificate");
        refuse(Some(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "holds no certificate");
        refuse(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n"), "cannot read certificates");
        refuse(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "certificate 1 of");
    }
}
