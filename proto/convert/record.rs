//! Records: what the log says about a change set, and what it did to each entity.

use std::fmt;

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::entity::{Entity, Settings, Write};
use mycelia_flags_core::flag::Environment;
use mycelia_flags_core::record::Record;

use super::audience::{canary_to_wire, feature_to_wire, segment_to_wire};
use super::change::change_set_to_wire;
use super::configuration::configuration_to_wire;
use super::fault::WireError;
use super::flag::definition_to_wire;
use super::guard::{guard_state_to_wire, guard_to_wire};
use super::plan::plan_to_wire;
use super::policy::{policy_to_wire, request_to_wire};
use super::progress::progress_to_wire;
use super::promotion::{drill_to_wire, incident_to_wire, promotion_rules_to_wire, promotion_to_wire};
use super::time::timestamp_to_wire;
use crate::v1;

/// The wire's record. The chain hash is the store's: the core's records do not know how they are stored.
#[must_use]
pub fn record_to_wire(record: &Record, chain_hash: Bytes) -> v1::Record {
    v1::Record {
        revision: record.revision.get(),
        committed_at: Some(timestamp_to_wire(record.committed_at)),
        change_set: Some(change_set_to_wire(&record.change_set)),
        writes: record.writes.iter().map(write_to_wire).collect(),
        chain_hash,
        idempotency_key: record.idempotency_key.to_string(),
    }
}

/// The wire's write.
#[must_use]
pub fn write_to_wire(write: &Write) -> v1::Write {
    let value = write.value.as_ref().map(|value| match value {
        Entity::Settings(settings) => v1::write::Value::Settings(settings_to_wire(settings)),
        Entity::Environment(environment) => v1::write::Value::Environment(environment_to_wire(environment)),
        Entity::Flag(definition) => v1::write::Value::Flag(definition_to_wire(definition)),
        Entity::Configuration(configuration) => {
            v1::write::Value::Configuration(configuration_to_wire(configuration))
        }
        Entity::Segment(segment) => v1::write::Value::Segment(segment_to_wire(segment, true)),
        Entity::Canary(canary) => v1::write::Value::Canary(canary_to_wire(canary)),
        Entity::Listed => v1::write::Value::Listed(v1::Listed {}),
        Entity::Feature(feature) => v1::write::Value::Feature(feature_to_wire(feature)),
        Entity::Plan(plan) => v1::write::Value::Plan(plan_to_wire(plan)),
        Entity::Progress(progress) => v1::write::Value::Progress(progress_to_wire(progress)),
        Entity::Policy(policy) => v1::write::Value::Policy(policy_to_wire(policy)),
        Entity::ChangeRequest(request) => v1::write::Value::Request(request_to_wire(request)),
        Entity::Incident(incident) => v1::write::Value::Incident(incident_to_wire(incident)),
        Entity::PromotionRules(rules) => v1::write::Value::PromotionRules(promotion_rules_to_wire(rules)),
        Entity::Promotion(promotion) => v1::write::Value::Promotion(promotion_to_wire(promotion)),
        Entity::Drill(drill) => v1::write::Value::Drill(drill_to_wire(drill)),
        Entity::Guard(guard) => v1::write::Value::Guard(guard_to_wire(guard)),
        Entity::GuardState(state) => v1::write::Value::GuardState(guard_state_to_wire(state)),
    });
    v1::Write { entity: write.id.to_string(), value }
}

/// The wire's environment.
#[must_use]
pub fn environment_to_wire(environment: &Environment) -> v1::Environment {
    v1::Environment { position: environment.position, key: environment.key.as_str().to_owned() }
}

/// The wire's settings.
#[must_use]
pub fn settings_to_wire(settings: &Settings) -> v1::StoreSettings {
    v1::StoreSettings { bucketing: generation_to_wire(settings.bucketing).into() }
}

/// The wire's bucketing generation.
#[must_use]
pub const fn generation_to_wire(generation: Generation) -> v1::BucketingGeneration {
    match generation {
        Generation::V2 => v1::BucketingGeneration::V2,
        Generation::V3 => v1::BucketingGeneration::V3,
    }
}

/// The core's bucketing generation; not set is v3.
///
/// # Errors
/// When this version does not know the number. Nothing can be split correctly then.
pub fn generation_from_wire(field: impl fmt::Display, number: i32) -> Result<Generation, WireError> {
    match v1::BucketingGeneration::try_from(number) {
        Ok(v1::BucketingGeneration::V2) => Ok(Generation::V2),
        Ok(v1::BucketingGeneration::V3 | v1::BucketingGeneration::Unspecified) => Ok(Generation::V3),
        Err(prost::UnknownEnumValue(number)) => {
            Err(WireError::UnknownNumber { field: field.to_string(), number, allowed: "v2 (2) or v3 (3)" })
        }
    }
}
