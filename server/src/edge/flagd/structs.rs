//! Between `google.protobuf.Struct`, which knows no integers, and values of ours.

use mycelia_flags_core::context::{Context, TARGETING_KEY};
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::{convert, v1};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use tonic::Status;

/// Up to here, in either direction, a float holds every integer exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The context of a call; one that is missing is empty.
pub(super) fn context(wire: Option<Struct>) -> Result<Context, Status> {
    let mut attributes = wire.unwrap_or_default().fields;
    // Python sends null for none.
    let targeting_key = match attributes.remove(TARGETING_KEY).and_then(|value| value.kind) {
        None | Some(Kind::NullValue(_)) => String::new(),
        Some(Kind::StringValue(key)) => key,
        Some(_) => return Err(Status::invalid_argument(format!("context.{TARGETING_KEY}: a string"))),
    };
    let attributes = attributes.into_iter().map(|(name, value)| (name, ours(value))).collect();
    let wire = v1::EvaluationContext { targeting_key, attributes };
    convert::context_from_wire("context", &wire).map_err(|violations| {
        let words = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.allowed));
        Status::invalid_argument(words.collect::<Vec<_>>().join("; "))
    })
}

/// The wire's own value. A number without decimals is an integer: that is what the caller had in its hands.
fn ours(value: prost_types::Value) -> v1::Value {
    use v1::value::Kind as Ours;
    let kind = match value.kind {
        None | Some(Kind::NullValue(_)) => None,
        Some(Kind::BoolValue(value)) => Some(Ours::BooleanValue(value)),
        Some(Kind::NumberValue(number)) => {
            Some(integer(number).map_or(Ours::FloatValue(number), Ours::IntegerValue))
        }
        Some(Kind::StringValue(text)) => Some(Ours::StringValue(text)),
        Some(Kind::ListValue(list)) => {
            Some(Ours::ListValue(v1::ValueList { values: list.values.into_iter().map(ours).collect() }))
        }
        Some(Kind::StructValue(fields)) => Some(Ours::ObjectValue(v1::ValueMap {
            fields: fields.fields.into_iter().map(|(name, value)| (name, ours(value))).collect(),
        })),
    };
    v1::Value { kind }
}

/// The integer that a float is, if it is one.
pub(super) fn integer(number: f64) -> Option<i64> {
    if number.fract() != 0.0 || !(-EXACT..=EXACT).contains(&number) {
        return None;
    }
    // Its decimal form has no point and no exponent, so it is the integer's.
    format!("{number:.0}").parse().ok()
}

/// A number as the struct has it.
#[expect(clippy::cast_precision_loss, reason = "google.protobuf.Struct has no other number")]
pub(super) const fn float(number: i64) -> f64 {
    number as f64
}

/// A value in flagd's words.
pub(super) fn theirs(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Boolean(value) => Kind::BoolValue(*value),
        Value::Integer(number) => Kind::NumberValue(float(*number)),
        Value::Float(number) => Kind::NumberValue(*number),
        Value::String(text) => Kind::StringValue(text.to_string()),
        Value::List(values) => Kind::ListValue(ListValue { values: values.iter().map(theirs).collect() }),
        Value::Object(_) => Kind::StructValue(structure(value)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// An object in flagd's words; anything else is an empty one.
pub(super) fn structure(value: &Value) -> Struct {
    let Value::Object(fields) = value else { return Struct::default() };
    Struct { fields: fields.iter().map(|(name, value)| (name.to_string(), theirs(value))).collect() }
}

/// A struct of these fields.
pub(super) fn fields<const N: usize>(fields: [(&str, prost_types::Value); N]) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_decimals_are_integers_where_that_is_exact() {
        assert_eq!(integer(41.0), Some(41));
        assert_eq!(integer(-0.0), Some(0));
        assert_eq!(integer(EXACT), Some(9_007_199_254_740_992));
        for number in [0.5, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(integer(number), None, "{number}");
        }
    }

    #[test]
    fn a_context_is_read_as_providers_send_it() {
        let null = prost_types::Value { kind: Some(Kind::NullValue(0)) };
        let read = context(Some(fields([(TARGETING_KEY, null)]))).unwrap();
        assert_eq!(read.targeting_key(), None);
        let text = |text: &str| prost_types::Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let number = |number| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        let read = context(Some(fields([(TARGETING_KEY, text("ana")), ("age", number(41.0))]))).unwrap();
        assert_eq!(read.targeting_key(), Some("ana"));
        assert_eq!(read.attributes().collect::<Vec<_>>(), [("age", &Value::Integer(41))]);
        let status = context(Some(fields([(TARGETING_KEY, number(1.0))]))).unwrap_err();
        assert!(status.message().contains("context.targetingKey"), "{status}");
    }
}
