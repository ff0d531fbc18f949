//! Changes of what one environment decides about a flag: its switch, what it serves and to whom.

use std::sync::Arc;

use super::Draft;
use crate::change::Place;
use crate::entity::{Entity, EntityId};
use crate::flag::{
    CanaryPart, FlagConfiguration, FlagDefinition, Rule, Serve, Split, Switched, Variant, WeightedVariant,
};
use crate::key::{EnvironmentKey, SegmentKey};
use crate::limits::{TEXT_BYTES_MAX, WEIGHT_TOTAL};
use crate::rejection::Reason;
use crate::validate::Findings;
use crate::value::FlagType;

impl Draft<'_> {
    pub(super) fn switch(&mut self, field: &str, place: &Place, enabled: bool) {
        let switched = self.switched.clone();
        self.configure(field, place, |_, _, configuration| set_enabled(configuration, enabled, switched));
    }

    pub(super) fn rollout(&mut self, field: &str, place: &Place, percent: f64, enable: bool) {
        let switched = self.switched.clone();
        let weight = exact_weight(percent);
        if weight.is_none() {
            // Wrong whatever the flag is, so it is said even when there is no such flag.
            self.findings.percent(&format!("{field}.percent"), percent);
        }
        self.configure(field, place, |findings, definition, configuration| {
            let flag = format!("{field}.flag");
            let pair = true_and_false(findings, &flag, definition);
            may_enable(findings, &flag, definition, configuration, enable);
            if let (Some(weight), Some((on, off))) = (weight, pair) {
                let split = rollout_split(&configuration.default_serve, on, off, weight);
                configuration.default_serve = Serve::Split(split);
                // Dark first: whoever cannot be told apart is not among the first few percent.
                configuration.default_variant = off.name.clone();
            }
            set_enabled(configuration, true, switched);
        });
    }

    pub(super) fn set_default_serve(&mut self, field: &str, place: &Place, serve: &Serve) {
        self.configure(field, place, |findings, definition, configuration| {
            findings.serve(&format!("{field}.serve"), serve, definition);
            configuration.default_serve = serve.clone();
            // A variant that everybody gets is the default one; without this, the first one could never be removed.
            if let Serve::Variant(name) = serve {
                configuration.default_variant = name.clone();
            }
        });
    }

    pub(super) fn set_rules(&mut self, field: &str, place: &Place, rules: &[Rule]) {
        for (index, rule) in rules.iter().enumerate() {
            for (field, segment) in rule.condition.segments_at(&format!("{field}.rules[{index}].condition")) {
                // What is no name is noted with everything else that a condition may not hold.
                if SegmentKey::parse(segment.as_str()).is_ok() {
                    self.names_segment(&field, place, segment);
                }
            }
        }
        self.configure(field, place, |findings, definition, configuration| {
            findings.rules(&format!("{field}.rules"), rules, definition);
            if configuration.targeting.is_some() && !rules.is_empty() {
                findings.excluded_by_targeting(&format!("{field}.flag"), definition);
            }
            configuration.rules = rules.to_vec();
        });
    }

    pub(super) fn set_targeting(&mut self, field: &str, place: &Place, targeting: &str) {
        let generation = self.work.settings().bucketing;
        self.configure(field, place, |findings, definition, configuration| {
            if targeting.is_empty() {
                configuration.targeting = None;
                return;
            }
            findings.targeting(&format!("{field}.targeting"), targeting, generation, definition);
            if !configuration.rules.is_empty() {
                let allowed = "a flag without rules: targeting decides in place of them";
                let field = format!("{field}.flag");
                findings.note(Reason::NotApplicable, &field, definition.key.as_str(), allowed);
            }
            configuration.targeting = Some(Box::from(targeting));
        });
    }

    pub(super) fn set_canary_part(&mut self, field: &str, place: &Place, part: &CanaryPart) {
        self.configure(field, place, |findings, definition, configuration| {
            if let CanaryPart::Variant(variant) = part {
                findings.variant(&format!("{field}.part.variant"), variant.as_str(), definition);
            }
            configuration.canary = part.clone();
        });
    }

    /// Notes a segment that the place's environment does not have. An environment that is not there is noted elsewhere.
    pub(super) fn names_segment(&mut self, field: &str, place: &Place, segment: &SegmentKey) {
        let environment = EnvironmentKey::parse(&place.environment).ok();
        if let Some(environment) = environment.filter(|environment| self.work.has_environment(environment)) {
            self.has_segment(field, &environment, segment);
        }
    }

    pub(super) fn set_off_variant(&mut self, field: &str, place: &Place, variant: &str) {
        self.configure(field, place, |findings, definition, configuration| {
            if let Some(name) = findings.variant(&format!("{field}.variant"), variant, definition) {
                configuration.off_variant = name;
            }
        });
    }

    pub(super) fn set_salt(&mut self, field: &str, place: &Place, salt: &str) {
        self.configure(field, place, |findings, definition, configuration| {
            findings.text(&format!("{field}.salt"), salt, TEXT_BYTES_MAX);
            let salt = (!salt.is_empty()).then(|| Box::from(salt));
            if configuration.salt != salt && configuration.has_buckets() {
                findings.warnings.push(format!(
                    "another salt moves subjects between the buckets of {} in {}",
                    definition.key, place.environment
                ));
            }
            configuration.salt = salt;
        });
    }

    pub(super) fn configure(
        &mut self,
        field: &str,
        place: &Place,
        edit: impl FnOnce(&mut Findings, &FlagDefinition, &mut FlagConfiguration),
    ) {
        let environment = self.environment(&format!("{field}.environment"), &place.environment);
        let definition = self.live_flag(&format!("{field}.flag"), &place.flag);
        let (Some(environment), Some(definition)) = (environment, definition) else {
            return;
        };
        let folded = definition.key.folded();
        let Some(configuration) = self.work.configuration(&environment, &folded) else {
            return;
        };
        let mut configuration = FlagConfiguration::clone(configuration);
        let noted = self.findings.violations.len();
        edit(&mut self.findings, &definition, &mut configuration);
        self.name_latch(noted, &environment, &folded);
        let id = EntityId::Configuration(environment, folded);
        self.write(id, Some(Entity::Configuration(Arc::new(configuration))));
    }
}

/// The true and the false variant of a boolean flag; notes that another one has none.
pub(super) fn true_and_false<'d>(
    findings: &mut Findings,
    field: &str,
    definition: &'d FlagDefinition,
) -> Option<(&'d Variant, &'d Variant)> {
    let pair = definition.true_and_false().filter(|_| definition.flag_type == FlagType::Boolean);
    if pair.is_none() {
        let allowed = "a boolean flag with a true and a false variant; use a default serve with a split";
        findings.note(Reason::NotApplicable, field, definition.key.as_str(), allowed);
    }
    pair
}

/// Notes a flag that somebody has disabled, unless it is said that it is to be enabled again.
pub(super) fn may_enable(
    findings: &mut Findings,
    field: &str,
    definition: &FlagDefinition,
    configuration: &FlagConfiguration,
    enable: bool,
) {
    if let (Some(by), false, false) = (&configuration.switched, configuration.enabled, enable) {
        let allowed = format!(
            "{} disabled it at {} (revision {}); say enable to enable it again",
            by.by, by.at, by.revision
        );
        findings.note(Reason::FlagDisabled, field, definition.key.as_str(), allowed);
    }
}

pub(super) fn set_enabled(configuration: &mut FlagConfiguration, enabled: bool, switched: Switched) {
    // Off means off everywhere. An override that is set afterwards is a deliberate act.
    if !enabled {
        configuration.overrides.clear();
    }
    // Disabling a flag that nobody ever switched is a decision too: `rollout` must respect it.
    if configuration.enabled != enabled || configuration.switched.is_none() {
        configuration.enabled = enabled;
        configuration.switched = Some(switched);
    }
}

/// A share for `on` and the rest for `off`. Keeps what decides who is who: the attribute that the flag buckets by, and
/// which of the two comes first. Otherwise raising a percentage would exchange people instead of adding some.
pub(super) fn rollout_split(current: &Serve, on: &Variant, off: &Variant, weight: u32) -> Split {
    let mut weights = vec![
        WeightedVariant { variant: on.name.clone(), weight },
        WeightedVariant { variant: off.name.clone(), weight: WEIGHT_TOTAL - weight },
    ];
    let Serve::Split(current) = current else {
        return Split { weights, bucket_by: None };
    };
    if current.weights.first().is_some_and(|first| first.variant == off.name) {
        weights.reverse();
    }
    Split { weights, bucket_by: current.bucket_by.clone() }
}

/// A percentage in thousandths of a percent, when it is exactly that.
pub(super) fn exact_weight(percent: f64) -> Option<u32> {
    let rounded = (percent * 1_000.0).round();
    if !(0.0..=f64::from(WEIGHT_TOTAL)).contains(&rounded) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100000, checked above")]
    let weight = rounded as u32;
    // The division is correctly rounded, so it gives the very number that the three decimals are read as.
    #[expect(clippy::float_cmp, reason = "a number that is only nearly the same was asked for differently")]
    let exact = f64::from(weight) / 1_000.0 == percent;
    exact.then_some(weight)
}
