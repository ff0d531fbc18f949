//! HEAD: how far the log goes, kept and synced apart from it.
//!
//! sled answers some damage by going back to an older state without a word. HEAD is what such a state is held against.
//!
//! Two slots of 512 bytes are written in turn, in place, so that a torn write spoils the older of the two. A slot:
//!
//! ```text
//! 0       8        12      28         36           68         76        508
//! magic ┆ format ┆ epoch ┆ revision ┆ chain hash ┆ sequence ┆ zeros … ┆ crc32c of all before
//! ```
//!
//! Numbers are big-endian. Magic, format and checksum stay where they are in every future format, so that an older
//! program can tell a newer store from a damaged one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use mycelia_flags_core::revision::Revision;

use super::data_dir::{HEAD, sync_dir};
use super::envelope::{ChainHash, Position};
use super::epoch::Epoch;

/// The newest store format that this program knows, and the one that it writes: the first commit to a store of an older
/// format makes it one of this. 2 came with the second version of records.
pub(super) const STORE_FORMAT: u32 = 2;

const MAGIC: &[u8; 8] = b"MYCELIAH";
const SLOT_BYTES: usize = 512;
const SECOND_SLOT: u64 = 512;
const CHECKED_BYTES: usize = SLOT_BYTES - 4;

/// HEAD cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadFault {
    #[error("HEAD cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("HEAD has format {found}")]
    Newer { found: u32 },
    #[error("HEAD is damaged")]
    Damaged,
}

/// The open file.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    slot: Slot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    epoch: Epoch,
    position: Position,
    sequence: u64,
}

impl HeadFile {
    /// Writes HEAD for a log that holds nothing yet.
    pub(super) fn create(dir: &Path, epoch: Epoch) -> io::Result<Self> {
        let slot = Slot { epoch, position: Position::default(), sequence: 0 };
        let bytes = slot.encode();
        let temporary = dir.join("HEAD.new");
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&temporary)?;
        file.write_all_at(&bytes, 0)?;
        file.write_all_at(&bytes, SECOND_SLOT)?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(HEAD))?;
        sync_dir(dir)?;
        Ok(Self { file, slot })
    }

    /// Reads HEAD.
    pub(super) fn open(dir: &Path) -> Result<Self, HeadFault> {
        let file = OpenOptions::new().read(true).write(true).open(dir.join(HEAD))?;
        let slots = [Slot::read(&file, 0)?, Slot::read(&file, SECOND_SLOT)?];
        let mut newest: Option<Slot> = None;
        for slot in slots {
            match slot {
                Found::Newer(found) => return Err(HeadFault::Newer { found }),
                Found::Slot(slot) if newest.is_none_or(|newest| slot.sequence > newest.sequence) => {
                    newest = Some(slot);
                }
                Found::Slot(_) | Found::Nothing => {}
            }
        }
        newest.map(|slot| Self { file, slot }).ok_or(HeadFault::Damaged)
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.slot.epoch
    }

    /// How far the log goes at least.
    pub(super) const fn position(&self) -> Position {
        self.slot.position
    }

    /// Confirms a position that is durable in the log. Durable itself when this returns.
    pub(super) fn advance(&mut self, position: Position) -> io::Result<()> {
        let slot = Slot { position, sequence: self.slot.sequence.wrapping_add(1), ..self.slot };
        let offset = if slot.sequence.is_multiple_of(2) { 0 } else { SECOND_SLOT };
        self.file.write_all_at(&slot.encode(), offset)?;
        self.file.sync_data()?;
        self.slot = slot;
        Ok(())
    }
}

enum Found {
    Slot(Slot),
    Newer(u32),
    Nothing,
}

impl Slot {
    fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&STORE_FORMAT.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_bytes());
        bytes.extend_from_slice(&self.position.revision.get().to_be_bytes());
        bytes.extend_from_slice(&self.position.hash.to_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.resize(CHECKED_BYTES, 0);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
        let mut slot = [0; SLOT_BYTES];
        slot.copy_from_slice(&bytes);
        slot
    }

    /// A slot that is cut off or torn is as good as none.
    fn read(file: &File, offset: u64) -> io::Result<Found> {
        let mut bytes = [0; SLOT_BYTES];
        match file.read_exact_at(&mut bytes, offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Found::Nothing),
            outcome => outcome.map(|()| Self::decode(&bytes).unwrap_or(Found::Nothing)),
        }
    }

    fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<Found> {
        let (checked, checksum) = bytes.split_first_chunk::<CHECKED_BYTES>()?;
        if crc32c::crc32c(checked).to_be_bytes() != *checksum {
            return None;
        }
        let rest = checked.strip_prefix(MAGIC)?;
        let (format, rest) = rest.split_first_chunk()?;
        let format = u32::from_be_bytes(*format);
        if format > STORE_FORMAT {
            return Some(Found::Newer(format));
        }
        let (epoch, rest) = rest.split_first_chunk()?;
        let (revision, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (sequence, _) = rest.split_first_chunk()?;
        Some(Found::Slot(Self {
            epoch: Epoch::from_bytes(*epoch),
            position: Position {
                revision: Revision::new(u64::from_be_bytes(*revision)),
                hash: ChainHash::from_bytes(*hash),
            },
            sequence: u64::from_be_bytes(*sequence),
        }))
    }
}

/// What HEAD would look like if a newer program had written it.
#[cfg(test)]
pub(super) fn forge_format(dir: &Path, format: u32) {
    let mut bytes = fs::read(dir.join(HEAD)).unwrap();
    for slot in bytes.chunks_mut(SLOT_BYTES) {
        slot[8..12].copy_from_slice(&format.to_be_bytes());
        let checksum = crc32c::crc32c(&slot[..CHECKED_BYTES]);
        slot[CHECKED_BYTES..].copy_from_slice(&checksum.to_be_bytes());
    }
    fs::write(dir.join(HEAD), bytes).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(revision: u64) -> Position {
        Position { revision: Revision::new(revision), hash: ChainHash::from_bytes([7; 32]) }
    }

    #[test]
    fn the_newest_position_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let epoch = Epoch::draw();
        let mut head = HeadFile::create(dir.path(), epoch).unwrap();
        assert_eq!(HeadFile::open(dir.path()).unwrap().position(), Position::default());
        for revision in 1..=5 {
            head.advance(position(revision)).unwrap();
            let read = HeadFile::open(dir.path()).unwrap();
            assert_eq!((read.position(), read.epoch()), (position(revision), epoch));
        }
        assert_eq!(fs::read(dir.path().join(HEAD)).unwrap().len(), 2 * SLOT_BYTES);
    }

    #[test]
    fn a_torn_slot_leaves_the_other_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut head = HeadFile::create(dir.path(), Epoch::draw()).unwrap();
        for revision in 1..=4 {
            head.advance(position(revision)).unwrap();
        }
        let intact = fs::read(dir.path().join(HEAD)).unwrap();
        for index in 0..intact.len() {
            let mut bytes = intact.clone();
            bytes[index] ^= 0x10;
            fs::write(dir.path().join(HEAD), &bytes).unwrap();
            let newest_is_hit = index < SLOT_BYTES;
            let expected = position(if newest_is_hit { 3 } else { 4 });
            assert_eq!(HeadFile::open(dir.path()).unwrap().position(), expected, "byte {index}");
        }
    }

    #[test]
    fn a_head_without_a_good_slot_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        HeadFile::create(dir.path(), Epoch::draw()).unwrap();
        for bytes in [vec![], vec![0; 1024], vec![0xff; 100]] {
            fs::write(dir.path().join(HEAD), bytes).unwrap();
            assert!(matches!(HeadFile::open(dir.path()), Err(HeadFault::Damaged)));
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let dir = tempfile::tempdir().unwrap();
        HeadFile::create(dir.path(), Epoch::draw()).unwrap();
        forge_format(dir.path(), 9);
        assert!(matches!(HeadFile::open(dir.path()), Err(HeadFault::Newer { found: 9 })));
    }
}
