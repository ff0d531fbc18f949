//! Promotion between environments: what must be true before an environment takes over what another one serves.
//!
//! The rules are the target's. [`readiness`] tells, point by point, what is done and what is missing; the check of a
//! change set asks the same question, so that what is shown and what is refused are never two opinions.

pub mod memory;
pub mod readiness;
pub mod soak;

use crate::key::{EnvironmentKey, FlagKey, ServiceName};
use crate::plan::progress::{Deed, Tick};

/// What an environment asks for before it takes a flag over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRules {
    /// The only environment that flags come from.
    pub from: EnvironmentKey,
    /// For how long the flag must have been serving there.
    pub soak_seconds: u64,
    /// For how long there must have been no critical incident of the flag there.
    pub incident_free_seconds: u64,
    /// How many people beside the one who promotes must approve.
    pub approvals: u32,
    /// Points that people tick off.
    pub checklist: Vec<Box<str>>,
    /// How old the last rollback drill of the flag may be; none when no drill is asked for.
    pub drill_within_seconds: Option<u64>,
    /// Whether somebody may promote by force, with a reason, what is not ready.
    pub allow_force: bool,
}

/// What people have said about the next promotion of a flag to an environment. The promotion itself clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promotion {
    /// Who approved what the source serves. Void as soon as it serves something else.
    pub approvals: Vec<Deed>,
    /// What was ticked off.
    pub ticks: Vec<Tick>,
}

impl Promotion {
    /// Whether nobody has said anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.approvals.is_empty() && self.ticks.is_empty()
    }
}

/// A rollback that was tried out: how long it took until every service had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// The flag, as it was spelled at creation.
    pub flag: FlagKey,
    /// Who did it, and when it was recorded.
    pub deed: Deed,
    /// For each service that was connected, the microseconds until its last instance had acknowledged.
    pub services: Vec<(ServiceName, u64)>,
    /// The microseconds until everybody had.
    pub total_micros: u64,
}
