//! Reading the log through the writer, which alone may touch it: in pieces, so that commits never wait for long.

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;
use tokio::sync::{mpsc, oneshot};

use super::envelope::RecordFault;
use super::limits::READ_RECORDS_MAX;
use super::log::LogError;
use super::writer::Command;

/// The log cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store is closing or closed.
    #[error("the store is closed")]
    Unavailable,
    /// Whoever was to take the backup has gone.
    #[error("nobody takes the backup any more")]
    SinkClosed,
    /// A record that was intact when the store was opened is not any more.
    #[error("the record of revision {revision} is damaged: {what}")]
    Damaged {
        /// The record's revision.
        revision: Revision,
        /// What is wrong with it.
        what: String,
    },
    /// The log does not answer.
    #[error("the log cannot be read: {what}")]
    Log {
        /// What is wrong.
        what: String,
    },
}

impl ReadError {
    pub(super) fn damaged(revision: Revision, fault: &RecordFault) -> Self {
        Self::Damaged { revision, what: fault.to_string() }
    }
}

impl From<LogError> for ReadError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Damaged { revision, fault } => Self::damaged(revision, &fault),
            other => Self::Log { what: other.to_string() },
        }
    }
}

/// One command's worth of sealed records: those after a revision, at most up to another one, at least one if there is
/// one. Waits for its turn when the writer is busy.
pub(super) async fn read_piece(
    commands: &mpsc::Sender<Command>,
    after: Revision,
    up_to: Revision,
) -> Result<Vec<Bytes>, ReadError> {
    let (answer, answered) = oneshot::channel();
    let records = u64::try_from(READ_RECORDS_MAX).unwrap_or(u64::MAX);
    let up_to = up_to.min(Revision::new(after.get().saturating_add(records)));
    let read = Command::Read { after, up_to, answer };
    commands.send(read).await.or(Err(ReadError::Unavailable))?;
    answered.await.unwrap_or(Err(ReadError::Unavailable))
}
