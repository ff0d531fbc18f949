//! Configurations: what a flag does in one environment.

use mycelia_flags_core::flag::{CanaryPart, FlagConfiguration, Prerequisite, ServiceOverride};
use mycelia_flags_core::key::{FlagKey, ServiceName, VariantName};
use mycelia_flags_core::rejection::Violation;

use super::fault::{Faults, Noted, Path, violations_of};
use super::flag::{switched, switched_to_wire};
use super::rule::{rule_to_wire, rules, serve, serve_to_wire, text_or_none};
use super::time::{timestamp, timestamp_to_wire};
use crate::v1;
use crate::v1::canary_part::Part as WirePart;

/// The wire's configuration.
#[must_use]
pub fn configuration_to_wire(configuration: &FlagConfiguration) -> v1::FlagConfiguration {
    v1::FlagConfiguration {
        enabled: configuration.enabled,
        off_variant: configuration.off_variant.as_str().to_owned(),
        rules: configuration.rules.iter().map(rule_to_wire).collect(),
        default_serve: Some(serve_to_wire(&configuration.default_serve)),
        salt: configuration.salt.as_deref().unwrap_or_default().to_owned(),
        switched: configuration.switched.as_ref().map(switched_to_wire),
        default_variant: configuration.default_variant.as_str().to_owned(),
        prerequisites: configuration.prerequisites.iter().map(prerequisite_to_wire).collect(),
        canary_part: canary_part_to_wire(&configuration.canary),
        overrides: configuration.overrides.iter().map(override_to_wire).collect(),
        targeting: configuration.targeting.as_deref().unwrap_or_default().to_owned(),
        raised: configuration.raised.as_ref().map(switched_to_wire),
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
    let off_variant = faults.name(&path.field("off_variant"), &wire.off_variant);
    let default_variant = faults.name(&path.field("default_variant"), &wire.default_variant);
    let rules = rules(&path.field("rules"), &wire.rules, faults);
    let default_serve = serve(&path.field("default_serve"), wire.default_serve.as_ref(), faults);
    let mut act = |name, wire: &Option<v1::Switched>| {
        wire.as_ref().map(|wire| switched(&path.field(name), wire, faults)).transpose()
    };
    let (switched, raised) = (act("switched", &wire.switched), act("raised", &wire.raised));
    let prerequisites = prerequisites(&path.field("prerequisites"), &wire.prerequisites, faults);
    let overrides = faults.each(&path.field("overrides"), &wire.overrides, service_override);
    Ok(FlagConfiguration {
        enabled: wire.enabled,
        off_variant: VariantName::new(off_variant?),
        default_variant: VariantName::new(default_variant?),
        rules: rules?,
        default_serve: default_serve?,
        salt: text_or_none(&wire.salt),
        switched: switched?,
        prerequisites: prerequisites?,
        canary: canary_part_from_wire(wire.canary_part.as_ref()),
        overrides: overrides?,
        targeting: text_or_none(&wire.targeting),
        raised: raised?,
    })
}

/// The wire's prerequisite.
pub(super) fn prerequisite_to_wire(prerequisite: &Prerequisite) -> v1::Prerequisite {
    v1::Prerequisite {
        flag: prerequisite.flag.as_str().to_owned(),
        variants: prerequisite.variants.iter().map(|variant| variant.as_str().to_owned()).collect(),
    }
}

/// Converts the prerequisites of a flag that exists.
pub(super) fn prerequisites(
    path: &Path<'_>,
    wire: &[v1::Prerequisite],
    faults: &mut Faults,
) -> Result<Vec<Prerequisite>, Noted> {
    faults.each(path, wire, |path, wire, faults| {
        let flag = FlagKey::new(faults.name(&path.field("flag"), &wire.flag)?);
        Ok(Prerequisite { flag, variants: wire.variants.iter().map(|name| VariantName::new(name)).collect() })
    })
}

/// The wire's part in the canary; not set when the flag's type decides.
pub(super) fn canary_part_to_wire(part: &CanaryPart) -> Option<v1::CanaryPart> {
    let part = match part {
        CanaryPart::ByType => return None,
        CanaryPart::Variant(variant) => WirePart::Variant(variant.as_str().to_owned()),
        CanaryPart::Out => WirePart::Out(v1::NoCanary {}),
    };
    Some(v1::CanaryPart { part: Some(part) })
}

/// The core's part in the canary. The variant keeps the text that was sent.
pub(super) fn canary_part_from_wire(wire: Option<&v1::CanaryPart>) -> CanaryPart {
    match wire.and_then(|wire| wire.part.as_ref()) {
        None => CanaryPart::ByType,
        Some(WirePart::Variant(variant)) => CanaryPart::Variant(VariantName::new(variant)),
        Some(WirePart::Out(v1::NoCanary {})) => CanaryPart::Out,
    }
}

fn override_to_wire(detached: &ServiceOverride) -> v1::ServiceOverride {
    v1::ServiceOverride {
        service: detached.service.as_str().to_owned(),
        variant: detached.variant.as_str().to_owned(),
        expires_at: Some(timestamp_to_wire(detached.expires_at)),
        set: Some(switched_to_wire(&detached.set)),
    }
}

fn service_override(
    path: &Path<'_>,
    wire: &v1::ServiceOverride,
    faults: &mut Faults,
) -> Result<ServiceOverride, Noted> {
    let service = faults.name(&path.field("service"), &wire.service);
    let variant = faults.name(&path.field("variant"), &wire.variant);
    let expires_at = timestamp(&path.field("expires_at"), wire.expires_at.as_ref(), faults);
    let at = path.field("set");
    let set = match &wire.set {
        Some(wire) => switched(&at, wire, faults),
        None => Err(faults.missing(&at, "who set it")),
    };
    Ok(ServiceOverride {
        service: ServiceName::new(service?),
        variant: VariantName::new(variant?),
        expires_at: expires_at?,
        set: set?,
    })
}
