//! What a change set does to a snapshot, or everything that is wrong with it.
//!
//! Changes are tried in order on a working copy; each sees what the ones before it did. Only entities that really end
//! up different are written: asking for what is already so is no change.

mod configurations;
mod definitions;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::change::{Change, ChangeSet};
use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{Environment, FlagConfiguration, FlagDefinition, Switched};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::limits::{CHANGES_MAX, ENVIRONMENTS_MAX, REASON_BYTES_MAX, TEXT_BYTES_MAX};
use crate::rejection::{Reason, Rejection};
use crate::revision::{Revision, Timestamp};
use crate::snapshot::Snapshot;
use crate::validate::Findings;

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
        created: BTreeSet::new(),
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
        draft.findings.note(Reason::Required, "actor", &change_set.actor, "who asks for the change");
    }
    draft.findings.text("reason", &change_set.reason, REASON_BYTES_MAX);
    if change_set.changes.is_empty() {
        draft.findings.note(Reason::Required, "changes", "0", format!("1 to {CHANGES_MAX} changes"));
    }
    if draft.findings.count("changes", change_set.changes.len(), CHANGES_MAX) {
        for (index, change) in change_set.changes.iter().enumerate() {
            if draft.findings.are_full() {
                break;
            }
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
    /// Flags that came to be here: what the base holds of their keys was said of other flags.
    created: BTreeSet<FoldedKey>,
    findings: Findings,
    origin: Origin,
    switched: Switched,
}

impl Draft<'_> {
    fn finish(self) -> Result<Checked, Rejection> {
        if !self.findings.violations.is_empty() {
            return Err(Rejection { violations: self.findings.violations });
        }
        let writes = self
            .touched
            .iter()
            .map(|id| (id, self.base.entity(id), self.outcome(id)))
            // The settings of a new store are those of no store, and are written all the same.
            .filter(|(id, before, after)| before != after || **id == EntityId::Settings)
            .map(|(id, _, value)| Write { id: id.clone(), value })
            .collect();
        Ok(Checked { writes, warnings: self.findings.warnings })
    }

    /// What an entity ends up as. A flag that was switched there and back was not switched: whoever really did it
    /// last is remembered.
    fn outcome(&self, id: &EntityId) -> Option<Entity> {
        let after = self.work.entity(id)?;
        let (EntityId::Configuration(environment, key), Entity::Configuration(configuration)) = (id, &after)
        else {
            return Some(after);
        };
        let before = self
            .base
            .configuration(environment, key)
            .filter(|before| before.enabled == configuration.enabled && before.switched.is_some())
            .filter(|_| !self.created.contains(key));
        let Some(before) = before else {
            return Some(after);
        };
        Some(Entity::Configuration(Arc::new(FlagConfiguration {
            switched: before.switched.clone(),
            ..FlagConfiguration::clone(configuration)
        })))
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
            Change::Rollout { place, percent, enable } => {
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
            Change::CreateStore { bucketing, environments } => {
                let field = format!("{field}.create_store");
                if self.is_reserved_for_store(&field) && self.is_first(&field) {
                    let settings = Settings { bucketing: *bucketing };
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
            self.findings.note(Reason::Reserved, field, "", "only the server itself may ask for this");
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
            self.findings.note(Reason::Required, field, "0", format!("1 to {ENVIRONMENTS_MAX} environments"));
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
                self.findings.note(Reason::Duplicate, &field, name, "each environment once");
            }
            let position = u32::try_from(index).unwrap_or(u32::MAX);
            let environment = Environment { key: key.clone(), position };
            self.write(EntityId::Environment(key), Some(Entity::Environment(environment)));
        }
    }

    fn environment(&mut self, field: &str, name: &str) -> Option<EnvironmentKey> {
        let key = self.findings.name(field, name, EnvironmentKey::parse)?;
        if self.work.has_environment(&key) {
            return Some(key);
        }
        let names: Vec<&str> = self.work.environments().map(EnvironmentKey::as_str).collect();
        self.findings.note(Reason::UnknownEnvironment, field, name, format!("one of {}", names.join(", ")));
        None
    }

    fn flag(&mut self, field: &str, name: &str) -> Option<Arc<FlagDefinition>> {
        let folded = self.findings.name(field, name, FlagKey::parse)?.folded();
        let found = self.work.flag(&folded).cloned();
        if found.is_none() && !self.failed.contains(&folded) {
            self.findings.note(Reason::UnknownFlag, field, name, "the key of a flag that exists");
        }
        found
    }

    fn write(&mut self, id: EntityId, value: Option<Entity>) {
        let write = Write { id, value };
        self.work.put(&write);
        self.touched.insert(write.id);
    }
}

#[cfg(test)]
pub(crate) mod tests;
