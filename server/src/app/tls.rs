//! TLS of a server that starts, and what is said to those who go without.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::warn;

use super::{Config, Running};
use crate::edge::tls::{ListenerTls, Side, Tls, TlsError, TlsOptions};

/// Reads the files, if there are any.
pub(super) async fn load(options: Option<&TlsOptions>) -> Result<Option<Arc<Tls>>, TlsError> {
    match options.cloned() {
        Some(options) => Tls::load(options).await.map(Some),
        None => Ok(None),
    }
}

/// TLS of one listener, if it is spoken at all.
pub(super) fn of(tls: Option<&Arc<Tls>>, side: Side) -> Option<ListenerTls> {
    tls.map(|tls| ListenerTls::new(Arc::clone(tls), side))
}

/// Other machines can reach the address: says what these may do.
pub(super) fn warn_of_strangers(config: &Config, address: SocketAddr) {
    if address.ip().is_loopback() {
        return;
    }
    match &config.tls {
        None => warn!(
            %address,
            "whoever reaches this address may read and change everything, and whoever is on the way may read along: \
             --tls-cert and --tls-key turn TLS on; there are no tokens yet"
        ),
        Some(TlsOptions { client_ca: None, .. }) => warn!(
            %address,
            "whoever reaches this address may read and change everything: there are no tokens yet; --tls-client-ca lets \
             only those in who have a certificate"
        ),
        Some(_) => {}
    }
}

impl Running {
    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Looks at the files of TLS now and not only on the rhythm, if there are any. Answers before they were read.
    pub fn reload_tls(&self) {
        if let Some(tls) = &self.tls {
            tls.ask_to_reload();
        }
    }
}
