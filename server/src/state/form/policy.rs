//! Policies, as they are in force and as they were asked for.

use mycelia_flags_core::key::FlagKey;
use mycelia_flags_core::policy as core;
use mycelia_flags_core::policy::freeze;
use mycelia_flags_core::revision::Timestamp;

use super::number::Numbered;
use super::{FormError, required};

/// A policy beside its environment.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PolicyValue {
    #[prost(bool, tag = "1")]
    pub(super) reason_required: bool,
    /// In thousandths of a percent.
    #[prost(uint32, optional, tag = "2")]
    pub(super) largest_step: Option<u32>,
    #[prost(message, optional, tag = "3")]
    pub(super) rest: Option<Rest>,
}

/// A policy as it was asked for.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetPolicy {
    #[prost(string, tag = "1")]
    pub(super) environment: String,
    #[prost(bool, tag = "2")]
    pub(super) reason_required: bool,
    #[prost(double, optional, tag = "3")]
    pub(super) largest_step_percent: Option<f64>,
    #[prost(message, optional, tag = "4")]
    pub(super) rest: Option<Rest>,
}

/// What a policy says in the same form when it is asked for and when it is in force.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Rest {
    #[prost(uint64, optional, tag = "1")]
    pub(super) smallest_interval_seconds: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) freeze_windows: Vec<FreezeWindow>,
    #[prost(uint32, tag = "3")]
    pub(super) approvals: u32,
    #[prost(string, repeated, tag = "4")]
    pub(super) protected_flags: Vec<String>,
    #[prost(uint32, tag = "5")]
    pub(super) drift: u32,
    #[prost(bool, tag = "6")]
    pub(super) break_glass: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FreezeWindow {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(oneof = "Period", tags = "2, 3")]
    pub(super) period: Option<Period>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Period {
    #[prost(message, tag = "2")]
    Weekly(Weekly),
    #[prost(message, tag = "3")]
    Once(Once),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Weekly {
    #[prost(uint32, repeated, tag = "1")]
    pub(super) weekdays: Vec<u32>,
    #[prost(uint32, tag = "2")]
    pub(super) from_minute: u32,
    #[prost(uint32, tag = "3")]
    pub(super) lasts_minutes: u32,
    #[prost(sint32, tag = "4")]
    pub(super) utc_offset_minutes: i32,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Once {
    #[prost(sint64, tag = "1")]
    pub(super) from_micros: i64,
    #[prost(sint64, tag = "2")]
    pub(super) to_micros: i64,
}

impl From<&core::Policy> for PolicyValue {
    fn from(policy: &core::Policy) -> Self {
        Self {
            reason_required: policy.reason_required,
            largest_step: policy.largest_step,
            rest: Some(Rest {
                smallest_interval_seconds: policy.smallest_interval_seconds,
                freeze_windows: policy.freeze_windows.iter().map(FreezeWindow::from).collect(),
                approvals: policy.approvals,
                protected_flags: policy.protected_flags.iter().map(ToString::to_string).collect(),
                drift: policy.drift.number(),
                break_glass: policy.break_glass,
            }),
        }
    }
}

impl TryFrom<PolicyValue> for core::Policy {
    type Error = FormError;

    fn try_from(policy: PolicyValue) -> Result<Self, FormError> {
        let rest = required("the rest of a policy", policy.rest)?;
        Ok(Self {
            reason_required: policy.reason_required,
            largest_step: policy.largest_step,
            smallest_interval_seconds: rest.smallest_interval_seconds,
            freeze_windows: windows(rest.freeze_windows)?,
            approvals: rest.approvals,
            protected_flags: rest.protected_flags.iter().map(|flag| FlagKey::new(flag)).collect(),
            drift: Numbered::numbered(rest.drift)?,
            break_glass: rest.break_glass,
        })
    }
}

impl SetPolicy {
    pub(super) fn of(environment: &str, policy: &core::AskedPolicy) -> Self {
        Self {
            environment: environment.to_owned(),
            reason_required: policy.reason_required,
            largest_step_percent: policy.largest_step_percent,
            rest: Some(Rest {
                smallest_interval_seconds: policy.smallest_interval_seconds,
                freeze_windows: policy.freeze_windows.iter().map(FreezeWindow::from).collect(),
                approvals: policy.approvals,
                protected_flags: policy.protected_flags.clone(),
                drift: policy.drift.number(),
                break_glass: policy.break_glass,
            }),
        }
    }
}

impl TryFrom<SetPolicy> for core::AskedPolicy {
    type Error = FormError;

    fn try_from(set: SetPolicy) -> Result<Self, FormError> {
        let rest = required("the rest of a policy", set.rest)?;
        Ok(Self {
            reason_required: set.reason_required,
            largest_step_percent: set.largest_step_percent,
            smallest_interval_seconds: rest.smallest_interval_seconds,
            freeze_windows: windows(rest.freeze_windows)?,
            approvals: rest.approvals,
            protected_flags: rest.protected_flags,
            drift: Numbered::numbered(rest.drift)?,
            break_glass: rest.break_glass,
        })
    }
}

fn windows(windows: Vec<FreezeWindow>) -> Result<Vec<freeze::FreezeWindow>, FormError> {
    windows.into_iter().map(freeze::FreezeWindow::try_from).collect()
}

impl From<&freeze::FreezeWindow> for FreezeWindow {
    fn from(window: &freeze::FreezeWindow) -> Self {
        let period = match &window.period {
            freeze::FreezePeriod::Weekly(weekly) => Period::Weekly(Weekly {
                weekdays: weekly.weekdays.iter().map(|weekday| weekday.number()).collect(),
                from_minute: weekly.from_minute,
                lasts_minutes: weekly.lasts_minutes,
                utc_offset_minutes: weekly.utc_offset_minutes,
            }),
            freeze::FreezePeriod::Once { from, to } => {
                Period::Once(Once { from_micros: from.unix_micros(), to_micros: to.unix_micros() })
            }
        };
        Self { name: window.name.to_string(), period: Some(period) }
    }
}

impl TryFrom<FreezeWindow> for freeze::FreezeWindow {
    type Error = FormError;

    fn try_from(window: FreezeWindow) -> Result<Self, FormError> {
        let period = match required("when a freeze window is on", window.period)? {
            Period::Weekly(weekly) => freeze::FreezePeriod::Weekly(freeze::WeeklyPeriod {
                weekdays: weekly.weekdays.into_iter().map(Numbered::numbered).collect::<Result<_, _>>()?,
                from_minute: weekly.from_minute,
                lasts_minutes: weekly.lasts_minutes,
                utc_offset_minutes: weekly.utc_offset_minutes,
            }),
            Period::Once(once) => freeze::FreezePeriod::Once {
                from: Timestamp::from_unix_micros(once.from_micros),
                to: Timestamp::from_unix_micros(once.to_micros),
            },
        };
        Ok(Self { name: window.name.into(), period })
    }
}
