//! Counts what has arrived at all readers together, and wakes whoever waits for the last of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::Notify;

/// A number that only grows, and a place to wait for it.
#[derive(Debug, Default)]
pub struct Tally {
    arrived: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
}

impl Tally {
    /// Notes what one reader got.
    pub fn add(&self, count: u64) {
        let arrived = self.arrived.fetch_add(count, Ordering::SeqCst) + count;
        if arrived >= self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    /// What has arrived so far.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Waits until so much has arrived.
    ///
    /// # Errors
    /// When it takes longer than anybody would wait.
    pub async fn until(&self, wanted: u64) -> Result<()> {
        self.wanted.store(wanted, Ordering::SeqCst);
        while self.arrived() < wanted {
            if tokio::time::timeout(Duration::from_secs(60), self.reached.notified()).await.is_err() {
                bail!("{} of {wanted} arrived within a minute", self.arrived());
            }
        }
        Ok(())
    }
}
