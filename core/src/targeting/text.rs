//! The operators over texts: `cat`, `substr`, `in`, `starts_with`, `ends_with`, `sem_ver`.

use std::cmp::Ordering;

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::datavalue::NumberValue;
use datalogic_rs::{ArenaExt, DataValue};
use semver::Version;

use super::coercion::{number, strictly_equal, text};
use crate::matcher::version;

/// All texts, one after the other.
pub(super) fn cat<'a>(values: &[&'a DataValue<'a>], arena: &'a Bump) -> &'a DataValue<'a> {
    arena.string(&values.iter().map(|value| text(value)).collect::<String>())
}

/// A part of a text, counted in characters. A negative start counts from the end; a negative length leaves out so many
/// at the end.
pub(super) fn substr<'a>(
    value: &'a DataValue<'a>,
    start: &DataValue<'a>,
    length: Option<&DataValue<'a>>,
    arena: &'a Bump,
) -> &'a DataValue<'a> {
    let whole = if let DataValue::String(text) = value { *text } else { &*arena.alloc_str(&text(value)) };
    let count = whole.chars().count();
    let start = whole_number(start);
    let start = match usize::try_from(start) {
        Ok(start) => start.min(count),
        Err(_) => count.saturating_sub(magnitude(start)),
    };
    let end = match length.map(|length| whole_number(length)) {
        None => count,
        Some(length) => match usize::try_from(length) {
            Ok(length) => start.saturating_add(length).min(count),
            Err(_) => count.saturating_sub(magnitude(length)),
        },
    };
    let at = |index| whole.char_indices().nth(index).map_or(whole.len(), |(at, _)| at);
    arena.alloc(DataValue::String(whole.get(at(start)..at(end)).unwrap_or("")))
}

fn magnitude(negative: i64) -> usize {
    usize::try_from(negative.unsigned_abs()).unwrap_or(usize::MAX)
}

/// A value as an integer: what is after the point is dropped, and what is no number is 0.
fn whole_number(value: &DataValue<'_>) -> i64 {
    match number(value) {
        NumberValue::Integer(number) => number,
        NumberValue::Float(number) if number >= 9.2e18 => i64::MAX,
        NumberValue::Float(number) if number <= -9.2e18 => i64::MIN,
        NumberValue::Float(number) => NumberValue::from_f64(number.trunc()).as_i64().unwrap_or(0),
    }
}

/// Whether a list has an element, or a text a part.
pub(super) fn contains(part: &DataValue<'_>, whole: &DataValue<'_>) -> bool {
    match whole {
        DataValue::Array(values) => values.iter().any(|value| strictly_equal(value, part)),
        DataValue::String(whole) => whole.contains(&text(part)),
        _ => false,
    }
}

/// A comparison of two texts; none of anything else.
pub(super) fn two_texts(values: &[&DataValue<'_>], holds: impl Fn(&str, &str) -> bool) -> Option<bool> {
    match values {
        [DataValue::String(whole), DataValue::String(part)] => Some(holds(whole, part)),
        _ => None,
    }
}

/// A comparison of two versions; none when one of them is no version or the operator is unknown.
pub(super) fn sem_ver(values: &[&DataValue<'_>]) -> Option<bool> {
    let [left, DataValue::String(operator), right] = values else { return None };
    let (left, right) = (version_of(left)?, version_of(right)?);
    let ordering = left.cmp_precedence(&right);
    let is_same_major = left.major == right.major;
    Some(match *operator {
        "=" => ordering == Ordering::Equal,
        "!=" => ordering != Ordering::Equal,
        "<" => ordering == Ordering::Less,
        "<=" => ordering != Ordering::Greater,
        ">" => ordering == Ordering::Greater,
        ">=" => ordering != Ordering::Less,
        "^" => is_same_major,
        "~" => is_same_major && left.minor == right.minor,
        _ => return None,
    })
}

fn version_of(value: &DataValue<'_>) -> Option<Version> {
    match value {
        DataValue::String(text) => version(text),
        DataValue::Number(_) => version(&text(value)),
        _ => None,
    }
}
