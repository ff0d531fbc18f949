//! Writes: the entities of a record, and their new values.

mod guard;
mod promotion;

use std::sync::Arc;

use mycelia_flags_core::entity::{self, Entity, EntityId};
use mycelia_flags_core::flag::{Environment, FlagConfiguration, FlagDefinition};
use mycelia_flags_core::key::{EnvironmentKey, FeatureKey, FoldedKey, PlanKey, SegmentKey};
use mycelia_flags_core::plan::PlanDefinition;
use mycelia_flags_core::plan::progress;
use mycelia_flags_core::policy::Policy;
use mycelia_flags_core::revision::Revision;

use self::guard::{GuardStateWrite, GuardWrite};
use self::promotion::{DrillWrite, IncidentWrite, PromotionRulesWrite, PromotionWrite};
use super::audience::{CanaryValue, FeatureValue, SegmentValue};
use super::flag::{Configuration, Definition};
use super::keys::{Keys, belong_together};
use super::number::Numbered;
use super::plan::Plan;
use super::policy::PolicyValue;
use super::progress::Progress;
use super::request::RequestValue;
use super::{FormError, required};

/// What is done to one entity, or to several keys of one list. The oneof says which kind of entity it is, also when it
/// is removed.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Write {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 30, 31, 32, 33, 40, 41")]
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
    #[prost(message, tag = "5")]
    Segment(SegmentWrite),
    #[prost(message, tag = "6")]
    Canary(CanaryWrite),
    #[prost(message, tag = "7")]
    Keys(Keys),
    #[prost(message, tag = "8")]
    Feature(FeatureWrite),
    #[prost(message, tag = "9")]
    Plan(PlanWrite),
    #[prost(message, tag = "10")]
    Progress(Box<ProgressWrite>),
    #[prost(message, tag = "11")]
    Policy(PolicyWrite),
    #[prost(message, tag = "12")]
    Request(RequestWrite),
    #[prost(message, tag = "30")]
    Incident(IncidentWrite),
    #[prost(message, tag = "31")]
    PromotionRules(PromotionRulesWrite),
    #[prost(message, tag = "32")]
    Promotion(PromotionWrite),
    #[prost(message, tag = "33")]
    Drill(DrillWrite),
    #[prost(message, tag = "40")]
    Guard(Box<GuardWrite>),
    #[prost(message, tag = "41")]
    GuardState(Box<GuardStateWrite>),
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

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SegmentWrite {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) segment: String,
    #[prost(message, optional, tag = "3")]
    pub(super) value: Option<SegmentValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CanaryWrite {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<CanaryValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FeatureWrite {
    #[prost(string, tag = "1")]
    pub(super) feature: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<FeatureValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PlanWrite {
    #[prost(string, tag = "1")]
    pub(super) plan: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Plan>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ProgressWrite {
    #[prost(string, tag = "1")]
    pub(super) plan: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Progress>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PolicyWrite {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<PolicyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RequestWrite {
    /// The revision in which it was requested.
    #[prost(uint64, tag = "1")]
    pub(super) request: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<RequestValue>,
}

/// Writes in their stored form. What is written to one list in a row becomes one of them.
pub(super) fn packed(writes: &[entity::Write]) -> Vec<Write> {
    let runs = writes.chunk_by(belong_together);
    let kinds = runs.filter_map(|run| run.first().map(|first| kind(first, run)));
    kinds.map(|kind| Write { kind: Some(kind) }).collect()
}

/// The same writes again, in the same order.
pub(super) fn unpacked(writes: Vec<Write>) -> Result<Vec<entity::Write>, FormError> {
    let mut unpacked = Vec::with_capacity(writes.len());
    for write in writes {
        match required("an entity", write.kind)? {
            Kind::Keys(keys) => unpacked.extend(keys.writes()?),
            kind => unpacked.push(write_of(kind)?),
        }
    }
    Ok(unpacked)
}

/// A write; its run is more than itself only on a list.
fn kind(write: &entity::Write, run: &[entity::Write]) -> Kind {
    match &write.id {
        EntityId::Settings => Kind::Settings(SettingsWrite {
            value: stored(write, |value| match value {
                Entity::Settings(settings) => Some(Settings { bucketing: settings.bucketing.number() }),
                _ => None,
            }),
        }),
        EntityId::Environment(environment) => Kind::Environment(EnvironmentWrite {
            environment: environment.to_string(),
            value: stored(write, |value| match value {
                Entity::Environment(environment) => Some(EnvironmentValue { position: environment.position }),
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
        EntityId::Segment(environment, segment) => Kind::Segment(SegmentWrite {
            environment: environment.to_string(),
            segment: segment.to_string(),
            value: stored(write, |value| match value {
                Entity::Segment(segment) => Some(SegmentValue::from(&**segment)),
                _ => None,
            }),
        }),
        EntityId::Canary(environment) => Kind::Canary(CanaryWrite {
            environment: environment.to_string(),
            value: stored(write, |value| match value {
                Entity::Canary(canary) => Some(CanaryValue::from(canary)),
                _ => None,
            }),
        }),
        EntityId::Listed(environment, list, _) => Kind::Keys(Keys::of(environment, list, run)),
        EntityId::Feature(feature) => Kind::Feature(FeatureWrite {
            feature: feature.to_string(),
            value: stored(write, |value| match value {
                Entity::Feature(feature) => Some(FeatureValue::from(&**feature)),
                _ => None,
            }),
        }),
        EntityId::Plan(_) | EntityId::Progress(_) | EntityId::Policy(_) | EntityId::ChangeRequest(_) => {
            kind_of_programme(write)
        }
        EntityId::Incident(_)
        | EntityId::PromotionRules(_)
        | EntityId::Promotion(..)
        | EntityId::Drill(..) => promotion::kind(write),
        EntityId::Guard(guard) => guard::kind(guard, write),
        EntityId::GuardState(guard) => guard::state_kind(guard, write),
    }
}

/// A write to a plan, a policy or a request; a write to anything else is one to the store's settings, which never happens.
fn kind_of_programme(write: &entity::Write) -> Kind {
    match &write.id {
        EntityId::Plan(plan) => Kind::Plan(PlanWrite {
            plan: plan.to_string(),
            value: stored(write, |value| match value {
                Entity::Plan(plan) => Some(Plan::from(&**plan)),
                _ => None,
            }),
        }),
        EntityId::Progress(plan) => Kind::Progress(Box::new(ProgressWrite {
            plan: plan.to_string(),
            value: stored(write, |value| match value {
                Entity::Progress(progress) => Some(Progress::from(&**progress)),
                _ => None,
            }),
        })),
        EntityId::Policy(environment) => Kind::Policy(PolicyWrite {
            environment: environment.to_string(),
            value: stored(write, |value| match value {
                Entity::Policy(policy) => Some(PolicyValue::from(&**policy)),
                _ => None,
            }),
        }),
        EntityId::ChangeRequest(request) => Kind::Request(RequestWrite {
            request: request.get(),
            value: stored(write, |value| match value {
                Entity::ChangeRequest(request) => Some(RequestValue::from(&**request)),
                _ => None,
            }),
        }),
        _ => {
            debug_assert!(false, "{} is neither a plan nor a policy nor a request", write.id);
            Kind::Settings(SettingsWrite { value: None })
        }
    }
}

/// The value in its stored form; none when the entity was removed. A value of another kind than its id cannot be
/// expressed, and core never makes one.
fn stored<T>(write: &entity::Write, convert: impl FnOnce(&Entity) -> Option<T>) -> Option<T> {
    let stored = convert(write.value.as_ref()?);
    debug_assert!(stored.is_some(), "a value of another kind was written to {}", write.id);
    stored
}

fn write_of(kind: Kind) -> Result<entity::Write, FormError> {
    let (id, value) = match kind {
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
            let environment =
                |value: EnvironmentValue| Environment { key: key.clone(), position: value.position };
            let value = write.value.map(|value| Entity::Environment(environment(value)));
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
            let environment = EnvironmentKey::new(&write.environment);
            let id = EntityId::Configuration(environment, FoldedKey::of(&write.flag));
            (id, configuration.map(|configuration| Entity::Configuration(Arc::new(configuration))))
        }
        Kind::Segment(write) => {
            let key = SegmentKey::new(&write.segment);
            let segment = write.value.map(|value| value.segment(key.clone())).transpose()?;
            let id = EntityId::Segment(EnvironmentKey::new(&write.environment), key);
            (id, segment.map(|segment| Entity::Segment(Arc::new(segment))))
        }
        Kind::Canary(write) => {
            let id = EntityId::Canary(EnvironmentKey::new(&write.environment));
            (id, write.value.map(|value| Entity::Canary(value.into())))
        }
        Kind::Feature(write) => {
            let key = FeatureKey::new(&write.feature);
            let feature = write.value.map(|value| value.feature(key.clone()));
            (EntityId::Feature(key), feature.map(|feature| Entity::Feature(Arc::new(feature))))
        }
        Kind::Plan(write) => {
            let key = PlanKey::new(&write.plan);
            let plan = write.value.map(PlanDefinition::try_from).transpose()?;
            if plan.as_ref().is_some_and(|plan| plan.key != key) {
                return Err(FormError::Mismatch { id: EntityId::Plan(key).to_string() });
            }
            (EntityId::Plan(key), plan.map(|plan| Entity::Plan(Arc::new(plan))))
        }
        Kind::Progress(write) => {
            let progress = write.value.map(progress::Progress::try_from).transpose()?;
            let id = EntityId::Progress(PlanKey::new(&write.plan));
            (id, progress.map(|progress| Entity::Progress(Arc::new(progress))))
        }
        Kind::Policy(write) => {
            let policy = write.value.map(Policy::try_from).transpose()?;
            let id = EntityId::Policy(EnvironmentKey::new(&write.environment));
            (id, policy.map(|policy| Entity::Policy(Arc::new(policy))))
        }
        Kind::Request(write) => {
            let id = Revision::new(write.request);
            let request = write.value.map(|value| value.request(id)).transpose()?;
            (EntityId::ChangeRequest(id), request.map(|request| Entity::ChangeRequest(Arc::new(request))))
        }
        promotion @ (Kind::Incident(_) | Kind::PromotionRules(_) | Kind::Promotion(_) | Kind::Drill(_)) => {
            return promotion::write_of(promotion);
        }
        guard @ (Kind::Guard(_) | Kind::GuardState(_)) => return guard::write_of(guard),
        // A run of keys is no single write; whoever calls has unpacked it.
        Kind::Keys(_) => return Err(FormError::Missing { what: "an entity" }),
    };
    Ok(entity::Write { id, value })
}
