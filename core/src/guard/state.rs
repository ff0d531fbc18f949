//! What came of a guard: whether it is quiet, what it took back and on what evidence, and how that went on.

use crate::key::{FlagKey, FoldedKey, PlanKey};
use crate::observation::measurement::Measurement;
use crate::plan::metric_check::MetricCheck;
use crate::plan::progress::Deed;
use crate::revision::Timestamp;

/// What a guard does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardPhase {
    /// It watches.
    #[default]
    Quiet,
    /// Its condition is true, and it has said so or paused plans. It says it once.
    Firing,
    /// It took flags back. Nothing raises them until somebody acknowledges.
    Latched,
    /// Somebody has acknowledged what it did. It watches again when its condition is seen not to be true, or when its
    /// window holds nothing from before the acknowledgement.
    Acknowledged,
}

impl GuardPhase {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Quiet, Self::Firing, Self::Latched, Self::Acknowledged];

    /// The phase in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Firing => "firing",
            Self::Latched => "latched",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// What a metric was seen to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The value, in the unit of the condition.
    pub value: f64,
    /// What it rests on; none where whoever measures does not say.
    pub measurement: Option<Measurement>,
}

/// Why a guard acted: what was asked, and what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The condition, as it was then.
    pub condition: MetricCheck,
    /// What made it true.
    pub observed: Observed,
}

impl Evidence {
    /// The condition and the value that made it true.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("{} ({})", self.condition, self.condition.show(rounded(self.observed.value)))
    }
}

/// A value as people read it.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// A flag that a guard took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The flag.
    pub flag: FlagKey,
    /// What it served before, in words.
    pub before: Box<str>,
}

/// What a guard did, last.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    /// When, in which revision, and what it did in words. Always the server's own deed.
    pub deed: Deed,
    /// Why.
    pub evidence: Evidence,
    /// The flags that it took back, those as well that served nobody just then: nothing watches over them while it is
    /// latched. None when it only says or pauses something.
    pub taken: Vec<Taken>,
    /// The plans that it paused or took back, the one that it made for a ladder among them.
    pub plans: Vec<PlanKey>,
    /// When the flags had been raised last before it: the baseline is what was before that.
    pub changed_at: Option<Timestamp>,
}

/// What became of the metric after a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryVerdict {
    /// It is well again.
    Recovered,
    /// It is as bad as before, or nearly, although nobody has the flag: something else is the cause.
    NotCaused,
    /// Nobody has measured enough to say.
    InsufficientData,
}

impl RecoveryVerdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Recovered, Self::NotCaused, Self::InsufficientData];

    /// The verdict in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::NotCaused => "not caused by this flag",
            Self::InsufficientData => "insufficient data",
        }
    }
}

/// What is said about a recovery, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statement {
    /// The verdict.
    pub verdict: RecoveryVerdict,
    /// The value then, in the unit of the condition; none when nobody has measured enough.
    pub value: Option<f64>,
    /// What it was before the change that was taken back, in the metric's own unit; none when that is not known.
    pub baseline: Option<f64>,
}

/// How far it is known what became of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Recovery {
    /// There is nothing to say.
    #[default]
    None,
    /// It is said at this moment, or when the ladder has been over for as long.
    Pending {
        /// When.
        until: Timestamp,
    },
    /// It was said.
    Stated {
        /// What.
        statement: Statement,
        /// When.
        at: Timestamp,
    },
}

/// What came of a guard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GuardState {
    /// What it does now.
    pub phase: GuardPhase,
    /// Since when.
    pub since: Timestamp,
    /// What it did last, and why.
    pub trip: Option<Trip>,
    /// How often it has acted since it was set.
    pub trips: u64,
    /// Who acknowledged the last trip, and the cause in their words.
    pub acknowledged: Option<Deed>,
    /// After an acknowledgement: from when on it acts again even if its condition was true all the time.
    pub armed_from: Option<Timestamp>,
    /// What became of the last trip.
    pub recovery: Recovery,
    /// Why its step was refused, in words; empty when none was.
    pub blocked: Box<str>,
}

impl GuardState {
    /// Whether it holds a flag down. The environment is the guard's.
    #[must_use]
    pub fn holds(&self, flag: &FoldedKey) -> bool {
        self.phase == GuardPhase::Latched
            && self.trip.iter().flat_map(|trip| &trip.taken).any(|taken| taken.flag.folded() == *flag)
    }

    /// Whether it holds anything down.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        self.phase == GuardPhase::Latched
    }
}
