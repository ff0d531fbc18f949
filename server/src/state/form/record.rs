//! Records, and the entities that they write.

use std::sync::Arc;

use mycelia_flags_core::entity::{self, Entity, EntityId};
use mycelia_flags_core::flag::{Environment, FlagConfiguration, FlagDefinition};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::record as core;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::change::ChangeSet;
use super::flag::{Configuration, Definition};
use super::number::Numbered;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Record {
    #[prost(uint64, tag = "1")]
    pub(super) revision: u64,
    #[prost(sint64, tag = "2")]
    pub(super) committed_at_micros: i64,
    #[prost(string, tag = "3")]
    pub(super) idempotency_key: String,
    #[prost(message, optional, tag = "4")]
    pub(super) change_set: Option<ChangeSet>,
    #[prost(message, repeated, tag = "5")]
    pub(super) writes: Vec<Write>,
}

/// The oneof says which kind of entity it is, also when it is removed.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Write {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Settings(SettingsWrite),
    #[prost(message, tag = "2")]
    Environment(EnvironmentWrite),
    #[prost(message, tag = "3")]
    Flag(FlagWrite),
    #[prost(message, tag = "4")]
    Configuration(ConfigurationWrite),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SettingsWrite {
    #[prost(message, optional, tag = "1")]
    pub(super) value: Option<Settings>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Settings {
    #[prost(uint32, tag = "1")]
    pub(super) bucketing: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EnvironmentWrite {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<EnvironmentValue>,
}

/// An environment beside its key.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EnvironmentValue {
    #[prost(uint32, tag = "1")]
    pub(super) position: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlagWrite {
    /// Folded.
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Definition>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ConfigurationWrite {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    /// Folded.
    #[prost(string, tag = "2")]
    pub(super) flag: String,
    #[prost(message, optional, tag = "3")]
    pub(super) value: Option<Configuration>,
}

impl From<&core::Record> for Record {
    fn from(record: &core::Record) -> Self {
        Self {
            revision: record.revision.get(),
            committed_at_micros: record.committed_at.unix_micros(),
            idempotency_key: record.idempotency_key.to_string(),
            change_set: Some(ChangeSet::from(&record.change_set)),
            writes: record.writes.iter().map(Write::from).collect(),
        }
    }
}

impl TryFrom<Record> for core::Record {
    type Error = FormError;

    fn try_from(record: Record) -> Result<Self, FormError> {
        Ok(Self {
            revision: Revision::new(record.revision),
            committed_at: Timestamp::from_unix_micros(record.committed_at_micros),
            change_set: required("a change set", record.change_set)?.try_into()?,
            writes: record.writes.into_iter().map(entity::Write::try_from).collect::<Result<_, _>>()?,
            idempotency_key: record.idempotency_key.into(),
        })
    }
}

impl From<&entity::Write> for Write {
    fn from(write: &entity::Write) -> Self {
        let kind = match &write.id {
            EntityId::Settings => Kind::Settings(SettingsWrite {
                value: stored(write, |value| match value {
                    Entity::Settings(settings) => Some(Settings { bucketing: settings.bucketing.number() }),
                    _ => None,
                }),
            }),
            EntityId::Environment(environment) => Kind::Environment(EnvironmentWrite {
                environment: environment.to_string(),
                value: stored(write, |value| match value {
                    Entity::Environment(environment) => {
                        Some(EnvironmentValue { position: environment.position })
                    }
                    _ => None,
                }),
            }),
            EntityId::Flag(flag) => Kind::Flag(FlagWrite {
                flag: flag.to_string(),
                value: stored(write, |value| match value {
                    Entity::Flag(definition) => Some(Definition::from(&**definition)),
                    _ => None,
                }),
            }),
            EntityId::Configuration(environment, flag) => Kind::Configuration(ConfigurationWrite {
                environment: environment.to_string(),
                flag: flag.to_string(),
                value: stored(write, |value| match value {
                    Entity::Configuration(configuration) => Some(Configuration::from(&**configuration)),
                    _ => None,
                }),
            }),
        };
        Self { kind: Some(kind) }
    }
}

/// The value in its stored form; none when the entity was removed. A value of another kind than its id cannot be
/// expressed, and core never makes one.
fn stored<T>(write: &entity::Write, convert: impl FnOnce(&Entity) -> Option<T>) -> Option<T> {
    let stored = convert(write.value.as_ref()?);
    debug_assert!(stored.is_some(), "a value of another kind was written to {}", write.id);
    stored
}

impl TryFrom<Write> for entity::Write {
    type Error = FormError;

    fn try_from(write: Write) -> Result<Self, FormError> {
        let (id, value) = match required("an entity", write.kind)? {
            Kind::Settings(write) => {
                let value = write.value.map(|settings| {
                    Ok::<_, FormError>(Entity::Settings(entity::Settings {
                        bucketing: Numbered::numbered(settings.bucketing)?,
                    }))
                });
                (EntityId::Settings, value.transpose()?)
            }
            Kind::Environment(write) => {
                let key = EnvironmentKey::new(&write.environment);
                let value = write.value.map(|value| {
                    Entity::Environment(Environment { key: key.clone(), position: value.position })
                });
                (EntityId::Environment(key), value)
            }
            Kind::Flag(write) => {
                let flag = FoldedKey::of(&write.flag);
                let definition = write.value.map(FlagDefinition::try_from).transpose()?;
                if definition.as_ref().is_some_and(|definition| definition.key.folded() != flag) {
                    return Err(FormError::Mismatch { id: EntityId::Flag(flag).to_string() });
                }
                (EntityId::Flag(flag), definition.map(|definition| Entity::Flag(Arc::new(definition))))
            }
            Kind::Configuration(write) => {
                let configuration = write.value.map(FlagConfiguration::try_from).transpose()?;
                let id = EntityId::Configuration(
                    EnvironmentKey::new(&write.environment),
                    FoldedKey::of(&write.flag),
                );
                (id, configuration.map(|configuration| Entity::Configuration(Arc::new(configuration))))
            }
        };
        Ok(Self { id, value })
    }
}
