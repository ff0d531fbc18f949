//! Rollout plans under way, as the status pages show them.

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::plan::gate::Surroundings;
use mycelia_flags_core::plan::metric_check::NoMetrics;
use mycelia_flags_core::plan::progress::PlanState;
use mycelia_flags_core::plan::status::{PlanStatus, StageState, status};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::convert;
use serde::Serialize;

/// A plan that is under way and moves something in an environment.
#[derive(Serialize)]
pub(super) struct Plan {
    key: String,
    /// As the documents of the command line name it: `waiting_for_gate`.
    state: String,
    /// Why it is in this state, in words.
    reason: String,
    /// The day of the plan.
    day: Option<u32>,
    /// What the stage is called that it is in, and its number from 1 on.
    stage: String,
    number: usize,
    stages: usize,
    /// What it wants of its flags in the environment, and what they serve.
    flags: Vec<PlanFlag>,
    /// What the gate of its stage waits for, in words.
    waits_for: Vec<String>,
    /// What only alerts, and is true.
    alerts: Vec<String>,
    /// Why its next step is refused.
    #[serde(skip_serializing_if = "str::is_empty")]
    blocked: Box<str>,
}

/// A flag of a plan.
#[derive(Serialize)]
struct PlanFlag {
    key: String,
    /// `25%`.
    target: String,
    serves: String,
    agrees: bool,
}

/// How many plans are under way, and how many of them somebody should look at.
#[derive(Serialize, Default)]
pub(super) struct PlanCounts {
    under_way: usize,
    waiting_for_gate: usize,
    paused: usize,
    /// On their way down, or taken back.
    rolled_back: usize,
    blocked: usize,
    alerting: usize,
}

fn under_way(snapshot: &Snapshot, now: Timestamp) -> impl Iterator<Item = PlanStatus> {
    let plans = snapshot.plans().filter(|(_, progress)| progress.state.is_active());
    plans.map(move |(plan, progress)| {
        let around = Surroundings { now, metrics: &NoMetrics, memory: snapshot };
        status(plan, progress, snapshot, &around)
    })
}

/// The plans that move something in an environment.
pub(super) fn plans(snapshot: &Snapshot, environment: &EnvironmentKey, now: Timestamp) -> Vec<Plan> {
    let moves = |status: &PlanStatus| status.flags.iter().any(|flag| flag.environment == *environment);
    under_way(snapshot, now).filter(moves).map(|status| Plan::of(status, environment)).collect()
}

/// Counts the plans of all environments.
pub(super) fn counts(snapshot: &Snapshot, now: Timestamp) -> PlanCounts {
    let mut counts = PlanCounts::default();
    for status in under_way(snapshot, now) {
        counts.under_way += 1;
        counts.waiting_for_gate += usize::from(status.state == PlanState::WaitingForGate);
        counts.paused += usize::from(status.state == PlanState::Paused);
        let is_back = matches!(status.state, PlanState::RollingBack | PlanState::Latched);
        counts.rolled_back += usize::from(is_back);
        counts.blocked += usize::from(!status.blocked.is_empty());
        counts.alerting += usize::from(!status.alerts.is_empty());
    }
    counts
}

impl Plan {
    fn of(status: PlanStatus, environment: &EnvironmentKey) -> Self {
        let state = convert::plan_state_to_wire(status.state).as_str_name();
        let now = (1..).zip(&status.stages).find(|(_, stage)| stage.state == StageState::Now);
        let (number, stage) =
            now.map_or((0, String::new()), |(number, stage)| (number, stage.name.to_string()));
        let flags = status.flags.into_iter().filter(|flag| flag.environment == *environment);
        let flags = flags.filter_map(|flag| {
            let (key, serves, agrees) = (flag.flag.to_string(), flag.actual, flag.agrees);
            flag.target.map(|target| PlanFlag { key, target, serves, agrees })
        });
        Self {
            key: status.key.to_string(),
            state: state.trim_start_matches("PLAN_STATE_").to_ascii_lowercase(),
            reason: status.reason.to_string(),
            day: status.day,
            stage,
            number,
            stages: status.stages.len(),
            flags: flags.collect(),
            waits_for: status.missing.iter().map(ToString::to_string).collect(),
            alerts: status.alerts.iter().map(ToString::to_string).collect(),
            blocked: status.blocked,
        }
    }
}
