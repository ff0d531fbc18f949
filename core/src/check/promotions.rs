//! Promotions: who approves, what is ticked off, the promotion itself, and the drills that it asks for.

use std::sync::Arc;

use super::Draft;
use super::configurations::set_enabled;
use crate::change::{Promote, RecordDrill};
use crate::entity::{Entity, EntityId};
use crate::flag::{FlagConfiguration, FlagDefinition};
use crate::key::{EnvironmentKey, FoldedKey, SegmentKey, ServiceName};
use crate::limits::{DRILL_MICROS_MAX, DRILL_SERVICES_MAX, PROMOTION_APPROVALS_MAX};
use crate::plan::progress::Tick;
use crate::promotion::readiness::{Question, readiness};
use crate::promotion::{Drill, Promotion, PromotionRules};
use crate::rejection::Reason;

/// A promotion whose names are all known.
struct Move {
    definition: Arc<FlagDefinition>,
    from: EnvironmentKey,
    to: EnvironmentKey,
}

impl Draft<'_> {
    pub(super) fn approve_promotion(&mut self, field: &str, flag: &str, to: &str) {
        let Some((definition, to, rules)) = self.ruled(field, flag, to) else {
            return;
        };
        if rules.approvals == 0 {
            let allowed = format!("an environment whose rules ask for approvals; those of {to} ask for none");
            self.findings.note(Reason::NotApplicable, &format!("{field}.to"), to.as_str(), allowed);
            return;
        }
        let mut promotion = self.collected(&to, &definition.key.folded());
        if let Some(given) = promotion.approvals.iter().find(|given| given.by == self.switched.by) {
            let allowed = format!("each person once; {} approved at {}", given.by, given.at);
            self.findings.note(Reason::Duplicate, "actor", &self.switched.by, allowed);
            return;
        }
        promotion.approvals.push(self.who());
        if self.findings.count(field, promotion.approvals.len(), PROMOTION_APPROVALS_MAX) {
            self.collect(&to, &definition.key.folded(), promotion);
        }
    }

    pub(super) fn tick_promotion(&mut self, field: &str, flag: &str, to: &str, item: &str) {
        let Some((definition, to, rules)) = self.ruled(field, flag, to) else {
            return;
        };
        let number = item.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let found = rules
            .checklist
            .iter()
            .find(|known| known.eq_ignore_ascii_case(item.trim()))
            .or_else(|| rules.checklist.get(number?));
        let Some(found) = found else {
            let numbered =
                (1..).zip(&rules.checklist).map(|(number, item): (usize, _)| format!("{number} {item}"));
            let numbered: Vec<String> = numbered.collect();
            let allowed = match numbered.is_empty() {
                true => format!("an environment whose rules have a checklist; those of {to} have none"),
                false => format!("a point of the checklist of {to}, or its number: {}", numbered.join("; ")),
            };
            self.findings.note(Reason::NotApplicable, &format!("{field}.item"), item, allowed);
            return;
        };
        let mut promotion = self.collected(&to, &definition.key.folded());
        // Points that the rules no longer have are swept out; whoever ticked one first is remembered.
        promotion.ticks.retain(|tick| rules.checklist.contains(&tick.item));
        if !promotion.ticks.iter().any(|tick| tick.item == *found) {
            promotion.ticks.push(Tick { item: found.clone(), deed: self.who() });
        }
        self.collect(&to, &definition.key.folded(), promotion);
    }

    /// A flag, and an environment that has rules.
    fn ruled(
        &mut self,
        field: &str,
        flag: &str,
        to: &str,
    ) -> Option<(Arc<FlagDefinition>, EnvironmentKey, Arc<PromotionRules>)> {
        let definition = self.live_flag(&format!("{field}.flag"), flag);
        let to = self.environment(&format!("{field}.to"), to)?;
        let rules = self.work.promotion_rules(&to).cloned();
        if rules.is_none() {
            let allowed =
                format!("an environment with promotion rules; {to} has none and takes over whatever comes");
            self.findings.note(Reason::NotApplicable, &format!("{field}.to"), to.as_str(), allowed);
        }
        Some((definition?, to, rules?))
    }

    fn collected(&self, to: &EnvironmentKey, flag: &FoldedKey) -> Promotion {
        self.work.promotion(to, flag).cloned().unwrap_or_default()
    }

    fn collect(&mut self, to: &EnvironmentKey, flag: &FoldedKey, promotion: Promotion) {
        let value = (!promotion.is_empty()).then(|| Entity::Promotion(Arc::new(promotion)));
        self.write(EntityId::Promotion(to.clone(), flag.clone()), value);
    }

    pub(super) fn promote(&mut self, field: &str, promote: &Promote) {
        let faults = self.findings.violations.len();
        let definition = self.live_flag(&format!("{field}.flag"), &promote.flag);
        let from = self.environment(&format!("{field}.from"), &promote.from);
        let to = self.environment(&format!("{field}.to"), &promote.to);
        let (Some(definition), Some(from), Some(to)) = (definition, from, to) else {
            return;
        };
        if from == to {
            let allowed = format!("another environment than {from}");
            self.findings.note(Reason::NotApplicable, &format!("{field}.to"), to.as_str(), allowed);
            return;
        }
        let moved = Move { definition, from, to };
        self.may_be_promoted(field, &moved, promote.force);
        let Some(after) = self.taken_over(field, &moved) else {
            return;
        };
        if self.findings.violations.len() > faults {
            return;
        }
        let flag = moved.definition.key.folded();
        let id = EntityId::Configuration(moved.to.clone(), flag.clone());
        self.write(id, Some(Entity::Configuration(Arc::new(after))));
        self.write(EntityId::Promotion(moved.to, flag), None);
    }

    /// Notes each point that is missing, unless the glass may be broken.
    fn may_be_promoted(&mut self, field: &str, moved: &Move, force: bool) {
        let Move { definition, from, to } = moved;
        let requester = self.switched.by.clone();
        let now = self.circumstances.at;
        let question = Question { flag: &definition.key, from, to, requester: Some(&requester), now };
        let missing: Vec<String> = readiness(&self.work, &question)
            .into_iter()
            .filter(|item| !item.done)
            .map(|item| item.words)
            .collect();
        // Rules that are set in the same change set bind already; a policy binds from the next one on.
        let breaks_glass = self.base.policy(to).is_some_and(|policy| policy.break_glass);
        let allows_force =
            breaks_glass || self.work.promotion_rules(to).is_none_or(|rules| rules.allow_force);
        if force && allows_force {
            if self.reason.trim().is_empty() {
                self.findings.note(Reason::Required, "reason", "", "why the promotion is forced");
            } else if missing.is_empty() {
                let warning = format!("{} was ready for {to}: it need not have been forced", definition.key);
                self.findings.warnings.push(warning);
            }
            return;
        }
        if force {
            let allowed = format!("a promotion without force: the rules and the policy of {to} allow none");
            self.findings.note(Reason::PromotionNotReady, &format!("{field}.force"), "true", allowed);
        }
        for words in missing {
            self.findings.note(Reason::PromotionNotReady, field, definition.key.as_str(), words);
        }
    }

    /// What the target does afterwards. Overrides stay: they are about one service, here and now.
    fn taken_over(&mut self, field: &str, moved: &Move) -> Option<FlagConfiguration> {
        let Move { definition, from, to } = moved;
        let flag = definition.key.folded();
        let source = self.work.configuration(from, &flag).cloned()?;
        let target = self.work.configuration(to, &flag).cloned()?;
        let mut known: Vec<&SegmentKey> = Vec::new();
        for (index, rule) in source.rules.iter().enumerate() {
            for segment in rule.condition.segments() {
                if known.contains(&segment) || self.work.segment(to, segment).is_some() {
                    continue;
                }
                known.push(segment);
                let allowed = format!(
                    "a segment that {to} has; rule {} of {} in {from} names it",
                    index + 1,
                    definition.key
                );
                self.findings.note(
                    Reason::UnknownSegment,
                    &format!("{field}.from"),
                    segment.as_str(),
                    allowed,
                );
            }
        }
        if let (Some(by), false, true) = (&target.switched, target.enabled, source.enabled) {
            let warning = format!(
                "{} disabled {} in {to} at {} (revision {}); the promotion enables it again",
                by.by, definition.key, by.at, by.revision
            );
            self.findings.warnings.push(warning);
        }
        let mut after = FlagConfiguration {
            enabled: target.enabled,
            switched: target.switched.clone(),
            raised: target.raised.clone(),
            overrides: target.overrides.clone(),
            ..FlagConfiguration::clone(&source)
        };
        set_enabled(&mut after, source.enabled, self.switched.clone());
        Some(after)
    }

    /// An approval is of what the source served then. When it decides otherwise now, it was of something else.
    pub(super) fn void_approvals(&mut self) {
        if !self.findings.violations.is_empty() || self.work.all_promotion_rules().next().is_none() {
            return;
        }
        let touched: Vec<(EnvironmentKey, FoldedKey)> = self
            .touched
            .keys()
            .filter_map(|id| match id {
                EntityId::Configuration(environment, flag) => Some((environment.clone(), flag.clone())),
                _ => None,
            })
            .collect();
        for (from, flag) in touched {
            let changed = match (self.base.configuration(&from, &flag), self.work.configuration(&from, &flag))
            {
                (Some(before), Some(after)) => !decide_the_same(before, after),
                _ => false,
            };
            let targets = self.work.all_promotion_rules().filter(|(_, rules)| changed && rules.from == from);
            let targets: Vec<EnvironmentKey> = targets.map(|(to, _)| to.clone()).collect();
            for to in targets {
                self.void_approvals_of(&from, &to, &flag);
            }
        }
    }

    fn void_approvals_of(&mut self, from: &EnvironmentKey, to: &EnvironmentKey, flag: &FoldedKey) {
        let mut promotion = self.collected(to, flag);
        let count = promotion.approvals.len();
        if count == 0 || self.is_restored(from, to, flag) {
            return;
        }
        // Who approves in the very change set that changes it, approves what comes out.
        promotion.approvals.retain(|deed| deed.revision == self.switched.revision);
        let void = count - promotion.approvals.len();
        if void > 0 {
            let warning = format!(
                "{from} serves something else of {flag} now: {void} of the approvals to promote it to {to} are void"
            );
            self.findings.warnings.push(warning);
            self.collect(to, flag, promotion);
        }
    }

    /// Whether an undo brought back both what was approved and the approvals, as a drill does.
    fn is_restored(&self, from: &EnvironmentKey, to: &EnvironmentKey, flag: &FoldedKey) -> bool {
        let ids = [
            EntityId::Promotion(to.clone(), flag.clone()),
            EntityId::Configuration(from.clone(), flag.clone()),
        ];
        self.circumstances.undone.iter().any(|undone| {
            ids.iter().all(|id| {
                undone.before.iter().any(|before| before.id == *id && before.value == self.work.entity(id))
            })
        })
    }

    /// What was said about a flag that is gone was not said about one that takes its key.
    pub(super) fn forget_promotions(&mut self, environment: &EnvironmentKey, flag: &FoldedKey) {
        for id in [
            EntityId::Promotion(environment.clone(), flag.clone()),
            EntityId::Drill(environment.clone(), flag.clone()),
        ] {
            if self.work.entity(&id).is_some() {
                self.write(id, None);
            }
        }
    }

    pub(super) fn record_drill(&mut self, field: &str, drill: &RecordDrill) {
        let faults = self.findings.violations.len();
        let environment = self.environment(&format!("{field}.environment"), &drill.environment);
        let definition = self.live_flag(&format!("{field}.flag"), &drill.flag);
        let services = self.drill_services(&format!("{field}.services"), &drill.services);
        let slowest = services.iter().map(|(_, micros)| *micros).max().unwrap_or(0);
        if !(slowest..=DRILL_MICROS_MAX).contains(&drill.total_micros) {
            let allowed =
                format!("from the slowest service's {slowest} to {DRILL_MICROS_MAX} microseconds (a day)");
            let field = format!("{field}.total_micros");
            self.findings.note(Reason::OutOfRange, &field, &drill.total_micros.to_string(), allowed);
        }
        let (Some(environment), Some(definition)) = (environment, definition) else {
            return;
        };
        if self.findings.violations.len() > faults {
            return;
        }
        let value = Drill {
            flag: definition.key.clone(),
            deed: self.who(),
            services,
            total_micros: drill.total_micros,
        };
        let id = EntityId::Drill(environment, definition.key.folded());
        self.write(id, Some(Entity::Drill(Arc::new(value))));
    }

    fn drill_services(&mut self, field: &str, services: &[(String, u64)]) -> Vec<(ServiceName, u64)> {
        if !self.findings.count(field, services.len(), DRILL_SERVICES_MAX) {
            return Vec::new();
        }
        let mut measured: Vec<(ServiceName, u64)> = Vec::new();
        for (index, (service, micros)) in services.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if *micros > DRILL_MICROS_MAX {
                let allowed = format!("at most {DRILL_MICROS_MAX} microseconds (a day)");
                self.findings.note(
                    Reason::OutOfRange,
                    &format!("{field}.micros"),
                    &micros.to_string(),
                    allowed,
                );
            }
            let field = format!("{field}.service");
            let Some(name) = self.findings.name(&field, service, ServiceName::parse) else {
                continue;
            };
            if measured.iter().any(|(known, _)| *known == name) {
                self.findings.note(Reason::Duplicate, &field, service, "each service once");
            } else {
                measured.push((name, *micros));
            }
        }
        measured
    }
}

/// Whether two configurations decide the same for everybody, overrides aside: what a promotion copies is the same.
fn decide_the_same(one: &FlagConfiguration, other: &FlagConfiguration) -> bool {
    let alike = FlagConfiguration {
        switched: other.switched.clone(),
        raised: other.raised.clone(),
        overrides: other.overrides.clone(),
        ..FlagConfiguration::clone(one)
    };
    alike == *other
}
