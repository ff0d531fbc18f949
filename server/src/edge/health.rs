//! `grpc.health.v1`: one status for each service, and the three questions of an orchestrator.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

/// The names that serve whenever data is loaded and the server is not draining.
const SERVICES: [&str; 4] =
    ["", "readiness", "mycelia.flags.v1.SyncService", "mycelia.flags.v1.EvaluationService"];

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
}

impl HealthStatuses {
    /// Everything is NOT_SERVING but liveness. tonic-health says SERVING from birth, so this comes before the listener.
    pub async fn begin() -> (Self, HealthServer<impl Health>) {
        let (reporter, service) = health_reporter();
        let statuses = Self { reporter };
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

    async fn set(&self, names: &[&str], status: ServingStatus) {
        for name in names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
