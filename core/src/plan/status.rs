//! Where a plan is, as people see it: its stages, what it waits for, and what its flags serve beside what they should.

use std::fmt;

use super::gate::{self, Missing, Surroundings};
use super::metric_check::MetricCheck;
use super::progress::{Drift, PlanState, Progress};
use super::rollback_length::RollbackLength;
use super::runner::{self, Next};
use super::timetable::after;
use super::{PlanDefinition, Target};
use crate::check::matrix::{is_of_matrix, share_of};
use crate::condition::Condition;
use crate::flag::{FlagConfiguration, FlagDefinition, Serve};
use crate::key::{EnvironmentKey, FlagKey, PlanKey};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

/// How far a plan is with a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageState {
    /// It is behind the plan.
    Done,
    /// The plan is in it.
    Now,
    /// It is to come.
    Later,
}

/// A stage as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageStatus {
    /// What it is called.
    pub name: Box<str>,
    /// Where it happens.
    pub environment: EnvironmentKey,
    /// How far the plan is with it.
    pub state: StageState,
    /// When it was entered.
    pub entered_at: Option<Timestamp>,
    /// For a stage to come: when it begins at the earliest, if every gate opens in time.
    pub due: Option<Timestamp>,
    /// Until when the stay lasts, for the stage that the plan is in.
    pub held_until: Option<Timestamp>,
    /// Each flag and what it is to serve.
    pub set: Vec<(FlagKey, String)>,
    /// Within how many seconds a rollback from here has to be through.
    pub rollback_within_seconds: Option<u64>,
}

/// A flag of a plan: what it should serve, and what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagStatus {
    /// Where.
    pub environment: EnvironmentKey,
    /// The flag.
    pub flag: FlagKey,
    /// What the plan wants now; none while no stage has set it.
    pub target: Option<String>,
    /// What it serves.
    pub actual: String,
    /// Whether the two are the same.
    pub agrees: bool,
}

/// A guard that only alerts, and whose condition is true.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStatus {
    /// The condition.
    pub when: MetricCheck,
    /// The value that made it true.
    pub value: f64,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for AlertStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.when, self.when.show(self.value))
    }
}

/// A plan as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanStatus {
    /// The plan.
    pub key: PlanKey,
    /// Its state.
    pub state: PlanState,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Box<str>,
    /// The day of the plan; none before its start.
    pub day: Option<u32>,
    /// All stages.
    pub stages: Vec<StageStatus>,
    /// What the gate of the present stage waits for.
    pub missing: Vec<Missing>,
    /// All flags.
    pub flags: Vec<FlagStatus>,
    /// What people changed beside the plan.
    pub drift: Vec<Drift>,
    /// Why the next step was refused; empty when none was.
    pub blocked: Box<str>,
    /// How long the last rollback took, or takes.
    pub rollback: Option<RollbackLength>,
    /// The alerts that are true; none of a plan that is over.
    pub alerts: Vec<AlertStatus>,
    /// Whether a step is due, which the server makes in a moment or is refused.
    pub is_step_due: bool,
    /// When the next step may be due with nobody doing anything; none when that never happens, or when one is due.
    pub waits_until: Option<Timestamp>,
}

/// Tells where a plan is.
#[must_use]
pub fn status(
    plan: &PlanDefinition,
    progress: &Progress,
    snapshot: &Snapshot,
    around: &Surroundings<'_>,
) -> PlanStatus {
    let missing =
        if progress.state.is_in_stage() { gate::missing(plan, progress, around) } else { Vec::new() };
    let next = runner::next(plan, progress, around);
    PlanStatus {
        key: plan.key.clone(),
        state: progress.state,
        since: progress.since,
        reason: progress.reason.clone(),
        day: progress.started.as_ref().map(|started| plan.day_at(started.at, around.now)),
        stages: stages(plan, progress, around.now),
        missing,
        flags: flags(plan, progress, snapshot),
        drift: progress.drift.clone(),
        blocked: progress.blocked.clone(),
        rollback: RollbackLength::of(progress, around.now),
        alerts: alerts(plan, progress),
        is_step_due: matches!(next, Next::Step(_)),
        waits_until: match next {
            Next::Wait(until) => Some(until),
            Next::Step(_) | Next::Idle => None,
        },
    }
}

fn alerts(plan: &PlanDefinition, progress: &Progress) -> Vec<AlertStatus> {
    let alerts = progress.alerts.iter().filter(|_| progress.state.is_active()).filter_map(|alert| {
        let guard = plan.guards.get(usize::try_from(alert.guard).ok()?)?;
        Some(AlertStatus { when: guard.when.clone(), value: alert.value, since: alert.at })
    });
    alerts.collect()
}

fn stages(plan: &PlanDefinition, progress: &Progress, now: Timestamp) -> Vec<StageStatus> {
    let is_started = progress.started.is_some();
    let is_going = progress.state.is_in_stage() || progress.state == PlanState::Draft;
    let dues = if is_going { projection(plan, progress, now) } else { Vec::new() };
    let present = progress.stage_index();
    let stages = plan.stages.iter().enumerate().map(|(index, stage)| {
        let state = if !is_started || index > present {
            StageState::Later
        } else if index < present || progress.state == PlanState::Completed {
            StageState::Done
        } else {
            StageState::Now
        };
        StageStatus {
            name: stage.name.clone(),
            environment: plan.environment_of(stage).clone(),
            state,
            entered_at: progress.entered_at(index).map(|entry| entry.at),
            due: dues.get(index).copied().flatten(),
            held_until: (state == StageState::Now && stage.hold_seconds > 0)
                .then(|| plan.held_until(progress)),
            set: stage.set.iter().map(|(flag, target)| (flag.clone(), target_in_words(target))).collect(),
            rollback_within_seconds: stage.rollback_within_seconds,
        }
    });
    stages.collect()
}

/// When each stage to come begins at the earliest, if every gate opens in time.
fn projection(plan: &PlanDefinition, progress: &Progress, now: Timestamp) -> Vec<Option<Timestamp>> {
    let mut dues = vec![None; plan.stages.len()];
    let mut going = progress.clone();
    if going.started.is_none() {
        let Some(date) = plan.starts_at else {
            return dues;
        };
        let start = date.max(now);
        going.started = going.applied.clone().map(|deed| super::progress::Deed { at: start, ..deed });
        going.hold_from = start;
        if let Some(first) = dues.first_mut() {
            *first = Some(start);
        }
    }
    while let Some(due) = plan.next_due(&going) {
        let due = due.max(now);
        going.stage = going.stage.saturating_add(1);
        going.hold_from = due;
        if let Some(place) = dues.get_mut(going.stage_index()) {
            *place = Some(due);
        }
    }
    dues
}

fn flags(plan: &PlanDefinition, progress: &Progress, snapshot: &Snapshot) -> Vec<FlagStatus> {
    let is_started = progress.started.is_some();
    let places = plan.places().into_iter().filter_map(|(environment, flag)| {
        let folded = flag.folded();
        let definition = snapshot.flag(&folded)?;
        let configuration = snapshot.configuration(environment, &folded)?;
        let target = plan.target(progress.stage_index(), environment, &folded).filter(|_| is_started);
        Some(FlagStatus {
            environment: environment.clone(),
            flag: definition.key.clone(),
            target: target.map(target_in_words),
            actual: serves_in_words(definition, configuration),
            agrees: target.is_none_or(|target| agrees(definition, configuration, target)),
        })
    });
    places.collect()
}

/// A percentage of thousandths as people write it.
#[must_use]
pub fn percent_in_words(weight: u32) -> String {
    format!("{}%", f64::from(weight) / 1_000.0)
}

/// What a target is, in words.
#[must_use]
pub fn target_in_words(target: &Target) -> String {
    match target {
        Target::Percent(percent) => format!("{percent}%"),
        Target::Band { from, to } => format!("{from}-{to}%"),
        Target::Matrix { shares, rest } => {
            let shares = shares.iter().map(|(segment, percent)| format!("{segment} {percent}%"));
            let rest = rest.map(|percent| format!("rest {percent}%"));
            shares.chain(rest).collect::<Vec<_>>().join(", ")
        }
        Target::Variant(variant) => variant.to_string(),
        Target::Value(value) => value.to_string(),
        Target::Disabled => "disabled".to_owned(),
    }
}

/// What a flag serves in an environment, in words that can stand beside those of a target.
#[must_use]
pub fn serves_in_words(definition: &FlagDefinition, configuration: &FlagConfiguration) -> String {
    if !configuration.enabled {
        return "disabled".to_owned();
    }
    let Some((on, off)) = definition.true_and_false() else {
        return match &configuration.default_serve {
            Serve::Variant(name) => {
                definition.variant(name).map_or_else(|| name.to_string(), |variant| variant.value.to_string())
            }
            Serve::Split(split) => {
                let shares = split
                    .weights
                    .iter()
                    .map(|weighted| format!("{} {}", weighted.variant, percent_in_words(weighted.weight)));
                shares.collect::<Vec<_>>().join(", ")
            }
        };
    };
    let rest = percent_in_words(share_of(&configuration.default_serve, on));
    let shares =
        configuration.rules.iter().filter(|rule| is_of_matrix(rule, on, off)).filter_map(|rule| match &rule
            .condition
        {
            Condition::Segment(segment) => {
                Some(format!("{segment} {}", percent_in_words(share_of(&rule.serve, on))))
            }
            _ => None,
        });
    let shares: Vec<String> = shares.collect();
    if shares.is_empty() { rest } else { format!("{}, rest {rest}", shares.join(", ")) }
}

/// Whether a flag serves what a plan wants.
#[must_use]
pub fn agrees(definition: &FlagDefinition, configuration: &FlagConfiguration, target: &Target) -> bool {
    if *target == Target::Disabled {
        return !configuration.enabled;
    }
    if !configuration.enabled {
        return false;
    }
    let serves = |name| configuration.default_serve == Serve::Variant(name);
    match target {
        Target::Disabled => true,
        Target::Variant(variant) => serves(variant.clone()),
        Target::Value(value) => {
            let mut variants = definition.variants.iter().filter(|variant| variant.value.loosely_equals(value));
            variants.any(|variant| serves(variant.name.clone()))
        }
        Target::Percent(_) | Target::Band { .. } | Target::Matrix { .. } => {
            definition.true_and_false().is_some_and(|(on, off)| {
                let share = f64::from(share_of(&configuration.default_serve, on)) / 1_000.0;
                match target {
                    Target::Percent(percent) => is_same(share, *percent),
                    Target::Band { from, to } => (*from..=*to).contains(&share),
                    Target::Matrix { shares, rest } => {
                        let all = shares.iter().all(|(segment, percent)| {
                            configuration.rules.iter().any(|rule| {
                                is_of_matrix(rule, on, off)
                                    && matches!(&rule.condition, Condition::Segment(known) if known == segment)
                                    && is_same(f64::from(share_of(&rule.serve, on)) / 1_000.0, *percent)
                            })
                        });
                        all && rest.is_none_or(|percent| is_same(share, percent))
                    }
                    Target::Variant(_) | Target::Value(_) | Target::Disabled => false,
                }
            })
        }
    }
}

/// Percentages are thousandths: nearer than half of one is the same.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.000_5
}

/// When the stay on a rung of a ladder is over.
#[must_use]
pub fn rung_until(progress: &Progress) -> Option<Timestamp> {
    let rollback = progress.rollback.as_ref()?;
    match &rollback.kind {
        super::RollbackKind::Gradual(ladder) if progress.state == PlanState::RollingBack => {
            Some(after(rollback.rung_at, ladder.every_seconds))
        }
        _ => None,
    }
}
