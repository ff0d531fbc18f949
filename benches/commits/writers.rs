//! Writers who ask the real store, each for changes of its own flag.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place};
use mycelia_flags_server::clock::SystemClock;
use mycelia_flags_server::state::{CommitRequest, LogChoice, Store, StoreOptions};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const ENVIRONMENT: &str = "production";

/// A store on disk and those who write to it.
pub(crate) struct Writers {
    runtime: Runtime,
    store: Store,
    /// Switches so far. An even number stands before a switch on, so that each one is a change.
    switches: Vec<Arc<AtomicU64>>,
}

impl Writers {
    /// Opens a new store and creates a flag for each writer.
    pub(crate) fn open(data_dir: &Path, writers: usize) -> Result<Self> {
        let options = StoreOptions {
            log: LogChoice::Sled { data_dir: data_dir.to_owned() },
            bucketing: None,
            environments: vec![ENVIRONMENT.to_owned()],
            created_by: "bench".to_owned(),
        };
        let store = Store::open(options, SystemClock::shared())?;
        let runtime = Runtime::new()?;
        let flags = (0..writers).map(|writer| Change::CreateFlag(CreateFlag::boolean(&name(writer))));
        runtime.block_on(store.commit(request(flags.collect())))?;
        let switches = (0..writers).map(|_| Arc::default()).collect();
        Ok(Self { runtime, store, switches })
    }

    /// Commits this many changes, in equal shares, and waits for all answers.
    pub(crate) fn commit(&self, writers: usize, operations: usize) -> Result<u64> {
        let before = self.store.stats().commits;
        let each = operations / writers;
        self.runtime.block_on(async {
            let mut asking = JoinSet::new();
            for (writer, switches) in self.switches.iter().enumerate().take(writers) {
                asking.spawn(ask(self.store.clone(), name(writer), Arc::clone(switches), each));
            }
            while let Some(asked) = asking.join_next().await {
                asked??;
            }
            anyhow::Ok(())
        })?;
        Ok(self.store.stats().commits - before)
    }

    /// Closes the store.
    pub(crate) fn close(self) -> Result<()> {
        let stats = self.store.stats();
        ensure!(stats.rejected == 0, "{} change sets were rejected", stats.rejected);
        self.runtime.block_on(self.store.close());
        Ok(())
    }
}

async fn ask(store: Store, flag: String, switches: Arc<AtomicU64>, times: usize) -> Result<()> {
    for _ in 0..times {
        let place = Place { environment: ENVIRONMENT.to_owned(), flag: flag.clone() };
        let is_on = !switches.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let change = if is_on { Change::Disable(place) } else { Change::Enable(place) };
        store.commit(request(vec![change])).await?;
    }
    Ok(())
}

fn name(writer: usize) -> String {
    format!("writer-{writer}")
}

fn request(changes: Vec<Change>) -> CommitRequest {
    let change_set = ChangeSet { actor: "bench".to_owned(), reason: "to measure".to_owned(), changes };
    CommitRequest { change_set, ..CommitRequest::default() }
}
