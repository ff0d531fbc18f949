//! The bytes around a stored record, and the chain that ties it to the one before it.
//!
//! ```text
//! 0       1          5          9                      41
//! version ┆ crc32c   ┆ length   ┆ chain hash (32)      ┆ payload (length bytes)
//! ```
//!
//! Numbers are big-endian. The checksum covers everything but itself, so that no flipped bit goes unseen. The chain hash
//! is SHA-256 over the chain hash of the record before (zeros before the first) and the payload. The same bytes lie in
//! the log and travel in a backup.
//!
//! The version byte changes when the form of the payload gains anything that older code would have to understand.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use sha2::{Digest, Sha256};

use super::form::{self, FormError};

/// What is written. 1 had nothing of audiences, prerequisites, overrides, features, schemas and undoing; every record of
/// it is one of 2 as well.
const VERSION: u8 = 2;
const VERSION_MIN: u8 = 1;
const HEADER_BYTES: usize = 41;

/// The hash of a record and, through the one before it, of the whole history up to it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Takes the bytes that [`ChainHash::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The form in which it is stored and sent.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    fn next(self, payload: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(payload);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// How far a log goes, and the hash of everything up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) revision: Revision,
    pub(super) hash: ChainHash,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Where the log stands with this record.
    pub(super) position: Position,
    /// The envelope and what is in it.
    pub(super) bytes: Bytes,
}

/// What is wrong with a stored record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordFault {
    #[error("it has {found} bytes, and its envelope alone has {HEADER_BYTES}")]
    Short { found: usize },
    #[error("its envelope has version {found}, and this program knows {VERSION_MIN} to {VERSION}")]
    Version { found: u8 },
    #[error("it has {found} bytes after its envelope, and should have {declared}")]
    Length { declared: u32, found: usize },
    #[error("its checksum is {found:08x}, and should be {declared:08x}")]
    Checksum { declared: u32, found: u32 },
    #[error("it does not continue the chain of hashes")]
    Chain,
    #[error("revision {found} lies where revision {expected} should")]
    Gap { expected: Revision, found: Revision },
    #[error("a piece of it is missing or too much")]
    Piece,
    #[error("its content cannot be read: {0}")]
    Form(#[from] FormError),
}

impl Sealed {
    /// Encodes a record as the next one after a position.
    pub(super) fn seal(record: &Record, after: Position) -> Self {
        let payload = form::encode_record(record);
        let hash = after.hash.next(&payload);
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + payload.len());
        bytes.put_u8(VERSION);
        bytes.put_u32(0);
        // A record of more than 4 GiB is rejected long before it is sealed.
        bytes.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        bytes.put_slice(&hash.0);
        bytes.put_slice(&payload);
        let checksum = checksum(&bytes);
        if let Some(place) = bytes.get_mut(1..5) {
            place.copy_from_slice(&checksum.to_be_bytes());
        }
        Self { position: Position { revision: record.revision, hash }, bytes: bytes.freeze() }
    }
}

/// Takes an envelope off. Says nothing about the chain.
fn open(bytes: &Bytes) -> Result<(ChainHash, Bytes), RecordFault> {
    let header = bytes.get(..HEADER_BYTES).ok_or(RecordFault::Short { found: bytes.len() })?;
    let [version, c0, c1, c2, c3, l0, l1, l2, l3, hash @ ..] = header else {
        return Err(RecordFault::Short { found: bytes.len() });
    };
    if !(VERSION_MIN..=VERSION).contains(version) {
        return Err(RecordFault::Version { found: *version });
    }
    let declared = u32::from_be_bytes([*l0, *l1, *l2, *l3]);
    let found = bytes.len() - HEADER_BYTES;
    if usize::try_from(declared) != Ok(found) {
        return Err(RecordFault::Length { declared, found });
    }
    let declared = u32::from_be_bytes([*c0, *c1, *c2, *c3]);
    let found = checksum(bytes);
    if declared != found {
        return Err(RecordFault::Checksum { declared, found });
    }
    let hash = <[u8; 32]>::try_from(hash).or(Err(RecordFault::Short { found: bytes.len() }))?;
    Ok((ChainHash(hash), bytes.slice(HEADER_BYTES..)))
}

fn checksum(bytes: &[u8]) -> u32 {
    let version = crc32c::crc32c(bytes.get(..1).unwrap_or_default());
    crc32c::crc32c_append(version, bytes.get(5..).unwrap_or_default())
}

/// Reads one stored record that was verified when the store was opened, or written since.
pub(super) fn read_record(bytes: &Bytes) -> Result<(Record, ChainHash), RecordFault> {
    let (hash, payload) = open(bytes)?;
    Ok((form::decode_record(payload)?, hash))
}

/// Reads when one stored record was committed, without a look at the rest of it.
pub(super) fn read_stamp(bytes: &Bytes) -> Result<(Revision, Timestamp), RecordFault> {
    Ok(form::decode_stamp(open(bytes)?.1)?)
}

/// Follows a log from its beginning and lets nothing pass that does not continue it.
#[derive(Debug, Default)]
pub(super) struct Chain {
    position: Position,
}

impl Chain {
    pub(super) const fn at(position: Position) -> Self {
        Self { position }
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// The next record, if these bytes are that.
    pub(super) fn follow(&mut self, bytes: &Bytes) -> Result<Record, RecordFault> {
        let (hash, payload) = open(bytes)?;
        if hash != self.position.hash.next(&payload) {
            return Err(RecordFault::Chain);
        }
        let record = form::decode_record(payload)?;
        let expected = self.position.revision.next();
        if record.revision != expected {
            return Err(RecordFault::Gap { expected, found: record.revision });
        }
        self.position = Position { revision: expected, hash };
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycelia_flags_core::change::ChangeSet;

    fn record(revision: u64) -> Record {
        Record {
            revision: Revision::new(revision),
            committed_at: Timestamp::from_unix_micros(5),
            change_set: ChangeSet { actor: "ann".to_owned(), ..ChangeSet::default() },
            writes: Vec::new(),
            idempotency_key: Box::from("key"),
        }
    }

    #[test]
    fn a_chain_is_followed_from_its_beginning() {
        let first = Sealed::seal(&record(1), Position::default());
        let second = Sealed::seal(&record(2), first.position);
        let mut chain = Chain::default();
        assert_eq!(chain.follow(&second.bytes), Err(RecordFault::Chain));
        assert_eq!(chain.follow(&first.bytes), Ok(record(1)));
        assert_eq!(chain.follow(&first.bytes), Err(RecordFault::Chain));
        assert_eq!(chain.follow(&second.bytes), Ok(record(2)));
        assert_eq!(chain.position(), second.position);
        assert_eq!(read_record(&second.bytes), Ok((record(2), second.position.hash)));
        assert_eq!(read_stamp(&second.bytes), Ok((Revision::new(2), record(2).committed_at)));
    }

    #[test]
    fn a_revision_that_is_not_the_next_one_is_a_gap() {
        let sealed = Sealed::seal(&record(2), Position::default());
        let gap = RecordFault::Gap { expected: Revision::new(1), found: Revision::new(2) };
        assert_eq!(Chain::default().follow(&sealed.bytes), Err(gap));
    }

    #[test]
    fn the_first_version_is_read_and_a_newer_one_is_named() {
        let sealed = Sealed::seal(&record(1), Position::default());
        let of_version = |version| {
            let mut bytes = sealed.bytes.to_vec();
            bytes[0] = version;
            let checksum = checksum(&bytes).to_be_bytes();
            bytes[1..5].copy_from_slice(&checksum);
            Chain::default().follow(&bytes.into())
        };
        assert_eq!(of_version(1), Ok(record(1)));
        for found in [0, VERSION + 1] {
            assert_eq!(of_version(found), Err(RecordFault::Version { found }));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_noticed() {
        let sealed = Sealed::seal(&record(1), Position::default());
        for index in 0..sealed.bytes.len() {
            for bit in 0..8 {
                let mut bytes = sealed.bytes.to_vec();
                bytes[index] ^= 1 << bit;
                assert!(Chain::default().follow(&bytes.into()).is_err(), "byte {index} bit {bit}");
            }
            assert!(Chain::default().follow(&sealed.bytes.slice(..index)).is_err(), "{index} bytes");
        }
    }
}
