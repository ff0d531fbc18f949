//! Writes to what promotions remember: incidents, rules, what was said of promotions, and drills.

use std::sync::Arc;

use mycelia_flags_core::entity::{self, Entity, EntityId};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::{incident, promotion};

use super::super::FormError;
use super::super::promotion::{Drill, Incident, Promotion, Rules};
use super::{Kind, stored};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct IncidentWrite {
    /// The revision that opened it.
    #[prost(uint64, tag = "1")]
    incident: u64,
    #[prost(message, optional, tag = "2")]
    value: Option<Incident>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct PromotionRulesWrite {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Rules>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct PromotionWrite {
    /// The environment that the flag is to go to.
    #[prost(string, tag = "1")]
    environment: String,
    /// Folded.
    #[prost(string, tag = "2")]
    flag: String,
    #[prost(message, optional, tag = "3")]
    value: Option<Promotion>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct DrillWrite {
    #[prost(string, tag = "1")]
    environment: String,
    /// Folded.
    #[prost(string, tag = "2")]
    flag: String,
    #[prost(message, optional, tag = "3")]
    value: Option<Drill>,
}

/// A write to one of them.
pub(super) fn kind(write: &entity::Write) -> Kind {
    match &write.id {
        EntityId::PromotionRules(environment) => Kind::PromotionRules(PromotionRulesWrite {
            environment: environment.to_string(),
            value: stored(write, |value| match value {
                Entity::PromotionRules(rules) => Some(Rules::from(&**rules)),
                _ => None,
            }),
        }),
        EntityId::Promotion(environment, flag) => Kind::Promotion(PromotionWrite {
            environment: environment.to_string(),
            flag: flag.to_string(),
            value: stored(write, |value| match value {
                Entity::Promotion(promotion) => Some(Promotion::from(&**promotion)),
                _ => None,
            }),
        }),
        EntityId::Drill(environment, flag) => Kind::Drill(DrillWrite {
            environment: environment.to_string(),
            flag: flag.to_string(),
            value: stored(write, |value| match value {
                Entity::Drill(drill) => Some(Drill::from(&**drill)),
                _ => None,
            }),
        }),
        id => Kind::Incident(IncidentWrite {
            incident: if let EntityId::Incident(id) = id { *id } else { 0 },
            value: stored(write, |value| match value {
                Entity::Incident(incident) => Some(Incident::from(&**incident)),
                _ => None,
            }),
        }),
    }
}

/// The write again.
pub(super) fn write_of(kind: Kind) -> Result<entity::Write, FormError> {
    let (id, value) = match kind {
        Kind::Incident(write) => {
            let incident = write.value.map(incident::Incident::try_from).transpose()?;
            let id = EntityId::Incident(write.incident);
            if incident.as_ref().is_some_and(|incident| incident.id() != write.incident) {
                return Err(FormError::Mismatch { id: id.to_string() });
            }
            (id, incident.map(|incident| Entity::Incident(Arc::new(incident))))
        }
        Kind::PromotionRules(write) => {
            let rules = write.value.map(promotion::PromotionRules::from);
            let id = EntityId::PromotionRules(EnvironmentKey::new(&write.environment));
            (id, rules.map(|rules| Entity::PromotionRules(Arc::new(rules))))
        }
        Kind::Promotion(write) => {
            let promotion = write.value.map(promotion::Promotion::try_from).transpose()?;
            let environment = EnvironmentKey::new(&write.environment);
            let id = EntityId::Promotion(environment, FoldedKey::of(&write.flag));
            (id, promotion.map(|promotion| Entity::Promotion(Arc::new(promotion))))
        }
        Kind::Drill(write) => {
            let drill = write.value.map(promotion::Drill::try_from).transpose()?;
            let environment = EnvironmentKey::new(&write.environment);
            let id = EntityId::Drill(environment, FoldedKey::of(&write.flag));
            (id, drill.map(|drill| Entity::Drill(Arc::new(drill))))
        }
        _ => return Err(FormError::Missing { what: "an entity" }),
    };
    Ok(entity::Write { id, value })
}
