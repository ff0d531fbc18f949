//! Who is connected, and what each of them has applied.
//!
//! The identity of a stream (given by the server, named in acknowledgements) is not the identity of an instance: an
//! instance that reconnects quickly has two streams for a moment, and the end of the old one must not touch the new.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mycelia_flags_core::revision::{Revision, Timestamp};
use tokio::sync::watch;

use super::contract::Declared;
use super::limits::{ACKNOWLEDGEMENTS_MAX, REFUSED_BYTES_MAX, SUBSCRIPTIONS_MAX};
use super::scope::Scope;

/// Names a stream, for as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// What a subscriber says about itself, and what its connection tells.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The instance's own name.
    pub instance: String,
    /// The SDK and its version.
    pub sdk: String,
    /// The peer's network address.
    pub address: String,
    /// It only looks on; nobody waits for it.
    pub observer: bool,
    /// It speaks a protocol without acknowledgements: what was delivered is all that is known of it.
    pub delivered_only: bool,
    /// The flags that it needs.
    pub declared: Vec<Declared>,
}

impl Identity {
    /// Whether it counts where convergence is counted: it can say that it has applied something, and is there for that.
    #[must_use]
    pub const fn is_waited_for(&self) -> bool {
        !self.observer && !self.delivered_only
    }
}

/// Ends the connection of a stream that cannot even be told that it ends.
pub type Cut = Arc<dyn Fn() + Send + Sync>;

/// One connected stream.
pub struct Entry {
    /// Names the stream.
    pub stream: StreamId,
    /// What it follows.
    pub scope: Scope,
    /// Who it is.
    pub identity: Identity,
    /// Since when.
    pub connected_at: Timestamp,
    sent: AtomicU64,
    applied: AtomicU64,
    digest_mismatches: AtomicU64,
    polls: AtomicU64,
    evicted: AtomicBool,
    report: Mutex<Report>,
    pub(super) cut: Option<Cut>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("stream", &self.stream)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Clone)]
struct Report {
    acknowledgements: VecDeque<(Revision, Timestamp)>,
    refused: String,
}

impl Entry {
    /// The newest revision that was handed to the connection.
    #[must_use]
    pub fn sent(&self) -> Revision {
        Revision::new(self.sent.load(Ordering::Relaxed))
    }

    /// The newest revision that was acknowledged.
    #[must_use]
    pub fn applied(&self) -> Revision {
        Revision::new(self.applied.load(Ordering::Acquire))
    }

    /// How many updates were discarded because of a wrong digest.
    #[must_use]
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches.load(Ordering::Relaxed)
    }

    /// When the newest acknowledgement came.
    #[must_use]
    pub fn acknowledged_at(&self) -> Option<Timestamp> {
        self.report().acknowledgements.back().map(|(_, at)| *at)
    }

    /// When the first acknowledgement of this revision or a later one came.
    #[must_use]
    pub fn applied_at(&self, revision: Revision) -> Option<Timestamp> {
        self.report().acknowledgements.iter().find(|(applied, _)| *applied >= revision).map(|(_, at)| *at)
    }

    /// Why the newest update was refused; empty when it was not.
    #[must_use]
    pub fn refused(&self) -> String {
        self.report().refused.clone()
    }

    /// Notes what was handed to a connection that cannot acknowledge it.
    pub fn note_delivered(&self, revision: Revision) {
        debug_assert!(self.identity.delivered_only, "all others are handed frames");
        self.note_sent(revision);
    }

    pub(super) fn note_sent(&self, revision: Revision) {
        self.sent.store(revision.get(), Ordering::Relaxed);
    }

    pub(super) fn note_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(super) fn evict(&self) {
        self.evicted.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Relaxed)
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a subscriber reports.
#[derive(Debug, Clone, Default)]
pub struct Acknowledgement {
    /// The revision that it serves now.
    pub applied: Revision,
    /// Why it refused a newer one, or a part of it.
    pub refused: String,
    /// How many updates it discarded on this stream because of a wrong digest.
    pub digest_mismatches: u64,
}

/// An acknowledgement was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcknowledgeError {
    /// There is no such stream, or it has ended.
    #[error("there is no stream {0}; it may have ended")]
    UnknownStream(StreamId),
    /// More was acknowledged than was sent.
    #[error("revision {applied} was acknowledged, but the newest one that was sent is {sent}")]
    NotSent {
        /// What was acknowledged.
        applied: Revision,
        /// What was sent.
        sent: Revision,
    },
}

/// There are as many subscriptions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server has {SUBSCRIPTIONS_MAX} subscriptions and takes no more")]
pub struct FullError;

/// All connected streams.
#[derive(Debug)]
pub struct Registry {
    entries: Mutex<BTreeMap<StreamId, Arc<Entry>>>,
    next: AtomicU64,
    /// Moves whenever somebody comes, goes or reports.
    moved: watch::Sender<u64>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { entries: Mutex::default(), next: AtomicU64::new(1), moved: watch::Sender::new(0) }
    }
}

impl Registry {
    /// Adds a stream.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn add(
        &self,
        scope: Scope,
        identity: Identity,
        cut: Option<Cut>,
        at: Timestamp,
    ) -> Result<Arc<Entry>, FullError> {
        let mut entries = self.entries();
        if entries.len() >= SUBSCRIPTIONS_MAX {
            return Err(FullError);
        }
        let stream = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let entry = Arc::new(Entry {
            stream,
            scope,
            identity,
            connected_at: at,
            sent: AtomicU64::new(0),
            applied: AtomicU64::new(0),
            digest_mismatches: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            evicted: AtomicBool::new(false),
            report: Mutex::default(),
            cut,
        });
        entries.insert(stream, Arc::clone(&entry));
        drop(entries);
        self.move_on();
        Ok(entry)
    }

    /// Removes a stream.
    pub fn remove(&self, stream: StreamId) {
        self.entries().remove(&stream);
        self.move_on();
    }

    /// Notes what a subscriber reports. Reports may arrive in any order: the newest revision counts.
    ///
    /// # Errors
    /// When the stream is unknown, or the revision was never sent to it.
    pub fn acknowledge(
        &self,
        stream: StreamId,
        acknowledgement: Acknowledgement,
        at: Timestamp,
    ) -> Result<(), AcknowledgeError> {
        let entry = self.entries().get(&stream).cloned().ok_or(AcknowledgeError::UnknownStream(stream))?;
        let Acknowledgement { applied, mut refused, digest_mismatches } = acknowledgement;
        if applied > entry.sent() {
            return Err(AcknowledgeError::NotSent { applied, sent: entry.sent() });
        }
        refused.truncate(refused.floor_char_boundary(REFUSED_BYTES_MAX));
        {
            let mut report = entry.report();
            if applied > entry.applied() {
                report.acknowledgements.push_back((applied, at));
                if report.acknowledgements.len() > ACKNOWLEDGEMENTS_MAX {
                    report.acknowledgements.pop_front();
                }
                entry.applied.store(applied.get(), Ordering::Release);
            }
            report.refused = refused;
        }
        entry.digest_mismatches.fetch_max(digest_mismatches, Ordering::Relaxed);
        self.move_on();
        Ok(())
    }

    /// All streams, in the order in which they connected.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Entry>> {
        self.entries().values().cloned().collect()
    }

    /// How many streams there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Moves whenever somebody comes, goes or reports.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    fn move_on(&self) {
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<StreamId, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::key::EnvironmentKey;

    use super::*;

    fn add(registry: &Registry) -> Result<Arc<Entry>, FullError> {
        let scope = Scope { environment: EnvironmentKey::new("production"), service: None };
        registry.add(scope, Identity::default(), None, Timestamp::default())
    }

    fn applied(revision: u64) -> Acknowledgement {
        Acknowledgement { applied: Revision::new(revision), ..Acknowledgement::default() }
    }

    #[test]
    fn there_are_only_so_many_subscriptions_and_one_that_ends_makes_room() {
        let registry = Registry::default();
        let mut first = None;
        for _ in 0..SUBSCRIPTIONS_MAX {
            let entry = add(&registry).unwrap();
            first.get_or_insert(entry.stream);
        }
        assert_eq!(add(&registry).unwrap_err(), FullError);
        registry.remove(first.unwrap());
        add(&registry).unwrap();
    }

    #[test]
    fn the_newest_acknowledgement_counts_whatever_the_order() {
        let registry = Registry::default();
        let entry = add(&registry).unwrap();
        entry.note_sent(Revision::new(9));
        let mut at = (1..).map(Timestamp::from_unix_micros);
        for revision in [3, 9, 5] {
            registry.acknowledge(entry.stream, applied(revision), at.next().unwrap()).unwrap();
        }
        assert_eq!(entry.applied(), Revision::new(9));
        assert_eq!(entry.applied_at(Revision::new(2)), Some(Timestamp::from_unix_micros(1)));
        assert_eq!(entry.applied_at(Revision::new(4)), Some(Timestamp::from_unix_micros(2)));
        assert_eq!(entry.applied_at(Revision::new(10)), None);
    }

    #[test]
    fn what_is_remembered_of_a_stream_is_bounded() {
        let registry = Registry::default();
        let entry = add(&registry).unwrap();
        entry.note_sent(Revision::new(1_000));
        for revision in 1..=1_000 {
            let refused = "é".repeat(REFUSED_BYTES_MAX);
            let acknowledgement = Acknowledgement { refused, ..applied(revision) };
            registry.acknowledge(entry.stream, acknowledgement, Timestamp::default()).unwrap();
        }
        assert_eq!(entry.report().acknowledgements.len(), ACKNOWLEDGEMENTS_MAX);
        assert_eq!(entry.refused().len(), REFUSED_BYTES_MAX);
    }
}
