//! Plain HTTP: the commands of people who have nothing but `curl`, and what orchestrators and scrapers ask for.
//!
//! Here are `/health`, `/ready` and `/metrics`; beside this file is one for each of the others.

mod body;
mod bulk;
mod bulk_body;
mod change_words;
mod flag_state;
mod history;
mod lines;
mod observations;
mod observations_body;
pub mod ofrep;
mod operations;
mod plans;
mod query;
mod rollouts;
mod usage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use mycelia_flags_core::revision::Timestamp;
use serde_json::json;

use super::hearing::Hearing;
use super::intake::Intake;
use super::metrics::Metrics;
use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::control::notifier::Notifier;
use crate::state::WriterHealth;

pub(super) use bulk::bulk;
pub(super) use history::history;
pub(super) use observations::observations;
pub(super) use operations::operations;
pub(super) use rollouts::rollouts;
pub(super) use usage::usage;

/// What plain HTTP calls.
#[derive(Debug, Clone)]
pub struct HttpEdge {
    /// What change sets go through, the store, and who is connected.
    pub intake: Intake,
    /// What is heard of instances.
    pub hearing: Hearing,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Who is told what happens.
    pub notifier: Arc<Notifier>,
    /// Set when the server shuts down.
    pub draining: Arc<AtomicBool>,
    /// Since when this process serves.
    pub started_at: Timestamp,
    /// The time.
    pub clock: SharedClock,
    /// What metrics say.
    pub measured: Measured,
}

impl HttpEdge {
    /// Why nothing can be committed; none when it can.
    fn not_writable_reason(&self) -> Option<String> {
        match &*self.intake.store.writer_health().borrow() {
            WriterHealth::Writable => None,
            WriterHealth::Poisoned { reason } => Some(reason.to_string()),
            WriterHealth::Closed => Some("closed".to_owned()),
        }
    }
}

/// The process answers. Depends on nothing else: a liveness check that fails under load turns a blip into a crash loop.
pub async fn health() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Data is loaded and the server is not draining. Says besides whether changes can be committed; a server that cannot
/// still serves every subscriber, so that alone does not make it unready.
pub async fn ready(State(edge): State<HttpEdge>) -> Response {
    let draining = edge.draining.load(Ordering::Relaxed);
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let reason = edge.not_writable_reason();
    let body = json!({
        "ready": !draining,
        "draining": draining,
        "writable": reason.is_none(),
        "not_writable_reason": reason,
        "epoch": edge.intake.store.epoch().to_string(),
        "revision": edge.intake.store.snapshot().revision().get(),
    });
    (status, Json(body)).into_response()
}

/// The store is still being loaded.
pub async fn not_ready() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "starting": true }))).into_response()
}

/// The numbers, in the OpenMetrics text format.
pub async fn metrics(State(edge): State<HttpEdge>) -> Response {
    const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match edge.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
