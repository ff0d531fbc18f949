//! `GuardService`: guards, what came of them, and what is known of their conditions now. Everything that changes one is a
//! change set.

pub mod replay;

use mycelia_flags_core::guard::Guard;
use mycelia_flags_core::guard::state::{GuardPhase, GuardState};
use mycelia_flags_core::guard::watch;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, GuardKey};
use mycelia_flags_core::plan::metric_check::Verdict;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1::guard_service_server::GuardService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Request, Response, Status};

use super::status as refusal;
use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::state::Store;

/// What GuardService calls.
#[derive(Debug, Clone)]
pub struct GuardEdge {
    /// The snapshot.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// What metrics say.
    pub measured: Measured,
    /// What they said.
    pub replays: replay::Replays,
}

fn refused(reason: Reason, field: &str, value: &str, allowed: String) -> Status {
    let violation = Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed };
    refusal::rejected(&Rejection::one(violation))
}

#[tonic::async_trait]
impl GuardService for GuardEdge {
    async fn list_guards(
        &self,
        request: Request<v1::ListGuardsRequest>,
    ) -> Result<Response<v1::ListGuardsResponse>, Status> {
        let (request, snapshot) = (request.into_inner(), self.store.snapshot());
        let environment = EnvironmentKey::new(&request.environment);
        if !request.environment.is_empty() && !snapshot.has_environment(&environment) {
            let names: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
            let allowed = format!("empty, or one of {}", names.join(", "));
            return Err(refused(Reason::UnknownEnvironment, "environment", environment.as_str(), allowed));
        }
        let flag = FoldedKey::of(&request.flag);
        let is_meant = |guard: &Guard| {
            (request.environment.is_empty() || guard.environment == environment)
                && (request.flag.is_empty()
                    || guard.flags(&snapshot).iter().any(|known| known.folded() == flag))
        };
        let mut found: Vec<(&Guard, Option<&GuardState>)> = snapshot
            .guards()
            .filter(|(guard, _)| is_meant(guard))
            .map(|(guard, state)| (&**guard, state))
            .collect();
        // Sorted as the map is within each phase: by key.
        found.sort_by_key(|(_, state)| match state.map(|state| state.phase) {
            Some(GuardPhase::Latched) => 0,
            Some(GuardPhase::Firing) => 1,
            Some(GuardPhase::Quiet | GuardPhase::Acknowledged) | None => 2,
        });
        let now = self.clock.now();
        let guards = found.into_iter().map(|(guard, state)| self.report(&snapshot, guard, state, now));
        let revision = snapshot.revision().get();
        Ok(Response::new(v1::ListGuardsResponse { guards: guards.collect(), revision }))
    }

    async fn get_guard(
        &self,
        request: Request<v1::GetGuardRequest>,
    ) -> Result<Response<v1::GetGuardResponse>, Status> {
        let (name, snapshot) = (request.into_inner().guard, self.store.snapshot());
        let key = GuardKey::new(&name);
        let Some(guard) = snapshot.guard(&key) else {
            let allowed = "the key of a guard that exists".to_owned();
            return Err(refused(Reason::UnknownGuard, "guard", &name, allowed));
        };
        let state = snapshot.guard_state(&key).map(|state| &**state);
        let report = self.report(&snapshot, guard, state, self.clock.now());
        let revision = snapshot.revision().get();
        Ok(Response::new(v1::GetGuardResponse { guard: Some(report), revision }))
    }

    async fn replay_guard(
        &self,
        request: Request<v1::ReplayGuardRequest>,
    ) -> Result<Response<v1::ReplayGuardResponse>, Status> {
        self.replays.answer(request.into_inner(), &self.clock).await.map(Response::new)
    }
}

impl GuardEdge {
    fn report(
        &self,
        snapshot: &Snapshot,
        guard: &Guard,
        state: Option<&GuardState>,
        now: Timestamp,
    ) -> v1::GuardReport {
        let flags = guard.flags(snapshot);
        let (verdict, observed) = watch::present(guard, &flags, snapshot, &self.measured, now);
        debug_assert_eq!(verdict == Verdict::InsufficientData, observed.is_none(), "a verdict has a value");
        v1::GuardReport {
            guard: Some(convert::guard_to_wire(guard)),
            state: Some(state.map_or_else(
                || convert::guard_state_to_wire(&GuardState::default()),
                convert::guard_state_to_wire,
            )),
            verdict: convert::guard_verdict_to_wire(verdict).into(),
            observed: observed.as_ref().map(convert::observed_to_wire),
            flags: flags.iter().map(ToString::to_string).collect(),
        }
    }
}
