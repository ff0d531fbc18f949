//! What a stage sets, and what a rollback takes back: the same changes that a person would ask for.

use super::Draft;
use super::configurations::exact_weight;
use crate::change::Place;
use crate::condition::Condition;
use crate::flag::Serve;
use crate::key::{EnvironmentKey, FlagKey, SegmentKey};
use crate::limits::RULES_MAX;
use crate::plan::{Ladder, PlanDefinition, RollbackKind, Stage, Target};
use crate::rejection::Reason;

impl Draft<'_> {
    /// Everything that a stage sets.
    pub(super) fn set_targets(&mut self, field: &str, plan: &PlanDefinition, stage: &Stage) {
        let environment = plan.environment_of(stage);
        for (index, (flag, target)) in stage.set.iter().enumerate() {
            let place = Place { environment: environment.to_string(), flag: flag.to_string() };
            self.set_target(&format!("{field}.set[{index}]"), &place, target);
        }
        let canary = &stage.canary;
        if !canary.add.is_empty() || !canary.remove.is_empty() {
            let texts = |keys: &[Box<str>]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
            let (add, remove) = (texts(&canary.add), texts(&canary.remove));
            self.edit_list(&format!("{field}.canary"), environment.as_str(), "canary", &add, &remove);
        }
        if let Some(on) = canary.on {
            self.switch_canary(&format!("{field}.canary"), environment.as_str(), on);
        }
    }

    /// A plan enables what it sets: that it may is what applying it said. A flag that somebody disables while the plan
    /// is under way pauses the plan, so a stage never enables it again by itself.
    pub(super) fn set_target(&mut self, field: &str, place: &Place, target: &Target) {
        match target {
            Target::Percent(percent) | Target::Band { from: percent, .. } => {
                let faults = self.findings.violations.len();
                self.rollout(field, place, *percent, true);
                if self.findings.violations.len() == faults {
                    self.lift_shares(field, place, *percent);
                }
            }
            Target::Matrix { shares, rest } => {
                let shares: Vec<(String, f64)> =
                    shares.iter().map(|(segment, percent)| (segment.to_string(), *percent)).collect();
                self.set_matrix(field, place, &shares, *rest, true);
            }
            Target::Variant(variant) => {
                let faults = self.findings.violations.len();
                self.set_default_serve(field, place, &Serve::Variant(variant.clone()));
                if self.findings.violations.len() == faults {
                    self.switch(field, place, true);
                }
            }
            Target::Value(value) => {
                let Some(definition) = self.live_flag(&format!("{field}.flag"), &place.flag) else {
                    return;
                };
                let Some(found) =
                    definition.variants.iter().find(|variant| variant.value.loosely_equals(value))
                else {
                    let values: Vec<String> =
                        definition.variants.iter().map(|variant| variant.value.to_string()).collect();
                    let allowed =
                        format!("the value of a variant of {}: {}", definition.key, values.join(", "));
                    self.findings.note(
                        Reason::UnknownVariant,
                        &format!("{field}.value"),
                        &value.to_string(),
                        allowed,
                    );
                    return;
                };
                self.set_target(field, place, &Target::Variant(found.name.clone()));
            }
            Target::Disabled => self.switch(field, place, false),
        }
    }

    /// Shares of segments that a percentage for everybody overtakes go: who is in such a segment gets what all get.
    fn lift_shares(&mut self, field: &str, place: &Place, percent: f64) {
        let Some(weight) = exact_weight(percent) else {
            return;
        };
        self.configure(field, place, |_, definition, configuration| {
            if let Some((on, off)) = definition.true_and_false() {
                configuration.rules.retain(|rule| {
                    !super::matrix::is_of_matrix(rule, on, off)
                        || super::matrix::share_of(&rule.serve, on) > weight
                });
            }
        });
    }

    /// Takes flags of one environment back. A rung of a ladder is taken by [`Self::lower`].
    pub(super) fn roll_back_flags(
        &mut self,
        field: &str,
        environment: &EnvironmentKey,
        flags: &[FlagKey],
        kind: &RollbackKind,
    ) {
        let place = |flag: &FlagKey| Place { environment: environment.to_string(), flag: flag.to_string() };
        match kind {
            RollbackKind::Disable => {
                for flag in flags {
                    self.switch(field, &place(flag), false);
                }
            }
            RollbackKind::ToZero => {
                for flag in flags {
                    self.lower(field, &place(flag), 0.0);
                }
            }
            RollbackKind::Gradual(ladder) => {
                for flag in flags {
                    self.lower(field, &place(flag), ladder.percents.first().copied().unwrap_or(0.0));
                }
            }
            RollbackKind::Segments(segments) => {
                for flag in flags {
                    self.take_from_segments(field, &place(flag), segments);
                }
            }
            RollbackKind::CanaryOff => self.switch_canary(field, environment.as_str(), false),
        }
    }

    /// The first rung that lies below what some of the flags serve: a stay on a rung above it would change nothing.
    pub(super) fn first_rung(
        &self,
        environment: &EnvironmentKey,
        flags: &[FlagKey],
        ladder: &Ladder,
    ) -> usize {
        let highest = flags.iter().filter_map(|flag| {
            let definition = self.work.flag(&flag.folded())?;
            let configuration = self.work.configuration(environment, &flag.folded())?;
            Some(crate::plan::rollback::highest_share(definition, configuration))
        });
        let highest = highest.max().unwrap_or(0);
        let is_below = |percent: &f64| exact_weight(*percent).is_some_and(|weight| weight < highest);
        ladder.percents.iter().position(is_below).unwrap_or(ladder.percents.len().saturating_sub(1))
    }

    /// Lowers a flag to a percentage, and the shares of its segments with it; never raises anything. A flag that has no
    /// percentage is disabled at 0 and stays as it is above.
    pub(super) fn lower(&mut self, field: &str, place: &Place, percent: f64) {
        let Some(weight) = exact_weight(percent) else {
            return self.findings.percent(field, percent);
        };
        let switched = self.switched.clone();
        self.configure(field, place, |_, definition, configuration| {
            let Some((on, off)) = definition.true_and_false() else {
                if weight == 0 {
                    super::configurations::set_enabled(configuration, false, switched);
                }
                return;
            };
            let lowered = |serve: &Serve| {
                let is_above = super::matrix::share_of(serve, on) > weight;
                is_above.then(|| Serve::Split(super::configurations::rollout_split(serve, on, off, weight)))
            };
            for rule in
                configuration.rules.iter_mut().filter(|rule| super::matrix::is_of_matrix(rule, on, off))
            {
                if let Some(serve) = lowered(&rule.serve) {
                    rule.serve = serve;
                    rule.name = share_name(&rule.condition, weight).unwrap_or_else(|| rule.name.clone());
                }
            }
            if let Some(serve) = lowered(&configuration.default_serve) {
                configuration.default_serve = serve;
                configuration.default_variant = off.name.clone();
            }
        });
    }

    /// Whoever is in one of the segments loses the flag, whatever else they are in.
    fn take_from_segments(&mut self, field: &str, place: &Place, segments: &[SegmentKey]) {
        for segment in segments {
            self.names_segment(field, place, segment);
        }
        self.configure(field, place, |findings, definition, configuration| {
            let Some((on, off)) = super::configurations::true_and_false(findings, field, definition) else {
                return;
            };
            let is_taken = |condition: &Condition| {
                matches!(condition, Condition::Segment(segment) if segments.contains(segment))
            };
            configuration.rules.retain(|rule| {
                !(is_taken(&rule.condition) && super::matrix::is_of_matrix(rule, on, off))
            });
            findings.count(field, configuration.rules.len() + segments.len(), RULES_MAX);
            let rules: Vec<_> = segments.iter().map(|segment| super::matrix::share_rule(configuration, segment, on, off, 0)).collect();
            configuration.rules.splice(0..0, rules);
        });
    }
}

fn share_name(condition: &Condition, weight: u32) -> Option<Box<str>> {
    match condition {
        Condition::Segment(segment) => Some(super::matrix::share_name(segment, weight)),
        _ => None,
    }
}
