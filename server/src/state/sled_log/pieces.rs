//! Keys of records in sled, and the cutting up of large ones.
//!
//! `l/` and the revision, big-endian, so that sled's order is the log's. A record of more than 4 KiB lies under several
//! keys, with the number of the piece behind the revision; all of them are in one batch.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use mycelia_flags_core::revision::Revision;

use crate::state::envelope::{RecordFault, Sealed};
use crate::state::limits::SLED_VALUE_BYTES_MAX;
use crate::state::log::LogError;

const PREFIX: [u8; 2] = *b"l/";

/// The key of a record, which sorts before the keys of its pieces.
pub(super) fn record_key(revision: Revision) -> Vec<u8> {
    [&PREFIX[..], &revision.get().to_be_bytes()].concat()
}

/// The range of all keys that begin with the prefix: none of them is as great as the prefix with its last byte raised.
pub(super) fn all_records() -> Range<Vec<u8>> {
    PREFIX.to_vec()..b"l0".to_vec()
}

/// Cuts a record and hands out what to write.
pub(super) fn cut(sealed: &Sealed, mut write: impl FnMut(Vec<u8>, &[u8])) -> Result<(), LogError> {
    let revision = sealed.position.revision;
    let key = record_key(revision);
    if sealed.bytes.len() <= SLED_VALUE_BYTES_MAX {
        write(key, &sealed.bytes);
        return Ok(());
    }
    for (index, piece) in sealed.bytes.chunks(SLED_VALUE_BYTES_MAX).enumerate() {
        // The limit of a record is far below 65,536 pieces.
        let index =
            u16::try_from(index).or(Err(LogError::Damaged { revision, fault: RecordFault::Piece }))?;
        write([&key[..], &index.to_be_bytes()].concat(), piece);
    }
    Ok(())
}

/// Puts records together again from keys and values in sled's order.
///
/// Says only whether pieces follow each other. Whether the last one is missing is seen by the record's own length.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    revision: Revision,
    bytes: BytesMut,
    /// The number of the next piece; none when the record is whole.
    next: Option<u16>,
}

impl Pieces {
    /// Takes the next key and value; answers with the record that is complete now, which is the one before.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<Option<(Revision, Bytes)>, LogError> {
        let Some((revision, piece)) = parse(key) else {
            let revision = self.current.as_ref().map_or(Revision::ZERO, |current| current.revision);
            return Err(LogError::Damaged { revision: revision.next(), fault: RecordFault::Piece });
        };
        let stray = Err(LogError::Damaged { revision, fault: RecordFault::Piece });
        if let Some(current) = self.current.as_mut().filter(|current| current.revision == revision) {
            if piece.is_none() || piece != current.next {
                return stray;
            }
            current.bytes.extend_from_slice(value);
            current.next = piece.and_then(|piece| piece.checked_add(1));
            return Ok(None);
        }
        if piece.is_some_and(|piece| piece != 0) {
            return stray;
        }
        let begun = Current { revision, bytes: BytesMut::from(value), next: piece.map(|_| 1) };
        Ok(self.current.replace(begun).map(Current::complete))
    }

    /// The last record.
    pub(super) fn finish(&mut self) -> Option<(Revision, Bytes)> {
        self.current.take().map(Current::complete)
    }
}

impl Current {
    fn complete(self) -> (Revision, Bytes) {
        (self.revision, self.bytes.freeze())
    }
}

fn parse(key: &[u8]) -> Option<(Revision, Option<u16>)> {
    let (revision, piece) = key.strip_prefix(&PREFIX)?.split_first_chunk::<8>()?;
    let revision = Revision::new(u64::from_be_bytes(*revision));
    match piece {
        [] => Some((revision, None)),
        [high, low] => Some((revision, Some(u16::from_be_bytes([*high, *low])))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::envelope::Position;

    fn pieces_of(length: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let bytes: Bytes = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let position = Position { revision: Revision::new(7), ..Position::default() };
        let mut written = Vec::new();
        cut(&Sealed { position, bytes }, |key, value| written.push((key, value.to_vec()))).unwrap();
        written
    }

    #[test]
    fn what_is_cut_is_put_together() {
        for (length, pieces) in [(1, 1), (4_096, 1), (4_097, 2), (8_192, 2), (300_000, 74)] {
            let written = pieces_of(length);
            assert_eq!(written.len(), pieces, "{length} bytes");
            let mut together = Pieces::default();
            for (key, value) in &written {
                assert!(together.push(key, value).unwrap().is_none());
            }
            let (revision, bytes) = together.finish().unwrap();
            assert_eq!((revision.get(), bytes.len()), (7, length));
            assert!(written.is_sorted(), "sled keeps keys in order");
        }
    }

    #[test]
    fn a_missing_or_stray_piece_is_noticed() {
        let written = pieces_of(20_000);
        let mut without_second = Pieces::default();
        without_second.push(&written[0].0, &written[0].1).unwrap();
        assert!(without_second.push(&written[2].0, &written[2].1).is_err());
        assert!(Pieces::default().push(&written[1].0, &written[1].1).is_err());
        let mut whole_and_pieces = Pieces::default();
        whole_and_pieces.push(&record_key(Revision::new(7)), b"whole").unwrap();
        assert!(whole_and_pieces.push(&written[0].0, &written[0].1).is_err());
        assert!(Pieces::default().push(b"x", b"").is_err());
    }
}
