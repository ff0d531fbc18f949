//! What JavaScript makes of a value where another kind is wanted, and how it compares. Every value has an answer.

use std::cmp::Ordering;

use datalogic_rs::DataValue;
use datalogic_rs::datavalue::NumberValue;

use crate::number_text::javascript_number;
use crate::value::Number;

/// A value as a number; NaN when it is none.
pub(super) fn number(value: &DataValue<'_>) -> NumberValue {
    match value {
        DataValue::Null => NumberValue::Integer(0),
        DataValue::Bool(truth) => NumberValue::Integer(i64::from(*truth)),
        DataValue::Number(number) => *number,
        DataValue::String(text) => number_in(text),
        DataValue::Array(_) => number_in(&text(value)),
        DataValue::Object(_) => NumberValue::Float(f64::NAN),
    }
}

fn number_in(text: &str) -> NumberValue {
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    if text.is_empty() {
        return NumberValue::Integer(0);
    }
    let radix = |prefixes: [&str; 2], radix| {
        let digits = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))?;
        digits.starts_with(char::is_alphanumeric).then(|| i64::from_str_radix(digits, radix).ok())?
    };
    let integer = text.parse().ok();
    let integer = integer.or_else(|| radix(["0x", "0X"], 16));
    let integer = integer.or_else(|| radix(["0o", "0O"], 8)).or_else(|| radix(["0b", "0B"], 2));
    if let Some(integer) = integer {
        return NumberValue::Integer(integer);
    }
    match text {
        "Infinity" | "+Infinity" => return NumberValue::Float(f64::INFINITY),
        "-Infinity" => return NumberValue::Float(f64::NEG_INFINITY),
        _ => {}
    }
    // Rust reads words such as "inf" and "nan" as numbers, JavaScript does not.
    let is_decimal =
        text.chars().all(|character| matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
    NumberValue::from_f64(text.parse().ok().filter(|_| is_decimal).unwrap_or(f64::NAN))
}

/// A value as text.
pub(super) fn text(value: &DataValue<'_>) -> String {
    match value {
        DataValue::Null => "null".to_owned(),
        DataValue::Bool(truth) => truth.to_string(),
        DataValue::Number(NumberValue::Integer(number)) => number.to_string(),
        DataValue::Number(NumberValue::Float(number)) => javascript_number(*number),
        DataValue::String(text) => (*text).to_owned(),
        DataValue::Array(values) => {
            let element = |value: &DataValue<'_>| if value.is_null() { String::new() } else { text(value) };
            values.iter().map(element).collect::<Vec<_>>().join(",")
        }
        DataValue::Object(_) => "[object Object]".to_owned(),
    }
}

/// Which number is greater; none when one of them is NaN. Two integers are compared exactly.
pub(super) fn compare_numbers(left: NumberValue, right: NumberValue) -> Option<Ordering> {
    let ours = |number| match number {
        NumberValue::Integer(number) => Number::Integer(number),
        NumberValue::Float(number) => Number::Float(number),
    };
    ours(left).compare(ours(right))
}

/// `<` and its like: two texts as texts, anything else as numbers.
pub(super) fn compare(left: &DataValue<'_>, right: &DataValue<'_>) -> Option<Ordering> {
    match (left, right) {
        (DataValue::String(left), DataValue::String(right)) => Some(left.cmp(right)),
        (DataValue::String(_) | DataValue::Array(_), DataValue::String(_) | DataValue::Array(_)) => {
            Some(text(left).cmp(&text(right)))
        }
        _ => compare_numbers(number(left), number(right)),
    }
}

/// `===`. Lists and objects are equal by content: there is no identity in JSON.
pub(super) fn strictly_equal(left: &DataValue<'_>, right: &DataValue<'_>) -> bool {
    match (left, right) {
        (DataValue::Null, DataValue::Null) => true,
        (DataValue::Bool(left), DataValue::Bool(right)) => left == right,
        (DataValue::String(left), DataValue::String(right)) => left == right,
        (DataValue::Number(left), DataValue::Number(right)) => {
            compare_numbers(*left, *right) == Some(Ordering::Equal)
        }
        (DataValue::Array(left), DataValue::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(*right).all(|(left, right)| strictly_equal(left, right))
        }
        (DataValue::Object(left), DataValue::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    let same = right.iter().find(|(known, _)| known == name);
                    same.is_some_and(|(_, right)| strictly_equal(left, right))
                })
        }
        _ => false,
    }
}

/// `==`. Unlike in JavaScript null equals 0 and false, because it does so in both cores.
pub(super) fn loosely_equal(left: &DataValue<'_>, right: &DataValue<'_>) -> bool {
    let is_plain = |value: &DataValue<'_>| matches!(value, DataValue::Number(_) | DataValue::Bool(_));
    let is_container = |value: &DataValue<'_>| matches!(value, DataValue::Array(_) | DataValue::Object(_));
    if left.is_string() && is_container(right) || is_container(left) && right.is_string() {
        return text(left) == text(right);
    }
    if is_plain(left) && is_container(right) || is_container(left) && is_plain(right) {
        return compare_numbers(number(left), number(right)) == Some(Ordering::Equal);
    }
    if is_plain(left) || is_plain(right) {
        return compare_numbers(number(left), number(right)) == Some(Ordering::Equal);
    }
    strictly_equal(left, right)
}
