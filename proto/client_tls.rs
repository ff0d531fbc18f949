//! How our clients speak TLS: whom they trust, who they are, and why a connection failed when TLS was the reason.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::pem::{self, PairError, PemError};

/// Whom a client trusts, and who it is. Nothing said means: the authorities of the system, and nobody.
#[derive(Clone, Default)]
pub struct ClientTls {
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What a client was told about TLS does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientTlsError {
    /// The authorities.
    Ca(PemError),
    /// The client's own certificate.
    Certificate(PemError),
    /// The client's own key.
    Key(PemError),
    /// TLS is not possible here; for want of authorities, most likely.
    Unusable(String),
}

impl ClientTls {
    /// Trusts these authorities, as PEM, and no longer those of the system.
    ///
    /// # Errors
    /// [`ClientTlsError::Ca`].
    pub fn ca(mut self, ca_pem: Vec<u8>) -> Result<Self, ClientTlsError> {
        pem::authorities(&ca_pem).map_err(ClientTlsError::Ca)?;
        self.ca = Some(ca_pem);
        Ok(self)
    }

    /// Shows this certificate to a server that asks for one.
    ///
    /// # Errors
    /// [`ClientTlsError::Certificate`] and [`ClientTlsError::Key`].
    pub fn identity(mut self, certificate_pem: Vec<u8>, key_pem: Vec<u8>) -> Result<Self, ClientTlsError> {
        match pem::pair(&certificate_pem, &key_pem) {
            Ok(_pair) => self.identity = Some((certificate_pem, key_pem)),
            Err(PairError::Certificate(error)) => return Err(ClientTlsError::Certificate(error)),
            Err(PairError::Key(error)) => return Err(ClientTlsError::Key(error)),
        }
        Ok(self)
    }

    /// The endpoint, by TLS when its address is `https`. Reads the authorities of the system if they are needed.
    ///
    /// # Errors
    /// [`ClientTlsError::Unusable`].
    pub fn secure(&self, endpoint: Endpoint) -> Result<Endpoint, ClientTlsError> {
        if endpoint.uri().scheme_str() != Some("https") {
            return Ok(endpoint);
        }
        let mut config = match &self.ca {
            Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(config).map_err(|error| ClientTlsError::Unusable(last_cause(&error)))
    }
}

/// A key is no matter for a log.
impl fmt::Debug for ClientTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ca, identity) = (self.ca.is_some(), self.identity.is_some());
        formatter.debug_struct("ClientTls").field("ca", &ca).field("identity", &identity).finish()
    }
}

fn last_cause(error: &dyn Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// What rustls says of a server that wants a certificate, or another one.
const REFUSALS: [&str; 4] = [
    "fatal alert: CertificateRequired",
    "fatal alert: UnknownCA",
    "fatal alert: BadCertificate",
    "fatal alert: CertificateExpired",
];

/// Why there is no TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsTrouble {
    /// Nobody whom the client trusts vouches for the server's certificate.
    Untrusted,
    /// The certificate is an authority's own, which no client takes for a server's: `openssl req -x509` makes such ones.
    AuthorityItself,
    /// The certificate is for other names.
    WrongName,
    /// The certificate is no longer valid.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The other side speaks something else, plain HTTP most likely.
    NotTls,
    /// The server lets nobody in without a valid certificate of an authority of its own.
    CertificateWanted,
    /// Anything else, in rustls' words.
    Other(String),
}

impl TlsTrouble {
    /// What TLS has to do with an error; none when it has nothing to do with it.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut looked_at = Some(error);
        while let Some(error) = looked_at {
            // An `io::Error` hides what it was made from: its source is the source of that.
            let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let inside = inside.and_then(|inside| inside.downcast_ref::<TlsError>());
            if let Some(error) = error.downcast_ref::<TlsError>().or(inside) {
                return Some(Self::named(error));
            }
            // By TLS 1.3 a refused certificate is heard of by HTTP/2, which keeps no more of an error than its words.
            if REFUSALS.iter().any(|words| error.to_string().ends_with(words)) {
                return Some(Self::CertificateWanted);
            }
            looked_at = error.source();
        }
        None
    }

    fn named(error: &TlsError) -> Self {
        match error {
            // The last two are of an authority that is called like a trusted one, and is another.
            TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            ) => Self::Untrusted,
            // webpki has a name for it, and rustls hands on nothing but that.
            TlsError::InvalidCertificate(CertificateError::Other(other))
                if other.to_string().contains("CaUsedAsEndEntity") =>
            {
                Self::AuthorityItself
            }
            TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::WrongName,
            TlsError::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => Self::Expired,
            TlsError::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            ) => Self::NotYetValid,
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            TlsError::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired,
            ) => Self::CertificateWanted,
            other => Self::Other(other.to_string()),
        }
    }

    /// What is wrong, in words that follow the server's address.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Untrusted => "its certificate comes from an authority that is not trusted here".to_owned(),
            Self::AuthorityItself => {
                "its certificate is an authority's own (CA:TRUE), which is none for a server".to_owned()
            }
            Self::WrongName => "its certificate is for another name".to_owned(),
            Self::Expired => "its certificate has expired".to_owned(),
            Self::NotYetValid => "its certificate is not valid yet".to_owned(),
            Self::NotTls => "it does not speak TLS".to_owned(),
            Self::CertificateWanted => {
                "it asks for a certificate of the client, of an authority that it trusts".to_owned()
            }
            Self::Other(words) => words.clone(),
        }
    }
}
