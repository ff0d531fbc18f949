//! Rollout plans as the server knows them, and which of them drives a flag.

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_proto::v1;
use tonic::Code;

use crate::connection::Connection;
use crate::failure::Failure;

/// A plan, where it is, and how people see that.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundPlan {
    pub(crate) plan: v1::Plan,
    pub(crate) progress: v1::PlanProgress,
    pub(crate) status: v1::PlanStatus,
    /// The revision that was read.
    pub(crate) revision: u64,
}

/// Reads one plan.
pub(crate) async fn find(connection: &Connection, plan: &str) -> Result<FoundPlan, Failure> {
    let request = v1::GetPlanRequest { plan: plan.to_owned() };
    let answer = connection.answer(connection.plans().get_plan(request)).await?;
    Ok(FoundPlan {
        plan: answer.plan.unwrap_or_default(),
        progress: answer.progress.unwrap_or_default(),
        status: answer.status.unwrap_or_default(),
        revision: answer.revision,
    })
}

/// Reads all plans in short.
pub(crate) async fn all(connection: &Connection) -> Result<v1::ListPlansResponse, Failure> {
    connection.answer(connection.plans().list_plans(v1::ListPlansRequest {})).await
}

/// The plans that are under way. A server that knows no plans has none.
pub(crate) async fn under_way(connection: &Connection) -> Result<Vec<v1::PlanStatus>, Failure> {
    match all(connection).await {
        Ok(answer) => Ok(answer.plans.into_iter().filter(|plan| is_under_way(plan.state())).collect()),
        Err(Failure::Refused { code: Code::Unimplemented, .. }) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// Has it begun, and is not over?
pub(crate) const fn is_under_way(state: v1::PlanState) -> bool {
    use v1::PlanState::{Holding, Latched, Paused, RollingBack, Running, WaitingForGate};
    matches!(state, Running | Holding | WaitingForGate | Paused | RollingBack | Latched)
}

/// Is nothing of it to come?
pub(crate) const fn is_over(state: v1::PlanState) -> bool {
    matches!(state, v1::PlanState::Completed | v1::PlanState::Cancelled)
}

/// What the plan says of a flag in an environment, once a stage has set it.
pub(crate) fn drives<'p>(
    plan: &'p v1::PlanStatus,
    environment: &str,
    flag: &str,
) -> Option<&'p v1::PlanFlagStatus> {
    let folded = FoldedKey::of(flag);
    plan.flags.iter().find(|driven| {
        driven.environment == environment && driven.target.is_some() && FoldedKey::of(&driven.flag) == folded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_drives_a_flag_in_any_spelling_once_a_stage_has_set_it() {
        let flag = |flag: &str, target: Option<&str>| v1::PlanFlagStatus {
            environment: "production".to_owned(),
            flag: flag.to_owned(),
            target: target.map(str::to_owned),
            ..v1::PlanFlagStatus::default()
        };
        let flags = vec![flag("oracle.chat", Some("10%")), flag("dreams", None)];
        let plan = v1::PlanStatus { flags, ..v1::PlanStatus::default() };
        assert!(drives(&plan, "production", "oracle_chat").is_some());
        assert!(drives(&plan, "staging", "oracle.chat").is_none());
        assert!(drives(&plan, "production", "dreams").is_none());
    }
}
