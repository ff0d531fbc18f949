//! The newest records, kept for those who follow.
//!
//! Pure: it does not know what is visible. Whoever asks names the visible head, and gets nothing beyond it, because a
//! record is put in here before the head moves: a follower that was handed a record from the future once went back in
//! time when it compared its place with the head.

use std::collections::VecDeque;
use std::sync::Arc;

use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Revision;

/// A bounded, gap-free run of the newest records.
#[derive(Debug)]
pub(super) struct Recent {
    records: VecDeque<(Arc<Record>, usize)>,
    bytes: usize,
    records_max: usize,
    bytes_max: usize,
}

impl Recent {
    pub(super) const fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { records: VecDeque::new(), bytes: 0, records_max, bytes_max }
    }

    /// Adds the next record, whose encoded form has `bytes` bytes, and forgets the oldest ones that are too many.
    pub(super) fn push(&mut self, record: Arc<Record>, bytes: usize) {
        debug_assert!(
            self.records.back().is_none_or(|(last, _)| last.revision.next() == record.revision),
            "the ring is gap-free"
        );
        self.records.push_back((record, bytes));
        self.bytes += bytes;
        while self.records.len() > 1 && (self.records.len() > self.records_max || self.bytes > self.bytes_max)
        {
            if let Some((_, bytes)) = self.records.pop_front() {
                self.bytes -= bytes;
            }
        }
    }

    /// The records after a revision up to the visible head; none when some of them have been forgotten.
    pub(super) fn after(&self, after: Revision, head: Revision) -> Option<Vec<Arc<Record>>> {
        if after >= head {
            return Some(Vec::new());
        }
        let oldest = self.records.front()?.0.revision;
        let skipped = after.next().get().checked_sub(oldest.get())?;
        let visible = self
            .records
            .iter()
            .skip(usize::try_from(skipped).ok()?)
            .map(|(record, _)| record)
            .take_while(|record| record.revision <= head);
        Some(visible.cloned().collect())
    }

    /// The record of a revision, if it is still here.
    pub(super) fn record(&self, revision: Revision) -> Option<Arc<Record>> {
        let oldest = self.records.front()?.0.revision;
        let index = usize::try_from(revision.get().checked_sub(oldest.get())?).ok()?;
        self.records.get(index).map(|(record, _)| Arc::clone(record))
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::change::ChangeSet;
    use mycelia_flags_core::revision::Timestamp;

    use super::*;

    fn ring(revisions: std::ops::RangeInclusive<u64>, records_max: usize, bytes_max: usize) -> Recent {
        let mut recent = Recent::new(records_max, bytes_max);
        for revision in revisions {
            let record = Record {
                revision: Revision::new(revision),
                committed_at: Timestamp::default(),
                change_set: ChangeSet::default(),
                writes: Vec::new(),
                idempotency_key: Box::default(),
            };
            recent.push(Arc::new(record), 10);
        }
        recent
    }

    #[track_caller]
    fn check(recent: &Recent, after: u64, head: u64, expected: Option<&[u64]>) {
        let found = recent.after(Revision::new(after), Revision::new(head));
        let found =
            found.map(|records| records.iter().map(|record| record.revision.get()).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "after {after}, head {head}");
    }

    #[test]
    fn what_comes_after_a_revision_is_handed_out_up_to_the_visible_head() {
        let recent = ring(3..=7, 100, 1_000);
        check(&recent, 2, 7, Some(&[3, 4, 5, 6, 7]));
        check(&recent, 5, 7, Some(&[6, 7]));
        check(&recent, 5, 6, Some(&[6]));
        check(&recent, 2, 4, Some(&[3, 4]));
        check(&recent, 7, 7, Some(&[]));
        check(&recent, 9, 7, Some(&[]));
    }

    #[test]
    fn a_place_before_the_oldest_record_has_no_answer() {
        let recent = ring(3..=7, 100, 1_000);
        check(&recent, 1, 7, None);
        check(&recent, 0, 7, None);
        check(&Recent::new(1, 1), 0, 7, None);
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_by_size_and_the_newest_stays() {
        check(&ring(1..=7, 2, 1_000), 5, 7, Some(&[6, 7]));
        check(&ring(1..=7, 2, 1_000), 4, 7, None);
        check(&ring(1..=7, 100, 25), 5, 7, Some(&[6, 7]));
        check(&ring(1..=7, 100, 5), 6, 7, Some(&[7]));
    }

    #[test]
    fn a_single_record_is_found_by_its_revision() {
        let recent = ring(3..=7, 100, 1_000);
        assert_eq!(recent.record(Revision::new(4)).unwrap().revision.get(), 4);
        for missing in [0, 2, 8] {
            assert!(recent.record(Revision::new(missing)).is_none());
        }
    }
}
