//! Standing guards: a condition on what services report, and what happens to flags when it is true.
//!
//! A guard is two entities. The [`Guard`] is what people said; it stands still. The [`GuardState`](state::GuardState) is
//! what came of it, with the evidence. What is due is [`watch`], a function of the two, of metrics and of a moment; who
//! carries it out is the [check](crate::check) of a change set, like every other change.
//!
//! What is deliberately absent: windows and counts. Whoever measures answers [`Metrics`](crate::plan::metric_check::Metrics).

pub mod recovery;
pub mod rehearsal;
pub mod replay;
pub mod state;
pub mod watch;

use crate::incident::Severity;
use crate::key::{EnvironmentKey, FeatureKey, FlagKey, PlanKey};
use crate::plan::GuardAction;
use crate::plan::metric_check::MetricCheck;
use crate::plan::progress::Deed;
use crate::snapshot::Snapshot;

pub use crate::key::GuardKey;

/// How long after a trip it is said what became of it, unless the guard says otherwise. Seconds.
pub const RECOVERY_AFTER_SECONDS: u64 = 15 * 60;

/// What a guard watches over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuardTarget {
    /// These flags; at least one.
    Flags(Vec<FlagKey>),
    /// Whatever flags the feature has when it is looked at.
    Feature(FeatureKey),
}

/// A condition on metrics, and what happens when it is true.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Unique in the store.
    pub key: GuardKey,
    /// Where.
    pub environment: EnvironmentKey,
    /// What it takes back.
    pub target: GuardTarget,
    /// The condition. Where it names no flag, it is said of all that the guard watches over.
    pub when: MetricCheck,
    /// How bad it is when it is true.
    pub severity: Severity,
    /// What happens then.
    pub action: GuardAction,
    /// How many seconds after a trip it is said what became of it.
    pub recovery_after_seconds: u64,
    /// For people.
    pub description: Box<str>,
    /// Who answers for it.
    pub owner: Box<str>,
    /// The names of the notification targets that are to hear of it.
    pub notify: Vec<Box<str>>,
    /// Who said so last, and when.
    pub set: Deed,
}

impl Guard {
    /// The flags that it watches over: those of its feature now, if it names one.
    #[must_use]
    pub fn flags(&self, snapshot: &Snapshot) -> Vec<FlagKey> {
        match &self.target {
            GuardTarget::Flags(flags) => flags.clone(),
            GuardTarget::Feature(feature) => {
                snapshot.feature(feature).map(|feature| feature.flags.clone()).unwrap_or_default()
            }
        }
    }

    /// Whether it takes flags back, and not only says or pauses something.
    #[must_use]
    pub const fn takes_back(&self) -> bool {
        matches!(self.action, GuardAction::Rollback(_))
    }

    /// The plan that its gradual rollbacks are.
    #[must_use]
    pub fn rollback_plan(&self) -> PlanKey {
        PlanKey::new(&format!("rollback.{}", self.key))
    }

    /// How long, in seconds, the condition looks back.
    #[must_use]
    pub fn looks_back_seconds(&self) -> u64 {
        self.when.window_seconds.max(self.when.sustained_seconds)
    }
}

#[cfg(test)]
mod tests;
