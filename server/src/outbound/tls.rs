//! TLS towards others: rustls with ring, and the certificates that the system trusts (docs/adr/0017).

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

/// Read when the first `https` address is spoken to: a server that has none never looks.
static TRUSTED: OnceCell<Result<Arc<ClientConfig>, String>> = OnceCell::const_new();

/// What every connection shares. `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates than the system's.
pub(super) async fn config() -> Result<Arc<ClientConfig>, String> {
    let load = || async {
        let loaded = tokio::task::spawn_blocking(load).await;
        loaded.unwrap_or_else(|_panicked_or_cancelled| Err("the certificates could not be read".to_owned()))
    };
    TRUSTED.get_or_init(load).await.clone()
}

fn load() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        return Err(format!(
            "no trusted certificates on this machine: install ca-certificates or set SSL_CERT_FILE{why}"
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
