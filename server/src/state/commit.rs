//! What goes into the writer and what comes out of it, as callers see it.

use std::sync::Arc;

use mycelia_flags_core::change::ChangeSet;
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::entity::Write;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::{Revision, Timestamp};

/// A change set and the terms on which it is to be committed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitRequest {
    /// What is to change.
    pub change_set: ChangeSet,
    /// Commit only if the store is at this revision.
    pub expected_revision: Option<Revision>,
    /// A request that is repeated under the same key is answered and not applied again; empty means none.
    pub idempotency_key: Box<str>,
    /// Answer as if, and write nothing.
    pub dry_run: bool,
    /// Who submits it. Whatever comes in over an API is a caller's.
    pub origin: Origin,
}

/// What a change set did, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The revision of the record. When nothing was written (a dry run, or everything was so already) the revision
    /// that the change set was checked against.
    pub revision: Revision,
    /// The server's clock.
    pub committed_at: Timestamp,
    /// Every entity that was touched. Empty when everything was so already.
    pub writes: Vec<Write>,
    /// What the caller may not have meant. Not kept on disk: a repetition after a restart is answered without them.
    pub warnings: Vec<String>,
    /// The same request was committed before, and this is the answer of then.
    pub replayed: bool,
}

/// Why a change set was not committed. Nothing of it has happened then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// It is wrong, or does not fit the state.
    #[error("the change set is rejected")]
    Rejected(#[from] Rejection),
    /// A write to the log has failed. What was in that group may be found or not after a restart.
    #[error("the store takes no writes until it is restarted: {reason}")]
    Poisoned {
        /// What failed, and what to do.
        reason: Arc<str>,
    },
    /// The store is closing or closed.
    #[error("the store is closed")]
    Unavailable,
    /// Too many change sets are waiting already.
    #[error("too many change sets are waiting; try again")]
    Busy,
    /// A record that the request needs cannot be read now: the one that answers a repeated request, or one that is
    /// to be undone.
    #[error("the record of revision {revision}, which this request needs, cannot be read")]
    Unreadable {
        /// The revision under which the request was committed, or that is to be undone.
        revision: Revision,
    },
}

/// Whether the writer takes change sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterHealth {
    /// It does.
    Writable,
    /// A write to the log has failed; reads go on, writes are refused until a restart.
    Poisoned {
        /// What failed, and what to do.
        reason: Arc<str>,
    },
    /// The log is closed and its lock released.
    Closed,
}
