//! A skew that was told before a restart: its end is told afterwards, once, and not before anybody can know it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_server::clock::{ManualClock, SharedClock};
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::notifier::backoff::Backoff;
use mycelia_flags_server::control::notifier::targets::{NotifyFile, TargetTable, check};
use serde_json::Value;

use crate::checker::Checked;
use crate::patience::eventually;
use crate::receiver::{Receiver, SECRET};
use crate::server::{Server, Wanted};

/// 2026-09-21T14:13:20Z.
const BEGIN: i64 = 1_790_000_000;

async fn start(folder: &Path, receiver: &Receiver, clock: &Arc<ManualClock>) -> Server {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let table = TargetTable {
        name: "ops".to_owned(),
        kind: "webhook".to_owned(),
        url: Some(format!("{}/ops", receiver.url)),
        secret_file: Some(secret),
        events: vec!["skew.*".to_owned()],
        ..TargetTable::default()
    };
    let notify = NotifyOptions {
        targets: check(NotifyFile { notify: vec![table] }).unwrap(),
        folder: folder.join("notify"),
        backoff: Backoff { base: Duration::ZERO, cap: Duration::ZERO },
        ..NotifyOptions::default()
    };
    let clock = Arc::clone(clock) as SharedClock;
    Wanted { notify, clock, ..Wanted::on_disk(&folder.join("data")) }.start().await
}

/// Moves the clock until so many notices have come.
async fn told(receiver: &Receiver, clock: &ManualClock, number: usize) -> Value {
    eventually("it is told", || {
        clock.advance(Duration::from_secs(10));
        async { receiver.accepted().len() >= number }
    })
    .await;
    receiver.accepted().remove(number - 1)
}

/// An instance that follows and has applied a revision.
async fn caught_up(server: &Server, service: &str, instance: &str, revision: u64) -> Checked {
    let mut follower = Checked::follow(&server.url, service, instance).await;
    follower.until(revision).await;
    follower.acknowledge().await.unwrap();
    follower
}

/// A skew that is told: `runner-1` has not applied what `ui-1` has.
async fn skewed(server: &Server, receiver: &Receiver, clock: &ManualClock) -> (Value, u64, [Checked; 2]) {
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let mut slow = Checked::follow(&server.url, "runner", "runner-1").await;
    let mut quick = Checked::follow(&server.url, "ui", "ui-1").await;
    let revision = admin.enable("dreams").await;
    slow.until(revision).await;
    quick.until(revision).await;
    quick.acknowledge().await.unwrap();
    let found = told(receiver, clock, 1).await;
    assert_eq!(found["type"], "skew.found");
    (found, revision, [slow, quick])
}

/// Both names say of which skew they are.
#[track_caller]
fn check_end_of(found: &Value, over: &Value) {
    assert_eq!((&over["type"], &over["severity"]), (&"skew.over".into(), &"info".into()));
    let of_which =
        |notice: &Value| notice["id"].as_str().unwrap().replace("skew.found", "").replace("skew.over", "");
    assert_eq!(of_which(found), of_which(over));
    assert_eq!(found["environments"], over["environments"]);
    let words = over["words"].as_str().unwrap();
    assert!(
        words.starts_with("no live instance in production serves an older state than others any more"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skew_that_was_told_before_a_restart_is_told_to_be_over_after_it() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = ManualClock::at(BEGIN * 1_000_000);
    let server = start(folder.path(), &receiver, &clock).await;
    let (found, revision, followers) = skewed(&server, &receiver, &clock).await;
    server.running.stop().await;
    drop(followers);
    assert_eq!(receiver.accepted().len(), 1, "that the server leaves is not the end of a skew");
    clock.advance(Duration::from_secs(600));
    let server = start(folder.path(), &receiver, &clock).await;
    // Both are back, and have it.
    let mut back = Vec::new();
    for (service, instance) in [("runner", "runner-1"), ("ui", "ui-1")] {
        back.push(caught_up(&server, service, instance, revision).await);
    }
    let over = told(&receiver, &clock, 2).await;
    check_end_of(&found, &over);
    let words = over["words"].as_str().unwrap();
    let seconds: u64 = words.split(' ').rev().nth(5).unwrap().parse().unwrap();
    assert!(seconds >= 600, "since it was told, the restart included: {words}");
    server.running.stop().await;
    // It is over: another start has nothing to say of it.
    let server = start(folder.path(), &receiver, &clock).await;
    for _ in 0..20 {
        clock.advance(Duration::from_secs(10));
    }
    let mut admin = server.admin().await;
    let mut slow = Checked::follow(&server.url, "runner", "runner-1").await;
    let mut quick = Checked::follow(&server.url, "ui", "ui-1").await;
    let next = admin.disable("dreams").await;
    slow.until(next).await;
    quick.until(next).await;
    quick.acknowledge().await.unwrap();
    assert_eq!(told(&receiver, &clock, 3).await["type"], "skew.found", "the next one is another one");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skew_that_outlives_a_restart_is_not_told_twice_and_not_over_before_it_is() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = ManualClock::at(BEGIN * 1_000_000);
    let server = start(folder.path(), &receiver, &clock).await;
    let (found, revision, followers) = skewed(&server, &receiver, &clock).await;
    server.running.stop().await;
    drop(followers);
    let server = start(folder.path(), &receiver, &clock).await;
    // The quick one comes first: nobody knows yet whether the slow one has caught up.
    let _quick = caught_up(&server, "ui", "ui-1", revision).await;
    clock.advance(Duration::from_secs(30));
    let mut slow = Checked::follow(&server.url, "runner", "runner-1").await;
    slow.until(revision).await;
    let mut looks = 0;
    eventually("five minutes go by", || {
        clock.advance(Duration::from_secs(10));
        looks += 1;
        std::future::ready(looks > 30)
    })
    .await;
    // Whatever is told comes in order: had it been told twice, or to be over, that would be the second notice.
    slow.acknowledge().await.unwrap();
    let over = told(&receiver, &clock, 2).await;
    check_end_of(&found, &over);
    server.running.stop().await;
}
