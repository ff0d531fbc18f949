//! The accept loop: what a connection may cost, and when it ends.
//!
//! tonic's own server leaves two floods open, keeps silent peers for ever and never ends a graceful stop while a
//! stream is open; hence hyper's connection builder under our own limits.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::gate::Gate;
use super::limits::{
    CONNECTION_AGE_MAX, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, FIRST_BYTES_TIMEOUT,
    FIRST_REQUEST_TIMEOUT, HEADER_BYTES_MAX, HEADER_READ_TIMEOUT, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    LOCAL_ERROR_RESETS_MAX, PENDING_RESETS_MAX, SEND_BUFFER_BYTES, STREAMS_PER_CONNECTION_MAX,
};
use super::sync::Peer;
use super::tls::{ListenerTls, only_by_tls};
use crate::tasks::Tasks;

/// The connections of a server.
#[derive(Debug)]
pub struct Connections {
    gate: Arc<Gate>,
    tls: Option<ListenerTls>,
    /// Answers those who speak plainly to a port of TLS.
    plainly: Arc<Gate>,
    tasks: Tasks,
    slots: Arc<Semaphore>,
    by_address: Mutex<BTreeMap<IpAddr, usize>>,
    open: AtomicUsize,
    refused: AtomicUsize,
    /// Connections finish what they have begun, and end.
    closing: CancellationToken,
}

impl Connections {
    /// No connections yet. With TLS, nobody is served without it.
    #[must_use]
    pub fn new(gate: Arc<Gate>, tls: Option<ListenerTls>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            tls,
            plainly: Gate::new(only_by_tls()),
            tasks: Tasks::default(),
            slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            by_address: Mutex::default(),
            open: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            closing: CancellationToken::new(),
        })
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many connections were refused because of their address.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Accepts connections until it is told to stop.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, stopping: CancellationToken) {
        let mut trouble = 0_u32;
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => return,
                permit = Arc::clone(&self.slots).acquire_owned() => match permit {
                    Ok(permit) => permit,
                    Err(_closed) => return,
                },
            };
            let (stream, address) = tokio::select! {
                () = stopping.cancelled() => return,
                incoming = listener.accept() => match incoming {
                    Ok(incoming) => incoming,
                    Err(error) => {
                        // Out of file descriptors, most likely: trying again at once would burn a core.
                        if trouble.is_multiple_of(100) {
                            warn!(%error, "cannot accept connections");
                        }
                        trouble = trouble.saturating_add(1);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            trouble = 0;
            if !self.take_address(address.ip()) {
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let connections = Arc::clone(&self);
            self.tasks.spawn(async move {
                connections.open.fetch_add(1, Ordering::Relaxed);
                connections.serve(stream, address).await;
                connections.open.fetch_sub(1, Ordering::Relaxed);
                connections.give_address(address.ip());
                drop(accepted);
            });
        }
    }

    /// Lets connections finish what they have begun; cuts those that have not after a while.
    pub async fn close(&self, patience: Duration) {
        self.closing.cancel();
        let stopped = tokio::time::timeout(patience, async {
            while self.open() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        if stopped.await.is_err() {
            warn!(connections = self.open(), "connections did not end in time and are cut");
        }
        self.tasks.stop().await;
    }

    async fn serve(&self, stream: TcpStream, address: SocketAddr) {
        configure(&stream);
        let mut first = [0_u8; 4];
        let peeked = tokio::time::timeout(FIRST_BYTES_TIMEOUT, stream.peek(&mut first));
        match self.closing.run_until_cancelled(peeked).await {
            Some(Ok(Ok(1..))) => {}
            _ => return debug!(%address, "a connection stayed silent or closed at once"),
        }
        let age_max = CONNECTION_AGE_MAX.mul_f64(0.8 + fastrand::f64() * 0.4);
        let Some(tls) = &self.tls else {
            return self.converse(stream, address, &self.gate, age_max).await;
        };
        let [first, ..] = first;
        if !ListenerTls::is_meant(first) {
            tls.count_failure();
            debug!(%address, "a connection does not speak TLS");
            return self.converse(stream, address, &self.plainly, FIRST_BYTES_TIMEOUT).await;
        }
        // Apart: every connection would keep the room that this one takes.
        Box::pin(self.serve_tls(tls, stream, address, age_max)).await;
    }

    async fn serve_tls(&self, tls: &ListenerTls, stream: TcpStream, address: SocketAddr, age_max: Duration) {
        match self.closing.run_until_cancelled(tls.shake_hands(stream)).await {
            Some(Ok(stream)) => self.converse(stream, address, &self.gate, age_max).await,
            Some(Err(error)) => debug!(%address, %error, "a TLS handshake failed"),
            None => {}
        }
    }

    /// Answers requests until the connection ends; takes no new ones once it is that old.
    async fn converse<I>(&self, stream: I, address: SocketAddr, gate: &Arc<Gate>, age_max: Duration)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer { address, cut: self.tasks.stopping().child_token() };
        let cut = peer.cut.clone();
        let has_asked = Arc::new(AtomicBool::new(false));
        let service = {
            let gate = Arc::clone(gate);
            let has_asked = Arc::clone(&has_asked);
            service_fn(move |request: Request<Incoming>| {
                has_asked.store(true, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer.clone());
                let gate = Arc::clone(&gate);
                async move { Ok::<_, Infallible>(gate.answer(request).await) }
            })
        };
        let builder = connection_builder(self.tasks.clone());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut age = pin!(tokio::time::sleep(age_max));
        let mut first_request = pin!(tokio::time::sleep(FIRST_REQUEST_TIMEOUT));
        let mut closing = false;
        let mut first_looked_at = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        debug!(%address, %error, "a connection ended with an error");
                    }
                    return;
                }
                () = cut.cancelled() => return,
                () = first_request.as_mut(), if !first_looked_at => {
                    first_looked_at = true;
                    if !has_asked.load(Ordering::Relaxed) {
                        return debug!(%address, "a connection sent no request");
                    }
                }
                () = age.as_mut(), if !closing => { closing = true; connection.as_mut().graceful_shutdown(); }
                () = self.closing.cancelled(), if !closing => { closing = true; connection.as_mut().graceful_shutdown(); }
            }
        }
    }

    fn take_address(&self, address: IpAddr) -> bool {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        let free = *count < CONNECTIONS_PER_ADDRESS_MAX;
        *count += usize::from(free);
        free
    }

    fn give_address(&self, address: IpAddr) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

fn configure(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10));
    let set =
        stream.set_nodelay(true).and_then(|()| socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        debug!(%error, "a socket option could not be set");
    }
}

fn connection_builder(tasks: Tasks) -> auto::Builder<TaskExecutor> {
    let mut builder = auto::Builder::new(TaskExecutor(tasks));
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT).keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_local_error_reset_streams(LOCAL_ERROR_RESETS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    builder
}

/// Runs hyper's tasks, one for each HTTP/2 stream, among ours.
#[derive(Debug, Clone)]
struct TaskExecutor(Tasks);

impl<F> hyper::rt::Executor<F> for TaskExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
