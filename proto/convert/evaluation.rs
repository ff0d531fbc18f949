//! The answers of evaluations. They only leave the server, so there is no way back.

use mycelia_flags_core::evaluation::{ErrorCode, Resolution, ResolutionReason};
use mycelia_flags_core::key::FlagKey;

use super::value::value_to_wire;
use crate::v1;

/// The wire's answer for a flag that decided.
#[must_use]
pub fn evaluation_to_wire(flag: &FlagKey, resolution: &Resolution<'_>) -> v1::Evaluation {
    let error = resolution.error;
    v1::Evaluation {
        flag: flag.as_str().to_owned(),
        value: Some(value_to_wire(&resolution.variant.value)),
        variant: resolution.variant.name.as_str().to_owned(),
        reason: reason_to_wire(resolution.reason).into(),
        error_code: error.map_or(v1::ErrorCode::Unspecified, error_code_to_wire).into(),
        error_message: error.map_or_else(String::new, |code| words(code).to_owned()),
    }
}

/// The wire's answer where there is no value; `flag` is the key as it was asked for.
#[must_use]
pub fn evaluation_error_to_wire(flag: &str, code: ErrorCode) -> v1::Evaluation {
    v1::Evaluation {
        flag: flag.to_owned(),
        value: None,
        variant: String::new(),
        reason: v1::Reason::Error.into(),
        error_code: error_code_to_wire(code).into(),
        error_message: words(code).to_owned(),
    }
}

/// The wire's reason.
#[must_use]
pub const fn reason_to_wire(reason: ResolutionReason) -> v1::Reason {
    match reason {
        ResolutionReason::Static => v1::Reason::Static,
        ResolutionReason::Default => v1::Reason::Default,
        ResolutionReason::TargetingMatch => v1::Reason::TargetingMatch,
        ResolutionReason::Split => v1::Reason::Split,
        ResolutionReason::Disabled => v1::Reason::Disabled,
        ResolutionReason::PrerequisiteFailed => v1::Reason::PrerequisiteFailed,
    }
}

/// The wire's error code. A server that answers is ready, so the wire has no word for a provider that is not.
#[must_use]
pub const fn error_code_to_wire(code: ErrorCode) -> v1::ErrorCode {
    match code {
        ErrorCode::FlagNotFound => v1::ErrorCode::FlagNotFound,
        ErrorCode::TypeMismatch => v1::ErrorCode::TypeMismatch,
        ErrorCode::ParseError => v1::ErrorCode::ParseError,
        ErrorCode::TargetingKeyMissing => v1::ErrorCode::TargetingKeyMissing,
        ErrorCode::InvalidContext => v1::ErrorCode::InvalidContext,
        ErrorCode::ProviderNotReady | ErrorCode::General => v1::ErrorCode::General,
    }
}

const fn words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::FlagNotFound => "there is no such flag in this environment",
        ErrorCode::TypeMismatch => "the flag has another type",
        ErrorCode::ParseError => "the flag cannot be evaluated by this version of the server",
        ErrorCode::TargetingKeyMissing => {
            "the context lacks what the split buckets by: the default variant is served"
        }
        ErrorCode::InvalidContext => "the context cannot be used",
        ErrorCode::ProviderNotReady => "no state has arrived yet",
        ErrorCode::General => "the evaluation failed",
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::flag::Variant;
    use mycelia_flags_core::key::VariantName;
    use mycelia_flags_core::value::Value;

    use super::*;

    #[test]
    fn a_stand_in_has_a_value_and_an_error() {
        let variant = Variant { name: VariantName::new("on"), value: Value::Boolean(true) };
        let resolution = Resolution {
            variant: &variant,
            ordinal: 0,
            reason: ResolutionReason::Default,
            error: Some(ErrorCode::TargetingKeyMissing),
        };
        let wire = evaluation_to_wire(&FlagKey::new("oracle.chat"), &resolution);
        assert_eq!(wire.flag, "oracle.chat");
        assert_eq!(wire.value, Some(value_to_wire(&Value::Boolean(true))));
        assert_eq!(wire.variant, "on");
        assert_eq!(wire.reason(), v1::Reason::Default);
        assert_eq!(wire.error_code(), v1::ErrorCode::TargetingKeyMissing);
        assert!(!wire.error_message.is_empty());
    }

    #[test]
    fn the_wire_calls_a_reason_what_the_core_calls_it() {
        for reason in [
            ResolutionReason::Static,
            ResolutionReason::Default,
            ResolutionReason::TargetingMatch,
            ResolutionReason::Split,
            ResolutionReason::Disabled,
            ResolutionReason::PrerequisiteFailed,
        ] {
            assert_eq!(reason_to_wire(reason).as_str_name(), format!("REASON_{reason}"));
        }
    }

    #[test]
    fn an_error_has_no_value() {
        let wire = evaluation_error_to_wire("nowhere", ErrorCode::FlagNotFound);
        assert_eq!((wire.value.as_ref(), wire.variant.as_str()), (None, ""));
        assert_eq!(wire.reason(), v1::Reason::Error);
        assert_eq!(wire.error_code(), v1::ErrorCode::FlagNotFound);
    }
}
