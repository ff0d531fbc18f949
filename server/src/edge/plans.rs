//! `PlanService`: where rollout plans are, and their daily reports. Everything that changes one is a change set.

use mycelia_flags_core::key::PlanKey;
use mycelia_flags_core::plan::gate::Surroundings;
use mycelia_flags_core::plan::metric_check::Metrics;
use mycelia_flags_core::plan::progress::Progress;
use mycelia_flags_core::plan::{PlanDefinition, status};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1::plan_service_server::PlanService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Request, Response, Status};

use super::status as refusal;
use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::control::plan_report::{ReportError, report};
use crate::state::Store;

/// What PlanService calls.
#[derive(Debug, Clone)]
pub struct PlanEdge {
    /// The log and the snapshot.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// What metrics say.
    pub measured: Measured,
}

fn refused(reason: Reason, field: &str, value: &str, allowed: String) -> Status {
    let violation = Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed };
    refusal::rejected(&Rejection::one(violation))
}

fn unknown(plan: &str) -> Status {
    refused(Reason::UnknownPlan, "plan", plan, "the key of a plan that exists".to_owned())
}

fn status_of(
    snapshot: &Snapshot,
    plan: &PlanDefinition,
    progress: &Progress,
    (metrics, now): (&dyn Metrics, Timestamp),
) -> v1::PlanStatus {
    let around = Surroundings { now, metrics, memory: snapshot };
    let status = status::status(plan, progress, snapshot, &around);
    convert::plan_status_to_wire(plan, progress, &status)
}

#[tonic::async_trait]
impl PlanService for PlanEdge {
    async fn list_plans(
        &self,
        _request: Request<v1::ListPlansRequest>,
    ) -> Result<Response<v1::ListPlansResponse>, Status> {
        let (snapshot, now) = (self.store.snapshot(), self.clock.now());
        let plans = snapshot
            .plans()
            .map(|(plan, progress)| status_of(&snapshot, plan, progress, (&self.measured, now)));
        let answer = v1::ListPlansResponse { plans: plans.collect(), revision: snapshot.revision().get() };
        Ok(Response::new(answer))
    }

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::GetPlanResponse>, Status> {
        let (key, snapshot) = (request.into_inner().plan, self.store.snapshot());
        let (plan, progress) = snapshot.plan(&PlanKey::new(&key)).ok_or_else(|| unknown(&key))?;
        Ok(Response::new(v1::GetPlanResponse {
            plan: Some(convert::plan_to_wire(plan)),
            progress: Some(convert::progress_to_wire(progress)),
            status: Some(status_of(&snapshot, plan, progress, (&self.measured, self.clock.now()))),
            revision: snapshot.revision().get(),
        }))
    }

    async fn report_plan(
        &self,
        request: Request<v1::ReportPlanRequest>,
    ) -> Result<Response<v1::ReportPlanResponse>, Status> {
        self.report(request.into_inner()).await.map(Response::new)
    }
}

impl PlanEdge {
    async fn report(&self, request: v1::ReportPlanRequest) -> Result<v1::ReportPlanResponse, Status> {
        let key = PlanKey::new(&request.plan);
        let reported = report(&self.store, &self.measured, &key, request.day, self.clock.now()).await;
        let reported = reported.map_err(|error| match error {
            ReportError::Unknown => unknown(&request.plan),
            ReportError::NotStarted => {
                let allowed = "a plan that has started".to_owned();
                refused(Reason::PlanState, "plan", &request.plan, allowed)
            }
            ReportError::Day { first, today, asked } => {
                let allowed = format!("a day from {first} to {today}");
                refused(Reason::OutOfRange, "day", &asked.to_string(), allowed)
            }
            ReportError::Read(failure) => refusal::read_failed(&failure),
        })?;
        let (plan, progress) = reported.then.plan(&key).ok_or_else(|| unknown(&request.plan))?;
        Ok(v1::ReportPlanResponse {
            markdown: reported.markdown,
            day: reported.day,
            status: Some(status_of(&reported.then, plan, progress, (&self.measured, reported.moment))),
            revision: reported.revision.get(),
        })
    }
}
