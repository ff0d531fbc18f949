//! What callers ask for about rollout plans.

use crate::plan::RollbackKind;
use crate::plan::runner::Step;

/// What is done to a rollout plan.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanAct {
    /// It starts.
    Start,
    /// The actor approves that the stage is left.
    Approve,
    /// The actor says go.
    Go,
    /// The actor says no-go: the stage is not left before somebody says go.
    NoGo,
    /// A point of the stage's checklist is ticked off.
    Tick {
        /// The point as the plan words it, or its number from 1 on.
        item: String,
    },
    /// A point of the stage's checklist is open again.
    Untick {
        /// The point as the plan words it, or its number from 1 on.
        item: String,
    },
    /// The value of a metric is reported, for what no service measures.
    Report {
        /// The metric, as a check of the stage or a guard names it.
        metric: String,
        /// The value with its unit: `1.2%`, `850ms`, `4.3`.
        value: String,
    },
    /// It stays where it is.
    Pause,
    /// It goes on.
    Resume,
    /// Its flags go back.
    RollBack(RollbackKind),
    /// The cause of a rollback is known: whoever resumes the plan now may raise its flags again.
    Acknowledge,
    /// It is given up. Its flags stay as they are.
    Cancel,
    /// A step that is due; only the server itself may ask for it.
    Step(Step),
}

impl PlanAct {
    /// What it is, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Start => "started".to_owned(),
            Self::Approve => "approved".to_owned(),
            Self::Go => "said go".to_owned(),
            Self::NoGo => "said no-go".to_owned(),
            Self::Tick { item } => format!("ticked off {item}"),
            Self::Untick { item } => format!("reopened {item}"),
            Self::Report { metric, value } => format!("reported {metric} {value}"),
            Self::Pause => "paused".to_owned(),
            Self::Resume => "resumed".to_owned(),
            Self::RollBack(RollbackKind::Disable) => "rolled back: disabled".to_owned(),
            Self::RollBack(RollbackKind::ToZero) => "rolled back: to 0%".to_owned(),
            Self::RollBack(RollbackKind::Gradual(_)) => "rolls back gradually".to_owned(),
            Self::RollBack(RollbackKind::Segments(segments)) => {
                let segments: Vec<&str> = segments.iter().map(|segment| segment.as_str()).collect();
                format!("rolled back for {}", segments.join(", "))
            }
            Self::RollBack(RollbackKind::CanaryOff) => "rolled back: canary off".to_owned(),
            Self::Acknowledge => "acknowledged".to_owned(),
            Self::Cancel => "cancelled".to_owned(),
            Self::Step(step) => step.in_words(),
        }
    }
}
