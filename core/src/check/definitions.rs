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
        let default_variant = self.initial_variant(
            &format!("{field}.default_variant"),
            &create.default_variant,
            &definition,
            ("on", true),
        );
        let off_variant = self.initial_variant(
            &format!("{field}.off_variant"),
            &create.off_variant,
            &definition,
            ("off", false),
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
            self.findings.note(Reason::FlagExists, &field, &create.key, allowed);
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
        self.created.insert(folded.clone());
        self.write(EntityId::Flag(folded), Some(Entity::Flag(Arc::new(definition))));
    }

    fn definition(&mut self, field: &str, create: &CreateFlag) -> FlagDefinition {
        let field = format!("{field}.definition");
        let findings = &mut self.findings;
        let key = findings.name(&format!("{field}.key"), &create.key, FlagKey::parse);
        findings.text(&format!("{field}.description"), &create.description, DESCRIPTION_BYTES_MAX);
        findings.text(&format!("{field}.owner"), &create.owner, TEXT_BYTES_MAX);
        let on_and_off = [("on".to_owned(), Value::Boolean(true)), ("off".to_owned(), Value::Boolean(false))];
        let variants = if create.variants.is_empty() && create.flag_type == FlagType::Boolean {
            findings.variants(&format!("{field}.variants"), create.flag_type, &on_and_off)
        } else {
            findings.variants(&format!("{field}.variants"), create.flag_type, &create.variants)
        };
        if !create.schema.is_empty() {
            findings.schema(
                &format!("{field}.schema"),
                &create.schema,
                &variants,
                self.circumstances.schemas,
            );
        }
        FlagDefinition {
            key: key.unwrap_or_else(|| FlagKey::new(&create.key)),
            flag_type: create.flag_type,
            variants: variants.into(),
            description: Box::from(create.description.as_str()),
            owner: Box::from(create.owner.as_str()),
            tags: findings.tags(&format!("{field}.tags"), &create.tags),
            services: findings.services(&format!("{field}.services"), &create.services),
            lifetime: create.lifetime,
            expected_end: create.expected_end,
            schema: (!create.schema.is_empty()).then(|| Box::from(create.schema.as_str())),
            archived: None,
            client_visible: create.client_visible,
        }
    }

    /// The variant that was asked for, or the one that goes without saying: for a boolean flag one of this value, by
    /// preference of this name; for another flag the only one. A boolean flag that lacks the value has to say what it
    /// means: a flag that is never dark should not come about by leaving something out.
    fn initial_variant(
        &mut self,
        field: &str,
        asked: &str,
        definition: &FlagDefinition,
        (usual, value): (&str, bool),
    ) -> Option<VariantName> {
        if !asked.is_empty() {
            return self.findings.variant(field, asked, definition);
        }
        let variants = &definition.variants;
        let found = if definition.flag_type == FlagType::Boolean {
            let mut meant = variants.iter().filter(|variant| variant.value == Value::Boolean(value));
            let first = meant.clone().next();
            meant.find(|variant| variant.name.as_str() == usual).or(first)
        } else {
            variants.first().filter(|_| variants.len() == 1)
        };
        // A flag without variants was found wrong before; so was a value that may have been meant for this one.
        let boolean = |variant: &Variant| matches!(variant.value, Value::Boolean(_));
        let found_wrong = variants.is_empty()
            || (definition.flag_type == FlagType::Boolean && !variants.iter().all(boolean));
        if found.is_none() && !found_wrong {
            let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
            let allowed = format!("one of {}", names.join(", "));
            self.findings.note(Reason::Required, field, "", allowed);
        }
        found.map(|variant| variant.name.clone())
    }

    pub(super) fn delete(&mut self, field: &str, flag: &str) {
        let Some(definition) = self.flag(&format!("{field}.flag"), flag) else {
            return;
        };
        let folded = definition.key.folded();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            self.forget_promotions(&environment, &folded);
            self.write(EntityId::Configuration(environment, folded.clone()), None);
        }
        self.write(EntityId::Flag(folded), None);
    }

    pub(super) fn update(&mut self, field: &str, update: &UpdateFlag) {
        let Some(definition) = self.live_flag(&format!("{field}.flag"), &update.flag) else {
            return;
        };
        let mut definition = FlagDefinition::clone(&definition);
        if let Some(description) = &update.description {
            self.findings.text(&format!("{field}.description"), description, DESCRIPTION_BYTES_MAX);
            definition.description = Box::from(description.as_str());
        }
        if let Some(owner) = &update.owner {
            self.findings.text(&format!("{field}.owner"), owner, TEXT_BYTES_MAX);
            definition.owner = Box::from(owner.as_str());
        }
        if let Some(tags) = &update.tags {
            definition.tags = self.findings.tags(&format!("{field}.tags"), tags);
        }
        if let Some(services) = &update.services {
            definition.services = self.findings.services(&format!("{field}.services"), services);
        }
        if let Some(schema) = &update.schema {
            let field = format!("{field}.schema");
            if !schema.is_empty() {
                self.findings.schema(&field, schema, &definition.variants, self.circumstances.schemas);
            }
            definition.schema = (!schema.is_empty()).then(|| Box::from(schema.as_str()));
        }
        definition.lifetime = update.lifetime.unwrap_or(definition.lifetime);
        definition.expected_end = update.expected_end.unwrap_or(definition.expected_end);
        definition.client_visible = update.client_visible.unwrap_or(definition.client_visible);
        self.define(definition);
    }

    pub(super) fn set_variants(&mut self, field: &str, flag: &str, variants: &[(String, Value)]) {
        let Some(definition) = self.live_flag(&format!("{field}.flag"), flag) else {
            return;
        };
        let field = format!("{field}.variants");
        let variants = self.findings.variants(&field, definition.flag_type, variants);
        if let Some(schema) = &definition.schema {
            self.findings.values(&field, schema, &variants, self.circumstances.schemas);
        }
        if variants.is_empty() {
            // That there are none is the fault; that each place misses its variant is not another one.
            return;
        }
        let definition = FlagDefinition { variants: variants.into(), ..FlagDefinition::clone(&definition) };
        let folded = definition.key.folded();
        let environments: Vec<EnvironmentKey> = self.work.environments().cloned().collect();
        for environment in environments {
            let Some(configuration) = self.work.configuration(&environment, &folded).cloned() else {
                continue;
            };
            for (place, name) in configuration.named_variants() {
                if definition.variant(name).is_none() {
                    let allowed = format!("a list that keeps it: {place} in {environment} names it");
                    self.findings.note(Reason::VariantInUse, &field, name.as_str(), allowed);
                }
            }
        }
        self.define(definition);
    }
}
