//! `ui`: a page that shows the panel, or hides it, by the flag.

mod page;

use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use clap::Parser;
use mycelia_flags_examples::{FLAG, Service, ServiceArgs, Visitor};
use mycelia_flags_sdk::Client;

/// A page with the panel "Talk to the agent", while the flag elevenlabs_agent is on
#[derive(Debug, Parser)]
#[command(name = "ui", version)]
struct Ui {
    #[command(flatten)]
    service: ServiceArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = Service::start("ui", Ui::parse().service).await?;
    let router = router(service.flags());
    service.run(router).await
}

fn router(flags: Client) -> Router {
    Router::new().route("/", get(show)).with_state(flags)
}

async fn show(State(flags): State<Client>, visitor: Visitor) -> impl IntoResponse {
    let has_agent = flags.bool_value(FLAG, false, &visitor.context());
    let page = page::render(visitor.user.as_deref(), has_agent);
    // The next request may be answered otherwise.
    ([(CACHE_CONTROL, "no-store")], Html(page))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use mycelia_flags_sdk::Value;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn the_panel_is_there_when_the_flag_is_on() {
        for flag in [true, false] {
            let flags = Client::builder().service("ui").offline().value(FLAG, Value::Boolean(flag));
            let request = Request::get("/?user=ada").body(Body::empty()).unwrap();
            let answer = router(flags.connect().unwrap()).oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let page = std::str::from_utf8(&body).unwrap();
            assert!(page.contains("Good day, ada"));
            assert_eq!(page.contains("Talk to the agent"), flag);
        }
    }
}
