//! `GET /status.json`: how far every flag is in an environment, at a glance.

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::list::ListKey;
use serde::Serialize;

use super::HttpEdge;
use super::flag_state::FlagState;
use super::lines::Lines;
use super::plans::{Plan, plans};
use super::query::Query;
use crate::edge::limits::FLAGS_AT_A_STRETCH;
use crate::edge::problem::{Faults, Problem};

#[derive(Serialize)]
struct Head<'a> {
    revision: u64,
    epoch: String,
    environment: &'a str,
    /// All that there are, for `?env=`.
    environments: Vec<&'a str>,
    canary: Canary,
    /// Those under way that move something here.
    plans: Vec<Plan>,
}

/// Whether canary mode is on, and how many keys are on its allowlist.
#[derive(Serialize)]
struct Canary {
    on: bool,
    allowlist: usize,
}

/// Answers the status of the rollouts.
pub(crate) async fn rollouts(State(edge): State<HttpEdge>, uri: Uri) -> Response<Body> {
    edge.rollouts(&uri).await.unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    async fn rollouts(&self, uri: &Uri) -> Result<Response<Body>, Problem> {
        let snapshot = self.intake.store.snapshot();
        let mut faults = Faults::default();
        let environment = Query::read(uri, &["env"], &mut faults).environment(&snapshot, &mut faults);
        faults.refuse()?;
        let environment = environment.unwrap_or_else(|| self.intake.default_environment.clone());
        let canary = Canary {
            on: snapshot.canary(&environment).on,
            allowlist: snapshot.list(&environment, &ListKey::Canary).len(),
        };
        let head = Head {
            revision: snapshot.revision().get(),
            epoch: self.intake.store.epoch().to_string(),
            environment: environment.as_str(),
            environments: snapshot.environments().map(EnvironmentKey::as_str).collect(),
            canary,
            plans: plans(&snapshot, &environment, self.clock.now()),
        };
        let mut lines = Lines::begin(&head, "flags");
        for (index, (flag, configuration)) in snapshot.configurations(&environment).enumerate() {
            if index % FLAGS_AT_A_STRETCH == FLAGS_AT_A_STRETCH - 1 {
                tokio::task::yield_now().await;
            }
            if let Some(definition) = snapshot.flag(flag).filter(|found| found.archived.is_none()) {
                lines.add(&FlagState::of(definition, configuration));
            }
        }
        Ok(lines.into_response())
    }
}
