//! Definitions and configurations of flags.

use mycelia_flags_core::flag as core;
use mycelia_flags_core::key::{FlagKey, ServiceName, VariantName};
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::value as core_value;

use super::condition::{Rule, rules};
use super::number::Numbered;
use super::value::Value;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Definition {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(uint32, tag = "2")]
    pub(super) flag_type: u32,
    #[prost(message, repeated, tag = "3")]
    pub(super) variants: Vec<Variant>,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(string, tag = "5")]
    pub(super) owner: String,
    #[prost(string, repeated, tag = "6")]
    pub(super) tags: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    pub(super) services: Vec<String>,
    #[prost(uint32, tag = "8")]
    pub(super) lifetime: u32,
    #[prost(sint64, optional, tag = "9")]
    pub(super) expected_end_micros: Option<i64>,
    #[prost(string, optional, tag = "10")]
    pub(super) schema: Option<String>,
    #[prost(message, optional, tag = "11")]
    pub(super) archived: Option<Switched>,
    #[prost(bool, tag = "12")]
    pub(super) client_visible: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Variant {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Configuration {
    #[prost(bool, tag = "1")]
    pub(super) enabled: bool,
    #[prost(string, tag = "2")]
    pub(super) off_variant: String,
    #[prost(string, tag = "3")]
    pub(super) default_variant: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) rules: Vec<Rule>,
    #[prost(message, optional, tag = "5")]
    pub(super) default_serve: Option<Serve>,
    #[prost(string, optional, tag = "6")]
    pub(super) salt: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub(super) switched: Option<Switched>,
    #[prost(message, repeated, tag = "8")]
    pub(super) prerequisites: Vec<Prerequisite>,
    /// Absent means by type.
    #[prost(message, optional, tag = "9")]
    pub(super) canary: Option<CanaryPart>,
    #[prost(message, repeated, tag = "10")]
    pub(super) overrides: Vec<Override>,
    #[prost(string, optional, tag = "11")]
    pub(super) targeting: Option<String>,
    #[prost(message, optional, tag = "12")]
    pub(super) raised: Option<Switched>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Prerequisite {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) variants: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CanaryPart {
    #[prost(oneof = "CanaryKind", tags = "1, 2, 3")]
    pub(super) kind: Option<CanaryKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum CanaryKind {
    #[prost(string, tag = "1")]
    Variant(String),
    /// Always true.
    #[prost(bool, tag = "2")]
    Out(bool),
    /// Always true.
    #[prost(bool, tag = "3")]
    ByType(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Override {
    #[prost(string, tag = "1")]
    pub(super) service: String,
    #[prost(string, tag = "2")]
    pub(super) variant: String,
    #[prost(sint64, tag = "3")]
    pub(super) expires_at_micros: i64,
    #[prost(message, optional, tag = "4")]
    pub(super) set: Option<Switched>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Switched {
    #[prost(string, tag = "1")]
    pub(super) by: String,
    #[prost(sint64, tag = "2")]
    pub(super) at_micros: i64,
    #[prost(uint64, tag = "3")]
    pub(super) revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Serve {
    #[prost(oneof = "ServeKind", tags = "1, 2")]
    pub(super) kind: Option<ServeKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum ServeKind {
    #[prost(string, tag = "1")]
    Variant(String),
    #[prost(message, tag = "2")]
    Split(Split),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Split {
    #[prost(message, repeated, tag = "1")]
    pub(super) weights: Vec<Weight>,
    #[prost(string, optional, tag = "2")]
    pub(super) bucket_by: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Weight {
    #[prost(string, tag = "1")]
    pub(super) variant: String,
    #[prost(uint32, tag = "2")]
    pub(super) weight: u32,
}

impl From<&core::FlagDefinition> for Definition {
    fn from(definition: &core::FlagDefinition) -> Self {
        let variants = definition.variants.iter();
        Self {
            key: definition.key.to_string(),
            flag_type: definition.flag_type.number(),
            variants: variants.map(|variant| Variant::of(variant.name.as_str(), &variant.value)).collect(),
            description: definition.description.to_string(),
            owner: definition.owner.to_string(),
            tags: definition.tags.iter().map(ToString::to_string).collect(),
            services: definition.services.iter().map(ToString::to_string).collect(),
            lifetime: definition.lifetime.number(),
            expected_end_micros: definition.expected_end.map(Timestamp::unix_micros),
            schema: definition.schema.as_deref().map(str::to_owned),
            archived: definition.archived.as_ref().map(Switched::from),
            client_visible: definition.client_visible,
        }
    }
}

impl TryFrom<Definition> for core::FlagDefinition {
    type Error = FormError;

    fn try_from(definition: Definition) -> Result<Self, FormError> {
        let variants = definition.variants.into_iter().map(|variant| {
            let (name, value) = variant.parts()?;
            Ok(core::Variant { name: VariantName::new(&name), value })
        });
        Ok(Self {
            key: FlagKey::new(&definition.key),
            flag_type: core_value::FlagType::numbered(definition.flag_type)?,
            variants: variants.collect::<Result<_, FormError>>()?,
            description: definition.description.into(),
            owner: definition.owner.into(),
            tags: definition.tags.into_iter().map(Box::from).collect(),
            services: definition.services.iter().map(|name| ServiceName::new(name)).collect(),
            lifetime: core::Lifetime::numbered(definition.lifetime)?,
            expected_end: definition.expected_end_micros.map(Timestamp::from_unix_micros),
            schema: definition.schema.map(Box::from),
            archived: definition.archived.map(core::Switched::from),
            client_visible: definition.client_visible,
        })
    }
}

impl Variant {
    pub(super) fn of(name: &str, value: &core_value::Value) -> Self {
        Self { name: name.to_owned(), value: Some(Value::from(value)) }
    }

    pub(super) fn parts(self) -> Result<(String, core_value::Value), FormError> {
        Ok((self.name, required("a variant's value", self.value)?.try_into()?))
    }
}

impl From<&core::FlagConfiguration> for Configuration {
    fn from(configuration: &core::FlagConfiguration) -> Self {
        Self {
            enabled: configuration.enabled,
            off_variant: configuration.off_variant.to_string(),
            default_variant: configuration.default_variant.to_string(),
            rules: configuration.rules.iter().map(Rule::from).collect(),
            default_serve: Some(Serve::from(&configuration.default_serve)),
            salt: configuration.salt.as_deref().map(str::to_owned),
            switched: configuration.switched.as_ref().map(Switched::from),
            prerequisites: configuration.prerequisites.iter().map(Prerequisite::from).collect(),
            canary: Some(&configuration.canary)
                .filter(|part| **part != core::CanaryPart::ByType)
                .map(CanaryPart::from),
            overrides: configuration.overrides.iter().map(Override::from).collect(),
            targeting: configuration.targeting.as_deref().map(str::to_owned),
            raised: configuration.raised.as_ref().map(Switched::from),
        }
    }
}

impl TryFrom<Configuration> for core::FlagConfiguration {
    type Error = FormError;

    fn try_from(configuration: Configuration) -> Result<Self, FormError> {
        Ok(Self {
            enabled: configuration.enabled,
            off_variant: VariantName::new(&configuration.off_variant),
            default_variant: VariantName::new(&configuration.default_variant),
            rules: rules(configuration.rules)?,
            default_serve: required("a default serve", configuration.default_serve)?.try_into()?,
            salt: configuration.salt.map(Box::from),
            switched: configuration.switched.map(core::Switched::from),
            prerequisites: configuration.prerequisites.into_iter().map(core::Prerequisite::from).collect(),
            canary: match configuration.canary {
                Some(part) => part.try_into()?,
                None => core::CanaryPart::ByType,
            },
            overrides: configuration
                .overrides
                .into_iter()
                .map(core::ServiceOverride::try_from)
                .collect::<Result<_, _>>()?,
            targeting: configuration.targeting.map(Box::from),
            raised: configuration.raised.map(core::Switched::from),
        })
    }
}

impl From<&core::Switched> for Switched {
    fn from(switched: &core::Switched) -> Self {
        Self {
            by: switched.by.to_string(),
            at_micros: switched.at.unix_micros(),
            revision: switched.revision.get(),
        }
    }
}

impl From<Switched> for core::Switched {
    fn from(switched: Switched) -> Self {
        Self {
            by: switched.by.into(),
            at: Timestamp::from_unix_micros(switched.at_micros),
            revision: Revision::new(switched.revision),
        }
    }
}

impl From<&core::Prerequisite> for Prerequisite {
    fn from(prerequisite: &core::Prerequisite) -> Self {
        Self {
            flag: prerequisite.flag.to_string(),
            variants: prerequisite.variants.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Prerequisite> for core::Prerequisite {
    fn from(prerequisite: Prerequisite) -> Self {
        Self {
            flag: FlagKey::new(&prerequisite.flag),
            variants: prerequisite.variants.iter().map(|name| VariantName::new(name)).collect(),
        }
    }
}

impl From<&core::CanaryPart> for CanaryPart {
    fn from(part: &core::CanaryPart) -> Self {
        let kind = match part {
            core::CanaryPart::ByType => CanaryKind::ByType(true),
            core::CanaryPart::Variant(variant) => CanaryKind::Variant(variant.to_string()),
            core::CanaryPart::Out => CanaryKind::Out(true),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<CanaryPart> for core::CanaryPart {
    type Error = FormError;

    fn try_from(part: CanaryPart) -> Result<Self, FormError> {
        Ok(match required("a part in the canary", part.kind)? {
            CanaryKind::ByType(_) => Self::ByType,
            CanaryKind::Variant(variant) => Self::Variant(VariantName::new(&variant)),
            CanaryKind::Out(_) => Self::Out,
        })
    }
}

impl From<&core::ServiceOverride> for Override {
    fn from(detached: &core::ServiceOverride) -> Self {
        Self {
            service: detached.service.to_string(),
            variant: detached.variant.to_string(),
            expires_at_micros: detached.expires_at.unix_micros(),
            set: Some(Switched::from(&detached.set)),
        }
    }
}

impl TryFrom<Override> for core::ServiceOverride {
    type Error = FormError;

    fn try_from(detached: Override) -> Result<Self, FormError> {
        Ok(Self {
            service: ServiceName::new(&detached.service),
            variant: VariantName::new(&detached.variant),
            expires_at: Timestamp::from_unix_micros(detached.expires_at_micros),
            set: required("who set an override", detached.set)?.into(),
        })
    }
}

impl From<&core::Serve> for Serve {
    fn from(serve: &core::Serve) -> Self {
        let kind = match serve {
            core::Serve::Variant(name) => ServeKind::Variant(name.to_string()),
            core::Serve::Split(split) => {
                let weights = split.weights.iter().map(|weighted| Weight {
                    variant: weighted.variant.to_string(),
                    weight: weighted.weight,
                });
                ServeKind::Split(Split {
                    weights: weights.collect(),
                    bucket_by: split.bucket_by.as_deref().map(str::to_owned),
                })
            }
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Serve> for core::Serve {
    type Error = FormError;

    fn try_from(serve: Serve) -> Result<Self, FormError> {
        Ok(match required("what is served", serve.kind)? {
            ServeKind::Variant(name) => Self::Variant(VariantName::new(&name)),
            ServeKind::Split(split) => {
                let weights = split.weights.into_iter().map(|weight| core::WeightedVariant {
                    variant: VariantName::new(&weight.variant),
                    weight: weight.weight,
                });
                Self::Split(core::Split {
                    weights: weights.collect(),
                    bucket_by: split.bucket_by.map(Box::from),
                })
            }
        })
    }
}
