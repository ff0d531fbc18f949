//! The log on sled 0.34.7, hardened: what docs/adr/0007 decided and why.
//!
//! One tree holds `l/<revision>` (and `l/<revision><piece>` for records that are cut up) and `m/…`. A group is one batch;
//! it is durable after sled's flush, a sync of our own on sled's file, which sled's flush is not, and HEAD.
//!
//! Never: `flush_async` (it deadlocks), a transaction over trees, values above 4 KiB (large ones go to files that are
//! never synced), a second thread.

mod engine;
mod pieces;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;

use self::engine::Engine;
use self::pieces::{Pieces, all_records, cut, record_key};
use super::crash_point::CrashPoints;
use super::data_dir::{DataDir, LOG, Staging};
use super::envelope::{Position, Sealed};
use super::epoch::Epoch;
use super::head_file::{HeadFault, HeadFile, STORE_FORMAT};
use super::log::{Log, LogError, Sink, head_after};
use super::open_error::OpenError;

const FORMAT_KEY: &[u8] = b"m/format";
const EPOCH_KEY: &[u8] = b"m/epoch";

/// Records in sled, HEAD beside them, and the lock on both.
#[derive(Debug)]
pub(super) struct SledLog {
    engine: Engine,
    head_file: HeadFile,
    head: Position,
    /// For messages: the data directory also while the store is built below it.
    dir: PathBuf,
    crash_points: CrashPoints,
    /// Stands last: dropped, and the lock released, when everything else is closed.
    _lock: Option<DataDir>,
}

impl SledLog {
    /// An empty log in an empty directory.
    pub(super) fn create(staged: &Path, dir: &Path, epoch: Epoch) -> Result<Self, OpenError> {
        let refuse = |error| super::replay::refusal(dir, error);
        let engine = Engine::open(&staged.join(LOG), dir)?;
        let identify = |db: &sled::Db| {
            db.insert(FORMAT_KEY, &STORE_FORMAT.to_be_bytes())?;
            db.insert(EPOCH_KEY, &epoch.to_bytes())?;
            db.flush()
        };
        engine.run("writing the identity of the store", identify).map_err(refuse)?;
        engine.sync().map_err(refuse)?;
        let head_file =
            HeadFile::create(staged, epoch).map_err(|cause| OpenError::io("write HEAD in", staged, cause))?;
        Ok(Self {
            engine,
            head: head_file.position(),
            head_file,
            dir: dir.to_owned(),
            crash_points: CrashPoints::default(),
            _lock: None,
        })
    }

    /// The log of a store that exists. What is in it is not verified yet.
    pub(super) fn open(lock: DataDir, crash_points: CrashPoints) -> Result<Self, OpenError> {
        let dir = lock.path().to_owned();
        // HEAD comes first: a store of a newer format must not be touched by anything of ours, sled included.
        let head_file = HeadFile::open(&dir).map_err(|fault| head_refusal(&dir, fault))?;
        let head = head_file.position();
        if !Engine::has_files(&dir.join(LOG)) {
            // sled would open as an empty store without a word.
            return Err(OpenError::LogMissing { dir, head: head.revision });
        }
        lock.discard(Staging::Creating)?;
        lock.discard(Staging::Restoring)?;
        let engine = Engine::open(&dir.join(LOG), &dir)?;
        let log = Self { engine, head_file, head, dir, crash_points, _lock: Some(lock) };
        log.check_identity()?;
        Ok(log)
    }

    fn check_identity(&self) -> Result<(), OpenError> {
        let meta = |key: &'static [u8]| {
            let value = self.engine.run("reading the identity of the store", move |db| db.get(key));
            value.map_err(|error| super::replay::refusal(&self.dir, error))
        };
        let (Some(format), Some(epoch)) = (meta(FORMAT_KEY)?, meta(EPOCH_KEY)?) else {
            // They are written before everything else, so nothing else is there either.
            let head = self.head_file.position().revision;
            return Err(OpenError::RolledBack { head, found: Revision::ZERO, dir: self.dir.clone() });
        };
        if *epoch != self.head_file.epoch().to_bytes() {
            let log = <[u8; 16]>::try_from(&*epoch).map(Epoch::from_bytes);
            return Err(OpenError::Foreign {
                dir: self.dir.clone(),
                head: self.head_file.epoch().to_string(),
                log: log.map_or_else(|_| "unknown".to_owned(), |epoch| epoch.to_string()),
            });
        }
        match <[u8; 4]>::try_from(&*format).map(u32::from_be_bytes) {
            // As it was created; HEAD says what has been written since.
            Ok(1..=STORE_FORMAT) => Ok(()),
            found => Err(OpenError::NewerFormat {
                dir: self.dir.clone(),
                found: found.unwrap_or(u32::MAX),
                known: STORE_FORMAT,
            }),
        }
    }

    fn confirm(&mut self, position: Position) -> Result<(), LogError> {
        self.head_file.advance(position).map_err(|cause| LogError::io("writing HEAD", cause))?;
        self.head = position;
        Ok(())
    }
}

impl Log for SledLog {
    fn epoch(&self) -> Epoch {
        self.head_file.epoch()
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    fn confirmed(&self) -> Position {
        self.head_file.position()
    }

    fn replay(&mut self, sink: &mut Sink<'_>) -> Result<(), LogError> {
        let mut pieces = Pieces::default();
        let mut stopped = false;
        self.engine.scan("reading the log", all_records(), |key, value| {
            let complete = pieces.push(key, value)?;
            stopped = complete.is_some_and(|(revision, bytes)| sink(revision, bytes).is_break());
            Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if let Some((revision, bytes)) = pieces.finish().filter(|_| !stopped) {
            // The last one: whether the sink breaks off does not matter any more.
            let _ = sink(revision, bytes);
        }
        Ok(())
    }

    fn settle(&mut self, head: Position) -> Result<(), LogError> {
        self.head = head;
        if head == self.head_file.position() {
            return Ok(());
        }
        // What lies beyond HEAD was read from the kernel's cache, perhaps. It must be on the disk before HEAD says so.
        self.engine.run("flushing the log", |db| db.flush())?;
        self.engine.sync()?;
        self.confirm(head)
    }

    fn append(&mut self, group: &[Sealed]) -> Result<(), LogError> {
        let head = head_after(self.head, group)?;
        let mut batch = sled::Batch::default();
        for sealed in group {
            cut(sealed, |key, value| batch.insert(key, value))?;
        }
        self.engine.run("writing to the log", move |db| db.apply_batch(batch))?;
        self.crash_points.reach("after_batch_before_sync");
        self.engine.run("flushing the log", |db| db.flush())?;
        self.engine.sync()?;
        self.crash_points.reach("after_sync_before_head");
        self.confirm(head)
    }

    fn read(&mut self, after: Revision, up_to: Revision, bytes: usize) -> Result<Vec<Bytes>, LogError> {
        let mut pieces = Pieces::default();
        let mut found = Vec::new();
        let mut room = bytes;
        let range = record_key(after.next())..record_key(up_to.next());
        self.engine.scan("reading the log", range, |key, value| {
            if let Some((_, record)) = pieces.push(key, value)? {
                room = room.saturating_sub(record.len());
                found.push(record);
                if room == 0 {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        // Broken off, the last record has not begun or is incomplete.
        found.extend(pieces.finish().filter(|_| room > 0).map(|(_, record)| record));
        Ok(found)
    }

    fn size(&self) -> u64 {
        self.engine.size()
    }
}

fn head_refusal(dir: &Path, fault: HeadFault) -> OpenError {
    let path = dir.join(super::data_dir::HEAD);
    match fault {
        HeadFault::Io(cause) => OpenError::io("read", path, cause),
        HeadFault::Newer { found } => {
            OpenError::NewerFormat { dir: dir.to_owned(), found, known: STORE_FORMAT }
        }
        HeadFault::Damaged => OpenError::HeadDamaged { path },
    }
}
