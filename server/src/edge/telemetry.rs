//! `TelemetryService`: what service instances tell of their evaluations and observe meanwhile, and how much flags are used.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::telemetry_service_server::TelemetryService;
use tonic::{Request, Response, Status};

use super::hearing::Hearing;
use super::status;

/// What TelemetryService calls.
#[derive(Debug, Clone)]
pub struct TelemetryEdge {
    /// What is heard, and what is known from it.
    pub hearing: Hearing,
}

#[tonic::async_trait]
impl TelemetryService for TelemetryEdge {
    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let answer =
            self.hearing.take(&request.into_inner()).map_err(|rejection| status::rejected(&rejection))?;
        Ok(Response::new(answer))
    }

    async fn get_usage(
        &self,
        request: Request<v1::GetUsageRequest>,
    ) -> Result<Response<v1::GetUsageResponse>, Status> {
        let answer =
            self.hearing.usage_of(&request.into_inner()).map_err(|rejection| status::rejected(&rejection))?;
        Ok(Response::new(answer))
    }
}
