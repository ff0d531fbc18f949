//! Changes of what a flag does in one environment.

use mycelia_flags_core::change::{Change, Place};
use mycelia_flags_core::flag::{CanaryPart, Rule, Serve};

use crate::convert::configuration::{canary_part_from_wire, canary_part_to_wire as part_to_wire};
use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::rule::{self, rule_to_wire, serve_to_wire};
use crate::v1;
use crate::v1::change::Change as WireChange;

fn place(environment: &str, flag: &str) -> Place {
    Place { environment: environment.to_owned(), flag: flag.to_owned() }
}

fn placed(place: &Place) -> (String, String) {
    (place.environment.clone(), place.flag.clone())
}

pub(super) fn enable_to_wire(place: &Place) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::EnableFlag(v1::EnableFlag { environment, flag })
}

pub(super) fn enable(wire: &v1::EnableFlag) -> Change {
    Change::Enable(place(&wire.environment, &wire.flag))
}

pub(super) fn disable_to_wire(place: &Place) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::DisableFlag(v1::DisableFlag { environment, flag })
}

pub(super) fn disable(wire: &v1::DisableFlag) -> Change {
    Change::Disable(place(&wire.environment, &wire.flag))
}

pub(super) fn rollout_to_wire(place: &Place, percent: f64, enable: bool) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::Rollout(v1::Rollout { environment, flag, percent, enable })
}

pub(super) fn rollout(wire: &v1::Rollout) -> Change {
    let place = place(&wire.environment, &wire.flag);
    Change::Rollout { place, percent: wire.percent, enable: wire.enable }
}

pub(super) fn default_serve_to_wire(place: &Place, serve: &Serve) -> WireChange {
    let (environment, flag) = placed(place);
    let serve = Some(serve_to_wire(serve));
    WireChange::SetDefaultServe(v1::SetDefaultServe { environment, flag, serve })
}

pub(super) fn default_serve(
    path: &Path<'_>,
    wire: &v1::SetDefaultServe,
    faults: &mut Faults,
) -> Result<Change, Noted> {
    let serve = rule::serve(&path.field("serve"), wire.serve.as_ref(), faults)?;
    Ok(Change::SetDefaultServe { place: place(&wire.environment, &wire.flag), serve })
}

pub(super) fn rules_to_wire(place: &Place, rules: &[Rule]) -> WireChange {
    let (environment, flag) = placed(place);
    let rules = rules.iter().map(rule_to_wire).collect();
    WireChange::SetRules(v1::SetRules { environment, flag, rules })
}

pub(super) fn rules(path: &Path<'_>, wire: &v1::SetRules, faults: &mut Faults) -> Result<Change, Noted> {
    let rules = rule::rules(&path.field("rules"), &wire.rules, faults)?;
    Ok(Change::SetRules { place: place(&wire.environment, &wire.flag), rules })
}

pub(super) fn off_variant_to_wire(place: &Place, variant: &str) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::SetOffVariant(v1::SetOffVariant { environment, flag, variant: variant.to_owned() })
}

pub(super) fn off_variant(wire: &v1::SetOffVariant) -> Change {
    let place = place(&wire.environment, &wire.flag);
    Change::SetOffVariant { place, variant: wire.variant.clone() }
}

pub(super) fn salt_to_wire(place: &Place, salt: &str) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::SetSalt(v1::SetSalt { environment, flag, salt: salt.to_owned() })
}

pub(super) fn salt(wire: &v1::SetSalt) -> Change {
    Change::SetSalt { place: place(&wire.environment, &wire.flag), salt: wire.salt.clone() }
}

pub(super) fn matrix_to_wire(
    place: &Place,
    shares: &[(String, f64)],
    rest: Option<f64>,
    enable: bool,
) -> WireChange {
    let (environment, flag) = placed(place);
    let shares = shares
        .iter()
        .map(|(segment, percent)| v1::SegmentPercent { segment: segment.clone(), percent: *percent })
        .collect();
    WireChange::SetMatrix(v1::SetMatrix { environment, flag, shares, rest_percent: rest, enable })
}

pub(super) fn matrix(wire: &v1::SetMatrix) -> Change {
    Change::SetMatrix {
        place: place(&wire.environment, &wire.flag),
        shares: wire.shares.iter().map(|share| (share.segment.clone(), share.percent)).collect(),
        rest: wire.rest_percent,
        enable: wire.enable,
    }
}

pub(super) fn targeting_to_wire(place: &Place, targeting: &str) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::SetTargeting(v1::SetTargeting { environment, flag, targeting: targeting.to_owned() })
}

pub(super) fn targeting(wire: &v1::SetTargeting) -> Change {
    let place = place(&wire.environment, &wire.flag);
    Change::SetTargeting { place, targeting: wire.targeting.clone() }
}

pub(super) fn prerequisites_to_wire(place: &Place, prerequisites: &[(String, Vec<String>)]) -> WireChange {
    let (environment, flag) = placed(place);
    let prerequisites = prerequisites
        .iter()
        .map(|(flag, variants)| v1::Prerequisite { flag: flag.clone(), variants: variants.clone() })
        .collect();
    WireChange::SetPrerequisites(v1::SetPrerequisites { environment, flag, prerequisites })
}

pub(super) fn prerequisites(wire: &v1::SetPrerequisites) -> Change {
    let prerequisites = wire.prerequisites.iter().map(|wire| (wire.flag.clone(), wire.variants.clone()));
    Change::SetPrerequisites {
        place: place(&wire.environment, &wire.flag),
        prerequisites: prerequisites.collect(),
    }
}

pub(super) fn canary_part_to_wire(place: &Place, part: &CanaryPart) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::SetCanaryPart(v1::SetCanaryPart { environment, flag, part: part_to_wire(part) })
}

pub(super) fn canary_part(wire: &v1::SetCanaryPart) -> Change {
    let place = place(&wire.environment, &wire.flag);
    Change::SetCanaryPart { place, part: canary_part_from_wire(wire.part.as_ref()) }
}

pub(super) fn override_to_wire(place: &Place, service: &str, variant: &str, seconds: u64) -> WireChange {
    let (environment, flag) = placed(place);
    let (service, variant) = (service.to_owned(), variant.to_owned());
    WireChange::SetOverride(v1::SetOverride { environment, flag, service, variant, seconds })
}

pub(super) fn set_override(wire: &v1::SetOverride) -> Change {
    Change::SetOverride {
        place: place(&wire.environment, &wire.flag),
        service: wire.service.clone(),
        variant: wire.variant.clone(),
        seconds: wire.seconds,
    }
}

pub(super) fn override_removal_to_wire(place: &Place, service: &str) -> WireChange {
    let (environment, flag) = placed(place);
    WireChange::RemoveOverride(v1::RemoveOverride { environment, flag, service: service.to_owned() })
}

pub(super) fn remove_override(wire: &v1::RemoveOverride) -> Change {
    let place = place(&wire.environment, &wire.flag);
    Change::RemoveOverride { place, service: wire.service.clone() }
}
