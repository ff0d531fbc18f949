//! Where the server is, and what is said about TLS with it.

use mycelia_flags_proto::client_tls::{ClientTls, ClientTlsError};
use tonic::transport::Uri;

use crate::builder::BuildError;

/// The URL without a slash at its end.
pub(crate) fn check_server(url: &str) -> Result<String, BuildError> {
    let wrong = |why| BuildError::Server { url: url.to_owned(), why };
    let trimmed = url.trim_end_matches('/');
    let Ok(uri) = trimmed.parse::<Uri>() else {
        return Err(wrong("not a URL"));
    };
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(wrong("expected http://HOST:PORT or https://HOST:PORT")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("expected http://HOST:PORT"));
    }
    if !uri.path().trim_matches('/').is_empty() || uri.query().is_some() {
        return Err(wrong("expected no path: http://HOST:PORT"));
    }
    Ok(trimmed.to_owned())
}

/// Whom to trust and who one is, as far as that was said.
pub(crate) fn check_tls(
    server: &str,
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<ClientTls, BuildError> {
    let what = if ca.is_some() { "tls_ca" } else { "tls_identity" };
    let is_plain = server.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http"));
    // Whoever gives a certificate does not mean to speak without TLS.
    if is_plain && (ca.is_some() || identity.is_some()) {
        let why = "the server's URL is http, which is never TLS; expected https://HOST:PORT".to_owned();
        return Err(BuildError::Tls { what, why });
    }
    let mut tls = ClientTls::default();
    if let Some(ca) = ca {
        tls = tls.ca(ca)?;
    }
    if let Some((certificate, key)) = identity {
        tls = tls.identity(certificate, key)?;
    }
    Ok(tls)
}

impl From<ClientTlsError> for BuildError {
    fn from(error: ClientTlsError) -> Self {
        let (what, why) = match error {
            ClientTlsError::Ca(error) => ("tls_ca", error.to_string()),
            ClientTlsError::Certificate(error) => ("tls_identity: the certificate", error.to_string()),
            ClientTlsError::Key(error) => ("tls_identity: the key", error.to_string()),
            ClientTlsError::Unusable(why) => ("TLS", why),
        };
        Self::Tls { what, why }
    }
}
