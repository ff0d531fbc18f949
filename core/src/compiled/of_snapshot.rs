//! What a snapshot says of one environment, compiled.

use std::sync::Arc;

use super::{CompiledFlag, CompiledSet, Slot};
use crate::audiences::{Audiences, CompiledSegment};
use crate::key::{EnvironmentKey, FoldedKey, SegmentKey};
use crate::snapshot::Snapshot;

/// Everything that an environment evaluates: its flags, segments, lists and canary mode. With a service, only what that
/// service may evaluate is found by key.
#[must_use]
pub fn compiled(snapshot: &Snapshot, environment: &EnvironmentKey, service: Option<&str>) -> CompiledSet {
    let mut set = service.map_or_else(CompiledSet::default, CompiledSet::of_service);
    for (flag, _) in snapshot.flags() {
        if let Some(slot) = slot(snapshot, environment, flag) {
            set.insert(slot);
        }
    }
    let audiences = set.audiences_mut();
    for segment in snapshot.segments(environment) {
        set_segment(audiences, snapshot, environment, &segment.key);
    }
    for (list, keys) in snapshot.lists(environment) {
        audiences.set_list(list, keys.clone());
    }
    audiences.switch_canary(snapshot.canary(environment).on);
    set
}

/// One flag, compiled; none when the environment has no such flag.
#[must_use]
pub fn slot(snapshot: &Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Arc<Slot>> {
    let effective = snapshot.effective(environment, flag)?;
    let slot = match CompiledFlag::compile(&effective, snapshot.settings().bucketing) {
        Ok(flag) => Slot::Flag(flag),
        Err(error) => Slot::Broken { key: effective.key, why: error.to_string().into() },
    };
    Some(Arc::new(slot))
}

/// Puts a segment as the snapshot has it among the audiences, or takes it away. Nobody is in one that does not compile,
/// which no store holds.
pub fn set_segment(
    audiences: &mut Audiences,
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    segment: &SegmentKey,
) {
    let generation = snapshot.settings().bucketing;
    let compiled = snapshot.segment(environment, segment);
    match compiled.and_then(|segment| CompiledSegment::compile(segment, generation).ok()) {
        Some(compiled) => audiences.set_segment(Arc::new(compiled)),
        None => audiences.remove_segment(segment),
    }
}
