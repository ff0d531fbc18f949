//! What a change would do, and for whom: the answer of a dry run.

use std::collections::BTreeSet;

use mycelia_flags_core::compiled::{CompiledSet, Now, of_snapshot};
use mycelia_flags_core::difference;
use mycelia_flags_core::entity::{EntityId, Write};
use mycelia_flags_core::impact;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;

use super::AdminEdge;
use crate::control::seen::pseudonyms;
use crate::state::Committed;

impl AdminEdge {
    /// Adds what the writes mean. They were checked against the snapshot at `committed.revision`; when the store has moved
    /// on since, it is the newest snapshot that they are held against, which is what they would meet now.
    pub(super) fn say_what_it_means(&self, committed: &Committed, answer: &mut v1::ApplyResponse) {
        let before = self.store.snapshot();
        let differences = difference::of_writes(&before, &committed.writes);
        answer.differences = differences.iter().map(convert::field_change_to_wire).collect();
        let after = with(&before, &committed.writes);
        for environment in concerned(&before, &committed.writes) {
            let seen = self.seen.of(&environment);
            answer.sampled = answer.sampled.saturating_add(u32::try_from(seen.len()).unwrap_or(u32::MAX));
            if seen.is_empty() {
                continue;
            }
            let flags = impact::affected(&before, &after, &committed.writes, &environment);
            let now = Now::At(self.clock.now().unix_seconds());
            let sets = [&before, &after].map(|snapshot| hashed(snapshot, &environment));
            let [was, is] = &sets;
            let impacts = impact::impact(was, is, &flags, &seen, now);
            let changed = impacts.iter().filter(|impact| impact.changed > 0);
            answer.impacts.extend(changed.map(|impact| convert::impact_to_wire(&environment, impact)));
        }
    }
}

/// The environments whose answers the writes can change.
fn concerned(snapshot: &Snapshot, writes: &[Write]) -> BTreeSet<EnvironmentKey> {
    let everywhere = writes.iter().any(|write| matches!(write.id, EntityId::Flag(_)));
    if everywhere {
        return snapshot.environments().cloned().collect();
    }
    writes.iter().filter_map(|write| write.id.environment().cloned()).collect()
}

fn with(snapshot: &Snapshot, writes: &[Write]) -> Snapshot {
    let mut after = snapshot.clone();
    let record = Record {
        revision: snapshot.revision().next(),
        committed_at: mycelia_flags_core::revision::Timestamp::default(),
        change_set: mycelia_flags_core::change::ChangeSet::default(),
        writes: writes.to_vec(),
        idempotency_key: Box::default(),
    };
    let folded = after.fold(&record);
    debug_assert!(folded.is_ok(), "the next revision follows");
    after
}

/// An environment, compiled for subjects whose targeting keys are hashes: with the hashes of the keys on its lists.
fn hashed(snapshot: &Snapshot, environment: &EnvironmentKey) -> CompiledSet {
    let mut set = of_snapshot::compiled(snapshot, environment, None);
    for (list, keys) in snapshot.lists(environment) {
        set.audiences_mut().set_list(list, pseudonyms(keys));
    }
    set
}
