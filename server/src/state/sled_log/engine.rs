//! sled itself: opened with care, asked with care, closed until its lock is free.
//!
//! sled panics on some damage, inside `open` and outside. Every call goes through a guard that turns a panic into an
//! error; therefore the program must not be built with `panic = "abort"`.

use std::fs::{self, File};
use std::io;
use std::ops::{ControlFlow, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::state::data_dir::{set_aside, sync_dir};
use crate::state::log::LogError;
use crate::state::open_error::OpenError;

/// The file that sled keeps everything in.
const DB: &str = "db";
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// An open sled, and a file handle of our own on its file.
#[derive(Debug)]
pub(super) struct Engine {
    /// None only while it is being dropped.
    db: Option<sled::Db>,
    file: File,
}

impl Engine {
    /// Whether there is something to open.
    pub(super) fn has_files(path: &Path) -> bool {
        fs::metadata(path.join(DB)).is_ok_and(|metadata| metadata.len() > 0)
    }

    /// Opens sled. `dir` is the data directory, for messages and for what has to be moved aside.
    pub(super) fn open(path: &Path, dir: &Path) -> Result<Self, OpenError> {
        // A kill at the wrong moment leaves a half-written index snapshot, which would block every opening for ever.
        for half_written in
            snapshots(path).filter(|path| path.extension().is_some_and(|end| end == "generating"))
        {
            warn!(path = %half_written.display(), "removing a half-written index snapshot of sled");
            fs::remove_file(&half_written).map_err(|cause| OpenError::io("remove", half_written, cause))?;
        }
        let db = match open_guarded(path) {
            Ok(db) => db,
            Err(refused) => {
                if let Some(error) = refused.is_final(dir) {
                    return Err(error);
                }
                // sled rebuilds its index from the file, so the snapshots can do no good that they are needed for.
                let first = refused.to_string();
                if move_snapshots(path, dir)? == 0 {
                    return Err(OpenError::Unopenable { dir: dir.to_owned(), what: first });
                }
                open_guarded(path).map_err(|refused| {
                    let unopenable = OpenError::Unopenable { dir: dir.to_owned(), what: refused.to_string() };
                    refused.is_final(dir).unwrap_or(unopenable)
                })?
            }
        };
        let file = path.join(DB);
        let file = File::open(&file).map_err(|cause| OpenError::io("open", file, cause))?;
        sync_dir(path).map_err(|cause| OpenError::io("sync", path, cause))?;
        Ok(Self { db: Some(db), file })
    }

    /// Asks sled for something.
    pub(super) fn run<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, LogError> {
        let Some(db) = &self.db else {
            return Err(LogError::Engine { action, cause: "sled is closed".to_owned() });
        };
        match catch_unwind(AssertUnwindSafe(|| ask(db))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(sled::Error::Io(cause))) => Err(LogError::io(action, cause)),
            Ok(Err(other)) => Err(LogError::Engine { action, cause: one_line(&other) }),
            Err(panic) => Err(LogError::Engine { action, cause: panic_text(&*panic) }),
        }
    }

    /// Looks at keys and values in order until told to stop.
    pub(super) fn scan(
        &self,
        action: &'static str,
        range: impl RangeBounds<Vec<u8>>,
        mut look: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, LogError>,
    ) -> Result<(), LogError> {
        let mut entries = self.run(action, |db| Ok(db.range(range)))?;
        while let Some((key, value)) = self.run(action, |_| entries.next().transpose())? {
            if look(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What sled's own flush does not do on Linux: it starts the writing and waits for it, but commits neither the
    /// file's size nor the drive's cache.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(|cause| LogError::io("syncing the log", cause))
    }

    pub(super) fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl Drop for Engine {
    /// sled's threads may hold its file, and the lock on it, for a moment longer than `Db`. Whoever opens the directory
    /// next must not find it locked.
    fn drop(&mut self) {
        let db = self.db.take();
        // sled syncs when it is dropped, and panics if that fails.
        match catch_unwind(AssertUnwindSafe(|| drop(db))) {
            Ok(()) => {
                // Waits until sled's lock is free. An error leaves us where we would be without this.
                self.file.lock().and_then(|()| self.file.unlock()).ok();
            }
            Err(panic) => warn!(cause = panic_text(&*panic), "sled did not close cleanly"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Io(io::Error),
    #[error("{0}")]
    Engine(String),
}

impl Refused {
    /// Errors that have nothing to do with what is in the files.
    fn is_final(&self, dir: &Path) -> Option<OpenError> {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match self {
            Self::Io(cause) => match cause.kind() {
                StorageFull | QuotaExceeded => Some(OpenError::Full { dir: dir.to_owned() }),
                PermissionDenied | ReadOnlyFilesystem => {
                    let cause = io::Error::new(cause.kind(), cause.to_string());
                    Some(OpenError::io("open the log in", dir, cause))
                }
                _ => None,
            },
            Self::Engine(_) => None,
        }
    }
}

fn open_guarded(path: &Path) -> Result<sled::Db, Refused> {
    let config = sled::Config::default()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        // The thread that flushes in between also collects garbage. Durability does not rest on it.
        .flush_every_ms(Some(500));
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(cause))) => Err(Refused::Io(cause)),
        Ok(Err(other)) => Err(Refused::Engine(one_line(&other))),
        Err(panic) => Err(Refused::Engine(panic_text(&*panic))),
    }
}

fn snapshots(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("snap.")).map(|entry| entry.path())
}

fn move_snapshots(path: &Path, dir: &Path) -> Result<usize, OpenError> {
    let snapshots: Vec<PathBuf> = snapshots(path).collect();
    if snapshots.is_empty() {
        return Ok(0);
    }
    let aside = set_aside(dir).map_err(|cause| OpenError::io("create a directory in", dir, cause))?;
    for snapshot in &snapshots {
        let name = snapshot.file_name().unwrap_or_default();
        warn!(path = %snapshot.display(), "setting an index snapshot of sled aside");
        fs::rename(snapshot, aside.join(name)).map_err(|cause| OpenError::io("move", snapshot, cause))?;
    }
    Ok(snapshots.len())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("sled panicked: {}", text.unwrap_or("no reason given")).replace('\n', " ")
}

/// What sled says, on one line and without the backtrace that it never has.
fn one_line(error: &sled::Error) -> String {
    let text = error.to_string().replace('\n', " ");
    text.strip_suffix(" backtrace ()").unwrap_or(&text).to_owned()
}
