//! A log in memory, for tests and for trying things out. It keeps everything and survives nothing.

use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;

use super::envelope::{Position, Sealed};
use super::epoch::Epoch;
use super::log::{Log, LogError, Sink, head_after};

/// Sealed records in a list.
#[derive(Debug)]
pub(super) struct MemoryLog {
    epoch: Epoch,
    head: Position,
    records: Vec<Bytes>,
    size: u64,
}

impl MemoryLog {
    /// An empty log of a new store.
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, head: Position::default(), records: Vec::new(), size: 0 }
    }
}

impl Log for MemoryLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn dir(&self) -> &Path {
        Path::new("(memory)")
    }

    fn confirmed(&self) -> Position {
        self.head
    }

    fn replay(&mut self, sink: &mut Sink<'_>) -> Result<(), LogError> {
        let mut revision = Revision::ZERO;
        for bytes in &self.records {
            revision = revision.next();
            if let ControlFlow::Break(()) = sink(revision, bytes.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn settle(&mut self, _head: Position) -> Result<(), LogError> {
        Ok(())
    }

    fn append(&mut self, group: &[Sealed]) -> Result<(), LogError> {
        self.head = head_after(self.head, group)?;
        for sealed in group {
            self.size += u64::try_from(sealed.bytes.len()).unwrap_or(u64::MAX);
            self.records.push(sealed.bytes.clone());
        }
        Ok(())
    }

    fn read(&mut self, after: Revision, up_to: Revision, bytes: usize) -> Result<Vec<Bytes>, LogError> {
        let index = |revision: Revision| usize::try_from(revision.get()).unwrap_or(usize::MAX);
        let wanted = index(up_to).saturating_sub(index(after));
        let mut room = bytes;
        let mut found = Vec::new();
        for record in self.records.iter().skip(index(after)).take(wanted) {
            found.push(record.clone());
            room = room.saturating_sub(record.len());
            if room == 0 {
                break;
            }
        }
        Ok(found)
    }

    fn size(&self) -> u64 {
        self.size
    }
}
