//! Values, and the contexts that are made of them.

use mycelia_flags_core::context::Context;
use mycelia_flags_core::limits::VALUE_DEPTH_MAX;
use mycelia_flags_core::rejection::Violation;
use mycelia_flags_core::value::Value;

use super::fault::{Faults, Noted, Path, WireError, violations_of};
use crate::v1;
use crate::v1::value::Kind;

/// Attributes of a context. A subject has a handful; each rule looks its attributes up in a list of these.
pub const CONTEXT_ATTRIBUTES_MAX: usize = 500;

/// Bytes of a context. A context is copied and searched on every evaluation, and is no place for documents.
pub const CONTEXT_BYTES_MAX: usize = 64 * 1024;

/// The wire's value.
#[must_use]
pub fn value_to_wire(value: &Value) -> v1::Value {
    let kind = match value {
        Value::Null => None,
        Value::Boolean(value) => Some(Kind::BooleanValue(*value)),
        Value::Integer(number) => Some(Kind::IntegerValue(*number)),
        Value::Float(number) => Some(Kind::FloatValue(*number)),
        Value::String(text) => Some(Kind::StringValue(text.to_string())),
        Value::List(values) => {
            Some(Kind::ListValue(v1::ValueList { values: values.iter().map(value_to_wire).collect() }))
        }
        Value::Object(fields) => Some(Kind::ObjectValue(v1::ValueMap {
            fields: fields.iter().map(|(name, value)| (name.to_string(), value_to_wire(value))).collect(),
        })),
    };
    v1::Value { kind }
}

/// The core's value; one without a kind is null.
///
/// # Errors
/// When it is nested too deeply.
pub fn value_from_wire(field: &str, wire: &v1::Value) -> Result<Value, Vec<Violation>> {
    violations_of(field, |path, faults| value(path, wire, faults))
}

/// The wire's context.
#[must_use]
pub fn context_to_wire(context: &Context) -> v1::EvaluationContext {
    v1::EvaluationContext {
        targeting_key: context.targeting_key().unwrap_or_default().to_owned(),
        attributes: context
            .attributes()
            .map(|(name, value)| (name.to_owned(), value_to_wire(value)))
            .collect(),
    }
}

/// The core's context; an empty one is anonymous.
///
/// # Errors
/// When it is too large, nested too deeply, or holds a number that is not finite.
pub fn context_from_wire(field: &str, wire: &v1::EvaluationContext) -> Result<Context, Vec<Violation>> {
    violations_of(field, |path, faults| context(path, wire, faults))
}

fn context(path: &Path<'_>, wire: &v1::EvaluationContext, faults: &mut Faults) -> Result<Context, Noted> {
    let attributes = path.field("attributes");
    faults.count(&attributes, wire.attributes.len(), CONTEXT_ATTRIBUTES_MAX)?;
    let mut context = Context::new(&wire.targeting_key);
    let mut bytes = wire.targeting_key.len();
    for (name, wire) in &wire.attributes {
        let path = attributes.key(name);
        // Noted already, and the other attributes may be wrong too.
        let Ok(value) = value(&path, wire, faults) else {
            continue;
        };
        if !value.is_finite() {
            faults.note(WireError::NotFinite { field: path.to_string() });
        }
        bytes = bytes.saturating_add(name.len()).saturating_add(value.size());
        context.set(name, value);
    }
    if bytes > CONTEXT_BYTES_MAX {
        faults.note(WireError::TooLarge { field: path.to_string(), bytes, bytes_max: CONTEXT_BYTES_MAX });
    }
    Ok(context)
}

/// Converts a value, or notes that it is too deep.
pub(super) fn value(path: &Path<'_>, wire: &v1::Value, faults: &mut Faults) -> Result<Value, Noted> {
    if is_deeper_than(wire, VALUE_DEPTH_MAX) {
        return Err(faults.note(WireError::TooDeep { field: path.to_string(), levels_max: VALUE_DEPTH_MAX }));
    }
    Ok(bounded(wire))
}

/// Looks no deeper than it has to: the value may come from a decoder without a limit of its own.
fn is_deeper_than(wire: &v1::Value, levels: usize) -> bool {
    match &wire.kind {
        Some(Kind::ListValue(list)) => levels
            .checked_sub(1)
            .is_none_or(|left| list.values.iter().any(|value| is_deeper_than(value, left))),
        Some(Kind::ObjectValue(map)) => levels
            .checked_sub(1)
            .is_none_or(|left| map.fields.values().any(|value| is_deeper_than(value, left))),
        _ => false,
    }
}

/// Converts a value whose depth is known to be bounded.
fn bounded(wire: &v1::Value) -> Value {
    match &wire.kind {
        None => Value::Null,
        Some(Kind::BooleanValue(value)) => Value::Boolean(*value),
        Some(Kind::IntegerValue(number)) => Value::Integer(*number),
        Some(Kind::FloatValue(number)) => Value::Float(*number),
        Some(Kind::StringValue(text)) => Value::string(text),
        Some(Kind::ListValue(list)) => Value::List(list.values.iter().map(bounded).collect()),
        Some(Kind::ObjectValue(map)) => Value::Object(
            map.fields.iter().map(|(name, value)| (Box::from(name.as_str()), bounded(value))).collect(),
        ),
    }
}
