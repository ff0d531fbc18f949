//! What the listener for browsers answers: evaluated values of flags that are marked for them, and nothing else.
//!
//! Deliberately absent are rules, segments, `flagd.sync`, reflection, health, metrics, and every other service. A flag that is
//! not marked and one that is not there are answered alike, since the edges know of no other difference
//! (`callers.rs`).

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::any;
use mycelia_flags_proto::flagd::evaluation::{v1 as evaluation_v1, v2 as evaluation_v2};
use mycelia_flags_proto::v1::evaluation_service_server::EvaluationServiceServer;
use tonic::service::Routes;

use super::connect::{self, Connect};
use super::cors::{self, Origins};
use super::evaluation::EvaluationEdge;
use super::flagd::FlagdEdge;
use super::grpc_web;
use super::http::ofrep::OfrepEdge;
use super::limits::BROWSER_MESSAGE_BYTES_MAX;
use super::router::{DescriptorsError, another_method, nothing_here, ofrep, say_whose_fault, still_starting};
use super::selector_token::{self, SelectorTokens};

/// A method of EvaluationService that browsers have no use for beside WatchEvaluations.
const EVALUATE_ALL_PATH: &str = "/mycelia.flags.v1.EvaluationService/EvaluateAll";

/// The edges that answer browsers. All of them must know that it is browsers who ask.
#[derive(Debug, Clone)]
pub struct BrowserEdges {
    /// EvaluationService.
    pub evaluation: EvaluationEdge,
    /// OFREP.
    pub ofrep: OfrepEdge,
    /// `flagd.evaluation`.
    pub flagd: FlagdEdge,
    /// Tokens that choose an environment.
    pub selector_tokens: Arc<SelectorTokens>,
}

/// The router while the store is being loaded.
pub fn starting(origins: Origins) -> Router {
    Router::new().fallback(still_starting).layer(from_fn_with_state(origins, cors::share))
}

/// The router of a server that serves.
///
/// # Errors
/// When our own descriptors cannot be read.
pub fn serving(edges: BrowserEdges, origins: Origins) -> Result<Router, DescriptorsError> {
    let bytes_max = BROWSER_MESSAGE_BYTES_MAX;
    let evaluation = EvaluationServiceServer::new(edges.evaluation).max_decoding_message_size(bytes_max);
    let mut routes = Routes::builder();
    routes.add_service(evaluation);
    // Twice the same name: they are two versions.
    let resolve = evaluation_v1::service_server::ServiceServer::new(edges.flagd.clone());
    routes.add_service(resolve.max_decoding_message_size(bytes_max));
    let resolve = evaluation_v2::service_server::ServiceServer::new(edges.flagd);
    routes.add_service(resolve.max_decoding_message_size(bytes_max));
    let router = routes.routes().into_axum_router().reset_fallback();
    Ok(router
        .route(EVALUATE_ALL_PATH, any(nothing_here))
        .merge(ofrep(edges.ofrep))
        .fallback(nothing_here)
        .method_not_allowed_fallback(another_method)
        .layer(map_response(say_whose_fault))
        .layer(from_fn_with_state(edges.selector_tokens, selector_token::choose))
        .layer(from_fn_with_state(Connect::new(bytes_max)?, connect::translate))
        .layer(from_fn_with_state(bytes_max, grpc_web::translate))
        .layer(from_fn_with_state(origins, cors::share)))
}
