//! The flags of each environment, compiled, for evaluations on the server. Kept up to date by what changed, not by
//! compiling everything again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mycelia_flags_core::compiled::{Around, CompiledSet, Now, Slot, of_snapshot};
use mycelia_flags_core::entity::EntityId;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;

use crate::state::Store;

/// Compiled flags by environment.
#[derive(Debug)]
pub struct CompiledSets {
    store: Store,
    known: Mutex<BTreeMap<EnvironmentKey, (Revision, Arc<Compiled>)>>,
}

/// An environment's flags, compiled.
#[derive(Debug)]
pub struct Compiled {
    set: CompiledSet,
    /// In the order of their keys: sorted for the first who asks for all, and not again.
    in_order: OnceLock<Vec<Arc<Slot>>>,
}

impl Compiled {
    fn of(set: CompiledSet) -> Arc<Self> {
        Arc::new(Self { set, in_order: OnceLock::new() })
    }

    /// Finds a flag by any of its spellings.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Arc<Slot>> {
        self.set.get(key)
    }

    /// What the flags are evaluated in, for a service; empty for whoever is none.
    #[must_use]
    pub fn around<'s>(&'s self, service: &'s str, now: Timestamp) -> Around<'s> {
        Around::new(&self.set, service, Now::At(now.unix_seconds()))
    }

    /// All flags, in the order of their keys.
    #[must_use]
    pub fn in_order(&self) -> &[Arc<Slot>] {
        self.in_order.get_or_init(|| self.set.slots().into_iter().cloned().collect())
    }
}

/// An environment's compiled flags, and the snapshot that they are of.
#[derive(Debug)]
pub struct CompiledEnvironment {
    /// The environment.
    pub key: EnvironmentKey,
    /// The flags.
    pub flags: Arc<Compiled>,
    /// Where they come from.
    pub snapshot: Arc<Snapshot>,
}

impl CompiledSets {
    /// Nothing compiled yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The compiled flags of an environment at the newest revision; none when there is no such environment.
    pub fn environment(&self, environment: &EnvironmentKey) -> Option<CompiledEnvironment> {
        let snapshot = self.store.snapshot();
        if !snapshot.has_environment(environment) {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.get(environment);
        let flags = match held {
            Some((revision, flags)) if *revision == snapshot.revision() => Arc::clone(flags),
            Some((revision, flags)) => match self.written_since(*revision, &snapshot) {
                Some(writes) => Compiled::of(recompiled(&flags.set, &snapshot, environment, &writes)),
                None => Compiled::of(of_snapshot::compiled(&snapshot, environment, None)),
            },
            None => Compiled::of(of_snapshot::compiled(&snapshot, environment, None)),
        };
        if held.is_none_or(|(revision, _)| *revision < snapshot.revision()) {
            known.insert(environment.clone(), (snapshot.revision(), Arc::clone(&flags)));
        }
        Some(CompiledEnvironment { key: environment.clone(), flags, snapshot })
    }

    /// What was written between a revision and a snapshot; none when that is not known.
    fn written_since(&self, revision: Revision, snapshot: &Snapshot) -> Option<BTreeSet<EntityId>> {
        if revision > snapshot.revision() {
            return None;
        }
        let records = self.store.records_after(revision)?;
        let records = records.iter().filter(|record| record.revision <= snapshot.revision());
        Some(records.flat_map(|record| record.writes.iter().map(|write| write.id.clone())).collect())
    }
}

fn recompiled(
    set: &CompiledSet,
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    written: &BTreeSet<EntityId>,
) -> CompiledSet {
    let mut set = set.clone();
    let mut lists: BTreeSet<&ListKey> = BTreeSet::new();
    for id in written.iter().filter(|id| id.environment().is_none_or(|of| of == environment)) {
        match id {
            EntityId::Flag(flag) | EntityId::Configuration(_, flag) => {
                match of_snapshot::slot(snapshot, environment, flag) {
                    Some(slot) => set.insert(slot),
                    None => set.remove(flag),
                }
            }
            EntityId::Segment(_, segment) => {
                of_snapshot::set_segment(set.audiences_mut(), snapshot, environment, segment);
            }
            EntityId::Canary(_) => set.audiences_mut().switch_canary(snapshot.canary(environment).on),
            EntityId::Listed(_, list, _) => drop(lists.insert(list)),
            EntityId::Feature(_)
            | EntityId::Settings
            | EntityId::Environment(_)
            | EntityId::Plan(_)
            | EntityId::Progress(_)
            | EntityId::Policy(_)
            | EntityId::ChangeRequest(_)
            | EntityId::Incident(_)
            | EntityId::PromotionRules(_)
            | EntityId::Promotion(..)
            | EntityId::Drill(..)
            | EntityId::Guard(_)
            | EntityId::GuardState(_) => {}
        }
    }
    for list in lists {
        set.audiences_mut().set_list(list, snapshot.list(environment, list));
    }
    set
}
