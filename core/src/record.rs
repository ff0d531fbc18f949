//! One entry of the log.

use crate::change::ChangeSet;
use crate::entity::Write;
use crate::revision::{Revision, Timestamp};

/// What was asked, what it caused, who, when and why. Immutable once it is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Gap-free, one sequence for the whole store.
    pub revision: Revision,
    /// The server's clock at the commit. For people: nothing depends on its order.
    pub committed_at: Timestamp,
    /// The intent, as it was asked.
    pub change_set: ChangeSet,
    /// What it did. Folding looks at these, never at the intent again.
    pub writes: Vec<Write>,
    /// The key under which a repeated request answers with this record; empty when there is none.
    pub idempotency_key: Box<str>,
}
