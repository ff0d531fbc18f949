//! What the subscribers of one scope read: its state, the deltas that led there, and the bytes of both.
//!
//! Pure: time, randomness and waiting are elsewhere, so that a simulation can step it. One invariant carries the
//! rest: the steps in the ring are contiguous (each builds on the revision of the one before) and the last one leads
//! to the view.

mod state;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::update::{Update, View};
use state::ScopeState;

use super::encode::Encode;
use super::limits::{FEED_BYTES_MAX, FEED_STEPS_MAX, MERGED_FRAMES_MAX, SINGLE_FRAMES_MAX};
use super::scope::{Projector, Scope};
use crate::state::Epoch;

/// The feed of a scope.
#[derive(Debug)]
pub struct Feed {
    state: ScopeState,
    epoch: Epoch,
    bucketing: Generation,
    steps: VecDeque<Step>,
    step_bytes: usize,
    snapshot_frame: Option<Bytes>,
    /// Deltas merged for late readers, by the revision that they build on. All lead to the view's revision.
    merged_frames: BTreeMap<Revision, Bytes>,
    counts: Counts,
}

/// What was encoded and handed out, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Deltas that were encoded: one for each revision that touched the scope.
    pub deltas_encoded: u64,
    /// Snapshots that were encoded.
    pub snapshots_encoded: u64,
    /// Deltas that were handed out.
    pub deltas_sent: u64,
    /// Snapshots that were handed out.
    pub snapshots_sent: u64,
    /// Merged deltas that were handed out to late readers.
    pub merged_sent: u64,
}

#[derive(Debug)]
struct Step {
    update: Update<Bytes>,
    committed_at: Timestamp,
    frame: Bytes,
}

/// Where a subscriber stands: the revision of the scope that it holds, or nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// It holds nothing of use.
    Nowhere,
    /// It holds the scope's state at this revision.
    At(Revision),
}

/// What a subscriber says that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The identity of the store that it comes from.
    pub epoch: Option<Epoch>,
    /// The revision.
    pub revision: Revision,
    /// The digest of the state.
    pub digest: Option<Digest>,
}

impl Feed {
    /// The feed of a scope that begins at a snapshot.
    #[must_use]
    pub fn begin(
        scope: Scope,
        epoch: Epoch,
        snapshot: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> Self {
        Self {
            state: ScopeState::begin(scope, snapshot, projector, encode),
            epoch,
            bucketing: snapshot.settings().bucketing,
            steps: VecDeque::new(),
            step_bytes: 0,
            snapshot_frame: None,
            merged_frames: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// The newest revision of the scope.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.view().revision()
    }

    /// The digest of the state at that revision.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.view().digest()
    }

    /// The scope's state.
    #[must_use]
    pub const fn view(&self) -> &View<Bytes> {
        self.state.view()
    }

    /// What was encoded and handed out so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes in a record; `after` is the snapshot with the record folded in. Answers whether the scope was touched.
    pub fn advance(
        &mut self,
        record: &Record,
        after: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> bool {
        let update = self.state.advance(record, after, projector, encode);
        update.is_some_and(|update| self.push(update, record.committed_at, encode))
    }

    /// Goes over to a snapshot when the records in between are no longer at hand.
    pub fn jump(
        &mut self,
        snapshot: &Snapshot,
        at: Timestamp,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> bool {
        let update = self.state.jump(snapshot, projector, encode);
        update.is_some_and(|update| self.push(update, at, encode))
    }

    fn push(&mut self, update: Update<Bytes>, committed_at: Timestamp, encode: &dyn Encode) -> bool {
        let frame = encode.delta(&update, committed_at);
        self.counts.deltas_encoded += 1;
        self.step_bytes += frame.len();
        self.steps.push_back(Step { update, committed_at, frame });
        while self.steps.len() > FEED_STEPS_MAX || (self.step_bytes > FEED_BYTES_MAX && self.steps.len() > 1)
        {
            let dropped = self.steps.pop_front();
            self.step_bytes -= dropped.map_or(0, |step| step.frame.len());
        }
        self.snapshot_frame = None;
        self.merged_frames.clear();
        true
    }

    /// Where a subscriber stands that says what it holds. Whatever is unknown, foreign, too old or from the future
    /// stands nowhere and gets a snapshot.
    #[must_use]
    pub fn cursor(&self, known: &Known) -> Cursor {
        if known.epoch != Some(self.epoch) {
            return Cursor::Nowhere;
        }
        // Equal content needs no sending, whatever revision it was called before a restart.
        if known.digest == Some(self.digest()) && known.revision <= self.revision() {
            return Cursor::At(self.revision());
        }
        if known.digest.is_none() && known.revision == self.revision() && known.revision > Revision::ZERO {
            return Cursor::At(known.revision);
        }
        match self.position(known.revision) {
            Some(_) => Cursor::At(known.revision),
            None => Cursor::Nowhere,
        }
    }

    /// The frame that brings a subscriber on, and where it stands then; none when it lacks nothing.
    pub fn next(&mut self, cursor: Cursor, encode: &dyn Encode) -> Option<(Bytes, Cursor)> {
        let Cursor::At(held) = cursor else {
            return Some(self.whole(encode));
        };
        // `<`, never `!=`: a subscriber that is ahead waits; handing it an older state would send it back in time.
        if held >= self.revision() {
            return None;
        }
        let Some(position) = self.position(held) else {
            return Some(self.whole(encode));
        };
        if self.steps.len() - position > SINGLE_FRAMES_MAX {
            return Some(self.merged(held, position, encode));
        }
        let step = self.steps.get(position)?;
        self.counts.deltas_sent += 1;
        Some((step.frame.clone(), Cursor::At(step.update.revision)))
    }

    fn whole(&mut self, encode: &dyn Encode) -> (Bytes, Cursor) {
        let frame = match &self.snapshot_frame {
            Some(frame) => frame.clone(),
            None => {
                self.counts.snapshots_encoded += 1;
                let frame = encode.snapshot(self.epoch, self.bucketing, self.state.view());
                self.snapshot_frame.insert(frame).clone()
            }
        };
        self.counts.snapshots_sent += 1;
        (frame, Cursor::At(self.view().revision()))
    }

    /// One frame for many steps. When it would name most of what the scope holds, a snapshot says it shorter.
    fn merged(&mut self, held: Revision, position: usize, encode: &dyn Encode) -> (Bytes, Cursor) {
        if let Some(frame) = self.merged_frames.get(&held) {
            self.counts.merged_sent += 1;
            return (frame.clone(), Cursor::At(self.view().revision()));
        }
        let mut pending = self.steps.range(position..);
        let first = pending.next().map(|step| (step.update.clone(), step.committed_at));
        let merged = pending.try_fold(first, |merged, step| match merged {
            Some((update, _)) => update.merge(&step.update).map(|update| Some((update, step.committed_at))),
            None => None,
        });
        match merged.flatten() {
            Some((update, at)) if update.len() * 2 <= self.state.len() => {
                let frame = encode.delta(&update, at);
                if self.merged_frames.len() < MERGED_FRAMES_MAX {
                    self.merged_frames.insert(held, frame.clone());
                }
                self.counts.merged_sent += 1;
                (frame, Cursor::At(update.revision))
            }
            _ => self.whole(encode),
        }
    }

    /// The revision that a subscriber must hold to have everything up to `revision`, and whether `revision` itself
    /// touched the scope.
    #[must_use]
    pub fn needed(&self, revision: Revision) -> (Revision, bool) {
        let after = self.steps.partition_point(|step| step.update.revision <= revision);
        match after.checked_sub(1).and_then(|last| self.steps.get(last)) {
            Some(step) => (step.update.revision, step.update.revision == revision),
            // Nothing that is remembered is that old. What began before is not known to be elsewhere, so everybody is
            // asked to hold what the feed began with; what came later did not touch the scope.
            None => {
                let base =
                    self.steps.front().map_or_else(|| self.view().revision(), |step| step.update.previous);
                (base, revision <= base)
            }
        }
    }

    /// The first revision that touched the scope after the one that a subscriber holds; none when it holds everything.
    #[must_use]
    pub fn lacks(&self, held: Revision) -> Option<Revision> {
        let base = self.steps.front().map_or_else(|| self.view().revision(), |step| step.update.previous);
        if held < base {
            return Some(base);
        }
        let after = self.steps.partition_point(|step| step.update.revision <= held);
        self.steps.get(after).map(|step| step.update.revision)
    }

    /// The step that builds on a revision.
    fn position(&self, held: Revision) -> Option<usize> {
        self.steps.binary_search_by_key(&held, |step| step.update.previous).ok()
    }
}

#[cfg(test)]
mod tests;
