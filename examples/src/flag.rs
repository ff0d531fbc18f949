//! The flag that all three services look at.

use mycelia_flags_sdk::{ErrorCode, EvaluationDetails};

/// The flag that releases the feature in all three services.
pub const FLAG: &str = "elevenlabs_agent";

/// What the flag does in this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagState {
    /// Nobody has the feature; that is also so when nothing is known about the flag.
    Off,
    /// It depends on who asks.
    Partly,
    /// Everybody has it, or everybody whom no rule concerns.
    On,
}

impl FlagState {
    /// Of an evaluation for nobody in particular.
    #[must_use]
    pub fn of(details: &EvaluationDetails<bool>) -> Self {
        if details.error_code == Some(ErrorCode::TargetingKeyMissing) {
            return Self::Partly;
        }
        if details.value { Self::On } else { Self::Off }
    }

    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Partly => "PARTLY ON",
            Self::On => "ON",
        }
    }

    /// For programs.
    #[must_use]
    pub const fn as_word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Partly => "partly",
            Self::On => "on",
        }
    }
}

/// Why the flag decided so, in OpenFeature's words: what is wrong, or else the reason.
#[must_use]
pub fn why(details: &EvaluationDetails<bool>) -> &'static str {
    match details.error_code {
        Some(error) => error.as_str(),
        None => details.reason.as_str(),
    }
}
