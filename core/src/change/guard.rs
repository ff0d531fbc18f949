//! What callers ask for about guards.

use crate::guard::watch::GuardStep;
use crate::incident::Severity;
use crate::plan::GuardAction;
use crate::plan::metric_check::MetricCheck;

/// A guard, as it is asked for: names are unparsed text.
#[derive(Debug, Clone, PartialEq)]
pub struct SetGuard {
    /// The guard's key.
    pub guard: String,
    /// The environment's key.
    pub environment: String,
    /// The keys of the flags that it watches over; none when it names a feature.
    pub flags: Vec<String>,
    /// The key of the feature that it watches over; empty when it names flags.
    pub feature: String,
    /// The condition.
    pub when: MetricCheck,
    /// How bad it is when it is true.
    pub severity: Severity,
    /// What happens then.
    pub action: GuardAction,
    /// How many seconds after a trip it is said what became of it; none means the usual time.
    pub recovery_after_seconds: Option<u64>,
    /// For people.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// The names of notification targets.
    pub notify: Vec<String>,
}

/// What is acknowledged. The cause is the change set's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcknowledgeGuard {
    /// What the guard of this key did.
    Guard(String),
    /// What every guard did that holds a flag down in an environment.
    OfFlag {
        /// The environment's key.
        environment: String,
        /// The flag's key.
        flag: String,
    },
}

/// A step of a guard; only the server itself may ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepGuard {
    /// The guard's key.
    pub guard: String,
    /// What it does.
    pub step: GuardStep,
}
