//! The end of a client leaves nothing behind.

use std::time::Duration;

use mycelia_flags_sdk::{ClientState, Context, Reason};
use tokio::runtime::Handle;
use tonic::Status;

use crate::fake_server::{FakeServer, bring_up, client, flags, free_address, in_time, until};

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until this runtime has no more tasks than before.
async fn settled(before: usize) {
    in_time(async {
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn close_leaves_no_task_and_no_stream_and_keeps_the_values() {
    let mut server = FakeServer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let before = tasks();
    let client = server.client().cache_dir(directory.path()).connect().unwrap();
    let subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
    assert!(client.tasks() >= 2 && tasks() > before);
    tokio::time::timeout(Duration::from_secs(2), client.close()).await.unwrap();
    assert_eq!((client.tasks(), tasks()), (0, before));
    subscriber.gone().await;
    assert_eq!(client.status().state, ClientState::Closed);
    let details = client.bool_details("dreams", false, &Context::anonymous());
    assert_eq!((details.value, details.reason), (true, Reason::Stale));
    let not_ready = client.ready(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(not_ready.status.state, ClientState::Closed);
    client.close().await;
    assert_eq!(*server.attempts().borrow(), 1, "nobody came back");
}

#[tokio::test]
async fn close_works_at_every_moment() {
    let mut server = FakeServer::start().await;
    let before = tasks();
    let nowhere = free_address().await;
    // At once; while waiting for the next attempt; while waiting for a Welcome; between Welcome and snapshot.
    for moment in 0..4 {
        let address = if moment == 1 { nowhere } else { server.address };
        let client = client(address).connect().unwrap();
        let subscriber = match moment {
            1 => {
                until(&client, |status| status.attempts > 1).await;
                None
            }
            2 | 3 => Some(server.subscriber().await),
            _ => None,
        };
        if let (3, Some(subscriber)) = (moment, &subscriber) {
            subscriber.welcome(3).await;
        }
        tokio::time::timeout(Duration::from_secs(2), client.close()).await.unwrap();
        assert_eq!((client.tasks(), tasks()), (0, before), "moment {moment}");
    }
}

#[tokio::test]
async fn closing_twice_at_once_is_fine() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let _subscriber = bring_up(&mut server, &client, 3, &flags(&[])).await;
    let other = client.clone();
    tokio::join!(client.close(), other.close());
    assert_eq!(client.tasks(), 0);
}

#[tokio::test]
async fn dropping_the_last_clone_and_handle_ends_everything() {
    let mut server = FakeServer::start().await;
    let before = tasks();
    let client = server.client().connect().unwrap();
    let subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
    let mut changes = client.changes();
    let status = client.watch_status();
    let handle = client.flag("dreams");
    drop(client);
    assert!(handle.bool(false, &Context::anonymous()), "a handle keeps its client");
    assert_eq!(status.borrow().state, ClientState::Ready);
    drop(handle);
    subscriber.gone().await;
    assert_eq!(in_time(changes.next()).await, None);
    settled(before).await;
}

#[tokio::test]
async fn clients_that_come_and_go_leave_nothing() {
    let mut server = FakeServer::start().await;
    let before = tasks();
    for round in 0..100 {
        let client = server.client().connect().unwrap();
        if round % 3 == 0 {
            let subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
            subscriber.fail(Status::unavailable("away")).await;
        }
        client.close().await;
        assert_eq!(client.tasks(), 0);
        while server.try_subscriber() {}
    }
    settled(before).await;
}
