//! The files of TLS, and what is made of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mycelia_flags_proto::pem::{self, PairError, PemError};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// Which files hold the certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// The server's chain of certificates as PEM, its own one first.
    pub certificate: PathBuf,
    /// The private key of the first of them, as PEM.
    pub key: PathBuf,
    /// The authorities of clients, as PEM. With it, whoever shows no certificate of theirs is let in nowhere but at the
    /// listener for browsers.
    pub client_ca: Option<PathBuf>,
}

/// One of the files, called by its option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The chain of certificates.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of clients.
    ClientCa,
}

impl fmt::Display for TlsFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Certificate => "--tls-cert",
            Self::Key => "--tls-key",
            Self::ClientCa => "--tls-client-ca",
        })
    }
}

/// TLS is not possible with what the files hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// One of the files is to blame.
    #[error("{file} {}: {fault}", path.display())]
    File {
        /// Which one.
        file: TlsFile,
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        fault: TlsFault,
    },
    /// rustls refuses what each file alone would allow.
    #[error("TLS is not possible: {0}")]
    Refused(String),
    /// The thread that reads the files ended without an answer.
    #[error("the TLS files could not be read: their thread ended")]
    NotRead,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The system does not hand it out.
    #[error("{0}")]
    Unreadable(String),
    /// It does not hold what it should.
    #[error(transparent)]
    Content(#[from] PemError),
}

/// What the files held when they were read.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// How handshakes are made.
pub(super) struct Configs {
    pub(super) inside: Arc<ServerConfig>,
    pub(super) browsers: Arc<ServerConfig>,
}

impl Contents {
    pub(super) fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let client_ca = options.client_ca.as_deref().map(|path| read(TlsFile::ClientCa, path));
        Ok(Self {
            certificate: read(TlsFile::Certificate, &options.certificate)?,
            key: read(TlsFile::Key, &options.key)?,
            client_ca: client_ca.transpose()?,
        })
    }

    pub(super) fn configs(&self, options: &TlsOptions) -> Result<Configs, TlsError> {
        let pair = pem::pair(&self.certificate, &self.key).map_err(|error| match error {
            PairError::Certificate(error) => blame(TlsFile::Certificate, &options.certificate, error.into()),
            PairError::Key(error) => blame(TlsFile::Key, &options.key, error.into()),
        })?;
        let pair = Arc::new(pair);
        let browsers = Arc::new(config(&pair, None)?);
        let inside = match (&self.client_ca, &options.client_ca) {
            (Some(client_ca), Some(path)) => Arc::new(config(&pair, Some((client_ca, path)))?),
            _ => Arc::clone(&browsers),
        };
        Ok(Configs { inside, browsers })
    }
}

fn config(pair: &Arc<CertifiedKey>, client_ca: Option<(&[u8], &Path)>) -> Result<ServerConfig, TlsError> {
    let refused = |error: &dyn fmt::Display| TlsError::Refused(error.to_string());
    let builder = ServerConfig::builder_with_provider(pem::provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| refused(&error))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some((client_ca, path)) => {
            let roots = pem::authorities(client_ca);
            let roots = roots.map_err(|error| blame(TlsFile::ClientCa, path, error.into()))?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), pem::provider()).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refused(&error))?)
        }
    };
    let resolver = SingleCertAndKey::from(Arc::clone(pair));
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(file: TlsFile, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| blame(file, path, TlsFault::Unreadable(error.to_string())))
}

fn blame(file: TlsFile, path: &Path, fault: TlsFault) -> TlsError {
    TlsError::File { file, path: path.to_owned(), fault }
}
