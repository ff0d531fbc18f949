//! Where a plan is, and what people have said about it.

use super::RollbackKind;
use super::metric_check::MetricCheck;
use crate::key::{EnvironmentKey, FlagKey};
use crate::revision::{Revision, Timestamp};

/// The state of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanState {
    /// Applied and not started.
    #[default]
    Draft,
    /// Through with its stage, and waiting for the day of the next one.
    Running,
    /// In a stage whose stay is not over.
    Holding,
    /// In a stage whose stay is over and whose gate is not open.
    WaitingForGate,
    /// Stopped where it is until somebody resumes it.
    Paused,
    /// On its way down the ladder.
    RollingBack,
    /// Taken back. Nothing raises its flags until somebody acknowledges the cause.
    Latched,
    /// Through.
    Completed,
    /// Given up.
    Cancelled,
}

impl PlanState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Running,
        Self::Holding,
        Self::WaitingForGate,
        Self::Paused,
        Self::RollingBack,
        Self::Latched,
        Self::Completed,
        Self::Cancelled,
    ];

    /// The state in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Holding => "holding",
            Self::WaitingForGate => "waiting for a gate",
            Self::Paused => "paused",
            Self::RollingBack => "rolling back",
            Self::Latched => "latched",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the plan is in a stage and moves on when it may.
    #[must_use]
    pub const fn is_in_stage(self) -> bool {
        matches!(self, Self::Running | Self::Holding | Self::WaitingForGate)
    }

    /// Whether the plan has begun and is not over: it owns its flags then.
    #[must_use]
    pub const fn is_active(self) -> bool {
        self.is_in_stage() || matches!(self, Self::Paused | Self::RollingBack | Self::Latched)
    }

    /// Whether nothing of the plan is to come.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// Who did something to a plan, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The actor.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// In which revision.
    pub revision: Revision,
    /// In their words; may be empty.
    pub note: Box<str>,
}

/// Go or no-go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// True for go.
    pub go: bool,
    /// Who said it.
    pub deed: Deed,
}

/// A point of a checklist that somebody ticked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The point, as the plan words it.
    pub item: Box<str>,
    /// Who ticked it.
    pub deed: Deed,
}

/// The value of a metric as somebody reported it: for what no service measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// The metric, and the flag and service if it is said of one, as a check names them.
    pub subject: Box<str>,
    /// The value, in the unit of the check: percent for rates, milliseconds for times.
    pub value: f64,
    /// Who reported it.
    pub deed: Deed,
}

/// A flag of a plan that somebody changed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Where.
    pub environment: EnvironmentKey,
    /// The flag.
    pub flag: FlagKey,
    /// What it serves now, in words.
    pub actual: Box<str>,
    /// What the plan wants, in words.
    pub target: Box<str>,
    /// Who did it.
    pub deed: Deed,
}

/// How far a rollback is.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingBack {
    /// How the flags go back.
    pub kind: RollbackKind,
    /// Which of them; none named means all that the plan has set in the environment of its stage.
    pub flags: Vec<FlagKey>,
    /// The rung of the ladder that they are on.
    pub rung: u32,
    /// When they came to it.
    pub rung_at: Timestamp,
    /// Who took the plan back, and why.
    pub deed: Deed,
    /// The guard's condition that was true, when a guard did it.
    pub cause: Option<MetricCheck>,
    /// When the flags were at their final place; none while they are on their way down, or when the plan was given up
    /// before.
    pub ended_at: Option<Timestamp>,
    /// How many seconds the stage allowed that it began in.
    pub within_seconds: Option<u64>,
}

/// A guard that only alerts, whose condition is true as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// The guard's place in the plan.
    pub guard: u32,
    /// The value that made it true.
    pub value: f64,
    /// When.
    pub at: Timestamp,
    /// In which revision.
    pub revision: Revision,
}

/// When a stage was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The stage's place in the plan.
    pub stage: u32,
    /// When it was entered, last.
    pub at: Timestamp,
    /// In which revision.
    pub revision: Revision,
}

/// Where a plan is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The state.
    pub state: PlanState,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Why it is in this state, in words.
    pub reason: Box<str>,
    /// Who applied the plan.
    pub applied: Option<Deed>,
    /// Who started it; none while it is a draft.
    pub started: Option<Deed>,
    /// The stage that it is in, by its place in the plan.
    pub stage: u32,
    /// From when on the stay in the stage is counted: when it was entered, later by what it was paused.
    pub hold_from: Timestamp,
    /// The stages that were entered, in order. A stage that was entered again after a rollback is there with its last
    /// entry.
    pub entered: Vec<Entry>,
    /// Who approved that the stage is left. Each stage begins with none.
    pub approvals: Vec<Deed>,
    /// What was decided last about leaving the stage.
    pub decision: Option<Decision>,
    /// What was ticked off in the stage.
    pub ticks: Vec<Tick>,
    /// The last value that was reported of each metric in the stage.
    pub reported: Vec<Reported>,
    /// What people changed by hand, and the plan has not set since.
    pub drift: Vec<Drift>,
    /// The state from before a pause.
    pub paused_in: Option<PlanState>,
    /// The rollback that goes on, or the last one.
    pub rollback: Option<RollingBack>,
    /// The cause that was given when a rollback was acknowledged.
    pub acknowledged: Option<Deed>,
    /// Why the next step was refused, in words; empty when none was.
    pub blocked: Box<str>,
    /// The alerts that are true, in the order in which they became so.
    pub alerts: Vec<Alert>,
}

impl Progress {
    /// When the stage that the plan is in was entered.
    #[must_use]
    pub fn entered_at(&self, stage: usize) -> Option<Entry> {
        self.entered.iter().copied().find(|entry| usize::try_from(entry.stage) == Ok(stage))
    }

    /// The stage's place in the plan.
    #[must_use]
    pub fn stage_index(&self) -> usize {
        usize::try_from(self.stage).unwrap_or(usize::MAX)
    }
}
