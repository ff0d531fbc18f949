//! The fields of a rollout plan and of where it is.

use super::super::Fields;
use super::fields;
use crate::plan::duration_text::Length;
use crate::plan::progress::Progress;
use crate::plan::status::target_in_words;
use crate::plan::{PlanDefinition, Stage, StageStart};

pub(super) fn definition_fields(plan: &PlanDefinition) -> Fields {
    let mut all = fields([
        ("description", plan.description.to_string()),
        ("owner", plan.owner.to_string()),
        ("environment", plan.environment.to_string()),
        ("starts_at", plan.starts_at.map(|date| date.to_string()).unwrap_or_default()),
        ("guards", plan.guards.iter().map(|guard| guard.when.to_string()).collect::<Vec<_>>().join("; ")),
        ("notes", plan.notes.join("; ")),
    ]);
    for (index, stage) in plan.stages.iter().enumerate() {
        all.insert(format!("stages[{index}]"), stage_in_words(stage));
    }
    all
}

fn stage_in_words(stage: &Stage) -> String {
    let mut words = vec![stage.name.to_string()];
    match stage.start {
        StageStart::Next => {}
        StageStart::Day(day) => words.push(format!("at day {day}")),
        StageStart::At(moment) => words.push(format!("at {moment}")),
    }
    words.extend(stage.set.iter().map(|(flag, target)| format!("{flag} {}", target_in_words(target))));
    if stage.hold_seconds > 0 {
        words.push(format!("hold {}", Length(stage.hold_seconds)));
    }
    let gate = &stage.gate;
    if gate.approvals > 0 {
        words.push(format!("{} approvals", gate.approvals));
    }
    if gate.go {
        words.push("go".to_owned());
    }
    words.extend(gate.checks.iter().map(ToString::to_string));
    words.extend(gate.checklist.iter().map(|item| format!("[ ] {item}")));
    words.join(", ")
}

pub(super) fn progress_fields(progress: &Progress) -> Fields {
    let names = |deeds: &[crate::plan::progress::Deed]| {
        deeds.iter().map(|deed| deed.by.to_string()).collect::<Vec<_>>().join(", ")
    };
    let decision = progress
        .decision
        .as_ref()
        .map(|decision| format!("{} by {}", if decision.go { "go" } else { "no-go" }, decision.deed.by));
    let reported =
        progress.reported.iter().map(|reported| format!("{} {}", reported.subject, reported.value));
    let drift = progress.drift.iter().map(|drift| format!("{} {}", drift.flag, drift.actual));
    let alerts = progress
        .alerts
        .iter()
        .map(|alert| format!("guard {} at {}", alert.guard.saturating_add(1), alert.value));
    fields([
        ("state", progress.state.as_str().to_owned()),
        ("reason", progress.reason.to_string()),
        ("stage", (u64::from(progress.stage) + 1).to_string()),
        ("approvals", names(&progress.approvals)),
        ("decision", decision.unwrap_or_default()),
        ("ticked", progress.ticks.iter().map(|tick| tick.item.to_string()).collect::<Vec<_>>().join("; ")),
        ("reported", reported.collect::<Vec<_>>().join(", ")),
        ("drift", drift.collect::<Vec<_>>().join(", ")),
        ("blocked", progress.blocked.to_string()),
        ("alerts", alerts.collect::<Vec<_>>().join(", ")),
    ])
}
