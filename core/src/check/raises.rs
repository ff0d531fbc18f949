//! Who raised what a flag serves, and when: what a policy's interval is counted from.
//!
//! It is kept in the flag's configuration and only ever moves on: an undo gives back everything else, but people had the
//! flag all the same.

use std::sync::Arc;

use super::Draft;
use crate::entity::EntityId;
use crate::flag::Switched;
use crate::key::{EnvironmentKey, FoldedKey};
use crate::policy::exposure::{Held, rise};
use crate::snapshot::Snapshot;

impl Draft<'_> {
    /// Who will have raised a flag last.
    pub(super) fn raised(&self, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Switched> {
        let (before, after) = (held(self.base, environment, flag), held(&self.work, environment, flag));
        if rise(before, after) > 0 {
            return Some(self.switched.clone());
        }
        let said =
            [before, after].into_iter().flatten().filter_map(|held| held.configuration.raised.as_ref());
        said.max_by_key(|raised| raised.revision).cloned()
    }

    /// A flag is raised by its definition too: brought back from the archive, or with other variants.
    pub(super) fn note_raises_by_definition(&mut self) {
        let mut raised: Vec<(EntityId, Arc<str>)> = Vec::new();
        for (id, field) in &self.touched {
            let EntityId::Flag(flag) = id else {
                continue;
            };
            for environment in self.work.environments() {
                if rise(held(self.base, environment, flag), held(&self.work, environment, flag)) > 0 {
                    raised.push((
                        EntityId::Configuration(environment.clone(), flag.clone()),
                        Arc::clone(field),
                    ));
                }
            }
        }
        for (id, field) in raised {
            self.touched.entry(id).or_insert(field);
        }
    }
}

/// A flag as an environment of a snapshot has it.
pub(super) fn held<'s>(
    snapshot: &'s Snapshot,
    environment: &EnvironmentKey,
    flag: &FoldedKey,
) -> Option<Held<'s>> {
    let (definition, configuration) = (snapshot.flag(flag)?, snapshot.configuration(environment, flag)?);
    Some(Held { definition, configuration })
}
