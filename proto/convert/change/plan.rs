//! Changes of rollout plans.

use mycelia_flags_core::change::{Change, PlanAct};
use mycelia_flags_core::plan::RollbackKind;
use mycelia_flags_core::plan::runner::Step;

use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::plan::{plan, plan_to_wire, rollback, rollback_to_wire};
use crate::v1;
use crate::v1::act_on_plan::Act as WireAct;
use crate::v1::change::Change as WireChange;
use crate::v1::plan_step::Step as WireStep;

pub(super) fn set_to_wire(definition: &mycelia_flags_core::plan::PlanDefinition) -> WireChange {
    WireChange::SetPlan(v1::SetPlan { plan: Some(plan_to_wire(definition)) })
}

pub(super) fn set(path: &Path<'_>, wire: &v1::SetPlan, faults: &mut Faults) -> Result<Change, Noted> {
    let path = path.field("plan");
    match &wire.plan {
        Some(wire) => plan(&path, wire, faults).map(|plan| Change::SetPlan(Box::new(plan))),
        None => Err(faults.missing(&path, "a plan with a key and at least one stage")),
    }
}

pub(super) fn act_to_wire(plan: &str, act: &PlanAct) -> WireChange {
    let deed = |deed: v1::PlanDeed| WireAct::Deed(deed.into());
    let point = |item: &str| v1::ChecklistPoint { item: item.to_owned() };
    let act = match act {
        PlanAct::Start => deed(v1::PlanDeed::Start),
        PlanAct::Approve => deed(v1::PlanDeed::Approve),
        PlanAct::Go => deed(v1::PlanDeed::Go),
        PlanAct::NoGo => deed(v1::PlanDeed::NoGo),
        PlanAct::Pause => deed(v1::PlanDeed::Pause),
        PlanAct::Resume => deed(v1::PlanDeed::Resume),
        PlanAct::Acknowledge => deed(v1::PlanDeed::Acknowledge),
        PlanAct::Cancel => deed(v1::PlanDeed::Cancel),
        PlanAct::Tick { item } => WireAct::Tick(point(item)),
        PlanAct::Untick { item } => WireAct::Untick(point(item)),
        PlanAct::Report { metric, value } => {
            WireAct::Report(v1::MetricReport { metric: metric.clone(), value: value.clone() })
        }
        PlanAct::RollBack(kind) => WireAct::RollBack(rollback_to_wire(kind)),
        PlanAct::Step(step) => WireAct::Step(v1::PlanStep { step: Some(step_to_wire(step)) }),
    };
    WireChange::ActOnPlan(v1::ActOnPlan { plan: plan.to_owned(), act: Some(act) })
}

pub(super) fn act(path: &Path<'_>, wire: &v1::ActOnPlan, faults: &mut Faults) -> Result<Change, Noted> {
    const ALLOWED: &str = "an act: deed, tick, untick, report or roll_back";
    let act = match &wire.act {
        None => return Err(faults.missing(path, ALLOWED)),
        Some(WireAct::Deed(number)) => deed(&path.field("deed"), *number, faults)?,
        Some(WireAct::Tick(point)) => PlanAct::Tick { item: point.item.clone() },
        Some(WireAct::Untick(point)) => PlanAct::Untick { item: point.item.clone() },
        Some(WireAct::Report(report)) => {
            PlanAct::Report { metric: report.metric.clone(), value: report.value.clone() }
        }
        Some(WireAct::RollBack(wire)) => {
            PlanAct::RollBack(rollback(&path.field("roll_back"), Some(wire), faults)?)
        }
        Some(WireAct::Step(wire)) => PlanAct::Step(step(&path.field("step"), wire, faults)?),
    };
    Ok(Change::ActOnPlan { plan: wire.plan.clone(), act })
}

fn deed(path: &Path<'_>, number: i32, faults: &mut Faults) -> Result<PlanAct, Noted> {
    const ALLOWED: &str =
        "a known deed: start, approve, go, no-go, pause, resume, acknowledge or cancel (1 to 8)";
    match v1::PlanDeed::try_from(number) {
        Ok(v1::PlanDeed::Start) => Ok(PlanAct::Start),
        Ok(v1::PlanDeed::Approve) => Ok(PlanAct::Approve),
        Ok(v1::PlanDeed::Go) => Ok(PlanAct::Go),
        Ok(v1::PlanDeed::NoGo) => Ok(PlanAct::NoGo),
        Ok(v1::PlanDeed::Pause) => Ok(PlanAct::Pause),
        Ok(v1::PlanDeed::Resume) => Ok(PlanAct::Resume),
        Ok(v1::PlanDeed::Acknowledge) => Ok(PlanAct::Acknowledge),
        Ok(v1::PlanDeed::Cancel) => Ok(PlanAct::Cancel),
        Ok(v1::PlanDeed::Unspecified) | Err(_) => {
            Err(faults.note(crate::convert::WireError::UnknownNumber {
                field: path.to_string(),
                number,
                allowed: ALLOWED,
            }))
        }
    }
}

fn step_to_wire(step: &Step) -> WireStep {
    match step {
        Step::Start => WireStep::Start(true),
        Step::Enter { stage } => WireStep::Enter(*stage),
        Step::AwaitGate { missing } => WireStep::AwaitGate(missing.clone()),
        Step::AwaitDate => WireStep::AwaitDate(true),
        Step::Complete => WireStep::Complete(true),
        Step::Trip { guard, value } => WireStep::Trip(v1::GuardTrip { guard: *guard, value: *value }),
        Step::Descend { rung } => WireStep::Descend(*rung),
        Step::Rest { reason } => WireStep::Rest(reason.clone()),
        Step::ClockWentBack => WireStep::ClockWentBack(true),
        Step::Block { reason } => WireStep::Block(reason.clone()),
        Step::Alert { guard, value } => WireStep::Alert(v1::GuardTrip { guard: *guard, value: *value }),
        Step::Quiet { guard } => WireStep::Quiet(*guard),
    }
}

fn step(path: &Path<'_>, wire: &v1::PlanStep, faults: &mut Faults) -> Result<Step, Noted> {
    Ok(match &wire.step {
        None => return Err(faults.missing(path, "a step, which only the server itself asks for")),
        Some(WireStep::Start(_)) => Step::Start,
        Some(WireStep::Enter(stage)) => Step::Enter { stage: *stage },
        Some(WireStep::AwaitGate(missing)) => Step::AwaitGate { missing: missing.clone() },
        Some(WireStep::AwaitDate(_)) => Step::AwaitDate,
        Some(WireStep::Complete(_)) => Step::Complete,
        Some(WireStep::Trip(trip)) => Step::Trip { guard: trip.guard, value: trip.value },
        Some(WireStep::Descend(rung)) => Step::Descend { rung: *rung },
        Some(WireStep::Rest(reason)) => Step::Rest { reason: reason.clone() },
        Some(WireStep::ClockWentBack(_)) => Step::ClockWentBack,
        Some(WireStep::Block(reason)) => Step::Block { reason: reason.clone() },
        Some(WireStep::Alert(trip)) => Step::Alert { guard: trip.guard, value: trip.value },
        Some(WireStep::Quiet(guard)) => Step::Quiet { guard: *guard },
    })
}

pub(super) fn roll_back_to_wire(environment: &str, flags: &[String], kind: &RollbackKind) -> WireChange {
    WireChange::RollBack(v1::RollBackFlags {
        environment: environment.to_owned(),
        flags: flags.to_owned(),
        rollback: Some(rollback_to_wire(kind)),
    })
}

pub(super) fn roll_back(
    path: &Path<'_>,
    wire: &v1::RollBackFlags,
    faults: &mut Faults,
) -> Result<Change, Noted> {
    Ok(Change::RollBack {
        environment: wire.environment.clone(),
        flags: wire.flags.clone(),
        kind: rollback(&path.field("rollback"), wire.rollback.as_ref(), faults)?,
    })
}
