//! A group of change sets on their way into the log: checked one after the other, each against what the ones before it
//! did, and not yet durable.
//!
//! Nothing in here may be shown or answered before the group is durable. That holds for rejections and dry runs too:
//! they were judged against changes that could still fail.

use std::sync::{Arc, PoisonError};

use mycelia_flags_core::check::{Checked, Circumstances, Undone, check};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::schema::Schemas;
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::oneshot;

use super::commit::{CommitError, CommitRequest, Committed};
use super::envelope::{Position, Sealed, read_record};
use super::form::hash_intent;
use super::limits::{GROUP_BYTES_MAX, GROUP_REQUESTS_MAX, READ_BYTES_MAX, RECORD_BYTES_MAX};
use super::log::Log;
use super::remembered::{Earlier, Remembered};
use super::store::Visible;
use super::writer::Waiting;
use crate::clock::SharedClock;

pub(super) type Answer = oneshot::Sender<Result<Committed, CommitError>>;

/// What a request is judged with, beside the group itself.
pub(super) struct Bench<'w> {
    pub(super) log: &'w mut dyn Log,
    pub(super) remembered: &'w mut Remembered,
    pub(super) visible: &'w Visible,
    pub(super) clock: &'w SharedClock,
    pub(super) schemas: &'w dyn Schemas,
}

/// Change sets that become durable together.
pub(super) struct Group {
    /// The snapshot as it will be.
    pub(super) working: Snapshot,
    position: Position,
    pub(super) records: Vec<Arc<Record>>,
    /// The same records in the same order, encoded.
    pub(super) sealed: Vec<Sealed>,
    bytes: usize,
    pub(super) answers: Vec<(Answer, Result<Committed, CommitError>)>,
}

impl Group {
    pub(super) fn on(snapshot: &Snapshot, position: Position) -> Self {
        debug_assert_eq!(snapshot.revision(), position.revision, "the snapshot is the fold of the log");
        Self {
            working: snapshot.clone(),
            position,
            records: Vec::new(),
            sealed: Vec::new(),
            bytes: 0,
            answers: Vec::new(),
        }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.answers.len() < GROUP_REQUESTS_MAX && self.bytes < GROUP_BYTES_MAX
    }

    /// Where the log will stand.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Judges a request and keeps its answer for later.
    pub(super) fn admit(&mut self, waiting: Waiting, bench: &mut Bench<'_>) {
        let Waiting { request, undone, answer } = waiting;
        let outcome = self.judge(request, &undone, bench);
        self.answers.push((answer, outcome));
    }

    fn judge(
        &mut self,
        request: CommitRequest,
        undone: &[Undone],
        bench: &mut Bench<'_>,
    ) -> Result<Committed, CommitError> {
        if let Some(committed) = self.repeated(&request, bench)? {
            return Ok(committed);
        }
        let at = bench.clock.now();
        let head = self.working.revision();
        if let Some(expected) = request.expected_revision.filter(|expected| *expected != head) {
            return Err(mismatch(expected, head).into());
        }
        let circumstances = Circumstances { origin: request.origin, at, schemas: bench.schemas, undone };
        let Checked { writes, warnings } = check(&self.working, &request.change_set, circumstances)?;
        if request.dry_run || writes.is_empty() {
            return Ok(Committed { revision: head, committed_at: at, writes, warnings, replayed: false });
        }
        let record = Record {
            revision: head.next(),
            committed_at: at,
            change_set: request.change_set,
            writes,
            idempotency_key: request.idempotency_key,
        };
        self.stage(record, warnings, bench.remembered)
    }

    /// The answer to a request that was made before under the same key.
    fn repeated(
        &self,
        request: &CommitRequest,
        bench: &mut Bench<'_>,
    ) -> Result<Option<Committed>, CommitError> {
        if request.idempotency_key.is_empty() {
            return Ok(None);
        }
        let Some(earlier) = bench.remembered.find(&request.idempotency_key).cloned() else {
            return Ok(None);
        };
        if earlier.intent != hash_intent(&request.change_set) {
            return Err(reused(&request.idempotency_key, earlier.revision).into());
        }
        let record = self.record(earlier.revision, bench)?;
        Ok(Some(Committed {
            revision: record.revision,
            committed_at: record.committed_at,
            writes: record.writes.clone(),
            warnings: earlier.warnings,
            replayed: true,
        }))
    }

    /// A record of this group, of the recent ones, or from the log.
    fn record(&self, revision: Revision, bench: &mut Bench<'_>) -> Result<Arc<Record>, CommitError> {
        if let Some(record) = self.records.iter().find(|record| record.revision == revision) {
            return Ok(Arc::clone(record));
        }
        let recent = bench.visible.recent.lock().unwrap_or_else(PoisonError::into_inner).record(revision);
        if let Some(record) = recent {
            return Ok(record);
        }
        let before = Revision::new(revision.get().saturating_sub(1));
        let read = bench.log.read(before, revision, READ_BYTES_MAX);
        let sealed = read.ok().and_then(|records| records.into_iter().next());
        sealed
            .and_then(|sealed| read_record(&sealed).ok())
            .map(|(record, _)| Arc::new(record))
            .ok_or(CommitError::Unreadable { revision })
    }

    /// Folds a checked record in, seals it and remembers its key.
    fn stage(
        &mut self,
        record: Record,
        warnings: Vec<String>,
        remembered: &mut Remembered,
    ) -> Result<Committed, CommitError> {
        let sealed = Sealed::seal(&record, self.position);
        if sealed.bytes.len() > RECORD_BYTES_MAX {
            return Err(oversized(sealed.bytes.len()).into());
        }
        if let Err(gap) = self.working.fold(&record) {
            debug_assert!(false, "{gap}: the record was made for this snapshot");
            return Err(CommitError::Unavailable);
        }
        if !record.idempotency_key.is_empty() {
            // Remembered before it is durable: if the group fails, the writer is poisoned and answers nobody from here.
            let intent = hash_intent(&record.change_set);
            let earlier = Earlier { revision: record.revision, intent, warnings: warnings.clone() };
            remembered.insert(&record.idempotency_key, earlier);
        }
        let committed = Committed {
            revision: record.revision,
            committed_at: record.committed_at,
            writes: record.writes.clone(),
            warnings,
            replayed: false,
        };
        self.position = sealed.position;
        self.bytes += sealed.bytes.len();
        self.records.push(Arc::new(record));
        self.sealed.push(sealed);
        Ok(committed)
    }
}

fn mismatch(expected: Revision, head: Revision) -> Rejection {
    Rejection::one(Violation {
        reason: Reason::RevisionMismatch,
        field: "expected_revision".to_owned(),
        value: expected.to_string(),
        allowed: format!("{head}, the store's head, or no expectation"),
    })
}

fn reused(key: &str, revision: Revision) -> Rejection {
    Rejection::one(Violation {
        reason: Reason::IdempotencyKeyReused,
        field: "idempotency_key".to_owned(),
        value: key.to_owned(),
        allowed: format!(
            "a key of its own: revision {revision} was committed under this one with another change set"
        ),
    })
}

fn oversized(bytes: usize) -> Rejection {
    Rejection::one(Violation {
        reason: Reason::TooLarge,
        field: "changes".to_owned(),
        value: format!("a record of {bytes} bytes"),
        allowed: format!("changes whose record has at most {RECORD_BYTES_MAX} bytes"),
    })
}
