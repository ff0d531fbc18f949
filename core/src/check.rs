//! What a change set does to a snapshot, or everything that is wrong with it.
//!
//! Changes are tried in order on a working copy; each sees what the ones before it did. Only entities that really end
//! up different are written: asking for what is already so is no change.

mod archive;
mod audiences;
mod configurations;
mod definitions;
mod features;
mod guard_steps;
mod guards;
mod incidents;
mod integrity;
mod kept;
mod latched_audiences;
mod latches;
pub(crate) mod matrix;
mod overrides;
mod plan_acts;
mod plan_drift;
mod plan_steps;
mod plan_targets;
mod plans;
mod policy;
mod prerequisites;
mod promotion_rules;
mod promotions;
mod raises;
mod requests;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::change::{Change, ChangeSet};
use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{Environment, FlagConfiguration, FlagDefinition, Switched};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::limits::{CHANGES_MAX, ENVIRONMENTS_MAX, REASON_BYTES_MAX, TEXT_BYTES_MAX};
use crate::rejection::{Reason, Rejection};
use crate::revision::{Revision, Timestamp};
use crate::schema::Schemas;
use crate::snapshot::Snapshot;
use crate::validate::Findings;

pub use guard_steps::would_take_back;
pub use undo::Undone;

/// Who submits a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Anybody, over whatever API.
    #[default]
    Caller,
    /// The store itself, at its creation or restoration.
    Store,
    /// The server's own control loops. Policies want no reason and no approval of them.
    Control,
}

/// A change set that may be committed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// What it does, in the order of the entities' ids. Empty when everything is as asked already.
    pub writes: Vec<Write>,
    /// What the caller may not have meant.
    pub warnings: Vec<String>,
}

/// What a change set is checked with beside the snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'c> {
    /// Who submits it.
    pub origin: Origin,
    /// The server's clock.
    pub at: Timestamp,
    /// Who judges values by JSON Schemas.
    pub schemas: &'c dyn Schemas,
    /// The revisions that the change set undoes, read back from the log.
    pub undone: &'c [Undone],
}

/// Checks a change set against a snapshot. The revision will be the snapshot's next one.
///
/// # Errors
/// Everything that is wrong with the change set, at once. Nothing has changed then.
pub fn check(
    snapshot: &Snapshot,
    change_set: &ChangeSet,
    circumstances: Circumstances<'_>,
) -> Result<Checked, Rejection> {
    let mut draft = Draft {
        base: snapshot,
        work: snapshot.clone(),
        touched: BTreeMap::new(),
        field: Arc::from("changes"),
        failed: BTreeSet::new(),
        created: BTreeSet::new(),
        restored: BTreeSet::new(),
        findings: Findings::default(),
        circumstances,
        switched: Switched {
            by: Box::from(change_set.actor.as_str()),
            at: circumstances.at,
            revision: snapshot.revision().next(),
        },
        planned: BTreeSet::new(),
        approved: false,
        is_only_change: change_set.changes.len() == 1,
        reason: &change_set.reason,
        reason_of_request: None,
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
    draft.hold_together();
    draft.hold_latches();
    draft.note_drift();
    draft.void_approvals();
    draft.finish()
}

struct Draft<'s> {
    base: &'s Snapshot,
    work: Snapshot,
    /// What was written, and the field of the change that wrote it last.
    touched: BTreeMap<EntityId, Arc<str>>,
    /// The field of the change that is being tried.
    field: Arc<str>,
    /// Flags whose creation failed: what else is said about them is not a second fault.
    failed: BTreeSet<FoldedKey>,
    /// Flags that came to be here: what the base holds of their keys was said of other flags.
    created: BTreeSet<FoldedKey>,
    /// What an undo has given back, and nothing has changed again.
    restored: BTreeSet<EntityId>,
    findings: Findings,
    circumstances: Circumstances<'s>,
    switched: Switched,
    /// What a plan itself set: no drift.
    planned: BTreeSet<EntityId>,
    /// What is written was requested, and as many people have approved it as must.
    approved: bool,
    /// No other change stands beside the one that is tried.
    is_only_change: bool,
    reason: &'s str,
    /// Why what is approved was requested.
    reason_of_request: Option<Box<str>>,
}

impl Draft<'_> {
    fn finish(mut self) -> Result<Checked, Rejection> {
        let mut writes = Vec::new();
        // Of what is wrong anyway nobody can say what it would do.
        if self.findings.violations.is_empty() {
            writes = self.writes();
            self.keep_policies(&writes);
        }
        if !self.findings.violations.is_empty() {
            return Err(Rejection { violations: self.findings.violations });
        }
        Ok(Checked { writes, warnings: self.findings.warnings })
    }

    /// Every entity that ends up different.
    fn writes(&mut self) -> Vec<Write> {
        self.note_raises_by_definition();
        self.touched
            .keys()
            .map(|id| (id, self.base.entity(id), self.outcome(id)))
            // The settings of a new store are those of no store, and are written all the same.
            .filter(|(id, before, after)| before != after || **id == EntityId::Settings)
            .map(|(id, _, value)| Write { id: id.clone(), value })
            .collect()
    }

    /// What an entity ends up as. A flag that was switched there and back was not switched: whoever really did it
    /// last is remembered. So is whoever raised it last.
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
        let switched = before.map_or(&configuration.switched, |before| &before.switched);
        let raised = self.raised(environment, key);
        if *switched == configuration.switched && raised == configuration.raised {
            return Some(after);
        }
        Some(Entity::Configuration(Arc::new(FlagConfiguration {
            switched: switched.clone(),
            raised,
            ..FlagConfiguration::clone(configuration)
        })))
    }

    fn change(&mut self, field: &str, change: &Change) {
        let field = format!("{field}.{}", change.name());
        let field = field.as_str();
        self.field = Arc::from(field);
        match change {
            Change::CreateFlag(create) => self.create(field, create),
            Change::DeleteFlag { flag, .. } => self.delete(field, flag),
            Change::ArchiveFlag { flag, .. } => self.archive(field, flag),
            Change::UnarchiveFlag { flag } => self.unarchive(field, flag),
            Change::UpdateFlag(update) => self.update(field, update),
            Change::SetVariants { flag, variants } => self.set_variants(field, flag, variants),
            Change::SetFeature { feature, description, flags } => {
                self.set_feature(field, feature, description, flags);
            }
            Change::DeleteFeature { feature } => self.delete_feature(field, feature),
            Change::ChangeFeature { environment, feature, action } => {
                self.change_feature(field, environment, feature, *action);
            }
            Change::SetSegment(segment) => self.set_segment(field, segment),
            Change::DeleteSegment { environment, segment } => {
                self.delete_segment(field, environment, segment)
            }
            Change::EditList { environment, list, add, remove } => {
                self.edit_list(field, environment, list, add, remove);
            }
            Change::SwitchCanary { environment, on } => self.switch_canary(field, environment, *on),
            Change::Undo { revision } => self.undo(field, *revision),
            Change::SetPlan(plan) => self.set_plan(field, plan),
            Change::DeletePlan { plan } => self.delete_plan(field, plan),
            Change::ActOnPlan { plan, act } => self.act_on_plan(field, plan, act),
            Change::RollBack { environment, flags, kind } => self.roll_back(field, environment, flags, kind),
            Change::OpenIncident(open) => self.open_incident(field, open),
            Change::CloseIncident(close) => self.close_incident(field, close),
            Change::SetPromotionRules { environment, rules } => {
                self.set_promotion_rules(field, environment, rules.as_deref());
            }
            Change::ApprovePromotion { flag, to } => self.approve_promotion(field, flag, to),
            Change::TickPromotion { flag, to, item } => self.tick_promotion(field, flag, to, item),
            Change::Promote(promote) => self.promote(field, promote),
            Change::RecordDrill(drill) => self.record_drill(field, drill),
            Change::SetGuard(guard) => self.set_guard(field, guard),
            Change::DeleteGuard { guard, force } => self.delete_guard(field, guard, *force),
            Change::AcknowledgeGuard(what) => self.acknowledge_guard(field, what),
            Change::StepGuard(step) => self.step_guard(field, step),
            Change::CreateStore { bucketing, environments } => {
                if self.is_reserved_for_store(field) && self.is_first(field) {
                    let settings = Settings { bucketing: *bucketing };
                    self.write(EntityId::Settings, Some(Entity::Settings(settings)));
                    self.create_environments(&format!("{field}.environments"), environments);
                }
            }
            Change::RestoreStore { .. } => {
                self.is_reserved_for_store(field);
            }
            Change::SetPolicy { environment, policy } => self.set_policy(field, environment, policy),
            Change::RequestApproval { changes } => self.request_approval(field, changes),
            Change::ApproveRequest { request } => self.approve_request(field, *request),
            Change::RejectRequest { request } => self.reject_request(field, *request),
            Change::WithdrawRequest { request } => self.withdraw_request(field, *request),
            placed => self.change_configuration(field, placed),
        }
    }

    /// The changes of one flag in one environment.
    fn change_configuration(&mut self, field: &str, change: &Change) {
        match change {
            Change::Enable(place) => self.switch(field, place, true),
            Change::Disable(place) => self.switch(field, place, false),
            Change::Rollout { place, percent, enable } => self.rollout(field, place, *percent, *enable),
            Change::SetDefaultServe { place, serve } => self.set_default_serve(field, place, serve),
            Change::SetRules { place, rules } => self.set_rules(field, place, rules),
            Change::SetOffVariant { place, variant } => self.set_off_variant(field, place, variant),
            Change::SetSalt { place, salt } => self.set_salt(field, place, salt),
            Change::SetMatrix { place, shares, rest, enable } => {
                self.set_matrix(field, place, shares, *rest, *enable);
            }
            Change::SetTargeting { place, targeting } => self.set_targeting(field, place, targeting),
            Change::SetPrerequisites { place, prerequisites } => {
                self.set_prerequisites(field, place, prerequisites);
            }
            Change::SetCanaryPart { place, part } => self.set_canary_part(field, place, part),
            Change::SetOverride { place, service, variant, seconds } => {
                self.set_override(field, place, (service, variant), *seconds);
            }
            Change::RemoveOverride { place, service } => self.remove_override(field, place, service),
            other => debug_assert!(false, "{} is no change of a configuration", other.name()),
        }
    }

    fn is_reserved_for_store(&mut self, field: &str) -> bool {
        if self.circumstances.origin != Origin::Store {
            self.findings.note(Reason::Reserved, field, "", "only the server itself may ask for this");
        }
        self.circumstances.origin == Origin::Store
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

    /// A flag that can be changed: one that is not archived.
    fn live_flag(&mut self, field: &str, name: &str) -> Option<Arc<FlagDefinition>> {
        let definition = self.flag(field, name)?;
        let Some(archived) = &definition.archived else {
            return Some(definition);
        };
        let allowed = format!(
            "a flag that is not archived; {} archived it at {} (revision {})",
            archived.by, archived.at, archived.revision
        );
        self.findings.note(Reason::FlagArchived, field, definition.key.as_str(), allowed);
        None
    }

    fn write(&mut self, id: EntityId, value: Option<Entity>) {
        let write = Write { id, value };
        self.work.put(&write);
        self.restored.remove(&write.id);
        self.touched.insert(write.id, Arc::clone(&self.field));
    }
}

#[cfg(test)]
pub(crate) mod tests;
