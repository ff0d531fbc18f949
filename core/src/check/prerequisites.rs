//! Prerequisites: which flags must serve what before a flag decides anything.

use super::Draft;
use crate::change::Place;
use crate::flag::{FlagDefinition, Prerequisite};
use crate::key::FoldedKey;
use crate::limits::{PREREQUISITES_MAX, VARIANTS_MAX};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_prerequisites(
        &mut self,
        field: &str,
        place: &Place,
        prerequisites: &[(String, Vec<String>)],
    ) {
        let list = format!("{field}.prerequisites");
        if !self.findings.count(&list, prerequisites.len(), PREREQUISITES_MAX) {
            return;
        }
        let mut checked: Vec<Prerequisite> = Vec::new();
        for (index, (flag, variants)) in prerequisites.iter().enumerate() {
            let field = format!("{list}[{index}]");
            let Some(definition) = self.live_flag(&format!("{field}.flag"), flag) else {
                continue;
            };
            if definition.key.folded() == FoldedKey::of(&place.flag) {
                let allowed = "another flag: a flag cannot need itself";
                self.findings.note(Reason::PrerequisiteCycle, &format!("{field}.flag"), flag, allowed);
            }
            if checked.iter().any(|known| known.flag == definition.key) {
                self.findings.note(Reason::Duplicate, &format!("{field}.flag"), flag, "each flag once");
            }
            checked.push(self.prerequisite(&format!("{field}.variants"), &definition, variants));
        }
        self.configure(field, place, |_, _, configuration| configuration.prerequisites = checked);
    }

    fn prerequisite(
        &mut self,
        field: &str,
        definition: &FlagDefinition,
        variants: &[String],
    ) -> Prerequisite {
        if variants.is_empty() {
            let names: Vec<&str> = definition.variants.iter().map(|variant| variant.name.as_str()).collect();
            let allowed = format!("at least one of {}", names.join(", "));
            self.findings.note(Reason::Required, field, "0", allowed);
        }
        let mut wanted = Vec::new();
        if self.findings.count(field, variants.len(), VARIANTS_MAX) {
            for (index, name) in variants.iter().enumerate() {
                let field = format!("{field}[{index}]");
                let Some(variant) = self.findings.variant(&field, name, definition) else {
                    continue;
                };
                if wanted.contains(&variant) {
                    self.findings.note(Reason::Duplicate, &field, name, "each variant once");
                }
                wanted.push(variant);
            }
        }
        Prerequisite { flag: definition.key.clone(), variants: wanted }
    }
}
