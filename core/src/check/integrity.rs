//! What must hold between entities when a change set is through: whatever is named is there, and no flag needs itself.
//!
//! Every change checks what it names by itself, with the field at which it is named. Here is what only the end result
//! can tell: what was taken away is named by nobody, what an undo brought back names only what is there, and the
//! prerequisites form no cycle and no endless chain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Draft;
use crate::entity::EntityId;
use crate::flag::{Feature, FlagConfiguration, FlagDefinition};
use crate::key::{EnvironmentKey, FeatureKey, FlagKey, FoldedKey, SegmentKey};
use crate::limits::{PREREQUISITE_DEPTH_MAX, PREREQUISITE_EVALUATIONS_MAX};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn hold_together(&mut self) {
        // What is wrong already would be said twice.
        if !self.findings.violations.is_empty() {
            return;
        }
        let touched: Vec<(EntityId, Arc<str>)> =
            self.touched.iter().map(|(id, field)| (id.clone(), Arc::clone(field))).collect();
        let mut chained: BTreeMap<EnvironmentKey, Arc<str>> = BTreeMap::new();
        for (id, field) in touched {
            match &id {
                EntityId::Configuration(environment, flag) => {
                    if self.names_what_is_there(&field, environment, flag) {
                        chained.insert(environment.clone(), field);
                    }
                }
                EntityId::Segment(environment, segment) => self.segment_is_free(&field, environment, segment),
                EntityId::Flag(flag) => self.flag_is_free(&field, flag),
                EntityId::Feature(feature) => {
                    self.feature_shows_what_is_there(&field, feature);
                    self.feature_is_free_of_guards(&field, feature);
                }
                EntityId::Guard(guard) => self.guard_names_what_is_there(&field, guard),
                EntityId::Listed(environment, list, _) => {
                    if let Some(segment) = list.segment()
                        && self.work.entity(&id).is_some()
                        && !self.has_segment(&field, environment, segment)
                    {
                        // All keys of the list lack the same.
                        return;
                    }
                }
                EntityId::Canary(_)
                | EntityId::Settings
                | EntityId::Environment(_)
                | EntityId::Plan(_)
                | EntityId::Progress(_)
                | EntityId::Policy(_)
                | EntityId::ChangeRequest(_)
                | EntityId::Incident(_)
                | EntityId::PromotionRules(_)
                | EntityId::Promotion(..)
                | EntityId::Drill(..)
                | EntityId::GuardState(_) => {}
            }
        }
        for (environment, field) in chained {
            self.chains_end(&field, &environment);
        }
    }

    /// Answers whether the flag has prerequisites.
    fn names_what_is_there(&mut self, field: &str, environment: &EnvironmentKey, flag: &FoldedKey) -> bool {
        let Some(configuration) = self.work.configuration(environment, flag).cloned() else {
            return false;
        };
        if let Some(definition) = self.work.flag(flag).cloned() {
            for (_, variant) in configuration.named_variants() {
                self.findings.variant(field, variant.as_str(), &definition);
            }
        }
        for segment in configuration.segments() {
            self.has_segment(field, environment, segment);
        }
        for prerequisite in &configuration.prerequisites {
            let needed = self.work.flag(&prerequisite.flag.folded()).cloned();
            let needed = needed.filter(|definition| definition.archived.is_none());
            let Some(needed) = needed else {
                let allowed = "a flag that exists and is not archived";
                self.findings.note(Reason::UnknownFlag, field, prerequisite.flag.as_str(), allowed);
                continue;
            };
            for variant in &prerequisite.variants {
                self.findings.variant(field, variant.as_str(), &needed);
            }
        }
        if let Some(cycle) = self.broken_chain(environment, flag, Reason::PrerequisiteCycle) {
            let allowed = "prerequisites that do not lead back to the flag";
            self.findings.note(Reason::PrerequisiteCycle, field, &cycle, allowed);
        }
        !configuration.prerequisites.is_empty()
    }

    /// A longer chain may begin at a flag that the change set does not touch.
    fn chains_end(&mut self, field: &str, environment: &EnvironmentKey) {
        if !self.findings.violations.is_empty() {
            return;
        }
        let chained = self.work.configurations(environment);
        let chained = chained.filter(|(_, configuration)| !configuration.prerequisites.is_empty());
        let chained: Vec<&FoldedKey> = chained.map(|(flag, _)| flag).collect();
        let chain = chained.iter().find_map(|flag| self.broken_chain(environment, flag, Reason::TooLarge));
        if let Some(chain) = chain {
            let allowed = format!("at most {PREREQUISITE_DEPTH_MAX} flags one behind the other");
            self.findings.note(Reason::TooLarge, field, &chain, allowed);
            return;
        }
        let mut known = BTreeMap::new();
        let costly = chained
            .into_iter()
            .map(|flag| (flag, self.evaluations(environment, flag, &mut known)))
            .find(|(_, evaluations)| *evaluations > PREREQUISITE_EVALUATIONS_MAX);
        if let Some((flag, evaluations)) = costly {
            let value = format!("{flag}: {evaluations}");
            let allowed = format!(
                "at most {PREREQUISITE_EVALUATIONS_MAX} evaluations of prerequisites for one of a flag"
            );
            self.findings.note(Reason::TooLarge, field, &value, allowed);
        }
    }

    /// How many evaluations one of the flag takes. The chains are known to end.
    fn evaluations(
        &self,
        environment: &EnvironmentKey,
        flag: &FoldedKey,
        known: &mut BTreeMap<FoldedKey, usize>,
    ) -> usize {
        if let Some(known) = known.get(flag) {
            return *known;
        }
        let prerequisites =
            self.work.configuration(environment, flag).map_or(&[][..], |found| &found.prerequisites);
        let count = prerequisites.iter().fold(1_usize, |sum, prerequisite| {
            sum.saturating_add(self.evaluations(environment, &prerequisite.flag.folded(), known))
        });
        known.insert(flag.clone(), count);
        count
    }

    /// The chain of prerequisites from a flag on that leads back to it, or is too long: whatever is looked for.
    fn broken_chain(&self, environment: &EnvironmentKey, flag: &FoldedKey, fault: Reason) -> Option<String> {
        let mut chain = vec![self.work.flag(flag)?.key.clone()];
        let (found, chain) = self.follow(environment, &mut chain, &mut BTreeSet::new(), fault)?;
        debug_assert_eq!(found, fault, "only what is looked for is found");
        let shown: Vec<&str> = chain.iter().map(FlagKey::as_str).collect();
        Some(shown.join(" → "))
    }

    fn follow(
        &self,
        environment: &EnvironmentKey,
        chain: &mut Vec<FlagKey>,
        seen: &mut BTreeSet<(FoldedKey, usize)>,
        fault: Reason,
    ) -> Option<(Reason, Vec<FlagKey>)> {
        let last = chain.last()?.folded();
        // The same flag leads to the same places; how long the chain is then depends on where it stands in it.
        let depth = if fault == Reason::TooLarge { chain.len() } else { 0 };
        if !seen.insert((last.clone(), depth)) {
            return None;
        }
        let configuration = self.work.configuration(environment, &last)?;
        for prerequisite in &configuration.prerequisites {
            let is_back = chain.first().is_some_and(|first| first.folded() == prerequisite.flag.folded());
            chain.push(prerequisite.flag.clone());
            let is_long = chain.len() > PREREQUISITE_DEPTH_MAX + 1;
            let broken = match fault {
                Reason::PrerequisiteCycle if is_back => Some((fault, chain.clone())),
                Reason::TooLarge if is_long => Some((fault, chain.clone())),
                // Somebody else's cycle: found where that flag is looked at.
                _ if is_back || chain.len() > self.work.flag_count() => None,
                _ => self.follow(environment, chain, seen, fault),
            };
            chain.pop();
            if broken.is_some() {
                return broken;
            }
        }
        None
    }

    fn segment_is_free(&mut self, field: &str, environment: &EnvironmentKey, segment: &SegmentKey) {
        if self.work.segment(environment, segment).is_some() {
            return;
        }
        let needs =
            |configuration: &FlagConfiguration| configuration.segments().any(|named| named == segment);
        let users = self.flags_where(environment, needs);
        if !users.is_empty() {
            let allowed = format!("a segment that no rule names; {} in {environment} do", users.join(", "));
            self.findings.note(Reason::SegmentInUse, field, segment.as_str(), allowed);
        }
        let plans = self.plans_with_segment(environment, segment);
        if !plans.is_empty() {
            let allowed = format!("a segment that no plan names; {} does: cancel it first", plans.join(", "));
            self.findings.note(Reason::SegmentInUse, field, segment.as_str(), allowed);
        }
        self.segment_is_free_of_guards(field, environment, segment);
    }

    /// A flag that is gone or archived is needed by nobody, and what others need of it is still there.
    fn flag_is_free(&mut self, field: &str, flag: &FoldedKey) {
        let definition = self.work.flag(flag).cloned();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        let live = definition.as_ref().filter(|definition| definition.archived.is_none());
        for environment in environments {
            let needs = |configuration: &FlagConfiguration| {
                configuration.prerequisites.iter().any(|prerequisite| {
                    prerequisite.flag.folded() == *flag
                        && live.is_none_or(|definition| {
                            !prerequisite.variants.iter().all(|name| definition.variant(name).is_some())
                        })
                })
            };
            let users = self.flags_where(&environment, needs);
            if !users.is_empty() {
                let allowed = match live {
                    Some(_) => format!("variants that keep what {} in {environment} need", users.join(", ")),
                    None => format!(
                        "a flag that is no prerequisite; {} in {environment} need it",
                        users.join(", ")
                    ),
                };
                self.findings.note(Reason::FlagInUse, field, flag.as_str(), allowed);
            }
        }
        match &definition {
            None => {
                self.no_feature_shows(field, flag);
                self.flag_is_free_of_guards(field, flag);
            }
            Some(definition) => self.variants_are_there(field, definition),
        }
    }

    fn variants_are_there(&mut self, field: &str, definition: &Arc<FlagDefinition>) {
        let flag = definition.key.folded();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            let Some(configuration) = self.work.configuration(&environment, &flag).cloned() else {
                continue;
            };
            for (_, variant) in configuration.named_variants() {
                self.findings.variant(field, variant.as_str(), definition);
            }
        }
    }

    fn no_feature_shows(&mut self, field: &str, flag: &FoldedKey) {
        let shows = |feature: &&Arc<Feature>| feature.flags.iter().any(|known| known.folded() == *flag);
        let features: Vec<String> =
            self.work.features().filter(shows).map(|feature| feature.key.to_string()).collect();
        if !features.is_empty() {
            let allowed =
                format!("a flag that is in no feature; take it out of {} first", features.join(", "));
            self.findings.note(Reason::FlagInUse, field, flag.as_str(), allowed);
        }
    }

    fn feature_shows_what_is_there(&mut self, field: &str, feature: &FeatureKey) {
        let Some(feature) = self.work.feature(feature).cloned() else {
            return;
        };
        for flag in &feature.flags {
            if self.work.flag(&flag.folded()).is_none() {
                self.findings.note(Reason::UnknownFlag, field, flag.as_str(), "a flag that exists");
            }
        }
    }

    /// The keys of the flags of an environment whose configuration is so, archived ones as well: they may come back.
    fn flags_where(
        &self,
        environment: &EnvironmentKey,
        is_so: impl Fn(&FlagConfiguration) -> bool,
    ) -> Vec<String> {
        let found = self.work.configurations(environment).filter(|(_, configuration)| is_so(configuration));
        let definitions = found.filter_map(|(flag, _)| self.work.flag(flag));
        definitions.map(|definition| definition.key.to_string()).collect()
    }
}
