//! What a plan does next: a function of the plan, of where it is, of its surroundings and of the moment.
//!
//! It remembers nothing between two questions. Whoever asks it carries the step out, by a change set whose check compares
//! the step with where the plan is then: a step that is asked for twice, or late, is refused. So a restart between any
//! two steps changes nothing, and no stage is skipped or repeated.

use super::gate::{self, Missing, Surroundings};
use super::metric_check::{MetricCheck, Verdict};
use super::progress::{PlanState, Progress, RollingBack};
use super::timetable::after;
use super::{GuardAction, PlanDefinition, RollbackKind};
use crate::revision::Timestamp;

/// A clock that shows less than what it showed at the last step, by more than this, has been set back. Seconds.
pub const CLOCK_TOLERANCE_SECONDS: u64 = 5;

/// A transition.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The plan starts: its date has come.
    Start,
    /// A stage is entered.
    Enter {
        /// Its place in the plan.
        stage: u32,
    },
    /// The stay is over and the gate is not open.
    AwaitGate {
        /// What it waits for, in words.
        missing: String,
    },
    /// The gate is open, and the next stage's date has not come.
    AwaitDate,
    /// The plan is through.
    Complete,
    /// A guard's condition is true.
    Trip {
        /// The guard's place in the plan.
        guard: u32,
        /// The value that made it so.
        value: f64,
    },
    /// The condition of a guard that only alerts has become true.
    Alert {
        /// The guard's place in the plan.
        guard: u32,
        /// The value that made it so.
        value: f64,
    },
    /// The condition of a guard that has alerted is known not to be true any more.
    Quiet {
        /// The guard's place in the plan.
        guard: u32,
    },
    /// The next rung of a ladder.
    Descend {
        /// Its place on the ladder.
        rung: u32,
    },
    /// The ladder ends here: at its foot, or because health returned.
    Rest {
        /// Why, in words.
        reason: String,
    },
    /// The clock was set back: the stay is counted from now on.
    ClockWentBack,
    /// The next step was refused.
    Block {
        /// Why, in words; empty when it no longer is.
        reason: String,
    },
}

impl Step {
    /// What it is, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Start => "its date has come".to_owned(),
            Self::Enter { stage } => format!("stage {} begins", stage.saturating_add(1)),
            Self::AwaitGate { missing } => format!("the gate waits: {missing}"),
            Self::AwaitDate => "through with the stage, until the next one's date".to_owned(),
            Self::Complete => "every stage is through".to_owned(),
            Self::Trip { guard, value } => format!("guard {} is true: {value}", guard.saturating_add(1)),
            Self::Alert { guard, value } => {
                format!("alert: guard {} is true: {value}", guard.saturating_add(1))
            }
            Self::Quiet { guard } => format!("quiet again: guard {}", guard.saturating_add(1)),
            Self::Descend { rung } => format!("down to rung {}", rung.saturating_add(1)),
            Self::Rest { reason } => format!("the ladder ends: {reason}"),
            Self::ClockWentBack => "the clock went back".to_owned(),
            Self::Block { reason } => format!("the next step is refused: {reason}"),
        }
    }
}

/// What is next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A step is due.
    Step(Step),
    /// Nothing before this moment, unless somebody or some metric says something.
    Wait(Timestamp),
    /// Nothing until somebody or some metric says something.
    Idle,
}

/// What a plan does next.
#[must_use]
pub fn next(plan: &PlanDefinition, progress: &Progress, around: &Surroundings<'_>) -> Next {
    let now = around.now;
    let latest = progress.since.max(progress.hold_from);
    if progress.state.is_active() && after(now, CLOCK_TOLERANCE_SECONDS) < latest {
        return Next::Step(Step::ClockWentBack);
    }
    match progress.state {
        PlanState::Draft => match plan.starts_at {
            Some(date) if date <= now => Next::Step(Step::Start),
            Some(date) => Next::Wait(date),
            None => Next::Idle,
        },
        PlanState::Running | PlanState::Holding | PlanState::WaitingForGate => {
            let told = tripped(plan, progress, around).or_else(|| alert(plan, progress, around));
            told.map_or_else(|| go_on(plan, progress, around), Next::Step)
        }
        PlanState::RollingBack => progress
            .rollback
            .as_ref()
            .map_or(Next::Idle, |rollback| descend(plan, progress, rollback, around)),
        PlanState::Paused | PlanState::Latched | PlanState::Completed | PlanState::Cancelled => Next::Idle,
    }
}

/// The gravest guard whose condition is true, but those that only alert.
fn tripped(plan: &PlanDefinition, progress: &Progress, around: &Surroundings<'_>) -> Option<Step> {
    let grave = |action: &GuardAction| match action {
        GuardAction::Alert => 0,
        GuardAction::Pause => 1,
        GuardAction::Rollback(RollbackKind::Gradual(_) | RollbackKind::CanaryOff) => 2,
        GuardAction::Rollback(RollbackKind::Segments(_)) => 3,
        GuardAction::Rollback(RollbackKind::Disable | RollbackKind::ToZero) => 4,
    };
    let guards = plan.guards.iter().enumerate().filter(|(_, guard)| guard.action != GuardAction::Alert);
    let tripped =
        guards.filter_map(|(place, guard)| match gate::judge(plan, progress, &guard.when, around) {
            Verdict::Met { value } => Some((grave(&guard.action), place, value)),
            Verdict::NotMet { .. } | Verdict::InsufficientData => None,
        });
    // Of two that are equally grave the first one is named.
    let (_, place, value) = tripped.max_by_key(|(grave, place, _)| (*grave, usize::MAX - place))?;
    Some(Step::Trip { guard: u32::try_from(place).ok()?, value })
}

/// The first guard that only alerts and has come true since it was looked at last, or is known not to be true any more. One
/// of which nothing is known stays as it is: what was true once is not over because nobody measures it.
fn alert(plan: &PlanDefinition, progress: &Progress, around: &Surroundings<'_>) -> Option<Step> {
    let guards = (0..).zip(&plan.guards).filter(|(_, guard)| guard.action == GuardAction::Alert);
    let mut steps = guards.filter_map(|(place, guard): (u32, _)| {
        let is_told = progress.alerts.iter().any(|alert| alert.guard == place);
        match gate::judge(plan, progress, &guard.when, around) {
            Verdict::Met { value } if !is_told => Some(Step::Alert { guard: place, value }),
            Verdict::NotMet { .. } if is_told => Some(Step::Quiet { guard: place }),
            _ => None,
        }
    });
    steps.next()
}

fn go_on(plan: &PlanDefinition, progress: &Progress, around: &Surroundings<'_>) -> Next {
    let held = plan.held_until(progress);
    if held > around.now {
        return Next::Wait(held);
    }
    let missing = gate::missing(plan, progress, around);
    if !missing.is_empty() {
        return await_gate(progress, &missing);
    }
    match plan.next_due(progress) {
        None => Next::Step(Step::Complete),
        Some(due) if due <= around.now => Next::Step(Step::Enter { stage: progress.stage.saturating_add(1) }),
        Some(_) if progress.state != PlanState::Running => Next::Step(Step::AwaitDate),
        Some(due) => Next::Wait(due),
    }
}

fn await_gate(progress: &Progress, missing: &[Missing]) -> Next {
    if progress.state != PlanState::WaitingForGate {
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        return Next::Step(Step::AwaitGate { missing: missing.join("; ") });
    }
    let soaks = missing.iter().filter_map(|missing| match missing {
        Missing::Soak { until, .. } => *until,
        _ => None,
    });
    soaks.min().map_or(Next::Idle, Next::Wait)
}

/// At each rung a stay, and a look: the ladder ends where health has returned.
fn descend(
    plan: &PlanDefinition,
    progress: &Progress,
    rollback: &RollingBack,
    around: &Surroundings<'_>,
) -> Next {
    let RollbackKind::Gradual(ladder) = &rollback.kind else {
        return Next::Step(Step::Rest { reason: "all of it went back at once".to_owned() });
    };
    let rungs = u32::try_from(ladder.percents.len()).unwrap_or(u32::MAX);
    if rollback.rung.saturating_add(1) >= rungs {
        return Next::Step(Step::Rest { reason: "the foot of the ladder".to_owned() });
    }
    let until = after(rollback.rung_at, ladder.every_seconds);
    if until > around.now {
        return Next::Wait(until);
    }
    let rung = usize::try_from(rollback.rung).unwrap_or(usize::MAX);
    let percent = ladder.percents.get(rung).copied().unwrap_or(0.0);
    if is_healthy(plan, progress, rollback.cause.as_ref(), around) {
        return Next::Step(Step::Rest { reason: format!("health returned at {percent}%") });
    }
    Next::Step(Step::Descend { rung: rollback.rung.saturating_add(1) })
}

/// Healthy is what is known to be: every condition that takes the plan back is known not to be true. When a guard began
/// the rollback, its own condition is the one that counts.
fn is_healthy(
    plan: &PlanDefinition,
    progress: &Progress,
    cause: Option<&MetricCheck>,
    around: &Surroundings<'_>,
) -> bool {
    let is_quiet =
        |check: &MetricCheck| matches!(gate::judge(plan, progress, check, around), Verdict::NotMet { .. });
    match cause {
        Some(cause) => is_quiet(cause),
        None => !plan.guards.is_empty() && plan.guards.iter().all(|guard| is_quiet(&guard.when)),
    }
}
