//! `POST /api/v1/observations`: what a service of any language has observed, in batches.

use axum::body::Body;
use axum::extract::State;
use http::{Request, Response};
use mycelia_flags_core::rejection::Violation;
use mycelia_flags_proto::v1;
use serde::Serialize;

use super::HttpEdge;
use super::body::read_body;
use super::lines::Lines;
use super::observations_body;
use super::query::Query;
use crate::edge::limits::ADMIN_MESSAGE_BYTES_MAX;
use crate::edge::problem::{Fault, Faults, Problem};

#[derive(Serialize)]
struct Head {
    /// It was taken before, and nothing was counted again.
    repeated: bool,
    /// How many observations were counted.
    accepted: u32,
    /// Observations of flags that are not there.
    unknown_flags: u32,
    /// How many were not counted, or not in full.
    refused_count: u32,
}

#[derive(Serialize)]
struct Refused<'r> {
    field: String,
    reason: &'r str,
    value: &'r str,
    allowed: &'r str,
}

/// Answers a batch.
pub(crate) async fn observations(State(edge): State<HttpEdge>, request: Request<Body>) -> Response<Body> {
    edge.observations(request).await.unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    async fn observations(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let (head, body) = request.into_parts();
        let body = read_body(&head.headers, body, ADMIN_MESSAGE_BYTES_MAX).await?;
        let mut faults = Faults::default();
        let query = Query::read(&head.uri, &["env"], &mut faults);
        let environment = query.environment(&self.intake.store.snapshot(), &mut faults);
        let report = observations_body::read(&body, &mut faults);
        faults.refuse()?;
        let environment = environment.map(|key| key.to_string()).unwrap_or_default();
        let report = v1::ReportRequest { environment, ..report };
        let taken = self.hearing.take(&report);
        let taken = taken.map_err(|rejection| Problem::of_rejection(&rejection, place))?;
        Ok(answer(&taken))
    }
}

/// Where the caller finds what is wrong with our message.
fn place(violation: &Violation) -> Fault {
    let field = match &*violation.field {
        "environment" => "env".to_owned(),
        field => field.replace(".latency", ".latencies_ms"),
    };
    Fault { field, ..Fault::from(violation) }
}

fn answer(taken: &v1::ReportResponse) -> Response<Body> {
    let head = Head {
        repeated: taken.repeated_batch,
        accepted: taken.accepted,
        unknown_flags: taken.unknown_flags,
        refused_count: taken.refused_count,
    };
    let mut lines = Lines::begin(&head, "refused");
    for refused in &taken.refused {
        let v1::RefusedObservation { index, reason, value, allowed } = refused;
        lines.add(&Refused { field: format!("observations[{index}]"), reason, value, allowed });
    }
    lines.into_response()
}
