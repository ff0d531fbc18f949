//! What was there at a revision, and which revision was there at a moment.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mycelia_flags_core::change::CreateFlag;
use mycelia_flags_core::value::{FlagType, Value};
use proptest::prelude::*;

use super::*;
use crate::clock::Clock;
use crate::state::LogChoice;
use crate::state::fixture::options;

#[tokio::test]
async fn every_revision_can_be_seen_again() {
    let store = memory();
    let mut held = vec![store.snapshot()];
    for index in 0..300 {
        store.commit(create(&format!("flag-{index}"))).await.unwrap();
        held.push(store.snapshot());
    }
    // Back and forth, so that each begins at another place.
    let order = (0..held.len()).step_by(37).chain((0..held.len()).rev().step_by(41)).chain([300, 299, 0]);
    for index in order {
        let expected = &held[index];
        let found = store.snapshot_at(expected.revision()).await.unwrap();
        assert_eq!(found.as_ref(), Some(expected));
    }
    for unknown in [0, 302, u64::MAX] {
        assert_eq!(store.snapshot_at(Revision::new(unknown)).await, Ok(None));
    }
}

#[tokio::test]
async fn the_last_answers_are_kept_and_no_more() {
    let store = memory();
    create_many(&store, 20).await;
    let at = async |revision| store.snapshot_at(Revision::new(revision)).await.unwrap().unwrap();
    let (three, five) = (at(3).await, at(5).await);
    assert!(Arc::ptr_eq(&three, &at(3).await) && Arc::ptr_eq(&five, &at(5).await));
    let seven = at(7).await;
    assert!(Arc::ptr_eq(&five, &at(5).await) && Arc::ptr_eq(&seven, &at(7).await));
    let again = at(3).await;
    assert!(!Arc::ptr_eq(&three, &again));
    assert_eq!(three, again);
    assert!(Arc::ptr_eq(&store.snapshot(), &at(21).await), "the present is not folded again");
}

#[tokio::test]
async fn a_closed_store_has_no_past() {
    let store = memory();
    create_many(&store, 2).await;
    store.close().await;
    assert_eq!(store.snapshot_at(Revision::new(2)).await, Err(ReadError::Unavailable));
    assert_eq!(store.revision_at(Timestamp::default()).await, Err(ReadError::Unavailable));
    assert!(store.snapshot_at(Revision::new(3)).await.unwrap().is_some());
}

/// A wall clock that is set to anything.
#[derive(Debug, Default)]
struct Unruly(AtomicI64);

impl Clock for Unruly {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// At each moment, the last of the moments in log order that is not later; moments begin with that of the first record.
async fn check_moments(moments: &[i64]) {
    let clock = Arc::new(Unruly::default());
    clock.0.store(moments[0], Ordering::SeqCst);
    let store = Store::open(options(LogChoice::Memory), Arc::clone(&clock) as SharedClock).unwrap();
    store.commit(create("dreams")).await.ok();
    let mut stamps = vec![moments[0], moments[0]];
    for (index, moment) in moments[1..].iter().enumerate() {
        clock.0.store(*moment, Ordering::SeqCst);
        store.commit(switch("dreams", index % 2 == 0)).await.unwrap();
        stamps.push(*moment);
    }
    for moment in moments.iter().flat_map(|moment| [moment - 1, *moment, moment + 1]) {
        let last = stamps.iter().rposition(|stamp| *stamp <= moment).map_or(0, |index| index + 1);
        let found = store.revision_at(Timestamp::from_unix_micros(moment)).await.unwrap();
        assert_eq!(found, Revision::new(u64::try_from(last).unwrap()), "at {moment} of {stamps:?}");
    }
}

#[tokio::test]
async fn the_revision_of_a_moment_is_the_last_one_before_it() {
    check_moments(&[10, 20, 30]).await;
    check_moments(&[10, 20, 20, 20]).await;
    // The clock was set back: the later revision counts.
    check_moments(&[10, 50, 20, 30, 60]).await;
    let long: Vec<i64> = (0..400).map(|index| index * 3).collect();
    check_moments(&long).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_revision_of_a_moment_does_not_depend_on_a_clock_that_goes_forward(
        moments in proptest::collection::vec(-50_i64..50, 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check_moments(&moments));
    }
}

#[tokio::test]
async fn large_records_are_walked_through_as_small_ones_are() {
    let store = memory();
    let variants = |text: &str| {
        let values = (0..60).map(|index| (format!("v{index}"), Value::string(text)));
        Change::SetVariants { flag: "large".to_owned(), variants: values.collect() }
    };
    let large = CreateFlag {
        flag_type: FlagType::String,
        default_variant: "v0".to_owned(),
        off_variant: "v1".to_owned(),
        variants: vec![("v0".to_owned(), Value::string("a")), ("v1".to_owned(), Value::string("b"))],
        ..CreateFlag::boolean("large")
    };
    store.commit(request(vec![Change::CreateFlag(large)])).await.unwrap();
    create_many(&store, 3).await;
    for index in 0..12 {
        store.commit(request(vec![variants(&format!("{index}").repeat(8_000))])).await.unwrap();
    }
    assert_eq!(store.revision_at(Timestamp::from_unix_micros(0)).await, Ok(Revision::ZERO));
    let undo = request(vec![Change::Undo { revision: Revision::new(4) }]);
    let committed = store.commit(undo).await.unwrap();
    assert!(committed.writes.iter().all(|write| write.value.is_none()));
    assert_eq!(store.snapshot_at(Revision::new(17)).await.unwrap().unwrap().flag_count(), 4);
}
