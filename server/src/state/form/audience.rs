//! Segments, the switch of canary mode, and features. Their keys stand beside them, in the writes.

use mycelia_flags_core::condition;
use mycelia_flags_core::flag::{Canary, Feature, Switched as CoreSwitched};
use mycelia_flags_core::key::{FeatureKey, FlagKey, SegmentKey};
use mycelia_flags_core::segment as core;

use super::FormError;
use super::condition::Condition;
use super::flag::Switched;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SegmentValue {
    #[prost(string, tag = "1")]
    description: String,
    #[prost(message, optional, tag = "2")]
    condition: Option<Condition>,
    #[prost(message, optional, tag = "3")]
    share: Option<Share>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Share {
    #[prost(string, tag = "1")]
    salt: String,
    #[prost(uint32, tag = "2")]
    from: u32,
    #[prost(uint32, tag = "3")]
    to: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CanaryValue {
    #[prost(bool, tag = "1")]
    on: bool,
    #[prost(message, optional, tag = "2")]
    switched: Option<Switched>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FeatureValue {
    #[prost(string, tag = "1")]
    description: String,
    #[prost(string, repeated, tag = "2")]
    flags: Vec<String>,
}

impl From<&core::Segment> for SegmentValue {
    fn from(segment: &core::Segment) -> Self {
        Self {
            description: segment.description.to_string(),
            condition: segment.condition.as_ref().map(Condition::from),
            share: segment.share.as_ref().map(|share| Share {
                salt: share.salt.to_string(),
                from: share.from,
                to: share.to,
            }),
        }
    }
}

impl SegmentValue {
    pub(super) fn segment(self, key: SegmentKey) -> Result<core::Segment, FormError> {
        Ok(core::Segment {
            key,
            description: self.description.into(),
            condition: self.condition.map(condition::Condition::try_from).transpose()?,
            share: self.share.map(|share| core::Share {
                salt: share.salt.into(),
                from: share.from,
                to: share.to,
            }),
        })
    }
}

impl From<&Canary> for CanaryValue {
    fn from(canary: &Canary) -> Self {
        Self { on: canary.on, switched: canary.switched.as_ref().map(Switched::from) }
    }
}

impl From<CanaryValue> for Canary {
    fn from(value: CanaryValue) -> Self {
        Self { on: value.on, switched: value.switched.map(CoreSwitched::from) }
    }
}

impl From<&Feature> for FeatureValue {
    fn from(feature: &Feature) -> Self {
        Self {
            description: feature.description.to_string(),
            flags: feature.flags.iter().map(ToString::to_string).collect(),
        }
    }
}

impl FeatureValue {
    pub(super) fn feature(self, key: FeatureKey) -> Feature {
        Feature {
            key,
            description: self.description.into(),
            flags: self.flags.iter().map(|flag| FlagKey::new(flag)).collect(),
        }
    }
}
