//! What was asked about guards.

use mycelia_flags_core::change as core;
use mycelia_flags_core::guard::watch;
use mycelia_flags_core::revision::Revision;

use super::super::guard::{Action, Check};
use super::super::number::Numbered;
use super::super::standing_guard::{Observed, Statement};
use super::super::{FormError, required};
use super::Kind;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetGuard {
    #[prost(message, optional, tag = "1")]
    when: Option<Check>,
    #[prost(oneof = "Action", tags = "2, 3, 4")]
    action: Option<Action>,
    #[prost(string, tag = "5")]
    guard: String,
    #[prost(string, tag = "6")]
    environment: String,
    #[prost(string, repeated, tag = "7")]
    flags: Vec<String>,
    #[prost(string, tag = "8")]
    feature: String,
    #[prost(uint32, tag = "9")]
    severity: u32,
    #[prost(uint64, optional, tag = "10")]
    recovery_after_seconds: Option<u64>,
    #[prost(string, tag = "11")]
    description: String,
    #[prost(string, tag = "12")]
    owner: String,
    #[prost(string, repeated, tag = "13")]
    notify: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct DeleteGuard {
    #[prost(string, tag = "1")]
    pub(super) guard: String,
    #[prost(bool, tag = "2")]
    pub(super) force: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct AcknowledgeGuard {
    #[prost(oneof = "Acknowledged", tags = "1, 2")]
    what: Option<Acknowledged>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Acknowledged {
    #[prost(string, tag = "1")]
    Guard(String),
    #[prost(message, tag = "2")]
    OfFlag(FlagThere),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FlagThere {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, tag = "2")]
    flag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct StepGuard {
    #[prost(string, tag = "1")]
    guard: String,
    #[prost(oneof = "Step", tags = "2, 3, 4, 5, 6, 7")]
    step: Option<Step>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Step {
    #[prost(message, tag = "2")]
    Trip(Trip),
    #[prost(message, tag = "3")]
    Fire(Observed),
    /// The value that makes it so.
    #[prost(double, tag = "4")]
    Quiet(f64),
    #[prost(message, tag = "5")]
    StateRecovery(Statement),
    /// Always true.
    #[prost(bool, tag = "6")]
    ClockWentBack(bool),
    #[prost(string, tag = "7")]
    Block(String),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Trip {
    #[prost(uint64, tag = "1")]
    judged_at: u64,
    #[prost(message, optional, tag = "2")]
    observed: Option<Observed>,
}

/// The kind of a change of guards; none for other changes.
pub(super) fn kind(change: &core::Change) -> Option<Kind> {
    Some(match change {
        core::Change::SetGuard(set) => Kind::SetGuard(Box::new(SetGuard::from(&**set))),
        core::Change::DeleteGuard { guard, force } => {
            Kind::DeleteGuard(DeleteGuard { guard: guard.clone(), force: *force })
        }
        core::Change::AcknowledgeGuard(what) => Kind::AcknowledgeGuard(what.into()),
        core::Change::StepGuard(step) => Kind::StepGuard(Box::new(StepGuard::from(&**step))),
        _ => return None,
    })
}

impl From<&core::SetGuard> for SetGuard {
    fn from(set: &core::SetGuard) -> Self {
        Self {
            when: Some(Check::from(&set.when)),
            action: Some(Action::from(&set.action)),
            guard: set.guard.clone(),
            environment: set.environment.clone(),
            flags: set.flags.clone(),
            feature: set.feature.clone(),
            severity: set.severity.number(),
            recovery_after_seconds: set.recovery_after_seconds,
            description: set.description.clone(),
            owner: set.owner.clone(),
            notify: set.notify.clone(),
        }
    }
}

impl TryFrom<SetGuard> for core::Change {
    type Error = FormError;

    fn try_from(stored: SetGuard) -> Result<Self, FormError> {
        Ok(Self::SetGuard(Box::new(core::SetGuard {
            guard: stored.guard,
            environment: stored.environment,
            flags: stored.flags,
            feature: stored.feature,
            when: required("a guard's condition", stored.when)?.try_into()?,
            severity: Numbered::numbered(stored.severity)?,
            action: required("what a guard does", stored.action)?.try_into()?,
            recovery_after_seconds: stored.recovery_after_seconds,
            description: stored.description,
            owner: stored.owner,
            notify: stored.notify,
        })))
    }
}

impl From<&core::AcknowledgeGuard> for AcknowledgeGuard {
    fn from(what: &core::AcknowledgeGuard) -> Self {
        let what = match what {
            core::AcknowledgeGuard::Guard(guard) => Acknowledged::Guard(guard.clone()),
            core::AcknowledgeGuard::OfFlag { environment, flag } => {
                Acknowledged::OfFlag(FlagThere { environment: environment.clone(), flag: flag.clone() })
            }
        };
        Self { what: Some(what) }
    }
}

impl TryFrom<AcknowledgeGuard> for core::Change {
    type Error = FormError;

    fn try_from(stored: AcknowledgeGuard) -> Result<Self, FormError> {
        Ok(Self::AcknowledgeGuard(match required("what is acknowledged", stored.what)? {
            Acknowledged::Guard(guard) => core::AcknowledgeGuard::Guard(guard),
            Acknowledged::OfFlag(FlagThere { environment, flag }) => {
                core::AcknowledgeGuard::OfFlag { environment, flag }
            }
        }))
    }
}

impl From<&core::StepGuard> for StepGuard {
    fn from(step: &core::StepGuard) -> Self {
        let kind = match &step.step {
            watch::GuardStep::Trip { judged_at, observed } => {
                Step::Trip(Trip { judged_at: judged_at.get(), observed: Some(observed.into()) })
            }
            watch::GuardStep::Fire { observed } => Step::Fire(observed.into()),
            watch::GuardStep::Quiet { value } => Step::Quiet(*value),
            watch::GuardStep::StateRecovery { statement } => Step::StateRecovery(statement.into()),
            watch::GuardStep::ClockWentBack => Step::ClockWentBack(true),
            watch::GuardStep::Block { reason } => Step::Block(reason.clone()),
        };
        Self { guard: step.guard.clone(), step: Some(kind) }
    }
}

impl TryFrom<StepGuard> for core::Change {
    type Error = FormError;

    fn try_from(stored: StepGuard) -> Result<Self, FormError> {
        let step = match required("a step of a guard", stored.step)? {
            Step::Trip(Trip { judged_at, observed }) => watch::GuardStep::Trip {
                judged_at: Revision::new(judged_at),
                observed: required("what a guard saw", observed)?.into(),
            },
            Step::Fire(observed) => watch::GuardStep::Fire { observed: observed.into() },
            Step::Quiet(value) => watch::GuardStep::Quiet { value },
            Step::StateRecovery(statement) => {
                watch::GuardStep::StateRecovery { statement: statement.try_into()? }
            }
            Step::ClockWentBack(_) => watch::GuardStep::ClockWentBack,
            Step::Block(reason) => watch::GuardStep::Block { reason },
        };
        Ok(Self::StepGuard(Box::new(core::StepGuard { guard: stored.guard, step })))
    }
}
