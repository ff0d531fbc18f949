//! Plain HTTP: `/health`, `/ready`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use super::metrics::Metrics;
use crate::state::{Store, WriterHealth};

/// What plain HTTP calls.
#[derive(Debug, Clone)]
pub struct HttpEdge {
    /// The log and the snapshot.
    pub store: Store,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Set when the server shuts down.
    pub draining: Arc<AtomicBool>,
}

/// The process answers. Depends on nothing else: a liveness check that fails under load turns a blip into a crash loop.
pub async fn health() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Data is loaded and the server is not draining. Says besides whether changes can be committed; a server that cannot
/// still serves every subscriber, so that alone does not make it unready.
pub async fn ready(State(edge): State<HttpEdge>) -> Response {
    let writer = edge.store.writer_health().borrow().clone();
    let draining = edge.draining.load(Ordering::Relaxed);
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let reason = match &writer {
        WriterHealth::Writable => None,
        WriterHealth::Poisoned { reason } => Some(reason.to_string()),
        WriterHealth::Closed => Some("closed".to_owned()),
    };
    let body = json!({
        "ready": !draining,
        "draining": draining,
        "writable": reason.is_none(),
        "not_writable_reason": reason,
        "epoch": edge.store.epoch().to_string(),
        "revision": edge.store.snapshot().revision().get(),
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
