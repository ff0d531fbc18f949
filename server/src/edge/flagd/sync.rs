//! `flagd.sync`: every flag of an environment, at once and again whenever the document is another.

use std::sync::Arc;

use mycelia_flags_core::key::{EnvironmentKey, ServiceName};
use mycelia_flags_proto::flagd::sync::v1;
use prost_types::Struct;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::FlagdEdge;
use crate::distribution::hub::{Hub, SubscribeError};
use crate::distribution::registry::{Entry, Identity};
use crate::distribution::scope::Scope;
use crate::edge::limits::IDENTITY_BYTES_MAX;
use crate::edge::status;
use crate::edge::sync::Peer;

/// How its followers stand among the subscribers, where others name their SDK.
const PROTOCOL: &str = "flagd.sync.v1";

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
        let follower = self.follower(&request, &environment)?;
        let (sender, receiver) = mpsc::channel(DOCUMENTS_MAX);
        let (edge, draining) = (self.clone(), self.draining.clone());
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                ended = edge.follow(&environment, &sender, &follower.entry) => ended,
                () = sender.closed() => return,
                () = draining.cancelled() => status::draining(),
            };
            // A stream that ends well is never opened again by some providers.
            let _gone = sender.send(Err(ended)).await;
            drop(follower);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn fetch_all_flags(
        &self,
        request: Request<v1::FetchAllFlagsRequest>,
    ) -> Result<Response<v1::FetchAllFlagsResponse>, Status> {
        let environment = self.environment_key(request.metadata(), &request.get_ref().selector)?;
        let flag_configuration = self.documents.of(&environment)?.1.to_string();
        Ok(Response::new(v1::FetchAllFlagsResponse { flag_configuration }))
    }

    async fn get_metadata(
        &self,
        _request: Request<v1::GetMetadataRequest>,
    ) -> Result<Response<v1::GetMetadataResponse>, Status> {
        Ok(Response::new(v1::GetMetadataResponse { metadata: Some(Struct::default()) }))
    }
}

/// A follower among the subscribers, for as long as it is one.
struct Follower {
    hub: Arc<Hub>,
    entry: Arc<Entry>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.hub.registry().remove(self.entry.stream);
    }
}

impl FlagdEdge {
    /// Makes a follower known. It cannot say what it has applied, and so nobody waits for it.
    fn follower(
        &self,
        request: &Request<v1::SyncFlagsRequest>,
        environment: &EnvironmentKey,
    ) -> Result<Follower, Status> {
        let service = Self::service(request.metadata())?;
        let address = request.extensions().get::<Peer>().map(|peer| peer.address.to_string());
        let address = address.unwrap_or_default();
        // Most providers say nothing about themselves, and those that do say what kind they are.
        let said = &request.get_ref().provider_id;
        let mut instance = if said.is_empty() { address.clone() } else { said.clone() };
        instance.truncate(instance.floor_char_boundary(IDENTITY_BYTES_MAX));
        let scope = Scope {
            environment: environment.clone(),
            service: (!service.is_empty()).then(|| ServiceName::new(service)),
        };
        let identity = Identity {
            instance,
            sdk: PROTOCOL.to_owned(),
            address,
            delivered_only: true,
            ..Identity::default()
        };
        let entry = self.hub.registry().add(scope, identity, None, self.hub.clock().now());
        let entry = entry.map_err(|full| status::subscribe_refused(&SubscribeError::from(full)))?;
        Ok(Follower { hub: Arc::clone(&self.hub), entry })
    }

    /// Sends each document, and says why there are no more.
    async fn follow(
        &self,
        environment: &EnvironmentKey,
        sender: &mpsc::Sender<Result<v1::SyncFlagsResponse, Status>>,
        entry: &Entry,
    ) -> Status {
        let mut head = self.store.head();
        let mut sent: Option<Arc<str>> = None;
        loop {
            head.borrow_and_update();
            // Room first: what changes while there is none is part of the document that is sent then.
            let Ok(room) = sender.reserve().await else { return status::draining() };
            let (revision, document) = match self.documents.of(environment) {
                Ok(found) => found,
                Err(too_large) => return too_large,
            };
            if sent.as_ref().is_none_or(|sent| !Arc::ptr_eq(sent, &document)) {
                let flag_configuration = document.to_string();
                room.send(Ok(v1::SyncFlagsResponse { flag_configuration, sync_context: None }));
                sent = Some(document);
            } else {
                drop(room);
            }
            // A document that is the same at a later revision was delivered before.
            entry.note_delivered(revision);
            if head.changed().await.is_err() {
                return status::draining();
            }
        }
    }
}
