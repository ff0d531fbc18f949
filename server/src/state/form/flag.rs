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
            switched: configuration.switched.as_ref().map(|switched| Switched {
                by: switched.by.to_string(),
                at_micros: switched.at.unix_micros(),
                revision: switched.revision.get(),
            }),
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
            switched: configuration.switched.map(|switched| core::Switched {
                by: switched.by.into(),
                at: Timestamp::from_unix_micros(switched.at_micros),
                revision: Revision::new(switched.revision),
            }),
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
