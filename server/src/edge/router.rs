//! Who answers what on the one port.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use http::{HeaderValue, Request, Response, StatusCode, header};
use mycelia_flags_proto::FILE_DESCRIPTOR_SET;
use mycelia_flags_proto::flagd::evaluation::{v1 as evaluation_v1, v2 as evaluation_v2};
use mycelia_flags_proto::flagd::sync::v1::flag_sync_service_server::FlagSyncServiceServer;
use mycelia_flags_proto::v1::admin_service_server::AdminServiceServer;
use mycelia_flags_proto::v1::evaluation_service_server::EvaluationServiceServer;
use mycelia_flags_proto::v1::guard_service_server::GuardServiceServer;
use mycelia_flags_proto::v1::notification_service_server::NotificationServiceServer;
use mycelia_flags_proto::v1::plan_service_server::PlanServiceServer;
use mycelia_flags_proto::v1::promotion_service_server::PromotionServiceServer;
use mycelia_flags_proto::v1::telemetry_service_server::TelemetryServiceServer;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_health::pb::health_server::HealthServer;
use tower::ServiceExt as _;

use super::admin::AdminEdge;
use super::connect::{self, Connect, ConnectError};
use super::cors::{self, Origins};
use super::evaluation::EvaluationEdge;
use super::flagd::{FlagdEdge, before};
use super::gate::Doors;
use super::grpc_web;
use super::guards::GuardEdge;
use super::health::EndingHealth;
use super::http::ofrep::{self, OfrepEdge};
use super::http::{
    HttpEdge, bulk, health, history, metrics, not_ready, observations, operations, ready, rollouts, usage,
};
use super::limits::{ADMIN_MESSAGE_BYTES_MAX, REPORT_MESSAGE_BYTES_MAX, SMALL_MESSAGE_BYTES_MAX};
use super::notifications::NotificationEdge;
use super::plans::PlanEdge;
use super::problem::Problem;
use super::promotions::PromotionEdge;
use super::selector_token::{self, SelectorTokens};
use super::status::{with_reason, word};
use super::sync::{ACKNOWLEDGE_PATH, SUBSCRIBE_PATH, SyncEdge, acknowledge, subscribe};
use super::telemetry::TelemetryEdge;

/// The edges that answer.
#[derive(Debug, Clone)]
pub struct Edges {
    /// AdminService.
    pub admin: AdminEdge,
    /// PlanService.
    pub plans: PlanEdge,
    /// GuardService.
    pub guards: GuardEdge,
    /// PromotionService.
    pub promotions: PromotionEdge,
    /// NotificationService.
    pub notifications: NotificationEdge,
    /// SyncService.
    pub sync: SyncEdge,
    /// EvaluationService.
    pub evaluation: EvaluationEdge,
    /// TelemetryService.
    pub telemetry: TelemetryEdge,
    /// Plain HTTP.
    pub http: HttpEdge,
    /// OFREP.
    pub ofrep: OfrepEdge,
    /// flagd's services.
    pub flagd: FlagdEdge,
    /// Tokens that choose an environment.
    pub selector_tokens: Arc<SelectorTokens>,
}

/// Our own descriptors could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorsError {
    /// By reflection.
    #[error(transparent)]
    Reflection(#[from] tonic_reflection::server::Error),
    /// By the Connect protocol.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// The router of a server whose store is still being loaded: it tells its health and asks everybody else to wait.
pub fn starting(health_service: HealthServer<EndingHealth>) -> Router {
    Routes::new(health_service)
        .into_axum_router()
        .reset_fallback()
        .route("/health", get(health))
        .route("/ready", get(not_ready))
        .fallback(still_starting)
        .method_not_allowed_fallback(another_method)
}

/// The doors of a server that serves; pages of these origins may read all of it.
///
/// # Errors
/// When our own descriptors cannot be read.
pub fn serving(
    health_service: HealthServer<EndingHealth>,
    edges: Edges,
    origins: Origins,
) -> Result<Doors, DescriptorsError> {
    let selector_tokens = Arc::clone(&edges.selector_tokens);
    let native = routes(health_service, edges)?;
    let whole = native
        .clone()
        .layer(map_response(say_whose_fault))
        .layer(from_fn_with_state(selector_tokens, selector_token::choose))
        .layer(from_fn_with_state(Connect::new(ADMIN_MESSAGE_BYTES_MAX)?, connect::translate))
        .layer(from_fn_with_state(REPORT_MESSAGE_BYTES_MAX, grpc_web::translate))
        .layer(from_fn_with_state(origins, cors::share));
    Ok(Doors { whole, native: Some(native) })
}

/// What every protocol comes to in the end.
fn routes(health_service: HealthServer<EndingHealth>, edges: Edges) -> Result<Router, DescriptorsError> {
    let of_before = before::descriptors().map_err(tonic_reflection::server::Error::from)?;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_file_descriptor_set(of_before.clone())
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let admin = AdminServiceServer::new(edges.admin).max_decoding_message_size(ADMIN_MESSAGE_BYTES_MAX);
    let evaluation =
        EvaluationServiceServer::new(edges.evaluation).max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let telemetry =
        TelemetryServiceServer::new(edges.telemetry).max_decoding_message_size(REPORT_MESSAGE_BYTES_MAX);
    let plans = PlanServiceServer::new(edges.plans).max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let guards = GuardServiceServer::new(edges.guards).max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let promotions =
        PromotionServiceServer::new(edges.promotions).max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let notifications = NotificationServiceServer::new(edges.notifications)
        .max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let mut routes = Routes::builder();
    routes.add_service(health_service);
    // Both versions: grpcurl asks v1, Python's client v1alpha.
    routes.add_service(reflection().build_v1()?);
    routes.add_service(reflection().build_v1alpha()?);
    routes.add_service(admin);
    routes.add_service(evaluation);
    routes.add_service(telemetry);
    routes.add_service(plans);
    routes.add_service(guards);
    routes.add_service(promotions);
    routes.add_service(notifications);
    // Twice the same name: they are two versions.
    let resolve = evaluation_v1::service_server::ServiceServer::new(edges.flagd.clone());
    let resolve = resolve.max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    let before = resolve.clone().map_request(before::request);
    routes.add_service(resolve);
    let resolve = evaluation_v2::service_server::ServiceServer::new(edges.flagd.clone());
    routes.add_service(resolve.max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX));
    let flags = FlagSyncServiceServer::new(edges.flagd).max_decoding_message_size(SMALL_MESSAGE_BYTES_MAX);
    routes.add_service(flags);
    let sync = Router::new()
        .route(SUBSCRIBE_PATH, post(subscribe))
        .route(ACKNOWLEDGE_PATH, post(acknowledge))
        .with_state(edges.sync);
    let http = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status.json", get(rollouts))
        .route("/ops/status.json", get(operations))
        .route("/api/admin/features/bulk", post(bulk))
        .route("/api/admin/features/history", get(history))
        .route("/api/v1/observations", post(observations))
        .route("/api/services/usage", get(usage))
        .with_state(edges.http);
    Ok(routes
        .routes()
        .into_axum_router()
        .reset_fallback()
        .merge(sync)
        .merge(http)
        .merge(ofrep(edges.ofrep))
        .route_service(before::ROUTE, before)
        .fallback(nothing_here)
        .method_not_allowed_fallback(another_method))
}

pub(super) fn ofrep(edge: OfrepEdge) -> Router {
    Router::new()
        .route("/ofrep/v1/evaluate/flags", post(ofrep::bulk))
        .route("/ofrep/v1/evaluate/flags/", post(ofrep::bulk))
        .route("/ofrep/v1/evaluate/flags/{key}", post(ofrep::single))
        .route("/ofrep/v1/events", get(ofrep::events))
        .with_state(edge)
}

pub(super) fn is_grpc(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    content_type.starts_with(b"application/grpc")
}

pub(super) async fn still_starting(request: Request<Body>) -> Response<Body> {
    if is_grpc(&request) {
        return with_reason(Code::Unavailable, word::STARTING, "the store is being loaded").into_http();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, word::STARTING, "the store is being loaded").into_response()
}

pub(super) async fn nothing_here(request: Request<Body>) -> Response<Body> {
    if is_grpc(&request) {
        return Status::unimplemented(format!("there is no method {}", request.uri().path())).into_http();
    }
    let path = request.uri().path();
    let detail =
        format!("there is nothing at {path}; docs/http.md lists what there is, and the rest is gRPC");
    Problem::new(StatusCode::NOT_FOUND, word::UNKNOWN_PATH, detail).into_response()
}

/// The header `Allow`, which the router adds, names the methods.
pub(super) async fn another_method(request: Request<Body>) -> Response<Body> {
    let detail = format!("{} does not take {}; see Allow", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, word::METHOD_NOT_ALLOWED, detail).into_response()
}

/// tonic answers INTERNAL to a message that it cannot decode and OUT_OF_RANGE to one that is too large. Both are the
/// caller's doing; INTERNAL is kept for faults of our own.
pub(super) async fn say_whose_fault(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    let message = headers.get("grpc-message").map_or(&b""[..], HeaderValue::as_bytes).to_ascii_lowercase();
    let says = |part: &str| message.windows(part.len()).any(|window| window == part.as_bytes());
    let code = match headers.get("grpc-status").map(HeaderValue::as_bytes) {
        Some(b"13") if says("decode") => HeaderValue::from_static("3"),
        Some(b"11") if says("too%20large") || says("too large") => HeaderValue::from_static("8"),
        _ => return response,
    };
    headers.insert("grpc-status", code);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::health::HealthStatuses;

    #[tokio::test]
    async fn while_the_store_is_being_loaded_everybody_is_asked_to_wait() {
        let (_health, service) = HealthStatuses::begin().await;
        let asked = [("POST", "/api/admin/features/bulk"), ("GET", "/status.json"), ("GET", "/nothing")];
        for (method, path) in asked {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = starting(service.clone()).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
            let body = axum::body::to_bytes(answer.into_body(), 64 * 1024).await.unwrap();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((&problem["reason"], &problem["status"]), (&word::STARTING.into(), &503.into()));
        }
    }
}
