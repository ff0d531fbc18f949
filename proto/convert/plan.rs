//! Rollout plans both ways, and where they are to the wire.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, PlanKey, SegmentKey, VariantName};
use mycelia_flags_core::limits::{PLAN_ITEMS_MAX, STAGE_FLAGS_MAX, STAGES_MAX};
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_core::plan::{
    Gate, GuardAction, Ladder, OnComplete, PlanDefinition, PlanGuard, RollbackKind, Stage, StageCanary,
    StageStart, Target,
};

use super::fault::{Faults, Noted, Path, WireError};
use super::time::timestamp_from_wire;
use super::timestamp_to_wire;
use super::value::{value, value_to_wire};
use crate::v1;

/// The wire's plan.
#[must_use]
pub fn plan_to_wire(plan: &PlanDefinition) -> v1::Plan {
    v1::Plan {
        key: plan.key.to_string(),
        description: plan.description.to_string(),
        owner: plan.owner.to_string(),
        environment: plan.environment.to_string(),
        starts_at: plan.starts_at.map(timestamp_to_wire),
        first_day: plan.first_day,
        stages: plan.stages.iter().map(stage_to_wire).collect(),
        guards: plan.guards.iter().map(guard_to_wire).collect(),
        ladder: Some(ladder_to_wire(&plan.ladder)),
        on_complete: Some(v1::OnComplete {
            remove_flags_after_seconds: plan.on_complete.remove_flags_after_seconds,
            canary_off: plan.on_complete.canary_off,
            notes: texts_to_wire(&plan.on_complete.notes),
        }),
        notes: texts_to_wire(&plan.notes),
    }
}

/// The core's plan, with every text as it was asked.
pub(super) fn plan(path: &Path<'_>, wire: &v1::Plan, faults: &mut Faults) -> Result<PlanDefinition, Noted> {
    let starts_at = optional_time(&path.field("starts_at"), wire.starts_at.as_ref(), faults);
    let stages_path = path.field("stages");
    let stages = faults.count(&stages_path, wire.stages.len(), STAGES_MAX);
    let stages = stages.and_then(|()| faults.each(&stages_path, &wire.stages, stage));
    let guards_path = path.field("guards");
    let guards = faults.count(&guards_path, wire.guards.len(), PLAN_ITEMS_MAX);
    let guards = guards.and_then(|()| faults.each(&guards_path, &wire.guards, guard));
    let on_complete = wire.on_complete.clone().unwrap_or_default();
    Ok(PlanDefinition {
        key: PlanKey::new(&wire.key),
        description: Box::from(wire.description.as_str()),
        owner: Box::from(wire.owner.as_str()),
        environment: EnvironmentKey::new(&wire.environment),
        starts_at: starts_at?,
        first_day: wire.first_day,
        stages: stages?,
        guards: guards?,
        ladder: wire.ladder.as_ref().map_or_else(Ladder::default, ladder),
        on_complete: OnComplete {
            remove_flags_after_seconds: on_complete.remove_flags_after_seconds,
            canary_off: on_complete.canary_off,
            notes: texts(&on_complete.notes),
        },
        notes: texts(&wire.notes),
    })
}

fn optional_time(
    path: &Path<'_>,
    wire: Option<&prost_types::Timestamp>,
    faults: &mut Faults,
) -> Result<Option<mycelia_flags_core::revision::Timestamp>, Noted> {
    wire.map(|at| faults.or_note(timestamp_from_wire(path, at))).transpose()
}

fn texts_to_wire(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn texts(wire: &[String]) -> Vec<Box<str>> {
    wire.iter().map(|text| Box::from(text.as_str())).collect()
}

fn stage_to_wire(stage: &Stage) -> v1::Stage {
    v1::Stage {
        name: stage.name.to_string(),
        description: stage.description.to_string(),
        environment: stage.environment.as_ref().map(ToString::to_string).unwrap_or_default(),
        start: match stage.start {
            StageStart::Next => None,
            StageStart::Day(day) => Some(v1::stage::Start::Day(day)),
            StageStart::At(moment) => Some(v1::stage::Start::At(timestamp_to_wire(moment))),
        },
        set: stage.set.iter().map(|(flag, target)| target_to_wire(flag, target)).collect(),
        canary: Some(v1::StageCanary {
            on: stage.canary.on,
            add: texts_to_wire(&stage.canary.add),
            remove: texts_to_wire(&stage.canary.remove),
        }),
        hold_seconds: stage.hold_seconds,
        gate: Some(v1::Gate {
            approvals: stage.gate.approvals,
            go: stage.gate.go,
            checks: stage.gate.checks.iter().map(ToString::to_string).collect(),
            checklist: texts_to_wire(&stage.gate.checklist),
            soak_seconds: stage.gate.soak_seconds,
            drill_within_seconds: stage.gate.drill_within_seconds,
        }),
        rollback_within_seconds: stage.rollback_within_seconds,
    }
}

fn stage(path: &Path<'_>, wire: &v1::Stage, faults: &mut Faults) -> Result<Stage, Noted> {
    let start = match &wire.start {
        None => Ok(StageStart::Next),
        Some(v1::stage::Start::Day(day)) => Ok(StageStart::Day(*day)),
        Some(v1::stage::Start::At(moment)) => {
            faults.or_note(timestamp_from_wire(path.field("at"), moment)).map(StageStart::At)
        }
    };
    let set_path = path.field("set");
    let set = faults.count(&set_path, wire.set.len(), STAGE_FLAGS_MAX);
    let set = set.and_then(|()| faults.each(&set_path, &wire.set, target));
    let gate = gate(&path.field("gate"), wire.gate.as_ref(), faults);
    let canary = wire.canary.clone().unwrap_or_default();
    Ok(Stage {
        name: Box::from(wire.name.as_str()),
        description: Box::from(wire.description.as_str()),
        environment: (!wire.environment.is_empty()).then(|| EnvironmentKey::new(&wire.environment)),
        start: start?,
        set: set?,
        canary: StageCanary { on: canary.on, add: texts(&canary.add), remove: texts(&canary.remove) },
        hold_seconds: wire.hold_seconds,
        gate: gate?,
        rollback_within_seconds: wire.rollback_within_seconds,
    })
}

fn gate(path: &Path<'_>, wire: Option<&v1::Gate>, faults: &mut Faults) -> Result<Gate, Noted> {
    let Some(wire) = wire else {
        return Ok(Gate::default());
    };
    let checks_path = path.field("checks");
    let checks = faults.count(&checks_path, wire.checks.len(), PLAN_ITEMS_MAX);
    let checks = checks.and_then(|()| {
        faults.each(&checks_path, &wire.checks, |path, text, faults| metric_check(path, text, faults))
    });
    Ok(Gate {
        approvals: wire.approvals,
        go: wire.go,
        checks: checks?,
        checklist: texts(&wire.checklist),
        soak_seconds: wire.soak_seconds,
        drill_within_seconds: wire.drill_within_seconds,
    })
}

pub(super) fn metric_check(path: &Path<'_>, text: &str, faults: &mut Faults) -> Result<MetricCheck, Noted> {
    faults.or_note(MetricCheck::parse(text).map_err(|error| WireError::InvalidCheck {
        field: path.to_string(),
        found: error.found,
        allowed: error.allowed,
    }))
}

fn target_to_wire(flag: &FlagKey, target: &Target) -> v1::StageTarget {
    use v1::stage_target::Target as Wire;
    let target = match target {
        Target::Percent(percent) => Wire::Percent(*percent),
        Target::Band { from, to } => Wire::Band(v1::PercentBand { from_percent: *from, to_percent: *to }),
        Target::Matrix { shares, rest } => {
            let shares = shares
                .iter()
                .map(|(segment, percent)| v1::PlanShare { segment: segment.to_string(), percent: *percent });
            Wire::Matrix(v1::PlanMatrix { shares: shares.collect(), rest_percent: *rest })
        }
        Target::Variant(variant) => Wire::Variant(variant.to_string()),
        Target::Value(value) => Wire::Value(value_to_wire(value)),
        Target::Disabled => Wire::Disabled(v1::DisabledTarget {}),
    };
    v1::StageTarget { flag: flag.to_string(), target: Some(target) }
}

fn target(path: &Path<'_>, wire: &v1::StageTarget, faults: &mut Faults) -> Result<(FlagKey, Target), Noted> {
    use v1::stage_target::Target as Wire;
    let Some(target) = &wire.target else {
        return Err(faults.missing(path, "a target: percent, band, matrix, variant, value or disabled"));
    };
    let target = match target {
        Wire::Percent(percent) => Target::Percent(*percent),
        Wire::Band(band) => Target::Band { from: band.from_percent, to: band.to_percent },
        Wire::Matrix(matrix) => {
            let shares = matrix.shares.iter().map(|share| (SegmentKey::new(&share.segment), share.percent));
            Target::Matrix { shares: shares.collect(), rest: matrix.rest_percent }
        }
        Wire::Variant(variant) => Target::Variant(VariantName::new(variant)),
        Wire::Value(wire) => Target::Value(value(&path.field("value"), wire, faults)?),
        Wire::Disabled(v1::DisabledTarget {}) => Target::Disabled,
    };
    Ok((FlagKey::new(&wire.flag), target))
}

fn guard_to_wire(guard: &PlanGuard) -> v1::PlanGuard {
    use v1::plan_guard::Action;
    let action = match &guard.action {
        GuardAction::Alert => Action::Alert(v1::AlertAction {}),
        GuardAction::Pause => Action::Pause(v1::PauseAction {}),
        GuardAction::Rollback(kind) => Action::Rollback(rollback_to_wire(kind)),
    };
    let flags = guard.flags.iter().map(ToString::to_string).collect();
    v1::PlanGuard { when: guard.when.to_string(), action: Some(action), flags }
}

fn guard(path: &Path<'_>, wire: &v1::PlanGuard, faults: &mut Faults) -> Result<PlanGuard, Noted> {
    use v1::plan_guard::Action;
    let when = metric_check(&path.field("when"), &wire.when, faults);
    let action = match &wire.action {
        None => Err(faults.missing(&path.field("action"), "an action: alert, pause or rollback")),
        Some(Action::Alert(v1::AlertAction {})) => Ok(GuardAction::Alert),
        Some(Action::Pause(v1::PauseAction {})) => Ok(GuardAction::Pause),
        Some(Action::Rollback(wire)) => {
            rollback(&path.field("rollback"), Some(wire), faults).map(GuardAction::Rollback)
        }
    };
    let flags = wire.flags.iter().map(|flag| FlagKey::new(flag)).collect();
    Ok(PlanGuard { when: when?, flags, action: action? })
}

fn ladder_to_wire(ladder: &Ladder) -> v1::Ladder {
    v1::Ladder { percents: ladder.percents.clone(), every_seconds: ladder.every_seconds }
}

fn ladder(wire: &v1::Ladder) -> Ladder {
    Ladder { percents: wire.percents.clone(), every_seconds: wire.every_seconds }
}

/// The wire's way to go back.
#[must_use]
pub fn rollback_to_wire(kind: &RollbackKind) -> v1::Rollback {
    use v1::rollback::Kind;
    let kind = match kind {
        RollbackKind::Disable => Kind::Disable(v1::RollbackToDisabled {}),
        RollbackKind::ToZero => Kind::ToZero(v1::RollbackToZero {}),
        RollbackKind::Gradual(ladder) => Kind::Gradual(ladder_to_wire(ladder)),
        RollbackKind::Segments(segments) => Kind::Segments(v1::RollbackSegments {
            segments: segments.iter().map(ToString::to_string).collect(),
        }),
        RollbackKind::CanaryOff => Kind::CanaryOff(v1::RollbackCanary {}),
    };
    v1::Rollback { kind: Some(kind) }
}

/// The core's way to go back.
pub(super) fn rollback(
    path: &Path<'_>,
    wire: Option<&v1::Rollback>,
    faults: &mut Faults,
) -> Result<RollbackKind, Noted> {
    use v1::rollback::Kind;
    let Some(kind) = wire.and_then(|wire| wire.kind.as_ref()) else {
        return Err(faults.missing(path, "a way: disable, to_zero, gradual, segments or canary_off"));
    };
    Ok(match kind {
        Kind::Disable(v1::RollbackToDisabled {}) => RollbackKind::Disable,
        Kind::ToZero(v1::RollbackToZero {}) => RollbackKind::ToZero,
        Kind::Gradual(wire) => RollbackKind::Gradual(ladder(wire)),
        Kind::Segments(wire) => {
            RollbackKind::Segments(wire.segments.iter().map(|segment| SegmentKey::new(segment)).collect())
        }
        Kind::CanaryOff(v1::RollbackCanary {}) => RollbackKind::CanaryOff,
    })
}
