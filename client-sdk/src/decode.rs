//! From the bytes of an entry to what can be evaluated. A flag or segment that cannot be read stands in the state as broken: the
//! others are none the worse for it, and the digest covers its bytes all the same.

use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::audiences::CompiledSegment;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::{CompiledFlag, Slot};
use mycelia_flags_core::digest::MemberHash;
use mycelia_flags_core::flag::{EffectiveFlag, Variant};
use mycelia_flags_core::key::{FlagKey, SegmentKey, VariantName};
use mycelia_flags_core::murmur3;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::update::{EntryKey, Member, View};
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::{convert, v1};
use prost::Message as _;

use crate::state::{Content, Entry, Lineage, State};

/// What is needed of the bytes to give even a broken flag or segment its place.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyOnly {
    #[prost(string, tag = "1")]
    key: String,
}

/// Reads one flag. `keep` says whether its bytes are needed later, for the disk.
pub(crate) fn flag(raw: &Bytes, bucketing: Generation, keep: bool) -> Member<Content> {
    let slot = slot(raw, bucketing);
    member(EntryKey::Flag(slot.key().folded()), Entry::Flag(Arc::new(slot)), raw, keep)
}

/// Reads one segment.
pub(crate) fn segment(raw: &Bytes, bucketing: Generation, keep: bool) -> Member<Content> {
    let entry = segment_entry(raw, bucketing);
    let key = match &entry {
        Entry::Segment(segment) => segment.key().clone(),
        Entry::BrokenSegment { key, .. } => key.clone(),
        Entry::Flag(_) | Entry::Canary(_) => SegmentKey::new(&key_of(raw)),
    };
    member(EntryKey::Segment(key), entry, raw, keep)
}

/// Reads the canary switch. One that cannot be read is off: nobody gets what is not meant for everybody.
pub(crate) fn canary(raw: &Bytes, keep: bool) -> Member<Content> {
    let on = v1::Canary::decode(raw.clone()).is_ok_and(|canary| canary.on);
    member(EntryKey::Canary, Entry::Canary(on), raw, keep)
}

fn member(key: EntryKey, entry: Entry, raw: &Bytes, keep: bool) -> Member<Content> {
    // A copy: the bytes as they came are a part of the frame's buffer, and would keep all of it.
    let kept = if keep { Bytes::copy_from_slice(raw) } else { Bytes::new() };
    Member { key, hash: MemberHash::of(raw), content: Arc::new(Content { entry, raw: kept }) }
}

fn segment_entry(raw: &Bytes, bucketing: Generation) -> Entry {
    let broken =
        |why: String| Entry::BrokenSegment { key: SegmentKey::new(&key_of(raw)), why: Box::from(why) };
    let wire = match v1::Segment::decode(raw.clone()) {
        Ok(wire) => wire,
        Err(error) => return broken(error.to_string()),
    };
    let segment = match convert::segment_from_wire(&wire) {
        Ok(segment) => segment,
        Err(error) => return broken(error.to_string()),
    };
    match CompiledSegment::compile(&segment, bucketing) {
        Ok(compiled) => Entry::Segment(Arc::new(compiled)),
        Err(error) => broken(error.to_string()),
    }
}

fn slot(raw: &Bytes, bucketing: Generation) -> Slot {
    let broken = |key: FlagKey, why: String| Slot::Broken { key, why: Box::from(why) };
    let wire = match v1::EffectiveFlag::decode(raw.clone()) {
        Ok(wire) => wire,
        Err(error) => return broken(FlagKey::new(&key_of(raw)), error.to_string()),
    };
    if wire.key.is_empty() {
        return broken(FlagKey::new(&key_of(raw)), "the flag has no key".to_owned());
    }
    let flag = match convert::effective_flag_from_wire(&wire) {
        Ok(flag) => flag,
        Err(error) => return broken(FlagKey::new(&wire.key), error.to_string()),
    };
    match CompiledFlag::compile(&flag, bucketing) {
        Ok(compiled) => Slot::Flag(compiled),
        Err(error) => broken(flag.key, error.to_string()),
    }
}

/// The key, or, when not even that can be read, something that is no name, so that it meets no flag.
fn key_of(raw: &Bytes) -> String {
    match KeyOnly::decode(raw.clone()) {
        Ok(KeyOnly { key }) if !key.is_empty() => key,
        _ => format!("?{:032x}", murmur3::x64_128(raw, 0)),
    }
}

/// A state of flags that give everybody the same value; none when there are none.
///
/// # Errors
/// The first name that is none, or whose value cannot be a flag's.
pub(crate) fn values(values: &[(String, Value)]) -> Result<Option<State>, String> {
    let bucketing = Generation::default();
    let members: Option<Vec<Member<Content>>> =
        values.iter().map(|(key, value)| constant(key, value, bucketing)).collect();
    let Some(members) = members else {
        let wrong = values.iter().find(|(key, value)| constant(key, value, bucketing).is_none());
        return Err(wrong.map_or_else(String::new, |(key, _)| key.clone()));
    };
    if members.is_empty() {
        return Ok(None);
    }
    let view = View::of(Revision::ZERO, members, []);
    Ok(Some(State::of(Lineage::default(), bucketing, Arc::default(), view)))
}

fn constant(key: &str, value: &Value, bucketing: Generation) -> Option<Member<Content>> {
    let key = FlagKey::parse(key).ok()?;
    let name = VariantName::new(match value {
        Value::Boolean(true) => "on",
        Value::Boolean(false) => "off",
        _ => "value",
    });
    let variants = Arc::from([Variant { name: name.clone(), value: value.clone() }]);
    let flag = EffectiveFlag::constant(key, value.flag_type()?, variants, &name);
    let compiled = CompiledFlag::compile(&flag, bucketing).ok()?;
    let raw = convert::effective_flag_to_wire(&flag).encode_to_vec();
    let entry = Entry::Flag(Arc::new(Slot::Flag(compiled)));
    Some(member(EntryKey::Flag(flag.key.folded()), entry, &Bytes::from(raw), true))
}
