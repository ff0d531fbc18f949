//! Intents about one flag in one environment.

use mycelia_flags_core::change as core;

use super::super::condition::Rule;
use super::super::flag::{CanaryPart, Serve};
use super::super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct Place {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(string, tag = "2")]
    pub(super) flag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct Rollout {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(double, tag = "2")]
    pub(super) percent: f64,
    #[prost(bool, tag = "3")]
    pub(super) enable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetDefaultServe {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, optional, tag = "2")]
    pub(super) serve: Option<Serve>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetRules {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, repeated, tag = "2")]
    pub(super) rules: Vec<Rule>,
}

/// One text for one place: an off variant, a salt, a targeting expression, a service.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetText {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(string, tag = "2")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetMatrix {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, repeated, tag = "2")]
    pub(super) shares: Vec<MatrixShare>,
    #[prost(double, optional, tag = "3")]
    pub(super) rest: Option<f64>,
    #[prost(bool, tag = "4")]
    pub(super) enable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct MatrixShare {
    #[prost(string, tag = "1")]
    pub(super) segment: String,
    #[prost(double, tag = "2")]
    pub(super) percent: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetPrerequisites {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, repeated, tag = "2")]
    pub(super) prerequisites: Vec<AskedPrerequisite>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct AskedPrerequisite {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) variants: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetCanaryPart {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(message, optional, tag = "2")]
    pub(super) part: Option<CanaryPart>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetOverride {
    #[prost(message, optional, tag = "1")]
    pub(super) place: Option<Place>,
    #[prost(string, tag = "2")]
    pub(super) service: String,
    #[prost(string, tag = "3")]
    pub(super) variant: String,
    #[prost(uint64, tag = "4")]
    pub(super) seconds: u64,
}

impl From<&core::Place> for Place {
    fn from(place: &core::Place) -> Self {
        Self { environment: place.environment.clone(), flag: place.flag.clone() }
    }
}

impl From<Place> for core::Place {
    fn from(place: Place) -> Self {
        Self { environment: place.environment, flag: place.flag }
    }
}

/// A place, for a message that holds one.
pub(super) fn at(place: &core::Place) -> Option<Place> {
    Some(place.into())
}

/// The place that a message must hold.
pub(super) fn located(place: Option<Place>) -> Result<core::Place, FormError> {
    required("a place", place).map(core::Place::from)
}

impl SetText {
    pub(super) fn of(place: &core::Place, text: &str) -> Self {
        Self { place: at(place), text: text.to_owned() }
    }

    pub(super) fn parts(self) -> Result<(core::Place, String), FormError> {
        Ok((located(self.place)?, self.text))
    }
}

impl SetMatrix {
    pub(super) fn of(place: &core::Place, shares: &[(String, f64)], rest: Option<f64>, enable: bool) -> Self {
        let share =
            |(segment, percent): &(String, f64)| MatrixShare { segment: segment.clone(), percent: *percent };
        Self { place: at(place), shares: shares.iter().map(share).collect(), rest, enable }
    }
}

impl TryFrom<SetMatrix> for core::Change {
    type Error = FormError;

    fn try_from(set: SetMatrix) -> Result<Self, FormError> {
        Ok(Self::SetMatrix {
            place: located(set.place)?,
            shares: set.shares.into_iter().map(|share| (share.segment, share.percent)).collect(),
            rest: set.rest,
            enable: set.enable,
        })
    }
}

impl SetPrerequisites {
    pub(super) fn of(place: &core::Place, prerequisites: &[(String, Vec<String>)]) -> Self {
        let asked = |(flag, variants): &(String, Vec<String>)| AskedPrerequisite {
            flag: flag.clone(),
            variants: variants.clone(),
        };
        Self { place: at(place), prerequisites: prerequisites.iter().map(asked).collect() }
    }
}

impl TryFrom<SetPrerequisites> for core::Change {
    type Error = FormError;

    fn try_from(set: SetPrerequisites) -> Result<Self, FormError> {
        let asked = set.prerequisites.into_iter().map(|asked| (asked.flag, asked.variants));
        Ok(Self::SetPrerequisites { place: located(set.place)?, prerequisites: asked.collect() })
    }
}

impl TryFrom<SetOverride> for core::Change {
    type Error = FormError;

    fn try_from(set: SetOverride) -> Result<Self, FormError> {
        Ok(Self::SetOverride {
            place: located(set.place)?,
            service: set.service,
            variant: set.variant,
            seconds: set.seconds,
        })
    }
}
