//! What a gate still waits for.

use std::fmt;

use super::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use super::progress::Progress;
use super::timetable::after;
use super::{PlanDefinition, Stage};
use crate::key::FlagKey;
use crate::observation::measurement::Measurement;
use crate::plan::duration_text::Length;
use crate::revision::Timestamp;

/// Something that a gate waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Missing {
    /// Somebody said no-go, and nobody has said go since.
    NoGo {
        /// Who.
        by: Box<str>,
        /// In their words.
        note: Box<str>,
    },
    /// Nobody has said go.
    Go,
    /// Fewer people than needed have approved.
    Approvals {
        /// How many have.
        given: u32,
        /// How many must.
        needed: u32,
    },
    /// A point of the checklist is not ticked off.
    Item(Box<str>),
    /// A condition on a metric is not true.
    Check {
        /// The condition.
        check: MetricCheck,
        /// The value.
        value: f64,
    },
    /// Nobody knows whether a condition on a metric is true.
    Unknown(MetricCheck),
    /// An incident is open, or was until lately.
    Soak {
        /// When it will have been quiet for long enough; none while an incident is open.
        until: Option<Timestamp>,
        /// What happened.
        incident: Box<str>,
    },
    /// The last rollback drill of a flag is too long ago, or there was none.
    Drill {
        /// The flag.
        flag: FlagKey,
        /// When it was.
        last: Option<Timestamp>,
        /// How old it may be, in seconds.
        within_seconds: u64,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGo { by, note } if note.is_empty() => write!(formatter, "{by} said no-go"),
            Self::NoGo { by, note } => write!(formatter, "{by} said no-go: {note}"),
            Self::Go => formatter.write_str("nobody has said go"),
            Self::Approvals { given, needed } => write!(formatter, "{given} of {needed} approvals"),
            Self::Item(item) => write!(formatter, "not ticked off: {item}"),
            Self::Check { check, value } => write!(formatter, "{check} is not met: {}", check.show(*value)),
            Self::Unknown(check) => write!(formatter, "{check}: not enough data"),
            Self::Soak { until: None, incident } => write!(formatter, "an incident is open: {incident}"),
            Self::Soak { until: Some(until), incident } => {
                write!(formatter, "quiet for long enough at {until}, after {incident}")
            }
            Self::Drill { flag, last: None, within_seconds } => {
                write!(formatter, "no rollback drill of {flag} within {}", Length(*within_seconds))
            }
            Self::Drill { flag, last: Some(last), within_seconds } => {
                write!(
                    formatter,
                    "the last rollback drill of {flag} was at {last}, more than {} ago",
                    Length(*within_seconds)
                )
            }
        }
    }
}

/// What incidents and drills there were, as far as a plan's gate needs to know.
pub trait Memory {
    /// The critical incident of one of the flags, in the environment, that was open last: what it was, and since when
    /// it is closed (none while it is open).
    fn last_incident(&self, plan: &PlanDefinition, stage: &Stage) -> Option<(Box<str>, Option<Timestamp>)>;

    /// The last rollback drill of a flag, in any environment.
    fn last_drill(&self, flag: &FlagKey) -> Option<Timestamp>;
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMemory;

impl Memory for NoMemory {
    fn last_incident(&self, _plan: &PlanDefinition, _stage: &Stage) -> Option<(Box<str>, Option<Timestamp>)> {
        None
    }

    fn last_drill(&self, _flag: &FlagKey) -> Option<Timestamp> {
        None
    }
}

/// What a plan looks at beside itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'s> {
    /// The moment.
    pub now: Timestamp,
    /// What metrics say.
    pub metrics: &'s dyn Metrics,
    /// What happened.
    pub memory: &'s dyn Memory,
}

/// What is known of a condition: what somebody reported in this stage, else what is measured.
#[must_use]
pub fn judge(
    plan: &PlanDefinition,
    progress: &Progress,
    check: &MetricCheck,
    around: &Surroundings<'_>,
) -> Verdict {
    let subject = check.subject();
    match progress.reported.iter().find(|reported| *reported.subject == *subject) {
        Some(reported) if check.is_true_of(reported.value) => Verdict::Met { value: reported.value },
        Some(reported) => Verdict::NotMet { value: reported.value },
        None => with_asked(plan, progress, around, |asked| around.metrics.judge(check, asked)),
    }
}

/// What a condition rests on; none of what somebody reported.
#[must_use]
pub fn measure(
    plan: &PlanDefinition,
    progress: &Progress,
    check: &MetricCheck,
    around: &Surroundings<'_>,
) -> Option<Measurement> {
    let subject = check.subject();
    if progress.reported.iter().any(|reported| *reported.subject == *subject) {
        return None;
    }
    with_asked(plan, progress, around, |asked| around.metrics.measure(check, asked))
}

fn with_asked<T>(
    plan: &PlanDefinition,
    progress: &Progress,
    around: &Surroundings<'_>,
    ask: impl FnOnce(&Asked<'_>) -> T,
) -> T {
    let environment = plan.environment_of_progress(progress);
    let flags = plan.flags_in(environment);
    let changed_at = progress.entered_at(progress.stage_index()).map(|entry| entry.at);
    ask(&Asked { environment, flags: &flags, changed_at, now: around.now })
}

/// Everything that the gate of the present stage waits for. Nothing means that it is open.
#[must_use]
pub fn missing(plan: &PlanDefinition, progress: &Progress, around: &Surroundings<'_>) -> Vec<Missing> {
    let Some(stage) = plan.stages.get(progress.stage_index()) else {
        return Vec::new();
    };
    let gate = &stage.gate;
    let mut missing = Vec::new();
    match &progress.decision {
        Some(decision) if !decision.go => {
            missing.push(Missing::NoGo { by: decision.deed.by.clone(), note: decision.deed.note.clone() })
        }
        None if gate.go => missing.push(Missing::Go),
        Some(_) | None => {}
    }
    let given = u32::try_from(progress.approvals.len()).unwrap_or(u32::MAX);
    if given < gate.approvals {
        missing.push(Missing::Approvals { given, needed: gate.approvals });
    }
    let is_ticked = |item: &str| progress.ticks.iter().any(|tick| *tick.item == *item);
    missing.extend(gate.checklist.iter().filter(|item| !is_ticked(item)).cloned().map(Missing::Item));
    for check in &gate.checks {
        match judge(plan, progress, check, around) {
            Verdict::Met { .. } => {}
            Verdict::NotMet { value } => missing.push(Missing::Check { check: check.clone(), value }),
            Verdict::InsufficientData => missing.push(Missing::Unknown(check.clone())),
        }
    }
    if gate.soak_seconds > 0 {
        missing.extend(soak(plan, stage, progress, around));
    }
    if let Some(within_seconds) = gate.drill_within_seconds {
        for (flag, _) in &stage.set {
            let last = around.memory.last_drill(flag);
            if last.is_none_or(|last| after(last, within_seconds) < around.now) {
                missing.push(Missing::Drill { flag: flag.clone(), last, within_seconds });
            }
        }
    }
    missing
}

/// Whether people still hold a gate: what a step that was decided a moment ago must look at again. Metrics, incidents and
/// drills are the matter of whoever decided it.
#[must_use]
pub fn is_held_by_people(plan: &PlanDefinition, progress: &Progress, now: Timestamp) -> bool {
    let around = Surroundings { now, metrics: &AllMet, memory: &NoMemory };
    let is_of_people = |missing: &Missing| match missing {
        Missing::NoGo { .. }
        | Missing::Go
        | Missing::Approvals { .. }
        | Missing::Item(_)
        | Missing::Check { .. } => true,
        Missing::Unknown(_) | Missing::Soak { .. } | Missing::Drill { .. } => false,
    };
    missing(plan, progress, &around).iter().any(is_of_people)
}

/// Leaves every condition to somebody else.
struct AllMet;

impl Metrics for AllMet {
    fn judge(&self, check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        Verdict::Met { value: check.threshold }
    }
}

/// The stage must have been quiet for as long as the gate says, counted from its entry or from the end of the last
/// critical incident.
fn soak(
    plan: &PlanDefinition,
    stage: &Stage,
    progress: &Progress,
    around: &Surroundings<'_>,
) -> Option<Missing> {
    let (quiet_from, incident) = match around.memory.last_incident(plan, stage) {
        Some((incident, None)) => return Some(Missing::Soak { until: None, incident }),
        Some((incident, Some(closed))) if closed > progress.hold_from => (closed, incident),
        Some(_) | None => (progress.hold_from, Box::from("the stage was entered")),
    };
    let until = after(quiet_from, stage.gate.soak_seconds);
    (until > around.now).then_some(Missing::Soak { until: Some(until), incident })
}
