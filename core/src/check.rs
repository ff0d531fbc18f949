//! What a change set does to a snapshot, or everything that is wrong with it.
//!
//! Changes are tried in order on a working copy; each sees what the ones before it did. Only entities that really end
//! up different are written: asking for what is already so is no change.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::change::{Change, ChangeSet, CreateFlag, Place, UpdateFlag};
use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{
    Environment, FlagConfiguration, FlagDefinition, Rule, Serve, Split, Switched, Variant, WeightedVariant,
};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::limits::{
    CHANGES_MAX, DESCRIPTION_BYTES_MAX, ENVIRONMENTS_MAX, FLAGS_MAX, REASON_BYTES_MAX, TEXT_BYTES_MAX,
    WEIGHT_TOTAL,
};
use crate::rejection::{Reason, Rejection};
use crate::revision::{Revision, Timestamp};
use crate::snapshot::Snapshot;
use crate::validate::Findings;
use crate::value::{FlagType, Value};

/// Who submits a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Anybody, over whatever API.
    Caller,
    /// The store itself, at its creation or restoration.
    Store,
}

/// A change set that may be committed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// What it does, in the order of the entities' ids. Empty when everything is as asked already.
    pub writes: Vec<Write>,
    /// What the caller may not have meant.
    pub warnings: Vec<String>,
}

/// Checks a change set against a snapshot. `at` is the server's clock; the revision will be the snapshot's next one.
///
/// # Errors
/// Everything that is wrong with the change set, at once. Nothing has changed then.
pub fn check(
    snapshot: &Snapshot,
    change_set: &ChangeSet,
    origin: Origin,
    at: Timestamp,
) -> Result<Checked, Rejection> {
    let mut draft = Draft {
        base: snapshot,
        work: snapshot.clone(),
        touched: BTreeSet::new(),
        failed: BTreeSet::new(),
        findings: Findings::default(),
        origin,
        switched: Switched {
            by: Box::from(change_set.actor.as_str()),
            at,
            revision: snapshot.revision().next(),
        },
    };
    draft.findings.text("actor", &change_set.actor, TEXT_BYTES_MAX);
    if change_set.actor.trim().is_empty() {
        draft.findings.note(
            Reason::Required,
            "actor",
            &change_set.actor,
            "who asks for the change",
        );
    }
    draft
        .findings
        .text("reason", &change_set.reason, REASON_BYTES_MAX);
    if change_set.changes.is_empty() {
        draft.findings.note(
            Reason::Required,
            "changes",
            "0",
            format!("1 to {CHANGES_MAX} changes"),
        );
    }
    if draft
        .findings
        .count("changes", change_set.changes.len(), CHANGES_MAX)
    {
        for (index, change) in change_set.changes.iter().enumerate() {
            draft.change(&format!("changes[{index}]"), change);
        }
    }
    draft.finish()
}

struct Draft<'s> {
    base: &'s Snapshot,
    work: Snapshot,
    touched: BTreeSet<EntityId>,
    /// Flags whose creation failed: what else is said about them is not a second fault.
    failed: BTreeSet<FoldedKey>,
    findings: Findings,
    origin: Origin,
    switched: Switched,
}

impl Draft<'_> {
    fn finish(self) -> Result<Checked, Rejection> {
        if !self.findings.violations.is_empty() {
            return Err(Rejection {
                violations: self.findings.violations,
            });
        }
        let writes = self
            .touched
            .iter()
            .map(|id| (id, self.base.entity(id), self.work.entity(id)))
            // The settings of a new store are those of no store, and are written all the same.
            .filter(|(id, before, after)| before != after || **id == EntityId::Settings)
            .map(|(id, _, value)| Write {
                id: id.clone(),
                value,
            })
            .collect();
        Ok(Checked {
            writes,
            warnings: self.findings.warnings,
        })
    }

    fn change(&mut self, field: &str, change: &Change) {
        match change {
            Change::CreateFlag(create) => self.create(&format!("{field}.create_flag"), create),
            Change::DeleteFlag { flag } => self.delete(&format!("{field}.delete_flag"), flag),
            Change::UpdateFlag(update) => self.update(&format!("{field}.update_flag"), update),
            Change::SetVariants { flag, variants } => {
                self.set_variants(&format!("{field}.set_variants"), flag, variants);
            }
            Change::Enable(place) => self.switch(&format!("{field}.enable_flag"), place, true),
            Change::Disable(place) => self.switch(&format!("{field}.disable_flag"), place, false),
            Change::Rollout {
                place,
                percent,
                enable,
            } => {
                self.rollout(&format!("{field}.rollout"), place, *percent, *enable);
            }
            Change::SetDefaultServe { place, serve } => {
                self.set_default_serve(&format!("{field}.set_default_serve"), place, serve);
            }
            Change::SetRules { place, rules } => self.set_rules(&format!("{field}.set_rules"), place, rules),
            Change::SetOffVariant { place, variant } => {
                self.set_off_variant(&format!("{field}.set_off_variant"), place, variant);
            }
            Change::SetSalt { place, salt } => self.set_salt(&format!("{field}.set_salt"), place, salt),
            Change::CreateStore {
                bucketing,
                environments,
            } => {
                let field = format!("{field}.create_store");
                if self.is_reserved_for_store(&field) && self.is_first(&field) {
                    let settings = Settings {
                        bucketing: *bucketing,
                    };
                    self.write(EntityId::Settings, Some(Entity::Settings(settings)));
                    self.create_environments(&format!("{field}.environments"), environments);
                }
            }
            Change::RestoreStore { .. } => {
                self.is_reserved_for_store(&format!("{field}.restore_store"));
            }
        }
    }

    fn is_reserved_for_store(&mut self, field: &str) -> bool {
        if self.origin != Origin::Store {
            self.findings.note(
                Reason::Reserved,
                field,
                "",
                "only the server itself may ask for this",
            );
        }
        self.origin == Origin::Store
    }

    /// A store's bucketing never changes: everybody would move.
    fn is_first(&mut self, field: &str) -> bool {
        let first = self.base.revision() == Revision::ZERO && self.touched.is_empty();
        if !first {
            let allowed = "only as the first change of a store";
            self.findings.note(Reason::Reserved, field, "", allowed);
        }
        first
    }

    fn create_environments(&mut self, field: &str, environments: &[String]) {
        if environments.is_empty() {
            self.findings.note(
                Reason::Required,
                field,
                "0",
                format!("1 to {ENVIRONMENTS_MAX} environments"),
            );
        }
        if !self.findings.count(field, environments.len(), ENVIRONMENTS_MAX) {
            return;
        }
        for (index, name) in environments.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let Some(key) = self.findings.name(&field, name, EnvironmentKey::parse) else {
                continue;
            };
            if self.work.has_environment(&key) {
                self.findings
                    .note(Reason::Duplicate, &field, name, "each environment once");
            }
            let environment = Environment { key: key.clone() };
            self.write(EntityId::Environment(key), Some(Entity::Environment(environment)));
        }
    }

    fn create(&mut self, field: &str, create: &CreateFlag) {
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
    ) -> Option<crate::key::VariantName> {
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

    fn delete(&mut self, field: &str, flag: &str) {
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

    fn update(&mut self, field: &str, update: &UpdateFlag) {
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

    fn set_variants(&mut self, field: &str, flag: &str, variants: &[(String, Value)]) {
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

    fn switch(&mut self, field: &str, place: &Place, enabled: bool) {
        let switched = self.switched.clone();
        self.configure(field, place, |_, _, configuration| {
            set_enabled(configuration, enabled, switched)
        });
    }

    fn rollout(&mut self, field: &str, place: &Place, percent: f64, enable: bool) {
        let switched = self.switched.clone();
        let weight = exact_weight(percent);
        if weight.is_none() {
            // Wrong whatever the flag is, so it is said even when there is no such flag.
            let field = format!("{field}.percent");
            let allowed = "0 to 100 with at most three decimals";
            self.findings
                .note(Reason::OutOfRange, &field, &percent.to_string(), allowed);
        }
        self.configure(field, place, |findings, definition, configuration| {
            let pair = definition
                .true_and_false()
                .filter(|_| definition.flag_type == FlagType::Boolean);
            if pair.is_none() {
                let allowed =
                    "a boolean flag with a true and a false variant; use a default serve with a split";
                findings.note(
                    Reason::NotApplicable,
                    &format!("{field}.flag"),
                    definition.key.as_str(),
                    allowed,
                );
            }
            if let (Some(by), false, false) = (&configuration.switched, configuration.enabled, enable) {
                let allowed = format!(
                    "{} disabled it at {} (revision {}); say enable to enable it again",
                    by.by, by.at, by.revision
                );
                findings.note(
                    Reason::FlagDisabled,
                    &format!("{field}.flag"),
                    definition.key.as_str(),
                    allowed,
                );
            }
            if let (Some(weight), Some((on, off))) = (weight, pair) {
                let split = rollout_split(&configuration.default_serve, on, off, weight);
                configuration.default_serve = Serve::Split(split);
            }
            set_enabled(configuration, true, switched);
        });
    }

    fn set_default_serve(&mut self, field: &str, place: &Place, serve: &Serve) {
        self.configure(field, place, |findings, definition, configuration| {
            findings.serve(&format!("{field}.serve"), serve, definition);
            configuration.default_serve = serve.clone();
            // A variant that everybody gets is the default one; without this, the first one could never be removed.
            if let Serve::Variant(name) = serve {
                configuration.default_variant = name.clone();
            }
        });
    }

    fn set_rules(&mut self, field: &str, place: &Place, rules: &[Rule]) {
        self.configure(field, place, |findings, definition, configuration| {
            findings.rules(&format!("{field}.rules"), rules, definition);
            configuration.rules = rules.to_vec();
        });
    }

    fn set_off_variant(&mut self, field: &str, place: &Place, variant: &str) {
        self.configure(field, place, |findings, definition, configuration| {
            if let Some(name) = findings.variant(&format!("{field}.variant"), variant, definition) {
                configuration.off_variant = name;
            }
        });
    }

    fn set_salt(&mut self, field: &str, place: &Place, salt: &str) {
        self.configure(field, place, |findings, _, configuration| {
            findings.text(&format!("{field}.salt"), salt, TEXT_BYTES_MAX);
            let salt = (!salt.is_empty()).then(|| Box::from(salt));
            if configuration.salt != salt {
                findings
                    .warnings
                    .push("another salt moves subjects between buckets".to_owned());
            }
            configuration.salt = salt;
        });
    }

    fn configure(
        &mut self,
        field: &str,
        place: &Place,
        edit: impl FnOnce(&mut Findings, &FlagDefinition, &mut FlagConfiguration),
    ) {
        let environment = self.environment(&format!("{field}.environment"), &place.environment);
        let definition = self.flag(&format!("{field}.flag"), &place.flag);
        let (Some(environment), Some(definition)) = (environment, definition) else {
            return;
        };
        let folded = definition.key.folded();
        let Some(configuration) = self.work.configuration(&environment, &folded) else {
            return;
        };
        let mut configuration = FlagConfiguration::clone(configuration);
        edit(&mut self.findings, &definition, &mut configuration);
        let id = EntityId::Configuration(environment, folded);
        self.write(id, Some(Entity::Configuration(Arc::new(configuration))));
    }

    fn environment(&mut self, field: &str, name: &str) -> Option<EnvironmentKey> {
        let key = self.findings.name(field, name, EnvironmentKey::parse)?;
        if self.work.has_environment(&key) {
            return Some(key);
        }
        let names: Vec<&str> = self.work.environments().map(EnvironmentKey::as_str).collect();
        self.findings.note(
            Reason::UnknownEnvironment,
            field,
            name,
            format!("one of {}", names.join(", ")),
        );
        None
    }

    fn flag(&mut self, field: &str, name: &str) -> Option<Arc<FlagDefinition>> {
        let folded = self.findings.name(field, name, FlagKey::parse)?.folded();
        let found = self.work.flag(&folded).cloned();
        if found.is_none() && !self.failed.contains(&folded) {
            self.findings
                .note(Reason::UnknownFlag, field, name, "the key of a flag that exists");
        }
        found
    }

    fn write(&mut self, id: EntityId, value: Option<Entity>) {
        let write = Write { id, value };
        self.work.put(&write);
        self.touched.insert(write.id);
    }
}

fn set_enabled(configuration: &mut FlagConfiguration, enabled: bool, switched: Switched) {
    // Disabling a flag that nobody ever switched is a decision too: `rollout` must respect it.
    if configuration.enabled != enabled || configuration.switched.is_none() {
        configuration.enabled = enabled;
        configuration.switched = Some(switched);
    }
}

/// A share for `on` and the rest for `off`. Keeps what decides who is who: the attribute that the flag buckets by, and
/// which of the two comes first. Otherwise raising a percentage would exchange people instead of adding some.
fn rollout_split(current: &Serve, on: &Variant, off: &Variant, weight: u32) -> Split {
    let mut weights = vec![
        WeightedVariant {
            variant: on.name.clone(),
            weight,
        },
        WeightedVariant {
            variant: off.name.clone(),
            weight: WEIGHT_TOTAL - weight,
        },
    ];
    let Serve::Split(current) = current else {
        return Split {
            weights,
            bucket_by: None,
        };
    };
    if current
        .weights
        .first()
        .is_some_and(|first| first.variant == off.name)
    {
        weights.reverse();
    }
    Split {
        weights,
        bucket_by: current.bucket_by.clone(),
    }
}

/// A percentage in thousandths of a percent, when it is exactly that.
fn exact_weight(percent: f64) -> Option<u32> {
    let scaled = percent * 1_000.0;
    let rounded = scaled.round();
    if !(0.0..=f64::from(WEIGHT_TOTAL)).contains(&rounded) || (scaled - rounded).abs() > 1e-6 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 100000, checked above"
    )]
    let weight = rounded as u32;
    Some(weight)
}

#[cfg(test)]
pub(crate) mod tests;
