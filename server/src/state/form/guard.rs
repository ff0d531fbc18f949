//! Conditions on metrics, guards, and how flags go back.

use mycelia_flags_core::key::{FlagKey, SegmentKey, ServiceName};
use mycelia_flags_core::plan as core;
use mycelia_flags_core::plan::metric_check;

use super::number::Numbered;
use super::{FormError, required};

/// A condition on a metric.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Check {
    #[prost(string, tag = "1")]
    metric: String,
    #[prost(uint32, tag = "2")]
    comparison: u32,
    #[prost(double, tag = "3")]
    threshold: f64,
    #[prost(uint32, tag = "4")]
    unit: u32,
    #[prost(string, optional, tag = "5")]
    flag: Option<String>,
    #[prost(string, optional, tag = "6")]
    service: Option<String>,
    #[prost(uint64, tag = "7")]
    window_seconds: u64,
    #[prost(uint64, tag = "8")]
    sustained_seconds: u64,
    #[prost(uint32, tag = "9")]
    versus: u32,
    #[prost(uint64, tag = "10")]
    samples_min: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Guard {
    #[prost(message, optional, tag = "1")]
    when: Option<Check>,
    #[prost(oneof = "Action", tags = "2, 3, 4")]
    action: Option<Action>,
    #[prost(string, repeated, tag = "5")]
    flags: Vec<String>,
}

/// What a guard does; a standing guard has it under the same tags.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Action {
    /// Always true.
    #[prost(bool, tag = "2")]
    Alert(bool),
    /// Always true.
    #[prost(bool, tag = "3")]
    Pause(bool),
    #[prost(message, tag = "4")]
    Rollback(Rollback),
}

/// How flags go back.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Rollback {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    /// Always true.
    #[prost(bool, tag = "1")]
    Disable(bool),
    /// Always true.
    #[prost(bool, tag = "2")]
    ToZero(bool),
    #[prost(message, tag = "3")]
    Gradual(Ladder),
    #[prost(message, tag = "4")]
    Segments(Segments),
    /// Always true.
    #[prost(bool, tag = "5")]
    CanaryOff(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Ladder {
    #[prost(double, repeated, tag = "1")]
    percents: Vec<f64>,
    #[prost(uint64, tag = "2")]
    every_seconds: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Segments {
    #[prost(string, repeated, tag = "1")]
    segments: Vec<String>,
}

impl From<&metric_check::MetricCheck> for Check {
    fn from(check: &metric_check::MetricCheck) -> Self {
        Self {
            metric: check.metric.to_string(),
            comparison: check.comparison.number(),
            threshold: check.threshold,
            unit: check.unit.number(),
            flag: check.flag.as_ref().map(ToString::to_string),
            service: check.service.as_ref().map(ToString::to_string),
            window_seconds: check.window_seconds,
            sustained_seconds: check.sustained_seconds,
            versus: check.versus.number(),
            samples_min: check.samples_min,
        }
    }
}

impl TryFrom<Check> for metric_check::MetricCheck {
    type Error = FormError;

    fn try_from(check: Check) -> Result<Self, FormError> {
        Ok(Self {
            metric: check.metric.into(),
            comparison: Numbered::numbered(check.comparison)?,
            threshold: check.threshold,
            unit: Numbered::numbered(check.unit)?,
            flag: check.flag.as_deref().map(FlagKey::new),
            service: check.service.as_deref().map(ServiceName::new),
            window_seconds: check.window_seconds,
            sustained_seconds: check.sustained_seconds,
            versus: Numbered::numbered(check.versus)?,
            samples_min: check.samples_min,
        })
    }
}

impl From<&core::GuardAction> for Action {
    fn from(action: &core::GuardAction) -> Self {
        match action {
            core::GuardAction::Alert => Self::Alert(true),
            core::GuardAction::Pause => Self::Pause(true),
            core::GuardAction::Rollback(kind) => Self::Rollback(kind.into()),
        }
    }
}

impl TryFrom<Action> for core::GuardAction {
    type Error = FormError;

    fn try_from(action: Action) -> Result<Self, FormError> {
        Ok(match action {
            Action::Alert(_) => Self::Alert,
            Action::Pause(_) => Self::Pause,
            Action::Rollback(rollback) => Self::Rollback(rollback.try_into()?),
        })
    }
}

impl From<&core::PlanGuard> for Guard {
    fn from(guard: &core::PlanGuard) -> Self {
        let action = Action::from(&guard.action);
        let flags = guard.flags.iter().map(ToString::to_string).collect();
        Self { when: Some(Check::from(&guard.when)), action: Some(action), flags }
    }
}

impl TryFrom<Guard> for core::PlanGuard {
    type Error = FormError;

    fn try_from(guard: Guard) -> Result<Self, FormError> {
        let action = required("what a guard does", guard.action)?.try_into()?;
        let flags = guard.flags.iter().map(|flag| FlagKey::new(flag)).collect();
        Ok(Self { when: required("a guard's condition", guard.when)?.try_into()?, flags, action })
    }
}

impl From<&core::RollbackKind> for Rollback {
    fn from(kind: &core::RollbackKind) -> Self {
        let kind = match kind {
            core::RollbackKind::Disable => Kind::Disable(true),
            core::RollbackKind::ToZero => Kind::ToZero(true),
            core::RollbackKind::Gradual(ladder) => Kind::Gradual(ladder.into()),
            core::RollbackKind::Segments(segments) => {
                Kind::Segments(Segments { segments: segments.iter().map(ToString::to_string).collect() })
            }
            core::RollbackKind::CanaryOff => Kind::CanaryOff(true),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Rollback> for core::RollbackKind {
    type Error = FormError;

    fn try_from(rollback: Rollback) -> Result<Self, FormError> {
        Ok(match required("how flags go back", rollback.kind)? {
            Kind::Disable(_) => Self::Disable,
            Kind::ToZero(_) => Self::ToZero,
            Kind::Gradual(ladder) => Self::Gradual(ladder.into()),
            Kind::Segments(segments) => {
                Self::Segments(segments.segments.iter().map(|segment| SegmentKey::new(segment)).collect())
            }
            Kind::CanaryOff(_) => Self::CanaryOff,
        })
    }
}

impl From<&core::Ladder> for Ladder {
    fn from(ladder: &core::Ladder) -> Self {
        Self { percents: ladder.percents.clone(), every_seconds: ladder.every_seconds }
    }
}

impl From<Ladder> for core::Ladder {
    fn from(ladder: Ladder) -> Self {
        Self { percents: ladder.percents, every_seconds: ladder.every_seconds }
    }
}
