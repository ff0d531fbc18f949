//! The data directory: who may use it, and how a store comes into being in it.
//!
//! ```text
//! LOCK        held with flock for the store's life
//! HEAD        how far the log goes; head_file.rs
//! log/        sled's directory; sled_log.rs
//! set-aside/  index snapshots of sled that were in the way; may be deleted
//! creating/   a store that was never finished; or restoring/
//! ```
//!
//! A store is built in `creating/`, synced and closed; then `log` is moved out, then `HEAD`. So a crash leaves nothing,
//! or `creating/` with a HEAD in it (start again, nobody has been promised anything), or the whole store. A log without
//! HEAD and without `creating/HEAD` never comes from a crash. A restore does the same in `restoring/`, but what it leaves
//! half done is refused: a new and empty store is not what somebody who restores a backup wants to find.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::crash_point::CrashPoints;
use super::open_error::OpenError;

pub(super) const HEAD: &str = "HEAD";
pub(super) const LOG: &str = "log";
pub(super) const LOCK: &str = "LOCK";
const SET_ASIDE: &str = "set-aside";

/// Why a store is being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staging {
    Creating,
    Restoring,
}

impl Staging {
    const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Restoring => "restoring",
        }
    }
}

/// A data directory that nobody else uses. The lock ends with this value.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, for its owner only, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        if !path.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(path).map_err(|cause| OpenError::io("create the data directory", path, cause))?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                // Best effort: a parent that we may not read is not ours to sync.
                sync_dir(parent).ok();
            }
        }
        let file = path.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&file);
        let lock = lock.map_err(|cause| OpenError::io("open the lock file", &file, cause))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: path.to_owned() }),
            Err(TryLockError::Error(cause)) => Err(OpenError::io("lock", file, cause)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a store. Removes what is left of one that was never finished; touches nothing of one that is
    /// there.
    pub(super) fn holds_store(&self) -> Result<bool, OpenError> {
        let creating = self.path.join(Staging::Creating.name());
        if self.exists(HEAD)? {
            return Ok(true);
        }
        if self.exists(Staging::Restoring.name())? {
            return Err(OpenError::RestoreUnfinished { dir: self.path.clone() });
        }
        if self.exists(LOG)? {
            if !self.exists(&format!("{}/{HEAD}", Staging::Creating.name()))? {
                return Err(OpenError::HeadMissing { dir: self.path.clone() });
            }
            remove(&self.path.join(LOG))?;
        }
        remove(&creating)?;
        Ok(false)
    }

    /// An empty directory to build a store in.
    pub(super) fn stage(&self, staging: Staging) -> Result<PathBuf, OpenError> {
        let staged = self.path.join(staging.name());
        let made = fs::create_dir(&staged).and_then(|()| sync_dir(&self.path));
        made.map_err(|cause| OpenError::io("create", &staged, cause))?;
        Ok(staged)
    }

    /// Moves a store that was built, and closed, into its place.
    pub(super) fn publish(&self, staging: Staging, crash_points: &CrashPoints) -> Result<(), OpenError> {
        let staged = self.path.join(staging.name());
        let publish = || {
            sync_tree(&staged)?;
            crash_points.reach("creation_staged");
            fs::rename(staged.join(LOG), self.path.join(LOG))?;
            sync_dir(&self.path)?;
            crash_points.reach("creation_log_moved");
            fs::rename(staged.join(HEAD), self.path.join(HEAD))?;
            sync_dir(&self.path)?;
            crash_points.reach("creation_head_moved");
            fs::remove_dir_all(&staged)
        };
        publish().map_err(|cause| OpenError::io("finish the store in", &self.path, cause))
    }

    /// Removes what was being built, or what is left of the building when a store is in its place.
    pub(super) fn discard(&self, staging: Staging) -> Result<(), OpenError> {
        remove(&self.path.join(staging.name()))
    }

    fn exists(&self, name: &str) -> Result<bool, OpenError> {
        let path = self.path.join(name);
        path.try_exists().map_err(|cause| OpenError::io("look at", path, cause))
    }
}

/// Where index snapshots of sled go that are in its way.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let aside = dir.join(SET_ASIDE);
    fs::create_dir_all(&aside)?;
    Ok(aside)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
}

fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(OpenError::io("remove", path, cause)),
        _ => Ok(()),
    }
}
