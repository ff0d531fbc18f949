//! `grpc.health.v1`: one status for each service, and the three questions of an orchestrator.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

use super::status;

/// The names that serve whenever data is loaded and the server is not draining.
const SERVICES: [&str; 5] = [
    "",
    "readiness",
    "mycelia.flags.v1.SyncService",
    "mycelia.flags.v1.EvaluationService",
    "mycelia.flags.v1.TelemetryService",
];

/// The name that serves while changes can be committed as well.
const ADMIN: &str = "mycelia.flags.v1.AdminService";

/// The name that serves as long as the process answers and changes reach the feeds. It must never depend on the disk,
/// the load or the clients.
const LIVENESS: &str = "liveness";

/// The name that serves once the store was loaded, and for ever after.
const STARTUP: &str = "startup";

/// Tells health checks how the server does.
#[derive(Clone, Debug)]
pub struct HealthStatuses {
    reporter: HealthReporter,
    /// Cancelled when those who watch are sent away.
    ending: CancellationToken,
}

impl HealthStatuses {
    /// Everything is NOT_SERVING but liveness. tonic-health says SERVING from birth, so this comes before the listener.
    pub async fn begin() -> (Self, HealthServer<EndingHealth>) {
        let reporter = HealthReporter::new();
        let ending = CancellationToken::new();
        let inner = HealthService::from_health_reporter(reporter.clone());
        let service = HealthServer::new(EndingHealth { inner, ending: ending.clone() });
        let statuses = Self { reporter, ending };
        statuses.set(&SERVICES, ServingStatus::NotServing).await;
        statuses.set(&[ADMIN, STARTUP], ServingStatus::NotServing).await;
        statuses.set(&[LIVENESS], ServingStatus::Serving).await;
        (statuses, service)
    }

    /// The store is loaded.
    pub async fn loaded(&self) {
        self.set(&[STARTUP, ADMIN], ServingStatus::Serving).await;
        self.set(&SERVICES, ServingStatus::Serving).await;
    }

    /// Changes cannot be committed any more; everything else goes on.
    pub async fn read_only(&self) {
        self.set(&[ADMIN], ServingStatus::NotServing).await;
    }

    /// Committed changes have not reached the feeds for long: only a restart helps.
    pub async fn stuck(&self) {
        self.set(&[LIVENESS], ServingStatus::NotServing).await;
    }

    /// The server shuts down.
    pub async fn draining(&self) {
        self.set(&[ADMIN], ServingStatus::NotServing).await;
        self.set(&SERVICES, ServingStatus::NotServing).await;
    }

    /// Sends away those who watch; the last thing that they have heard is NOT_SERVING.
    pub fn end_watches(&self) {
        self.ending.cancel();
    }

    async fn set(&self, names: &[&str], status: ServingStatus) {
        for name in names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// The health service, whose watches end when the server does: an open stream would hold up the drain.
#[derive(Debug)]
pub struct EndingHealth {
    inner: HealthService,
    ending: CancellationToken,
}

type Watch = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for EndingHealth {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.inner.check(request).await
    }

    type WatchStream = EndingWatch;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<EndingWatch>, Status> {
        let watch: Watch = Box::pin(self.inner.watch(request).await?.into_inner());
        let ending = Box::pin(self.ending.clone().cancelled_owned());
        Ok(Response::new(EndingWatch { watch: Some(watch), ending }))
    }
}

/// A watch until the server ends.
pub struct EndingWatch {
    watch: Option<Watch>,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stream for EndingWatch {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(watch) = &mut this.watch else { return Poll::Ready(None) };
        if let Poll::Ready(item) = watch.as_mut().poll_next(context) {
            return Poll::Ready(item);
        }
        if this.ending.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.watch = None;
        Poll::Ready(Some(Err(status::draining())))
    }
}
