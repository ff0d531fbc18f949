//! Flags: definitions, configurations, and the two together as a subscriber sees them.

use std::sync::Arc;

use mycelia_flags_core::flag::{
    EffectiveFlag, FlagConfiguration, FlagDefinition, Lifetime, Switched, Variant,
};
use mycelia_flags_core::key::{FlagKey, ServiceName, VariantName};
use mycelia_flags_core::rejection::Violation;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::value::{FlagType, Value};

use super::fault::{Faults, Noted, Path, WireError, faults_of, violations_of};
use super::rule::{rule_to_wire, rules, serve, serve_to_wire, text_or_none};
use super::same_names;
use super::time::{timestamp_from_wire, timestamp_to_wire};
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
    let key = name(&path.field("key"), &wire.key, faults);
    let flag_type = flag_type(path, wire.r#type, faults);
    let variants = faults.each(&path.field("variants"), &wire.variants, variant);
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), wire.lifetime));
    Ok(FlagDefinition {
        key: FlagKey::new(key?),
        flag_type: flag_type?,
        variants: variants?.into(),
        description: Box::from(wire.description.as_str()),
        owner: Box::from(wire.owner.as_str()),
        tags: wire.tags.iter().map(|tag| Box::from(tag.as_str())).collect(),
        services: wire.services.iter().map(|service| ServiceName::new(service)).collect(),
        lifetime: lifetime?.unwrap_or_default(),
    })
}

/// The wire's configuration.
#[must_use]
pub fn configuration_to_wire(configuration: &FlagConfiguration) -> v1::FlagConfiguration {
    v1::FlagConfiguration {
        enabled: configuration.enabled,
        off_variant: configuration.off_variant.as_str().to_owned(),
        rules: configuration.rules.iter().map(rule_to_wire).collect(),
        default_serve: Some(serve_to_wire(&configuration.default_serve)),
        salt: configuration.salt.as_deref().unwrap_or_default().to_owned(),
        switched: configuration.switched.as_ref().map(|switched| v1::Switched {
            actor: switched.by.to_string(),
            at: Some(timestamp_to_wire(switched.at)),
            revision: switched.revision.get(),
        }),
        default_variant: configuration.default_variant.as_str().to_owned(),
    }
}

/// The core's configuration, of a flag that exists.
///
/// # Errors
/// Everything that is wrong with its shape.
pub fn configuration_from_wire(
    field: &str,
    wire: &v1::FlagConfiguration,
) -> Result<FlagConfiguration, Vec<Violation>> {
    violations_of(field, |path, faults| configuration(path, wire, faults))
}

fn configuration(
    path: &Path<'_>,
    wire: &v1::FlagConfiguration,
    faults: &mut Faults,
) -> Result<FlagConfiguration, Noted> {
    let off_variant = name(&path.field("off_variant"), &wire.off_variant, faults);
    let default_variant = name(&path.field("default_variant"), &wire.default_variant, faults);
    let rules = rules(&path.field("rules"), &wire.rules, faults);
    let default_serve = serve(&path.field("default_serve"), wire.default_serve.as_ref(), faults);
    let switched =
        wire.switched.as_ref().map(|wire| switched(&path.field("switched"), wire, faults)).transpose();
    Ok(FlagConfiguration {
        enabled: wire.enabled,
        off_variant: VariantName::new(off_variant?),
        default_variant: VariantName::new(default_variant?),
        rules: rules?,
        default_serve: default_serve?,
        salt: text_or_none(&wire.salt),
        switched: switched?,
    })
}

fn switched(path: &Path<'_>, wire: &v1::Switched, faults: &mut Faults) -> Result<Switched, Noted> {
    let path = path.field("at");
    let at = match &wire.at {
        Some(at) => faults.or_note(timestamp_from_wire(path, at))?,
        None => return Err(faults.missing(&path, "a point in time")),
    };
    Ok(Switched { by: Box::from(wire.actor.as_str()), at, revision: Revision::new(wire.revision) })
}

/// The wire's flag as a subscriber sees it.
#[must_use]
pub fn effective_flag_to_wire(flag: &EffectiveFlag) -> v1::EffectiveFlag {
    v1::EffectiveFlag {
        key: flag.key.as_str().to_owned(),
        r#type: flag_type_to_wire(flag.flag_type).into(),
        variants: flag.variants.iter().map(variant_to_wire).collect(),
        enabled: flag.enabled,
        off_variant: flag.off_variant.as_str().to_owned(),
        rules: flag.rules.iter().map(rule_to_wire).collect(),
        default_serve: Some(serve_to_wire(&flag.default_serve)),
        salt: flag.salt.as_deref().unwrap_or_default().to_owned(),
        default_variant: flag.default_variant.as_str().to_owned(),
    }
}

/// The core's flag as a server sent it. Names are taken as they are: the server has checked them.
///
/// # Errors
/// The first thing that is wrong with its shape. The flag cannot be evaluated by this version then; others can.
pub fn effective_flag_from_wire(wire: &v1::EffectiveFlag) -> Result<EffectiveFlag, WireError> {
    faults_of("", |path, faults| effective_flag(path, wire, faults)).map_err(|faults| {
        let first = faults.into_iter().next();
        debug_assert!(first.is_some(), "nothing was noted");
        first.unwrap_or_else(|| WireError::Missing { field: String::new(), allowed: "a flag" })
    })
}

fn effective_flag(
    path: &Path<'_>,
    wire: &v1::EffectiveFlag,
    faults: &mut Faults,
) -> Result<EffectiveFlag, Noted> {
    let key = name(&path.field("key"), &wire.key, faults)?;
    let flag_type = flag_type(path, wire.r#type, faults)?;
    let variants = faults.each(&path.field("variants"), &wire.variants, variant)?;
    let off_variant = name(&path.field("off_variant"), &wire.off_variant, faults)?;
    let default_variant = name(&path.field("default_variant"), &wire.default_variant, faults)?;
    Ok(EffectiveFlag {
        key: FlagKey::new(key),
        flag_type,
        variants: Arc::from(variants),
        enabled: wire.enabled,
        off_variant: VariantName::new(off_variant),
        default_variant: VariantName::new(default_variant),
        rules: rules(&path.field("rules"), &wire.rules, faults)?,
        default_serve: serve(&path.field("default_serve"), wire.default_serve.as_ref(), faults)?,
        salt: text_or_none(&wire.salt),
    })
}

fn flag_type(path: &Path<'_>, number: i32, faults: &mut Faults) -> Result<FlagType, Noted> {
    let path = path.field("type");
    faults.set(&path, flag_type_from_wire(path, number), FLAG_TYPES)
}

/// A name that was checked when it was created, and so is at least there.
fn name<'w>(path: &Path<'_>, text: &'w str, faults: &mut Faults) -> Result<&'w str, Noted> {
    if text.is_empty() {
        return Err(faults.missing(path, "a name"));
    }
    Ok(text)
}

fn variant_to_wire(variant: &Variant) -> v1::Variant {
    named_value_to_wire(variant.name.as_str(), &variant.value)
}

/// The wire's variant, of a name that may not have been checked.
pub(super) fn named_value_to_wire(name: &str, value: &Value) -> v1::Variant {
    v1::Variant { name: name.to_owned(), value: Some(value_to_wire(value)) }
}

fn variant(path: &Path<'_>, wire: &v1::Variant, faults: &mut Faults) -> Result<Variant, Noted> {
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
