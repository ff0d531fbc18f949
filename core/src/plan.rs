//! Rollout plans: a programme over one or more flags, stage by stage.
//!
//! A plan is two entities. The [`PlanDefinition`] is what a team wrote and applied; it stands still while the plan runs.
//! The [`Progress`](progress::Progress) is where the plan is; each transition writes it in the same record as the flags
//! that it moves. Who decides about a transition is [`runner`], a function of the two, of metrics and of a moment; who
//! carries one out is the [check](crate::check) of a change set, like every other change.
//!
//! What is deliberately absent: YAML. Whoever reads plan files brings the structure.

pub mod duration_text;
pub mod gate;
pub mod metric_check;
pub mod progress;
pub mod report;
pub mod rollback_length;
pub mod runner;
pub mod simulation;
pub mod status;
pub mod timetable;

use crate::key::{EnvironmentKey, FlagKey, FoldedKey, SegmentKey, VariantName};
use crate::revision::Timestamp;
use crate::value::Value;

use metric_check::MetricCheck;

pub use crate::key::PlanKey;

/// A plan as a team wrote it. It is asked for in this form and stored in it: names are checked before it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDefinition {
    /// Unique in the store.
    pub key: PlanKey,
    /// For people.
    pub description: Box<str>,
    /// Who answers for the plan.
    pub owner: Box<str>,
    /// Where stages happen that name no environment of their own.
    pub environment: EnvironmentKey,
    /// When the plan starts by itself; none means that somebody starts it.
    pub starts_at: Option<Timestamp>,
    /// What the first day is called: 0 or 1. `day N` begins N minus this days of 24 hours after the start.
    pub first_day: u32,
    /// At least one, in order.
    pub stages: Vec<Stage>,
    /// Conditions that take the plan back, whatever stage it is in.
    pub guards: Vec<PlanGuard>,
    /// How a gradual rollback goes.
    pub ladder: Ladder,
    /// What is done when the plan is through.
    pub on_complete: OnComplete,
    /// Everything that the document says and that stays with people: shown in the status and the report.
    pub notes: Vec<Box<str>>,
}

impl PlanDefinition {
    /// An empty plan, for others to be made from.
    #[must_use]
    pub fn empty(key: PlanKey, environment: EnvironmentKey) -> Self {
        Self {
            key,
            description: Box::default(),
            owner: Box::default(),
            environment,
            starts_at: None,
            first_day: 1,
            stages: Vec::new(),
            guards: Vec::new(),
            ladder: Ladder::default(),
            on_complete: OnComplete::default(),
            notes: Vec::new(),
        }
    }

    /// The environment of a stage.
    #[must_use]
    pub fn environment_of<'p>(&'p self, stage: &'p Stage) -> &'p EnvironmentKey {
        stage.environment.as_ref().unwrap_or(&self.environment)
    }

    /// Each flag that the plan moves and where, once, in the order in which the stages name them.
    #[must_use]
    pub fn places(&self) -> Vec<(&EnvironmentKey, &FlagKey)> {
        let mut places: Vec<(&EnvironmentKey, &FlagKey)> = Vec::new();
        for stage in &self.stages {
            let environment = self.environment_of(stage);
            for (flag, _) in &stage.set {
                let is_known = |(of, known): &(&EnvironmentKey, &FlagKey)| {
                    *of == environment && known.folded() == flag.folded()
                };
                if !places.iter().any(is_known) {
                    places.push((environment, flag));
                }
            }
        }
        places
    }

    /// The environment of the stage that the plan is in.
    #[must_use]
    pub fn environment_of_progress(&self, progress: &progress::Progress) -> &EnvironmentKey {
        let stage = self.stages.get(progress.stage_index());
        stage.map_or(&self.environment, |stage| self.environment_of(stage))
    }

    /// The flags that the plan moves in an environment.
    #[must_use]
    pub fn flags_in(&self, environment: &EnvironmentKey) -> Vec<&FlagKey> {
        let places = self.places().into_iter();
        places.filter(|(of, _)| *of == environment).map(|(_, flag)| flag).collect()
    }

    /// What a flag is to serve in an environment while a stage is in force: what the last stage up to it says of it.
    #[must_use]
    pub fn target(&self, stage: usize, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<&Target> {
        let stages = self.stages.iter().take(stage.saturating_add(1)).rev();
        stages.filter(|stage| self.environment_of(stage) == environment).find_map(|stage| {
            let mut set = stage.set.iter();
            set.find(|(known, _)| known.folded() == *flag).map(|(_, target)| target)
        })
    }
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stage {
    /// Says in words what the stage is.
    pub name: Box<str>,
    /// For people.
    pub description: Box<str>,
    /// Where it happens; none means the plan's environment.
    pub environment: Option<EnvironmentKey>,
    /// When it begins.
    pub start: StageStart,
    /// What each flag serves from then on. A flag that is not named stays as it is.
    pub set: Vec<(FlagKey, Target)>,
    /// What happens to the canary of the environment.
    pub canary: StageCanary,
    /// How long the stay is at least, in seconds.
    pub hold_seconds: u64,
    /// What must be true to go on.
    pub gate: Gate,
    /// Within how many seconds a rollback from this stage has to be through, as the plan's document says: how long one
    /// took is [held against it](rollback_length).
    pub rollback_within_seconds: Option<u64>,
}

/// When a stage begins: never before the one before it is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StageStart {
    /// As soon as the stage before is through.
    #[default]
    Next,
    /// On a day of the plan.
    Day(u32),
    /// At a moment.
    At(Timestamp),
}

/// What a flag is to serve.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A percentage, 0 to 100 with at most three decimals.
    Percent(f64),
    /// From one percentage to another: the plan sets the first, and people may move the flag within the band.
    Band {
        /// What the plan sets.
        from: f64,
        /// How far people may go.
        to: f64,
    },
    /// A percentage for each of several segments, the first that a subject is in counts.
    Matrix {
        /// Segment and percentage.
        shares: Vec<(SegmentKey, f64)>,
        /// For whoever is in none; none leaves that as it is.
        rest: Option<f64>,
    },
    /// One variant for everybody.
    Variant(VariantName),
    /// The variant that has this value, for everybody.
    Value(Value),
    /// The flag is disabled.
    Disabled,
}

/// What a stage does to the canary of its environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageCanary {
    /// Switches canary mode.
    pub on: Option<bool>,
    /// Targeting keys that are put on the allowlist.
    pub add: Vec<Box<str>>,
    /// Targeting keys that are taken off it.
    pub remove: Vec<Box<str>>,
}

/// What must be true for a plan to leave a stage. An empty gate is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gate {
    /// How many different people must approve.
    pub approvals: u32,
    /// Whether somebody must say go.
    pub go: bool,
    /// Conditions on metrics.
    pub checks: Vec<MetricCheck>,
    /// What people must tick off.
    pub checklist: Vec<Box<str>>,
    /// How many seconds the stage must have been without a critical incident of its flags.
    pub soak_seconds: u64,
    /// How old, in seconds, the last rollback drill of its flags may be, in any environment.
    pub drill_within_seconds: Option<u64>,
}

impl Gate {
    /// Whether there is nothing to wait for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A condition that takes a plan back.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanGuard {
    /// The condition.
    pub when: MetricCheck,
    /// The flags that go back; none named means all that the plan has set in the environment of its present stage.
    pub flags: Vec<FlagKey>,
    /// What happens when it is true.
    pub action: GuardAction,
}

/// What a plan's guard does.
#[derive(Debug, Clone, PartialEq)]
pub enum GuardAction {
    /// It is noted, and nothing else happens.
    Alert,
    /// The plan stays where it is until somebody resumes it.
    Pause,
    /// The plan's flags go back.
    Rollback(RollbackKind),
}

/// How flags go back.
#[derive(Debug, Clone, PartialEq)]
pub enum RollbackKind {
    /// All of them are disabled at once.
    Disable,
    /// All of them serve 0 % at once: shares of segments go, the canary keeps what it has.
    ToZero,
    /// Down the ladder, with a stay and a look at each rung.
    Gradual(Ladder),
    /// Off for these segments; whoever else has the flag keeps it.
    Segments(Vec<SegmentKey>),
    /// Canary mode of the environment is switched off.
    CanaryOff,
}

/// The rungs of a gradual rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// Percentages, each lower than the one before.
    pub percents: Vec<f64>,
    /// How many seconds the stay on each rung is.
    pub every_seconds: u64,
}

impl Default for Ladder {
    /// 50, 25, 0 with ten minutes each: what the playbooks that we learned from do within half an hour.
    fn default() -> Self {
        Self { percents: vec![50.0, 25.0, 0.0], every_seconds: 600 }
    }
}

/// What is done when a plan is through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnComplete {
    /// Each of its flags gets an expected end this many seconds later: it is then reported as stale, to be removed.
    pub remove_flags_after_seconds: Option<u64>,
    /// Canary mode of the last stage's environment is switched off.
    pub canary_off: bool,
    /// What people do then.
    pub notes: Vec<Box<str>>,
}

#[cfg(test)]
mod tests;
