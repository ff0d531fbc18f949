//! What every log must do; run for each of them.

use std::ops::ControlFlow;

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;
use tempfile::TempDir;

use super::{Log, LogError};
use crate::state::crash_point::CrashPoints;
use crate::state::data_dir::{DataDir, Staging};
use crate::state::envelope::{ChainHash, Position, Sealed};
use crate::state::epoch::Epoch;
use crate::state::memory_log::MemoryLog;
use crate::state::sled_log::SledLog;

/// A log and what it lies on.
struct Bed {
    log: Box<dyn Log>,
    dir: Option<TempDir>,
}

impl Bed {
    fn memory() -> Self {
        Self { log: Box::new(MemoryLog::new(Epoch::draw())), dir: None }
    }

    fn sled() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let locked = DataDir::lock(dir.path()).unwrap();
        let staged = locked.stage(Staging::Creating).unwrap();
        drop(SledLog::create(&staged, dir.path(), Epoch::draw()).unwrap());
        locked.publish(Staging::Creating, &CrashPoints::default()).unwrap();
        let log = SledLog::open(locked, CrashPoints::default()).unwrap();
        Self { log: Box::new(log), dir: Some(dir) }
    }

    /// Closes the log and opens it again, where it lies on something.
    fn reopened(self) -> Self {
        let Some(dir) = self.dir else { return self };
        drop(self.log);
        let locked = DataDir::lock(dir.path()).unwrap();
        let log = SledLog::open(locked, CrashPoints::default()).unwrap();
        Self { log: Box::new(log), dir: Some(dir) }
    }

    fn replayed(&mut self) -> Vec<(u64, Bytes)> {
        let mut found = Vec::new();
        let outcome = self.log.replay(&mut |revision, bytes| {
            found.push((revision.get(), bytes));
            ControlFlow::Continue(())
        });
        outcome.unwrap();
        found
    }
}

fn sealed(revision: u64, length: usize) -> Sealed {
    let hash = ChainHash::from_bytes([u8::try_from(revision % 256).unwrap(); 32]);
    let bytes = (0..length).map(|index| u8::try_from((index * 7 + length) % 251).unwrap()).collect();
    Sealed { position: Position { revision: Revision::new(revision), hash }, bytes }
}

fn run(revisions: std::ops::RangeInclusive<u64>, length: usize) -> Vec<Sealed> {
    revisions.map(|revision| sealed(revision, length)).collect()
}

fn stored(records: &[Sealed]) -> Vec<(u64, Bytes)> {
    records.iter().map(|sealed| (sealed.position.revision.get(), sealed.bytes.clone())).collect()
}

fn an_empty_log_holds_nothing(mut bed: Bed) {
    assert_eq!(bed.log.confirmed(), Position::default());
    assert_eq!(bed.replayed(), []);
    assert_eq!(bed.log.read(Revision::ZERO, Revision::new(9), 1_000).unwrap(), Vec::<Bytes>::new());
}

fn what_is_appended_is_replayed_in_order(mut bed: Bed) {
    let records = run(1..=40, 100);
    bed.log.append(&records[..1]).unwrap();
    bed.log.append(&records[1..25]).unwrap();
    bed.log.append(&records[25..]).unwrap();
    assert_eq!(bed.replayed(), stored(&records));
    assert_eq!(bed.log.confirmed(), records[39].position);
}

fn a_replay_stops_when_it_is_told_to(mut bed: Bed) {
    bed.log.append(&run(1..=9, 10)).unwrap();
    let mut seen = 0;
    let outcome = bed.log.replay(&mut |revision, _| {
        seen += 1;
        if revision.get() == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome.unwrap();
    assert_eq!(seen, 4);
}

fn what_does_not_follow_is_refused_and_changes_nothing(mut bed: Bed) {
    bed.log.append(&run(1..=3, 10)).unwrap();
    let gap_inside = [sealed(4, 10), sealed(6, 10)];
    for refused in [&run(3..=3, 10)[..], &run(5..=5, 10), &run(1..=1, 10), &gap_inside] {
        assert!(matches!(bed.log.append(refused), Err(LogError::NotNext { .. })));
    }
    assert_eq!(bed.replayed(), stored(&run(1..=3, 10)));
    bed.log.append(&run(4..=4, 10)).unwrap();
    assert_eq!(bed.replayed(), stored(&run(1..=4, 10)));
}

fn a_range_is_read_within_its_bounds(mut bed: Bed) {
    bed.log.append(&run(1..=20, 100)).unwrap();
    let mut check = |after: u64, up_to: u64, bytes: usize, expected: std::ops::RangeInclusive<u64>| {
        let found = bed.log.read(Revision::new(after), Revision::new(up_to), bytes).unwrap();
        let expected: Vec<Bytes> = run(expected, 100).into_iter().map(|sealed| sealed.bytes).collect();
        assert_eq!(found, expected, "after {after} up to {up_to} within {bytes}");
    };
    check(0, 20, 10_000, 1..=20);
    check(7, 12, 10_000, 8..=12);
    check(18, 99, 10_000, 19..=20);
    check(7, 12, 250, 8..=10);
    check(7, 12, 1, 8..=8);
    check(19, 20, 1, 20..=20);
}

fn large_records_stay_whole(mut bed: Bed) {
    let lengths = [4_096, 4_097, 8_193, 70_000, 131_073, 1_500_000, 10, 5_000_000, 3];
    let records: Vec<Sealed> =
        (1..).zip(lengths).map(|(revision, length)| sealed(revision, length)).collect();
    bed.log.append(&records[..3]).unwrap();
    bed.log.append(&records[3..]).unwrap();
    assert_eq!(bed.replayed(), stored(&records));
    let middle = bed.log.read(Revision::new(5), Revision::new(7), 1_000_000).unwrap();
    assert_eq!(middle, [records[5].bytes.clone()]);
    let mut bed = bed.reopened();
    assert_eq!(bed.replayed(), stored(&records));
    if let Some(dir) = &bed.dir {
        let files = std::fs::read_dir(dir.path().join("log/blobs")).unwrap().count();
        assert_eq!(files, 0, "sled never syncs a value that it puts into a file of its own");
    }
}

fn a_log_that_is_opened_again_goes_on(mut bed: Bed) {
    bed.log.append(&run(1..=5, 9_000)).unwrap();
    let (epoch, confirmed) = (bed.log.epoch(), bed.log.confirmed());
    let mut bed = bed.reopened();
    assert_eq!((bed.log.epoch(), bed.log.confirmed()), (epoch, confirmed));
    bed.log.settle(confirmed).unwrap();
    bed.log.append(&run(6..=6, 10)).unwrap();
    let mut bed = bed.reopened();
    let expected = [stored(&run(1..=5, 9_000)), stored(&run(6..=6, 10))].concat();
    assert_eq!(bed.replayed(), expected);
    assert!(bed.log.size() > 0);
}

macro_rules! conformance {
    ($($log:ident: [$($case:ident),+ $(,)?];)+) => {
        $(mod $log {
            $(#[test]
            fn $case() {
                super::$case(super::Bed::$log());
            })+
        })+
    };
}

conformance! {
    memory: [
        an_empty_log_holds_nothing,
        what_is_appended_is_replayed_in_order,
        a_replay_stops_when_it_is_told_to,
        what_does_not_follow_is_refused_and_changes_nothing,
        a_range_is_read_within_its_bounds,
        large_records_stay_whole,
        a_log_that_is_opened_again_goes_on,
    ];
    sled: [
        an_empty_log_holds_nothing,
        what_is_appended_is_replayed_in_order,
        a_replay_stops_when_it_is_told_to,
        what_does_not_follow_is_refused_and_changes_nothing,
        a_range_is_read_within_its_bounds,
        large_records_stay_whole,
        a_log_that_is_opened_again_goes_on,
    ];
}
