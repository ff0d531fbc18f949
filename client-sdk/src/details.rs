//! What an evaluation answers beside the value.

use std::time::Duration;

use mycelia_flags_core::evaluation::{ErrorCode, ResolutionReason};
use mycelia_flags_core::key::VariantName;

/// Why a value was given, in OpenFeature's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everybody gets this.
    Static,
    /// No rule matched.
    Default,
    /// A rule matched.
    TargetingMatch,
    /// A share of the subjects gets this.
    Split,
    /// The flag is disabled.
    Disabled,
    /// Another flag does not serve what this one needs.
    PrerequisiteFailed,
    /// The value comes from the last known good state on disk; the server has not answered yet.
    Cached,
    /// The value comes from the last known state; the connection to the server is lost.
    Stale,
    /// Something is wrong; the error code says what.
    Error,
}

impl Reason {
    /// OpenFeature's word, where it has one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::PrerequisiteFailed => "PREREQUISITE_FAILED",
            Self::Cached => "CACHED",
            Self::Stale => "STALE",
            Self::Error => "ERROR",
        }
    }
}

impl From<ResolutionReason> for Reason {
    fn from(reason: ResolutionReason) -> Self {
        match reason {
            ResolutionReason::Static => Self::Static,
            ResolutionReason::Default => Self::Default,
            ResolutionReason::TargetingMatch => Self::TargetingMatch,
            ResolutionReason::Split => Self::Split,
            ResolutionReason::Disabled => Self::Disabled,
            ResolutionReason::PrerequisiteFailed => Self::PrerequisiteFailed,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A value, and how it came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EvaluationDetails<T> {
    /// The key that was asked for.
    pub flag_key: String,
    /// The value: the flag's, or the caller's default.
    pub value: T,
    /// The variant that was served; none when the caller's default was.
    pub variant: Option<VariantName>,
    /// Why. `ERROR` wins over `STALE` and `CACHED`, which win over the flag's own reason.
    pub reason: Reason,
    /// Why the flag decided so, whatever the connection is like; none when the caller's default was served.
    pub resolution_reason: Option<ResolutionReason>,
    /// How old the state is, when the server cannot confirm that it is the newest.
    pub stale: Option<Duration>,
    /// What is wrong.
    pub error_code: Option<ErrorCode>,
    /// The same in words.
    pub error_message: Option<String>,
    /// The revision that was evaluated; 0 when there is none.
    pub revision: u64,
}
