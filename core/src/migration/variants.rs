//! The values of a flag's variants, and their type.

use crate::value::{FlagType, Value};

/// The one type of several values, and the values in it: integers beside floats are floats.
///
/// # Errors
/// When there is no such type, in words.
pub(super) fn typed(values: Vec<Value>) -> Result<(FlagType, Vec<Value>), String> {
    let mut types: Vec<FlagType> = Vec::new();
    for value in &values {
        let Some(flag_type) = value.flag_type() else {
            return Err(format!(
                "the value {value} is neither text, a number, a boolean nor an object; wrap it in an object"
            ));
        };
        if !types.contains(&flag_type) {
            types.push(flag_type);
        }
    }
    types.sort_unstable();
    match types.as_slice() {
        [flag_type] => Ok((*flag_type, values)),
        [FlagType::Integer, FlagType::Float] => {
            Ok((FlagType::Float, values.into_iter().map(float).collect()))
        }
        [] => Err("there are no variants".to_owned()),
        _ => {
            let names: Vec<&str> = types.iter().map(|flag_type| flag_type.as_str()).collect();
            Err(format!(
                "the values are of several types ({}), and a flag here has one; give them one type there",
                names.join(", ")
            ))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "JSON numbers are doubles everywhere else in the field")]
fn float(value: Value) -> Value {
    match value {
        Value::Integer(number) => Value::Float(number as f64),
        other => other,
    }
}
