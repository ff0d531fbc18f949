//! From options to a store that runs: create the log if there is none, read it back, start the writer.
//!
//! What a crash leaves behind at any point in here either is taken for what it is at the next start, or lies in a
//! directory that says that it was never finished; `data_dir.rs` has the order.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::check::{Circumstances, Origin, check};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::schema::AnyValue;
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::{mpsc, watch};
use tracing::info;

use super::commit::WriterHealth;
use super::crash_point::CrashPoints;
use super::data_dir::{DataDir, Staging};
use super::envelope::{Position, Sealed};
use super::epoch::Epoch;
use super::limits::QUEUE_MAX;
use super::log::Log;
use super::memory_log::MemoryLog;
use super::open_error::OpenError;
use super::replay::{Loaded, load, refusal};
use super::schemas::JsonSchemas;
use super::sled_log::SledLog;
use super::stats::Counters;
use super::store::{Store, Visible};
use super::writer::Writer;
use crate::clock::SharedClock;

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Where the log is.
    pub log: LogChoice,
    /// How subjects are assigned to buckets; none means the store's own, and the current one for a new store. Part of the
    /// store: another generation than the store's is refused.
    pub bucketing: Option<Generation>,
    /// The environments that a new store gets. A store that exists keeps its own.
    pub environments: Vec<String>,
    /// Who creates a new store.
    pub created_by: String,
}

/// Where the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogChoice {
    /// In a data directory, with sled.
    Sled {
        /// The directory; created if it is missing.
        data_dir: PathBuf,
    },
    /// In memory: gone at the end.
    Memory,
}

impl LogChoice {
    /// Whether there is a store already, whose environments count and not those of the options.
    #[must_use]
    pub fn holds_store(&self) -> bool {
        match self {
            Self::Memory => false,
            Self::Sled { data_dir } => data_dir.join(super::data_dir::HEAD).exists(),
        }
    }

    /// The directory that the store lies in; none of one that is in memory.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Sled { data_dir } => Some(data_dir),
        }
    }
}

pub(super) fn open(options: StoreOptions, clock: SharedClock) -> Result<Store, OpenError> {
    let crash_points = CrashPoints::from_environment();
    let log: Box<dyn Log> = match &options.log {
        LogChoice::Memory => {
            let mut log = MemoryLog::new(Epoch::draw());
            found(&mut log, &genesis(&options, clock.now())?)?;
            Box::new(log)
        }
        LogChoice::Sled { data_dir } => {
            let dir = DataDir::lock(data_dir)?;
            if !dir.holds_store()? {
                create(&dir, &genesis(&options, clock.now())?, &crash_points)?;
            }
            Box::new(SledLog::open(dir, crash_points.clone())?)
        }
    };
    start(log, options.bucketing, clock, crash_points)
}

/// Builds a store out of sight and moves it into its place.
fn create(dir: &DataDir, genesis: &Record, crash_points: &CrashPoints) -> Result<(), OpenError> {
    let epoch = Epoch::draw();
    let staged = dir.stage(Staging::Creating)?;
    let mut log = SledLog::create(&staged, dir.path(), epoch)?;
    found(&mut log, genesis)?;
    drop(log);
    dir.publish(Staging::Creating, crash_points)?;
    info!(dir = %dir.path().display(), %epoch, "store created");
    Ok(())
}

/// The first record of a store.
fn genesis(options: &StoreOptions, at: Timestamp) -> Result<Record, OpenError> {
    let create = Change::CreateStore {
        bucketing: options.bucketing.unwrap_or_default(),
        environments: options.environments.clone(),
    };
    own_record(&Snapshot::default(), &options.created_by, create, at).map_err(OpenError::Settings)
}

/// A record that the store itself asks for. It is written even if it touches nothing.
pub(super) fn own_record(
    snapshot: &Snapshot,
    actor: &str,
    change: Change,
    at: Timestamp,
) -> Result<Record, Rejection> {
    let change_set = ChangeSet { actor: actor.to_owned(), changes: vec![change], ..ChangeSet::default() };
    // What the store asks for itself knows neither schemas nor undoing.
    let circumstances = Circumstances { origin: Origin::Store, at, schemas: &AnyValue, undone: &[] };
    let writes = check(snapshot, &change_set, circumstances)?.writes;
    Ok(Record {
        revision: snapshot.revision().next(),
        committed_at: at,
        change_set,
        writes,
        idempotency_key: Box::default(),
    })
}

fn found(log: &mut dyn Log, genesis: &Record) -> Result<(), OpenError> {
    let sealed = Sealed::seal(genesis, Position::default());
    log.append(&[sealed]).map_err(|error| refusal(log.dir(), error))
}

/// Reads the log back and starts the writer on it.
pub(super) fn start(
    mut log: Box<dyn Log>,
    bucketing: Option<Generation>,
    clock: SharedClock,
    crash_points: CrashPoints,
) -> Result<Store, OpenError> {
    let Loaded { snapshot, position, recent, remembered } = load(&mut *log)?;
    let stored = snapshot.settings().bucketing;
    if let Some(bucketing) = bucketing.filter(|bucketing| stored != *bucketing) {
        return Err(OpenError::bucketing(log.dir().to_owned(), stored, bucketing));
    }
    log.settle(position).map_err(|error| refusal(log.dir(), error))?;

    let counters = Counters::default();
    counters.opened(log.size());
    let epoch = log.epoch();
    info!(dir = %log.dir().display(), %epoch, head = %position.revision, flags = snapshot.flag_count(), "store open");
    let visible = Arc::new(Visible {
        epoch,
        snapshot: ArcSwap::from_pointee(snapshot),
        recent: Mutex::new(recent),
        head: watch::Sender::new(position.revision),
        health: watch::Sender::new(WriterHealth::Writable),
        counters,
    });
    let (sender, commands) = mpsc::channel(QUEUE_MAX);
    let writer = Writer {
        log,
        commands,
        set_aside: VecDeque::new(),
        visible: Arc::clone(&visible),
        clock,
        schemas: JsonSchemas::default(),
        remembered,
        position,
        crash_points,
        poisoned: None,
    };
    let thread = writer.start().map_err(OpenError::Thread)?;
    Ok(Store::new(sender, visible, thread))
}

#[cfg(test)]
mod tests;
