//! What chooses an environment for callers that know flagd's words: there a set of flags, `flagSetId=ENVIRONMENT`.

use mycelia_flags_core::snapshot::Snapshot;

use super::callers::Callers;

/// The header, and the gRPC metadata, that a selector stands in.
pub const SELECTOR: &str = "flagd-selector";

/// The header, and the gRPC metadata, that says which service asks, so that its overrides hold and it sees what it may see.
pub const SERVICE: &str = "mycelia-service";

/// The environment that a selector names; none where it chooses nothing.
///
/// # Errors
/// In words, when it is no selector that we know.
pub fn flag_set(selector: &str) -> Result<Option<&str>, String> {
    let selector = selector.trim();
    match selector.split_once('=') {
        _ if selector.is_empty() => Ok(None),
        Some(("flagSetId", name)) => Ok(Some(name)),
        _ => Err(format!("invalid selector: {selector:?}; flagSetId=ENVIRONMENT, or none")),
    }
}

/// The environment that the header of a call names and another place of it, of which each may name none.
///
/// # Errors
/// In words, when they name two: which one is meant is not guessed.
pub fn agreed<'n>(
    header: Option<&'n str>,
    other: Option<&'n str>,
    place: &str,
) -> Result<Option<&'n str>, String> {
    match (header, other) {
        (Some(header), Some(other)) if header != other => Err(format!(
            "the header {SELECTOR} (or the token) is for {header:?}, and {place} for {other:?}: name one environment"
        )),
        (header, other) => Ok(header.or(other)),
    }
}

/// Why there is no such environment, in words.
#[must_use]
pub fn unknown(name: &str, snapshot: &Snapshot, callers: &Callers) -> String {
    format!("flagSetId {name:?} is no environment; one of {}", callers.environments(snapshot).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_an_environment() {
        assert_eq!(flag_set(""), Ok(None));
        assert_eq!(flag_set("flagSetId=staging"), Ok(Some("staging")));
        for selector in ["staging", "source=flags.json", "flagSetId"] {
            assert!(flag_set(selector).unwrap_err().contains(selector));
        }
    }

    #[test]
    fn a_call_names_one_environment() {
        assert_eq!(agreed(None, None, "the field"), Ok(None));
        assert_eq!(agreed(Some("staging"), None, "the field"), Ok(Some("staging")));
        assert_eq!(agreed(None, Some("staging"), "the field"), Ok(Some("staging")));
        assert_eq!(agreed(Some("staging"), Some("staging"), "the field"), Ok(Some("staging")));
        let words = agreed(Some("staging"), Some("production"), "the field").unwrap_err();
        assert!(["the field", "staging", "production"].iter().all(|part| words.contains(part)), "{words}");
    }
}
