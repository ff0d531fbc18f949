//! The SDK and servers that come and go.

use std::net::SocketAddr;
use std::time::Duration;

use mycelia_flags_sdk::{Backoff, Client, ClientState, Context};

use crate::patience::{eventually, within};
use crate::server::{Admin, Wanted};

fn client(url: &str, service: &str) -> mycelia_flags_sdk::ClientBuilder {
    let mut backoff = Backoff::default();
    (backoff.base, backoff.cap) = (Duration::from_millis(20), Duration::from_millis(500));
    Client::builder().server(url).environment("production").service(service).backoff(backoff)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_streams_survive_a_restart_and_come_back_at_different_times() {
    let folder = tempfile::tempdir().unwrap();
    let server = Wanted::on_disk(folder.path()).start().await;
    let address = server.running.address();
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let clients: Vec<Client> = (0..500).map(|_| client(&server.url, "runner").connect().unwrap()).collect();
    for client in &clients {
        client.ready(crate::patience::PATIENCE).await.unwrap();
    }
    eventually("all have subscribed", || async { admin.clone().subscribers().await.len() == 500 }).await;
    within("stop", server.running.stop()).await;

    let server = Wanted { listen: address, ..Wanted::on_disk(folder.path()) }.start().await;
    let mut admin = server.admin().await;
    let revision = admin.enable("dreams").await;
    eventually("all have applied the change", || async {
        let subscribers = admin.clone().subscribers().await;
        subscribers.len() == 500
            && subscribers.iter().all(|subscriber| subscriber.applied_revision == revision)
    })
    .await;
    for client in &clients {
        assert!(client.bool_value("dreams", false, &Context::new("user-1")));
    }
    let mut arrivals: Vec<i64> = Vec::new();
    for subscriber in admin.subscribers().await {
        let at = subscriber.connected_at.unwrap();
        arrivals.push(at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000);
    }
    arrivals.sort_unstable();
    // The server asks 500 streams to come back over a second; nobody needs to be told twice.
    let (first, last) = (arrivals[0], arrivals[499]);
    let busiest = arrivals
        .iter()
        .map(|at| arrivals.iter().filter(|other| (0..100).contains(&(*other - at))).count())
        .max();
    println!("500 streams came back over {} ms; at most {} in any 100 ms", last - first, busiest.unwrap());
    assert!(last - first > 300, "spread by jitter: {} ms", last - first);
    assert!(busiest.unwrap() < 250, "no storm: {busiest:?} in 100 ms");
    for client in clients {
        client.close().await;
    }
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_server_serves_what_it_knew_and_recovers_alone() {
    let (store, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Wanted::on_disk(store.path()).start().await;
    let (url, address) = (server.url.clone(), server.running.address());
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    admin.enable("dreams").await;
    let user = Context::new("user-1");
    let first = client(&url, "runner").cache_dir(cache.path()).connect().unwrap();
    first.ready(crate::patience::PATIENCE).await.unwrap();
    assert!(first.bool_value("dreams", false, &user));
    first.close().await;
    within("stop", server.running.stop()).await;

    let cold = client(&url, "runner").connect().unwrap();
    assert!(!cold.bool_value("dreams", false, &user), "an empty disk and no server: the caller's default");
    assert!(cold.bool_value("dreams", true, &user));
    let warm = client(&url, "runner").cache_dir(cache.path()).connect().unwrap();
    assert!(warm.bool_value("dreams", false, &user), "the last known good from the disk");
    let stale = || async {
        let details = warm.bool_details("dreams", false, &user);
        details.value && details.reason.as_str() == "STALE" && details.stale.is_some()
    };
    eventually("it says that the state is stale, and how old it is", stale).await;

    let server = Wanted { listen: address, ..Wanted::on_disk(store.path()) }.start().await;
    let mut admin = Admin::connect(&server.url).await;
    for client in [&cold, &warm] {
        eventually("ready again", || async { client.status().state == ClientState::Ready }).await;
        assert!(client.bool_value("dreams", false, &user));
    }
    admin.disable("dreams").await;
    for client in [&cold, &warm] {
        eventually("the change", || async { !client.bool_value("dreams", true, &user) }).await;
    }
    cold.close().await;
    warm.close().await;
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_without_a_word_is_noticed_and_forgiven() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::binary::free_port();
    let listen = format!("127.0.0.1:{port}");
    let address: SocketAddr = listen.parse().unwrap();
    let server = crate::binary::Process::serve_with(folder.path(), &[], &["--listen", &listen]);
    let mut admin = Admin::connect(&server.url).await;
    admin.create("dreams").await;
    let client = client(&server.url, "ui").connect().unwrap();
    client.ready(crate::patience::PATIENCE).await.unwrap();
    server.kill();
    eventually("stale", || async { client.status().state == ClientState::Stale }).await;
    assert!(!client.bool_value("dreams", true, &Context::new("user-1")), "the last known state goes on");
    let server = Wanted { listen: address, ..Wanted::on_disk(folder.path()) }.start().await;
    let mut admin = server.admin().await;
    admin.enable("dreams").await;
    eventually("the change", || async { client.bool_value("dreams", false, &Context::new("user-1")) }).await;
    client.close().await;
    server.running.stop().await;
}
