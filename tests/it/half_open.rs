//! Connections that die without a word: the other side is there and hears nothing.

use std::time::Duration;

use mycelia_flags_sdk::{Client, ClientState};
use mycelia_flags_server::distribution::hub::HubOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::checker::Checked;
use crate::patience::{PATIENCE, eventually};
use crate::server::{Server, Wanted};

/// A proxy that can stop forwarding and keep its sockets open.
struct Proxy {
    url: String,
    stalled: watch::Sender<bool>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Proxy {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = server.running.address();
        let stalled = watch::Sender::new(false);
        let receiver = stalled.subscribe();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let mut pumps = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(upstream).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                pumps.spawn(pump(from_client, to_server, receiver.clone()));
                pumps.spawn(pump(from_server, to_client, receiver.clone()));
            }
        });
        Self { url, stalled, _tasks: tasks }
    }
}

/// Waits until the proxy is stalled, or is not; false when it is gone.
async fn reaches(stalled: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    stalled.wait_for(|stalled| *stalled == wanted).await.is_ok()
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // Stalled, nothing is read and nothing closed: the peers hear neither data nor an end.
        if !reaches(&mut stalled, false).await {
            return;
        }
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(bytes @ 1..) if to.write_all(&buffer[..bytes]).await.is_ok() => {}
                _ => return,
            },
            _ = reaches(&mut stalled, true) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_frees_a_stream_whose_peer_has_silently_gone() {
    let server = Server::in_memory().await;
    let proxy = Proxy::before(&server).await;
    let mut admin = server.admin().await;
    let _follower = Checked::follow(&proxy.url, "ui", "1").await;
    assert_eq!(admin.subscribers().await.len(), 1);
    proxy.stalled.send_replace(true);
    // HTTP/2 pings, twenty seconds apart, ten seconds of patience.
    eventually("the stream is freed", || async { admin.clone().subscribers().await.is_empty() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_notices_a_silent_server_and_comes_back_by_itself() {
    let hub = HubOptions { heartbeat: Duration::from_millis(100), ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let proxy = Proxy::before(&server).await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let client =
        Client::builder().server(&*proxy.url).environment("production").service("ui").connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    proxy.stalled.send_replace(true);
    eventually("stale", || async { client.status().state == ClientState::Stale }).await;
    admin.enable("dreams").await;
    proxy.stalled.send_replace(false);
    let user = mycelia_flags_sdk::Context::new("user-1");
    eventually("the change that was missed", || async { client.bool_value("dreams", false, &user) }).await;
    eventually("ready", || async { client.status().state == ClientState::Ready }).await;
    client.close().await;
    server.running.stop().await;
}
