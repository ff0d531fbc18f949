//! Evaluations that the server makes for others count as usage: once for each value that is handed out, whatever was asked
//! and by whom, and never as a request or as a sign of life.

use std::net::SocketAddr;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use mycelia_flags_proto::v1::watch_evaluations_response::Event;
use mycelia_flags_server::app::BrowserOptions;
use mycelia_flags_server::edge::cors::Origins;
use serde_json::{Value, json};

use crate::binary::tool;
use crate::command_line::json as command;
use crate::http_commands::curl;
use crate::observations::post;
use crate::server::{Server, Wanted, create, disable, enable};

const BULK: &str = "/ofrep/v1/evaluate/flags";

fn context(user: &str) -> Option<v1::EvaluationContext> {
    Some(v1::EvaluationContext { targeting_key: user.to_owned(), ..Default::default() })
}

fn evaluate(user: &str, service: &str, trial: bool) -> v1::EvaluateRequest {
    let (flag, service) = ("dreams".to_owned(), service.to_owned());
    v1::EvaluateRequest { flag, context: context(user), service, trial, ..Default::default() }
}

/// Asks with curl as a service, and answers the head.
#[track_caller]
fn ask(url: &str, path: &str, headers: &[&str], body: &Value) -> String {
    let mut arguments = vec!["-H", "Content-Type: application/json"];
    headers.iter().for_each(|header| arguments.extend(["-H", header]));
    let body = body.to_string();
    arguments.extend(["-d", &body]);
    curl(url, path, &arguments).head
}

/// Everything that is known of a flag: variant, service, evaluations, those of the server, users, requests.
async fn used(server: &Server, flag: &str) -> Vec<(String, String, u64, u64, u64, u64)> {
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    let request = v1::GetUsageRequest {
        environment: "production".to_owned(),
        flag: flag.to_owned(),
        by_variant: true,
        by_service: true,
        ..Default::default()
    };
    let rows = telemetry.get_usage(request).await.unwrap().into_inner().rows;
    let row = |row: v1::UsageRow| {
        (row.variant, row.service, row.evaluations, row.evaluations_on_server, row.users, row.requests)
    };
    rows.into_iter().map(row).collect()
}

fn row(
    variant: &str,
    service: &str,
    [evaluations, on_server, users, requests]: [u64; 4],
) -> (String, String, u64, u64, u64, u64) {
    (variant.to_owned(), service.to_owned(), evaluations, on_server, users, requests)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_ask_the_server_counts_what_it_hands_out() {
    let Some(_curl) = tool("curl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Wanted::on_disk(folder.path()).start().await;
    let (url, mut admin) = (server.url.clone(), server.admin().await);
    admin.apply(vec![create("dreams"), create("oracle.chat"), enable("dreams")]).await;
    let mut evaluation = server.evaluation().await;
    // EvaluationService, one by one and all at once, by who says a name and who does not.
    for user in ["ana", "ben", "ana"] {
        evaluation.evaluate(evaluate(user, "ui", false)).await.unwrap();
    }
    evaluation.evaluate(evaluate("ana", "", false)).await.unwrap();
    let all =
        v1::EvaluateAllRequest { context: context("cy"), service: "ui".to_owned(), ..Default::default() };
    evaluation.evaluate_all(all).await.unwrap();
    // OFREP: an answer that is held already hands out nothing, and a flag that is not there is none.
    let ana = json!({ "context": { "targetingKey": "ana" } });
    let as_web = "Mycelia-Service: web";
    ask(&url, &format!("{BULK}/dreams"), &[as_web], &ana);
    let head = ask(&url, BULK, &[as_web], &ana);
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim().to_owned();
    for _ in 0..3 {
        let head = ask_unchanged(&url, &[as_web, &format!("If-None-Match: {tag}")], &ana);
        assert_eq!(head, "304");
    }
    ask(&url, &format!("{BULK}/nobody"), &[as_web], &ana);
    // flagd: a value of another type is not handed out.
    let asked = json!({ "flagKey": "dreams", "context": { "targetingKey": "dan" } });
    let of = |method: &str| format!("/flagd.evaluation.v1.Service/{method}");
    for method in ["ResolveBoolean", "ResolveString"] {
        ask(&url, &of(method), &["Mycelia-Service: agent"], &asked);
    }
    ask(&url, &of("ResolveAll"), &["Mycelia-Service: agent"], &json!({}));
    let expected = [
        row("on", "agent", [2, 2, 1, 0]),
        row("on", "ui", [4, 4, 3, 0]),
        row("on", "unnamed", [1, 1, 1, 0]),
        row("on", "web", [2, 2, 1, 0]),
    ];
    assert_eq!(used(&server, "dreams").await, expected);
    let expected =
        [row("off", "agent", [1, 1, 0, 0]), row("off", "ui", [1, 1, 1, 0]), row("off", "web", [1, 1, 1, 0])];
    assert_eq!(used(&server, "oracle_chat").await, expected, "what was handed out with all others");
    // Who tries is not counted: on the wire, on the command line, and whoever asks for reasons.
    evaluation.evaluate(evaluate("eve", "ui", true)).await.unwrap();
    command(&url, &["eval", "dreams", "--user", "eve", "--service", "ui"]);
    command(&url, &["explain", "dreams", "--user", "eve", "--service", "ui"]);
    assert_eq!(used(&server, "dreams").await[1], row("on", "ui", [4, 4, 3, 0]));
    // What was not settled when the server stops is kept all the same.
    evaluation.evaluate(evaluate("fay", "ui", false)).await.unwrap();
    server.running.stop().await;
    let server = Wanted::on_disk(folder.path()).start().await;
    assert_eq!(used(&server, "dreams").await[1], row("on", "ui", [5, 5, 4, 0]));
    server.running.stop().await;
}

/// The status alone: an answer that is not modified has no body to read.
fn ask_unchanged(url: &str, headers: &[&str], body: &Value) -> String {
    let (target, body) = (format!("{url}{BULK}"), body.to_string());
    let mut arguments = vec!["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", &body, &target];
    headers.iter().for_each(|header| arguments.extend(["-H", header]));
    let output = std::process::Command::new("curl").args(&arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_what_it_tells_and_pages_count_as_browser() {
    let Some(_curl) = tool("curl") else { return };
    let origins = Origins::parse(&["https://shop.example".to_owned()]).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let browser = BrowserOptions { listen, origins, environments: Vec::new() };
    let server = Wanted { browser: Some(browser), ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    let visible = Kind::UpdateFlag(v1::UpdateFlag {
        flag: "dreams".to_owned(),
        client_visible: Some(true),
        ..Default::default()
    });
    admin.apply(vec![create("dreams"), create("oracle"), enable("dreams"), visible]).await;
    let request = v1::WatchEvaluationsRequest {
        context: context("ana"),
        service: "ui".to_owned(),
        ..Default::default()
    };
    let mut watched = server.evaluation().await.watch_evaluations(request).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert!(matches!(first.event, Some(Event::All(_))), "{first:?}");
    admin.apply(vec![disable("dreams")]).await;
    let next = watched.message().await.unwrap().unwrap();
    assert!(matches!(next.event, Some(Event::Changed(_))), "{next:?}");
    // What a page says of itself is nobody's word: it cannot count as a service of ours.
    let pages = format!("http://{}", server.running.browser_address().unwrap());
    let ana = json!({ "context": { "targetingKey": "ana" } });
    ask(&pages, BULK, &["Mycelia-Service: ui"], &ana);
    ask(&pages, &format!("{BULK}/dreams"), &[], &ana);
    let expected =
        [row("off", "browser", [2, 2, 1, 0]), row("off", "ui", [1, 1, 1, 0]), row("on", "ui", [1, 1, 1, 0])];
    assert_eq!(used(&server, "dreams").await, expected);
    let hidden = used(&server, "oracle").await;
    assert_eq!(hidden, [row("off", "ui", [1, 1, 1, 0])], "its answer has not changed, and no page has it");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_guards_ask_of_outcomes_is_not_diluted_by_whoever_asks_the_server() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), enable("dreams")]).await;
    let observed = json!({
        "service": "runner", "instance": "runner-1", "batch_id": "1",
        "observations": [
            { "flag": "dreams", "variant": "on", "evaluations": 80, "ok": 60, "errors": 40 },
            { "flag": "dreams", "evaluations": 20, "fallbacks": 20 }
        ]
    });
    assert_eq!(post(&server.url, &observed).await.0, 200);
    let mut evaluation = server.evaluation().await;
    for number in 0..300 {
        let user = format!("user-{number}");
        evaluation.evaluate(evaluate(&user, "runner", false)).await.unwrap();
    }
    let rows = used(&server, "dreams").await;
    assert_eq!(rows[1], row("on", "runner", [380, 300, rows[1].4, 100]));
    assert!((200..=400).contains(&rows[1].4), "about 300 users: {rows:?}");
    let set = |key: &str, when: &str| {
        let arguments = ["guard", "set", key, "--flag", "dreams", "--when", when, "--do", "alert"];
        command(&server.url, &arguments);
    };
    set("errors", "error_rate > 39% over 1m");
    set("fallbacks", "fallback_rate > 19% over 1m");
    crate::patience::eventually("both fire", || async {
        let listed = command(&server.url, &["guard", "list"]);
        let guards = listed["guards"].as_array().unwrap().clone();
        guards.len() == 2 && guards.iter().all(|guard| guard["state"] == "firing")
    })
    .await;
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_sees_evaluations_on_the_server_although_nobody_asks_for_usage() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), enable("dreams")]).await;
    let arguments =
        ["guard", "set", "many", "--flag", "dreams", "--when", "evaluations > 9 over 5m", "--do", "alert"];
    command(&server.url, &arguments);
    let mut evaluation = server.evaluation().await;
    for _ in 0..10 {
        evaluation.evaluate(evaluate("ana", "ui", false)).await.unwrap();
    }
    crate::patience::eventually("it fires", || async {
        command(&server.url, &["guard", "list"])["guards"][0]["state"] == "firing"
    })
    .await;
    server.running.stop().await;
}
