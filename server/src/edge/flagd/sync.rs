//! `flagd.sync`: every flag of an environment, at once and again whenever the document is another.

use std::sync::Arc;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_proto::flagd::sync::v1;
use prost_types::Struct;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::FlagdEdge;
use crate::edge::status;

/// Documents that wait for a slow reader. Whoever is behind gets the newest one next, and none in between.
const DOCUMENTS_MAX: usize = 1;

#[tonic::async_trait]
impl v1::flag_sync_service_server::FlagSyncService for FlagdEdge {
    type SyncFlagsStream = ReceiverStream<Result<v1::SyncFlagsResponse, Status>>;

    async fn sync_flags(
        &self,
        request: Request<v1::SyncFlagsRequest>,
    ) -> Result<Response<Self::SyncFlagsStream>, Status> {
        let environment = self.environment_key(request.metadata(), &request.get_ref().selector)?;
        let (sender, receiver) = mpsc::channel(DOCUMENTS_MAX);
        let (edge, draining) = (self.clone(), self.draining.clone());
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                ended = edge.follow(&environment, &sender) => ended,
                () = sender.closed() => return,
                () = draining.cancelled() => status::draining(),
            };
            // A stream that ends well is never opened again by some providers.
            let _gone = sender.send(Err(ended)).await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn fetch_all_flags(
        &self,
        request: Request<v1::FetchAllFlagsRequest>,
    ) -> Result<Response<v1::FetchAllFlagsResponse>, Status> {
        let environment = self.environment_key(request.metadata(), &request.get_ref().selector)?;
        let flag_configuration = self.documents.of(&environment)?.to_string();
        Ok(Response::new(v1::FetchAllFlagsResponse { flag_configuration }))
    }

    async fn get_metadata(
        &self,
        _request: Request<v1::GetMetadataRequest>,
    ) -> Result<Response<v1::GetMetadataResponse>, Status> {
        Ok(Response::new(v1::GetMetadataResponse { metadata: Some(Struct::default()) }))
    }
}

impl FlagdEdge {
    /// Sends each document, and says why there are no more.
    async fn follow(
        &self,
        environment: &EnvironmentKey,
        sender: &mpsc::Sender<Result<v1::SyncFlagsResponse, Status>>,
    ) -> Status {
        let mut head = self.store.head();
        let mut sent: Option<Arc<str>> = None;
        loop {
            head.borrow_and_update();
            // Room first: what changes while there is none is part of the document that is sent then.
            let Ok(room) = sender.reserve().await else { return status::draining() };
            let document = match self.documents.of(environment) {
                Ok(document) => document,
                Err(too_large) => return too_large,
            };
            if sent.as_ref().is_none_or(|sent| !Arc::ptr_eq(sent, &document)) {
                let flag_configuration = document.to_string();
                room.send(Ok(v1::SyncFlagsResponse { flag_configuration, sync_context: None }));
                sent = Some(document);
            } else {
                drop(room);
            }
            if head.changed().await.is_err() {
                return status::draining();
            }
        }
    }
}
