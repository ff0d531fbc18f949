//! Change sets: the intents, as they were asked.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change as core;
use mycelia_flags_core::flag::Lifetime;
use mycelia_flags_core::value::FlagType;

use super::condition::{Rule, rules};
use super::flag::{Serve, Variant};
use super::number::Numbered;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ChangeSet {
    #[prost(string, tag = "1")]
    pub(super) actor: String,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) changes: Vec<Change>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Change {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    CreateFlag(CreateFlag),
    /// The flag's key.
    #[prost(string, tag = "2")]
    DeleteFlag(String),
    #[prost(message, tag = "3")]
    UpdateFlag(UpdateFlag),
    #[prost(message, tag = "4")]
    SetVariants(SetVariants),
    #[prost(message, tag = "5")]
    Enable(Place),
    #[prost(message, tag = "6")]
    Disable(Place),
    #[prost(message, tag = "7")]
    Rollout(Rollout),
    #[prost(message, tag = "8")]
    SetDefaultServe(SetDefaultServe),
    #[prost(message, tag = "9")]
    SetRules(SetRules),
    #[prost(message, tag = "10")]
    SetOffVariant(SetText),
    #[prost(message, tag = "11")]
    SetSalt(SetText),
    #[prost(message, tag = "12")]
    CreateStore(CreateStore),
    /// The epoch of the store that the backup was taken from.
    #[prost(string, tag = "13")]
    RestoreStore(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Place {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) flag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateFlag {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(uint32, tag = "2")]
    pub(super) flag_type: u32,
    #[prost(message, repeated, tag = "3")]
    pub(super) variants: Vec<Variant>,
    #[prost(string, tag = "4")]
    pub(super) default_variant: String,
    #[prost(string, tag = "5")]
    pub(super) off_variant: String,
    #[prost(string, tag = "6")]
    pub(super) description: String,
    #[prost(string, tag = "7")]
    pub(super) owner: String,
    #[prost(string, repeated, tag = "8")]
    pub(super) tags: Vec<String>,
    #[prost(string, repeated, tag = "9")]
    pub(super) services: Vec<String>,
    #[prost(uint32, tag = "10")]
    pub(super) lifetime: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpdateFlag {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(string, optional, tag = "2")]
    pub(super) description: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) owner: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(super) tags: Option<Texts>,
    #[prost(message, optional, tag = "5")]
    pub(super) services: Option<Texts>,
    #[prost(uint32, optional, tag = "6")]
    pub(super) lifetime: Option<u32>,
}

/// Several texts that may also be absent altogether.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(super) texts: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetVariants {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) variants: Vec<Variant>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Rollout {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(double, tag = "2")]
    pub(super) percent: f64,
    #[prost(bool, tag = "3")]
    pub(super) enable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetDefaultServe {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, optional, tag = "2")]
    pub(super) serve: Option<Serve>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetRules {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, repeated, tag = "2")]
    pub(super) rules: Vec<Rule>,
}

/// One text for one place: an off variant, a salt.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetText {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(string, tag = "2")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateStore {
    #[prost(uint32, tag = "1")]
    pub(super) bucketing: u32,
    #[prost(string, repeated, tag = "2")]
    pub(super) environments: Vec<String>,
}

impl From<&core::ChangeSet> for ChangeSet {
    fn from(change_set: &core::ChangeSet) -> Self {
        Self {
            actor: change_set.actor.clone(),
            reason: change_set.reason.clone(),
            changes: change_set.changes.iter().map(Change::from).collect(),
        }
    }
}

impl TryFrom<ChangeSet> for core::ChangeSet {
    type Error = FormError;

    fn try_from(change_set: ChangeSet) -> Result<Self, FormError> {
        Ok(Self {
            actor: change_set.actor,
            reason: change_set.reason,
            changes: change_set.changes.into_iter().map(core::Change::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&core::Change> for Change {
    fn from(change: &core::Change) -> Self {
        let kind = match change {
            core::Change::CreateFlag(create) => Kind::CreateFlag(create.into()),
            core::Change::DeleteFlag { flag } => Kind::DeleteFlag(flag.clone()),
            core::Change::UpdateFlag(update) => Kind::UpdateFlag(update.into()),
            core::Change::SetVariants { flag, variants: values } => {
                Kind::SetVariants(SetVariants { flag: flag.clone(), variants: variants(values) })
            }
            core::Change::Enable(place) => Kind::Enable(place.into()),
            core::Change::Disable(place) => Kind::Disable(place.into()),
            core::Change::Rollout { place, percent, enable } => {
                Kind::Rollout(Rollout { place: Some(place.into()), percent: *percent, enable: *enable })
            }
            core::Change::SetDefaultServe { place, serve } => Kind::SetDefaultServe(SetDefaultServe {
                place: Some(place.into()),
                serve: Some(serve.into()),
            }),
            core::Change::SetRules { place, rules } => Kind::SetRules(SetRules {
                place: Some(place.into()),
                rules: rules.iter().map(Rule::from).collect(),
            }),
            core::Change::SetOffVariant { place, variant } => {
                Kind::SetOffVariant(SetText { place: Some(place.into()), text: variant.clone() })
            }
            core::Change::SetSalt { place, salt } => {
                Kind::SetSalt(SetText { place: Some(place.into()), text: salt.clone() })
            }
            core::Change::CreateStore { bucketing, environments } => Kind::CreateStore(CreateStore {
                bucketing: bucketing.number(),
                environments: environments.clone(),
            }),
            core::Change::RestoreStore { from_epoch } => Kind::RestoreStore(from_epoch.clone()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Change> for core::Change {
    type Error = FormError;

    fn try_from(change: Change) -> Result<Self, FormError> {
        Ok(match required("a change", change.kind)? {
            Kind::CreateFlag(create) => Self::CreateFlag(create.try_into()?),
            Kind::DeleteFlag(flag) => Self::DeleteFlag { flag },
            Kind::UpdateFlag(update) => Self::UpdateFlag(update.try_into()?),
            Kind::SetVariants(set) => {
                Self::SetVariants { flag: set.flag, variants: named_values(set.variants)? }
            }
            Kind::Enable(place) => Self::Enable(place.into()),
            Kind::Disable(place) => Self::Disable(place.into()),
            Kind::Rollout(rollout) => Self::Rollout {
                place: located(rollout.place)?,
                percent: rollout.percent,
                enable: rollout.enable,
            },
            Kind::SetDefaultServe(set) => Self::SetDefaultServe {
                place: located(set.place)?,
                serve: required("what is served", set.serve)?.try_into()?,
            },
            Kind::SetRules(set) => Self::SetRules { place: located(set.place)?, rules: rules(set.rules)? },
            Kind::SetOffVariant(set) => Self::SetOffVariant { place: located(set.place)?, variant: set.text },
            Kind::SetSalt(set) => Self::SetSalt { place: located(set.place)?, salt: set.text },
            Kind::CreateStore(create) => Self::CreateStore {
                bucketing: Generation::numbered(create.bucketing)?,
                environments: create.environments,
            },
            Kind::RestoreStore(from_epoch) => Self::RestoreStore { from_epoch },
        })
    }
}

fn variants(variants: &[(String, mycelia_flags_core::value::Value)]) -> Vec<Variant> {
    variants.iter().map(|(name, value)| Variant::of(name, value)).collect()
}

fn named_values(
    variants: Vec<Variant>,
) -> Result<Vec<(String, mycelia_flags_core::value::Value)>, FormError> {
    variants.into_iter().map(Variant::parts).collect()
}

fn located(place: Option<Place>) -> Result<core::Place, FormError> {
    required("a place", place).map(core::Place::from)
}

impl From<&core::Place> for Place {
    fn from(place: &core::Place) -> Self {
        Self { environment: place.environment.clone(), flag: place.flag.clone() }
    }
}

impl From<Place> for core::Place {
    fn from(place: Place) -> Self {
        Self { environment: place.environment, flag: place.flag }
    }
}

impl From<&core::CreateFlag> for CreateFlag {
    fn from(create: &core::CreateFlag) -> Self {
        Self {
            key: create.key.clone(),
            flag_type: create.flag_type.number(),
            variants: variants(&create.variants),
            default_variant: create.default_variant.clone(),
            off_variant: create.off_variant.clone(),
            description: create.description.clone(),
            owner: create.owner.clone(),
            tags: create.tags.clone(),
            services: create.services.clone(),
            lifetime: create.lifetime.number(),
        }
    }
}

impl TryFrom<CreateFlag> for core::CreateFlag {
    type Error = FormError;

    fn try_from(create: CreateFlag) -> Result<Self, FormError> {
        Ok(Self {
            key: create.key,
            flag_type: FlagType::numbered(create.flag_type)?,
            variants: named_values(create.variants)?,
            default_variant: create.default_variant,
            off_variant: create.off_variant,
            description: create.description,
            owner: create.owner,
            tags: create.tags,
            services: create.services,
            lifetime: Lifetime::numbered(create.lifetime)?,
        })
    }
}

impl From<&core::UpdateFlag> for UpdateFlag {
    fn from(update: &core::UpdateFlag) -> Self {
        let texts = |texts: &Vec<String>| Texts { texts: texts.clone() };
        Self {
            flag: update.flag.clone(),
            description: update.description.clone(),
            owner: update.owner.clone(),
            tags: update.tags.as_ref().map(texts),
            services: update.services.as_ref().map(texts),
            lifetime: update.lifetime.map(Numbered::number),
        }
    }
}

impl TryFrom<UpdateFlag> for core::UpdateFlag {
    type Error = FormError;

    fn try_from(update: UpdateFlag) -> Result<Self, FormError> {
        Ok(Self {
            flag: update.flag,
            description: update.description,
            owner: update.owner,
            tags: update.tags.map(|tags| tags.texts),
            services: update.services.map(|services| services.texts),
            lifetime: update.lifetime.map(Lifetime::numbered).transpose()?,
        })
    }
}
