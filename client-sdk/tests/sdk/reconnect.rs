//! A client comes back from everything, by itself, and not too fast.

use std::time::Duration;

use mycelia_flags_sdk::{ClientState, Context, ErrorCode, Origin, Reason};
use tonic::{Code, Status};

use crate::fake_server::{FakeServer, bring_up, client, flags, free_address, in_time, until};

#[tokio::test]
async fn a_client_that_starts_without_a_server_serves_defaults_and_recovers_by_itself() {
    let address = free_address().await;
    let client = client(address).connect().unwrap();
    let nobody = Context::anonymous();
    assert!(client.bool_value("dreams", true, &nobody));
    let details = client.bool_details("dreams", true, &nobody);
    assert_eq!((details.value, details.reason), (true, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::ProviderNotReady));
    assert_eq!((details.stale, details.revision), (None, 0));

    let not_ready = client.ready(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(not_ready.status.state, ClientState::NotReady);
    let status = until(&client, |status| status.last_error.is_some()).await;
    assert_eq!((status.state, status.origin), (ClientState::NotReady, Origin::Nothing));

    let mut server = FakeServer::start_at(address).await;
    let _subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", false)])).await;
    in_time(client.ready(Duration::from_secs(10))).await.unwrap();
    assert!(!client.bool_value("dreams", true, &nobody));
    assert_eq!(client.status().last_error, None);
    client.close().await;
}

/// Every way in which a server can say no, and ends that are no error at all.
const CODES: [Code; 12] = [
    Code::Unavailable,
    Code::Unknown,
    Code::Internal,
    Code::DeadlineExceeded,
    Code::ResourceExhausted,
    Code::Unauthenticated,
    Code::PermissionDenied,
    Code::Unimplemented,
    Code::NotFound,
    Code::OutOfRange,
    Code::Cancelled,
    Code::Ok,
];

#[tokio::test]
async fn a_first_contact_is_tried_again_after_every_status() {
    for code in CODES {
        let mut server = FakeServer::start().await;
        server.refuse(Some(Status::new(code, "not now")));
        let client = server.client().connect().unwrap();
        let mut attempts = server.attempts();
        in_time(attempts.wait_for(|attempts| *attempts >= 3)).await.unwrap();
        let state = client.status().state;
        let refused = matches!(
            code,
            Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented | Code::NotFound
        );
        let expected = if refused { ClientState::Error } else { ClientState::NotReady };
        assert_eq!(state, expected, "{code:?}");
        server.refuse(None);
        let _subscriber = bring_up(&mut server, &client, 3, &flags(&[("dreams", true)])).await;
        client.close().await;
    }
}

#[tokio::test]
async fn a_stream_is_opened_again_after_every_status() {
    let mut server = FakeServer::start().await;
    let held = flags(&[("dreams", true)]);
    let client = server.client().connect().unwrap();
    let mut subscriber = bring_up(&mut server, &client, 3, &held).await;
    for code in CODES {
        match code {
            Code::Ok => drop(subscriber),
            code => subscriber.fail(Status::new(code, "away")).await,
        }
        until(&client, |status| status.state == ClientState::Stale).await;
        let details = client.bool_details("dreams", false, &Context::anonymous());
        assert_eq!((details.value, details.reason), (true, Reason::Stale), "{code:?}");
        assert!(details.stale.is_some());

        subscriber = server.subscriber().await;
        assert_eq!(subscriber.request.known_revision, 3, "{code:?}");
        assert_eq!(subscriber.request.known_epoch, "epoch-1");
        subscriber.welcome_back(3, &held).await;
        until(&client, |status| status.state == ClientState::Ready).await;
        let details = client.bool_details("dreams", false, &Context::anonymous());
        assert_eq!((details.reason, details.stale), (Reason::Static, None), "{code:?}");
    }
    client.close().await;
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_is_found_again() {
    let mut server = FakeServer::start().await;
    let held = flags(&[("dreams", true)]);
    let client = server.client().connect().unwrap();
    let _subscriber = bring_up(&mut server, &client, 3, &held).await;
    let address = tokio::task::spawn_blocking(move || server.die()).await.unwrap();
    let status = until(&client, |status| status.state == ClientState::Stale && status.attempts > 3).await;
    assert!(status.age().is_some() && status.last_error.is_some());
    assert!(client.bool_value("dreams", false, &Context::anonymous()));
    let mut server = FakeServer::start_at(address).await;
    let subscriber = server.subscriber().await;
    assert_eq!(subscriber.request.known_revision, 3);
    subscriber.welcome_back(3, &held).await;
    until(&client, |status| status.state == ClientState::Ready).await;
    client.close().await;
}

#[tokio::test]
async fn the_servers_hint_is_kept_to() {
    for name in ["retry-after-ms", "grpc-retry-pushback-ms"] {
        let server = FakeServer::start().await;
        let mut refusal = Status::unavailable("restarting");
        refusal.metadata_mut().insert(name, "700".parse().unwrap());
        server.refuse(Some(refusal));
        let client = server.client().connect().unwrap();
        let mut attempts = server.attempts();
        in_time(attempts.wait_for(|attempts| *attempts == 1)).await.unwrap();
        let early =
            tokio::time::timeout(Duration::from_millis(500), attempts.wait_for(|attempts| *attempts > 1))
                .await
                .is_ok();
        assert!(!early, "{name}");
        in_time(attempts.wait_for(|attempts| *attempts > 1)).await.unwrap();
        client.close().await;
    }
}

#[tokio::test]
async fn a_goodbye_is_no_loss_and_is_taken_at_its_word() {
    let mut server = FakeServer::start().await;
    let held = flags(&[("dreams", true)]);
    // No jitter beside the hint: whatever comes, health is immediate.
    let client = server.client().connect().unwrap();
    let subscriber = bring_up(&mut server, &client, 3, &held).await;
    let mut status = client.watch_status();
    subscriber.goodbye(600).await;
    subscriber.fail(Status::unavailable("DRAINING")).await;
    let mut attempts = server.attempts();
    let early = tokio::time::timeout(Duration::from_millis(400), attempts.wait_for(|attempts| *attempts > 1))
        .await
        .is_ok();
    assert!(!early);
    let subscriber = tokio::select! {
        biased;
        _ = status.wait_for(|status| status.state != ClientState::Ready) => panic!("a goodbye is no loss"),
        subscriber = server.subscriber() => subscriber,
    };
    assert_eq!(client.bool_details("dreams", false, &Context::anonymous()).reason, Reason::Static);
    subscriber.welcome_back(3, &held).await;
    // And when nobody is there afterwards, it is one.
    subscriber.goodbye(1).await;
    server.refuse(Some(Status::unavailable("gone")));
    drop(subscriber);
    until(&client, |status| status.state == ClientState::Stale).await;
    client.close().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left() {
    let mut server = FakeServer::start().await;
    let held = flags(&[("dreams", true)]);
    let client = server.client().connect().unwrap();
    let subscriber = server.subscriber().await;
    subscriber
        .welcome_with(mycelia_flags_proto::v1::Welcome {
            heartbeat_interval_ms: 100,
            revision: 3,
            ..crate::fake_server::Subscriber::greeting()
        })
        .await;
    subscriber.snapshot(3, &held).await;
    until(&client, |status| status.state == ClientState::Ready).await;
    for _ in 0..5 {
        subscriber.heartbeat(3, &held).await;
    }
    let status = until(&client, |status| status.state == ClientState::Stale).await;
    assert!(status.last_error.is_some_and(|error| error.contains("nothing was heard")));
    subscriber.gone().await;
    assert_eq!(server.subscriber().await.request.known_revision, 3);
    client.close().await;
}
