//! What a flag does in one environment, in the words in which HTTP callers ask for it.

use mycelia_flags_core::flag::{FlagConfiguration, FlagDefinition, Serve};
use mycelia_flags_core::text;
use mycelia_flags_core::value::Value;
use serde::{Serialize, Serializer};

/// One flag in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FlagState {
    /// As it was spelled at creation.
    key: String,
    enabled: bool,
    /// How much of everybody gets a true value by default while the flag is enabled, in percent. Of a flag that was never
    /// rolled out it is 100 or 0, and 0 while it is disabled. None of a flag that is not boolean.
    rollout: Option<Percent>,
    /// The variant, where everybody gets the same.
    variant: Option<String>,
    /// What is served now, in words.
    serves: String,
    /// Whether browsers may ask for its values.
    #[serde(skip_serializing_if = "is_false")]
    client_visible: bool,
    /// Services that are given something else for a while.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overridden_for: Vec<String>,
}

impl FlagState {
    pub(super) fn of(definition: &FlagDefinition, configuration: &FlagConfiguration) -> Self {
        let overridden = configuration.overrides.iter().map(|detached| detached.service.to_string());
        Self {
            key: definition.key.to_string(),
            enabled: configuration.enabled,
            rollout: rollout(definition, configuration),
            variant: variant(configuration),
            serves: serves(configuration),
            client_visible: definition.client_visible,
            overridden_for: overridden.collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Thousandths of a percent, written as a percentage: `25`, `12.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Percent(u32);

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1_000) {
            return serializer.serialize_u32(self.0 / 1_000);
        }
        // The division is correctly rounded, so what is printed are the decimals that were asked for.
        serializer.serialize_f64(f64::from(self.0) / 1_000.0)
    }
}

fn rollout(definition: &FlagDefinition, configuration: &FlagConfiguration) -> Option<Percent> {
    definition.true_and_false()?;
    let is_true = |name| definition.variant(name).is_some_and(|found| found.value == Value::Boolean(true));
    Some(match &configuration.default_serve {
        Serve::Variant(name) if configuration.enabled && is_true(name) => Percent(100_000),
        Serve::Variant(_) => Percent(0),
        Serve::Split(split) => {
            let weights = split.weights.iter().filter(|weighted| is_true(&weighted.variant));
            Percent(weights.map(|weighted| weighted.weight).sum())
        }
    })
}

fn variant(configuration: &FlagConfiguration) -> Option<String> {
    if !configuration.enabled {
        return Some(configuration.off_variant.to_string());
    }
    if has_conditions(configuration) {
        return None;
    }
    match &configuration.default_serve {
        Serve::Variant(name) => Some(name.to_string()),
        Serve::Split(split) => split.sole_variant().map(ToString::to_string),
    }
}

fn serves(configuration: &FlagConfiguration) -> String {
    if !configuration.enabled {
        return configuration.off_variant.to_string();
    }
    let default = match &configuration.default_serve {
        Serve::Split(split) => match split.sole_variant() {
            Some(sole) => sole.to_string(),
            None => text::split(split),
        },
        Serve::Variant(name) => name.to_string(),
    };
    let before = match (configuration.targeting.is_some(), configuration.rules.len()) {
        (true, _) => "a targeting expression, otherwise ".to_owned(),
        (false, 0) => String::new(),
        (false, 1) => "1 rule, otherwise ".to_owned(),
        (false, count) => format!("{count} rules, otherwise "),
    };
    let needs = match configuration.prerequisites.len() {
        0 => String::new(),
        1 => "if 1 prerequisite is met, ".to_owned(),
        count => format!("if {count} prerequisites are met, "),
    };
    format!("{needs}{before}{default}")
}

const fn has_conditions(configuration: &FlagConfiguration) -> bool {
    configuration.targeting.is_some()
        || !configuration.rules.is_empty()
        || !configuration.prerequisites.is_empty()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mycelia_flags_core::condition::Condition;
    use mycelia_flags_core::flag::{Lifetime, Rule, Split, Variant, WeightedVariant};
    use mycelia_flags_core::key::{FlagKey, VariantName};
    use mycelia_flags_core::value::FlagType;
    use serde_json::json;

    use super::*;

    fn dreams(flag_type: FlagType, values: [Value; 2]) -> FlagDefinition {
        let names = ["on", "off"].map(VariantName::new);
        let variants: Vec<Variant> =
            names.into_iter().zip(values).map(|(name, value)| Variant { name, value }).collect();
        FlagDefinition {
            key: FlagKey::new("dreams"),
            flag_type,
            variants: Arc::from(variants),
            description: Box::default(),
            owner: Box::default(),
            tags: Vec::new(),
            services: Vec::new(),
            lifetime: Lifetime::Temporary,
            expected_end: None,
            schema: None,
            archived: None,
            client_visible: false,
        }
    }

    fn boolean() -> FlagDefinition {
        dreams(FlagType::Boolean, [Value::Boolean(true), Value::Boolean(false)])
    }

    fn split(on: u32) -> Serve {
        let weights = [("on", on), ("off", 100_000 - on)];
        let weights =
            weights.map(|(name, weight)| WeightedVariant { variant: VariantName::new(name), weight });
        Serve::Split(Split { weights: weights.to_vec(), bucket_by: None })
    }

    fn configuration(enabled: bool, default_serve: Serve) -> FlagConfiguration {
        let dark = FlagConfiguration::dark(VariantName::new("on"), VariantName::new("off"));
        FlagConfiguration { enabled, default_serve, ..dark }
    }

    #[track_caller]
    fn check(definition: &FlagDefinition, configuration: &FlagConfiguration, expected: serde_json::Value) {
        let state = serde_json::to_value(FlagState::of(definition, configuration)).unwrap();
        let found = json!([state["enabled"], state["rollout"], state["variant"], state["serves"]]);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_percentage_is_printed_as_it_was_asked_for() {
        for (weight, text) in [(0, "0"), (25_000, "25"), (12_500, "12.5"), (33_333, "33.333"), (1, "0.001")] {
            assert_eq!(serde_json::to_string(&Percent(weight)).unwrap(), text);
        }
    }

    #[test]
    fn a_boolean_flag_says_how_far_it_is() {
        let on = || Serve::Variant(VariantName::new("on"));
        check(&boolean(), &configuration(false, on()), json!([false, 0, "off", "off"]));
        check(&boolean(), &configuration(true, on()), json!([true, 100, "on", "on"]));
        check(
            &boolean(),
            &configuration(true, split(12_500)),
            json!([true, 12.5, null, "12.5% on, 87.5% off"]),
        );
        check(&boolean(), &configuration(true, split(100_000)), json!([true, 100, "on", "on"]));
        check(&boolean(), &configuration(false, split(0)), json!([false, 0, "off", "off"]));
        check(&boolean(), &configuration(false, split(25_000)), json!([false, 25, "off", "off"]));
    }

    #[test]
    fn what_stands_before_the_default_is_said() {
        let mut ruled = configuration(true, split(25_000));
        let rule = Rule { name: Box::default(), condition: Condition::always(), serve: split(0) };
        ruled.rules = vec![rule];
        check(&boolean(), &ruled, json!([true, 25, null, "1 rule, otherwise 25% on, 75% off"]));
        let text = dreams(FlagType::String, [Value::string("a"), Value::string("b")]);
        check(&text, &configuration(true, split(25_000)), json!([true, null, null, "25% on, 75% off"]));
    }
}
