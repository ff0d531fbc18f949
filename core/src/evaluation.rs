//! The answer of an evaluation, in OpenFeature's words.

use std::fmt;

use crate::flag::Variant;

/// Why a variant was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResolutionReason {
    /// The flag has no rules and one variant to serve: everybody gets this.
    Static,
    /// No rule matched.
    Default,
    /// A rule matched.
    TargetingMatch,
    /// A share of the subjects gets this, and not all of them.
    Split,
    /// The flag is disabled.
    Disabled,
    /// Another flag does not serve what this one needs.
    PrerequisiteFailed,
}

impl ResolutionReason {
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
        }
    }
}

/// Why there is no value, or why another one than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// There is no such flag.
    FlagNotFound,
    /// The flag has another type than the caller asked for.
    TypeMismatch,
    /// The flag cannot be evaluated by this version of the code.
    ParseError,
    /// A split found no targeting key; the default variant stands in.
    TargetingKeyMissing,
    /// The context cannot be used.
    InvalidContext,
    /// No state has arrived yet.
    ProviderNotReady,
    /// Anything else.
    General,
}

impl ErrorCode {
    /// OpenFeature's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::ParseError => "PARSE_ERROR",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::ProviderNotReady => "PROVIDER_NOT_READY",
            Self::General => "GENERAL",
        }
    }
}

impl fmt::Display for ResolutionReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a flag decided for a context. Borrows from the flag: an evaluation allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution<'f> {
    /// The variant that is served.
    pub variant: &'f Variant,
    /// Its place among the flag's variants, from 0.
    pub ordinal: u32,
    /// Why.
    pub reason: ResolutionReason,
    /// Set when the default variant had to stand in.
    pub error: Option<ErrorCode>,
}
