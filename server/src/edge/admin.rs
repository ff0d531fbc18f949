//! `AdminService`: the one way to write, and what people read.

mod audiences;
mod commit;
mod dry_run;
mod imports;
mod inspection;
mod policies;
mod reads;
mod streams;

use std::sync::Arc;

use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::v1::admin_service_server::AdminService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Request, Response, Status};

use super::intake::Intake;
use super::status;
use crate::clock::SharedClock;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;
use crate::control::written::LastWritten;
use crate::distribution::hub::Hub;
use crate::state::Store;
use crate::tasks::Tasks;

/// What AdminService calls.
#[derive(Debug, Clone)]
pub struct AdminEdge {
    /// What change sets go through.
    pub intake: Intake,
    /// The log and the snapshot.
    pub store: Store,
    /// Who follows what.
    pub hub: Arc<Hub>,
    /// Where the tasks behind streams run.
    pub tasks: Tasks,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
    /// Since when this process serves.
    pub started_at: Timestamp,
    /// The time.
    pub clock: SharedClock,
    /// When flags were evaluated last.
    pub usage: Arc<Usage>,
    /// For whom flags were evaluated lately.
    pub seen: Arc<SeenContexts>,
    /// When what flags serve was written last.
    pub written: Arc<LastWritten>,
}

/// Reads the subject of a question.
fn context(wire: v1::EvaluationContext) -> Result<Context, Status> {
    convert::context_from_wire("context", &wire)
        .map_err(|violations| status::rejected(&Rejection { violations }))
}

#[tonic::async_trait]
impl AdminService for AdminEdge {
    async fn apply(&self, request: Request<v1::ApplyRequest>) -> Result<Response<v1::ApplyResponse>, Status> {
        self.commit(request.into_inner()).await.map(Response::new)
    }

    async fn get_flag(
        &self,
        request: Request<v1::GetFlagRequest>,
    ) -> Result<Response<v1::GetFlagResponse>, Status> {
        self.flag(&request.into_inner()).map(Response::new)
    }

    async fn list_flags(
        &self,
        request: Request<v1::ListFlagsRequest>,
    ) -> Result<Response<v1::ListFlagsResponse>, Status> {
        self.flags(&request.into_inner()).map(Response::new)
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<v1::ListRecordsResponse>, Status> {
        self.records(request.into_inner()).await.map(Response::new)
    }

    async fn list_subscribers(
        &self,
        request: Request<v1::ListSubscribersRequest>,
    ) -> Result<Response<v1::ListSubscribersResponse>, Status> {
        Ok(Response::new(self.subscribers(&request.into_inner())))
    }

    type WaitConvergedStream = streams::Answers<v1::WaitConvergedResponse>;

    async fn wait_converged(
        &self,
        request: Request<v1::WaitConvergedRequest>,
    ) -> Result<Response<Self::WaitConvergedStream>, Status> {
        self.progress(request.into_inner()).map(Response::new)
    }

    type BackupStream = streams::Answers<v1::BackupResponse>;

    async fn backup(
        &self,
        _request: Request<v1::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        Ok(Response::new(self.backup_chunks()))
    }

    async fn get_status(
        &self,
        _request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        Ok(Response::new(self.status()))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        self.explain(request.into_inner()).await.map(Response::new)
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffResponse>, Status> {
        self.diff(request.into_inner()).await.map(Response::new)
    }

    async fn list_segments(
        &self,
        request: Request<v1::ListSegmentsRequest>,
    ) -> Result<Response<v1::ListSegmentsResponse>, Status> {
        self.segments(&request.into_inner()).map(Response::new)
    }

    async fn test_segment(
        &self,
        request: Request<v1::TestSegmentRequest>,
    ) -> Result<Response<v1::TestSegmentResponse>, Status> {
        self.segment_test(request.into_inner()).map(Response::new)
    }

    async fn list_keys(
        &self,
        request: Request<v1::ListKeysRequest>,
    ) -> Result<Response<v1::ListKeysResponse>, Status> {
        self.keys(&request.into_inner()).map(Response::new)
    }

    async fn get_canary(
        &self,
        request: Request<v1::GetCanaryRequest>,
    ) -> Result<Response<v1::GetCanaryResponse>, Status> {
        self.canary(&request.into_inner()).map(Response::new)
    }

    async fn list_features(
        &self,
        _request: Request<v1::ListFeaturesRequest>,
    ) -> Result<Response<v1::ListFeaturesResponse>, Status> {
        Ok(Response::new(self.features()))
    }

    async fn list_stale(
        &self,
        request: Request<v1::ListStaleRequest>,
    ) -> Result<Response<v1::ListStaleResponse>, Status> {
        self.stale(request.into_inner()).await.map(Response::new)
    }

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<v1::ExportResponse>, Status> {
        self.export(&request.into_inner()).map(Response::new)
    }

    async fn import(
        &self,
        request: Request<v1::ImportRequest>,
    ) -> Result<Response<v1::ImportResponse>, Status> {
        self.import(&request.into_inner()).map(Response::new)
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        self.policies(&request.into_inner()).map(Response::new)
    }

    async fn list_change_requests(
        &self,
        request: Request<v1::ListChangeRequestsRequest>,
    ) -> Result<Response<v1::ListChangeRequestsResponse>, Status> {
        self.change_requests(&request.into_inner()).map(Response::new)
    }
}
