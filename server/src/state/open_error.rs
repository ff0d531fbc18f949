//! Why a store is not opened. Each message is one line for an operator: what, where, what to do.

use std::io;
use std::path::PathBuf;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::Revision;

/// The store cannot be opened. Nothing that was acknowledged has been given up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system does not let us.
    #[error("cannot {action} {}: {cause}; make it readable and writable for the user that runs the server", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What came of it.
        cause: io::Error,
    },
    /// No room on the disk.
    #[error("the disk of {} is full; free some space there and start again", dir.display())]
    Full {
        /// The data directory.
        dir: PathBuf,
    },
    /// Another process has the store, or this one has it twice.
    #[error("the data directory {} is in use by another server; stop that one, or name another directory", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// A newer program has written the store.
    #[error(
        "the store in {} has format {found} and this program knows formats up to {known}; nothing was changed: start a \
         newer program, or restore a backup into another directory",
        dir.display()
    )]
    NewerFormat {
        /// The data directory.
        dir: PathBuf,
        /// The store's format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// HEAD is gone and the log is there.
    #[error(
        "{} holds a log but no HEAD, so nothing says how far the log should go; put HEAD back, or restore the newest \
         backup into an empty directory and keep this one for inspection",
        dir.display()
    )]
    HeadMissing {
        /// The data directory.
        dir: PathBuf,
    },
    /// Neither half of HEAD can be read.
    #[error(
        "{} is damaged, so nothing says how far the log should go; restore the newest backup into an empty directory \
         and keep this one for inspection",
        path.display()
    )]
    HeadDamaged {
        /// The file HEAD.
        path: PathBuf,
    },
    /// The log is gone and HEAD is there.
    #[error(
        "the log in {} is missing or empty, and the store was at revision {head}; put the directory `log` back, or \
         restore the newest backup into an empty directory",
        dir.display()
    )]
    LogMissing {
        /// The data directory.
        dir: PathBuf,
        /// The last revision that was confirmed.
        head: Revision,
    },
    /// The log belongs to another store than HEAD.
    #[error(
        "HEAD and the log in {} belong to different stores ({head} and {log}); put the two that belong together back, \
         or restore the newest backup into an empty directory",
        dir.display()
    )]
    Foreign {
        /// The data directory.
        dir: PathBuf,
        /// The store that HEAD belongs to.
        head: String,
        /// The store that the log belongs to.
        log: String,
    },
    /// The log ends before what was acknowledged.
    #[error(
        "the log in {} ends at revision {found}, and revision {head} was acknowledged; restore the newest backup into \
         an empty directory and keep this one for inspection",
        dir.display()
    )]
    RolledBack {
        /// The last revision that was acknowledged.
        head: Revision,
        /// The last revision that is there.
        found: Revision,
        /// The data directory.
        dir: PathBuf,
    },
    /// A record is not what was written.
    #[error(
        "the record of revision {revision} in {} is damaged, and everything before it is good: {what}; restore the \
         newest backup into an empty directory and keep this one for inspection",
        dir.display()
    )]
    Damaged {
        /// The first revision that is not good.
        revision: Revision,
        /// What is wrong with it.
        what: String,
        /// The data directory.
        dir: PathBuf,
    },
    /// The engine cannot open its files.
    #[error(
        "the log in {} cannot be opened: {what}; restore the newest backup into an empty directory and keep this one \
         for inspection",
        dir.display()
    )]
    Unopenable {
        /// The data directory.
        dir: PathBuf,
        /// What the engine says.
        what: String,
    },
    /// A restore was interrupted.
    #[error("a restore into {} has not finished; empty the directory and restore again", dir.display())]
    RestoreUnfinished {
        /// The data directory.
        dir: PathBuf,
    },
    /// The store buckets in another way than it is asked to.
    #[error(
        "the store in {} was created with bucketing {stored} and is asked to use {asked}; bucketing is part of the \
         store: start with {stored}, or create another store",
        dir.display()
    )]
    Bucketing {
        /// The data directory.
        dir: PathBuf,
        /// What the store was created with.
        stored: &'static str,
        /// What the options say.
        asked: &'static str,
    },
    /// A store cannot be created with these settings.
    #[error("a store cannot be created like this: {0}; correct the settings and start again")]
    Settings(Rejection),
    /// The operating system gives us no thread.
    #[error("cannot start the writer thread: {0}; raise the limit of threads and start again")]
    Thread(io::Error),
}

impl OpenError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, cause: io::Error) -> Self {
        let path = path.into();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { dir: path },
            _ => Self::Io { action, path, cause },
        }
    }

    pub(super) const fn bucketing(dir: PathBuf, stored: Generation, asked: Generation) -> Self {
        Self::Bucketing { dir, stored: stored.as_str(), asked: asked.as_str() }
    }
}
