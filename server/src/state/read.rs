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

/// The log from a revision back to the first one.
///
/// A piece is read from its oldest record on and ends early when its records are large; what it lacks then are the
/// newest. So a piece that ended early is thrown away and a shorter one read: no more than a piece is ever in memory.
#[derive(Debug)]
pub(super) struct Backwards<'c> {
    commands: &'c mpsc::Sender<Command>,
    /// The newest revision that was not handed out.
    next: Revision,
    length: u64,
}

impl<'c> Backwards<'c> {
    pub(super) fn from(commands: &'c mpsc::Sender<Command>, newest: Revision) -> Self {
        Self { commands, next: newest, length: RECORDS_AT_FIRST }
    }

    /// Some records, the newest first; nothing when all were handed out.
    pub(super) async fn piece(&mut self) -> Result<Vec<Bytes>, ReadError> {
        while self.next > Revision::ZERO {
            let length = self.length.min(self.next.get());
            let after = Revision::new(self.next.get() - length);
            let mut piece = read_piece(self.commands, after, self.next).await?;
            let found = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if found == length {
                self.next = after;
                self.length = (length * 2).min(u64::try_from(READ_RECORDS_MAX).unwrap_or(u64::MAX));
                piece.reverse();
                return Ok(piece);
            }
            if found == 0 {
                return Err(ReadError::Log { what: format!("nothing follows revision {after}") });
            }
            self.length = (length / 2).max(1);
        }
        Ok(Vec::new())
    }
}

/// What is asked for is mostly recent.
const RECORDS_AT_FIRST: u64 = 16;

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
