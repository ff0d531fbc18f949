//! `PlanService`: where rollout plans are, and their daily reports. Everything that changes one is a change set.

use std::sync::Arc;

use mycelia_flags_core::change::Change;
use mycelia_flags_core::entity::{Entity, EntityId};
use mycelia_flags_core::key::PlanKey;
use mycelia_flags_core::plan::gate::Surroundings;
use mycelia_flags_core::plan::metric_check::Metrics;
use mycelia_flags_core::plan::progress::Progress;
use mycelia_flags_core::plan::report::{Happened, markdown};
use mycelia_flags_core::plan::{PlanDefinition, status, timetable};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1::plan_service_server::PlanService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Request, Response, Status};

use super::status as refusal;
use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::state::{HistoryQuery, Store};

/// Records that are read at once for a report.
const PAGE: usize = 1_000;

/// Seconds of a plan's day.
const DAY_SECONDS: u64 = 24 * 60 * 60;

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
        let (snapshot, now) = (self.store.snapshot(), self.clock.now());
        let key = PlanKey::new(&request.plan);
        let (plan, progress) = snapshot.plan(&key).ok_or_else(|| unknown(&request.plan))?;
        let Some(started) = progress.started.as_ref().map(|deed| deed.at) else {
            let allowed = "a plan that has started".to_owned();
            return Err(refused(Reason::PlanState, "plan", &request.plan, allowed));
        };
        let today = plan.day_at(started, now);
        let day = request.day.unwrap_or(today);
        if !(plan.first_day..=today).contains(&day) {
            let allowed = format!("a day from {} to {today}", plan.first_day);
            return Err(refused(Reason::OutOfRange, "day", &day.to_string(), allowed));
        }
        let days = u64::from(day.saturating_sub(plan.first_day));
        let begin = timetable::after(started, days.saturating_mul(DAY_SECONDS));
        let end = timetable::after(begin, DAY_SECONDS).min(now);
        // The moment that ends the day begins the next one.
        let last_moment = if end < now { Timestamp::from_unix_micros(end.unix_micros() - 1) } else { end };
        let revision = self.revision_at(last_moment).await?;
        let before = self.revision_at(Timestamp::from_unix_micros(begin.unix_micros() - 1)).await?;
        let then =
            self.store.snapshot_at(revision).await.map_err(|failure| refusal::read_failed(&failure))?;
        let then = then.ok_or_else(|| unknown(&request.plan))?;
        let (plan, progress) = then.plan(&key).ok_or_else(|| unknown(&request.plan))?;
        let happened = self.happened(&key, before, revision).await?;
        let around = Surroundings { now: last_moment, metrics: &self.measured, memory: &*then };
        Ok(v1::ReportPlanResponse {
            markdown: markdown(plan, progress, &then, &around, &happened),
            day,
            status: Some(status_of(&then, plan, progress, (&self.measured, last_moment))),
            revision: revision.get(),
        })
    }

    async fn revision_at(&self, moment: Timestamp) -> Result<Revision, Status> {
        self.store.revision_at(moment).await.map_err(|failure| refusal::read_failed(&failure))
    }

    /// What happened to a plan after a revision, up to another one.
    async fn happened(
        &self,
        key: &PlanKey,
        after: Revision,
        until: Revision,
    ) -> Result<Vec<Happened>, Status> {
        let mut happened = Vec::new();
        let mut scanned = after;
        while scanned < until {
            let before = Some(until.next());
            let query = HistoryQuery { after: scanned, before, limit: PAGE, ..HistoryQuery::default() };
            let page = self.store.history(query).await.map_err(|failure| refusal::read_failed(&failure))?;
            for (record, _) in &page.records {
                happened.extend(told(record, key));
            }
            if !page.more || page.scanned <= scanned {
                break;
            }
            scanned = page.scanned;
        }
        Ok(happened)
    }
}

/// What a record says about a plan.
fn told(record: &Arc<Record>, key: &PlanKey) -> Option<Happened> {
    let id = EntityId::Progress(key.clone());
    let progress =
        record.writes.iter().find(|write| write.id == id).and_then(|write| match &write.value {
            Some(Entity::Progress(progress)) => Some(progress),
            _ => None,
        })?;
    let acts = record.change_set.changes.iter().filter_map(|change| match change {
        Change::ActOnPlan { plan, act } if **plan == *key.as_str() => Some(act.in_words()),
        Change::SetPlan(plan) if plan.key == *key => Some("applied the plan".to_owned()),
        _ => None,
    });
    let acts: Vec<String> = acts.collect();
    let what = match acts.is_empty() {
        true => "changed a flag of the plan by hand".to_owned(),
        false => acts.join(", "),
    };
    let reason = &record.change_set.reason;
    let why = if reason.is_empty() || what.contains(reason.as_str()) {
        String::new()
    } else {
        format!(": {reason}")
    };
    Some(Happened {
        at: record.committed_at,
        by: Box::from(record.change_set.actor.as_str()),
        words: format!("{what}{why} ({})", progress.state.as_str()),
    })
}
