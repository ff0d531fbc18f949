//! A backup becomes a store: offline, into a directory that holds nothing.
//!
//! Everything is verified while the store is built out of sight; it moves into its place only when the backup's trailer
//! has been read and agrees. The records keep their revisions. The epoch is a new one, and one more record says that the
//! store was restored, so that no client mistakes the new history for the old one.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mycelia_flags_core::change::Change;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;

use super::backup::{END, MAGIC, RECORD, VERSION};
use super::crash_point::CrashPoints;
use super::data_dir::{DataDir, LOCK, Staging};
use super::envelope::{Chain, Position, RecordFault, Sealed};
use super::epoch::Epoch;
use super::limits::{RECORD_BYTES_MAX, RESTORE_BATCH_RECORDS};
use super::log::{Log, LogError};
use super::open_error::OpenError;
use super::opening::own_record;
use super::sled_log::SledLog;
use crate::clock::SharedClock;

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreSummary {
    /// The store that the backup was taken from.
    pub from_epoch: Epoch,
    /// The last revision of the backup.
    pub restored: Revision,
    /// The new store.
    pub epoch: Epoch,
    /// Its head: the revision that says that it was restored.
    pub revision: Revision,
    /// How many flags it has.
    pub flags: usize,
}

/// Nothing was restored, and nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The directory is in use for something.
    #[error("{} is not empty; name a directory that is missing or empty", dir.display())]
    NotEmpty {
        /// The data directory.
        dir: PathBuf,
    },
    /// The backup cannot be read.
    #[error("the backup cannot be read: {cause}")]
    Read {
        /// What the operating system says.
        cause: io::Error,
    },
    /// It is something else.
    #[error("this is no backup of a Mycelia Flags store")]
    NotABackup,
    /// A newer program has written it.
    #[error(
        "the backup has format {found} and this program knows {VERSION}; restore it with a newer program"
    )]
    NewerFormat {
        /// The backup's format.
        found: u32,
    },
    /// It ends before its trailer.
    #[error("the backup is cut off after revision {after}; take another one")]
    CutOff {
        /// The last revision that is complete.
        after: Revision,
    },
    /// It is not what was written.
    #[error("the backup is damaged after revision {after}: {what}; take another one")]
    Damaged {
        /// The last revision that is good.
        after: Revision,
        /// What is wrong.
        what: String,
    },
    /// The store cannot be created.
    #[error(transparent)]
    Create(#[from] OpenError),
    /// The backup's last state does not take the record that says that it was restored.
    #[error("the restored state is refused: {0}")]
    Refused(#[from] Rejection),
}

/// Restores a backup into a directory that is missing or empty. Blocks until everything is durable.
///
/// # Errors
/// When the backup is not exactly what was taken, or the directory cannot be used. Nothing is left behind then.
pub fn restore(
    backup: impl Read,
    data_dir: &Path,
    clock: SharedClock,
) -> Result<RestoreSummary, RestoreError> {
    let existed = data_dir.exists();
    if existed && !is_empty(data_dir)? {
        return Err(RestoreError::NotEmpty { dir: data_dir.to_owned() });
    }
    let dir = DataDir::lock(data_dir)?;
    let outcome = build(backup, &dir, &clock);
    if outcome.is_err() {
        // Only what this function has made itself; a failure leaves what the next start refuses.
        dir.discard(Staging::Restoring).ok();
        fs::remove_file(data_dir.join(LOCK)).ok();
        if !existed {
            fs::remove_dir(data_dir).ok();
        }
    }
    outcome
}

fn is_empty(dir: &Path) -> Result<bool, RestoreError> {
    let mut entries = fs::read_dir(dir).map_err(|cause| OpenError::io("look into", dir, cause))?;
    Ok(entries.next().is_none())
}

fn build(backup: impl Read, dir: &DataDir, clock: &SharedClock) -> Result<RestoreSummary, RestoreError> {
    let mut source = Source { backup, chain: Chain::default() };
    let (from_epoch, head) = source.header()?;
    let epoch = Epoch::draw();
    let mut log = SledLog::create(&dir.stage(Staging::Restoring)?, dir.path(), epoch)?;
    let refuse = |error: LogError| RestoreError::Create(super::replay::refusal(dir.path(), error));

    let mut snapshot = Snapshot::default();
    let mut batch = Vec::new();
    let mut batch_bytes = 0;
    while let Some(sealed) = source.record(&mut snapshot)? {
        batch_bytes += sealed.bytes.len();
        batch.push(sealed);
        if batch.len() >= RESTORE_BATCH_RECORDS || batch_bytes >= super::limits::GROUP_BYTES_MAX {
            log.append(&batch).map_err(refuse)?;
            batch.clear();
            batch_bytes = 0;
        }
    }
    let restored = source.chain.position();
    source.trailer(head)?;

    let change = Change::RestoreStore { from_epoch: from_epoch.to_string() };
    let record = own_record(&snapshot, "restore", change, clock.now())?;
    batch.push(Sealed::seal(&record, restored));
    log.append(&batch).map_err(refuse)?;
    drop(log);
    dir.publish(Staging::Restoring, &CrashPoints::default())?;
    Ok(RestoreSummary {
        from_epoch,
        restored: restored.revision,
        epoch,
        revision: record.revision,
        flags: snapshot.flag_count(),
    })
}

/// A backup that is read and verified from front to back.
struct Source<R> {
    backup: R,
    chain: Chain,
}

impl<R: Read> Source<R> {
    fn header(&mut self) -> Result<(Epoch, Revision), RestoreError> {
        let magic: [u8; 16] = self.take()?;
        if magic != MAGIC {
            return Err(RestoreError::NotABackup);
        }
        let version: [u8; 4] = self.take()?;
        let epoch: [u8; 16] = self.take()?;
        let head: [u8; 8] = self.take()?;
        self.checksum(&[&magic, &version, &epoch, &head])?;
        let found = u32::from_be_bytes(version);
        if found != VERSION {
            return Err(RestoreError::NewerFormat { found });
        }
        Ok((Epoch::from_bytes(epoch), Revision::new(u64::from_be_bytes(head))))
    }

    /// The next record, folded in; none when the trailer begins.
    fn record(&mut self, snapshot: &mut Snapshot) -> Result<Option<Sealed>, RestoreError> {
        match self.take()? {
            [END] => return Ok(None),
            [RECORD] => {}
            [other] => return Err(self.damaged(format!("a frame of kind {other}"))),
        }
        let length = u32::from_be_bytes(self.take()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > RECORD_BYTES_MAX {
            return Err(self.damaged(format!("a record of {length} bytes")));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        let read = self.backup.by_ref().take(limit).read_to_end(&mut bytes);
        if read.map_err(|cause| RestoreError::Read { cause })? < length {
            return Err(self.cut_off());
        }
        let bytes = Bytes::from(bytes);
        let record =
            self.chain.follow(&bytes).map_err(|fault: RecordFault| self.damaged(fault.to_string()))?;
        snapshot.fold(&record).map_err(|gap| self.damaged(gap.to_string()))?;
        Ok(Some(Sealed { position: self.chain.position(), bytes }))
    }

    /// What follows the mark of the trailer, to the very end.
    fn trailer(&mut self, head: Revision) -> Result<(), RestoreError> {
        let count: [u8; 8] = self.take()?;
        let hash: [u8; 32] = self.take()?;
        self.checksum(&[&[END], &count, &hash])?;
        let Position { revision, hash: found } = self.chain.position();
        if u64::from_be_bytes(count) != revision.get() || revision != head || hash != found.to_bytes() {
            return Err(self.damaged(format!("it should end at revision {head}")));
        }
        if revision == Revision::ZERO {
            return Err(self.damaged("it holds no records".to_owned()));
        }
        let mut beyond = [0];
        match self.backup.read(&mut beyond) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("something follows its trailer".to_owned())),
            Err(cause) => Err(RestoreError::Read { cause }),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RestoreError> {
        let mut bytes = [0; N];
        self.backup.read_exact(&mut bytes).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => self.cut_off(),
            _ => RestoreError::Read { cause },
        })?;
        Ok(bytes)
    }

    fn checksum(&mut self, parts: &[&[u8]]) -> Result<(), RestoreError> {
        let found = parts.iter().fold(0, |checksum, part| crc32c::crc32c_append(checksum, part));
        if self.take()? == found.to_be_bytes() {
            Ok(())
        } else {
            Err(self.damaged("a checksum does not match".to_owned()))
        }
    }

    fn cut_off(&self) -> RestoreError {
        RestoreError::CutOff { after: self.chain.position().revision }
    }

    fn damaged(&self, what: String) -> RestoreError {
        RestoreError::Damaged { after: self.chain.position().revision, what }
    }
}

#[cfg(test)]
mod tests;
