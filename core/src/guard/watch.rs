//! What is due for a guard: a function of the guard, of what came of it, of metrics and of the moment.
//!
//! It remembers nothing between two questions. Whoever asks it carries the step out, by a change set whose check compares
//! the step with what came of the guard by then: a step that is asked for twice, or late, is refused. What is true is said
//! once, at the edge. Not knowing is no edge: it never trips anything, ends no alert, and is no recovery.

use super::Guard;
use super::recovery;
use super::state::{GuardPhase, GuardState, Observed, Recovery, Statement};
use crate::check::would_take_back;
use crate::key::{FlagKey, GuardKey};
use crate::plan::metric_check::{Asked, Metrics, Verdict};
use crate::plan::progress::PlanState;
use crate::plan::runner::CLOCK_TOLERANCE_SECONDS;
use crate::plan::timetable::after;
use crate::plan::{GuardAction, RollbackKind};
use crate::revision::{Revision, Timestamp};
use crate::snapshot::Snapshot;

/// Something that a guard does.
#[derive(Debug, Clone, PartialEq)]
pub enum GuardStep {
    /// Its condition is true: flags go back, or plans are paused.
    Trip {
        /// The revision at which the flags were looked at. Whoever changed one of them since is not overruled unseen.
        judged_at: Revision,
        /// What was measured.
        observed: Observed,
    },
    /// Its condition is true, and it says so.
    Fire {
        /// What was measured.
        observed: Observed,
    },
    /// Its condition is not true any more.
    Quiet {
        /// The value that makes it so.
        value: f64,
    },
    /// It is time to say what became of its trip.
    StateRecovery {
        /// What is said.
        statement: Statement,
    },
    /// The clock was set back: what is waited for is counted from now on.
    ClockWentBack,
    /// Its step was refused.
    Block {
        /// Why, in words; empty when it no longer is.
        reason: String,
    },
}

impl GuardStep {
    /// What it is, in words.
    #[must_use]
    pub fn in_words(&self, guard: &Guard) -> String {
        let shown = |value: f64| guard.when.show(super::state::rounded(value));
        match self {
            Self::Trip { observed, .. } | Self::Fire { observed } => {
                format!("guard {}: {} ({})", guard.key, guard.when, shown(observed.value))
            }
            Self::Quiet { value } => {
                format!("guard {}: no longer {} ({})", guard.key, guard.when, shown(*value))
            }
            Self::StateRecovery { statement } => statement_in_words(guard, statement),
            Self::ClockWentBack => "the clock went back".to_owned(),
            Self::Block { reason } if reason.is_empty() => "the step is no longer refused".to_owned(),
            Self::Block { reason } => format!("the step is refused: {reason}"),
        }
    }
}

/// A statement in words, with what it rests on.
#[must_use]
pub fn statement_in_words(guard: &Guard, statement: &Statement) -> String {
    let mut words = format!("{}: {}", guard.when.subject(), statement.verdict.as_str());
    if let Some(value) = statement.value {
        words.push_str(&format!(", {}", guard.when.show(super::state::rounded(value))));
    }
    if let Some(baseline) = statement.baseline {
        words.push_str(&format!(", {} before the change", super::state::rounded(baseline)));
    }
    words
}

/// Everything that is due, the gravest first: what takes most back comes before what takes less.
#[must_use]
pub fn due(snapshot: &Snapshot, metrics: &dyn Metrics, now: Timestamp) -> Vec<(GuardKey, GuardStep)> {
    let steps = snapshot.guards().filter_map(|(guard, state)| {
        next(guard, state, snapshot, metrics, now).map(|step| (gravity(guard), guard.key.clone(), step))
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by(|(one, key, _), (other, than, _)| other.cmp(one).then_with(|| key.cmp(than)));
    steps.into_iter().map(|(_, key, step)| (key, step)).collect()
}

fn gravity(guard: &Guard) -> (u8, crate::incident::Severity) {
    let action = match &guard.action {
        GuardAction::Alert => 0,
        GuardAction::Pause => 1,
        GuardAction::Rollback(RollbackKind::CanaryOff | RollbackKind::Gradual(_)) => 2,
        GuardAction::Rollback(RollbackKind::Segments(_)) => 3,
        GuardAction::Rollback(RollbackKind::Disable | RollbackKind::ToZero) => 4,
    };
    (action, guard.severity)
}

/// What a guard does next; nothing when nothing is due. No state is that of a guard that has done nothing yet.
#[must_use]
pub fn next(
    guard: &Guard,
    state: Option<&GuardState>,
    snapshot: &Snapshot,
    metrics: &dyn Metrics,
    now: Timestamp,
) -> Option<GuardStep> {
    let none = GuardState::default();
    let state = state.unwrap_or(&none);
    if went_back(state, now) {
        return Some(GuardStep::ClockWentBack);
    }
    if let Some(step) = stated(guard, state, snapshot, metrics, now) {
        return Some(step);
    }
    if state.phase == GuardPhase::Latched {
        return None;
    }
    let flags = guard.flags(snapshot);
    let verdict = verdict(guard, &flags, snapshot, metrics, now);
    let observed = || with_asked(guard, &flags, snapshot, now, |asked| metrics.measure(&guard.when, asked));
    match (state.phase, verdict) {
        (GuardPhase::Firing | GuardPhase::Acknowledged, Verdict::NotMet { value }) => {
            Some(GuardStep::Quiet { value })
        }
        // What was refused while it was true is not refused any more.
        (GuardPhase::Quiet, Verdict::NotMet { .. }) if !state.blocked.is_empty() => {
            Some(GuardStep::Block { reason: String::new() })
        }
        (GuardPhase::Acknowledged, Verdict::Met { .. })
            if state.armed_from.is_some_and(|from| from > now) =>
        {
            None
        }
        (GuardPhase::Quiet | GuardPhase::Acknowledged, Verdict::Met { value }) => match &guard.action {
            GuardAction::Alert => {
                Some(GuardStep::Fire { observed: Observed { value, measurement: observed() } })
            }
            GuardAction::Rollback(kind) if !would_take_back(snapshot, &guard.environment, &flags, kind) => {
                None
            }
            GuardAction::Pause | GuardAction::Rollback(_) => Some(GuardStep::Trip {
                judged_at: snapshot.revision(),
                observed: Observed { value, measurement: observed() },
            }),
        },
        _ => None,
    }
}

/// What is known of a guard's condition now.
#[must_use]
pub fn verdict(
    guard: &Guard,
    flags: &[FlagKey],
    snapshot: &Snapshot,
    metrics: &dyn Metrics,
    now: Timestamp,
) -> Verdict {
    // A feature without flags has nothing that could be measured: without this it would be everything.
    if flags.is_empty() {
        return Verdict::InsufficientData;
    }
    with_asked(guard, flags, snapshot, now, |asked| metrics.judge(&guard.when, asked))
}

/// What is known of a guard's condition now, with what was measured; nothing was where nothing is known.
#[must_use]
pub fn present(
    guard: &Guard,
    flags: &[FlagKey],
    snapshot: &Snapshot,
    metrics: &dyn Metrics,
    now: Timestamp,
) -> (Verdict, Option<Observed>) {
    let verdict = verdict(guard, flags, snapshot, metrics, now);
    let observed = match verdict {
        Verdict::Met { value } | Verdict::NotMet { value } => {
            let measurement =
                with_asked(guard, flags, snapshot, now, |asked| metrics.measure(&guard.when, asked));
            Some(Observed { value, measurement })
        }
        Verdict::InsufficientData => None,
    };
    (verdict, observed)
}

fn with_asked<T>(
    guard: &Guard,
    flags: &[FlagKey],
    snapshot: &Snapshot,
    now: Timestamp,
    ask: impl FnOnce(&Asked<'_>) -> T,
) -> T {
    let flags: Vec<&FlagKey> = flags.iter().collect();
    let changed_at = changed_at(guard, &flags, snapshot);
    ask(&Asked { environment: &guard.environment, flags: &flags, changed_at, now })
}

/// When the flags were raised last: what was before that is their baseline. A flag without shares counts from when it
/// was written last.
#[must_use]
pub fn changed_at(guard: &Guard, flags: &[&FlagKey], snapshot: &Snapshot) -> Option<Timestamp> {
    let moments = flags.iter().filter_map(|flag| {
        let flag = flag.folded();
        let configuration = snapshot.configuration(&guard.environment, &flag)?;
        let raised = configuration.raised.as_ref().map(|raised| raised.at);
        raised.or_else(|| snapshot.written(&guard.environment, &flag).map(|written| written.at))
    });
    moments.max()
}

fn went_back(state: &GuardState, now: Timestamp) -> bool {
    let is_waiting = matches!(state.recovery, Recovery::Pending { .. }) || state.armed_from.is_some();
    is_waiting && after(now, CLOCK_TOLERANCE_SECONDS) < state.since
}

/// What became of the trip, when it is time to say so. On a ladder that is counted from its end.
fn stated(
    guard: &Guard,
    state: &GuardState,
    snapshot: &Snapshot,
    metrics: &dyn Metrics,
    now: Timestamp,
) -> Option<GuardStep> {
    let (Recovery::Pending { until }, Some(trip)) = (state.recovery, &state.trip) else {
        return None;
    };
    let plans = trip.plans.iter().filter_map(|plan| snapshot.plan(plan));
    let is_too_early = plans.into_iter().any(|(_, progress)| {
        progress.state == PlanState::RollingBack
            || (progress.state == PlanState::Latched
                && after(progress.since, guard.recovery_after_seconds) > now)
    });
    if until > now || is_too_early {
        return None;
    }
    let flags: Vec<&FlagKey> = trip.taken.iter().map(|taken| &taken.flag).collect();
    let asked = Asked { environment: &guard.environment, flags: &flags, changed_at: trip.changed_at, now };
    Some(GuardStep::StateRecovery { statement: recovery::state(guard, trip, metrics, &asked) })
}
