//! Which flags of an environment may decide otherwise than before, by what the log wrote: what OFREP's and flagd's listeners
//! are told of.

use std::collections::BTreeSet;

use mycelia_flags_core::entity::EntityId;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::revision::Revision;

use crate::state::Store;

/// What was touched.
#[derive(Debug, PartialEq, Eq)]
pub enum Touched {
    /// Whatever there is: an audience changed, or too much to tell.
    All,
    /// These flags, and those that ask one of them; none when nothing was.
    These(BTreeSet<FoldedKey>),
}

impl Touched {
    /// What was written of an environment after a revision, up to another one.
    #[must_use]
    pub fn between(store: &Store, environment: &EnvironmentKey, after: Revision, until: Revision) -> Self {
        let Some(records) = store.records_after(after) else { return Self::All };
        let mut keys = BTreeSet::new();
        let records = records.iter().filter(|record| record.revision <= until);
        for write in records.flat_map(|record| record.writes.iter()) {
            match &write.id {
                EntityId::Flag(flag) => drop(keys.insert(flag.clone())),
                EntityId::Configuration(of, flag) if of == environment => drop(keys.insert(flag.clone())),
                EntityId::Segment(of, _) | EntityId::Canary(of) | EntityId::Listed(of, _, _)
                    if of == environment =>
                {
                    return Self::All;
                }
                _ => {}
            }
        }
        Self::These(keys)
    }

    /// Whether nothing was.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::These(keys) if keys.is_empty())
    }
}
