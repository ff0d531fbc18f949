//! `AdminService`: the one way to write, and what people read.

mod commit;
mod reads;
mod streams;

use std::sync::Arc;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::admin_service_server::AdminService;
use tonic::{Request, Response, Status};

use crate::distribution::hub::Hub;
use crate::state::Store;
use crate::tasks::Tasks;

/// What AdminService calls.
#[derive(Debug, Clone)]
pub struct AdminEdge {
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
}
