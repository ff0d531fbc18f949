//! What the log writes: entities, and their new values.

use std::fmt;
use std::sync::Arc;

use crate::bucketing::Generation;
use crate::flag::{Canary, Environment, Feature, FlagConfiguration, FlagDefinition};
use crate::guard::Guard;
use crate::guard::state::GuardState;
use crate::incident::Incident;
use crate::key::{EnvironmentKey, FeatureKey, FoldedKey, GuardKey, PlanKey, SegmentKey};
use crate::list::ListKey;
use crate::plan::PlanDefinition;
use crate::plan::progress::Progress;
use crate::policy::Policy;
use crate::promotion::{Drill, Promotion, PromotionRules};
use crate::request::ChangeRequest;
use crate::revision::Revision;
use crate::segment::Segment;

/// Names an entity of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityId {
    /// The store's own settings.
    Settings,
    /// An environment.
    Environment(EnvironmentKey),
    /// A flag's definition.
    Flag(FoldedKey),
    /// A flag's configuration in an environment.
    Configuration(EnvironmentKey, FoldedKey),
    /// A segment of an environment, without its lists.
    Segment(EnvironmentKey, SegmentKey),
    /// The switch of an environment's canary mode.
    Canary(EnvironmentKey),
    /// One key on a list of an environment.
    Listed(EnvironmentKey, ListKey, Arc<str>),
    /// Several flags under one name.
    Feature(FeatureKey),
    /// A rollout plan, as it was applied.
    Plan(PlanKey),
    /// Where a rollout plan is.
    Progress(PlanKey),
    /// What an environment allows.
    Policy(EnvironmentKey),
    /// Changes that wait for approval, by the revision in which they were requested.
    ChangeRequest(Revision),
    /// An incident, by the revision that opened it.
    Incident(u64),
    /// What an environment asks for before it takes a flag over.
    PromotionRules(EnvironmentKey),
    /// What people have said about the next promotion of a flag to an environment.
    Promotion(EnvironmentKey, FoldedKey),
    /// The last rollback drill of a flag in an environment.
    Drill(EnvironmentKey, FoldedKey),
    /// A guard, as it was set.
    Guard(GuardKey),
    /// What came of a guard.
    GuardState(GuardKey),
}

impl EntityId {
    /// The flag that the entity belongs to.
    #[must_use]
    pub const fn flag(&self) -> Option<&FoldedKey> {
        match self {
            Self::Flag(flag)
            | Self::Configuration(_, flag)
            | Self::Promotion(_, flag)
            | Self::Drill(_, flag) => Some(flag),
            _ => None,
        }
    }

    /// The environment that the entity belongs to; none for what all environments share.
    #[must_use]
    pub const fn environment(&self) -> Option<&EnvironmentKey> {
        match self {
            Self::Environment(environment)
            | Self::Configuration(environment, _)
            | Self::Segment(environment, _)
            | Self::Canary(environment)
            | Self::Listed(environment, _, _)
            | Self::Policy(environment)
            | Self::PromotionRules(environment)
            | Self::Drill(environment, _) => Some(environment),
            Self::Settings
            | Self::Flag(_)
            | Self::Feature(_)
            | Self::Plan(_)
            | Self::Progress(_)
            | Self::ChangeRequest(_)
            // What is said about a promotion changes nothing in an environment.
            | Self::Promotion(..)
            | Self::Incident(_)
            | Self::Guard(_)
            | Self::GuardState(_) => None,
        }
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => formatter.write_str("settings"),
            Self::Environment(environment) => write!(formatter, "environment/{environment}"),
            Self::Flag(flag) => write!(formatter, "flag/{flag}"),
            Self::Configuration(environment, flag) => write!(formatter, "configuration/{environment}/{flag}"),
            Self::Segment(environment, segment) => write!(formatter, "segment/{environment}/{segment}"),
            Self::Canary(environment) => write!(formatter, "canary/{environment}"),
            Self::Listed(environment, list, key) => write!(formatter, "list/{environment}/{list}/{key}"),
            Self::Feature(feature) => write!(formatter, "feature/{feature}"),
            Self::Plan(plan) => write!(formatter, "plan/{plan}"),
            Self::Progress(plan) => write!(formatter, "progress/{plan}"),
            Self::Policy(environment) => write!(formatter, "policy/{environment}"),
            Self::ChangeRequest(request) => write!(formatter, "request/{request}"),
            Self::Incident(id) => write!(formatter, "incident/{id}"),
            Self::PromotionRules(environment) => write!(formatter, "promotion_rules/{environment}"),
            Self::Promotion(environment, flag) => write!(formatter, "promotion/{environment}/{flag}"),
            Self::Drill(environment, flag) => write!(formatter, "drill/{environment}/{flag}"),
            Self::Guard(guard) => write!(formatter, "guard/{guard}"),
            Self::GuardState(guard) => write!(formatter, "guard_state/{guard}"),
        }
    }
}

/// The store's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// How subjects are assigned to buckets.
    pub bucketing: Generation,
}

/// The value of an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// The store's own settings.
    Settings(Settings),
    /// An environment.
    Environment(Environment),
    /// A flag's definition.
    Flag(Arc<FlagDefinition>),
    /// A flag's configuration.
    Configuration(Arc<FlagConfiguration>),
    /// A segment, without its lists.
    Segment(Arc<Segment>),
    /// The switch of canary mode.
    Canary(Canary),
    /// The key is on the list.
    Listed,
    /// Several flags under one name.
    Feature(Arc<Feature>),
    /// A rollout plan, as it was applied.
    Plan(Arc<PlanDefinition>),
    /// Where a rollout plan is.
    Progress(Arc<Progress>),
    /// What an environment allows.
    Policy(Arc<Policy>),
    /// Changes that wait for approval.
    ChangeRequest(Arc<ChangeRequest>),
    /// An incident.
    Incident(Arc<Incident>),
    /// What an environment asks for before it takes a flag over.
    PromotionRules(Arc<PromotionRules>),
    /// What people have said about the next promotion of a flag.
    Promotion(Arc<Promotion>),
    /// The last rollback drill of a flag.
    Drill(Arc<Drill>),
    /// A guard, as it was set.
    Guard(Arc<Guard>),
    /// What came of a guard.
    GuardState(Arc<GuardState>),
}

/// What a change did to one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Which entity.
    pub id: EntityId,
    /// Its new value; none means that it was removed. Its kind is always that of the id.
    pub value: Option<Entity>,
}
