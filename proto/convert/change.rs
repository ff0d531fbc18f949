//! Change sets both ways, and what the log says about them.

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, UpdateFlag};
use mycelia_flags_core::entity::{Entity, Settings, Write};
use mycelia_flags_core::flag::Environment;
use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::value::FlagType;

use super::fault::{Faults, Noted, Path, WireError, violations_of};
use super::flag::{
    configuration_to_wire, definition_to_wire, flag_type_from_wire, flag_type_to_wire, lifetime_from_wire,
    lifetime_to_wire, named_value, named_value_to_wire,
};
use super::rule::{rule_to_wire, rules, serve, serve_to_wire};
use super::time::timestamp_to_wire;
use crate::v1;
use crate::v1::change::Change as WireChange;

/// The wire's change set.
#[must_use]
pub fn change_set_to_wire(change_set: &ChangeSet) -> v1::ChangeSet {
    v1::ChangeSet {
        changes: change_set.changes.iter().map(change_to_wire).collect(),
        actor: change_set.actor.clone(),
        reason: change_set.reason.clone(),
    }
}

/// The core's change set, with every text as it was asked.
///
/// # Errors
/// Everything that is wrong with its shape, each with its path from the change set on.
pub fn change_set_from_wire(wire: &v1::ChangeSet) -> Result<ChangeSet, Rejection> {
    let changes = violations_of("", |path, faults| {
        let path = path.field("changes");
        faults.count(&path, wire.changes.len(), CHANGES_MAX)?;
        faults.each(&path, &wire.changes, change)
    });
    Ok(ChangeSet {
        actor: wire.actor.clone(),
        reason: wire.reason.clone(),
        changes: changes.map_err(|violations| Rejection { violations })?,
    })
}

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
pub fn generation_from_wire(field: impl std::fmt::Display, number: i32) -> Result<Generation, WireError> {
    match v1::BucketingGeneration::try_from(number) {
        Ok(v1::BucketingGeneration::V2) => Ok(Generation::V2),
        Ok(v1::BucketingGeneration::V3 | v1::BucketingGeneration::Unspecified) => Ok(Generation::V3),
        Err(prost::UnknownEnumValue(number)) => {
            Err(WireError::UnknownNumber { field: field.to_string(), number, allowed: "v2 (2) or v3 (3)" })
        }
    }
}

fn change_to_wire(change: &Change) -> v1::Change {
    let change = match change {
        Change::CreateFlag(create) => WireChange::CreateFlag(create_to_wire(create)),
        Change::DeleteFlag { flag } => WireChange::DeleteFlag(v1::DeleteFlag { flag: flag.clone() }),
        Change::UpdateFlag(update) => WireChange::UpdateFlag(update_to_wire(update)),
        Change::SetVariants { flag, variants } => WireChange::SetVariants(v1::SetVariants {
            flag: flag.clone(),
            variants: variants.iter().map(|(name, value)| named_value_to_wire(name, value)).collect(),
        }),
        Change::CreateStore { bucketing, environments } => WireChange::CreateStore(v1::CreateStore {
            bucketing: generation_to_wire(*bucketing).into(),
            environments: environments.clone(),
        }),
        Change::RestoreStore { from_epoch } => {
            WireChange::RestoreStore(v1::RestoreStore { from_epoch: from_epoch.clone() })
        }
        Change::Enable(place) => placed_to_wire(place, |environment, flag| {
            WireChange::EnableFlag(v1::EnableFlag { environment, flag })
        }),
        Change::Disable(place) => placed_to_wire(place, |environment, flag| {
            WireChange::DisableFlag(v1::DisableFlag { environment, flag })
        }),
        Change::Rollout { place, percent, enable } => placed_to_wire(place, |environment, flag| {
            WireChange::Rollout(v1::Rollout { environment, flag, percent: *percent, enable: *enable })
        }),
        Change::SetDefaultServe { place, serve } => placed_to_wire(place, |environment, flag| {
            let serve = Some(serve_to_wire(serve));
            WireChange::SetDefaultServe(v1::SetDefaultServe { environment, flag, serve })
        }),
        Change::SetRules { place, rules } => placed_to_wire(place, |environment, flag| {
            let rules = rules.iter().map(rule_to_wire).collect();
            WireChange::SetRules(v1::SetRules { environment, flag, rules })
        }),
        Change::SetOffVariant { place, variant } => placed_to_wire(place, |environment, flag| {
            let variant = variant.clone();
            WireChange::SetOffVariant(v1::SetOffVariant { environment, flag, variant })
        }),
        Change::SetSalt { place, salt } => placed_to_wire(place, |environment, flag| {
            let salt = salt.clone();
            WireChange::SetSalt(v1::SetSalt { environment, flag, salt })
        }),
    };
    v1::Change { change: Some(change) }
}

fn placed_to_wire(place: &Place, change: impl FnOnce(String, String) -> WireChange) -> WireChange {
    change(place.environment.clone(), place.flag.clone())
}

fn create_to_wire(create: &CreateFlag) -> v1::CreateFlag {
    v1::CreateFlag {
        definition: Some(v1::FlagDefinition {
            key: create.key.clone(),
            r#type: flag_type_to_wire(create.flag_type).into(),
            variants: create.variants.iter().map(|(name, value)| named_value_to_wire(name, value)).collect(),
            description: create.description.clone(),
            owner: create.owner.clone(),
            tags: create.tags.clone(),
            services: create.services.clone(),
            lifetime: lifetime_to_wire(create.lifetime).into(),
        }),
        default_variant: create.default_variant.clone(),
        off_variant: create.off_variant.clone(),
    }
}

fn update_to_wire(update: &UpdateFlag) -> v1::UpdateFlag {
    let list = |values: &Option<Vec<String>>| {
        values.as_ref().map(|values| v1::StringList { values: values.clone() })
    };
    v1::UpdateFlag {
        flag: update.flag.clone(),
        description: update.description.clone(),
        owner: update.owner.clone(),
        tags: list(&update.tags),
        services: list(&update.services),
        lifetime: update.lifetime.map_or(v1::Lifetime::Unspecified, lifetime_to_wire).into(),
    }
}

fn change(path: &Path<'_>, wire: &v1::Change, faults: &mut Faults) -> Result<Change, Noted> {
    let Some(wire) = &wire.change else {
        return Err(faults.missing(path, "a change, such as create_flag, rollout or set_rules"));
    };
    Ok(match wire {
        WireChange::CreateFlag(wire) => Change::CreateFlag(create(&path.field("create_flag"), wire, faults)?),
        WireChange::DeleteFlag(wire) => Change::DeleteFlag { flag: wire.flag.clone() },
        WireChange::UpdateFlag(wire) => Change::UpdateFlag(update(&path.field("update_flag"), wire, faults)?),
        WireChange::SetVariants(wire) => Change::SetVariants {
            flag: wire.flag.clone(),
            variants: faults.each(
                &path.field("set_variants").field("variants"),
                &wire.variants,
                named_value,
            )?,
        },
        WireChange::EnableFlag(wire) => Change::Enable(place(&wire.environment, &wire.flag)),
        WireChange::DisableFlag(wire) => Change::Disable(place(&wire.environment, &wire.flag)),
        WireChange::Rollout(wire) => Change::Rollout {
            place: place(&wire.environment, &wire.flag),
            percent: wire.percent,
            enable: wire.enable,
        },
        WireChange::SetDefaultServe(wire) => Change::SetDefaultServe {
            place: place(&wire.environment, &wire.flag),
            serve: serve(&path.field("set_default_serve").field("serve"), wire.serve.as_ref(), faults)?,
        },
        WireChange::SetRules(wire) => Change::SetRules {
            place: place(&wire.environment, &wire.flag),
            rules: rules(&path.field("set_rules").field("rules"), &wire.rules, faults)?,
        },
        WireChange::SetOffVariant(wire) => Change::SetOffVariant {
            place: place(&wire.environment, &wire.flag),
            variant: wire.variant.clone(),
        },
        WireChange::SetSalt(wire) => {
            Change::SetSalt { place: place(&wire.environment, &wire.flag), salt: wire.salt.clone() }
        }
        WireChange::CreateStore(wire) => Change::CreateStore {
            bucketing: faults.or_note(generation_from_wire(
                path.field("create_store").field("bucketing"),
                wire.bucketing,
            ))?,
            environments: wire.environments.clone(),
        },
        WireChange::RestoreStore(wire) => Change::RestoreStore { from_epoch: wire.from_epoch.clone() },
    })
}

fn place(environment: &str, flag: &str) -> Place {
    Place { environment: environment.to_owned(), flag: flag.to_owned() }
}

fn create(path: &Path<'_>, wire: &v1::CreateFlag, faults: &mut Faults) -> Result<CreateFlag, Noted> {
    let path = path.field("definition");
    let Some(definition) = &wire.definition else {
        return Err(faults.missing(&path, "a definition with at least a key"));
    };
    let flag_type = faults.or_note(flag_type_from_wire(path.field("type"), definition.r#type));
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), definition.lifetime));
    let variants = faults.each(&path.field("variants"), &definition.variants, named_value);
    Ok(CreateFlag {
        key: definition.key.clone(),
        flag_type: flag_type?.unwrap_or(FlagType::Boolean),
        variants: variants?,
        default_variant: wire.default_variant.clone(),
        off_variant: wire.off_variant.clone(),
        description: definition.description.clone(),
        owner: definition.owner.clone(),
        tags: definition.tags.clone(),
        services: definition.services.clone(),
        lifetime: lifetime?.unwrap_or_default(),
    })
}

fn update(path: &Path<'_>, wire: &v1::UpdateFlag, faults: &mut Faults) -> Result<UpdateFlag, Noted> {
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), wire.lifetime))?;
    Ok(UpdateFlag {
        flag: wire.flag.clone(),
        description: wire.description.clone(),
        owner: wire.owner.clone(),
        tags: wire.tags.as_ref().map(|list| list.values.clone()),
        services: wire.services.as_ref().map(|list| list.values.clone()),
        lifetime,
    })
}
