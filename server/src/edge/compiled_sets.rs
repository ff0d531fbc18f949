//! The flags of each environment, compiled, for evaluations on the server. Kept up to date by what changed, not by
//! compiling everything again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mycelia_flags_core::compiled::{CompiledFlag, CompiledSet, Slot};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;

use crate::distribution::scope::touched;
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

    /// All flags, in the order of their keys.
    #[must_use]
    pub fn in_order(&self) -> &[Arc<Slot>] {
        self.in_order.get_or_init(|| self.set.slots().into_iter().cloned().collect())
    }
}

/// An environment's compiled flags, and the snapshot that they are of.
#[derive(Debug)]
pub struct CompiledEnvironment {
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
            Some((revision, flags)) => match self.touched_since(*revision, &snapshot, environment) {
                Some(touched) => Compiled::of(recompiled(&flags.set, &snapshot, environment, &touched)),
                None => Compiled::of(compile_all(&snapshot, environment)),
            },
            None => Compiled::of(compile_all(&snapshot, environment)),
        };
        if held.is_none_or(|(revision, _)| *revision < snapshot.revision()) {
            known.insert(environment.clone(), (snapshot.revision(), Arc::clone(&flags)));
        }
        Some(CompiledEnvironment { flags, snapshot })
    }

    /// The flags that changed between a revision and a snapshot; none when that is not known.
    fn touched_since(
        &self,
        revision: Revision,
        snapshot: &Snapshot,
        environment: &EnvironmentKey,
    ) -> Option<BTreeSet<FoldedKey>> {
        if revision > snapshot.revision() {
            return None;
        }
        let records = self.store.records_after(revision)?;
        let records = records.iter().filter(|record| record.revision <= snapshot.revision());
        Some(records.flat_map(|record| touched(&record.writes, environment).cloned()).collect())
    }
}

fn recompiled(
    set: &CompiledSet,
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flags: &BTreeSet<FoldedKey>,
) -> CompiledSet {
    let mut set = set.clone();
    for flag in flags {
        match compile(snapshot, environment, flag) {
            Some(slot) => set.insert(slot),
            None => set.remove(flag),
        }
    }
    set
}

fn compile_all(snapshot: &Snapshot, environment: &EnvironmentKey) -> CompiledSet {
    CompiledSet::of(snapshot.flags().filter_map(|(flag, _)| compile(snapshot, environment, flag)))
}

fn compile(snapshot: &Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Arc<Slot>> {
    let effective = snapshot.effective(environment, flag)?;
    let slot = match CompiledFlag::compile(&effective, snapshot.settings().bucketing) {
        Ok(flag) => Slot::Flag(flag),
        Err(error) => Slot::Broken { key: effective.key, why: error.to_string().into() },
    };
    Some(Arc::new(slot))
}
