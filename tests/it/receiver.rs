//! Somebody who is told: an HTTP server in this process that keeps what it was sent, and answers as the story wants.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::serve::Listener;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode, Uri};
use mycelia_flags_server::tasks::Tasks;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What every webhook of the stories is signed with.
pub(crate) const SECRET: &str = "whsec_of_the_stories";

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// What it was answered.
    pub(crate) status: u16,
    pub(crate) path: String,
    signature: String,
    pub(crate) body: Bytes,
}

impl Taken {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The verification of `docs/notifications.md`; answers the moment that was signed.
    pub(crate) fn verified(&self) -> i64 {
        let (moment, hex) = self.signature.split_once(",v1=").unwrap();
        let moment = moment.strip_prefix("t=").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{moment}.").as_bytes());
        mac.update(&self.body);
        let code: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        mac.verify_slice(&code).unwrap();
        moment.parse().unwrap()
    }
}

#[derive(Debug, Default)]
struct Kept {
    taken: Vec<Taken>,
    /// What the next requests are answered; afterwards `usual`.
    next: VecDeque<u16>,
    usual: u16,
}

/// Connections that are secured from their first byte on. Who breaks the handshake off has come to nothing.
struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// The receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    _tasks: Tasks,
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = kept.lock().unwrap();
    let status = kept.next.pop_front().unwrap_or(kept.usual);
    let signature = headers.get("mycelia-signature").map_or("", |value| value.to_str().unwrap());
    let (path, signature) = (uri.path().to_owned(), signature.to_owned());
    kept.taken.push(Taken { status, path, signature, body });
    StatusCode::from_u16(status).unwrap()
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(listener, url)
    }

    /// The same by TLS, with a certificate for `localhost` unless it is for somebody else.
    pub(crate) async fn secured(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        Self::serve(Secured { listener, acceptor }, url)
    }

    fn serve<L>(listener: L, url: String) -> Self
    where
        L: Listener<Addr: std::fmt::Debug>,
    {
        let kept = Arc::new(Mutex::new(Kept { usual: 200, ..Kept::default() }));
        let (app, tasks) = (Router::new().fallback(take).with_state(Arc::clone(&kept)), Tasks::default());
        let stopping = tasks.stopping().clone();
        tasks.spawn(async move {
            let serving = async { axum::serve(listener, app).await.unwrap() };
            stopping.run_until_cancelled(serving).await;
        });
        Self { url, kept, _tasks: tasks }
    }

    /// What is answered from now on.
    pub(crate) fn answers(&self, next: &[u16], usual: u16) {
        let mut kept = self.kept.lock().unwrap();
        kept.next = next.iter().copied().collect();
        kept.usual = usual;
    }

    /// Everything that came.
    pub(crate) fn all(&self) -> Vec<Taken> {
        self.kept.lock().unwrap().taken.clone()
    }

    /// What was accepted.
    pub(crate) fn accepted(&self) -> Vec<Value> {
        self.all().iter().filter(|taken| taken.status == 200).map(Taken::json).collect()
    }

    /// The types and words of what was accepted.
    pub(crate) fn told(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.accepted().iter().map(|notice| (text(&notice["type"]), text(&notice["words"]))).collect()
    }

    /// The types of what was accepted.
    pub(crate) fn types(&self) -> Vec<String> {
        self.told().into_iter().map(|(kind, _)| kind).collect()
    }
}
