//! Printing, without spaces and with the fields of objects in the order of their names.

use std::fmt::Write as _;

use crate::number_text::javascript_number;
use crate::value::Value;

/// A value as JSON. JSON has no word for what is not finite; it becomes null.
#[must_use]
pub fn print(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Boolean(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::Float(number) => write_float(*number, text),
        Value::String(string) => write_string(string, text),
        Value::List(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(name, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
    }
}

fn write_float(number: f64, text: &mut String) {
    if !number.is_finite() {
        return text.push_str("null");
    }
    if number == 0.0 && number.is_sign_negative() {
        return text.push_str("-0.0");
    }
    let digits = javascript_number(number);
    text.push_str(&digits);
    // What looks like an integer would be read as one.
    if !digits.contains(['.', 'e']) {
        text.push_str(".0");
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            plain => text.push(plain),
        }
    }
    text.push('"');
}
