//! What services observe, and what can be said of it: the windows behind a lock that is held for moments.
//!
//! They answer plans and guards ([`Metrics`]), and who asks how much flags are used. Kept beside the store ([`kept`]), so
//! that a restart does not blind a guard; not in the log, because a measurement changes nothing
//! ([0016](../../../docs/adr/0016-measurements-beside-the-log.md)).

pub mod kept;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, VariantName};
use mycelia_flags_core::observation::batch::{Batch, Taken};
use mycelia_flags_core::observation::measurement::Measurement;
use mycelia_flags_core::observation::question::Gathered;
use mycelia_flags_core::observation::recorded::Looks;
use mycelia_flags_core::observation::usage::{Row, RowKey, UsageQuery};
use mycelia_flags_core::observation::window::Windows;
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;

use crate::state::Store;

/// See the module.
#[derive(Debug)]
pub struct Observations {
    store: Store,
    windows: Mutex<Windows>,
}

impl Observations {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(store: Store, now: Timestamp) -> Self {
        Self::resume(store, Windows::new(now))
    }

    /// What was kept.
    #[must_use]
    pub const fn resume(store: Store, windows: Windows) -> Self {
        Self { store, windows: Mutex::new(windows) }
    }

    /// Counts a batch.
    pub fn take(&self, batch: &Batch, now: Timestamp) -> Taken {
        self.windows().take(batch, now)
    }

    /// How much flags are used.
    #[must_use]
    pub fn usage(&self, query: &UsageQuery) -> BTreeMap<RowKey, Row> {
        self.windows().usage(query)
    }

    /// When a condition can be asked of what was recorded.
    #[must_use]
    pub fn looks(&self, check: &MetricCheck, asked: &Asked<'_>, from: Timestamp) -> Looks {
        self.windows().looks(check, asked, from)
    }

    /// What was recorded, for whoever asks about moments that have passed.
    #[must_use]
    pub const fn recorded(&self) -> Recorded<'_> {
        Recorded(self)
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the lock it is only gathered; what it means is found out after it.
    fn gather(&self, check: &MetricCheck, asked: &Asked<'_>) -> Gathered {
        let snapshot = self.store.snapshot();
        let control = |flag: &FoldedKey| control(&snapshot, asked.environment, flag);
        let mut windows = self.windows();
        windows.look(asked.now);
        windows.gather(check, asked, &control)
    }
}

/// Answers of moments that have passed, by the buckets that are left of them.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'o>(&'o Observations);

impl Recorded<'_> {
    fn gather(&self, check: &MetricCheck, asked: &Asked<'_>) -> Gathered {
        let snapshot = self.0.store.snapshot();
        let control = |flag: &FoldedKey| control(&snapshot, asked.environment, flag);
        self.0.windows().recorded(check, asked, &control)
    }
}

impl Metrics for Recorded<'_> {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.gather(check, asked).judge()
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.gather(check, asked).measure()
    }
}

/// What a flag serves to those who do not have the feature: its off variant.
fn control(snapshot: &Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<VariantName> {
    snapshot.configuration(environment, flag).map(|configuration| configuration.off_variant.clone())
}

impl Metrics for Observations {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.gather(check, asked).judge()
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.gather(check, asked).measure()
    }
}
