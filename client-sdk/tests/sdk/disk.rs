//! The last known good state: what a client starts with while the server is down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mycelia_flags_sdk::{Client, ClientBuilder, ClientState, Context, ErrorCode, Origin, Reason};

use crate::fake_server::{FakeServer, bring_up, client, flags, free_address, in_time, until};

fn only_file(directory: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

/// A directory with the state of revision 3, and the address of the server that it is bound to, which is gone.
async fn recorded(directory: &Path) -> std::net::SocketAddr {
    let mut server = FakeServer::start().await;
    let client = server.client().cache_dir(directory).connect().unwrap();
    let _subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
    client.close().await;
    tokio::task::spawn_blocking(move || server.die()).await.unwrap()
}

fn shows(client: &Client) -> (bool, Option<ErrorCode>) {
    let details = client.bool_details("dreams", false, &Context::anonymous());
    (details.value, details.error_code)
}

#[tokio::test]
async fn a_client_starts_with_the_last_known_good_state_and_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let address = recorded(directory.path()).await;
    let client = client(address).cache_dir(directory.path()).connect().unwrap();
    // In force when `connect` returns.
    let details = client.bool_details("dreams", false, &Context::anonymous());
    assert!(details.value && matches!(details.reason, Reason::Cached | Reason::Stale));
    assert!(details.stale.is_some() && details.resolution_reason.is_some());
    assert_eq!(details.revision, 3);
    assert_eq!(client.status().origin, Origin::Disk);
    let not_ready = client.ready(Duration::from_millis(30)).await.unwrap_err();
    assert!(not_ready.to_string().contains("serving revision 3"), "{not_ready}");
    until(&client, |status| status.state == ClientState::Stale && status.last_error.is_some()).await;
    let details = client.bool_details("dreams", false, &Context::anonymous());
    assert_eq!((details.value, details.reason), (true, Reason::Stale));

    let mut server = FakeServer::start_at(address).await;
    let subscriber = server.subscriber().await;
    assert_eq!(subscriber.request.known_revision, 3);
    assert_eq!(subscriber.request.known_epoch, "epoch-1");
    subscriber.welcome_back(3, &flags(&[("dreams", true)])).await;
    in_time(client.ready(Duration::from_secs(10))).await.unwrap();
    let details = client.bool_details("dreams", false, &Context::anonymous());
    assert_eq!((details.value, details.reason, details.stale), (true, Reason::Static, None));
    client.close().await;
}

#[tokio::test]
async fn the_state_belongs_to_server_environment_and_service() {
    let directory = tempfile::tempdir().unwrap();
    let address = recorded(directory.path()).await;
    let elsewhere = free_address().await;
    let mine = only_file(directory.path());
    let others: [(&str, ClientBuilder); 3] = [
        ("service", client(address).service("agent")),
        ("environment", client(address).environment("staging")),
        ("server", client(elsewhere)),
    ];
    for (what, builder) in others {
        let client = builder.clone().cache_dir(directory.path()).connect().unwrap();
        assert_eq!(shows(&client), (false, Some(ErrorCode::ProviderNotReady)), "{what}");
        client.close().await;
        // As a bootstrap file it serves anybody who asks for it.
        let client = builder.bootstrap(&mine).connect().unwrap();
        assert_eq!(shows(&client), (true, None), "{what}");
        assert_eq!(client.status().origin, Origin::Bootstrap);
        client.close().await;
    }
    let offline = client(address).offline().bootstrap(&mine).connect().unwrap();
    let details = offline.bool_details("dreams", false, &Context::anonymous());
    assert_eq!((details.value, details.reason), (true, Reason::Static));
    assert!(client(address).offline().bootstrap("/nowhere").connect().is_ok());
}

#[tokio::test]
async fn a_file_of_no_use_is_ignored_and_replaced_by_the_next_good_state() {
    type Spoil = fn(&Path, &[u8]);
    let cases: [(&str, Spoil); 7] = [
        ("empty", |file, _| fs::write(file, b"").unwrap()),
        ("truncated", |file, good| fs::write(file, &good[..good.len() / 2]).unwrap()),
        ("garbage", |file, _| fs::write(file, b"{\"flags\":{}}").unwrap()),
        ("checksum", |file, good| {
            let mut bad = good.to_vec();
            *bad.last_mut().unwrap() ^= 1;
            fs::write(file, bad).unwrap();
        }),
        ("newer format", |file, good| {
            let mut bad = good.to_vec();
            bad[8] = 99;
            fs::write(file, bad).unwrap();
        }),
        ("gone", |_, _| {}),
        ("fifo", |file, _| {
            let made = std::process::Command::new("mkfifo").arg(file).status();
            assert!(made.is_ok_and(|made| made.success()));
        }),
    ];
    for (what, spoil) in cases {
        let directory = tempfile::tempdir().unwrap();
        let address = recorded(directory.path()).await;
        let file = only_file(directory.path());
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        spoil(&file, &good);
        let first = client(address).cache_dir(directory.path()).connect().unwrap();
        assert_eq!(shows(&first), (false, Some(ErrorCode::ProviderNotReady)), "{what}");
        let mut server = FakeServer::start_at(address).await;
        let subscriber = bring_up(&mut server, &first, 4, &flags(&[("dreams", true)])).await;
        assert_eq!(subscriber.request.known_revision, 0);
        first.close().await;
        drop(server);
        let second = client(address).offline().cache_dir(directory.path()).connect().unwrap();
        assert_eq!(shows(&second), (true, None), "{what}");
        assert_eq!(second.status().revision, 4);
    }
}

#[tokio::test]
async fn a_cache_directory_that_cannot_be_written_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("file");
    fs::write(&blocked, b"no directory").unwrap();
    let mut server = FakeServer::start().await;
    let client = server.client().cache_dir(&blocked).connect().unwrap();
    let _subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
    assert_eq!(shows(&client), (true, None));
    in_time(client.close()).await;
    assert_eq!(client.tasks(), 0);
}

#[tokio::test]
async fn what_arrives_is_on_disk_soon_without_closing() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = FakeServer::start().await;
    let client = server.client().cache_dir(directory.path()).connect().unwrap();
    let first = flags(&[("dreams", true)]);
    let second = flags(&[("dreams", false)]);
    let subscriber = bring_up(&mut server, &client, 3, &first).await;
    subscriber.delta(3, 4, &first, &second).await;
    let kept = || {
        let reader = server.client().offline().cache_dir(directory.path()).connect().unwrap();
        reader.status().revision
    };
    in_time(async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(20));
        while kept() != 4 {
            rhythm.tick().await;
        }
    })
    .await;
    client.close().await;
    drop(client);
}
