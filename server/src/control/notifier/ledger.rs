//! How far the server is with a target, and what it could not deliver: one small file for each, beside the store.
//!
//! It is written anew as a whole and moved into place, after each notice and before the next one. What was lost in
//! between is told again: at least once, under the same id.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mycelia_flags_core::revision::Revision;
use serde::{Deserialize, Serialize};

use super::notice::Notice;
use crate::state::Epoch;

/// How many dead letters a target keeps. When there are more the oldest one goes, and is counted.
pub const DEAD_LETTERS_MAX: usize = 500;

/// A notice that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What was to be told.
    pub notice: Notice,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last, in microseconds since 1970.
    pub failed_at_micros: i64,
    /// Why it was not taken, the last time.
    pub error: String,
}

/// How far the server is with a target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// The store that the revision is of.
    pub epoch: String,
    /// Everything up to this revision is told.
    pub revision: u64,
    /// How many events of the next revision are told.
    pub told: usize,
    /// The last day whose digest is sent, in days since 1970.
    #[serde(default)]
    pub digest_day: i64,
    /// Notices that were delivered, since the file exists.
    #[serde(default)]
    pub delivered: u64,
    /// Dead letters that had to go for newer ones.
    #[serde(default)]
    pub dropped: u64,
    /// What could not be delivered, the oldest first.
    #[serde(default)]
    pub dead: VecDeque<DeadLetter>,
}

/// A ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what we write.
    #[error("{path} is damaged ({error}): move it away, and the target is told what happens from now on")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
}

impl Ledger {
    /// A ledger that begins now: what has happened before is not told.
    #[must_use]
    pub fn begin(epoch: Epoch, head: Revision) -> Self {
        Self { epoch: epoch.to_string(), revision: head.get(), ..Self::default() }
    }

    /// Reads the ledger of a target; none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(folder: &Path, target: &str) -> Result<Option<Self>, LedgerError> {
        let path = file(folder, target);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LedgerError::Read { path, error }),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| LedgerError::Damaged { path, error })
    }

    /// The form that is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Text and numbers always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Puts a notice aside.
    pub fn bury(&mut self, letter: DeadLetter) {
        self.dead.retain(|known| known.notice.id != letter.notice.id);
        self.dead.push_back(letter);
        while self.dead.len() > DEAD_LETTERS_MAX {
            self.dead.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

pub(super) fn file(folder: &Path, target: &str) -> PathBuf {
    folder.join(format!("{target}.json"))
}

/// Writes a ledger's bytes so that a crash leaves the old ones or the new ones.
///
/// # Errors
/// When the disk does not take them.
pub(super) fn write(folder: &Path, target: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (path, new) = (file(folder, target), folder.join(format!("{target}.json.new")));
    let mut written = File::create(&new)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: usize) -> DeadLetter {
        let notice = Notice::test(
            Epoch::from_bytes([7; 16]),
            "ops",
            mycelia_flags_core::revision::Timestamp::from_unix_micros(i64::try_from(id).unwrap()),
        );
        DeadLetter { notice, attempts: 8, failed_at_micros: 1, error: "503".to_owned() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("notify");
        assert_eq!(Ledger::read(&folder, "ops").unwrap(), None);
        let mut ledger = Ledger::begin(Epoch::from_bytes([7; 16]), Revision::new(9));
        ledger.bury(letter(1));
        write(&folder, "ops", &ledger.bytes()).unwrap();
        assert_eq!(Ledger::read(&folder, "ops").unwrap(), Some(ledger));
        fs::write(folder.join("ops.json"), "{").unwrap();
        let error = Ledger::read(&folder, "ops").unwrap_err().to_string();
        assert!(error.contains("ops.json is damaged"), "{error}");
    }

    #[test]
    fn dead_letters_are_bounded_and_the_lost_ones_counted() {
        let mut ledger = Ledger::default();
        for id in 0..DEAD_LETTERS_MAX + 3 {
            ledger.bury(letter(id));
        }
        ledger.bury(letter(100));
        assert_eq!((ledger.dead.len(), ledger.dropped), (DEAD_LETTERS_MAX, 3));
        assert_eq!(ledger.dead.back(), Some(&letter(100)), "buried again, it is the newest one");
    }
}
