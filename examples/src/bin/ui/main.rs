//! `ui`: a page that shows the panel, or hides it, by the flag.

mod page;

use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use clap::Parser;
use mycelia_flags_examples::{Feature, Problem, Service, ServiceArgs, Visitor};

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
    let router = router(service.feature());
    service.run(router).await
}

fn router(feature: Feature) -> Router {
    Router::new().route("/", get(show)).with_state(feature)
}

async fn show(State(feature): State<Feature>, visitor: Visitor) -> Result<impl IntoResponse, Problem> {
    let render = |has_agent| page::render(visitor.user.as_deref(), has_agent);
    let page = match feature.details(&visitor).value {
        true => feature.run(&visitor, || Ok(render(true)))?,
        false => render(false),
    };
    // The next request may be answered otherwise.
    Ok(([(CACHE_CONTROL, "no-store")], Html(page)))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use mycelia_flags_examples::FLAG;
    use mycelia_flags_sdk::{Client, Value};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn the_panel_is_there_when_the_flag_is_on() {
        for flag in [true, false] {
            let flags = Client::builder().service("ui").offline().value(FLAG, Value::Boolean(flag));
            let request = Request::get("/?user=ada").body(Body::empty()).unwrap();
            let answer = router(Feature::new(flags.connect().unwrap(), None)).oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let page = std::str::from_utf8(&body).unwrap();
            assert!(page.contains("Good day, ada"));
            assert_eq!(page.contains("Talk to the agent"), flag);
        }
    }
}
