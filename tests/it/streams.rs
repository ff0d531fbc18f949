//! Subscriptions: what each kind of subscriber sees.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_server::distribution::hub::HubOptions;
use tonic::Code;

use crate::checker::{Checked, Event, Held, subscribe};
use crate::patience::{eventually, within};
use crate::server::{Server, Wanted, create, disable, enable, rollout};

#[tokio::test]
async fn a_change_reaches_everybody_and_everybody_acknowledges() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut followers = Vec::new();
    for service in ["ui", "runner", "agent"] {
        followers.push(Checked::follow(&server.url, service, "one").await);
    }
    admin.create("dreams").await;
    let revision = admin.enable("dreams").await;
    for follower in &mut followers {
        follower.until(revision).await;
        assert!(follower.held.is_on("dreams"));
        follower.acknowledge().await.unwrap();
    }
    let subscribers = admin.subscribers().await;
    assert_eq!(subscribers.len(), 3);
    for subscriber in subscribers {
        assert_eq!((subscriber.applied_revision, subscriber.scope_revision), (revision, revision));
        assert!(subscriber.acknowledged_at.is_some());
        assert!(!subscriber.address.is_empty());
    }
    server.running.stop().await;
}

#[tokio::test]
async fn a_bulk_change_is_one_update_for_each() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    follower.next().await.unwrap();
    let updates = follower.updates;
    let flags = (0..50).map(|number| format!("flag{number}"));
    let revision =
        admin.apply(flags.flat_map(|flag| [create(&flag), rollout(&flag, 25.0)]).collect()).await.revision;
    follower.until(revision).await;
    assert_eq!(follower.updates, updates + 1);
    assert_eq!(follower.held.flags.len(), 50);
}

#[tokio::test]
async fn who_comes_back_gets_nothing_a_delta_or_everything() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    follower.until(first).await;
    let held = follower.held.clone();
    drop(follower);

    let mut unchanged = Checked::resume(&server.url, "ui", "one", held.clone()).await;
    let head = admin.enable("dreams").await;
    unchanged.until(head).await;
    assert_eq!((unchanged.snapshots, unchanged.updates), (0, 1));

    let mut behind = Checked::resume(&server.url, "ui", "one", held.clone()).await;
    behind.until(head).await;
    assert_eq!((behind.snapshots, behind.updates), (0, 1));
    assert_eq!(behind.held, unchanged.held);

    for revision in [0, 1, head + 1_000, u64::MAX] {
        let request = v1::SubscribeRequest {
            environment: "production".to_owned(),
            known_revision: revision,
            known_epoch: held.epoch.clone(),
            ..Default::default()
        };
        let mut frames = subscribe(&server.channel().await, request).await.unwrap();
        frames.message().await.unwrap();
        let second = within("a frame", frames.message()).await.unwrap().unwrap();
        let snapshot = matches!(second.body, Some(mycelia_flags_proto::raw::Body::Snapshot(_)));
        assert!(snapshot, "revision {revision} is answered by a snapshot: {second:?}");
    }
    let foreign = Held { epoch: "00000000000000000000000000000001".to_owned(), ..unchanged.held.clone() };
    let mut fresh = Checked::resume(&server.url, "ui", "one", foreign).await;
    fresh.until(head).await;
    assert_eq!(fresh.snapshots, 1);
}

#[tokio::test]
async fn there_and_back_again_is_not_swallowed() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    follower.until(first).await;
    admin.enable("dreams").await;
    let head = admin.apply(vec![disable("dreams"), enable("dreams"), disable("dreams")]).await.revision;
    follower.until(head).await;
    assert!(!follower.held.is_on("dreams"));
}

#[tokio::test]
async fn a_service_sees_its_own_flags_and_what_leaves_is_removed() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let for_runner = |services: &[&str]| {
        v1::change::Change::UpdateFlag(v1::UpdateFlag {
            flag: "dreams".to_owned(),
            services: Some(v1::StringList { values: services.iter().map(ToString::to_string).collect() }),
            ..Default::default()
        })
    };
    let first = admin.apply(vec![create("dreams"), create("whispers")]).await.revision;
    let mut ui = Checked::follow(&server.url, "ui", "one").await;
    let mut runner = Checked::follow(&server.url, "runner", "one").await;
    ui.until(first).await;
    let narrowed = admin.apply(vec![for_runner(&["runner"])]).await.revision;
    ui.until(narrowed).await;
    assert!(ui.held.flag("dreams").is_none());
    assert!(ui.held.flag("whispers").is_some());
    let enabled = admin.enable("dreams").await;
    runner.until(enabled).await;
    assert!(runner.held.is_on("dreams"));
    let after = admin.enable("whispers").await;
    ui.until(after).await;
    assert_eq!(ui.updates, 3, "the change of a flag that ui may not see was no update for ui");
}

#[tokio::test]
async fn a_change_in_another_environment_is_no_update() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    follower.until(first).await;
    let staging = v1::EnableFlag { environment: "staging".to_owned(), flag: "dreams".to_owned() };
    admin.apply(vec![v1::change::Change::EnableFlag(staging)]).await;
    let head = admin.enable("dreams").await;
    follower.until(head).await;
    assert_eq!(follower.updates, 2);
}

#[tokio::test]
async fn heartbeats_come_when_nothing_else_does() {
    let hub = HubOptions { heartbeat: Duration::from_millis(20), ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    let beats = async {
        let mut beats = 0;
        while beats < 5 {
            beats += usize::from(follower.next().await.unwrap() == Some(Event::Heartbeat));
        }
    };
    within("five heartbeats", beats).await;
}

#[tokio::test]
async fn a_stream_ends_at_its_age_with_goodbye_and_not_with_ok() {
    let hub = HubOptions { stream_age_max: Duration::from_millis(50), ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    let (goodbye, status) = within("the end", follower.until_the_end()).await;
    assert_eq!(goodbye.reason(), v1::GoodbyeReason::MaxAge);
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("MAX_AGE"), "{status:?}");
}

#[tokio::test]
async fn acknowledgements_name_the_stream_and_never_run_ahead() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let revision = admin.create("dreams").await;
    let mut follower = Checked::follow(&server.url, "ui", "one").await;
    follower.until(revision).await;
    let ahead = follower.acknowledge_revision(revision + 1).await.unwrap_err();
    assert_eq!(ahead.code(), Code::FailedPrecondition);
    follower.acknowledge().await.unwrap();
    follower.acknowledge_revision(1).await.unwrap();
    assert_eq!(admin.subscribers().await[0].applied_revision, revision, "an older report changes nothing");
    let mut stranger = Checked::follow(&server.url, "ui", "two").await;
    stranger.stream_id = 4_711;
    assert_eq!(stranger.acknowledge_revision(1).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn the_end_of_an_old_stream_does_not_touch_the_new_one_of_the_same_instance() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let revision = admin.create("dreams").await;
    let old = Checked::follow(&server.url, "ui", "one").await;
    let mut new = Checked::resume(&server.url, "ui", "one", old.held.clone()).await;
    new.until(revision).await;
    new.acknowledge().await.unwrap();
    drop(old);
    eventually("the old stream is gone", || async { admin.clone().subscribers().await.len() == 1 }).await;
    let left = admin.subscribers().await;
    assert_eq!((left[0].stream_id, left[0].applied_revision), (new.stream_id, revision));
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_by_name() {
    let server = Server::in_memory().await;
    let channel = server.channel().await;
    let mut cases = Vec::new();
    for (environment, service, instance) in
        [("nowhere", "", ""), ("no/name", "", ""), ("", "..", ""), ("", "", &*"x".repeat(129))]
    {
        let request = v1::SubscribeRequest {
            environment: environment.to_owned(),
            service: service.to_owned(),
            instance: instance.to_owned(),
            ..Default::default()
        };
        let status = subscribe(&channel, request).await.unwrap_err();
        cases.push((status.code(), status.message().split(':').next().unwrap().to_owned()));
    }
    let expected = [
        (Code::NotFound, "environment"),
        (Code::InvalidArgument, "environment"),
        (Code::InvalidArgument, "service"),
        (Code::InvalidArgument, "instance"),
    ];
    assert_eq!(cases, expected.map(|(code, field)| (code, field.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_never_runs_ahead_of_what_was_sent() {
    let hub = HubOptions { heartbeat: Duration::from_millis(1), ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let last = first + 600;
    let mut followers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mut follower = Checked::follow(&server.url, "ui", &number.to_string()).await;
        // The checker holds every heartbeat against what came before it.
        followers.spawn(async move { follower.until(last).await });
    }
    for _ in 0..300 {
        admin.enable("dreams").await;
        admin.disable("dreams").await;
    }
    while let Some(ended) = within("the followers", followers.join_next()).await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_after_an_answer_begins_with_what_was_answered() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    for round in 0..100 {
        let answered =
            if round % 2 == 0 { admin.enable("dreams").await } else { admin.disable("dreams").await };
        let mut follower = Checked::follow(&server.url, "ui", "1").await;
        assert_eq!(follower.next().await.unwrap(), Some(Event::Snapshot));
        assert!(follower.held.revision >= answered, "{} < {answered}", follower.held.revision);
    }
}
