//! `var`, `missing` and `missing_some`: paths into the data of a frame.

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::datavalue::NumberValue;
use datalogic_rs::{ArenaExt, DataValue};

use super::coercion::{compare_numbers, number, text};

/// What a path leads to; the default when that is nothing or null. No path, or an empty one, is the frame itself.
pub(super) fn get<'a>(
    frame: &'a DataValue<'a>,
    path: &DataValue<'a>,
    default: &'a DataValue<'a>,
    arena: &'a Bump,
) -> &'a DataValue<'a> {
    let whole;
    let path = match path {
        DataValue::Null | DataValue::String("") => return frame,
        DataValue::String(path) => *path,
        other => {
            whole = text(other);
            &whole
        }
    };
    let found = path.split('.').try_fold(frame, |value, name| step(value, name, arena));
    found.filter(|value| !value.is_null()).unwrap_or(default)
}

fn step<'a>(value: &'a DataValue<'a>, name: &str, arena: &'a Bump) -> Option<&'a DataValue<'a>> {
    match value {
        // The last of several fields of one name counts, as in every parser of the cores.
        DataValue::Object(fields) => {
            fields.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
        }
        DataValue::Array(values) if name == "length" => Some(length(values.len(), arena)),
        DataValue::Array(values) => values.get(index(name)?),
        DataValue::String(text) if name == "length" => Some(length(text.chars().count(), arena)),
        DataValue::String(text) => {
            let (at, character) = text.char_indices().nth(index(name)?)?;
            let character = text.get(at..at + character.len_utf8())?;
            Some(arena.alloc(DataValue::String(character)))
        }
        DataValue::Null | DataValue::Bool(_) | DataValue::Number(_) => None,
    }
}

fn length(length: usize, arena: &Bump) -> &DataValue<'_> {
    arena.i64(i64::try_from(length).unwrap_or(i64::MAX))
}

/// An index as JavaScript knows it: `01` and `+1` are names.
fn index(name: &str) -> Option<usize> {
    let index: usize = name.parse().ok()?;
    (index.to_string() == name).then_some(index)
}

/// Those of the paths that lead to nothing, null or an empty text.
pub(super) fn missing<'a>(
    frame: &'a DataValue<'a>,
    paths: &[DataValue<'a>],
    arena: &'a Bump,
) -> Vec<DataValue<'a>> {
    let is_missing = |path: &&DataValue<'a>| {
        matches!(get(frame, path, arena.null(), arena), DataValue::Null | DataValue::String(""))
    };
    paths.iter().filter(is_missing).copied().collect()
}

/// Nothing when so many of the paths lead somewhere, else those that do not.
pub(super) fn missing_some<'a>(
    frame: &'a DataValue<'a>,
    wanted: &DataValue<'a>,
    paths: &[DataValue<'a>],
    arena: &'a Bump,
) -> Vec<DataValue<'a>> {
    let missing = missing(frame, paths, arena);
    let present = i64::try_from(paths.len() - missing.len()).unwrap_or(i64::MAX);
    let enough = compare_numbers(NumberValue::Integer(present), number(wanted));
    if enough.is_some_and(std::cmp::Ordering::is_ge) { Vec::new() } else { missing }
}
