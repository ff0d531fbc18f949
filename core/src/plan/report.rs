//! The daily report of a plan, as Markdown: what its flags serve beside what they should, health, the decision, notes.

use std::fmt::Write;

use super::duration_text::Length;
use super::gate::{self, Surroundings};
use super::metric_check::{MetricCheck, Verdict};
use super::progress::{PlanState, Progress};
use super::status::{PlanStatus, StageState, status};
use super::{GuardAction, PlanDefinition, Stage};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

/// Something that happened to the plan on the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: Box<str>,
    /// What it was, in words.
    pub words: String,
}

/// Writes the report of a day. The plan, where it is and the snapshot are those of the day's end, and so is the moment of
/// `around`; `happened` is what happened on the day, in order.
#[must_use]
pub fn markdown(
    plan: &PlanDefinition,
    progress: &Progress,
    snapshot: &Snapshot,
    around: &Surroundings<'_>,
    happened: &[Happened],
) -> String {
    let status = status(plan, progress, snapshot, around);
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _infallible = write(&mut text, plan, progress, around, happened, &status);
    text
}

fn write(
    text: &mut String,
    plan: &PlanDefinition,
    progress: &Progress,
    around: &Surroundings<'_>,
    happened: &[Happened],
    status: &PlanStatus,
) -> std::fmt::Result {
    match status.day {
        Some(day) => writeln!(text, "## Day {day} Rollout Report: {}\n", plan.key)?,
        None => writeln!(text, "## Rollout Report: {} (not started)\n", plan.key)?,
    }
    let now = status.stages.iter().enumerate().find(|(_, stage)| stage.state == StageState::Now);
    if let Some((index, stage)) = now {
        writeln!(
            text,
            "Stage {} of {}: **{}** ({})\n",
            index + 1,
            plan.stages.len(),
            stage.name,
            status.state.as_str()
        )?;
    } else {
        writeln!(text, "State: **{}**\n", status.state.as_str())?;
    }
    writeln!(text, "**Feature Flags Status:**\n")?;
    for flag in status.flags.iter().filter(|flag| flag.target.is_some()) {
        let target = flag.target.as_deref().unwrap_or_default();
        let place = if flag.environment == plan.environment {
            String::new()
        } else {
            format!(" in {}", flag.environment)
        };
        let mark = if flag.agrees { "" } else { " ⚠" };
        writeln!(text, "- {}{place}: {} (target: {target}){mark}", flag.flag, flag.actual)?;
    }
    let stage = plan.stages.get(progress.stage_index());
    write_health(text, plan, progress, around, status)?;
    if let Some(stage) = stage.filter(|stage| !stage.gate.checklist.is_empty()) {
        writeln!(text, "\n**Checklist:**\n")?;
        for item in &stage.gate.checklist {
            match progress.ticks.iter().find(|tick| tick.item == *item) {
                Some(tick) => writeln!(text, "- [x] {item} ({})", tick.deed.by)?,
                None => writeln!(text, "- [ ] {item}")?,
            }
        }
    }
    writeln!(text, "\n**Decision: {}**\n", decision(progress, status))?;
    for missing in &status.missing {
        writeln!(text, "- {missing}")?;
    }
    write_rollback(text, status, stage)?;
    writeln!(text, "\n**Notes:**\n")?;
    for happened in happened {
        writeln!(text, "- {} {}: {}", happened.at, happened.by, happened.words)?;
    }
    for drift in &progress.drift {
        writeln!(
            text,
            "- drift: {} in {} is {}, the plan wants {} ({})",
            drift.flag, drift.environment, drift.actual, drift.target, drift.deed.by
        )?;
    }
    Ok(())
}

/// How long the rollback took that the plan stands after, or how long one from here may take.
fn write_rollback(text: &mut String, status: &PlanStatus, stage: Option<&Stage>) -> std::fmt::Result {
    let is_back = matches!(status.state, PlanState::Latched | PlanState::RollingBack);
    if let Some(length) = status.rollback.filter(|_| is_back) {
        return writeln!(text, "\n**Rollback:** {length}");
    }
    match stage.and_then(|stage| stage.rollback_within_seconds) {
        Some(seconds) if status.state.is_active() => {
            writeln!(text, "\n**Rollback:** to be through within {}", Length(seconds))
        }
        _ => Ok(()),
    }
}

fn write_health(
    text: &mut String,
    plan: &PlanDefinition,
    progress: &Progress,
    around: &Surroundings<'_>,
    status: &PlanStatus,
) -> std::fmt::Result {
    let stage = plan.stages.get(progress.stage_index());
    let gate = stage.map_or(&[][..], |stage| &stage.gate.checks);
    let guards = plan.guards.iter();
    if gate.is_empty() && plan.guards.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n**Health Metrics:**\n")?;
    for check in gate {
        writeln!(
            text,
            "- {}: {} (target: {})",
            check.subject(),
            value(plan, progress, check, around),
            condition(check)
        )?;
    }
    for guard in guards.filter(|guard| !gate.iter().any(|check| check.subject() == guard.when.subject())) {
        let check = &guard.when;
        writeln!(
            text,
            "- {}: {} ({} at: {})",
            check.subject(),
            value(plan, progress, check, around),
            consequence(&guard.action),
            condition(check)
        )?;
    }
    for alert in &status.alerts {
        writeln!(text, "- ALERT: {alert}, since {}", alert.since)?;
    }
    Ok(())
}

fn value(
    plan: &PlanDefinition,
    progress: &Progress,
    check: &MetricCheck,
    around: &Surroundings<'_>,
) -> String {
    match gate::judge(plan, progress, check, around) {
        Verdict::Met { value } | Verdict::NotMet { value } => check.show(value),
        Verdict::InsufficientData => "not enough data".to_owned(),
    }
}

const fn consequence(action: &GuardAction) -> &'static str {
    match action {
        GuardAction::Alert => "alert",
        GuardAction::Pause => "pause",
        GuardAction::Rollback(_) => "rollback",
    }
}

/// The check without what it is said of.
fn condition(check: &MetricCheck) -> String {
    let sign = check.comparison.as_str();
    format!("{sign} {}", check.show(check.threshold))
}

fn decision(progress: &Progress, status: &PlanStatus) -> String {
    match (&progress.decision, progress.state) {
        (Some(decision), _) => {
            let word = if decision.go { "GO" } else { "NO-GO" };
            let note = if decision.deed.note.is_empty() {
                String::new()
            } else {
                format!(": {}", decision.deed.note)
            };
            format!("{word} for next phase ({}{note})", decision.deed.by)
        }
        (None, PlanState::Completed) => "none needed, the plan is through".to_owned(),
        (None, PlanState::Latched | PlanState::RollingBack | PlanState::Paused | PlanState::Cancelled) => {
            format!("NO-GO for next phase ({}: {})", progress.state.as_str(), progress.reason)
        }
        (None, _) if status.missing.is_empty() => "GO for next phase (nothing is missing)".to_owned(),
        (None, _) => "pending".to_owned(),
    }
}
