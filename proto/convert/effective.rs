//! Flags as a subscriber sees them: a definition and a configuration together.

use std::sync::Arc;

use mycelia_flags_core::flag::EffectiveFlag;
use mycelia_flags_core::key::{FlagKey, ServiceName, VariantName};

use super::configuration::{prerequisite_to_wire, prerequisites};
use super::fault::{Faults, Noted, Path, WireError, first_fault_of};
use super::flag::{flag_type, flag_type_to_wire, variant, variant_to_wire};
use super::rule::{rule_to_wire, rules, serve, serve_to_wire, text_or_none};
use crate::v1;

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
        services: flag.services.iter().map(|service| service.as_str().to_owned()).collect(),
        prerequisites: flag.prerequisites.iter().map(prerequisite_to_wire).collect(),
        canary_variant: flag.canary_variant.as_ref().map(VariantName::as_str).unwrap_or_default().to_owned(),
        overrides: flag
            .overrides
            .iter()
            .map(|(service, variant)| override_to_wire(service, variant))
            .collect(),
        targeting: flag.targeting.as_deref().unwrap_or_default().to_owned(),
    }
}

/// The core's flag as a server sent it. Names are taken as they are: the server has checked them.
///
/// # Errors
/// The first thing that is wrong with its shape. The flag cannot be evaluated by this version then; others can.
pub fn effective_flag_from_wire(wire: &v1::EffectiveFlag) -> Result<EffectiveFlag, WireError> {
    first_fault_of(|path, faults| effective_flag(path, wire, faults))
}

fn effective_flag(
    path: &Path<'_>,
    wire: &v1::EffectiveFlag,
    faults: &mut Faults,
) -> Result<EffectiveFlag, Noted> {
    let key = faults.name(&path.field("key"), &wire.key)?;
    let flag_type = flag_type(path, wire.r#type, faults)?;
    let variants = faults.each(&path.field("variants"), &wire.variants, variant)?;
    let off_variant = faults.name(&path.field("off_variant"), &wire.off_variant)?;
    let default_variant = faults.name(&path.field("default_variant"), &wire.default_variant)?;
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
        services: wire.services.iter().map(|service| ServiceName::new(service)).collect(),
        prerequisites: prerequisites(&path.field("prerequisites"), &wire.prerequisites, faults)?,
        canary_variant: (!wire.canary_variant.is_empty()).then(|| VariantName::new(&wire.canary_variant)),
        overrides: faults.each(&path.field("overrides"), &wire.overrides, effective_override)?,
        targeting: text_or_none(&wire.targeting),
    })
}

fn override_to_wire(service: &ServiceName, variant: &VariantName) -> v1::EffectiveOverride {
    v1::EffectiveOverride { service: service.as_str().to_owned(), variant: variant.as_str().to_owned() }
}

fn effective_override(
    path: &Path<'_>,
    wire: &v1::EffectiveOverride,
    faults: &mut Faults,
) -> Result<(ServiceName, VariantName), Noted> {
    let service = ServiceName::new(faults.name(&path.field("service"), &wire.service)?);
    let variant = VariantName::new(faults.name(&path.field("variant"), &wire.variant)?);
    Ok((service, variant))
}
