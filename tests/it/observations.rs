//! What services observe: told by the SDK and over plain HTTP, counted exactly, kept over a restart, and a plan's guard that
//! takes a flag back because of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use mycelia_flags_sdk::{Client, Context, Event, Observation};
use serde_json::{Value, json};

use crate::command_line::json as command;
use crate::patience::{PATIENCE, eventually};
use crate::server::{Server, Wanted, rollout};

async fn client(url: &str, service: &str) -> Client {
    let builder = Client::builder().server(url).environment("production").service(service);
    let client = builder.report_interval(Duration::from_millis(100)).connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

/// One request with the body as it is; answers with the status and what was answered.
fn http(url: &str, request: &str, body: &str) -> (u16, Value) {
    let authority = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Tells what was observed, as a service of any language does; answers with the status and what was answered.
pub(crate) async fn post(url: &str, body: &Value) -> (u16, Value) {
    let (url, body) = (url.to_owned(), body.to_string());
    tokio::task::spawn_blocking(move || http(&url, "POST /api/v1/observations", &body)).await.unwrap()
}

async fn usage(url: &str, query: &str) -> Vec<Value> {
    let (url, request) = (url.to_owned(), format!("GET /api/services/usage{query}"));
    let (status, answer) = tokio::task::spawn_blocking(move || http(&url, &request, "")).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["usage"].as_array().unwrap().clone()
}

/// What a service does in a while: each of 40 people evaluates the flag twice, and every fourth request fails.
async fn work(url: &str, service: &str) {
    let client = client(url, service).await;
    let handle = client.flag("dreams");
    for number in 0..40u64 {
        let context = Context::new(&format!("user-{number}"));
        let by_key = client.bool_value("dreams", false, &context);
        assert_eq!(handle.bool(false, &context), by_key);
        let latency = Duration::from_millis(10 + number);
        let observation =
            if number % 4 == 0 { Observation::error(latency) } else { Observation::ok(latency) };
        handle.observe(&context, observation);
        client.track("dreams", &context, Event::Impression);
        if number % 2 == 0 {
            client.track("dreams", &context, Event::Click);
            client.track("dreams", &context, Event::Count("saves", 3));
        }
    }
    assert!(client.bool_details("dreams", false, &Context::new("user-1")).variant.is_some());
    // What was not told yet is told when the client is closed.
    client.close().await;
}

fn batch() -> Value {
    json!({
        "service": "billing", "instance": "billing-1", "batch_id": "42",
        "observations": [
            { "flag": "dreams", "variant": "on", "evaluations": 7, "ok": 5, "errors": 2, "crashes": 1,
              "impressions": 4, "clicks": 1, "latencies_ms": [12.5, 80, 7], "users": ["ana", "ben"] },
            { "flag": "no-such-flag", "ok": 1 }
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_tell_is_counted_exactly_and_kept_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Wanted::on_disk(folder.path()).start().await;
    let url = server.url.clone();
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    admin.apply(vec![rollout("dreams", 50.0)]).await;
    for service in ["ui", "runner", "agent"] {
        work(&url, service).await;
    }
    let (status, taken) = post(&url, &batch()).await;
    assert_eq!((status, &taken["accepted"], &taken["unknown_flags"]), (200, &json!(1), &json!(1)), "{taken}");
    let (_, again) = post(&url, &batch()).await;
    assert_eq!((&again["repeated"], &again["accepted"]), (&json!(true), &json!(0)), "a batch counts once");

    let expected = [
        ("agent", [81, 40, 10, 40, 40, 20]),
        ("billing", [7, 8, 3, 2, 4, 1]),
        ("runner", [81, 40, 10, 40, 40, 20]),
        ("ui", [81, 40, 10, 40, 40, 20]),
    ];
    let check = |rows: &[Value]| {
        let names = ["evaluations", "requests", "errors", "users", "impressions", "clicks"];
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row["service"].as_str().unwrap(), names.map(|name| row[name].as_i64().unwrap())))
            .collect();
        assert_eq!(found, expected);
    };
    check(&usage(&url, "?flag=dreams").await);
    let variants = usage(&url, "?flag=dreams&service=ui&variants=true&by=day").await;
    let sum: i64 = variants.iter().map(|row| row["evaluations"].as_i64().unwrap()).sum();
    assert_eq!((variants.len(), sum), (2, 81), "both variants were served: {variants:?}");

    server.running.stop().await;
    let server = Wanted::on_disk(folder.path()).start().await;
    check(&usage(&server.url, "?flag=dreams").await);
    let (_, again) = post(&server.url, &batch()).await;
    assert_eq!(again["repeated"], true, "also when the server has restarted in between");
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    let request = v1::GetUsageRequest { flag: "dreams".to_owned(), ..v1::GetUsageRequest::default() };
    let answer = telemetry.get_usage(request).await.unwrap().into_inner();
    let whole = &answer.rows[0];
    assert_eq!((answer.rows.len(), whole.evaluations, whole.requests, whole.users), (1, 250, 128, 42));
    assert!((whole.click_through_percent.unwrap() - 100.0 * 61.0 / 124.0).abs() < 1e-9);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_takes_a_flag_back_because_of_what_services_tell() {
    let server = Server::in_memory().await;
    let url = server.url.clone();
    server.admin().await.create("dreams").await;
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.yaml");
    let text = "plan: guarded\nstages:\n  - name: all\n    set: { dreams: 100% }\n    hold: 1h\n\
                guards:\n  - when: error_rate > 10% over 5s\n    do: rollback\n";
    std::fs::write(&plan, text).unwrap();
    command(&url, &["plan", "apply", plan.to_str().unwrap()]);
    command(&url, &["plan", "start", "guarded"]);
    let runner = client(&url, "runner").await;
    let ana = Context::new("ana");
    eventually("the flag is on", async || runner.bool_value("dreams", false, &ana)).await;
    eventually("the flag is taken back", async || {
        for _ in 0..50 {
            runner.observe("dreams", &ana, Observation::error(Duration::from_millis(5)));
        }
        !runner.bool_value("dreams", false, &ana)
    })
    .await;
    let status = command(&url, &["plan", "status", "guarded"]);
    assert_eq!(status["state"], "latched", "{status}");
    runner.close().await;
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_or_too_much_is_answered_with_its_place() {
    let server = Server::in_memory().await;
    server.admin().await.create("dreams").await;
    let url = &*server.url;
    let mut many = batch();
    let counters: serde_json::Map<String, Value> =
        (0..33).map(|number| (format!("c{number}"), json!(1))).collect();
    many["observations"] = json!([
        { "flag": "dreams", "ok": -1 },
        { "flag": "a/b", "fallbacks": 2, "counters": { "error_rate": 1 } },
        { "flag": "dreams", "counters": counters },
    ]);
    let (status, problem) = post(url, &many).await;
    assert_eq!(
        (status, &problem["violations"][0]["field"]),
        (400, &json!("observations[0].ok")),
        "{problem}"
    );
    many["observations"][0]["ok"] = json!(1);
    let (status, problem) = post(url, &many).await;
    let fields: Vec<&str> = problem["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    let expected = [
        "observations[1].flag",
        "observations[1].fallbacks",
        "observations[1].counters",
        "observations[2].counters",
    ];
    assert_eq!((status, &fields[..]), (400, &expected[..]), "{problem}");
    assert!(usage(url, "").await.is_empty(), "nothing of it was counted");
    // One name more than are kept.
    let named = |names: std::ops::Range<usize>| {
        let mut body = batch();
        body["batch_id"] = json!("");
        let counters: serde_json::Map<String, Value> =
            names.map(|name| (format!("n{name}"), json!(1))).collect();
        body["observations"] = json!([{ "flag": "dreams", "ok": 1, "counters": counters }]);
        body
    };
    for begin in (0..1_000).step_by(25) {
        let (_, taken) = post(url, &named(begin..begin + 25)).await;
        assert_eq!(taken["refused_count"], 0, "{taken}");
    }
    let (status, taken) = post(url, &named(1_000..1_001)).await;
    let refused = &taken["refused"][0];
    assert_eq!((status, &taken["accepted"]), (200, &json!(1)), "the rest of it counts");
    assert_eq!(
        (&refused["field"], &refused["reason"], &refused["value"]),
        (&json!("observations[0]"), &json!("TOO_LARGE"), &json!("n1000")),
    );
    let (status, problem) = {
        let url = url.to_owned();
        let ask = move || http(&url, "GET /api/services/usage?by=week&hours=0", "");
        tokio::task::spawn_blocking(ask).await.unwrap()
    };
    assert_eq!(status, 400);
    assert_eq!(problem["violations"].as_array().unwrap().len(), 2, "{problem}");
    server.running.stop().await;
}
