//! What was done to rollout plans.

use mycelia_flags_core::change as core;
use mycelia_flags_core::plan::runner;

use super::super::guard::Rollback;
use super::super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct ActOnPlan {
    #[prost(string, tag = "1")]
    plan: String,
    #[prost(oneof = "Act", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14")]
    act: Option<Act>,
}

/// A bool is always true.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Act {
    #[prost(bool, tag = "2")]
    Start(bool),
    #[prost(bool, tag = "3")]
    Approve(bool),
    #[prost(bool, tag = "4")]
    Go(bool),
    #[prost(bool, tag = "5")]
    NoGo(bool),
    #[prost(string, tag = "6")]
    Tick(String),
    #[prost(string, tag = "7")]
    Untick(String),
    #[prost(message, tag = "8")]
    Report(Report),
    #[prost(bool, tag = "9")]
    Pause(bool),
    #[prost(bool, tag = "10")]
    Resume(bool),
    #[prost(message, tag = "11")]
    RollBack(Rollback),
    #[prost(bool, tag = "12")]
    Acknowledge(bool),
    #[prost(bool, tag = "13")]
    Cancel(bool),
    #[prost(message, tag = "14")]
    Step(Step),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Report {
    #[prost(string, tag = "1")]
    metric: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Step {
    #[prost(oneof = "StepKind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12")]
    kind: Option<StepKind>,
}

/// A bool is always true.
#[derive(Clone, PartialEq, prost::Oneof)]
enum StepKind {
    #[prost(bool, tag = "1")]
    Start(bool),
    #[prost(uint32, tag = "2")]
    Enter(u32),
    #[prost(string, tag = "3")]
    AwaitGate(String),
    #[prost(bool, tag = "4")]
    AwaitDate(bool),
    #[prost(bool, tag = "5")]
    Complete(bool),
    #[prost(message, tag = "6")]
    Trip(Trip),
    #[prost(uint32, tag = "7")]
    Descend(u32),
    #[prost(string, tag = "8")]
    Rest(String),
    #[prost(bool, tag = "9")]
    ClockWentBack(bool),
    #[prost(string, tag = "10")]
    Block(String),
    #[prost(message, tag = "11")]
    Alert(Trip),
    #[prost(uint32, tag = "12")]
    Quiet(u32),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Trip {
    #[prost(uint32, tag = "1")]
    guard: u32,
    #[prost(double, tag = "2")]
    value: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct RollBack {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, repeated, tag = "2")]
    flags: Vec<String>,
    #[prost(message, optional, tag = "3")]
    kind: Option<Rollback>,
}

impl ActOnPlan {
    pub(super) fn of(plan: &str, act: &core::PlanAct) -> Self {
        let act = match act {
            core::PlanAct::Start => Act::Start(true),
            core::PlanAct::Approve => Act::Approve(true),
            core::PlanAct::Go => Act::Go(true),
            core::PlanAct::NoGo => Act::NoGo(true),
            core::PlanAct::Tick { item } => Act::Tick(item.clone()),
            core::PlanAct::Untick { item } => Act::Untick(item.clone()),
            core::PlanAct::Report { metric, value } => {
                Act::Report(Report { metric: metric.clone(), value: value.clone() })
            }
            core::PlanAct::Pause => Act::Pause(true),
            core::PlanAct::Resume => Act::Resume(true),
            core::PlanAct::RollBack(kind) => Act::RollBack(kind.into()),
            core::PlanAct::Acknowledge => Act::Acknowledge(true),
            core::PlanAct::Cancel => Act::Cancel(true),
            core::PlanAct::Step(step) => Act::Step(Step { kind: Some(step_kind(step)) }),
        };
        Self { plan: plan.to_owned(), act: Some(act) }
    }
}

impl TryFrom<ActOnPlan> for core::Change {
    type Error = FormError;

    fn try_from(stored: ActOnPlan) -> Result<Self, FormError> {
        let act = match required("what was done to a plan", stored.act)? {
            Act::Start(_) => core::PlanAct::Start,
            Act::Approve(_) => core::PlanAct::Approve,
            Act::Go(_) => core::PlanAct::Go,
            Act::NoGo(_) => core::PlanAct::NoGo,
            Act::Tick(item) => core::PlanAct::Tick { item },
            Act::Untick(item) => core::PlanAct::Untick { item },
            Act::Report(Report { metric, value }) => core::PlanAct::Report { metric, value },
            Act::Pause(_) => core::PlanAct::Pause,
            Act::Resume(_) => core::PlanAct::Resume,
            Act::RollBack(kind) => core::PlanAct::RollBack(kind.try_into()?),
            Act::Acknowledge(_) => core::PlanAct::Acknowledge,
            Act::Cancel(_) => core::PlanAct::Cancel,
            Act::Step(step) => core::PlanAct::Step(step_of(required("a plan's step", step.kind)?)),
        };
        Ok(Self::ActOnPlan { plan: stored.plan, act })
    }
}

fn step_kind(step: &runner::Step) -> StepKind {
    match step {
        runner::Step::Start => StepKind::Start(true),
        runner::Step::Enter { stage } => StepKind::Enter(*stage),
        runner::Step::AwaitGate { missing } => StepKind::AwaitGate(missing.clone()),
        runner::Step::AwaitDate => StepKind::AwaitDate(true),
        runner::Step::Complete => StepKind::Complete(true),
        runner::Step::Trip { guard, value } => StepKind::Trip(Trip { guard: *guard, value: *value }),
        runner::Step::Descend { rung } => StepKind::Descend(*rung),
        runner::Step::Rest { reason } => StepKind::Rest(reason.clone()),
        runner::Step::ClockWentBack => StepKind::ClockWentBack(true),
        runner::Step::Block { reason } => StepKind::Block(reason.clone()),
        runner::Step::Alert { guard, value } => StepKind::Alert(Trip { guard: *guard, value: *value }),
        runner::Step::Quiet { guard } => StepKind::Quiet(*guard),
    }
}

fn step_of(kind: StepKind) -> runner::Step {
    match kind {
        StepKind::Start(_) => runner::Step::Start,
        StepKind::Enter(stage) => runner::Step::Enter { stage },
        StepKind::AwaitGate(missing) => runner::Step::AwaitGate { missing },
        StepKind::AwaitDate(_) => runner::Step::AwaitDate,
        StepKind::Complete(_) => runner::Step::Complete,
        StepKind::Trip(Trip { guard, value }) => runner::Step::Trip { guard, value },
        StepKind::Descend(rung) => runner::Step::Descend { rung },
        StepKind::Rest(reason) => runner::Step::Rest { reason },
        StepKind::ClockWentBack(_) => runner::Step::ClockWentBack,
        StepKind::Block(reason) => runner::Step::Block { reason },
        StepKind::Alert(Trip { guard, value }) => runner::Step::Alert { guard, value },
        StepKind::Quiet(guard) => runner::Step::Quiet { guard },
    }
}

impl RollBack {
    pub(super) fn of(
        environment: &str,
        flags: &[String],
        kind: &mycelia_flags_core::plan::RollbackKind,
    ) -> Self {
        Self { environment: environment.to_owned(), flags: flags.to_vec(), kind: Some(kind.into()) }
    }
}

impl TryFrom<RollBack> for core::Change {
    type Error = FormError;

    fn try_from(stored: RollBack) -> Result<Self, FormError> {
        let kind = required("how flags go back", stored.kind)?.try_into()?;
        Ok(Self::RollBack { environment: stored.environment, flags: stored.flags, kind })
    }
}
