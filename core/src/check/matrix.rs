//! A matrix: a percentage for each of several segments, as one rule for each.

use super::Draft;
use super::configurations::{exact_weight, may_enable, rollout_split, set_enabled, true_and_false};
use crate::change::Place;
use crate::condition::Condition;
use crate::flag::{FlagConfiguration, Rule, Serve, Variant};
use crate::key::SegmentKey;
use crate::limits::{RULES_MAX, WEIGHT_TOTAL};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_matrix(
        &mut self,
        field: &str,
        place: &Place,
        shares: &[(String, f64)],
        rest: Option<f64>,
        enable: bool,
    ) {
        let shares = self.matrix_shares(&format!("{field}.shares"), place, shares);
        if let Some(percent) = rest.filter(|percent| exact_weight(*percent).is_none()) {
            self.findings.percent(&format!("{field}.rest_percent"), percent);
        }
        let switched = self.switched.clone();
        self.configure(field, place, |findings, definition, configuration| {
            let flag = format!("{field}.flag");
            may_enable(findings, &flag, definition, configuration, enable);
            if configuration.targeting.is_some() && !shares.is_empty() {
                findings.excluded_by_targeting(&flag, definition);
            }
            let Some((on, off)) = true_and_false(findings, &flag, definition) else {
                return;
            };
            configuration.rules.retain(|rule| !is_of_matrix(rule, on, off));
            let others = configuration.rules.len();
            findings.count(&format!("{field}.shares"), shares.len() + others, RULES_MAX);
            let rules =
                shares.iter().map(|(segment, weight)| share_rule(configuration, segment, on, off, *weight));
            let rules: Vec<Rule> = rules.collect();
            configuration.rules.splice(0..0, rules);
            if let Some(weight) = rest_of(configuration, rest, on) {
                let split = rollout_split(&configuration.default_serve, on, off, weight);
                configuration.default_serve = Serve::Split(split);
            }
            // Dark first: whoever cannot be told apart is in no percentage.
            configuration.default_variant = off.name.clone();
            set_enabled(configuration, true, switched);
        });
    }

    fn matrix_shares(
        &mut self,
        field: &str,
        place: &Place,
        shares: &[(String, f64)],
    ) -> Vec<(SegmentKey, u32)> {
        if !self.findings.count(field, shares.len(), RULES_MAX) {
            return Vec::new();
        }
        let mut checked: Vec<(SegmentKey, u32)> = Vec::new();
        for (index, (segment, percent)) in shares.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let weight = exact_weight(*percent);
            if weight.is_none() {
                self.findings.percent(&format!("{field}.percent"), *percent);
            }
            let field = format!("{field}.segment");
            let Some(segment) = self.findings.name(&field, segment, SegmentKey::parse) else {
                continue;
            };
            self.names_segment(&field, place, &segment);
            if checked.iter().any(|(known, _)| *known == segment) {
                self.findings.note(Reason::Duplicate, &field, segment.as_str(), "each segment once");
            }
            checked.push((segment, weight.unwrap_or(0)));
        }
        checked
    }
}

/// What the default serve becomes: as asked, or nobody where everybody would get the flag only because it was never
/// rolled out; none when it stays.
fn rest_of(configuration: &FlagConfiguration, rest: Option<f64>, on: &Variant) -> Option<u32> {
    let never_rolled_out = configuration.switched.is_none()
        && matches!(&configuration.default_serve, Serve::Variant(variant) if *variant == on.name);
    rest.and_then(exact_weight).or(never_rolled_out.then_some(0))
}

/// The rule that gives a segment its share.
pub(super) fn share_rule(
    configuration: &FlagConfiguration,
    segment: &SegmentKey,
    on: &Variant,
    off: &Variant,
    weight: u32,
) -> Rule {
    Rule {
        name: share_name(segment, weight),
        condition: Condition::Segment(segment.clone()),
        serve: Serve::Split(rollout_split(&configuration.default_serve, on, off, weight)),
    }
}

/// What the rule of a segment's share is called.
pub(super) fn share_name(segment: &SegmentKey, weight: u32) -> Box<str> {
    format!("{segment} {}%", f64::from(weight) / 1_000.0).into()
}

/// How much of everybody a serve gives the true variant of a boolean flag.
pub(crate) fn share_of(serve: &Serve, on: &Variant) -> u32 {
    match serve {
        Serve::Variant(variant) => {
            if *variant == on.name {
                WEIGHT_TOTAL
            } else {
                0
            }
        }
        Serve::Split(split) => {
            let weights = split.weights.iter().filter(|weighted| weighted.variant == on.name);
            weights.map(|weighted| weighted.weight).sum()
        }
    }
}

/// Whether a rule is one that a matrix makes.
pub(crate) fn is_of_matrix(rule: &Rule, on: &Variant, off: &Variant) -> bool {
    matches!(rule.condition, Condition::Segment(_))
        && matches!(rule.serve, Serve::Split(_))
        && rule.serve.variants().all(|variant| *variant == on.name || *variant == off.name)
}
