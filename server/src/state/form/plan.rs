//! Rollout plans, as they were applied. A plan is stored in one form, in the change that applied it and as an entity.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, PlanKey, SegmentKey, VariantName};
use mycelia_flags_core::plan as core;
use mycelia_flags_core::plan::metric_check;
use mycelia_flags_core::revision::Timestamp;

use super::guard::{Check, Guard, Ladder};
use super::value::Value;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Plan {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    owner: String,
    #[prost(string, tag = "4")]
    environment: String,
    #[prost(sint64, optional, tag = "5")]
    starts_at_micros: Option<i64>,
    #[prost(uint32, tag = "6")]
    first_day: u32,
    #[prost(message, repeated, tag = "7")]
    stages: Vec<Stage>,
    #[prost(message, repeated, tag = "8")]
    guards: Vec<Guard>,
    #[prost(message, optional, tag = "9")]
    ladder: Option<Ladder>,
    #[prost(uint64, optional, tag = "10")]
    remove_flags_after_seconds: Option<u64>,
    #[prost(bool, tag = "11")]
    canary_off: bool,
    #[prost(string, repeated, tag = "12")]
    complete_notes: Vec<String>,
    #[prost(string, repeated, tag = "13")]
    notes: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, optional, tag = "3")]
    environment: Option<String>,
    #[prost(oneof = "Start", tags = "4, 5")]
    start: Option<Start>,
    #[prost(message, repeated, tag = "6")]
    set: Vec<FlagTarget>,
    #[prost(bool, optional, tag = "7")]
    canary_on: Option<bool>,
    #[prost(string, repeated, tag = "8")]
    canary_add: Vec<String>,
    #[prost(string, repeated, tag = "9")]
    canary_remove: Vec<String>,
    #[prost(uint64, tag = "10")]
    hold_seconds: u64,
    #[prost(message, optional, tag = "11")]
    gate: Option<Gate>,
    #[prost(uint64, optional, tag = "12")]
    rollback_within_seconds: Option<u64>,
}

/// None is the next one.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Start {
    #[prost(uint32, tag = "4")]
    Day(u32),
    #[prost(sint64, tag = "5")]
    AtMicros(i64),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FlagTarget {
    #[prost(string, tag = "1")]
    flag: String,
    #[prost(oneof = "Target", tags = "2, 3, 4, 5, 6, 7")]
    target: Option<Target>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Target {
    #[prost(double, tag = "2")]
    Percent(f64),
    #[prost(message, tag = "3")]
    Band(Band),
    #[prost(message, tag = "4")]
    Matrix(Matrix),
    #[prost(string, tag = "5")]
    Variant(String),
    #[prost(message, tag = "6")]
    Value(Value),
    /// Always true.
    #[prost(bool, tag = "7")]
    Disabled(bool),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Band {
    #[prost(double, tag = "1")]
    from: f64,
    #[prost(double, tag = "2")]
    to: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Matrix {
    #[prost(message, repeated, tag = "1")]
    shares: Vec<Share>,
    #[prost(double, optional, tag = "2")]
    rest: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Share {
    #[prost(string, tag = "1")]
    segment: String,
    #[prost(double, tag = "2")]
    percent: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Gate {
    #[prost(uint32, tag = "1")]
    approvals: u32,
    #[prost(bool, tag = "2")]
    go: bool,
    #[prost(message, repeated, tag = "3")]
    checks: Vec<Check>,
    #[prost(string, repeated, tag = "4")]
    checklist: Vec<String>,
    #[prost(uint64, tag = "5")]
    soak_seconds: u64,
    #[prost(uint64, optional, tag = "6")]
    drill_within_seconds: Option<u64>,
}

pub(super) fn texts(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn boxed(texts: Vec<String>) -> Vec<Box<str>> {
    texts.into_iter().map(Box::from).collect()
}

impl From<&core::PlanDefinition> for Plan {
    fn from(plan: &core::PlanDefinition) -> Self {
        Self {
            key: plan.key.to_string(),
            description: plan.description.to_string(),
            owner: plan.owner.to_string(),
            environment: plan.environment.to_string(),
            starts_at_micros: plan.starts_at.map(Timestamp::unix_micros),
            first_day: plan.first_day,
            stages: plan.stages.iter().map(Stage::from).collect(),
            guards: plan.guards.iter().map(Guard::from).collect(),
            ladder: Some(Ladder::from(&plan.ladder)),
            remove_flags_after_seconds: plan.on_complete.remove_flags_after_seconds,
            canary_off: plan.on_complete.canary_off,
            complete_notes: texts(&plan.on_complete.notes),
            notes: texts(&plan.notes),
        }
    }
}

impl TryFrom<Plan> for core::PlanDefinition {
    type Error = FormError;

    fn try_from(plan: Plan) -> Result<Self, FormError> {
        Ok(Self {
            key: PlanKey::new(&plan.key),
            description: plan.description.into(),
            owner: plan.owner.into(),
            environment: EnvironmentKey::new(&plan.environment),
            starts_at: plan.starts_at_micros.map(Timestamp::from_unix_micros),
            first_day: plan.first_day,
            stages: plan.stages.into_iter().map(core::Stage::try_from).collect::<Result<_, _>>()?,
            guards: plan.guards.into_iter().map(core::PlanGuard::try_from).collect::<Result<_, _>>()?,
            ladder: required("a plan's ladder", plan.ladder)?.into(),
            on_complete: core::OnComplete {
                remove_flags_after_seconds: plan.remove_flags_after_seconds,
                canary_off: plan.canary_off,
                notes: boxed(plan.complete_notes),
            },
            notes: boxed(plan.notes),
        })
    }
}

impl From<&core::Stage> for Stage {
    fn from(stage: &core::Stage) -> Self {
        let gate = &stage.gate;
        Self {
            name: stage.name.to_string(),
            description: stage.description.to_string(),
            environment: stage.environment.as_ref().map(ToString::to_string),
            start: match stage.start {
                core::StageStart::Next => None,
                core::StageStart::Day(day) => Some(Start::Day(day)),
                core::StageStart::At(moment) => Some(Start::AtMicros(moment.unix_micros())),
            },
            set: stage.set.iter().map(flag_target).collect(),
            canary_on: stage.canary.on,
            canary_add: texts(&stage.canary.add),
            canary_remove: texts(&stage.canary.remove),
            hold_seconds: stage.hold_seconds,
            gate: Some(Gate {
                approvals: gate.approvals,
                go: gate.go,
                checks: gate.checks.iter().map(Check::from).collect(),
                checklist: texts(&gate.checklist),
                soak_seconds: gate.soak_seconds,
                drill_within_seconds: gate.drill_within_seconds,
            }),
            rollback_within_seconds: stage.rollback_within_seconds,
        }
    }
}

impl TryFrom<Stage> for core::Stage {
    type Error = FormError;

    fn try_from(stage: Stage) -> Result<Self, FormError> {
        let gate = required("a stage's gate", stage.gate)?;
        let checks = gate.checks.into_iter().map(metric_check::MetricCheck::try_from);
        Ok(Self {
            name: stage.name.into(),
            description: stage.description.into(),
            environment: stage.environment.as_deref().map(EnvironmentKey::new),
            start: match stage.start {
                None => core::StageStart::Next,
                Some(Start::Day(day)) => core::StageStart::Day(day),
                Some(Start::AtMicros(micros)) => core::StageStart::At(Timestamp::from_unix_micros(micros)),
            },
            set: stage.set.into_iter().map(target_of).collect::<Result<_, _>>()?,
            canary: core::StageCanary {
                on: stage.canary_on,
                add: boxed(stage.canary_add),
                remove: boxed(stage.canary_remove),
            },
            hold_seconds: stage.hold_seconds,
            gate: core::Gate {
                approvals: gate.approvals,
                go: gate.go,
                checks: checks.collect::<Result<_, _>>()?,
                checklist: boxed(gate.checklist),
                soak_seconds: gate.soak_seconds,
                drill_within_seconds: gate.drill_within_seconds,
            },
            rollback_within_seconds: stage.rollback_within_seconds,
        })
    }
}

fn flag_target((flag, target): &(FlagKey, core::Target)) -> FlagTarget {
    let target = match target {
        core::Target::Percent(percent) => Target::Percent(*percent),
        core::Target::Band { from, to } => Target::Band(Band { from: *from, to: *to }),
        core::Target::Matrix { shares, rest } => Target::Matrix(Matrix {
            shares: shares
                .iter()
                .map(|(segment, percent)| Share { segment: segment.to_string(), percent: *percent })
                .collect(),
            rest: *rest,
        }),
        core::Target::Variant(variant) => Target::Variant(variant.to_string()),
        core::Target::Value(value) => Target::Value(value.into()),
        core::Target::Disabled => Target::Disabled(true),
    };
    FlagTarget { flag: flag.to_string(), target: Some(target) }
}

fn target_of(stored: FlagTarget) -> Result<(FlagKey, core::Target), FormError> {
    let target = match required("a stage's target", stored.target)? {
        Target::Percent(percent) => core::Target::Percent(percent),
        Target::Band(Band { from, to }) => core::Target::Band { from, to },
        Target::Matrix(matrix) => core::Target::Matrix {
            shares: matrix
                .shares
                .into_iter()
                .map(|share| (SegmentKey::new(&share.segment), share.percent))
                .collect(),
            rest: matrix.rest,
        },
        Target::Variant(variant) => core::Target::Variant(VariantName::new(&variant)),
        Target::Value(value) => core::Target::Value(value.try_into()?),
        Target::Disabled(_) => core::Target::Disabled,
    };
    Ok((FlagKey::new(&stored.flag), target))
}
