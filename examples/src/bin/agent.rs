//! `agent`: starts conversations, or answers 503, by the flag.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use mycelia_flags_examples::{Feature, Problem, Service, ServiceArgs, Visitor};
use serde_json::{Value, json};
use uuid::Uuid;

/// Starts conversations with the ElevenLabs agent, while the flag elevenlabs_agent is on
#[derive(Debug, Parser)]
#[command(name = "agent", version)]
struct Agent {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = Service::start("agent", Agent::parse().service).await?;
    let router = router(service.feature());
    service.run(router).await
}

fn router(feature: Feature) -> Router {
    Router::new().route("/agent-conversations", post(begin)).with_state(feature)
}

async fn begin(State(feature): State<Feature>, visitor: Visitor) -> Result<Json<Value>, Problem> {
    let details = feature.details(&visitor);
    if !details.value {
        let title = "the agent is not available";
        return Err(Problem::switched_off(StatusCode::SERVICE_UNAVAILABLE, title, &details));
    }
    feature.run(&visitor, || {
        let id = format!("conv_{}", Uuid::new_v4().simple());
        Ok(Json(json!({"conversation_id": id, "user": visitor.user})))
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use mycelia_flags_examples::FLAG;
    use mycelia_flags_sdk::{Client, Value as FlagValue};
    use tower::ServiceExt as _;

    use super::*;

    async fn begin_with(flag: bool) -> (StatusCode, Value) {
        let flags = Client::builder().service("agent").offline().value(FLAG, FlagValue::Boolean(flag));
        let request = Request::post("/agent-conversations?user=ada").body(Body::empty()).unwrap();
        let answer = router(Feature::new(flags.connect().unwrap(), None)).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_conversation_begins_when_the_flag_is_on() {
        let (status, body) = begin_with(true).await;
        assert_eq!((status, &body["user"]), (StatusCode::OK, &json!("ada")));
        assert!(body["conversation_id"].as_str().unwrap().starts_with("conv_"));
    }

    #[tokio::test]
    async fn the_route_answers_503_when_the_flag_is_off() {
        let (status, body) = begin_with(false).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!((&body["title"], &body["status"]), (&json!("the agent is not available"), &json!(503)));
    }
}
