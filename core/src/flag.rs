//! Flags: what all environments share, what one environment decides, and the two together as evaluation needs them.

use std::sync::Arc;

use crate::condition::Condition;
use crate::key::{EnvironmentKey, FeatureKey, FlagKey, SegmentKey, ServiceName, VariantName};
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
    /// When a temporary flag should be gone; it is reported as stale afterwards.
    pub expected_end: Option<Timestamp>,
    /// A JSON Schema, as text, that the value of every variant satisfies.
    pub schema: Option<Box<str>>,
    /// Who archived the flag, when and in which revision. An archived flag is in no scope: nobody evaluates it.
    pub archived: Option<Switched>,
    /// Whether browsers may ask for its values. It plays no part in any evaluation.
    pub client_visible: bool,
}

impl FlagDefinition {
    /// Whether a service may see the flag.
    #[must_use]
    pub fn is_visible_to(&self, service: &ServiceName) -> bool {
        is_visible(&self.services, service.as_str())
    }

    /// What the flag serves to whoever is on the canary allowlist; none when it takes no part.
    #[must_use]
    pub fn canary_variant<'s>(&'s self, part: &'s CanaryPart) -> Option<&'s VariantName> {
        match part {
            CanaryPart::Variant(variant) => Some(variant),
            CanaryPart::Out => None,
            CanaryPart::ByType if self.flag_type == FlagType::Boolean => {
                self.true_and_false().map(|(on, _)| &on.name)
            }
            CanaryPart::ByType => None,
        }
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

/// Another flag that must serve one of some variants to the same context before this flag decides anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// The other flag, as it was spelled at creation.
    pub flag: FlagKey,
    /// What it must serve: at least one, and any of them will do.
    pub variants: Vec<VariantName>,
}

/// A service that is given one variant, whatever the flag would decide: detached for debugging.
///
/// It stands before the flag's switch, and disabling the flag ends it; one that is set afterwards is a deliberate act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOverride {
    /// The service.
    pub service: ServiceName,
    /// What it is given.
    pub variant: VariantName,
    /// When the server takes it back. Evaluations know no time: the server's own change set does it.
    pub expires_at: Timestamp,
    /// Who set it.
    pub set: Switched,
}

/// What a flag does for whoever is on its environment's canary allowlist, while canary mode is on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CanaryPart {
    /// A boolean flag serves its true variant; another flag takes no part.
    #[default]
    ByType,
    /// This variant is served.
    Variant(VariantName),
    /// The flag takes no part.
    Out,
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
    /// All must be met, or the off variant is served.
    pub prerequisites: Vec<Prerequisite>,
    /// What whoever is on the canary allowlist gets.
    pub canary: CanaryPart,
    /// At most one for each service, in the order of their names.
    pub overrides: Vec<ServiceOverride>,
    /// A flagd targeting expression, as JSON text, in place of rules.
    pub targeting: Option<Box<str>>,
    /// Who raised what is served here last; none while nobody has. Policies ask for it, evaluations do not.
    pub raised: Option<Switched>,
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
            prerequisites: Vec::new(),
            canary: CanaryPart::ByType,
            overrides: Vec::new(),
            targeting: None,
            raised: None,
        }
    }

    /// The segments that the rules name.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentKey> {
        self.rules.iter().flat_map(|rule| rule.condition.segments())
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
        let canary = match &self.canary {
            CanaryPart::Variant(variant) => Some(("canary".to_owned(), variant)),
            CanaryPart::ByType | CanaryPart::Out => None,
        };
        let overrides = self
            .overrides
            .iter()
            .map(|detached| (format!("the override of service {}", detached.service), &detached.variant));
        [("off_variant".to_owned(), &self.off_variant), ("default_variant".to_owned(), &self.default_variant)]
            .into_iter()
            .chain(self.default_serve.variants().map(|variant| ("default_serve".to_owned(), variant)))
            .chain(rules)
            .chain(canary)
            .chain(overrides)
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
    /// The services that may evaluate it; empty means all. To another service it is there only for the flags that have
    /// it as a prerequisite.
    pub services: Vec<ServiceName>,
    /// All must be met, or the off variant is served.
    pub prerequisites: Vec<Prerequisite>,
    /// Served to whoever is on the canary allowlist while canary mode is on; none when the flag takes no part.
    pub canary_variant: Option<VariantName>,
    /// The services that are given one variant each, whatever the flag would decide.
    pub overrides: Vec<(ServiceName, VariantName)>,
    /// A flagd targeting expression, as JSON text, in place of rules.
    pub targeting: Option<Box<str>>,
}

impl EffectiveFlag {
    /// A flag that serves everybody the same variant: what others are made from.
    #[must_use]
    pub fn constant(
        key: FlagKey,
        flag_type: FlagType,
        variants: Arc<[Variant]>,
        variant: &VariantName,
    ) -> Self {
        Self {
            key,
            flag_type,
            variants,
            enabled: true,
            off_variant: variant.clone(),
            default_variant: variant.clone(),
            rules: Vec::new(),
            default_serve: Serve::Variant(variant.clone()),
            salt: None,
            services: Vec::new(),
            prerequisites: Vec::new(),
            canary_variant: None,
            overrides: Vec::new(),
            targeting: None,
        }
    }

    /// Whether a service may evaluate the flag.
    #[must_use]
    pub fn is_visible_to(&self, service: &str) -> bool {
        is_visible(&self.services, service)
    }

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
            services: definition.services.clone(),
            prerequisites: configuration.prerequisites.clone(),
            canary_variant: definition.canary_variant(&configuration.canary).cloned(),
            overrides: configuration
                .overrides
                .iter()
                .map(|detached| (detached.service.clone(), detached.variant.clone()))
                .collect(),
            targeting: configuration.targeting.clone(),
        }
    }
}

/// Whether a service is among those named; nobody named means everybody.
pub(crate) fn is_visible(services: &[ServiceName], service: &str) -> bool {
    services.is_empty() || services.iter().any(|known| known.as_str() == service)
}

/// An environment's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The environment's key.
    pub key: EnvironmentKey,
    /// Its place among the others, as people see them.
    pub position: u32,
}

/// Whether an environment's canary mode is on. Its allowlist is a [list](crate::list::ListKey::Canary).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Canary {
    /// While it is on, whoever is on the allowlist gets the canary variant of every flag that takes part.
    pub on: bool,
    /// Who switched it last; none while nobody has.
    pub switched: Option<Switched>,
}

/// Several flags that are shown, switched and compared together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Unique in the store.
    pub key: FeatureKey,
    /// For people.
    pub description: Box<str>,
    /// The flags, as they were spelled at creation; at least one.
    pub flags: Vec<FlagKey>,
}
