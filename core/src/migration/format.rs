//! Whose a document is, by its shape.

use std::collections::BTreeMap;

use crate::value::Value;

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A flag definition file of flagd's.
    Flagd,
    /// An export of Unleash's, or what its client API answers.
    Unleash,
    /// A flag or a list of flags, as LaunchDarkly's REST API answers them.
    LaunchDarkly,
}

/// The document has the shape of none of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an object with `flags` (flagd), `features` (Unleash), or `items`, or `variations` and `environments` \
     (LaunchDarkly)"
)]
pub struct Undetected {
    /// What it has instead.
    pub found: String,
}

/// Recognises a document.
///
/// # Errors
/// When it has the shape of none of the formats.
pub fn detect(document: &Value) -> Result<Format, Undetected> {
    let found = match document {
        Value::Object(fields) => match of_fields(fields) {
            Some(format) => return Ok(format),
            None if fields.is_empty() => "an empty object".to_owned(),
            None => {
                let names: Vec<String> = fields.keys().take(8).map(|name| format!("`{name}`")).collect();
                format!("an object with {}", names.join(", "))
            }
        },
        Value::List(_) => "a list".to_owned(),
        _ => "a plain value".to_owned(),
    };
    Err(Undetected { found })
}

fn of_fields(fields: &BTreeMap<Box<str>, Value>) -> Option<Format> {
    if fields.contains_key("features") || (fields.contains_key("strategies") && fields.contains_key("name")) {
        return Some(Format::Unleash);
    }
    if fields.contains_key("items") || (fields.contains_key("variations") && fields.contains_key("key")) {
        return Some(Format::LaunchDarkly);
    }
    fields.contains_key("flags").then_some(Format::Flagd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(text: &str, expected: Option<Format>) {
        assert_eq!(detect(&json::parse(text).unwrap()).ok(), expected, "{text}");
    }

    #[test]
    fn documents_are_known_by_their_shape() {
        check(r#"{"flags": {}}"#, Some(Format::Flagd));
        check(r#"{"flags": []}"#, Some(Format::Flagd));
        check(r#"{"version": 2, "features": []}"#, Some(Format::Unleash));
        check(r#"{"features": [], "featureStrategies": []}"#, Some(Format::Unleash));
        check(r#"{"items": []}"#, Some(Format::LaunchDarkly));
        check(
            r#"{"key": "a", "kind": "boolean", "variations": [], "environments": {}}"#,
            Some(Format::LaunchDarkly),
        );
        check(r#"{"variations": []}"#, None);
        check("[]", None);
        check("3", None);
    }

    #[test]
    fn what_it_is_instead_is_said() {
        let found = |text: &str| detect(&json::parse(text).unwrap()).unwrap_err().found;
        assert_eq!(found("{}"), "an empty object");
        assert_eq!(found(r#"{"toggles": [], "version": 1}"#), "an object with `toggles`, `version`");
        assert_eq!(found("[]"), "a list");
    }
}
