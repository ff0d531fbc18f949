//! Intents about a flag as all environments share it.

use mycelia_flags_core::change as core;
use mycelia_flags_core::flag::Lifetime;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::value::{FlagType, Value};

use super::super::FormError;
use super::super::flag::Variant;
use super::super::number::Numbered;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct CreateFlag {
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
    #[prost(sint64, optional, tag = "11")]
    pub(super) expected_end_micros: Option<i64>,
    #[prost(string, tag = "12")]
    pub(super) schema: String,
    #[prost(bool, tag = "13")]
    pub(super) client_visible: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct UpdateFlag {
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
    #[prost(message, optional, tag = "7")]
    pub(super) expected_end: Option<Moment>,
    #[prost(string, optional, tag = "8")]
    pub(super) schema: Option<String>,
    #[prost(bool, optional, tag = "9")]
    pub(super) client_visible: Option<bool>,
}

/// Several texts that may also be absent altogether.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(super) texts: Vec<String>,
}

/// A moment that is set, or one that is cleared, where nothing at all means that it stays.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::state::form) struct Moment {
    #[prost(sint64, optional, tag = "1")]
    pub(super) micros: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetVariants {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) variants: Vec<Variant>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct ArchiveFlag {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(bool, tag = "2")]
    pub(super) force: bool,
}

pub(super) fn variants(variants: &[(String, Value)]) -> Vec<Variant> {
    variants.iter().map(|(name, value)| Variant::of(name, value)).collect()
}

pub(super) fn named_values(variants: Vec<Variant>) -> Result<Vec<(String, Value)>, FormError> {
    variants.into_iter().map(Variant::parts).collect()
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
            expected_end_micros: create.expected_end.map(Timestamp::unix_micros),
            schema: create.schema.clone(),
            client_visible: create.client_visible,
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
            expected_end: create.expected_end_micros.map(Timestamp::from_unix_micros),
            schema: create.schema,
            client_visible: create.client_visible,
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
            expected_end: update.expected_end.map(|end| Moment { micros: end.map(Timestamp::unix_micros) }),
            schema: update.schema.clone(),
            client_visible: update.client_visible,
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
            expected_end: update.expected_end.map(|end| end.micros.map(Timestamp::from_unix_micros)),
            schema: update.schema,
            client_visible: update.client_visible,
        })
    }
}
