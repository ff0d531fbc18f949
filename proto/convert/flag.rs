//! Flags: what all environments share of them.

use mycelia_flags_core::flag::{FlagDefinition, Lifetime, Switched, Variant};
use mycelia_flags_core::key::{FlagKey, ServiceName, VariantName};
use mycelia_flags_core::rejection::Violation;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::value::{FlagType, Value};

use super::fault::{Faults, Noted, Path, WireError, violations_of};
use super::rule::text_or_none;
use super::same_names;
use super::time::{timestamp, timestamp_from_wire, timestamp_to_wire};
use super::value::{value, value_to_wire};
use crate::v1;

same_names!(
    flag_type_to_wire,
    flag_type_from_wire,
    FlagType,
    unknown_flag_type,
    [Boolean, String, Integer, Float, Object]
);

same_names!(lifetime_to_wire, lifetime_from_wire, Lifetime, unknown_lifetime, [Temporary, Permanent]);

const fn unknown_flag_type(field: String, number: i32) -> WireError {
    WireError::UnknownNumber { field, number, allowed: FLAG_TYPES }
}

const fn unknown_lifetime(field: String, number: i32) -> WireError {
    WireError::UnknownNumber { field, number, allowed: "temporary (1) or permanent (2)" }
}

const FLAG_TYPES: &str = "boolean (1), string (2), integer (3), float (4) or object (5)";

/// The wire's definition.
#[must_use]
pub fn definition_to_wire(definition: &FlagDefinition) -> v1::FlagDefinition {
    v1::FlagDefinition {
        key: definition.key.as_str().to_owned(),
        r#type: flag_type_to_wire(definition.flag_type).into(),
        variants: definition.variants.iter().map(variant_to_wire).collect(),
        description: definition.description.to_string(),
        owner: definition.owner.to_string(),
        tags: definition.tags.iter().map(ToString::to_string).collect(),
        services: definition.services.iter().map(|service| service.as_str().to_owned()).collect(),
        lifetime: lifetime_to_wire(definition.lifetime).into(),
        expected_end: definition.expected_end.map(timestamp_to_wire),
        schema: definition.schema.as_deref().unwrap_or_default().to_owned(),
        archived: definition.archived.as_ref().map(switched_to_wire),
        client_visible: definition.client_visible,
    }
}

/// The core's definition, of a flag that exists: its names were checked when it was created. To create one, see
/// [`change_set_from_wire`](super::change_set_from_wire).
///
/// # Errors
/// Everything that is wrong with its shape.
pub fn definition_from_wire(
    field: &str,
    wire: &v1::FlagDefinition,
) -> Result<FlagDefinition, Vec<Violation>> {
    violations_of(field, |path, faults| definition(path, wire, faults))
}

fn definition(
    path: &Path<'_>,
    wire: &v1::FlagDefinition,
    faults: &mut Faults,
) -> Result<FlagDefinition, Noted> {
    let key = faults.name(&path.field("key"), &wire.key);
    let flag_type = flag_type(path, wire.r#type, faults);
    let variants = faults.each(&path.field("variants"), &wire.variants, variant);
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), wire.lifetime));
    let at = path.field("expected_end");
    let expected_end = wire.expected_end.map(|end| faults.or_note(timestamp_from_wire(at, &end))).transpose();
    let at = path.field("archived");
    let archived = wire.archived.as_ref().map(|wire| switched(&at, wire, faults)).transpose();
    Ok(FlagDefinition {
        key: FlagKey::new(key?),
        flag_type: flag_type?,
        variants: variants?.into(),
        description: Box::from(wire.description.as_str()),
        owner: Box::from(wire.owner.as_str()),
        tags: wire.tags.iter().map(|tag| Box::from(tag.as_str())).collect(),
        services: wire.services.iter().map(|service| ServiceName::new(service)).collect(),
        lifetime: lifetime?.unwrap_or_default(),
        expected_end: expected_end?,
        schema: text_or_none(&wire.schema),
        archived: archived?,
        client_visible: wire.client_visible,
    })
}

/// The wire's note of who did something.
pub(super) fn switched_to_wire(switched: &Switched) -> v1::Switched {
    v1::Switched {
        actor: switched.by.to_string(),
        at: Some(timestamp_to_wire(switched.at)),
        revision: switched.revision.get(),
    }
}

/// Converts a note of who did something.
pub(super) fn switched(path: &Path<'_>, wire: &v1::Switched, faults: &mut Faults) -> Result<Switched, Noted> {
    let at = timestamp(&path.field("at"), wire.at.as_ref(), faults)?;
    Ok(Switched { by: Box::from(wire.actor.as_str()), at, revision: Revision::new(wire.revision) })
}

/// Converts the type of a flag that exists.
pub(super) fn flag_type(path: &Path<'_>, number: i32, faults: &mut Faults) -> Result<FlagType, Noted> {
    let path = path.field("type");
    faults.set(&path, flag_type_from_wire(path, number), FLAG_TYPES)
}

/// The wire's variant.
pub(super) fn variant_to_wire(variant: &Variant) -> v1::Variant {
    named_value_to_wire(variant.name.as_str(), &variant.value)
}

/// The wire's variant, of a name that may not have been checked.
pub(super) fn named_value_to_wire(name: &str, value: &Value) -> v1::Variant {
    v1::Variant { name: name.to_owned(), value: Some(value_to_wire(value)) }
}

/// Converts a variant of a flag that exists.
pub(super) fn variant(path: &Path<'_>, wire: &v1::Variant, faults: &mut Faults) -> Result<Variant, Noted> {
    let (name, value) = named_value(path, wire, faults)?;
    Ok(Variant { name: VariantName::new(&name), value })
}

/// Name and value of a variant, as they were sent; no value is null.
pub(super) fn named_value(
    path: &Path<'_>,
    wire: &v1::Variant,
    faults: &mut Faults,
) -> Result<(String, Value), Noted> {
    let value = match &wire.value {
        Some(wire) => value(&path.field("value"), wire, faults)?,
        None => Value::Null,
    };
    Ok((wire.name.clone(), value))
}
