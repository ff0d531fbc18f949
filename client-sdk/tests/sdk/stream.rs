//! What comes over the stream, and what the server is told.

use mycelia_flags_proto::v1::{EffectiveFlag, value};
use mycelia_flags_sdk::{ChangeKind, ClientState, Context, ErrorCode, Reason};

use crate::fake_server::{FakeServer, Flags, bring_up, constant, flags, in_time, until};

#[tokio::test]
async fn a_subscription_says_who_asks() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let request = server.subscriber().await.request;
    assert_eq!(request.environment, "production");
    assert_eq!((request.service.as_str(), request.instance.as_str()), ("runner", "runner-1"));
    assert!(request.sdk.starts_with("rust/"), "{}", request.sdk);
    assert_eq!((request.known_revision, request.known_epoch.as_str()), (0, ""));
    client.close().await;
}

#[tokio::test]
async fn changes_arrive_whole_are_acknowledged_and_heard() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let nobody = Context::anonymous();
    let mut changes = client.changes();
    let mut watched = client.watch("oracle-chat");
    let handle = client.flag("oracle_chat");
    assert!(!handle.bool(false, &nobody) && !watched.exists());

    let first = flags(&[("oracle.chat", false), ("dreams", false)]);
    let subscriber = bring_up(&mut server, &client, 3, &first).await;
    server.acknowledged(|ack| ack.applied_revision == 3 && ack.stream_id == 7).await;
    let event = in_time(changes.next()).await.unwrap();
    assert_eq!((event.revision, event.kind), (3, ChangeKind::Replacement));
    assert!(event.concerns("oracle_chat") && !event.concerns("whispers"));
    assert_eq!(in_time(watched.changed()).await, Ok(3));

    let second = flags(&[("oracle.chat", true), ("whispers", true)]);
    subscriber.delta(3, 4, &first, &second).await;
    let event = in_time(changes.next()).await.unwrap();
    assert_eq!((event.revision, event.kind), (4, ChangeKind::Update));
    assert!(["oracle.chat", "whispers", "dreams"].iter().all(|key| event.concerns(key)));
    assert_eq!(in_time(watched.changed()).await, Ok(4));
    assert!(handle.bool(false, &nobody));
    assert!(client.bool_value("oracle.chat", false, &nobody));
    assert_eq!(client.keys(), ["oracle.chat", "whispers"]);
    let gone = client.bool_details("dreams", true, &nobody);
    assert_eq!((gone.value, gone.error_code), (true, Some(ErrorCode::FlagNotFound)));
    let ack = server.acknowledged(|ack| ack.applied_revision == 4).await;
    assert!(ack.refused.is_empty() && ack.applied_at.is_some());

    // A change elsewhere does not wake who watches this flag; what was missed comes as one.
    let third = flags(&[("oracle.chat", true), ("whispers", false)]);
    let fourth = flags(&[("oracle.chat", false), ("whispers", false)]);
    subscriber.delta(4, 5, &second, &third).await;
    subscriber.delta(5, 6, &third, &fourth).await;
    until(&client, |status| status.revision == 6).await;
    assert_eq!(in_time(watched.changed()).await, Ok(6));
    let event = in_time(changes.next()).await.unwrap();
    assert_eq!(event.revision, 6);
    assert!(event.concerns("oracle.chat") && event.concerns("whispers"));
    client.close().await;
    assert_eq!(changes.next().await, None);
    assert!(watched.changed().await.is_err());
    assert_eq!(client.changes().next().await, None, "a listener that comes too late");
}

#[tokio::test]
async fn a_gap_keeps_the_state_is_reported_and_asks_for_everything() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let held = flags(&[("dreams", true)]);
    let next = flags(&[("dreams", false)]);
    let subscriber = bring_up(&mut server, &client, 3, &held).await;
    subscriber.delta(4, 5, &held, &next).await;
    let ack = server.acknowledged(|ack| !ack.refused.is_empty()).await;
    assert_eq!((ack.applied_revision, ack.digest_mismatches), (3, 0));
    let again = server.subscriber().await;
    assert_eq!((again.request.known_revision, again.request.known_digest.len()), (0, 0));
    assert!(client.bool_value("dreams", false, &Context::anonymous()));
    assert_eq!(client.status().gaps, 1);
    again.welcome(5).await;
    again.snapshot(5, &next).await;
    until(&client, |status| status.state == ClientState::Ready && status.revision == 5).await;
    assert!(!client.bool_value("dreams", true, &Context::anonymous()));
    client.close().await;
}

#[tokio::test]
async fn a_divergence_keeps_the_state_is_reported_and_asks_for_everything() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let held = flags(&[("dreams", true)]);
    let right = flags(&[("dreams", false)]);
    let subscriber = bring_up(&mut server, &client, 3, &held).await;
    subscriber.heartbeat(3, &right).await;
    let ack = server.acknowledged(|ack| !ack.refused.is_empty()).await;
    assert_eq!((ack.applied_revision, ack.digest_mismatches), (3, 1));
    let again = server.subscriber().await;
    assert_eq!(again.request.known_revision, 0);
    assert!(client.bool_value("dreams", false, &Context::anonymous()));
    assert_eq!(client.status().digest_mismatches, 1);
    again.welcome(3).await;
    again.snapshot(3, &right).await;
    until(&client, |status| status.state == ClientState::Ready).await;
    assert!(!client.bool_value("dreams", true, &Context::anonymous()));
    client.close().await;
}

#[tokio::test]
async fn one_bad_flag_is_reported_and_leaves_the_others_alone() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let mut all: Flags = flags(&[("dreams", true)]);
    all.insert("future", EffectiveFlag { r#type: 99, ..constant("future", value::Kind::BooleanValue(true)) });
    let _subscriber = bring_up(&mut server, &client, 3, &all).await;
    let nobody = Context::anonymous();
    assert!(client.bool_value("dreams", false, &nobody));
    let details = client.bool_details("future", false, &nobody);
    assert_eq!((details.value, details.reason), (false, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::ParseError));
    let ack = server.acknowledged(|ack| ack.applied_revision == 3).await;
    assert!(ack.refused.contains("future"), "{}", ack.refused);
    assert_eq!((client.status().flags, client.status().broken_flags), (2, 1));
    client.close().await;
}

#[tokio::test]
async fn an_acknowledgement_that_was_not_heard_is_sent_again_with_the_next_sign_of_life() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let held = flags(&[("dreams", true)]);
    server.turn_deaf(1);
    let subscriber = bring_up(&mut server, &client, 3, &held).await;
    // Heartbeats until the first acknowledgement has failed; the next one after that is heard.
    in_time(async {
        loop {
            subscriber.heartbeat(3, &held).await;
            if !server.is_deaf() {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let heard = server.acknowledged(|ack| ack.applied_revision == 3);
    let beats = async {
        let mut rhythm = tokio::time::interval(std::time::Duration::from_millis(10));
        loop {
            rhythm.tick().await;
            subscriber.heartbeat(3, &held).await;
        }
    };
    tokio::select! {
        _ = heard => {}
        () = beats => {}
    }
    client.close().await;
}
