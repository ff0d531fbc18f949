//! All entities at a revision: the fold of the writes of all records so far.

use std::sync::Arc;

use imbl::OrdMap;

use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{EffectiveFlag, Environment, FlagConfiguration, FlagDefinition};
use crate::key::{EnvironmentKey, FoldedKey};
use crate::record::Record;
use crate::revision::Revision;

/// All entities at a revision.
///
/// The maps are persistent: a clone is a few pointers, and two snapshots share what did not change between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    revision: Revision,
    settings: Settings,
    environments: OrdMap<EnvironmentKey, Environment>,
    flags: OrdMap<FoldedKey, Arc<FlagDefinition>>,
    configurations: OrdMap<(EnvironmentKey, FoldedKey), Arc<FlagConfiguration>>,
}

/// A record does not follow the snapshot that it is folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("revision {found} does not follow revision {held}")]
pub struct GapError {
    /// The snapshot's revision.
    pub held: Revision,
    /// The record's revision.
    pub found: Revision,
}

impl Snapshot {
    /// The revision whose writes were folded in last.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The store's own settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All environments, in the order in which people see them.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentKey> {
        let mut environments: Vec<&Environment> = self.environments.values().collect();
        environments.sort_by_key(|environment| (environment.position, &environment.key));
        environments.into_iter().map(|environment| &environment.key)
    }

    /// Whether there is such an environment.
    #[must_use]
    pub fn has_environment(&self, environment: &EnvironmentKey) -> bool {
        self.environments.contains_key(environment)
    }

    /// How many flags there are.
    #[must_use]
    pub fn flag_count(&self) -> usize {
        self.flags.len()
    }

    /// A flag's definition.
    #[must_use]
    pub fn flag(&self, key: &FoldedKey) -> Option<&Arc<FlagDefinition>> {
        self.flags.get(key)
    }

    /// All flags, in the order of their folded keys.
    pub fn flags(&self) -> impl Iterator<Item = (&FoldedKey, &Arc<FlagDefinition>)> {
        self.flags.iter()
    }

    /// All flags whose folded key is greater than the given one, in order.
    pub fn flags_after(&self, after: &FoldedKey) -> impl Iterator<Item = (&FoldedKey, &Arc<FlagDefinition>)> {
        let bounds = (std::ops::Bound::Excluded(after.clone()), std::ops::Bound::Unbounded);
        self.flags.range(bounds)
    }

    /// A flag's configuration in an environment.
    #[must_use]
    pub fn configuration(
        &self,
        environment: &EnvironmentKey,
        key: &FoldedKey,
    ) -> Option<&Arc<FlagConfiguration>> {
        self.configurations.get(&(environment.clone(), key.clone()))
    }

    /// A flag as an environment sees it.
    #[must_use]
    pub fn effective(&self, environment: &EnvironmentKey, key: &FoldedKey) -> Option<EffectiveFlag> {
        let definition = self.flag(key)?;
        Some(EffectiveFlag::of(definition, self.configuration(environment, key)?))
    }

    /// The value of an entity.
    #[must_use]
    pub fn entity(&self, id: &EntityId) -> Option<Entity> {
        match id {
            EntityId::Settings => Some(Entity::Settings(self.settings.clone())),
            EntityId::Environment(key) => self.environments.get(key).cloned().map(Entity::Environment),
            EntityId::Flag(key) => self.flags.get(key).cloned().map(Entity::Flag),
            EntityId::Configuration(environment, key) => {
                self.configuration(environment, key).cloned().map(Entity::Configuration)
            }
        }
    }

    /// Folds a record in. Looks at its stored writes only, so that an upgrade of the code cannot change the past.
    ///
    /// # Errors
    /// When the record's revision is not the next one; nothing has changed then.
    pub fn fold(&mut self, record: &Record) -> Result<(), GapError> {
        if record.revision != self.revision.next() {
            return Err(GapError { held: self.revision, found: record.revision });
        }
        for write in &record.writes {
            self.put(write);
        }
        self.revision = record.revision;
        Ok(())
    }

    /// Sets or removes one entity without moving the revision. A value of another kind than its id is ignored: the
    /// stored form cannot express one.
    pub(crate) fn put(&mut self, write: &Write) {
        match (&write.id, &write.value) {
            (EntityId::Settings, Some(Entity::Settings(settings))) => self.settings = settings.clone(),
            (EntityId::Environment(key), Some(Entity::Environment(environment))) => {
                self.environments.insert(key.clone(), environment.clone());
            }
            (EntityId::Flag(key), Some(Entity::Flag(definition))) => {
                self.flags.insert(key.clone(), Arc::clone(definition));
            }
            (EntityId::Configuration(environment, key), Some(Entity::Configuration(configuration))) => {
                self.configurations.insert((environment.clone(), key.clone()), Arc::clone(configuration));
            }
            (EntityId::Settings, None) => self.settings = Settings::default(),
            (EntityId::Environment(key), None) => {
                self.environments.remove(key);
            }
            (EntityId::Flag(key), None) => {
                self.flags.remove(key);
            }
            (EntityId::Configuration(environment, key), None) => {
                self.configurations.remove(&(environment.clone(), key.clone()));
            }
            (id, Some(_)) => debug_assert!(false, "a value of another kind was written to {id}"),
        }
    }
}

#[cfg(test)]
mod tests;
