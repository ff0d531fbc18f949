//! Changes of guards.

use mycelia_flags_core::change::{AcknowledgeGuard, Change, SetGuard, StepGuard};
use mycelia_flags_core::guard::watch::GuardStep;
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::revision::Revision;

use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::guard::{action_to_wire, observed, observed_to_wire, statement, statement_to_wire};
use crate::convert::plan::{metric_check, rollback};
use crate::convert::promotion::{severity_from_wire, severity_to_wire};
use crate::v1;
use crate::v1::acknowledge_guard::What;
use crate::v1::change::Change as WireChange;
use crate::v1::step_guard::Step;

/// The wire's change; none for a change of anything else.
pub(super) fn to_wire(change: &Change) -> Option<WireChange> {
    Some(match change {
        Change::SetGuard(set) => WireChange::SetGuard(v1::SetGuard { guard: Some(set_to_wire(set)) }),
        Change::DeleteGuard { guard, force } => {
            WireChange::DeleteGuard(v1::DeleteGuard { guard: guard.clone(), force: *force })
        }
        Change::AcknowledgeGuard(what) => {
            let what = match what {
                AcknowledgeGuard::Guard(guard) => What::Guard(guard.clone()),
                AcknowledgeGuard::OfFlag { environment, flag } => {
                    What::Flag(v1::FlagThere { environment: environment.clone(), flag: flag.clone() })
                }
            };
            WireChange::AcknowledgeGuard(v1::AcknowledgeGuard { what: Some(what) })
        }
        Change::StepGuard(step) => WireChange::StepGuard(v1::StepGuard {
            guard: step.guard.clone(),
            step: Some(step_to_wire(&step.step)),
        }),
        _ => return None,
    })
}

fn set_to_wire(set: &SetGuard) -> v1::Guard {
    v1::Guard {
        key: set.guard.clone(),
        environment: set.environment.clone(),
        flags: set.flags.clone(),
        feature: set.feature.clone(),
        when: set.when.to_string(),
        severity: severity_to_wire(set.severity).into(),
        action: Some(action_to_wire(&set.action)),
        recovery_after_seconds: set.recovery_after_seconds.unwrap_or(0),
        description: set.description.clone(),
        owner: set.owner.clone(),
        notify: set.notify.clone(),
        set: None,
    }
}

fn step_to_wire(step: &GuardStep) -> Step {
    match step {
        GuardStep::Trip { judged_at, observed } => Step::Trip(v1::TripGuard {
            judged_at: judged_at.get(),
            observed: Some(observed_to_wire(observed)),
        }),
        GuardStep::Fire { observed } => Step::Fire(observed_to_wire(observed)),
        GuardStep::Quiet { value } => Step::Quiet(*value),
        GuardStep::StateRecovery { statement } => Step::StateRecovery(statement_to_wire(statement)),
        GuardStep::ClockWentBack => Step::ClockWentBack(true),
        GuardStep::Block { reason } => Step::Block(reason.clone()),
    }
}

pub(super) fn set(path: &Path<'_>, wire: &v1::SetGuard, faults: &mut Faults) -> Result<Change, Noted> {
    let path = path.field("guard");
    let Some(wire) = &wire.guard else {
        return Err(faults.missing(&path, "a guard with a key, a condition and an action"));
    };
    let when = metric_check(&path.field("when"), &wire.when, faults);
    let severity = faults.or_note(severity_from_wire(path.field("severity"), wire.severity));
    let action = match &wire.action {
        None => Err(faults.missing(&path.field("action"), "an action: alert, pause or rollback")),
        Some(v1::guard::Action::Alert(v1::AlertAction {})) => Ok(GuardAction::Alert),
        Some(v1::guard::Action::Pause(v1::PauseAction {})) => Ok(GuardAction::Pause),
        Some(v1::guard::Action::Rollback(wire)) => {
            rollback(&path.field("rollback"), Some(wire), faults).map(GuardAction::Rollback)
        }
    };
    Ok(Change::SetGuard(Box::new(SetGuard {
        guard: wire.key.clone(),
        environment: wire.environment.clone(),
        flags: wire.flags.clone(),
        feature: wire.feature.clone(),
        when: when?,
        severity: severity?,
        action: action?,
        recovery_after_seconds: Some(wire.recovery_after_seconds).filter(|seconds| *seconds > 0),
        description: wire.description.clone(),
        owner: wire.owner.clone(),
        notify: wire.notify.clone(),
    })))
}

pub(super) fn acknowledge(
    path: &Path<'_>,
    wire: &v1::AcknowledgeGuard,
    faults: &mut Faults,
) -> Result<Change, Noted> {
    Ok(Change::AcknowledgeGuard(match &wire.what {
        Some(What::Guard(guard)) => AcknowledgeGuard::Guard(guard.clone()),
        Some(What::Flag(v1::FlagThere { environment, flag })) => {
            AcknowledgeGuard::OfFlag { environment: environment.clone(), flag: flag.clone() }
        }
        None => {
            let path = path.field("acknowledge_guard");
            return Err(faults.missing(&path, "the key of a guard, or a flag"));
        }
    }))
}

pub(super) fn step(path: &Path<'_>, wire: &v1::StepGuard, faults: &mut Faults) -> Result<Change, Noted> {
    let step = match &wire.step {
        None => return Err(faults.missing(path, "a step of a guard")),
        Some(Step::Trip(v1::TripGuard { judged_at, observed: seen })) => {
            let path = path.field("trip");
            let path = path.field("observed");
            let Some(seen) = seen else {
                return Err(faults.missing(&path, "what was measured"));
            };
            GuardStep::Trip { judged_at: Revision::new(*judged_at), observed: observed(&path, seen, faults)? }
        }
        Some(Step::Fire(seen)) => GuardStep::Fire { observed: observed(&path.field("fire"), seen, faults)? },
        Some(Step::Quiet(value)) => GuardStep::Quiet { value: *value },
        Some(Step::StateRecovery(said)) => {
            GuardStep::StateRecovery { statement: statement(&path.field("state_recovery"), said, faults)? }
        }
        Some(Step::ClockWentBack(_)) => GuardStep::ClockWentBack,
        Some(Step::Block(reason)) => GuardStep::Block { reason: reason.clone() },
    };
    Ok(Change::StepGuard(Box::new(StepGuard { guard: wire.guard.clone(), step })))
}
