//! `fractional`: who falls into which entry.

use datalogic_rs::datavalue::NumberValue;
use datalogic_rs::{ArenaExt, DataValue, bumpalo::Bump};

use super::{FLAG_KEY, FLAGD, cbor};
use crate::bucketing::{self, Cumulative, Generation};
use crate::context::TARGETING_KEY;
use crate::murmur3;

/// The seed that every flagd implementation uses.
const SEED: u32 = 0;

/// The variant of the entry that the subject falls into; null when there is no such thing.
pub(super) fn pick<'a>(
    generation: Generation,
    root: &'a DataValue<'a>,
    values: &[&'a DataValue<'a>],
    arena: &'a Bump,
) -> &'a DataValue<'a> {
    picked(generation, root, values).unwrap_or_else(|| arena.null())
}

fn picked<'a>(
    generation: Generation,
    root: &'a DataValue<'a>,
    values: &[&'a DataValue<'a>],
) -> Option<&'a DataValue<'a>> {
    let (hash, entries) = hashed(generation, root, values)?;
    let entries = entries.iter().map(|value| entry(value)).collect::<Option<Vec<_>>>()?;
    let split = Cumulative::new(entries.iter().map(|(_, weight)| *weight))?;
    entries.get(split.pick(hash)).map(|(variant, _)| *variant)
}

/// The hash of what the expression buckets by, and the entries that are left.
fn hashed<'v, 'a>(
    generation: Generation,
    root: &DataValue<'a>,
    values: &'v [&'a DataValue<'a>],
) -> Option<(u32, &'v [&'a DataValue<'a>])> {
    let (first, rest) = values.split_first()?;
    match (generation, first) {
        (Generation::V2, DataValue::String(text)) => Some((murmur3::x86_32(text.as_bytes(), SEED), rest)),
        (Generation::V3, DataValue::Null) => None,
        (Generation::V2, _) | (Generation::V3, DataValue::Array(_)) => {
            let text = |value: Option<&DataValue<'a>>| value.and_then(DataValue::as_str);
            let targeting_key = text(root.get(TARGETING_KEY)).filter(|key| !key.is_empty())?;
            let flag_key = text(root.get(FLAGD).and_then(|flagd| flagd.get(FLAG_KEY)))?;
            Some((bucketing::hash_flag_key(generation, flag_key, targeting_key), values))
        }
        (Generation::V3, plain) => Some((murmur3::x86_32(&cbor::encode(plain), SEED), rest)),
    }
}

/// `[variant]` or `[variant, weight]`. A weight below zero is none, which a rollout computed by others may well have.
fn entry<'a>(value: &'a DataValue<'a>) -> Option<(&'a DataValue<'a>, u32)> {
    let (variant, weight) = match value {
        DataValue::Array([variant]) => (variant, 1),
        DataValue::Array([variant, DataValue::Number(weight)]) => (variant, whole(*weight)?),
        _ => return None,
    };
    let is_plain = !matches!(variant, DataValue::Array(_) | DataValue::Object(_));
    is_plain.then_some((variant, weight))
}

fn whole(weight: NumberValue) -> Option<u32> {
    // Beyond 32 bits the sum is too large anyway.
    weight.as_i64().map(|weight| u32::try_from(weight.max(0)).unwrap_or(u32::MAX))
}
