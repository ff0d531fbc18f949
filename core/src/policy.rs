//! What an environment allows: its policy, which every change set is held to by the check itself, so that no API goes
//! around it.
//!
//! What counts as more, and what makes things safer, are pure questions about two states of a flag: [`exposure`] and
//! [`safety`]. When nothing may become more is [`freeze`]. What a change set is told is the check's.

pub mod exposure;
pub mod freeze;
pub mod safety;

#[cfg(test)]
mod tests;

use crate::key::{FlagKey, FoldedKey};
use freeze::FreezeWindow;

/// What happens to a person's change to a flag that a rollout plan drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriftPolicy {
    /// It is made, and the plan sees that the flag has drifted.
    #[default]
    Accept,
    /// It is refused.
    Refuse,
}

impl DriftPolicy {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refuse => "refuse",
        }
    }
}

/// The policy of an environment. The default one demands nothing, and is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Whatever writes anything of the environment says why.
    pub reason_required: bool,
    /// By how much one change set may raise a percentage at most, in thousandths of a percent.
    pub largest_step: Option<u32>,
    /// How many seconds lie at least between two raises of one flag.
    pub smallest_interval_seconds: Option<u64>,
    /// While one of them is on, only what makes things safer is allowed.
    pub freeze_windows: Vec<FreezeWindow>,
    /// How many people other than its author must approve a change that does not make things safer.
    pub approvals: u32,
    /// These flags need an approval even where others do not, and are neither archived nor deleted.
    pub protected_flags: Vec<FlagKey>,
    /// What happens to a change beside the rollout plan that drives a flag.
    pub drift: DriftPolicy,
    /// Whether a promotion may be forced, whatever the rules for promotions say.
    pub break_glass: bool,
}

impl Policy {
    /// Whether a flag is protected, in whatever spelling.
    #[must_use]
    pub fn protects(&self, flag: &FoldedKey) -> bool {
        self.protected_flags.iter().any(|protected| protected.folded() == *flag)
    }
}

/// A policy as it is asked for: names are unparsed text, numbers unchecked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AskedPolicy {
    /// Whatever writes anything of the environment says why.
    pub reason_required: bool,
    /// More than 0 up to 100 percentage points, with at most three decimals.
    pub largest_step_percent: Option<f64>,
    /// Seconds between two raises of one flag.
    pub smallest_interval_seconds: Option<u64>,
    /// When only what makes things safer is allowed.
    pub freeze_windows: Vec<FreezeWindow>,
    /// How many other people must approve.
    pub approvals: u32,
    /// Keys of flags.
    pub protected_flags: Vec<String>,
    /// What happens to changes beside a plan.
    pub drift: DriftPolicy,
    /// Whether a promotion may be forced.
    pub break_glass: bool,
}
