//! `$evaluators`: expressions with names, and the `$ref`s that stand for them.

use std::collections::BTreeMap;

use crate::limits::TARGETING_BYTES_MAX;
use crate::value::Value;

/// What stands for an evaluator.
const REF: &str = "$ref";
/// Bytes that one expression may grow to, roughly. It has as many levels of room as it needs to be refused for its size
/// by name, when it is compiled.
const BYTES_MAX: usize = 4 * TARGETING_BYTES_MAX;

/// A `$ref` that cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The document has no such evaluator.
    #[error("there is no evaluator {name}")]
    Unknown {
        /// The name.
        name: Box<str>,
    },
    /// With all evaluators in their places it is too large.
    #[error("with its evaluators the expression is larger than {BYTES_MAX} bytes")]
    Size,
}

/// The expression with each `{"$ref": name}` replaced by the evaluator of that name. As in flagd, an evaluator refers to
/// no other one: what stands in it stays.
///
/// # Errors
/// When there is no such evaluator, or the expression grows too large.
pub fn substitute(expression: &Value, evaluators: &BTreeMap<Box<str>, Value>) -> Result<Value, Unresolved> {
    replace(expression, evaluators, &mut BYTES_MAX.clone())
}

fn replace(
    expression: &Value,
    evaluators: &BTreeMap<Box<str>, Value>,
    left: &mut usize,
) -> Result<Value, Unresolved> {
    match expression {
        Value::Object(fields) => match (fields.len(), fields.get(REF)) {
            (1, Some(Value::String(name))) => {
                let evaluator =
                    evaluators.get(name).ok_or_else(|| Unresolved::Unknown { name: name.clone() })?;
                *left = left.checked_sub(evaluator.size()).ok_or(Unresolved::Size)?;
                Ok(evaluator.clone())
            }
            _ => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, value)| Ok((name.clone(), replace(value, evaluators, left)?)));
                fields.collect::<Result<_, _>>().map(Value::Object)
            }
        },
        Value::List(values) => {
            let values = values.iter().map(|value| replace(value, evaluators, left));
            values.collect::<Result<_, _>>().map(Value::List)
        }
        plain => Ok(plain.clone()),
    }
}
