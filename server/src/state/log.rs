//! What a log has to do, and nothing more: say what it holds, append after a position, read a range.
//!
//! A log carries sealed bytes and never looks inside. Whether they are undamaged and continue each other is judged in
//! one place for all logs, `replay.rs`.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;

use super::envelope::{Position, RecordFault, Sealed};
use super::epoch::Epoch;

#[cfg(test)]
pub(super) mod conformance;

/// Where records are kept. Owned by one thread.
pub(super) trait Log: Send {
    /// The identity of the store.
    fn epoch(&self) -> Epoch;

    /// Where it is, for messages to people.
    fn dir(&self) -> &Path;

    /// The newest position that was confirmed as durable, as it is known from another place than the records
    /// themselves. A log that has no such place answers with the beginning.
    fn confirmed(&self) -> Position;

    /// Hands out every record, with the revision that it is kept under, from the first one on, until the sink breaks
    /// off.
    fn replay(&mut self, sink: &mut Sink<'_>) -> Result<(), LogError>;

    /// Ends the opening: everything up to here was verified, and appending goes on from here.
    fn settle(&mut self, head: Position) -> Result<(), LogError>;

    /// Compare and append: takes the records if they follow each other and the head, and answers when they are
    /// durable. After any other error than [`LogError::NotNext`] nothing is known about what is on disk.
    fn append(&mut self, group: &[Sealed]) -> Result<(), LogError>;

    /// The records after a revision, at most up to another one, in order. Ends early once there are `bytes` bytes, but
    /// never without a record if there is one.
    fn read(&mut self, after: Revision, up_to: Revision, bytes: usize) -> Result<Vec<Bytes>, LogError>;

    /// How much room it takes.
    fn size(&self) -> u64;
}

/// Takes records during a replay.
pub(super) type Sink<'s> = dyn FnMut(Revision, Bytes) -> ControlFlow<()> + 's;

/// A log cannot do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("revision {found} does not follow the head {head}")]
    NotNext { head: Revision, found: Revision },
    #[error("the disk is full while {action}: free some space, then restart the server")]
    Full { action: &'static str },
    #[error("{action} failed ({cause}): check the disk, then restart the server")]
    Io { action: &'static str, cause: io::Error },
    #[error("{action} failed ({cause}): restart the server")]
    Engine { action: &'static str, cause: String },
    #[error("the record of revision {revision} is damaged: {fault}")]
    Damaged { revision: Revision, fault: RecordFault },
}

impl LogError {
    /// An error of the operating system; a full disk is the one that people can do something about at once.
    pub(super) fn io(action: &'static str, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { action },
            _ => Self::Io { action, cause },
        }
    }
}

/// Where the head is after a group, if the group may be appended after this head.
pub(super) fn head_after(head: Position, group: &[Sealed]) -> Result<Position, LogError> {
    group.iter().try_fold(head, |head, sealed| {
        let found = sealed.position.revision;
        if found == head.revision.next() {
            Ok(sealed.position)
        } else {
            Err(LogError::NotNext { head: head.revision, found })
        }
    })
}
