//! Intents about who somebody is, and about features.

use mycelia_flags_core::change as core;
use mycelia_flags_core::condition;

use super::super::condition::Condition;
use super::super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetSegment {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) segment: String,
    #[prost(string, tag = "3")]
    pub(super) description: String,
    #[prost(message, optional, tag = "4")]
    pub(super) condition: Option<Condition>,
    #[prost(message, optional, tag = "5")]
    pub(super) share: Option<AskedShare>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct AskedShare {
    #[prost(string, tag = "1")]
    pub(super) salt: String,
    #[prost(double, tag = "2")]
    pub(super) from_percent: f64,
    #[prost(double, tag = "3")]
    pub(super) to_percent: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct DeleteSegment {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) segment: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct EditList {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    /// As it was asked for, whether there can be such a list or not.
    #[prost(string, tag = "2")]
    pub(super) list: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) add: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(super) remove: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SwitchCanary {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(bool, tag = "2")]
    pub(super) on: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetFeature {
    #[prost(string, tag = "1")]
    pub(super) feature: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) flags: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct ChangeFeature {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) feature: String,
    #[prost(oneof = "FeatureAction", tags = "3, 4, 5")]
    pub(super) action: Option<FeatureAction>,
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(in crate::state::form) enum FeatureAction {
    /// Always true.
    #[prost(bool, tag = "3")]
    Enable(bool),
    /// Always true.
    #[prost(bool, tag = "4")]
    Disable(bool),
    #[prost(message, tag = "5")]
    Rollout(FeatureRollout),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::state::form) struct FeatureRollout {
    #[prost(double, tag = "1")]
    pub(super) percent: f64,
    #[prost(bool, tag = "2")]
    pub(super) enable: bool,
}

impl From<&core::SetSegment> for SetSegment {
    fn from(set: &core::SetSegment) -> Self {
        Self {
            environment: set.environment.clone(),
            segment: set.segment.clone(),
            description: set.description.clone(),
            condition: set.condition.as_ref().map(Condition::from),
            share: set.share.as_ref().map(|share| AskedShare {
                salt: share.salt.clone(),
                from_percent: share.from_percent,
                to_percent: share.to_percent,
            }),
        }
    }
}

impl TryFrom<SetSegment> for core::SetSegment {
    type Error = FormError;

    fn try_from(set: SetSegment) -> Result<Self, FormError> {
        Ok(Self {
            environment: set.environment,
            segment: set.segment,
            description: set.description,
            condition: set.condition.map(condition::Condition::try_from).transpose()?,
            share: set.share.map(|share| core::SegmentShare {
                salt: share.salt,
                from_percent: share.from_percent,
                to_percent: share.to_percent,
            }),
        })
    }
}

impl DeleteSegment {
    pub(super) fn of(environment: &str, segment: &str) -> Self {
        Self { environment: environment.to_owned(), segment: segment.to_owned() }
    }
}

impl EditList {
    pub(super) fn of(environment: &str, list: &str, add: &[String], remove: &[String]) -> Self {
        Self {
            environment: environment.to_owned(),
            list: list.to_owned(),
            add: add.to_vec(),
            remove: remove.to_vec(),
        }
    }
}

impl SetFeature {
    pub(super) fn of(feature: &str, description: &str, flags: &[String]) -> Self {
        Self { feature: feature.to_owned(), description: description.to_owned(), flags: flags.to_vec() }
    }
}

impl ChangeFeature {
    pub(super) fn of(environment: &str, feature: &str, action: core::FeatureAction) -> Self {
        let action = match action {
            core::FeatureAction::Enable => FeatureAction::Enable(true),
            core::FeatureAction::Disable => FeatureAction::Disable(true),
            core::FeatureAction::Rollout { percent, enable } => {
                FeatureAction::Rollout(FeatureRollout { percent, enable })
            }
        };
        Self { environment: environment.to_owned(), feature: feature.to_owned(), action: Some(action) }
    }
}

impl TryFrom<ChangeFeature> for core::Change {
    type Error = FormError;

    fn try_from(change: ChangeFeature) -> Result<Self, FormError> {
        let action = match required("what is done to a feature", change.action)? {
            FeatureAction::Enable(_) => core::FeatureAction::Enable,
            FeatureAction::Disable(_) => core::FeatureAction::Disable,
            FeatureAction::Rollout(FeatureRollout { percent, enable }) => {
                core::FeatureAction::Rollout { percent, enable }
            }
        };
        Ok(Self::ChangeFeature { environment: change.environment, feature: change.feature, action })
    }
}
