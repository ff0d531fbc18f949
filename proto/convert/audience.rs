//! Who belongs together: segments, canary mode, and the flags of a feature.

use mycelia_flags_core::flag::{Canary, Feature};
use mycelia_flags_core::key::{FeatureKey, FlagKey, SegmentKey};
use mycelia_flags_core::rejection::Violation;
use mycelia_flags_core::segment::{Segment, Share};

use super::fault::{WireError, first_fault_of, violations_of};
use super::flag::{switched, switched_to_wire};
use super::rule::{condition_to_wire, optional_condition};
use crate::v1;

/// The wire's segment. Subscribers get it without its description, which is for people.
#[must_use]
pub fn segment_to_wire(segment: &Segment, with_description: bool) -> v1::Segment {
    v1::Segment {
        key: segment.key.as_str().to_owned(),
        description: if with_description { segment.description.to_string() } else { String::new() },
        condition: segment.condition.as_ref().map(condition_to_wire),
        share: segment.share.as_ref().map(|share| v1::Share {
            salt: share.salt.to_string(),
            from: share.from,
            to: share.to,
        }),
    }
}

/// The core's segment as a server sent it. Names are taken as they are: the server has checked them.
///
/// # Errors
/// The first thing that is wrong with its shape. This version cannot say who is in the segment then.
pub fn segment_from_wire(wire: &v1::Segment) -> Result<Segment, WireError> {
    first_fault_of(|path, faults| {
        let key = faults.name(&path.field("key"), &wire.key)?;
        let condition = optional_condition(&path.field("condition"), wire.condition.as_ref(), faults)?;
        Ok(Segment {
            key: SegmentKey::new(key),
            description: Box::from(wire.description.as_str()),
            condition,
            share: wire.share.as_ref().map(|share| Share {
                salt: Box::from(share.salt.as_str()),
                from: share.from,
                to: share.to,
            }),
        })
    })
}

/// The wire's canary switch. Subscribers get it without `switched`, which is for people.
#[must_use]
pub fn canary_to_wire(canary: &Canary) -> v1::Canary {
    v1::Canary { on: canary.on, switched: canary.switched.as_ref().map(switched_to_wire) }
}

/// The core's canary switch as a server sent it.
///
/// # Errors
/// When it was switched at no point in time.
pub fn canary_from_wire(wire: &v1::Canary) -> Result<Canary, WireError> {
    first_fault_of(|path, faults| {
        let path = path.field("switched");
        let switched = wire.switched.as_ref().map(|wire| switched(&path, wire, faults)).transpose()?;
        Ok(Canary { on: wire.on, switched })
    })
}

/// The wire's feature.
#[must_use]
pub fn feature_to_wire(feature: &Feature) -> v1::Feature {
    v1::Feature {
        key: feature.key.as_str().to_owned(),
        description: feature.description.to_string(),
        flags: feature.flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
    }
}

/// The core's feature, which exists: its names were checked when it was set.
///
/// # Errors
/// When it has no key.
pub fn feature_from_wire(field: &str, wire: &v1::Feature) -> Result<Feature, Vec<Violation>> {
    violations_of(field, |path, faults| {
        let key = faults.name(&path.field("key"), &wire.key)?;
        Ok(Feature {
            key: FeatureKey::new(key),
            description: Box::from(wire.description.as_str()),
            flags: wire.flags.iter().map(|flag| FlagKey::new(flag)).collect(),
        })
    })
}
