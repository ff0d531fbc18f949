//! What an environment asks for before it takes a flag over.

use std::sync::Arc;

use super::Draft;
use crate::change::AskedRules;
use crate::entity::{Entity, EntityId};
use crate::limits::{GATE_APPROVALS_MAX, PROMOTION_ITEMS_MAX, PROMOTION_SECONDS_MAX, TEXT_BYTES_MAX};
use crate::promotion::PromotionRules;
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_promotion_rules(&mut self, field: &str, environment: &str, asked: Option<&AskedRules>) {
        let faults = self.findings.violations.len();
        let environment = self.environment(&format!("{field}.environment"), environment);
        let Some(asked) = asked else {
            if let Some(environment) = environment {
                self.write(EntityId::PromotionRules(environment), None);
            }
            return;
        };
        let field = &format!("{field}.rules");
        let from = self.environment(&format!("{field}.from"), &asked.from);
        if let (Some(from), Some(environment)) = (&from, &environment)
            && from == environment
        {
            let allowed = format!("another environment than {environment}");
            self.findings.note(Reason::NotApplicable, &format!("{field}.from"), &asked.from, allowed);
        }
        for (name, seconds) in [
            ("soak_seconds", asked.soak_seconds),
            ("incident_free_seconds", asked.incident_free_seconds),
            ("drill_within_seconds", asked.drill_within_seconds),
        ] {
            if seconds > PROMOTION_SECONDS_MAX {
                let allowed = format!("0 to {PROMOTION_SECONDS_MAX} seconds (two years)");
                let field = format!("{field}.{name}");
                self.findings.note(Reason::OutOfRange, &field, &seconds.to_string(), allowed);
            }
        }
        if asked.approvals > GATE_APPROVALS_MAX {
            let allowed = format!("0 to {GATE_APPROVALS_MAX} approvals");
            let field = format!("{field}.approvals");
            self.findings.note(Reason::OutOfRange, &field, &asked.approvals.to_string(), allowed);
        }
        let checklist = self.promotion_checklist(&format!("{field}.checklist"), &asked.checklist);
        let (Some(environment), Some(from)) = (environment, from) else {
            return;
        };
        if self.findings.violations.len() > faults {
            return;
        }
        let rules = PromotionRules {
            from,
            soak_seconds: asked.soak_seconds,
            incident_free_seconds: asked.incident_free_seconds,
            approvals: asked.approvals,
            checklist,
            drill_within_seconds: (asked.drill_within_seconds > 0).then_some(asked.drill_within_seconds),
            allow_force: asked.allow_force,
        };
        self.write(EntityId::PromotionRules(environment), Some(Entity::PromotionRules(Arc::new(rules))));
    }

    fn promotion_checklist(&mut self, field: &str, items: &[String]) -> Vec<Box<str>> {
        if !self.findings.count(field, items.len(), PROMOTION_ITEMS_MAX) {
            return Vec::new();
        }
        let mut checklist: Vec<Box<str>> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.findings.text(&field, item, TEXT_BYTES_MAX);
            let item = item.trim();
            if item.is_empty() {
                self.findings.note(Reason::Required, &field, item, "a point that says what is to be done");
            } else if checklist.iter().any(|known| known.eq_ignore_ascii_case(item)) {
                self.findings.note(Reason::Duplicate, &field, item, "each point once");
            } else {
                checklist.push(Box::from(item));
            }
        }
        checklist
    }
}
