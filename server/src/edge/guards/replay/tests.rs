//! The bounds of a replay: how much of the log it reads, how long it looks, and how many are answered at once.

use std::sync::atomic::{AtomicU64, Ordering};

use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place};
use mycelia_flags_core::key::{FoldedKey, ServiceName, VariantName};
use mycelia_flags_core::observation::batch::{Batch, Observation};
use mycelia_flags_core::observation::bucket::Bucket;
use tokio::task::JoinSet;
use tonic::Code;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::state::{CommitRequest, LogChoice, StoreOptions};

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600_000_000;

fn change(changes: Vec<Change>) -> CommitRequest {
    let change_set = ChangeSet { actor: "test".to_owned(), reason: String::new(), changes };
    CommitRequest { change_set, ..CommitRequest::default() }
}

/// A store with the flag `dreams`, rolled out to everybody.
async fn replays(clock: &Arc<ManualClock>) -> Replays {
    let options = StoreOptions {
        log: LogChoice::Memory,
        bucketing: None,
        environments: vec!["production".to_owned()],
        created_by: "test".to_owned(),
    };
    let store = Store::open(options, Arc::clone(clock) as SharedClock).unwrap();
    store.commit(change(vec![Change::CreateFlag(CreateFlag::boolean("dreams"))])).await.unwrap();
    store.commit(change(vec![rollout(100.0)])).await.unwrap();
    let observations = Arc::new(Observations::new(store.clone(), clock.now()));
    Replays::new(store, observations, EnvironmentKey::new("production"))
}

fn rollout(percent: f64) -> Change {
    Change::Rollout {
        place: Place { environment: "production".to_owned(), flag: "dreams".to_owned() },
        percent,
        enable: false,
    }
}

fn request() -> v1::ReplayGuardRequest {
    v1::ReplayGuardRequest {
        flags: vec!["dreams".to_owned()],
        when: "error_rate > 10% over 5m".to_owned(),
        ..v1::ReplayGuardRequest::default()
    }
}

/// Reports of requests that fail, once a minute for so many minutes.
fn report(replays: &Replays, clock: &ManualClock, minutes: u64) {
    for minute in 0..minutes {
        clock.advance(Duration::from_secs(60));
        let batch = Batch {
            environment: EnvironmentKey::new("production"),
            service: ServiceName::new("runner"),
            instance: Arc::from("runner-1"),
            id: Box::from(minute.to_string()),
            observations: vec![Observation {
                flag: Some(FoldedKey::of("dreams")),
                variant: Some(VariantName::new("on")),
                bucket: Bucket { errors: 100, ..Bucket::default() },
            }],
        };
        replays.observations.take(batch, clock.now());
    }
}

/// A machine so slow that a second passes between any two looks at the clock.
#[derive(Debug)]
struct Slow {
    now: Timestamp,
    looks: AtomicU64,
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.looks.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test]
async fn what_takes_too_long_is_answered_as_far_as_it_came() {
    let clock = ManualClock::at(START);
    let replays = replays(&clock).await;
    report(&replays, &clock, 120);
    let now = clock.now();
    let whole = replays.answer(request(), &(Arc::clone(&clock) as SharedClock)).await.unwrap();
    assert_eq!(whole.until, Some(convert::timestamp_to_wire(now)));
    assert!(whole.looks > 100, "{}", whole.looks);
    let slow: SharedClock = Arc::new(Slow { now, looks: AtomicU64::new(0) });
    let part = replays.answer(request(), &slow).await.unwrap();
    assert_eq!(part.looks, LOOKING_MAX.as_secs(), "one in each second");
    let seconds = |moment: &Option<prost_types::Timestamp>| moment.as_ref().map(|moment| moment.seconds);
    let (begin, until) = (seconds(&part.held_from).unwrap(), seconds(&part.until).unwrap());
    assert!((begin + 600..begin + 900).contains(&until), "ten minutes' buckets and no more: {begin} {until}");
    // What was found out by then is said.
    assert_eq!((part.firings.len(), whole.firings.len()), (1, 1));
    assert_eq!(part.firings[0].from, whole.firings[0].from);
    replays.store.close().await;
}

#[tokio::test]
async fn one_is_answered_at_a_time() {
    let clock = ManualClock::at(START);
    let replays = replays(&clock).await;
    let shared = Arc::clone(&clock) as SharedClock;
    let turn = Arc::clone(&replays.turn).try_acquire_owned().unwrap();
    let refused = replays.answer(request(), &shared).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("one at a time"), "{refused}");
    drop(turn);
    replays.answer(request(), &shared).await.unwrap();
    replays.store.close().await;
}

#[tokio::test]
async fn a_log_that_is_too_long_is_refused_with_the_way_out() {
    let clock = ManualClock::at(START);
    let replays = replays(&clock).await;
    let shared = Arc::clone(&clock) as SharedClock;
    clock.advance(Duration::from_secs(1));
    let begin = replays.store.snapshot().revision().get();
    let allowed = u64::try_from(RECORDS_MAX).unwrap();
    // The log is read from the first revision on, which is where the flags stand before it.
    let mut committing = JoinSet::new();
    for number in begin..1 + allowed {
        let (store, percent) = (replays.store.clone(), if number % 2 == 0 { 30.0 } else { 60.0 });
        committing.spawn(async move { store.commit(change(vec![rollout(percent)])).await.unwrap() });
        if committing.len() >= 256 {
            committing.join_next().await.unwrap().unwrap();
        }
    }
    committing.join_all().await;
    assert_eq!(replays.store.snapshot().revision().get(), 1 + allowed);
    replays.answer(request(), &shared).await.unwrap();
    replays.store.commit(change(vec![rollout(100.0)])).await.unwrap();
    let refused = replays.answer(request(), &shared).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "more than 20000 revisions in this time: ask for less (since_seconds)");
    assert!(begin > 1);
    // The way out: from later on there are fewer.
    clock.advance(Duration::from_secs(3_600));
    report(&replays, &clock, 10);
    replays.answer(v1::ReplayGuardRequest { since_seconds: 600, ..request() }, &shared).await.unwrap();
    replays.store.close().await;
}
