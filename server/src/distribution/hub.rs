//! The hub: folds new records into the feed of each scope, and lets subscribers read it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mycelia_flags_core::key::{EnvironmentKey, ServiceName};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::contract;
use super::encode::{Encode, Welcome};
use super::feed::{Counts, Cursor, Feed, Known};
use super::limits::IDLE_FEEDS_MAX;
use super::registry::{Cut, FullError, Identity, Registry};
use super::scope::{Projector, Scope};
use super::subscription::{Subscription, Timing};
use crate::clock::SharedClock;
use crate::state::Store;

/// How streams are timed.
#[derive(Debug, Clone, Copy)]
pub struct HubOptions {
    /// The longest silence on a stream.
    pub heartbeat: Duration,
    /// A stream ends when it is this old, give or take a fifth.
    pub stream_age_max: Duration,
    /// A subscriber that lacks something and takes nothing for this long is told to go, and cut off after as long again.
    pub progress_timeout: Duration,
    /// While draining, this many subscribers are asked to come back in each second.
    pub reconnects_per_second: u32,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(20),
            stream_age_max: Duration::from_secs(30 * 60),
            progress_timeout: Duration::from_secs(30),
            reconnects_per_second: 500,
        }
    }
}

/// A feed and the number that its subscribers wait for.
#[derive(Debug)]
pub(super) struct FeedCell {
    feed: Mutex<Feed>,
    pub(super) revision: watch::Sender<Revision>,
}

impl FeedCell {
    pub(super) fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Feeds {
    /// The snapshot that all feeds have taken in.
    position: Arc<Snapshot>,
    cells: BTreeMap<Scope, Arc<FeedCell>>,
    /// What was encoded of the position, so that a new scope costs no encoding.
    projector: Projector,
    /// Of feeds that are gone.
    counts: Counts,
}

/// Why a subscription was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// There is no such environment.
    #[error("there is no environment {environment}")]
    UnknownEnvironment {
        /// What was asked for.
        environment: EnvironmentKey,
        /// What there is.
        environments: Vec<EnvironmentKey>,
    },
    /// There are as many subscriptions as there may be.
    #[error(transparent)]
    Full(#[from] FullError),
    /// The server shuts down.
    #[error("the server is shutting down")]
    Draining,
}

/// What somebody asks for who subscribes.
pub struct SubscribeRequest {
    /// The environment.
    pub environment: EnvironmentKey,
    /// The service.
    pub service: Option<ServiceName>,
    /// Who it is.
    pub identity: Identity,
    /// What it holds.
    pub known: Known,
    /// Ends its connection.
    pub cut: Option<Cut>,
}

/// Distribution's one handle.
#[derive(Debug)]
pub struct Hub {
    store: Store,
    clock: SharedClock,
    encode: Arc<dyn Encode>,
    options: HubOptions,
    registry: Arc<Registry>,
    feeds: Mutex<Feeds>,
    taken_in: watch::Sender<Revision>,
    draining: CancellationToken,
    slow_disconnects: AtomicU64,
}

impl Hub {
    /// A hub over a store.
    #[must_use]
    pub fn new(store: Store, clock: SharedClock, encode: Arc<dyn Encode>, options: HubOptions) -> Arc<Self> {
        let position = store.snapshot();
        let taken_in = watch::Sender::new(position.revision());
        let feeds = Feeds {
            position,
            cells: BTreeMap::new(),
            projector: Projector::default(),
            counts: Counts::default(),
        };
        Arc::new(Self {
            store,
            clock,
            encode,
            options,
            registry: Arc::default(),
            feeds: Mutex::new(feeds),
            taken_in,
            draining: CancellationToken::new(),
            slow_disconnects: AtomicU64::new(0),
        })
    }

    /// The connected streams.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The revision that all feeds have taken in.
    #[must_use]
    pub fn taken_in(&self) -> watch::Receiver<Revision> {
        self.taken_in.subscribe()
    }

    /// Whether the log holds what the feeds have not taken in yet. For a moment after each commit that is so.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        *self.taken_in.borrow() < *self.store.head().borrow()
    }

    /// The clock by which acknowledgements are timed.
    #[must_use]
    pub const fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Streams that were told to go because they made no progress.
    #[must_use]
    pub fn slow_disconnects(&self) -> u64 {
        self.slow_disconnects.load(Ordering::Relaxed)
    }

    /// Cancelled when streams are to end.
    #[must_use]
    pub const fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Ends all streams, politely, and refuses new ones.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Takes in records until it is told to stop. The only task that moves feeds on.
    pub async fn run(self: Arc<Self>, stopping: CancellationToken) {
        let mut head = self.store.head();
        loop {
            let taken_in = *self.taken_in.borrow();
            tokio::select! {
                () = stopping.cancelled() => return,
                moved = head.wait_for(|head| *head > taken_in) => {
                    if moved.is_err() {
                        return;
                    }
                }
            }
            self.take_in(&mut self.feeds());
        }
    }

    /// Folds what the log holds beyond the feeds into them.
    fn take_in(&self, feeds: &mut Feeds) {
        let held = feeds.position.revision();
        let Some(records) = self.store.records_after(held) else {
            return self.jump(feeds);
        };
        for record in records {
            let mut position = Snapshot::clone(&feeds.position);
            if let Err(gap) = position.fold(&record) {
                warn!(%gap, "the log handed out a record that does not follow; going over to the snapshot");
                return self.jump(feeds);
            }
            let Feeds { cells, projector, .. } = feeds;
            projector.forget(&record.writes);
            for cell in cells.values() {
                let mut feed = cell.feed();
                if feed.advance(&record, &position, projector, &*self.encode) {
                    cell.revision.send_replace(feed.revision());
                }
            }
            feeds.position = Arc::new(position);
        }
        self.taken_in.send_replace(feeds.position.revision());
    }

    fn jump(&self, feeds: &mut Feeds) {
        let position = self.store.snapshot();
        debug!(revision = %position.revision(), "feeds go over to the snapshot");
        feeds.projector = Projector::default();
        let Feeds { cells, projector, .. } = &mut *feeds;
        for cell in cells.values() {
            let mut feed = cell.feed();
            if feed.jump(&position, self.clock.now(), projector, &*self.encode) {
                cell.revision.send_replace(feed.revision());
            }
        }
        feeds.position = position;
        self.taken_in.send_replace(feeds.position.revision());
    }

    /// Begins to follow a scope.
    ///
    /// # Errors
    /// When there is no such environment, or the server takes no more subscriptions.
    pub fn subscribe(self: &Arc<Self>, request: SubscribeRequest) -> Result<Subscription, SubscribeError> {
        if self.draining.is_cancelled() {
            return Err(SubscribeError::Draining);
        }
        let SubscribeRequest { environment, service, identity, known, cut } = request;
        let scope = Scope { environment, service };
        let (cell, changed) = self.cell(&scope)?;
        let snapshot = self.store.snapshot();
        let breaches = contract::breaches(&snapshot, scope.service.as_ref(), &identity.declared);
        let entry = self.registry.add(scope.clone(), identity, cut, self.clock.now())?;
        let (cursor, revision, digest) = {
            let feed = cell.feed();
            (feed.cursor(&known), feed.revision(), feed.digest())
        };
        let welcome = Welcome {
            stream: entry.stream,
            epoch: self.store.epoch(),
            revision,
            digest,
            up_to_date: cursor == Cursor::At(revision),
            heartbeat_ms: u32::try_from(self.options.heartbeat.as_millis()).unwrap_or(u32::MAX),
            bucketing: snapshot.settings().bucketing,
            environment: scope.environment.to_string(),
            breaches,
        };
        let welcome = self.encode.welcome(&welcome);
        let timing = Timing::draw(&self.options, self.registry.len());
        let streams = Arc::clone(&self.registry);
        let encode = Arc::clone(&self.encode);
        Ok(Subscription::new(
            cell,
            changed,
            entry,
            streams,
            encode,
            cursor,
            welcome,
            timing,
            self.draining.clone(),
        ))
    }

    /// The feed of a scope, and the number to wait for: handed out together, so that a feed is never forgotten as idle
    /// between the two.
    fn cell(&self, scope: &Scope) -> Result<(Arc<FeedCell>, watch::Receiver<Revision>), SubscribeError> {
        let mut feeds = self.feeds();
        // Whoever subscribes after a change was acknowledged begins with that change, even if the task that takes in
        // records has not had its turn yet.
        if feeds.position.revision() < *self.store.head().borrow() {
            self.take_in(&mut feeds);
        }
        if !feeds.position.has_environment(&scope.environment) {
            let environments = feeds.position.environments().cloned().collect();
            return Err(SubscribeError::UnknownEnvironment {
                environment: scope.environment.clone(),
                environments,
            });
        }
        if let Some(cell) = feeds.cells.get(scope) {
            return Ok((Arc::clone(cell), cell.revision.subscribe()));
        }
        feeds.forget_idle();
        let Feeds { position, projector, .. } = &mut *feeds;
        let feed = Feed::begin(scope.clone(), self.store.epoch(), position, projector, &*self.encode);
        let revision = watch::Sender::new(feed.revision());
        let changed = revision.subscribe();
        let cell = Arc::new(FeedCell { feed: Mutex::new(feed), revision });
        feeds.cells.insert(scope.clone(), Arc::clone(&cell));
        Ok((cell, changed))
    }

    /// The newest revision of a scope, and what a subscriber must hold to have everything up to a revision.
    pub(super) fn needed(&self, scope: &Scope, revision: Option<Revision>) -> Option<(Revision, bool)> {
        let feeds = self.feeds();
        let feed = feeds.cells.get(scope)?.feed();
        Some(revision.map_or_else(|| (feed.revision(), true), |revision| feed.needed(revision)))
    }

    /// The first revision of a scope that whoever holds another one lacks; none when it lacks nothing.
    pub(super) fn lacks(&self, scope: &Scope, held: Revision) -> Option<Revision> {
        self.feeds().cells.get(scope)?.feed().lacks(held)
    }

    /// The newest revision of a scope.
    #[must_use]
    pub fn scope_revision(&self, scope: &Scope) -> Revision {
        self.needed(scope, None).map_or(Revision::ZERO, |(revision, _)| revision)
    }

    /// What all feeds have encoded and handed out so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let feeds = self.feeds();
        feeds.cells.values().map(|cell| cell.feed().counts()).fold(feeds.counts, Counts::plus)
    }

    /// Looks for streams that make no progress, once in each quarter of the timeout, until it is told to stop.
    pub async fn reap(self: Arc<Self>, stopping: CancellationToken) {
        let period = (self.options.progress_timeout / 4).max(Duration::from_millis(10));
        let mut stuck: BTreeMap<super::registry::StreamId, Stuck> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(period) => {}
            }
            self.look_for_stuck(&mut stuck);
        }
    }

    fn look_for_stuck(&self, stuck: &mut BTreeMap<super::registry::StreamId, Stuck>) {
        let entries = self.registry.list();
        let known = std::mem::take(stuck);
        for entry in entries {
            // One that is only delivered to has nothing here that could be stuck: its own edge sends when there is room.
            if entry.identity.delivered_only || entry.sent() >= self.scope_revision(&entry.scope) {
                continue;
            }
            let now = self.clock.elapsed();
            let before = known.get(&entry.stream).filter(|before| before.polls == entry.polls());
            let since = before.map_or(now, |before| before.since);
            let silent = now.saturating_sub(since);
            if silent >= self.options.progress_timeout && !entry.is_evicted() {
                self.slow_disconnects.fetch_add(1, Ordering::Relaxed);
                warn!(stream = %entry.stream, service = ?entry.scope.service, "a subscriber makes no progress");
                entry.evict();
            }
            if silent >= self.options.progress_timeout * 2
                && let Some(cut) = &entry.cut
            {
                cut();
            }
            stuck.insert(entry.stream, Stuck { polls: entry.polls(), since });
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Stuck {
    polls: u64,
    since: Duration,
}

impl Feeds {
    /// Forgets feeds that nobody follows, when there are too many of them.
    fn forget_idle(&mut self) {
        if self.cells.len() < IDLE_FEEDS_MAX {
            return;
        }
        let counts = &mut self.counts;
        self.cells.retain(|_, cell| {
            let followed = cell.revision.receiver_count() > 0;
            if !followed {
                *counts = counts.plus(cell.feed().counts());
            }
            followed
        });
    }
}

impl Counts {
    const fn plus(self, other: Self) -> Self {
        Self {
            deltas_encoded: self.deltas_encoded + other.deltas_encoded,
            snapshots_encoded: self.snapshots_encoded + other.snapshots_encoded,
            deltas_sent: self.deltas_sent + other.deltas_sent,
            snapshots_sent: self.snapshots_sent + other.snapshots_sent,
            merged_sent: self.merged_sent + other.merged_sent,
        }
    }
}
