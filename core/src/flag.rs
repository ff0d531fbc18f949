//! Flags: what all environments share, what one environment decides, and the two together as evaluation needs them.

use std::sync::Arc;

use crate::condition::Condition;
use crate::key::{EnvironmentKey, FlagKey, ServiceName, VariantName};
use crate::revision::{Revision, Timestamp};
use crate::value::{FlagType, Value};

/// A named value of a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Unique within the flag.
    pub name: VariantName,
    /// Of the flag's type.
    pub value: Value,
}

/// How long a flag is meant to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// It serves one rollout and is then removed.
    #[default]
    Temporary,
    /// It stays.
    Permanent,
}

/// What all environments share of a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagDefinition {
    /// As it was spelled at creation.
    pub key: FlagKey,
    /// Fixed at creation.
    pub flag_type: FlagType,
    /// At least one; shared, because every environment's effective flag points at them.
    pub variants: Arc<[Variant]>,
    /// For people.
    pub description: Box<str>,
    /// Who answers for the flag.
    pub owner: Box<str>,
    /// For search and grouping.
    pub tags: Vec<Box<str>>,
    /// The services that may see the flag; empty means all of them.
    pub services: Vec<ServiceName>,
    /// Temporary or permanent.
    pub lifetime: Lifetime,
}

impl FlagDefinition {
    /// Whether a service may see the flag.
    #[must_use]
    pub fn is_visible_to(&self, service: &ServiceName) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }

    /// The variant of this name.
    #[must_use]
    pub fn variant(&self, name: &VariantName) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == *name)
    }

    /// The variants that mean true and false, for a boolean flag that has both.
    #[must_use]
    pub fn true_and_false(&self) -> Option<(&Variant, &Variant)> {
        let find = |wanted| self.variants.iter().find(|variant| variant.value == Value::Boolean(wanted));
        Some((find(true)?, find(false)?))
    }
}

/// A share of the subjects for one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedVariant {
    /// The variant that is served.
    pub variant: VariantName,
    /// In thousandths of a percent.
    pub weight: u32,
}

/// Weights over variants.
///
/// A split whose whole weight is on one variant is that variant: everybody gets it, whether something identifies them
/// or not, for the reasons of a plain variant. So 0 % is nobody and 100 % is everybody. Only where a choice is left is
/// the subject's identity needed, and the flag's default variant stands in where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The order fixes the buckets; the weights add up to [`crate::limits::WEIGHT_TOTAL`].
    pub weights: Vec<WeightedVariant>,
    /// The attribute that identifies the subject; none means the targeting key.
    pub bucket_by: Option<Box<str>>,
}

impl Split {
    /// The variant that has the whole weight, if one has.
    #[must_use]
    pub fn sole_variant(&self) -> Option<&VariantName> {
        let mut weighted = self.weights.iter().filter(|weighted| weighted.weight > 0);
        let sole = &weighted.next()?.variant;
        weighted.all(|other| other.variant == *sole).then_some(sole)
    }
}

/// What a rule, or a flag by default, serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serve {
    /// One variant for everybody.
    Variant(VariantName),
    /// A share of the subjects for each of several variants.
    Split(Split),
}

impl Serve {
    /// Every variant that is named.
    pub fn variants(&self) -> impl Iterator<Item = &VariantName> {
        let (one, many) = match self {
            Self::Variant(name) => (Some(name), None),
            Self::Split(split) => (None, Some(split.weights.iter().map(|weighted| &weighted.variant))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// A condition and what it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Says in words what the rule is for.
    pub name: Box<str>,
    /// When it applies.
    pub condition: Condition,
    /// What is served then.
    pub serve: Serve,
}

/// Who switched a flag on or off last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The actor.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// In which revision.
    pub revision: Revision,
}

/// What a flag does in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagConfiguration {
    /// A disabled flag serves its off variant.
    pub enabled: bool,
    /// Served while the flag is disabled.
    pub off_variant: VariantName,
    /// Stands in when a split needs a targeting key, or the attribute that it buckets by, and finds none.
    pub default_variant: VariantName,
    /// Tried in order.
    pub rules: Vec<Rule>,
    /// Served when no rule matches.
    pub default_serve: Serve,
    /// Buckets by this text instead of the flag's key.
    pub salt: Option<Box<str>>,
    /// None while nobody has ever enabled or disabled the flag here.
    pub switched: Option<Switched>,
}

impl FlagConfiguration {
    /// A flag that was just created: dark.
    #[must_use]
    pub fn dark(default_variant: VariantName, off_variant: VariantName) -> Self {
        Self {
            enabled: false,
            off_variant,
            default_serve: Serve::Variant(default_variant.clone()),
            default_variant,
            rules: Vec::new(),
            salt: None,
            switched: None,
        }
    }

    /// Whether anybody's variant depends on the bucket that they are in.
    #[must_use]
    pub fn has_buckets(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.serve);
        rules.chain([&self.default_serve]).any(|serve| match serve {
            Serve::Variant(_) => false,
            Serve::Split(split) => split.sole_variant().is_none(),
        })
    }

    /// Every variant that is named anywhere, with the place where it is named.
    pub fn named_variants(&self) -> impl Iterator<Item = (String, &VariantName)> {
        let rules = self.rules.iter().enumerate().flat_map(|(index, rule)| {
            rule.serve.variants().map(move |variant| (format!("rules[{index}].serve"), variant))
        });
        [("off_variant".to_owned(), &self.off_variant), ("default_variant".to_owned(), &self.default_variant)]
            .into_iter()
            .chain(self.default_serve.variants().map(|variant| ("default_serve".to_owned(), variant)))
            .chain(rules)
    }
}

/// A flag as one environment sees it: what evaluation needs and nothing else. This is what travels to subscribers.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveFlag {
    /// As it was spelled at creation.
    pub key: FlagKey,
    /// The type of all variants.
    pub flag_type: FlagType,
    /// The named values.
    pub variants: Arc<[Variant]>,
    /// A disabled flag serves its off variant.
    pub enabled: bool,
    /// Served while the flag is disabled.
    pub off_variant: VariantName,
    /// Stands in when a split needs a targeting key, or the attribute that it buckets by, and finds none.
    pub default_variant: VariantName,
    /// Tried in order.
    pub rules: Vec<Rule>,
    /// Served when no rule matches.
    pub default_serve: Serve,
    /// Buckets by this text instead of the flag's key.
    pub salt: Option<Box<str>>,
}

impl EffectiveFlag {
    /// Puts a definition and a configuration together.
    #[must_use]
    pub fn of(definition: &FlagDefinition, configuration: &FlagConfiguration) -> Self {
        Self {
            key: definition.key.clone(),
            flag_type: definition.flag_type,
            variants: Arc::clone(&definition.variants),
            enabled: configuration.enabled,
            off_variant: configuration.off_variant.clone(),
            default_variant: configuration.default_variant.clone(),
            rules: configuration.rules.clone(),
            default_serve: configuration.default_serve.clone(),
            salt: configuration.salt.clone(),
        }
    }
}

/// An environment's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The environment's key.
    pub key: EnvironmentKey,
    /// Its place among the others, as people see them.
    pub position: u32,
}
