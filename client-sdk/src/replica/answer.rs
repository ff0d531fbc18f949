//! What a replica is told, and what it answers.

use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::raw::Frame;

use crate::state::{Changed, State};

/// What happened to the stream.
#[derive(Debug)]
pub(crate) enum Event {
    /// A frame came.
    Frame(Frame),
    /// Something came that is no frame.
    Undecodable(String),
    /// The stream, or the attempt to open one, ended.
    Ended,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Put this state into force.
    Install(Arc<State>, Changed),
    /// Tell the server.
    Acknowledge(Report),
    /// Everything that the server has is in force.
    Live,
    /// The state in force may be old.
    Stale,
    /// Give the stream up and subscribe again.
    Resubscribe(Distrust),
}

/// What a subscription builds upon. Nothing but an epoch asks for everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// The identity of the store.
    pub(crate) epoch: Arc<str>,
    /// The revision that is held.
    pub(crate) revision: u64,
    /// The digest of the state that is held.
    pub(crate) digest: Bytes,
}

/// What the server is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Report {
    /// The stream that it belongs to.
    pub(crate) stream_id: u64,
    /// The revision in force.
    pub(crate) applied: Revision,
    /// What was refused, and why; empty when nothing was.
    pub(crate) refused: String,
    /// Updates of this stream that led to another digest than the server's.
    pub(crate) mismatches: u64,
}

/// Why a stream is given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Distrust {
    /// Something was missed.
    #[error("something is missing between revision {held} and what came: {what}")]
    Gap {
        /// What is held.
        held: Revision,
        /// What came.
        what: String,
    },
    /// The state is not, or would not be, the server's.
    #[error("the digest at revision {0} is not the server's")]
    Diverged(Revision),
    /// A message that cannot be read.
    #[error("undecodable: {0}")]
    Undecodable(String),
    /// A message that has no place here.
    #[error("protocol: {0}")]
    Protocol(&'static str),
}
