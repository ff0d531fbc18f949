//! How a client is doing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::declaration::Breach;

/// What a client can be relied upon for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientState {
    /// No state has arrived yet: evaluations give the caller's defaults.
    NotReady,
    /// The state in force is the server's newest, or the one that offline mode was given.
    Ready,
    /// The state in force is the last known one; the server cannot be reached, or has not been reached yet.
    Stale,
    /// No state has arrived, and the server refuses this client. It goes on trying.
    Error,
    /// The client was closed. Evaluations give the last known values for ever.
    Closed,
}

impl ClientState {
    /// The word for it, in OpenFeature's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "NOT_READY",
            Self::Ready => "READY",
            Self::Stale => "STALE",
            Self::Error => "ERROR",
            Self::Closed => "CLOSED",
        }
    }
}

impl std::fmt::Display for ClientState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where the state in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// There is none.
    Nothing,
    /// The values that the builder was given.
    Values,
    /// The bootstrap file that the builder was given.
    Bootstrap,
    /// The last known good state in the cache directory.
    Disk,
    /// The server.
    Server,
}

/// A moment that may lie before the start of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    /// How old it already was at `at`.
    pub(crate) before: Duration,
    /// When it was looked at.
    pub(crate) at: Instant,
}

impl Since {
    /// This moment.
    pub(crate) fn now() -> Self {
        Self { before: Duration::ZERO, at: clock::now() }
    }

    /// How long ago that is.
    pub(crate) fn age(self) -> Duration {
        self.before.saturating_add(clock::now().saturating_duration_since(self.at))
    }
}

/// What the reasons of evaluations depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The state is the server's, or nobody asked for a server.
    Live,
    /// The state is from disk, and no attempt to reach the server has ended yet.
    Cached(Since),
    /// The state was the server's when it was last heard of.
    Stale(Since),
}

/// How a client is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What the client can be relied upon for.
    pub state: ClientState,
    /// Where the state in force came from.
    pub origin: Origin,
    /// The revision in force; 0 when there is none.
    pub revision: u64,
    /// The identity of the store that it belongs to; empty when there is none.
    pub epoch: Arc<str>,
    /// The environment that is followed, as the server calls it; empty before it was heard of.
    pub environment: Arc<str>,
    /// How many flags are in force.
    pub flags: usize,
    /// How many of them this version cannot evaluate: they give the caller's default with `PARSE_ERROR`.
    pub broken_flags: usize,
    /// Attempts to connect since the start.
    pub attempts: u64,
    /// Updates that were discarded because something was missing before them.
    pub gaps: u64,
    /// Updates that were discarded because the state would not have been the server's.
    pub digest_mismatches: u64,
    /// Messages that could not be read, or broke the protocol.
    pub undecodable: u64,
    /// Why the last attempt or stream failed; none after a success.
    pub last_error: Option<Arc<str>>,
    /// The server's version, once it was heard of.
    pub server: Arc<str>,
    /// The declared flags that are not as they were declared, as the server said at the last subscription.
    pub breaches: Arc<[Breach]>,
    pub(crate) since: Option<Since>,
}

impl Status {
    pub(crate) fn new() -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            state: ClientState::NotReady,
            origin: Origin::Nothing,
            revision: 0,
            epoch: Arc::clone(&nothing),
            environment: Arc::clone(&nothing),
            flags: 0,
            broken_flags: 0,
            attempts: 0,
            gaps: 0,
            digest_mismatches: 0,
            undecodable: 0,
            last_error: None,
            server: nothing,
            breaches: Arc::from([]),
            since: None,
        }
    }

    /// How long ago the state in force was last known to be the server's newest; none while it is, and when there is
    /// no state.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.since.map(Since::age)
    }
}
