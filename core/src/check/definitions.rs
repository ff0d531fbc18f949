//! Changes of what all environments share of a flag: creation, description, variants, removal.

use std::sync::Arc;

use super::Draft;
use crate::change::{CreateFlag, UpdateFlag};
use crate::entity::{Entity, EntityId};
use crate::flag::{FlagConfiguration, FlagDefinition, Variant};
use crate::key::{EnvironmentKey, FlagKey, VariantName};
use crate::limits::{DESCRIPTION_BYTES_MAX, FLAGS_MAX, TEXT_BYTES_MAX};
use crate::rejection::Reason;
use crate::value::{FlagType, Value};

impl Draft<'_> {
    pub(super) fn create(&mut self, field: &str, create: &CreateFlag) {
        let faults = self.findings.violations.len();
        let definition = self.definition(field, create);
        let boolean = create.flag_type == FlagType::Boolean;
        let default_variant = self.initial_variant(
            field,
            "default_variant",
            &create.default_variant,
            &definition,
            boolean.then_some("on"),
        );
        let off_variant = self.initial_variant(
            field,
            "off_variant",
            &create.off_variant,
            &definition,
            boolean.then_some("off"),
        );
        if self.work.flag_count() >= FLAGS_MAX {
            let count = self.work.flag_count().to_string();
            self.findings.note(
                Reason::TooLarge,
                field,
                &count,
                format!("at most {FLAGS_MAX} flags in a store"),
            );
        }
        let folded = definition.key.folded();
        if let Some(there) = self.work.flag(&folded) {
            let allowed = format!("a key that is not taken; flag {} is the same key", there.key);
            let field = format!("{field}.definition.key");
            self.findings
                .note(Reason::FlagExists, &field, &create.key, allowed);
        }
        let (Some(default_variant), Some(off_variant)) = (default_variant, off_variant) else {
            self.failed.insert(folded);
            return;
        };
        if self.findings.violations.len() > faults {
            self.failed.insert(folded);
            return;
        }
        let configuration = Arc::new(FlagConfiguration::dark(default_variant, off_variant));
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            let id = EntityId::Configuration(environment, folded.clone());
            self.write(id, Some(Entity::Configuration(Arc::clone(&configuration))));
        }
        self.write(EntityId::Flag(folded), Some(Entity::Flag(Arc::new(definition))));
    }

    fn definition(&mut self, field: &str, create: &CreateFlag) -> FlagDefinition {
        let field = format!("{field}.definition");
        let findings = &mut self.findings;
        let key = findings.name(&format!("{field}.key"), &create.key, FlagKey::parse);
        findings.text(
            &format!("{field}.description"),
            &create.description,
            DESCRIPTION_BYTES_MAX,
        );
        findings.text(&format!("{field}.owner"), &create.owner, TEXT_BYTES_MAX);
        let on_and_off = [
            ("on".to_owned(), Value::Boolean(true)),
            ("off".to_owned(), Value::Boolean(false)),
        ];
        let variants = if create.variants.is_empty() && create.flag_type == FlagType::Boolean {
            findings.variants(&format!("{field}.variants"), create.flag_type, &on_and_off)
        } else {
            findings.variants(&format!("{field}.variants"), create.flag_type, &create.variants)
        };
        FlagDefinition {
            key: key.unwrap_or_else(|| FlagKey::new(&create.key)),
            flag_type: create.flag_type,
            variants: variants.into(),
            description: Box::from(create.description.as_str()),
            owner: Box::from(create.owner.as_str()),
            tags: findings.tags(&format!("{field}.tags"), &create.tags),
            services: findings.services(&format!("{field}.services"), &create.services),
            lifetime: create.lifetime,
        }
    }

    fn initial_variant(
        &mut self,
        field: &str,
        name: &str,
        asked: &str,
        definition: &FlagDefinition,
        usual: Option<&str>,
    ) -> Option<VariantName> {
        let field = format!("{field}.{name}");
        if !asked.is_empty() {
            return self.findings.variant(&field, asked, definition);
        }
        let usual = usual.and_then(|usual| {
            definition
                .variants
                .iter()
                .find(|variant| variant.name.as_str() == usual)
        });
        let only = definition
            .variants
            .first()
            .filter(|_| definition.variants.len() == 1);
        let found = usual.or(only).map(|variant: &Variant| variant.name.clone());
        if found.is_none() && !definition.variants.is_empty() {
            let names: Vec<&str> = definition
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            self.findings.note(
                Reason::Required,
                &field,
                "",
                format!("one of {}", names.join(", ")),
            );
        }
        found
    }

    pub(super) fn delete(&mut self, field: &str, flag: &str) {
        let Some(definition) = self.flag(&format!("{field}.flag"), flag) else {
            return;
        };
        let folded = definition.key.folded();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            self.write(EntityId::Configuration(environment, folded.clone()), None);
        }
        self.write(EntityId::Flag(folded), None);
    }

    pub(super) fn update(&mut self, field: &str, update: &UpdateFlag) {
        let Some(definition) = self.flag(&format!("{field}.flag"), &update.flag) else {
            return;
        };
        let mut definition = FlagDefinition::clone(&definition);
        if let Some(description) = &update.description {
            self.findings.text(
                &format!("{field}.description"),
                description,
                DESCRIPTION_BYTES_MAX,
            );
            definition.description = Box::from(description.as_str());
        }
        if let Some(owner) = &update.owner {
            self.findings
                .text(&format!("{field}.owner"), owner, TEXT_BYTES_MAX);
            definition.owner = Box::from(owner.as_str());
        }
        if let Some(tags) = &update.tags {
            definition.tags = self.findings.tags(&format!("{field}.tags"), tags);
        }
        if let Some(services) = &update.services {
            definition.services = self.findings.services(&format!("{field}.services"), services);
        }
        definition.lifetime = update.lifetime.unwrap_or(definition.lifetime);
        self.write(
            EntityId::Flag(definition.key.folded()),
            Some(Entity::Flag(Arc::new(definition))),
        );
    }

    pub(super) fn set_variants(&mut self, field: &str, flag: &str, variants: &[(String, Value)]) {
        let Some(definition) = self.flag(&format!("{field}.flag"), flag) else {
            return;
        };
        let field = format!("{field}.variants");
        let variants = self.findings.variants(&field, definition.flag_type, variants);
        if variants.is_empty() {
            // That there are none is the fault; that each place misses its variant is not another one.
            return;
        }
        let definition = FlagDefinition {
            variants: variants.into(),
            ..FlagDefinition::clone(&definition)
        };
        let folded = definition.key.folded();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            let Some(configuration) = self.work.configuration(&environment, &folded).cloned() else {
                continue;
            };
            for (place, name) in configuration.named_variants() {
                if definition.variant(name).is_none() {
                    let allowed = format!("a list that keeps it: {place} in {environment} names it");
                    self.findings
                        .note(Reason::VariantInUse, &field, name.as_str(), allowed);
                }
            }
        }
        self.write(EntityId::Flag(folded), Some(Entity::Flag(Arc::new(definition))));
    }
}
