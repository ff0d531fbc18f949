//! What the log writes: entities, and their new values.

use std::fmt;
use std::sync::Arc;

use crate::bucketing::Generation;
use crate::flag::{Environment, FlagConfiguration, FlagDefinition};
use crate::key::{EnvironmentKey, FoldedKey};

/// Names an entity of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityId {
    /// The store's own settings.
    Settings,
    /// An environment.
    Environment(EnvironmentKey),
    /// A flag's definition.
    Flag(FoldedKey),
    /// A flag's configuration in an environment.
    Configuration(EnvironmentKey, FoldedKey),
}

impl EntityId {
    /// The flag that the entity belongs to.
    #[must_use]
    pub const fn flag(&self) -> Option<&FoldedKey> {
        match self {
            Self::Flag(flag) | Self::Configuration(_, flag) => Some(flag),
            Self::Settings | Self::Environment(_) => None,
        }
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => formatter.write_str("settings"),
            Self::Environment(environment) => write!(formatter, "environment/{environment}"),
            Self::Flag(flag) => write!(formatter, "flag/{flag}"),
            Self::Configuration(environment, flag) => write!(formatter, "configuration/{environment}/{flag}"),
        }
    }
}

/// The store's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// How subjects are assigned to buckets.
    pub bucketing: Generation,
}

/// The value of an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// The store's own settings.
    Settings(Settings),
    /// An environment.
    Environment(Environment),
    /// A flag's definition.
    Flag(Arc<FlagDefinition>),
    /// A flag's configuration.
    Configuration(Arc<FlagConfiguration>),
}

/// What a change did to one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Which entity.
    pub id: EntityId,
    /// Its new value; none means that it was removed. Its kind is always that of the id.
    pub value: Option<Entity>,
}
