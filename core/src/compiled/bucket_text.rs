//! What a value is hashed as when a split buckets by an attribute: the text that JSONLogic's `cat` makes of it.

use crate::number_text::javascript_number;
use crate::value::Value;

/// A value as `cat` prints it; lists and objects identify nobody.
pub(crate) fn bucket_text(value: &Value) -> Option<String> {
    match value {
        Value::Boolean(value) => Some(value.to_string()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Float(value) => Some(javascript_number(*value)),
        Value::String(value) => Some(value.to_string()),
        Value::Null | Value::List(_) | Value::Object(_) => None,
    }
}
