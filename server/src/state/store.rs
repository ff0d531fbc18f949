//! The handle of the state floor. Cheap to clone; all clones are one store.
//!
//! Reads of the present take no lock that a write holds for long and never touch the disk. Everything that does touch it
//! is the writer thread's work, and is asked for by commands in one bounded queue.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use mycelia_flags_core::check::Undone;
use mycelia_flags_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::{Mutex as Turn, mpsc, oneshot, watch};

use super::backup::{self, BackupSummary};
use super::commit::{CommitError, CommitRequest, Committed, WriterHealth};
use super::epoch::Epoch;
use super::history::{self, HistoryPage, HistoryQuery};
use super::open_error::OpenError;
use super::opening::{self, StoreOptions};
use super::past::{self, Past};
use super::read::ReadError;
use super::recent::Recent;
use super::stats::{Counters, StoreStats};
use super::undone;
use super::writer::{Command, Waiting, WriterThread};
use crate::clock::SharedClock;

/// All flags, their whole history, and the one place where they change.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// The queue stands before the thread: it is dropped first, so that a store that was never closed still ends its
/// writer, and waits for it.
#[derive(Debug)]
struct Inner {
    commands: mpsc::Sender<Command>,
    visible: Arc<Visible>,
    past: Past,
    /// One change set that undoes something at a time: what it undoes is held in memory, and found by reading the log.
    undoing: Turn<()>,
    _writer: WriterThread,
}

/// What the writer shows to everybody.
#[derive(Debug)]
pub(super) struct Visible {
    pub(super) epoch: Epoch,
    pub(super) snapshot: ArcSwap<Snapshot>,
    pub(super) recent: Mutex<Recent>,
    pub(super) head: watch::Sender<Revision>,
    pub(super) health: watch::Sender<WriterHealth>,
    pub(super) counters: Counters,
}

impl Store {
    /// Opens the store, or creates it. Reads and verifies the whole log, then starts the writer thread. Blocks until
    /// that is done.
    ///
    /// # Errors
    /// When the store cannot be used; nothing that was acknowledged is ever given up silently.
    pub fn open(options: StoreOptions, clock: SharedClock) -> Result<Self, OpenError> {
        opening::open(options, clock)
    }

    pub(super) fn new(commands: mpsc::Sender<Command>, visible: Arc<Visible>, writer: WriterThread) -> Self {
        let (past, undoing) = (Past::default(), Turn::new(()));
        Self { inner: Arc::new(Inner { commands, visible, past, undoing, _writer: writer }) }
    }

    /// The identity of the store. A revision means nothing without it.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.inner.visible.epoch
    }

    /// All entities as they are now. Never shows anything that is not durable.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.visible.snapshot.load_full()
    }

    /// The newest revision that is visible, and word of each new one.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Revision> {
        self.inner.visible.head.subscribe()
    }

    /// Commits a change set. Once asked for, it goes on even if the caller does not wait for the answer.
    ///
    /// # Errors
    /// When it was not committed; nothing of it has happened then, except as [`CommitError::Poisoned`] says.
    pub async fn commit(&self, request: CommitRequest) -> Result<Committed, CommitError> {
        check_key(&request.idempotency_key)?;
        // What was requested is never changed, so an older snapshot does.
        let snapshot = self.snapshot();
        if !undone::undoes(&request.change_set, &snapshot) {
            return self.submit(request, Vec::new()).await;
        }
        let _turn = self.inner.undoing.lock().await;
        // What becomes visible after this was not read; the check compares with the state that it finds.
        let head = *self.inner.visible.head.borrow();
        let undone = undone::read(&self.inner.commands, &request.change_set, &snapshot, head).await?;
        self.submit(request, undone).await
    }

    async fn submit(&self, request: CommitRequest, undone: Vec<Undone>) -> Result<Committed, CommitError> {
        let (answer, answered) = oneshot::channel();
        match self.inner.commands.try_send(Command::Commit(Waiting { request, undone, answer })) {
            Ok(()) => answered.await.unwrap_or(Err(CommitError::Unavailable)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CommitError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(CommitError::Unavailable),
        }
    }

    /// The records after a revision, up to the visible head; none when some of them are no longer in memory.
    #[must_use]
    pub fn records_after(&self, after: Revision) -> Option<Vec<Arc<Record>>> {
        // The head is read first: whatever is pushed while we wait for the lock lies beyond it and stays hidden.
        let head = *self.inner.visible.head.borrow();
        let recent = self.inner.visible.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.after(after, head)
    }

    /// A page of the history. Its work is bounded; [`HistoryPage::scanned`] says where to go on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, ReadError> {
        let head = *self.inner.visible.head.borrow();
        history::history(&self.inner.commands, &query, head).await
    }

    /// All entities as they were at a revision; none when there is no such revision. Reads the log from its beginning,
    /// or from where somebody has asked before; commits go on meanwhile.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn snapshot_at(&self, revision: Revision) -> Result<Option<Arc<Snapshot>>, ReadError> {
        let now = self.snapshot();
        if revision == now.revision() {
            return Ok(Some(now));
        }
        if revision == Revision::ZERO || revision > now.revision() {
            return Ok(None);
        }
        self.inner.past.snapshot_at(&self.inner.commands, revision).await.map(Some)
    }

    /// The last revision, in the order of revisions, that was committed at or before a moment; zero when there was none.
    /// A clock that was set back makes moments return: the later revision counts. Reads the log from its end.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn revision_at(&self, moment: Timestamp) -> Result<Revision, ReadError> {
        let head = *self.inner.visible.head.borrow();
        past::revision_at(&self.inner.commands, head, moment).await
    }

    /// Whether the writer takes change sets.
    #[must_use]
    pub fn writer_health(&self) -> watch::Receiver<WriterHealth> {
        self.inner.visible.health.subscribe()
    }

    /// Streams the log up to the head of now, in chunks of at most 64 KiB. Commits go on meanwhile.
    ///
    /// # Errors
    /// When the log cannot be read or nobody takes the chunks. What was sent is then no backup: it lacks its trailer.
    pub async fn backup(&self, sink: mpsc::Sender<Bytes>) -> Result<BackupSummary, ReadError> {
        let head = *self.inner.visible.head.borrow();
        backup::backup(&self.inner.commands, self.epoch(), head, sink).await
    }

    /// Commits what was asked for before, then closes the log. When this returns the lock is free: the same directory
    /// can be opened at once.
    pub async fn close(&self) {
        let mut health = self.writer_health();
        // An error says that the writer has ended already, or that another one is closing it.
        self.inner.commands.send(Command::Close).await.ok();
        health.wait_for(|health| *health == WriterHealth::Closed).await.ok();
    }

    /// What the writer has done so far.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let commands = &self.inner.commands;
        self.inner.visible.counters.read(commands.max_capacity() - commands.capacity())
    }
}

/// The one part of a request that core does not check, because it is no part of the change set.
fn check_key(key: &str) -> Result<(), Rejection> {
    if key.len() <= IDEMPOTENCY_KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Rejection::one(Violation {
        reason: Reason::TooLarge,
        field: "idempotency_key".to_owned(),
        value: format!("{} bytes", key.len()),
        allowed: format!("at most {IDEMPOTENCY_KEY_BYTES_MAX} bytes"),
    }))
}

#[cfg(test)]
mod tests;
