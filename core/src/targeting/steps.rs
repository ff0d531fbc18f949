//! How much an evaluation may still do.
//!
//! Whatever goes through a value is paid for before it begins, by the size of the value. That bounds time and memory,
//! and how deep the going through can recurse: `reduce` can wrap a list around its accumulator each time.
//!
//! The library gives its operators no place for the state of an evaluation, so the count stands beside the thread:
//! an evaluation never leaves its own.

use std::cell::Cell;

use datalogic_rs::{DataValue, Error, Result};

use crate::limits::{TARGETING_STEPS_MAX, TARGETING_VALUE_DEPTH_MAX};

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Bytes of text that cost as much as an operator.
const BYTES_PER_STEP: usize = 16;

/// Grants an evaluation its steps.
pub(super) fn begin() {
    LEFT.set(TARGETING_STEPS_MAX);
}

/// Takes steps.
pub(super) fn spend(steps: usize) -> Result<()> {
    let left = u32::try_from(steps).ok().and_then(|steps| LEFT.get().checked_sub(steps));
    LEFT.set(left.unwrap_or(0));
    left.map(|_| ()).ok_or_else(|| Error::custom_message("too many steps"))
}

/// Takes what it costs to go through values.
pub(super) fn spend_on<'v>(values: impl IntoIterator<Item = &'v DataValue<'v>>) -> Result<()> {
    values.into_iter().try_for_each(|value| spend_within(value, 0))
}

fn spend_within(value: &DataValue<'_>, depth: usize) -> Result<()> {
    if depth > TARGETING_VALUE_DEPTH_MAX {
        return Err(Error::custom_message("too many levels"));
    }
    match value {
        DataValue::Null | DataValue::Bool(_) | DataValue::Number(_) => spend(1),
        DataValue::String(text) => spend(1 + text.len() / BYTES_PER_STEP),
        DataValue::Array(values) => {
            spend(1)?;
            values.iter().try_for_each(|value| spend_within(value, depth + 1))
        }
        DataValue::Object(fields) => {
            spend(1)?;
            fields.iter().try_for_each(|(_, value)| spend_within(value, depth + 1))
        }
    }
}
