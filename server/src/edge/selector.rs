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
}
