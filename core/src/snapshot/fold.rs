//! One write after the other: each entity to its place.

use std::sync::Arc;

use super::Snapshot;
use crate::entity::{Entity, EntityId, Settings};

impl Snapshot {
    pub(super) fn set(&mut self, id: &EntityId, value: &Entity) {
        match (id, value) {
            (EntityId::Settings, Entity::Settings(settings)) => self.settings = settings.clone(),
            (EntityId::Environment(key), Entity::Environment(environment)) => {
                self.environments.insert(key.clone(), environment.clone());
            }
            (EntityId::Flag(key), Entity::Flag(definition)) => {
                self.flags.insert(key.clone(), Arc::clone(definition));
            }
            (EntityId::Configuration(environment, key), Entity::Configuration(configuration)) => {
                self.configurations.insert((environment.clone(), key.clone()), Arc::clone(configuration));
            }
            (EntityId::Segment(environment, key), Entity::Segment(segment)) => {
                self.segments.insert((environment.clone(), key.clone()), Arc::clone(segment));
            }
            (EntityId::Canary(environment), Entity::Canary(canary)) => {
                self.canaries.insert(environment.clone(), canary.clone());
            }
            (EntityId::Listed(environment, list, key), Entity::Listed) => {
                self.lists.entry((environment.clone(), list.clone())).or_default().insert(key);
            }
            (EntityId::Feature(key), Entity::Feature(feature)) => {
                self.features.insert(key.clone(), Arc::clone(feature));
            }
            (EntityId::Plan(key), Entity::Plan(plan)) => {
                self.plans.insert(key.clone(), Arc::clone(plan));
            }
            (EntityId::Progress(key), Entity::Progress(progress)) => {
                self.progress.insert(key.clone(), Arc::clone(progress));
            }
            (EntityId::Policy(key), Entity::Policy(policy)) => {
                self.policies.insert(key.clone(), Arc::clone(policy));
            }
            (EntityId::ChangeRequest(key), Entity::ChangeRequest(request)) => {
                self.requests.insert(*key, Arc::clone(request));
            }
            (EntityId::Incident(id), Entity::Incident(incident)) => {
                self.incidents.insert(*id, Arc::clone(incident));
            }
            (EntityId::PromotionRules(environment), Entity::PromotionRules(rules)) => {
                self.promotion_rules.insert(environment.clone(), Arc::clone(rules));
            }
            (EntityId::Promotion(environment, flag), Entity::Promotion(promotion)) => {
                self.promotions.insert((environment.clone(), flag.clone()), Arc::clone(promotion));
            }
            (EntityId::Drill(environment, flag), Entity::Drill(drill)) => {
                self.drills.insert((environment.clone(), flag.clone()), Arc::clone(drill));
            }
            (EntityId::Guard(key), Entity::Guard(guard)) => {
                self.guards.insert(key.clone(), Arc::clone(guard));
            }
            (EntityId::GuardState(key), Entity::GuardState(state)) => {
                self.guard_states.insert(key.clone(), Arc::clone(state));
            }
            (id, _) => debug_assert!(false, "a value of another kind was written to {id}"),
        }
    }

    pub(super) fn remove(&mut self, id: &EntityId) {
        match id {
            EntityId::Settings => self.settings = Settings::default(),
            EntityId::Environment(key) => drop(self.environments.remove(key)),
            EntityId::Flag(key) => drop(self.flags.remove(key)),
            EntityId::Configuration(environment, key) => {
                self.configurations.remove(&(environment.clone(), key.clone()));
            }
            EntityId::Segment(environment, key) => {
                self.segments.remove(&(environment.clone(), key.clone()));
            }
            EntityId::Canary(environment) => drop(self.canaries.remove(environment)),
            EntityId::Listed(environment, list, key) => {
                let id = (environment.clone(), list.clone());
                if let Some(keys) = self.lists.get_mut(&id) {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.lists.remove(&id);
                    }
                }
            }
            EntityId::Feature(key) => drop(self.features.remove(key)),
            EntityId::Plan(key) => drop(self.plans.remove(key)),
            EntityId::Progress(key) => drop(self.progress.remove(key)),
            EntityId::Policy(key) => drop(self.policies.remove(key)),
            EntityId::ChangeRequest(key) => drop(self.requests.remove(key)),
            EntityId::Incident(id) => drop(self.incidents.remove(id)),
            EntityId::PromotionRules(environment) => drop(self.promotion_rules.remove(environment)),
            EntityId::Promotion(environment, flag) => {
                self.promotions.remove(&(environment.clone(), flag.clone()));
            }
            EntityId::Drill(environment, flag) => {
                self.drills.remove(&(environment.clone(), flag.clone()));
            }
            EntityId::Guard(key) => drop(self.guards.remove(key)),
            EntityId::GuardState(key) => drop(self.guard_states.remove(key)),
        }
    }
}
