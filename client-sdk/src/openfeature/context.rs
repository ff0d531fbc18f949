//! From OpenFeature's evaluation context to ours.

use std::any::Any;
use std::collections::BTreeMap;

use mycelia_flags_core::context::{Context, TARGETING_KEY};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::v1::value::Kind;
use mycelia_flags_proto::{convert, v1};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue, EvaluationError, EvaluationErrorCode, EvaluationResult,
    StructValue,
};

/// The same subject, for this SDK's own calls ([`Client::track`](crate::Client::track) and the like).
///
/// A date becomes text (RFC 3339, in UTC), as it does for every provider that speaks JSON. A structure is whatever its
/// caller put into it, so it must be of a type that is known here: [`StructValue`] or [`open_feature::Value`], which nest, a
/// `Vec` of the latter, or this SDK's [`Value`].
///
/// # Errors
/// `INVALID_CONTEXT`, with all that is wrong: a structure of another type, a number that is none, or more than the server
/// would take of anybody.
pub fn context(from: &EvaluationContext) -> EvaluationResult<Context> {
    let mut faults = Vec::new();
    let mut wire = v1::EvaluationContext {
        targeting_key: from.targeting_key.clone().unwrap_or_default(),
        ..v1::EvaluationContext::default()
    };
    let fields: BTreeMap<&String, &EvaluationContextFieldValue> = from.custom_fields.iter().collect();
    for (name, value) in fields {
        match (name.as_str(), value) {
            (TARGETING_KEY, EvaluationContextFieldValue::String(key)) => {
                // The SDK has a place of its own for it, which wins.
                if from.targeting_key.is_none() {
                    wire.targeting_key.clone_from(key);
                }
            }
            (TARGETING_KEY, _) => faults.push(format!("context.{TARGETING_KEY}: a string")),
            (name, value) => match attribute(value) {
                Some(value) => drop(wire.attributes.insert(name.to_owned(), value)),
                None => faults.push(format!("context.{name}: {STRUCTURES}")),
            },
        }
    }
    match convert::context_from_wire("context", &wire) {
        Ok(context) if faults.is_empty() => Ok(context),
        Ok(_) => Err(refused(&faults)),
        Err(violations) => {
            let words =
                violations.iter().map(|violation| format!("{}: {}", violation.field, violation.allowed));
            faults.extend(words);
            Err(refused(&faults))
        }
    }
}

const STRUCTURES: &str = "a structure of type open_feature::StructValue, open_feature::Value, \
                          Vec<open_feature::Value> or mycelia_flags_sdk::Value";

fn refused(faults: &[String]) -> EvaluationError {
    EvaluationError { code: EvaluationErrorCode::InvalidContext, message: Some(faults.join("; ")) }
}

fn attribute(value: &EvaluationContextFieldValue) -> Option<v1::Value> {
    let kind = match value {
        EvaluationContextFieldValue::Bool(value) => Kind::BooleanValue(*value),
        EvaluationContextFieldValue::Int(number) => Kind::IntegerValue(*number),
        EvaluationContextFieldValue::Float(number) => Kind::FloatValue(*number),
        EvaluationContextFieldValue::String(text) => Kind::StringValue(text.clone()),
        EvaluationContextFieldValue::DateTime(moment) => {
            let micros = i64::try_from(moment.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
            Kind::StringValue(Timestamp::from_unix_micros(micros).to_string())
        }
        EvaluationContextFieldValue::Struct(any) => return structure(&**any),
    };
    Some(v1::Value { kind: Some(kind) })
}

fn structure(any: &(dyn Any + Send + Sync)) -> Option<v1::Value> {
    if let Some(fields) = any.downcast_ref::<StructValue>() {
        return Some(object(fields));
    }
    if let Some(value) = any.downcast_ref::<open_feature::Value>() {
        return Some(nested(value));
    }
    if let Some(values) = any.downcast_ref::<Vec<open_feature::Value>>() {
        return Some(list(values));
    }
    any.downcast_ref::<Value>().map(convert::value_to_wire)
}

fn nested(value: &open_feature::Value) -> v1::Value {
    let kind = match value {
        open_feature::Value::Bool(value) => Kind::BooleanValue(*value),
        open_feature::Value::Int(number) => Kind::IntegerValue(*number),
        open_feature::Value::Float(number) => Kind::FloatValue(*number),
        open_feature::Value::String(text) => Kind::StringValue(text.clone()),
        open_feature::Value::Array(values) => return list(values),
        open_feature::Value::Struct(fields) => return object(fields),
    };
    v1::Value { kind: Some(kind) }
}

fn list(values: &[open_feature::Value]) -> v1::Value {
    let values = values.iter().map(nested).collect();
    v1::Value { kind: Some(Kind::ListValue(v1::ValueList { values })) }
}

fn object(from: &StructValue) -> v1::Value {
    let fields = from.fields.iter().map(|(name, value)| (name.clone(), nested(value))).collect();
    v1::Value { kind: Some(Kind::ObjectValue(v1::ValueMap { fields })) }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::context::{Found, Path};

    use super::*;

    #[test]
    fn structures_nest_and_keep_their_types() {
        let account = StructValue::default()
            .with_field("plan", "pro")
            .with_field("seats", vec![1, 2])
            .with_field("owner", StructValue::default().with_field("age", 41));
        let from = EvaluationContext::default()
            .with_targeting_key("ana")
            .with_custom_field("beta", true)
            .with_custom_field("score", 0.5)
            .with_custom_field("account", EvaluationContextFieldValue::new_struct(account))
            .with_custom_field("ours", EvaluationContextFieldValue::new_struct(Value::Integer(7)));
        let read = context(&from).unwrap();
        assert_eq!(read.targeting_key(), Some("ana"));
        let at = |path: &str| Path::parse(path).find(&read);
        assert_eq!(at("account.plan"), Some(Found::Text("pro")));
        assert_eq!(at("account.owner.age"), Some(Found::Value(&Value::Integer(41))));
        assert_eq!(at("beta"), Some(Found::Value(&Value::Boolean(true))));
        assert_eq!(at("score"), Some(Found::Value(&Value::Float(0.5))));
        assert_eq!(at("ours"), Some(Found::Value(&Value::Integer(7))));
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let from = EvaluationContext::default()
            .with_custom_field(TARGETING_KEY, 7)
            .with_custom_field("share", f64::NAN)
            .with_custom_field("who", EvaluationContextFieldValue::new_struct(String::new()));
        let error = context(&from).unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::InvalidContext);
        let words = error.message.unwrap();
        for part in ["context.targetingKey: a string", "share", "context.who: a structure of type"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }

    #[test]
    fn a_targeting_key_among_the_fields_is_one_unless_there_is_another() {
        let from = EvaluationContext::default().with_custom_field(TARGETING_KEY, "bob");
        assert_eq!(context(&from).unwrap().targeting_key(), Some("bob"));
        let from = from.with_targeting_key("ana");
        assert_eq!(context(&from).unwrap().targeting_key(), Some("ana"));
        assert_eq!(context(&EvaluationContext::default()).unwrap().targeting_key(), None);
    }
}
