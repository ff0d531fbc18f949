//! `runner`: a worker that takes the agent's jobs, or refuses them, by the flag.

mod jobs;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use mycelia_flags_examples::service::DRAIN_LIMIT;
use mycelia_flags_examples::{Feature, Problem, Service, ServiceArgs, Visitor};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::jobs::{Counts, Intake};

/// Works the jobs of the ElevenLabs agent, while the flag elevenlabs_agent is on
#[derive(Debug, Parser)]
#[command(name = "runner", version)]
struct Runner {
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Clone)]
struct Shared {
    feature: Feature,
    intake: Intake,
    counts: Arc<Counts>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    user: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = Service::start("runner", Runner::parse().service).await?;
    let counts = Arc::new(Counts::default());
    let (intake, queue) = jobs::queue();
    let mut working = JoinSet::new();
    working.spawn(queue.work(Arc::clone(&counts)));
    let router = router(Shared { feature: service.feature(), intake, counts });
    service.run(router).await?;
    // The router is gone, and with it the intake: the worker ends when the last accepted job is done. Only a request
    // that never came to its end could still hold an intake, and must not hold the process.
    let _all_done = tokio::time::timeout(DRAIN_LIMIT, working.join_all()).await;
    Ok(())
}

fn router(shared: Shared) -> Router {
    Router::new().route("/jobs", post(take).get(report)).with_state(shared)
}

/// The flag is asked once for each job, when it is accepted: what was begun is finished, also when the feature is
/// switched off meanwhile.
async fn take(
    State(shared): State<Shared>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let visitor = Visitor::named(&wanted.user);
    let details = shared.feature.details(&visitor);
    if !details.value {
        shared.counts.refused();
        let title = "agent jobs are not taken";
        return Err(Problem::switched_off(StatusCode::CONFLICT, title, &details));
    }
    shared.feature.run(&visitor, || match shared.intake.offer(wanted.user, &shared.counts) {
        Some(job) => Ok((StatusCode::ACCEPTED, Json(json!({"job": job})))),
        None => Err(Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "the queue is full",
            detail: format!("{} jobs are waiting already", jobs::QUEUE_JOBS_MAX),
        }),
    })
}

async fn report(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.counts.report())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use axum::http::header::CONTENT_TYPE;
    use mycelia_flags_examples::FLAG;
    use mycelia_flags_sdk::{Client, Value as FlagValue};
    use tower::ServiceExt as _;

    use super::*;

    fn shared(flag: bool) -> (Shared, jobs::Queue) {
        let flags = Client::builder().service("runner").offline().value(FLAG, FlagValue::Boolean(flag));
        let (intake, queue) = jobs::queue();
        let shared =
            Shared { feature: Feature::new(flags.connect().unwrap(), None), intake, counts: Arc::default() };
        (shared, queue)
    }

    async fn ask(shared: &Shared) -> StatusCode {
        let request = Request::post("/jobs")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"user": "ada"}"#))
            .unwrap();
        router(shared.clone()).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn jobs_are_taken_and_worked_when_the_flag_is_on() {
        let (shared, queue) = shared(true);
        for _ in 0..3 {
            assert_eq!(ask(&shared).await, StatusCode::ACCEPTED);
        }
        let counts = Arc::clone(&shared.counts);
        drop(shared);
        queue.work(Arc::clone(&counts)).await;
        assert_eq!(
            counts.report(),
            json!({"accepted": 3, "refused": 0, "done": 3, "last": {
                "job": 3, "user": "ada", "line": "Hello ada, how can I help?", "syllables": 8,
            }})
        );
    }

    #[tokio::test]
    async fn jobs_are_refused_when_the_flag_is_off() {
        let (shared, _queue) = shared(false);
        assert_eq!(ask(&shared).await, StatusCode::CONFLICT);
        assert_eq!(shared.counts.report(), json!({"accepted": 0, "refused": 1, "done": 0, "last": null}));
    }

    #[tokio::test]
    async fn a_full_queue_turns_jobs_away() {
        let (shared, _nobody_works) = shared(true);
        for _ in 0..jobs::QUEUE_JOBS_MAX {
            assert_eq!(ask(&shared).await, StatusCode::ACCEPTED);
        }
        assert_eq!(ask(&shared).await, StatusCode::SERVICE_UNAVAILABLE);
        let report = shared.counts.report();
        assert_eq!((&report["accepted"], &report["refused"]), (&json!(jobs::QUEUE_JOBS_MAX), &json!(1)));
    }
}
