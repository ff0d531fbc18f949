//! The cheapest server that could be reported to: it reads a report as it is sent, says how much there was, and forgets it.

use std::io::BufRead as _;
use std::net::SocketAddr;

use anyhow::{Result, bail};
use axum::Json;
use axum::routing::post;
use mycelia_flags_benches::stopwatch;
use mycelia_flags_benches::table::say;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::telemetry_service_server::{TelemetryService, TelemetryServiceServer};
use tokio::runtime::Runtime;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// The role of this server.
pub(crate) const ROLE: &str = "floor";

struct Floor;

#[tonic::async_trait]
impl TelemetryService for Floor {
    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let accepted = u32::try_from(request.get_ref().observations.len()).unwrap_or(u32::MAX);
        Ok(Response::new(v1::ReportResponse { accepted, ..v1::ReportResponse::default() }))
    }

    async fn get_usage(
        &self,
        _request: Request<v1::GetUsageRequest>,
    ) -> Result<Response<v1::GetUsageResponse>, Status> {
        Err(Status::unimplemented("it forgets everything"))
    }
}

async fn json(Json(report): Json<serde_json::Value>) -> String {
    let accepted = report.get("observations").and_then(|all| all.as_array()).map_or(0, Vec::len);
    format!(r#"{{"accepted":{accepted},"refused":[]}}"#)
}

/// Is this server.
pub(crate) fn play() -> Result<()> {
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    say(&listener.local_addr()?.to_string())?;
    let routes = Routes::new(TelemetryServiceServer::new(Floor)).into_axum_router();
    let routes = routes.route("/api/v1/observations", post(json));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn_on(async move { axum::serve(listener, routes).await }, runtime.handle());
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "cpu" => say(&stopwatch::process_cpu().as_nanos().to_string())?,
            other => bail!("not understood: {other}"),
        }
    }
    Ok(())
}
