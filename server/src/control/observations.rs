//! What services observe, and what can be said of it: the windows behind a lock that is held for moments.
//!
//! They answer plans and guards ([`Metrics`]), and who asks how much flags are used. Kept beside the store ([`kept`]), so
//! that a restart does not blind a guard; not in the log, because a measurement changes nothing
//! ([0016](../../../docs/adr/0016-measurements-beside-the-log.md)).

pub mod kept;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, VariantName};
use mycelia_flags_core::observation::batch::{Batch, Taken};
use mycelia_flags_core::observation::measurement::Measurement;
use mycelia_flags_core::observation::question::{Gathered, Purpose};
use mycelia_flags_core::observation::recorded::Looks;
use mycelia_flags_core::observation::usage::{Row, RowKey, UsageQuery};
use mycelia_flags_core::observation::window::Windows;
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use tracing::warn;

use super::answered::Handouts;
use crate::state::Store;

/// See the module.
#[derive(Debug)]
pub struct Observations {
    store: Store,
    windows: Mutex<Windows>,
    handouts: Handouts,
    has_room: AtomicBool,
}

impl Observations {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(store: Store, now: Timestamp) -> Self {
        Self::resume(store, Windows::new(now))
    }

    /// What was kept.
    #[must_use]
    pub fn resume(store: Store, windows: Windows) -> Self {
        let (windows, handouts) = (Mutex::new(windows), Handouts::default());
        Self { store, windows, handouts, has_room: AtomicBool::new(true) }
    }

    /// Where evaluations on the server are counted until [`Self::settle`].
    #[must_use]
    pub const fn handouts(&self) -> &Handouts {
        &self.handouts
    }

    /// Lets the windows take what the server has handed out. Flags that are not there any more are nobody's concern.
    pub fn settle(&self, now: Timestamp) {
        let (mut all, dropped) = self.handouts.take();
        if all.is_empty() && dropped == 0 {
            return;
        }
        let snapshot = self.store.snapshot();
        all.retain(|answered| snapshot.flag(&answered.flag).is_some());
        let left_out = self.windows().count_answered(all, now).saturating_add(dropped);
        // Said when it begins: who asks for every flag of a large environment does it again and again.
        if self.has_room.swap(left_out == 0, Ordering::Relaxed) && left_out > 0 {
            warn!(left_out, "there is no room to count all evaluations that the server makes for others");
        }
    }

    /// Counts a batch.
    pub fn take(&self, batch: Batch, now: Timestamp) -> Taken {
        self.windows().take(batch, now)
    }

    /// How much flags are used, until now.
    #[must_use]
    pub fn usage(&self, query: &UsageQuery, now: Timestamp) -> BTreeMap<RowKey, Row> {
        self.settle(now);
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
    fn gather(&self, check: &MetricCheck, asked: &Asked<'_>, purpose: Purpose) -> Gathered {
        let snapshot = self.store.snapshot();
        let control = |flag: &FoldedKey| control(&snapshot, asked.environment, flag);
        let mut windows = self.windows();
        windows.look(asked.now);
        windows.gather(check, asked, &control, purpose)
    }
}

/// Answers of moments that have passed, by the buckets that are left of them.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'o>(&'o Observations);

impl Recorded<'_> {
    fn gather(&self, check: &MetricCheck, asked: &Asked<'_>, purpose: Purpose) -> Gathered {
        let snapshot = self.0.store.snapshot();
        let control = |flag: &FoldedKey| control(&snapshot, asked.environment, flag);
        self.0.windows().recorded(check, asked, &control, purpose)
    }
}

impl Metrics for Recorded<'_> {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.gather(check, asked, Purpose::Verdict).judge()
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.gather(check, asked, Purpose::Measurement).measure()
    }
}

/// What a flag serves to those who do not have the feature: its off variant.
fn control(snapshot: &Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<VariantName> {
    snapshot.configuration(environment, flag).map(|configuration| configuration.off_variant.clone())
}

impl Metrics for Observations {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.gather(check, asked, Purpose::Verdict).judge()
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.gather(check, asked, Purpose::Measurement).measure()
    }
}
