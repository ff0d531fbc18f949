//! All entities at a revision: the fold of the writes of all records so far.

mod fold;

use std::sync::Arc;

use imbl::OrdMap;

use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{Canary, EffectiveFlag, Environment, Feature, FlagConfiguration, FlagDefinition};
use crate::guard::Guard;
use crate::guard::state::GuardState;
use crate::incident::Incident;
use crate::key::{EnvironmentKey, FeatureKey, FoldedKey, GuardKey, PlanKey, SegmentKey};
use crate::key_set::KeySet;
use crate::list::ListKey;
use crate::plan::PlanDefinition;
use crate::plan::progress::Progress;
use crate::policy::Policy;
use crate::promotion::{Drill, Promotion, PromotionRules};
use crate::record::Record;
use crate::request::ChangeRequest;
use crate::revision::{Revision, Timestamp};
use crate::segment::Segment;

/// All entities at a revision.
///
/// The maps are persistent: a clone is a few pointers, and two snapshots share what did not change between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    revision: Revision,
    settings: Settings,
    environments: OrdMap<EnvironmentKey, Environment>,
    flags: OrdMap<FoldedKey, Arc<FlagDefinition>>,
    configurations: OrdMap<(EnvironmentKey, FoldedKey), Arc<FlagConfiguration>>,
    segments: OrdMap<(EnvironmentKey, SegmentKey), Arc<Segment>>,
    canaries: OrdMap<EnvironmentKey, Canary>,
    /// Only lists that hold a key.
    lists: OrdMap<(EnvironmentKey, ListKey), KeySet>,
    features: OrdMap<FeatureKey, Arc<Feature>>,
    plans: OrdMap<PlanKey, Arc<PlanDefinition>>,
    progress: OrdMap<PlanKey, Arc<Progress>>,
    policies: OrdMap<EnvironmentKey, Arc<Policy>>,
    requests: OrdMap<Revision, Arc<ChangeRequest>>,
    incidents: OrdMap<u64, Arc<Incident>>,
    promotion_rules: OrdMap<EnvironmentKey, Arc<PromotionRules>>,
    promotions: OrdMap<(EnvironmentKey, FoldedKey), Arc<Promotion>>,
    drills: OrdMap<(EnvironmentKey, FoldedKey), Arc<Drill>>,
    guards: OrdMap<GuardKey, Arc<Guard>>,
    guard_states: OrdMap<GuardKey, Arc<GuardState>>,
    /// Which record wrote each configuration last.
    written: OrdMap<(EnvironmentKey, FoldedKey), Written>,
}

/// A record that wrote something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub revision: Revision,
    /// When it was committed.
    pub at: Timestamp,
}

/// A record does not follow the snapshot that it is folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("revision {found} does not follow revision {held}")]
pub struct GapError {
    /// The snapshot's revision.
    pub held: Revision,
    /// The record's revision.
    pub found: Revision,
}

impl Snapshot {
    /// The revision whose writes were folded in last.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The store's own settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All environments, in the order in which people see them.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentKey> {
        let mut environments: Vec<&Environment> = self.environments.values().collect();
        environments.sort_by_key(|environment| (environment.position, &environment.key));
        environments.into_iter().map(|environment| &environment.key)
    }

    /// Whether there is such an environment.
    #[must_use]
    pub fn has_environment(&self, environment: &EnvironmentKey) -> bool {
        self.environments.contains_key(environment)
    }

    /// How many flags there are.
    #[must_use]
    pub fn flag_count(&self) -> usize {
        self.flags.len()
    }

    /// A flag's definition.
    #[must_use]
    pub fn flag(&self, key: &FoldedKey) -> Option<&Arc<FlagDefinition>> {
        self.flags.get(key)
    }

    /// All flags, in the order of their folded keys.
    pub fn flags(&self) -> impl Iterator<Item = (&FoldedKey, &Arc<FlagDefinition>)> {
        self.flags.iter()
    }

    /// All flags whose folded key is greater than the given one, in order.
    pub fn flags_after(&self, after: &FoldedKey) -> impl Iterator<Item = (&FoldedKey, &Arc<FlagDefinition>)> {
        let bounds = (std::ops::Bound::Excluded(after.clone()), std::ops::Bound::Unbounded);
        self.flags.range(bounds)
    }

    /// A flag's configuration in an environment.
    #[must_use]
    pub fn configuration(
        &self,
        environment: &EnvironmentKey,
        key: &FoldedKey,
    ) -> Option<&Arc<FlagConfiguration>> {
        self.configurations.get(&(environment.clone(), key.clone()))
    }

    /// A flag as an environment sees it; none when there is no such flag, or it is archived.
    #[must_use]
    pub fn effective(&self, environment: &EnvironmentKey, key: &FoldedKey) -> Option<EffectiveFlag> {
        let definition = self.flag(key).filter(|definition| definition.archived.is_none())?;
        Some(EffectiveFlag::of(definition, self.configuration(environment, key)?))
    }

    /// All configurations of an environment, in the order of the flags' folded keys.
    pub fn configurations<'s>(
        &'s self,
        environment: &'s EnvironmentKey,
    ) -> impl Iterator<Item = (&'s FoldedKey, &'s Arc<FlagConfiguration>)> {
        let from = (environment.clone(), FoldedKey::of(""));
        let configurations =
            self.configurations.range(from..).take_while(move |((of, _), _)| of == environment);
        configurations.map(|((_, flag), configuration)| (flag, configuration))
    }

    /// A segment of an environment.
    #[must_use]
    pub fn segment(&self, environment: &EnvironmentKey, segment: &SegmentKey) -> Option<&Arc<Segment>> {
        self.segments.get(&(environment.clone(), segment.clone()))
    }

    /// All segments of an environment, in the order of their keys.
    pub fn segments<'s>(&'s self, environment: &'s EnvironmentKey) -> impl Iterator<Item = &'s Arc<Segment>> {
        let from = (environment.clone(), SegmentKey::new(""));
        let segments = self.segments.range(from..).take_while(move |((of, _), _)| of == environment);
        segments.map(|(_, segment)| segment)
    }

    /// The switch of an environment's canary mode; off when nobody has ever switched it.
    #[must_use]
    pub fn canary(&self, environment: &EnvironmentKey) -> Canary {
        self.canaries.get(environment).cloned().unwrap_or_default()
    }

    /// A list of an environment; empty when there is none.
    #[must_use]
    pub fn list(&self, environment: &EnvironmentKey, list: &ListKey) -> KeySet {
        self.lists.get(&(environment.clone(), list.clone())).cloned().unwrap_or_default()
    }

    /// All lists of an environment that hold a key.
    pub fn lists<'s>(
        &'s self,
        environment: &'s EnvironmentKey,
    ) -> impl Iterator<Item = (&'s ListKey, &'s KeySet)> {
        let from = (environment.clone(), ListKey::Canary);
        let lists = self.lists.range(from..).take_while(move |((of, _), _)| of == environment);
        lists.map(|((_, list), keys)| (list, keys))
    }

    /// Several flags under one name.
    #[must_use]
    pub fn feature(&self, key: &FeatureKey) -> Option<&Arc<Feature>> {
        self.features.get(key)
    }

    /// All features, in the order of their keys.
    pub fn features(&self) -> impl Iterator<Item = &Arc<Feature>> {
        self.features.values()
    }

    /// A rollout plan and where it is.
    #[must_use]
    pub fn plan(&self, key: &PlanKey) -> Option<(&Arc<PlanDefinition>, &Arc<Progress>)> {
        Some((self.plans.get(key)?, self.progress.get(key)?))
    }

    /// All rollout plans and where they are, in the order of their keys.
    pub fn plans(&self) -> impl Iterator<Item = (&Arc<PlanDefinition>, &Arc<Progress>)> {
        self.plans.iter().filter_map(|(key, plan)| Some((plan, self.progress.get(key)?)))
    }

    /// What an environment allows; none when it demands nothing.
    #[must_use]
    pub fn policy(&self, environment: &EnvironmentKey) -> Option<&Arc<Policy>> {
        self.policies.get(environment)
    }

    /// All policies, in the order of the environments' keys.
    pub fn policies(&self) -> impl Iterator<Item = (&EnvironmentKey, &Arc<Policy>)> {
        self.policies.iter()
    }

    /// Changes that wait for approval, or have waited.
    #[must_use]
    pub fn request(&self, request: Revision) -> Option<&Arc<ChangeRequest>> {
        self.requests.get(&request)
    }

    /// All change requests, the oldest first.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &Arc<ChangeRequest>> {
        self.requests.values()
    }

    /// An incident, by the revision that opened it.
    #[must_use]
    pub fn incident(&self, id: u64) -> Option<&Arc<Incident>> {
        self.incidents.get(&id)
    }

    /// All incidents, in the order in which they were opened.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &Arc<Incident>> {
        self.incidents.values()
    }

    /// What an environment asks for before it takes a flag over; none when it takes over whatever comes.
    #[must_use]
    pub fn promotion_rules(&self, environment: &EnvironmentKey) -> Option<&Arc<PromotionRules>> {
        self.promotion_rules.get(environment)
    }

    /// The rules of all environments that have any, in the order of their keys.
    pub fn all_promotion_rules(&self) -> impl Iterator<Item = (&EnvironmentKey, &Arc<PromotionRules>)> {
        self.promotion_rules.iter()
    }

    /// What people have said about the next promotion of a flag to an environment.
    #[must_use]
    pub fn promotion(&self, to: &EnvironmentKey, flag: &FoldedKey) -> Option<&Promotion> {
        self.promotions.get(&(to.clone(), flag.clone())).map(|promotion| &**promotion)
    }

    /// The last rollback drill of a flag in an environment.
    #[must_use]
    pub fn drill(&self, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<&Arc<Drill>> {
        self.drills.get(&(environment.clone(), flag.clone()))
    }

    /// The last drills, each with its environment.
    pub fn drills(&self) -> impl Iterator<Item = (&EnvironmentKey, &Arc<Drill>)> {
        self.drills.iter().map(|((environment, _), drill)| (environment, drill))
    }

    /// A guard, as it was set.
    #[must_use]
    pub fn guard(&self, key: &GuardKey) -> Option<&Arc<Guard>> {
        self.guards.get(key)
    }

    /// What came of a guard; none when it has done nothing yet.
    #[must_use]
    pub fn guard_state(&self, key: &GuardKey) -> Option<&Arc<GuardState>> {
        self.guard_states.get(key)
    }

    /// All guards and what came of them, in the order of their keys.
    pub fn guards(&self) -> impl Iterator<Item = (&Arc<Guard>, Option<&GuardState>)> {
        self.guards.iter().map(|(key, guard)| (guard, self.guard_states.get(key).map(|state| &**state)))
    }

    /// The guards that hold a flag down in an environment.
    pub fn latches<'s>(
        &'s self,
        environment: &'s EnvironmentKey,
        flag: &'s FoldedKey,
    ) -> impl Iterator<Item = (&'s Arc<Guard>, &'s GuardState)> {
        let latched = self.guards().filter_map(|(guard, state)| Some((guard, state?)));
        latched.filter(move |(guard, state)| guard.environment == *environment && state.holds(flag))
    }

    /// The record that wrote a flag's configuration last.
    #[must_use]
    pub fn written(&self, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Written> {
        self.written.get(&(environment.clone(), flag.clone())).copied()
    }

    /// The value of an entity.
    #[must_use]
    pub fn entity(&self, id: &EntityId) -> Option<Entity> {
        match id {
            EntityId::Settings => Some(Entity::Settings(self.settings.clone())),
            EntityId::Environment(key) => self.environments.get(key).cloned().map(Entity::Environment),
            EntityId::Flag(key) => self.flags.get(key).cloned().map(Entity::Flag),
            EntityId::Configuration(environment, key) => {
                self.configuration(environment, key).cloned().map(Entity::Configuration)
            }
            EntityId::Segment(environment, key) => {
                self.segment(environment, key).cloned().map(Entity::Segment)
            }
            EntityId::Canary(environment) => self.canaries.get(environment).cloned().map(Entity::Canary),
            EntityId::Listed(environment, list, key) => {
                let keys = self.lists.get(&(environment.clone(), list.clone()))?;
                keys.contains(key).then_some(Entity::Listed)
            }
            EntityId::Feature(key) => self.features.get(key).cloned().map(Entity::Feature),
            EntityId::Plan(key) => self.plans.get(key).cloned().map(Entity::Plan),
            EntityId::Progress(key) => self.progress.get(key).cloned().map(Entity::Progress),
            EntityId::Policy(key) => self.policies.get(key).cloned().map(Entity::Policy),
            EntityId::ChangeRequest(key) => self.requests.get(key).cloned().map(Entity::ChangeRequest),
            EntityId::Incident(id) => self.incidents.get(id).cloned().map(Entity::Incident),
            EntityId::PromotionRules(environment) => {
                self.promotion_rules.get(environment).cloned().map(Entity::PromotionRules)
            }
            EntityId::Promotion(environment, flag) => {
                self.promotions.get(&(environment.clone(), flag.clone())).cloned().map(Entity::Promotion)
            }
            EntityId::Drill(environment, flag) => {
                self.drills.get(&(environment.clone(), flag.clone())).cloned().map(Entity::Drill)
            }
            EntityId::Guard(key) => self.guards.get(key).cloned().map(Entity::Guard),
            EntityId::GuardState(key) => self.guard_states.get(key).cloned().map(Entity::GuardState),
        }
    }

    /// Folds a record in. Looks at its stored writes only, so that an upgrade of the code cannot change the past.
    ///
    /// # Errors
    /// When the record's revision is not the next one; nothing has changed then.
    pub fn fold(&mut self, record: &Record) -> Result<(), GapError> {
        if record.revision != self.revision.next() {
            return Err(GapError { held: self.revision, found: record.revision });
        }
        for write in &record.writes {
            self.put(write);
            self.note_written(write, Written { revision: record.revision, at: record.committed_at });
        }
        self.revision = record.revision;
        Ok(())
    }

    fn note_written(&mut self, write: &Write, written: Written) {
        if let EntityId::Configuration(environment, flag) = &write.id {
            let key = (environment.clone(), flag.clone());
            match write.value {
                Some(_) => drop(self.written.insert(key, written)),
                None => drop(self.written.remove(&key)),
            }
        }
    }

    /// Sets or removes one entity without moving the revision. A value of another kind than its id is ignored: the
    /// stored form cannot express one.
    pub(crate) fn put(&mut self, write: &Write) {
        match &write.value {
            Some(value) => self.set(&write.id, value),
            None => self.remove(&write.id),
        }
    }
}

#[cfg(test)]
mod tests;
