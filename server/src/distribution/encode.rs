//! How frames become bytes. The edge knows; distribution only hands the bytes on.

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::flag::EffectiveFlag;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::segment::Segment;
use mycelia_flags_core::update::{Update, View};

use super::contract::Breach;
use super::registry::StreamId;
use crate::state::Epoch;

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The server shuts down.
    Draining,
    /// The stream is as old as a stream may become.
    MaxAge,
    /// The subscriber made no progress.
    SlowConsumer,
}

/// What is true of a whole stream.
#[derive(Debug, Clone)]
pub struct Welcome {
    /// Names the stream.
    pub stream: StreamId,
    /// The store's identity.
    pub epoch: Epoch,
    /// The newest revision of the scope.
    pub revision: Revision,
    /// The digest of the state at that revision.
    pub digest: Digest,
    /// What the subscriber holds is the state at that revision.
    pub up_to_date: bool,
    /// How often a heartbeat comes at the latest.
    pub heartbeat_ms: u32,
    /// How subjects are assigned to buckets.
    pub bucketing: Generation,
    /// The environment that is followed.
    pub environment: String,
    /// The declared flags that are not as they were declared.
    pub breaches: Vec<Breach>,
}

/// Turns what subscribers are told into bytes: flags and segments by themselves, and whole frames made of these.
///
/// Every frame that is the same for all subscribers of a scope is encoded once and its bytes are shared.
pub trait Encode: Send + Sync + std::fmt::Debug {
    /// One flag. The digest of a state is computed over exactly these bytes.
    fn flag(&self, flag: &EffectiveFlag) -> Bytes;

    /// One segment, without its lists.
    fn segment(&self, segment: &Segment) -> Bytes;

    /// The switch of canary mode.
    fn canary(&self, on: bool) -> Bytes;

    /// The first frame of a stream.
    fn welcome(&self, welcome: &Welcome) -> Bytes;

    /// A whole state.
    fn snapshot(&self, epoch: Epoch, bucketing: Generation, view: &View<Bytes>) -> Bytes;

    /// A change of the state.
    fn delta(&self, update: &Update<Bytes>, committed_at: Timestamp) -> Bytes;

    /// Nothing changed.
    fn heartbeat(&self, revision: Revision, digest: Digest) -> Bytes;

    /// The stream is about to end.
    fn goodbye(&self, reason: EndReason, reconnect_after_ms: u32) -> Bytes;
}
