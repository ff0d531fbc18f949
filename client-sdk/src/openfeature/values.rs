//! From our values of object flags to OpenFeature's, which know no null.

use mycelia_flags_core::value::Value;
use open_feature::{EvaluationError, EvaluationErrorCode, EvaluationResult, StructValue};

/// An object flag's value. A field that is null is left out, which is how it reads for whoever looks it up.
///
/// # Errors
/// `PARSE_ERROR` when a list holds null: whatever stood in for it, the list would be another one.
pub(super) fn structure(value: &Value) -> EvaluationResult<StructValue> {
    let mut found = StructValue::default();
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            if let Some(value) = theirs(value)? {
                found.add_field(&**name, value);
            }
        }
    }
    Ok(found)
}

fn theirs(value: &Value) -> EvaluationResult<Option<open_feature::Value>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Boolean(value) => open_feature::Value::Bool(*value),
        Value::Integer(number) => open_feature::Value::Int(*number),
        Value::Float(number) => open_feature::Value::Float(*number),
        Value::String(text) => open_feature::Value::String(text.to_string()),
        Value::List(values) => {
            let values = values.iter().map(|value| theirs(value)?.ok_or_else(null_in_list));
            open_feature::Value::Array(values.collect::<EvaluationResult<_>>()?)
        }
        Value::Object(_) => open_feature::Value::Struct(structure(value)?),
    }))
}

fn null_in_list() -> EvaluationError {
    let message =
        "the value has a list with null in it, for which OpenFeature's Rust SDK has no value".to_owned();
    EvaluationError { code: EvaluationErrorCode::ParseError, message: Some(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(json: &str) -> EvaluationResult<StructValue> {
        structure(&mycelia_flags_core::json::parse(json).unwrap())
    }

    #[test]
    fn values_keep_their_types() {
        let inner = StructValue::default().with_field("few", 3).with_field("share", 0.5);
        let expected = StructValue::default().with_field("limits", inner).with_field("tags", vec!["a", "b"]);
        assert_eq!(read(r#"{"limits":{"few":3,"share":0.5,"none":null},"tags":["a","b"]}"#), Ok(expected));
    }

    #[test]
    fn a_null_that_cannot_be_left_out_is_an_error() {
        let error = read(r#"{"tags":["a",null]}"#).unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::ParseError);
    }
}
