//! A store as a stream of its own records: what `backup` writes and `restore` reads.
//!
//! ```text
//! header    magic (16) ┆ version u32 ┆ epoch (16) ┆ head u64 ┆ crc32c of these
//! record    'R' ┆ length u32 ┆ sealed record            one for each revision, from 1 to the head
//! trailer   'E' ┆ records u64 ┆ chain hash (32) ┆ crc32c of these
//! ```
//!
//! Numbers are big-endian. Every byte is covered by a checksum, a sealed record by its own. A backup without its
//! trailer is cut off and is not restored. The same form carries a store from one engine to another.

use bytes::{BufMut, Bytes, BytesMut};
use mycelia_flags_core::revision::Revision;
use tokio::sync::mpsc;

use super::envelope::{ChainHash, read_record};
use super::epoch::Epoch;
use super::limits::BACKUP_CHUNK_BYTES_MAX;
use super::read::{ReadError, read_piece};
use super::writer::Command;

pub(super) const MAGIC: [u8; 16] = *b"mycelia-backup\r\n";
pub(super) const VERSION: u32 = 1;
pub(super) const RECORD: u8 = b'R';
pub(super) const END: u8 = b'E';

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// The store that it was taken from.
    pub epoch: Epoch,
    /// The last revision in it.
    pub revision: Revision,
    /// The hash of the history up to there.
    pub hash: ChainHash,
    /// How long it is.
    pub bytes: u64,
}

/// Writes everything up to the given head, in pieces. Commits go on meanwhile; what they add is not in it.
pub(super) async fn backup(
    commands: &mpsc::Sender<Command>,
    epoch: Epoch,
    head: Revision,
    sink: mpsc::Sender<Bytes>,
) -> Result<BackupSummary, ReadError> {
    let mut chunks = Chunks { sink, bytes: 0 };
    chunks.send(header(epoch, head)).await?;
    let (mut after, mut hash) = (Revision::ZERO, ChainHash::default());
    while after < head {
        let piece = read_piece(commands, after, head).await?;
        if piece.is_empty() {
            return Err(ReadError::Log { what: format!("nothing follows revision {after}") });
        }
        let mut frames = BytesMut::new();
        for sealed in &piece {
            after = after.next();
            frames.put_u8(RECORD);
            frames.put_u32(u32::try_from(sealed.len()).unwrap_or(u32::MAX));
            frames.put_slice(sealed);
        }
        if after == head
            && let Some(last) = piece.last()
        {
            hash = read_record(last).map_err(|fault| ReadError::damaged(head, &fault))?.1;
        }
        chunks.send(frames.freeze()).await?;
    }
    chunks.send(trailer(head, hash)).await?;
    Ok(BackupSummary { epoch, revision: head, hash, bytes: chunks.bytes })
}

fn header(epoch: Epoch, head: Revision) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_slice(&MAGIC);
    bytes.put_u32(VERSION);
    bytes.put_slice(&epoch.to_bytes());
    bytes.put_u64(head.get());
    bytes.put_u32(crc32c::crc32c(&bytes));
    bytes.freeze()
}

fn trailer(head: Revision, hash: ChainHash) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(END);
    bytes.put_u64(head.get());
    bytes.put_slice(&hash.to_bytes());
    bytes.put_u32(crc32c::crc32c(&bytes));
    bytes.freeze()
}

struct Chunks {
    sink: mpsc::Sender<Bytes>,
    bytes: u64,
}

impl Chunks {
    async fn send(&mut self, mut bytes: Bytes) -> Result<(), ReadError> {
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(BACKUP_CHUNK_BYTES_MAX));
            self.bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.sink.send(chunk).await.or(Err(ReadError::SinkClosed))?;
        }
        Ok(())
    }
}
