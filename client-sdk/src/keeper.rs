//! Brings the state in force to disk, off every path that anybody waits on: the newest one only, and seldom.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::disk::Store;
use crate::limits::{DISK_INTERVAL, DISK_RETRY};
use crate::shared::Shared;

/// See the module.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    store: Arc<Store>,
    tracker: TaskTracker,
    kept: u64,
    failing: bool,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, store: Store, tracker: TaskTracker) -> Self {
        Self { kept: shared.generation(), shared, store: Arc::new(store), tracker, failing: false }
    }

    /// Writes until told to stop, and a last time then.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let mut head = self.shared.watch_head();
        loop {
            let newer = head.wait_for(|head| head.generation > self.kept);
            if stopping.run_until_cancelled(newer).await.is_none() {
                break;
            }
            self.keep().await;
            let pause = if self.failing { DISK_RETRY } else { DISK_INTERVAL };
            let pause = tokio::time::sleep(pause);
            if stopping.run_until_cancelled(pause).await.is_none() {
                break;
            }
        }
        if self.shared.generation() > self.kept {
            self.keep().await;
        }
    }

    async fn keep(&mut self) {
        let state = self.shared.state();
        let store = Arc::clone(&self.store);
        let generation = state.generation;
        let saved = self.tracker.spawn_blocking(move || store.save(&state)).await;
        let saved = saved.map_err(std::io::Error::other).and_then(|saved| saved);
        match saved {
            Ok(()) => {
                self.kept = generation;
                if self.failing {
                    info!("the last known good state is on disk again");
                }
                self.failing = false;
            }
            Err(error) => {
                if !self.failing {
                    warn!(file = %self.store.path().display(), %error, "the state is not kept on disk; trying again");
                }
                self.failing = true;
            }
        }
    }
}
