//! The state in force: what evaluations read, what the replica holds, what goes to disk. Never changed, only replaced.

use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::{CompiledSet, Slot};
use mycelia_flags_core::key::{FlagKey, FoldedKey};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::update::{Update, View};

/// Where a state belongs. Revisions are compared within one lineage only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lineage {
    /// The identity of the server's store.
    pub(crate) epoch: Arc<str>,
    /// The environment that is followed: the server's answer, not our question.
    pub(crate) environment: Arc<str>,
}

/// One flag of the state.
#[derive(Debug)]
pub(crate) struct Content {
    /// The flag, ready for evaluation.
    pub(crate) slot: Arc<Slot>,
    /// The bytes in which it came; empty unless the state is kept on disk.
    pub(crate) raw: Bytes,
}

impl Content {
    /// Whether this version cannot evaluate it.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(*self.slot, Slot::Broken { .. })
    }
}

/// All flags of a scope at a revision.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Counts the states of this client. 0 is the one before the first.
    pub(crate) generation: u64,
    /// Where it belongs.
    pub(crate) lineage: Lineage,
    /// How subjects are assigned to buckets.
    pub(crate) bucketing: Generation,
    /// The flags as they are compared with the server's.
    pub(crate) view: View<Content>,
    /// The flags as they are evaluated.
    pub(crate) set: CompiledSet,
}

impl State {
    /// A state of which nothing is known but its flags.
    pub(crate) fn of(lineage: Lineage, bucketing: Generation, view: View<Content>) -> Self {
        let set = CompiledSet::of(view.members().map(|member| Arc::clone(&member.content.slot)));
        Self { generation: 0, lineage, bucketing, view, set }
    }

    /// The state after an update, which `view` has already gone through.
    pub(crate) fn after(&self, update: &Update<Content>, view: View<Content>) -> Self {
        let mut set = self.set.clone();
        for (key, member) in &update.members {
            match member {
                Some(member) => set.insert(Arc::clone(&member.content.slot)),
                None => set.remove(key),
            }
        }
        Self { generation: 0, lineage: self.lineage.clone(), bucketing: self.bucketing, view, set }
    }

    /// The newest revision of the scope.
    pub(crate) const fn revision(&self) -> Revision {
        self.view.revision()
    }
}

/// Which flags differ between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Whether everything was replaced by a snapshot.
    pub(crate) whole: bool,
    /// The flags, in the order of their folded keys.
    pub(crate) keys: Arc<[FlagKey]>,
}

impl Changed {
    /// What an update changes in the state before it.
    pub(crate) fn of(before: &View<Content>, update: &Update<Content>, whole: bool) -> Self {
        let spelled = |key: &FoldedKey| {
            let held = before.member(key);
            held.map_or_else(|| FlagKey::new(key.as_str()), |held| held.content.slot.key().clone())
        };
        let keys = update.members.iter().map(|(key, member)| match member {
            Some(member) => member.content.slot.key().clone(),
            None => spelled(key),
        });
        Self { whole, keys: keys.collect() }
    }
}
