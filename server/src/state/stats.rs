//! What the writer counts. Nothing here names a metric: the edge exports.

use std::sync::atomic::{AtomicU64, Ordering};

use super::commit::{CommitError, Committed};

/// What the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Records that were written.
    pub commits: u64,
    /// Groups that were made durable; each cost one sync.
    pub groups: u64,
    /// Records in the last group.
    pub group_records_last: u64,
    /// Records in the largest group.
    pub group_records_max: u64,
    /// How long the last group took to become durable.
    pub append_micros_last: u64,
    /// How long all groups together took to become durable.
    pub append_micros_total: u64,
    /// Change sets that were rejected.
    pub rejected: u64,
    /// Requests that were answered with the record of an earlier one.
    pub replayed: u64,
    /// Commands that wait for the writer now.
    pub waiting: u64,
    /// Bytes of the log on disk, or in memory.
    pub log_bytes: u64,
}

/// The writer's side of it.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) groups: AtomicU64,
    pub(super) group_records_last: AtomicU64,
    pub(super) group_records_max: AtomicU64,
    pub(super) append_micros_last: AtomicU64,
    pub(super) append_micros_total: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) log_bytes: AtomicU64,
}

impl Counters {
    pub(super) fn opened(&self, log_bytes: u64) {
        self.log_bytes.store(log_bytes, Ordering::Relaxed);
    }

    pub(super) fn group(&self, records: usize, micros: u64, log_bytes: u64) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.commits.fetch_add(records, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.group_records_last.store(records, Ordering::Relaxed);
        self.group_records_max.fetch_max(records, Ordering::Relaxed);
        self.append_micros_last.store(micros, Ordering::Relaxed);
        self.append_micros_total.fetch_add(micros, Ordering::Relaxed);
        self.log_bytes.store(log_bytes, Ordering::Relaxed);
    }

    pub(super) fn outcome(&self, outcome: &Result<Committed, CommitError>) {
        match outcome {
            Ok(committed) if committed.replayed => self.replayed.fetch_add(1, Ordering::Relaxed),
            Err(CommitError::Rejected(_)) => self.rejected.fetch_add(1, Ordering::Relaxed),
            _ => return,
        };
    }

    pub(super) fn read(&self, waiting: usize) -> StoreStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreStats {
            commits: read(&self.commits),
            groups: read(&self.groups),
            group_records_last: read(&self.group_records_last),
            group_records_max: read(&self.group_records_max),
            append_micros_last: read(&self.append_micros_last),
            append_micros_total: read(&self.append_micros_total),
            rejected: read(&self.rejected),
            replayed: read(&self.replayed),
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
            log_bytes: read(&self.log_bytes),
        }
    }
}
