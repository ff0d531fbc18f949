//! Certificates and private keys as PEM, which is how every side of a TLS connection is given them.
//!
//! What is deliberately absent: files, and words about options. Who read the text knows where it came from.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as SyntaxError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};

/// A text is not the PEM that it should be. The words follow a file's name, and never hold anything of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no certificate in it.
    #[error("it holds no certificate; expected PEM with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// There is no private key in it.
    #[error("it holds no private key; expected PEM with -----BEGIN PRIVATE KEY-----")]
    NoKey,
    /// The private key is behind a passphrase.
    #[error("its private key is encrypted; expected a key without a passphrase")]
    EncryptedKey,
    /// It begins like PEM and does not go on so.
    #[error("it is not PEM: {0}")]
    Syntax(&'static str),
    /// A certificate in it cannot be used.
    #[error("certificate {number} in it cannot be used: {why}")]
    Certificate {
        /// Which one; the first is 1.
        number: usize,
        /// Why.
        why: String,
    },
    /// The private key in it cannot be used.
    #[error("its private key cannot be used; expected an RSA, ECDSA (P-256, P-384) or Ed25519 key")]
    Key,
    /// The private key belongs to another certificate.
    #[error("its private key does not belong to the certificate")]
    Mismatch,
}

/// The cryptography that everything of ours uses: ring's.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// All certificates of a text, in their order.
///
/// # Errors
/// When there is none, or the text is broken.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(syntax)?;
    if found.is_empty() { Err(PemError::NoCertificate) } else { Ok(found) }
}

/// The authorities of a text: who may vouch for the other side.
///
/// # Errors
/// When there is none, or one cannot be used.
pub fn authorities(pem: &[u8]) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(pem)?.into_iter().enumerate() {
        let added = roots.add(certificate);
        added.map_err(|error| PemError::Certificate { number: index + 1, why: error.to_string() })?;
    }
    Ok(roots)
}

/// The private key of a text.
///
/// # Errors
/// When there is none, or the text is broken.
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    let says = |words: &[u8]| pem.windows(words.len()).any(|window| window == words);
    match PrivateKeyDer::from_pem_slice(pem) {
        _ if says(b"-----BEGIN ENCRYPTED PRIVATE KEY") || says(b"Proc-Type: 4,ENCRYPTED") => {
            Err(PemError::EncryptedKey)
        }
        Ok(key) => Ok(key),
        Err(SyntaxError::NoItemsFound) => Err(PemError::NoKey),
        Err(error) => Err(syntax(error)),
    }
}

/// What a pair is made of, told apart so that an error can name the right one of two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairError {
    /// The certificates are wrong.
    Certificate(PemError),
    /// The key is wrong, or not theirs.
    Key(PemError),
}

/// A chain of certificates, the own one first, with its private key.
///
/// # Errors
/// When one of them cannot be used, or they do not belong together.
pub fn pair(certificate_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, PairError> {
    let chain = certificates(certificate_pem).map_err(PairError::Certificate)?;
    let key = private_key(key_pem).map_err(PairError::Key)?;
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|_says_no_more| PairError::Key(PemError::Key))?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(TlsError::InconsistentKeys(_)) => Err(PairError::Key(PemError::Mismatch)),
        Err(error) => {
            Err(PairError::Certificate(PemError::Certificate { number: 1, why: error.to_string() }))
        }
    }
}

/// rustls prints lines of the text as numbers, and of a key that would be too much.
fn syntax(error: SyntaxError) -> PemError {
    PemError::Syntax(match error {
        SyntaxError::MissingSectionEnd { .. } => "a section has no -----END line",
        SyntaxError::IllegalSectionStart { .. } => "a -----BEGIN line is broken",
        SyntaxError::Base64Decode(_) => "a section is not base64",
        SyntaxError::SectionTooLarge => "a section is too large",
        _ => "it cannot be read",
    })
}
