//! `GET /ops/status.json`: how the server is, and whether everybody has what was changed last.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use serde::Serialize;

use super::HttpEdge;
use super::lines::Lines;
use super::plans::{self, PlanCounts};
use super::query::Query;
use crate::edge::problem::{Faults, Problem};
use crate::edge::subscribers::by_service;

#[derive(Serialize)]
struct Head {
    version: &'static str,
    started_at: String,
    uptime_seconds: u64,
    epoch: String,
    revision: u64,
    writable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_writable_reason: Option<String>,
    draining: bool,
    flags: usize,
    /// Changes that wait for the disk.
    changes_waiting: u64,
    /// Open subscriptions, those that only look on included.
    streams: u64,
    /// Rollout plans that are under way.
    plans: PlanCounts,
    convergence: Convergence,
    notifications: Notifications,
}

/// Who is told what happens, in numbers.
#[derive(Serialize, Default)]
struct Notifications {
    targets: usize,
    /// Notices that were delivered.
    delivered: u64,
    /// Notices that were put aside.
    dead: usize,
    /// Targets that have not taken what is being tried now.
    failing: usize,
}

/// How many live instances have everything that concerns them, up to the newest revision.
#[derive(Serialize, Default)]
struct Convergence {
    converged: bool,
    applied: u64,
    live: u64,
}

#[derive(Serialize)]
struct Service<'a> {
    environment: &'a str,
    service: &'a str,
    live: u64,
    applied: u64,
    observers: u64,
    /// Streams that cannot acknowledge (flagd.sync).
    delivered: u64,
    /// Instances that refused their newest update or a part of it.
    refusing: u64,
}

/// Answers the status of the server.
pub(crate) async fn operations(State(edge): State<HttpEdge>, uri: Uri) -> Response<Body> {
    edge.operations(&uri).unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    fn notifications(&self) -> Notifications {
        let mut counted = Notifications::default();
        for desk in self.notifier.desks() {
            let known = desk.known();
            counted.targets += 1;
            counted.delivered += known.delivered;
            counted.dead += known.dead.len();
            counted.failing += usize::from(desk.trying().is_some());
        }
        counted
    }

    fn operations(&self, uri: &Uri) -> Result<Response<Body>, Problem> {
        let mut faults = Faults::default();
        Query::read(uri, &[], &mut faults);
        faults.refuse()?;
        let (store, hub) = (&self.intake.store, &self.intake.hub);
        let counted = by_service(hub);
        // What the feeds have not taken in yet, nobody can have applied.
        let behind = hub.is_behind();
        let services: Vec<Service<'_>> = counted
            .iter()
            .map(|((environment, service), found)| {
                let live = found.streams.saturating_sub(found.observers + found.delivered);
                Service {
                    environment: environment.as_str(),
                    service,
                    live,
                    applied: live.saturating_sub(found.lagging),
                    observers: found.observers,
                    delivered: found.delivered,
                    refusing: found.refusing,
                }
            })
            .collect();
        let sum = |of: fn(&Service<'_>) -> u64| services.iter().map(of).sum();
        let (live, applied): (u64, u64) = (sum(|service| service.live), sum(|service| service.applied));
        let snapshot = store.snapshot();
        let not_writable_reason = self.not_writable_reason();
        let head = Head {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at.to_string(),
            uptime_seconds: self.clock.now().micros_since(self.started_at) / 1_000_000,
            epoch: store.epoch().to_string(),
            revision: snapshot.revision().get(),
            writable: not_writable_reason.is_none(),
            not_writable_reason,
            draining: self.draining.load(Ordering::Relaxed),
            flags: snapshot.flag_count(),
            changes_waiting: store.stats().waiting,
            streams: counted.values().map(|found| found.streams).sum(),
            notifications: self.notifications(),
            plans: plans::counts(&snapshot, &self.measured, self.clock.now()),
            convergence: Convergence { converged: live == applied && !behind, applied, live },
        };
        let mut lines = Lines::begin(&head, "services");
        services.iter().for_each(|service| lines.add(service));
        Ok(lines.into_response())
    }
}
