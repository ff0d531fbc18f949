//! The past, read back from the log: what was there at a revision, and which revision was there at a moment.
//!
//! The reading is the writer's work, in pieces between its groups; folding is the caller's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::{Mutex as Turn, mpsc};

use super::envelope::{read_record, read_stamp};
use super::limits::PAST_SNAPSHOTS_MAX;
use super::read::{Backwards, ReadError, read_piece};
use super::writer::Command;

/// The snapshots that were asked for last.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The one that was asked for last comes first.
    kept: Mutex<VecDeque<Arc<Snapshot>>>,
    /// One fold at a time: each holds a whole state in memory, and whoever waits mostly wants the same one.
    turn: Turn<()>,
}

impl Past {
    /// Folds the log up to a revision that is there.
    pub(super) async fn snapshot_at(
        &self,
        commands: &mpsc::Sender<Command>,
        revision: Revision,
    ) -> Result<Arc<Snapshot>, ReadError> {
        if let Some(kept) = self.kept(revision) {
            return Ok(kept);
        }
        let _turn = self.turn.lock().await;
        if let Some(kept) = self.kept(revision) {
            return Ok(kept);
        }
        let mut snapshot = self.nearest(revision);
        while snapshot.revision() < revision {
            let after = snapshot.revision();
            for sealed in read_piece(commands, after, revision).await? {
                let next = snapshot.revision().next();
                let (record, _) = read_record(&sealed).map_err(|fault| ReadError::damaged(next, &fault))?;
                snapshot.fold(&record).map_err(|gap| ReadError::Log { what: gap.to_string() })?;
            }
            if snapshot.revision() == after {
                return Err(ReadError::Log { what: format!("nothing follows revision {after}") });
            }
        }
        let snapshot = Arc::new(snapshot);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front(Arc::clone(&snapshot));
        kept.truncate(PAST_SNAPSHOTS_MAX);
        Ok(snapshot)
    }

    fn kept(&self, revision: Revision) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|snapshot| snapshot.revision() == revision)?;
        let found = kept.remove(at)?;
        kept.push_front(Arc::clone(&found));
        Some(found)
    }

    /// Where to begin: the newest snapshot that is not beyond the revision, or the empty one. A copy shares everything.
    fn nearest(&self, revision: Revision) -> Snapshot {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.iter().filter(|snapshot| snapshot.revision() < revision);
        let nearest = before.max_by_key(|snapshot| snapshot.revision());
        nearest.map(|nearest| Snapshot::clone(nearest)).unwrap_or_default()
    }
}

/// The last revision up to the head that was committed at or before a moment; zero when there was none.
pub(super) async fn revision_at(
    commands: &mpsc::Sender<Command>,
    head: Revision,
    moment: Timestamp,
) -> Result<Revision, ReadError> {
    let mut log = Backwards::from(commands, head);
    let mut expected = head;
    loop {
        let piece = log.piece().await?;
        if piece.is_empty() {
            return Ok(Revision::ZERO);
        }
        for sealed in piece {
            let (revision, committed_at) =
                read_stamp(&sealed).map_err(|fault| ReadError::damaged(expected, &fault))?;
            if committed_at <= moment {
                return Ok(revision);
            }
            expected = Revision::new(revision.get().saturating_sub(1));
        }
    }
}
