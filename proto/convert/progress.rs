//! Where a rollout plan is, to the wire: nobody sends it back.

use mycelia_flags_core::plan::PlanDefinition;
use mycelia_flags_core::plan::progress::{Deed, PlanState, Progress, Tick};
use mycelia_flags_core::plan::status::{PlanStatus, StageState, rung_until};

use super::plan::rollback_to_wire;
use super::timestamp_to_wire;
use crate::v1;

/// The wire's state.
#[must_use]
pub const fn plan_state_to_wire(state: PlanState) -> v1::PlanState {
    match state {
        PlanState::Draft => v1::PlanState::Draft,
        PlanState::Running => v1::PlanState::Running,
        PlanState::Holding => v1::PlanState::Holding,
        PlanState::WaitingForGate => v1::PlanState::WaitingForGate,
        PlanState::Paused => v1::PlanState::Paused,
        PlanState::RollingBack => v1::PlanState::RollingBack,
        PlanState::Latched => v1::PlanState::Latched,
        PlanState::Completed => v1::PlanState::Completed,
        PlanState::Cancelled => v1::PlanState::Cancelled,
    }
}

pub(super) fn deed_to_wire(deed: &Deed) -> v1::Deed {
    v1::Deed {
        by: deed.by.to_string(),
        at: Some(timestamp_to_wire(deed.at)),
        revision: deed.revision.get(),
        note: deed.note.to_string(),
    }
}

pub(super) fn tick_to_wire(tick: &Tick) -> v1::Tick {
    v1::Tick { item: tick.item.to_string(), deed: Some(deed_to_wire(&tick.deed)) }
}

/// The wire's progress.
#[must_use]
pub fn progress_to_wire(progress: &Progress) -> v1::PlanProgress {
    v1::PlanProgress {
        state: plan_state_to_wire(progress.state).into(),
        since: Some(timestamp_to_wire(progress.since)),
        reason: progress.reason.to_string(),
        applied: progress.applied.as_ref().map(deed_to_wire),
        started: progress.started.as_ref().map(deed_to_wire),
        stage: progress.stage,
        hold_from: Some(timestamp_to_wire(progress.hold_from)),
        entered: progress
            .entered
            .iter()
            .map(|entry| v1::StageEntry {
                stage: entry.stage,
                at: Some(timestamp_to_wire(entry.at)),
                revision: entry.revision.get(),
            })
            .collect(),
        approvals: progress.approvals.iter().map(deed_to_wire).collect(),
        decision: progress
            .decision
            .as_ref()
            .map(|decision| v1::Decision { go: decision.go, deed: Some(deed_to_wire(&decision.deed)) }),
        ticks: progress.ticks.iter().map(tick_to_wire).collect(),
        reported: progress
            .reported
            .iter()
            .map(|reported| v1::ReportedValue {
                subject: reported.subject.to_string(),
                value: reported.value,
                deed: Some(deed_to_wire(&reported.deed)),
            })
            .collect(),
        drift: drift_to_wire(&progress.drift),
        paused_in: progress.paused_in.map_or(0, |state| plan_state_to_wire(state).into()),
        rollback: progress.rollback.as_ref().map(|rollback| v1::RollbackProgress {
            rollback: Some(rollback_to_wire(&rollback.kind)),
            rung: rollback.rung,
            rung_at: Some(timestamp_to_wire(rollback.rung_at)),
            deed: Some(deed_to_wire(&rollback.deed)),
            cause: rollback.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
            flags: rollback.flags.iter().map(ToString::to_string).collect(),
            ended_at: rollback.ended_at.map(timestamp_to_wire),
            within_seconds: rollback.within_seconds,
        }),
        acknowledged: progress.acknowledged.as_ref().map(deed_to_wire),
        blocked: progress.blocked.to_string(),
        alerts: progress
            .alerts
            .iter()
            .map(|alert| v1::PlanAlert {
                guard: alert.guard,
                value: alert.value,
                at: Some(timestamp_to_wire(alert.at)),
                revision: alert.revision.get(),
            })
            .collect(),
    }
}

fn drift_to_wire(drift: &[mycelia_flags_core::plan::progress::Drift]) -> Vec<v1::Drift> {
    let drift = drift.iter().map(|drift| v1::Drift {
        environment: drift.environment.to_string(),
        flag: drift.flag.to_string(),
        actual: drift.actual.to_string(),
        target: drift.target.to_string(),
        deed: Some(deed_to_wire(&drift.deed)),
    });
    drift.collect()
}

/// The wire's status of a plan.
#[must_use]
pub fn plan_status_to_wire(
    plan: &PlanDefinition,
    progress: &Progress,
    status: &PlanStatus,
) -> v1::PlanStatus {
    let stages = status.stages.iter().map(|stage| v1::StageStatus {
        name: stage.name.to_string(),
        environment: stage.environment.to_string(),
        state: match stage.state {
            StageState::Done => v1::StageState::Done,
            StageState::Now => v1::StageState::Now,
            StageState::Later => v1::StageState::Later,
        }
        .into(),
        entered_at: stage.entered_at.map(timestamp_to_wire),
        due: stage.due.map(timestamp_to_wire),
        held_until: stage.held_until.map(timestamp_to_wire),
        set: stage
            .set
            .iter()
            .map(|(flag, target)| v1::FlagTarget { flag: flag.to_string(), target: target.clone() })
            .collect(),
        rollback_within_seconds: stage.rollback_within_seconds,
    });
    let flags = status.flags.iter().map(|flag| v1::PlanFlagStatus {
        environment: flag.environment.to_string(),
        flag: flag.flag.to_string(),
        target: flag.target.clone(),
        actual: flag.actual.clone(),
        agrees: flag.agrees,
    });
    v1::PlanStatus {
        plan: status.key.to_string(),
        state: plan_state_to_wire(status.state).into(),
        since: Some(timestamp_to_wire(status.since)),
        reason: status.reason.to_string(),
        day: status.day,
        stages: stages.collect(),
        missing: status.missing.iter().map(ToString::to_string).collect(),
        flags: flags.collect(),
        drift: drift_to_wire(&status.drift),
        blocked: status.blocked.to_string(),
        rung_until: rung_until(progress).map(timestamp_to_wire),
        description: plan.description.to_string(),
        environment: plan.environment.to_string(),
        rollback: status.rollback.as_ref().map(|length| v1::RollbackLength {
            taken_micros: length.taken_micros,
            over: length.is_over,
            within_seconds: length.within_seconds,
            kept: length.is_kept(),
        }),
        alerts: status
            .alerts
            .iter()
            .map(|alert| v1::AlertStatus {
                alert: alert.to_string(),
                since: Some(timestamp_to_wire(alert.since)),
            })
            .collect(),
        step_due: status.is_step_due,
        waits_until: status.waits_until.map(timestamp_to_wire),
    }
}
