//! TLS on our listeners: 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN, and certificates that are replaced while we serve.
//!
//! tonic's own TLS offers HTTP/2 alone, which would shut out curl, pages and OFREP. A new certificate is for new
//! handshakes; open connections keep the one that they began with.

mod files;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tracing::{info, warn};

use files::{Configs, Contents};
pub use files::{TlsError, TlsFault, TlsFile, TlsOptions};

use super::limits::{FAREWELL_BYTES_MAX, FAREWELL_TIMEOUT, HANDSHAKE_TIMEOUT, TLS_FILES_RHYTHM};
use super::problem::Problem;
use super::router::is_grpc;
use super::status::{with_reason, word};

/// The first byte of a TLS connection: a record that belongs to the handshake.
const HANDSHAKE_RECORD: u8 = 22;

/// The certificates of the moment.
pub struct Tls {
    options: TlsOptions,
    now: ArcSwap<Loaded>,
    /// Files that were refused, so that they are complained of once and not on every look.
    refused: Mutex<Option<TlsError>>,
    asked: Notify,
    handshakes_failed: AtomicUsize,
    reloads: AtomicUsize,
    reloads_refused: AtomicUsize,
}

struct Loaded {
    contents: Contents,
    configs: Configs,
}

/// Who connects to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Services, tools and people, who show a certificate when an authority for clients was named.
    Inside,
    /// Pages in browsers, which have none to show.
    Browsers,
}

/// TLS of one listener.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    tls: Arc<Tls>,
    side: Side,
}

/// A handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// What the other side sent, or what it thinks of us.
    #[error("{0}")]
    Failed(#[from] std::io::Error),
    /// It did not end in time.
    #[error("the handshake took too long")]
    TooLong,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub async fn load(options: TlsOptions) -> Result<Arc<Self>, TlsError> {
        let loaded = read(options.clone()).await?;
        Ok(Arc::new(Self {
            options,
            now: ArcSwap::from_pointee(loaded),
            refused: Mutex::default(),
            asked: Notify::new(),
            handshakes_failed: AtomicUsize::new(0),
            reloads: AtomicUsize::new(0),
            reloads_refused: AtomicUsize::new(0),
        }))
    }

    /// Asks for the files to be read again at once. Answers before they were.
    pub fn ask_to_reload(&self) {
        self.asked.notify_one();
    }

    /// Reads the files again whenever it is asked to, and on a rhythm; goes over to them when they have changed.
    pub async fn follow(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = stopping.cancelled() => return,
                () = self.asked.notified() => true,
                () = tokio::time::sleep(TLS_FILES_RHYTHM) => false,
            };
            self.reload(asked).await;
        }
    }

    async fn reload(&self, asked: bool) {
        match read(self.options.clone()).await {
            Ok(loaded) if loaded.contents == self.now.load().contents => {
                if self.note_refused(None) || asked {
                    info!("the TLS files hold what is in use already");
                }
            }
            Ok(loaded) => {
                self.now.store(Arc::new(loaded));
                self.note_refused(None);
                self.reloads.fetch_add(1, Ordering::Relaxed);
                info!(certificate = %self.options.certificate.display(), "new handshakes get the new certificate");
            }
            Err(error) => {
                if self.note_refused(Some(error.clone())) || asked {
                    self.reloads_refused.fetch_add(1, Ordering::Relaxed);
                    warn!(%error, "the new TLS files cannot be used: those before stay in use");
                }
            }
        }
    }

    /// Answers whether that is new.
    fn note_refused(&self, error: Option<TlsError>) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *refused != error;
        *refused = error;
        is_new
    }

    /// How many connections came to nothing for want of a handshake.
    #[must_use]
    pub fn handshakes_failed(&self) -> usize {
        self.handshakes_failed.load(Ordering::Relaxed)
    }

    /// How often new files were gone over to.
    #[must_use]
    pub fn reloads(&self) -> usize {
        self.reloads.load(Ordering::Relaxed)
    }

    /// How often new files could not be used.
    #[must_use]
    pub fn reloads_refused(&self) -> usize {
        self.reloads_refused.load(Ordering::Relaxed)
    }
}

/// There is nothing in it that a log should show.
impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("options", &self.options).finish_non_exhaustive()
    }
}

async fn read(options: TlsOptions) -> Result<Loaded, TlsError> {
    let read = tokio::task::spawn_blocking(move || {
        let contents = Contents::read(&options)?;
        let configs = contents.configs(&options)?;
        Ok(Loaded { contents, configs })
    });
    read.await.unwrap_or(Err(TlsError::NotRead))
}

impl ListenerTls {
    /// TLS of a listener.
    #[must_use]
    pub const fn new(tls: Arc<Tls>, side: Side) -> Self {
        Self { tls, side }
    }

    /// Whether a connection that begins with this byte wants TLS.
    pub(super) const fn is_meant(first: u8) -> bool {
        first == HANDSHAKE_RECORD
    }

    /// Somebody connected and did not come as far as a request for TLS.
    pub(super) fn count_failure(&self) {
        self.tls.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Agrees on keys with the other side, within [`HANDSHAKE_TIMEOUT`].
    pub(super) async fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let accept = TlsAcceptor::from(self.config()).accept(stream).into_fallible();
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, accept).await {
            Ok(Ok(agreed)) => Ok(agreed),
            Ok(Err((error, stream))) => {
                self.count_failure();
                hand_over_the_alert(stream).await;
                Err(HandshakeError::Failed(error))
            }
            Err(_elapsed) => {
                self.count_failure();
                Err(HandshakeError::TooLong)
            }
        }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let now = self.tls.now.load();
        Arc::clone(match self.side {
            Side::Inside => &now.configs.inside,
            Side::Browsers => &now.configs.browsers,
        })
    }
}

/// The alert says why, and by TLS 1.3 it crosses with the first request. To close while that lies unread would be a reset,
/// which takes the alert along.
async fn hand_over_the_alert(mut stream: TcpStream) {
    let read = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES_MAX), &mut tokio::io::sink()).await
    };
    let _gone_or_not = tokio::time::timeout(FAREWELL_TIMEOUT, read).await;
}

/// The router for those who speak plainly to a port that speaks TLS: it says so, in their protocol, and nothing else.
pub(super) fn only_by_tls() -> Router {
    Router::new().fallback(tls_required)
}

async fn tls_required(request: Request<Body>) -> Response<Body> {
    let words = "this port speaks TLS alone; use an https address";
    if is_grpc(&request) {
        return with_reason(Code::FailedPrecondition, word::TLS_REQUIRED, words).into_http();
    }
    Problem::new(StatusCode::BAD_REQUEST, word::TLS_REQUIRED, words).into_response()
}
