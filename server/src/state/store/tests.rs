//! The store on a log in memory, and on one that fails.

mod faulty_log;
mod pages;
mod past;
mod schemas;
mod undo;

use std::sync::Arc;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::Change;
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::rejection::Reason;
use tokio::task::JoinSet;

use self::faulty_log::{Switches, faulty};
use super::*;
use crate::state::fixture::{clock, create, create_many, head, memory, place, request, switch};
use crate::state::limits::{GROUP_REQUESTS_MAX, QUEUE_MAX};

#[track_caller]
fn reason(outcome: Result<Committed, CommitError>) -> Reason {
    match outcome {
        Err(CommitError::Rejected(rejection)) => rejection.violations[0].reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_store_has_its_environments_and_one_record() {
    let store = memory();
    assert_eq!(head(&store), Revision::new(1));
    let snapshot = store.snapshot();
    let environments: Vec<&str> = snapshot.environments().map(|environment| environment.as_str()).collect();
    assert_eq!(environments, ["development", "staging", "production"]);
    assert_eq!(snapshot.settings().bucketing, Generation::V3);
    let records = store.records_after(Revision::ZERO).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].change_set.actor, "installer");
}

#[tokio::test]
async fn a_change_is_visible_and_announced_when_it_is_answered() {
    let store = memory();
    let mut watched = store.head();
    watched.mark_unchanged();
    let committed = store.commit(create("dreams")).await.unwrap();
    assert_eq!(committed.revision, Revision::new(2));
    assert_eq!(committed.writes.len(), 4, "a definition, and a configuration in each environment");
    assert!(watched.has_changed().unwrap());
    assert_eq!(*watched.borrow_and_update(), Revision::new(2));
    assert!(store.snapshot().flag(&FoldedKey::of("dreams")).is_some());
    let records = store.records_after(Revision::new(1)).unwrap();
    assert_eq!(records[0].writes, committed.writes);
    assert_eq!(store.records_after(Revision::new(2)), Some(Vec::new()));
}

#[tokio::test]
async fn a_wrong_change_set_is_rejected_and_changes_nothing() {
    let store = memory();
    let outcome = store.commit(request(vec![
        Change::CreateFlag(mycelia_flags_core::change::CreateFlag::boolean("dreams")),
        Change::Enable(place("other")),
    ]));
    assert_eq!(reason(outcome.await), Reason::UnknownFlag);
    assert_eq!(head(&store), Revision::new(1));
    assert_eq!(store.snapshot().flag_count(), 0);
    assert_eq!(store.stats().rejected, 1);
}

#[tokio::test]
async fn nobody_but_the_store_creates_or_restores_a_store() {
    let store = memory();
    let restore = Change::RestoreStore { from_epoch: "x".to_owned() };
    assert_eq!(reason(store.commit(request(vec![restore])).await), Reason::Reserved);
}

#[tokio::test]
async fn a_dry_run_answers_and_writes_nothing() {
    let store = memory();
    let dry = CommitRequest { dry_run: true, idempotency_key: "k".into(), ..create("dreams") };
    let committed = store.commit(dry.clone()).await.unwrap();
    assert_eq!((committed.revision, committed.writes.len()), (Revision::new(1), 4));
    assert_eq!(head(&store), Revision::new(1));
    let wet = CommitRequest { dry_run: false, ..dry };
    let committed = store.commit(wet).await.unwrap();
    assert!(!committed.replayed, "a dry run uses no key up");
    let again = CommitRequest { dry_run: true, ..create("dreams") };
    assert_eq!(reason(store.commit(again).await), Reason::FlagExists);
}

#[tokio::test]
async fn what_is_so_already_makes_no_record() {
    let store = memory();
    create_many(&store, 1).await;
    store.commit(switch("flag-0", true)).await.unwrap();
    let committed = store.commit(switch("flag-0", true)).await.unwrap();
    assert_eq!((committed.revision, committed.writes.len()), (Revision::new(3), 0));
    assert_eq!(head(&store), Revision::new(3));
}

#[tokio::test]
async fn an_expected_revision_is_held_against_the_head() {
    let store = memory();
    let expecting = |revision, key: &str| CommitRequest {
        expected_revision: Some(Revision::new(revision)),
        ..create(key)
    };
    store.commit(expecting(1, "a")).await.unwrap();
    for wrong in [0, 1, 3] {
        let Err(CommitError::Rejected(rejection)) = store.commit(expecting(wrong, "b")).await else {
            panic!("revision {wrong} was accepted");
        };
        let violation = &rejection.violations[0];
        assert_eq!(violation.reason, Reason::RevisionMismatch);
        assert_eq!(violation.field, "expected_revision");
        assert_eq!(violation.value, wrong.to_string());
        assert!(violation.allowed.contains('2'), "{}", violation.allowed);
    }
    store.commit(expecting(2, "b")).await.unwrap();
}

#[tokio::test]
async fn a_repeated_request_is_answered_and_not_applied_again() {
    let store = memory();
    let keyed = CommitRequest { idempotency_key: "k1".into(), ..create("dreams") };
    let first = store.commit(keyed.clone()).await.unwrap();
    store
        .commit(request(vec![Change::DeleteFlag { flag: "dreams".to_owned(), force: false }]))
        .await
        .unwrap();
    let again = store.commit(keyed).await.unwrap();
    assert_eq!(again, Committed { replayed: true, ..first });
    assert_eq!(head(&store), Revision::new(3));
    assert_eq!(store.snapshot().flag_count(), 0);
    let other = CommitRequest { idempotency_key: "k1".into(), ..create("whispers") };
    assert_eq!(reason(store.commit(other).await), Reason::IdempotencyKeyReused);
    let long = CommitRequest { idempotency_key: "k".repeat(129).into(), ..create("whispers") };
    assert_eq!(reason(store.commit(long).await), Reason::TooLarge);
    assert_eq!(store.stats().replayed, 1);
}

#[tokio::test]
async fn change_sets_that_wait_together_share_one_append() {
    let Switches { gate, .. } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("first"));
    hold.entered().await;
    for index in 0..20 {
        spawn(&mut tasks, &store, create(&format!("flag-{index}")));
    }
    // One of them, twice under one key: both are in the same group and get one revision.
    let keyed = CommitRequest { idempotency_key: "k".into(), ..create("keyed") };
    spawn(&mut tasks, &store, keyed.clone());
    spawn(&mut tasks, &store, keyed);
    waiting(&store, 22).await;
    hold.open();
    let outcomes = tasks.join_all().await;
    let mut revisions: Vec<u64> =
        outcomes.into_iter().map(|outcome| outcome.unwrap().revision.get()).collect();
    revisions.sort_unstable();
    let expected: Vec<u64> = (2..=23).chain([23]).collect();
    assert_eq!(revisions, expected);
    let stats = store.stats();
    assert_eq!((stats.commits, stats.groups, stats.group_records_max), (22, 2, 21));
}

#[tokio::test]
async fn nothing_of_a_group_is_seen_before_it_is_durable() {
    let Switches { gate, .. } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("first"));
    hold.entered().await;
    assert_eq!(head(&store), Revision::new(1));
    assert_eq!(store.snapshot().revision(), Revision::new(1));
    assert_eq!(store.records_after(Revision::new(1)), Some(Vec::new()));
    hold.open();
    tasks.join_all().await;
    assert_eq!(head(&store), Revision::new(2));
}

#[tokio::test]
async fn a_failed_append_poisons_the_writer_and_reads_go_on() {
    let Switches { gate, fail } = faulty();
    let (store, hold) = gate;
    hold.open();
    store.commit(create("first")).await.unwrap();
    let before = store.snapshot();
    fail.store(true, std::sync::atomic::Ordering::SeqCst);
    let outcome = store.commit(create("second")).await;
    let Err(CommitError::Poisoned { reason }) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("disk is full"), "{reason}");
    fail.store(false, std::sync::atomic::Ordering::SeqCst);
    let dry = CommitRequest { dry_run: true, ..create("third") };
    for refused in [create("third"), dry] {
        assert_eq!(store.commit(refused).await, Err(CommitError::Poisoned { reason: Arc::clone(&reason) }));
    }
    assert_eq!(*store.writer_health().borrow(), WriterHealth::Poisoned { reason });
    assert_eq!((head(&store), store.snapshot()), (Revision::new(2), before));
    let page = store.history(HistoryQuery { limit: 10, ..HistoryQuery::default() }).await.unwrap();
    assert_eq!(page.records.len(), 2, "what failed is not shown, whatever the log holds");
    store.close().await;
    assert_eq!(*store.writer_health().borrow(), WriterHealth::Closed);
}

#[tokio::test]
async fn everybody_in_a_group_that_failed_is_refused() {
    let Switches { gate, fail } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("first"));
    hold.entered().await;
    spawn(&mut tasks, &store, create("second"));
    // A rejection and a dry run that were judged against a change that never happened.
    spawn(&mut tasks, &store, create("second"));
    spawn(&mut tasks, &store, CommitRequest { dry_run: true, ..switch("second", true) });
    waiting(&store, 3).await;
    fail.store(true, std::sync::atomic::Ordering::SeqCst);
    hold.open();
    let outcomes = tasks.join_all().await;
    let poisoned = |outcome: &&Result<_, _>| matches!(outcome, Err(CommitError::Poisoned { .. }));
    assert_eq!(outcomes.iter().filter(poisoned).count(), 4, "{outcomes:?}");
}

#[tokio::test]
async fn a_full_queue_says_busy_at_once() {
    let Switches { gate, .. } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("first"));
    hold.entered().await;
    for index in 0..QUEUE_MAX {
        spawn(&mut tasks, &store, create(&format!("flag-{index}")));
    }
    waiting(&store, u64::try_from(QUEUE_MAX).unwrap()).await;
    assert_eq!(store.commit(create("one-more")).await, Err(CommitError::Busy));
    hold.open();
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    let largest = store.stats().group_records_max;
    assert_eq!(largest, u64::try_from(GROUP_REQUESTS_MAX).unwrap());
}

#[tokio::test]
async fn a_closed_store_commits_what_was_asked_for_before_and_nothing_after() {
    let Switches { gate, .. } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("first"));
    hold.entered().await;
    spawn(&mut tasks, &store, create("second"));
    waiting(&store, 1).await;
    let mut closing = JoinSet::new();
    for _ in 0..2 {
        let store = store.clone();
        closing.spawn(async move { store.close().await });
    }
    waiting(&store, 3).await;
    hold.open();
    closing.join_all().await;
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(store.commit(create("third")).await, Err(CommitError::Unavailable));
    let query = HistoryQuery { limit: 1, ..HistoryQuery::default() };
    assert_eq!(store.history(query).await, Err(ReadError::Unavailable));
    assert_eq!(store.snapshot().flag_count(), 2, "reads of the present go on");
    store.close().await;
}

fn spawn(tasks: &mut JoinSet<Result<Committed, CommitError>>, store: &Store, request: CommitRequest) {
    let store = store.clone();
    tasks.spawn(async move { store.commit(request).await });
}

/// Lets the tasks run until so many commands wait.
async fn waiting(store: &Store, count: u64) {
    while store.stats().waiting < count {
        tokio::task::yield_now().await;
    }
}
