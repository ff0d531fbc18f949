//! The listener for browsers as whoever runs the server sets it up: environments, origins, streams and their numbers.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_proto::flagd::evaluation::v1::EventStreamRequest;
use mycelia_flags_proto::flagd::evaluation::v1::service_client::ServiceClient;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use mycelia_flags_proto::v1::watch_evaluations_response::Event;
use mycelia_flags_server::app::BrowserOptions;
use mycelia_flags_server::distribution::hub::HubOptions;
use mycelia_flags_server::edge::cors::Origins;
use serde_json::json;
use tonic::Code;

use super::{SHOP, browsers, flags, mark, post, raw, served};
use crate::binary::{Process, tool};
use crate::http_commands::curl;
use crate::patience::{eventually, within};
use crate::server::{Server, Wanted, channel, create};

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn enable_in(environment: &str) -> Kind {
    Kind::EnableFlag(v1::EnableFlag { environment: environment.to_owned(), flag: "dreams".to_owned() })
}

/// A server for pages of any origin; and the URL of its listener for browsers.
async fn served_as(
    hub: HubOptions,
    origin: &str,
    environments: &[&'static str],
    changes: Vec<Kind>,
) -> (Server, String) {
    let environments = environments.iter().map(|name| EnvironmentKey::new(name)).collect();
    let browser = BrowserOptions { environments, ..browsers(any_port(), origin) };
    let server = Wanted { hub, browser: Some(browser), ..Wanted::default() }.start().await;
    server.admin().await.apply(changes).await;
    let url = format!("http://{}", server.running.browser_address().unwrap());
    (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_are_served_when_they_are_named_and_the_first_one_goes_without_saying() {
    let Some(_curl) = tool("curl") else { return };
    let changes = || vec![create("dreams"), mark("dreams", true), enable_in("staging")];
    let ask = |url: &str, environment: &str| {
        let selector = format!("Flagd-Selector: flagSetId={environment}");
        let arguments = ["-H", &selector, "-d", "{}"];
        raw(url, "/ofrep/v1/evaluate/flags/dreams", &arguments[if environment.is_empty() { 2 } else { 0 }..])
    };
    let named = ["staging", "development"];
    let (_server, url) = served_as(HubOptions::default(), SHOP, &named, changes()).await;
    assert!(ask(&url, "").contains(r#""value":true"#), "{}", ask(&url, ""));
    assert_eq!(ask(&url, "staging"), ask(&url, ""));
    assert!(ask(&url, "development").contains(r#""value":false"#), "{}", ask(&url, "development"));
    let hidden = ask(&url, "production");
    assert!(hidden.starts_with("HTTP/1.1 400"), "{hidden}");
    assert_eq!(hidden.replace("production", "productive"), ask(&url, "productive"));

    // Where the server's own default is among them it stays the default, whatever stands before it.
    let named = ["staging", "production"];
    let (_server, url) = served_as(HubOptions::default(), SHOP, &named, changes()).await;
    assert!(ask(&url, "").contains(r#""value":false"#), "{}", ask(&url, ""));
    assert!(ask(&url, "staging").contains(r#""value":true"#), "{}", ask(&url, "staging"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_for_browsers_that_is_none_leaves_no_store_behind() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |environment: &str| {
        let more = ["--browser-listen", "127.0.0.1:0", "--browser-environment", environment];
        Process::try_serve(folder.path(), &[], &more, &[])
    };
    assert!(serve("canada").is_err_and(|status| status.code() == Some(1)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
    serve("staging").unwrap().kill();
    // Nor does a store that is there take one that it has not.
    assert!(serve("canada").is_err_and(|status| status.code() == Some(1)));
    serve("development").unwrap().kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_may_read_when_every_page_is_named() {
    let Some(_curl) = tool("curl") else { return };
    let (_server, url) = served_as(HubOptions::default(), "*", &[], flags()).await;
    let path = "/ofrep/v1/evaluate/flags/title";
    for origin in [SHOP, "http://localhost:5173", "null"] {
        let origin = format!("Origin: {origin}");
        let asked = ["-X", "OPTIONS", "-H", &origin, "-H", "Access-Control-Request-Method: POST"];
        let preflight = raw(&url, path, &asked).to_ascii_lowercase();
        assert!(preflight.starts_with("http/1.1 204"), "{preflight}");
        let answer = raw(&url, path, &["-H", &origin, "-d", "{}"]).to_ascii_lowercase();
        assert!(answer.contains(r#""value":"whispers""#), "{answer}");
        for said in [preflight, answer] {
            assert!(said.contains("access-control-allow-origin: *\r\n"), "{said}");
            assert!(!said.contains("allow-credentials"), "{said}");
        }
    }
    let hidden = raw(&url, &path.replace("title", super::HIDDEN), &["-H", "Origin: null", "-d", "{}"]);
    assert!(hidden.starts_with("HTTP/1.1 404"), "every page is no more than a page: {hidden}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_console_may_read_and_change_what_the_main_port_serves() {
    let Some(_curl) = tool("curl") else { return };
    let origins = Origins::parse(&["https://console.example".to_owned()]).unwrap();
    let server = Wanted { origins, ..Wanted::default() }.start().await;
    server.admin().await.apply(vec![create("dreams")]).await;
    let ask = |origin: &str, path: &str, more: &[&str]| {
        let origin = format!("Origin: {origin}");
        let arguments: Vec<&str> = ["-H", &origin].into_iter().chain(more.iter().copied()).collect();
        raw(&server.url, path, &arguments).to_ascii_lowercase()
    };
    let apply = "/mycelia.flags.v1.AdminService/Apply";
    let enable =
        json!({ "changeSet": { "actor": "mara", "changes": [{ "enableFlag": { "flag": "dreams" } }] } });
    let enable = enable.to_string();
    let change = ["-H", "Content-Type: application/json", "-d", &enable];
    let may_read = "access-control-allow-origin: https://console.example\r\n";

    let preflight = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"];
    let answer = ask("https://console.example", apply, &preflight);
    assert!(answer.starts_with("http/1.1 204") && answer.contains(may_read), "{answer}");
    let answer = ask("https://shop.example", apply, &preflight);
    assert!(answer.starts_with("http/1.1 403") && !answer.contains("access-control-"), "{answer}");

    let answer = ask("https://console.example", apply, &change);
    assert!(answer.starts_with("http/1.1 200") && answer.contains(may_read), "{answer}");
    let answer = ask("https://console.example", "/status.json", &[]);
    assert!(answer.contains(may_read) && answer.contains(r#""key":"dreams","enabled":true"#), "{answer}");
    let answer = ask("https://shop.example", "/status.json", &[]);
    assert!(answer.contains("vary: origin") && !answer.contains("access-control-"), "{answer}");
    // A form's content type needs no preflight, so the bulk command takes no page of another origin at all.
    let bulk = [r"-d", r#"{"changes":[{"key":"dreams","enabled":false}]}"#];
    let answer = ask("https://console.example", "/api/admin/features/bulk", &bulk);
    assert!(answer.starts_with("http/1.1 403") && answer.contains("cross_origin"), "{answer}");
}

/// Server-sent events by curl, line by line.
struct Events {
    curl: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Events {
    fn listen(url: &str) -> Self {
        let mut curl = Command::new("curl")
            .args(["-sSN", &format!("{url}/ofrep/v1/events")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(curl.stdout.take().unwrap()).lines().map_while(Result::ok);
        Self { curl, lines: Box::new(lines) }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ended_already = self.curl.kill();
        let _gone = self.curl.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_quiet_say_that_they_live() {
    let hub = HubOptions { heartbeat: Duration::from_millis(20), ..HubOptions::default() };
    let (_server, url) = served_as(hub, SHOP, &[], flags()).await;
    let mut provider = ServiceClient::new(channel(&url).await);
    let mut stream = provider.event_stream(EventStreamRequest {}).await.unwrap().into_inner();
    let mut alive = 0;
    while alive < 5 {
        let event = within("an event", stream.message()).await.unwrap().unwrap();
        alive += usize::from(event.r#type == "keep_alive");
    }
    let mut ours = EvaluationServiceClient::new(channel(&url).await);
    let mut stream =
        ours.watch_evaluations(v1::WatchEvaluationsRequest::default()).await.unwrap().into_inner();
    let mut alive = 0;
    while alive < 5 {
        let message = within("a message", stream.message()).await.unwrap().unwrap();
        alive += usize::from(matches!(message.event, Some(Event::Heartbeat(_))));
    }
    let Some(_curl) = tool("curl") else { return };
    let mut events = Events::listen(&url);
    let comments = events.lines.by_ref().filter(|line| line.starts_with(':'));
    assert_eq!(comments.take(5).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_they_are_old_enough_and_the_next_one_begins_with_everything() {
    let hub = HubOptions { stream_age_max: Duration::from_millis(50), ..HubOptions::default() };
    let (_server, url) = served_as(hub, SHOP, &[], flags()).await;
    let mut provider = ServiceClient::new(channel(&url).await);
    let mut ours = EvaluationServiceClient::new(channel(&url).await);
    for _ in 0..2 {
        let mut stream = provider.event_stream(EventStreamRequest {}).await.unwrap().into_inner();
        let first = within("ready", stream.message()).await.unwrap().unwrap();
        assert_eq!(first.r#type, "provider_ready");
        let named = within("every flag", stream.message()).await.unwrap().unwrap();
        assert_eq!(named.r#type, "configuration_change");
        let end = within("the end", stream.message()).await.unwrap_err();
        assert_eq!(end.code(), Code::Unavailable, "a stream never ends with OK: {end}");
        assert!(end.message().starts_with("MAX_AGE"), "{end}");

        let request = v1::WatchEvaluationsRequest::default();
        let mut stream = ours.watch_evaluations(request).await.unwrap().into_inner();
        let first = within("everything", stream.message()).await.unwrap().unwrap();
        assert!(matches!(first.event, Some(Event::All(_))), "{first:?}");
        let end = within("the end", stream.message()).await.unwrap_err();
        assert!(end.code() == Code::Unavailable && end.message().starts_with("MAX_AGE"), "{end}");
    }
    let Some(_curl) = tool("curl") else { return };
    for _ in 0..2 {
        let mut events = Events::listen(&url);
        let told = events.lines.by_ref().filter(|line| line.starts_with("id: ")).count();
        assert_eq!(told, 1, "it says once that it is worth asking, and ends");
        assert!(events.curl.wait().unwrap().success(), "the answer is complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_have_open_is_counted_apart() {
    let Some(_curl) = tool("curl") else { return };
    let (server, url) = served().await;
    let number = |name: &str| {
        let text = raw(&server.url, "/metrics", &[]);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("mycelia_{name} ")));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse::<u64>().unwrap()
    };
    let streams = || (number("browser_answer_streams"), number("answer_streams"));
    // The admin of the preparation may still be connected, and curl itself is.
    assert_eq!((number("browser_connections"), streams()), (0, (0, 0)));
    assert_eq!(number("browser_connections_refused_total"), 0);

    let mut watching = EvaluationServiceClient::new(channel(&url).await);
    let request = v1::WatchEvaluationsRequest::default;
    let mut ours = watching.watch_evaluations(request()).await.unwrap().into_inner();
    let _first = within("everything", ours.message()).await.unwrap();
    let mut provider = ServiceClient::new(channel(&url).await);
    let mut theirs = provider.event_stream(EventStreamRequest {}).await.unwrap().into_inner();
    let _ready = within("ready", theirs.message()).await.unwrap();
    let mut events = Events::listen(&url);
    let _first = events.lines.next();
    assert_eq!((number("browser_connections"), streams()), (3, (3, 0)));

    // Those who ask on the main port are counted there.
    let mut inside = ServiceClient::new(server.channel().await);
    let mut stream = inside.event_stream(EventStreamRequest {}).await.unwrap().into_inner();
    let _ready = within("ready", stream.message()).await.unwrap();
    assert_eq!((number("browser_connections"), streams()), (3, (3, 1)));

    drop((ours, watching, theirs, provider, events, stream, inside));
    let left = || (number("browser_connections"), streams()) == (0, (0, 0));
    eventually("none is left", || std::future::ready(left())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_change_says_what_browsers_may_ask_for() {
    let Some(_curl) = tool("curl") else { return };
    let (server, url) = served().await;
    let bulk = |body: serde_json::Value| {
        curl(&server.url, "/api/admin/features/bulk", &["-d", &body.to_string()]).body
    };
    let is_told = |flag: &str| {
        let answer = post(&url, &format!("/ofrep/v1/evaluate/flags/{flag}"), "application/json", "{}");
        answer.starts_with("HTTP/1.1 200")
    };
    let changes = json!([
        { "key": "engine_hidden", "client_visible": true },
        { "key": "dreams", "enabled": true, "rollout": 100, "client_visible": false },
    ]);
    let answer = bulk(json!({ "changes": changes, "dry_run": true }));
    assert_eq!(answer["flags"][0]["client_visible"], json!(true), "{answer}");
    assert_eq!(answer["flags"][1].get("client_visible"), None, "{answer}");
    assert!(!is_told(super::HIDDEN) && is_told("dreams"), "a dry run changes nothing");

    let answer = bulk(json!({ "changes": changes }));
    assert_eq!((&answer["changed"], &answer["flags"][0]["client_visible"]), (&json!(true), &json!(true)));
    assert!(is_told(super::HIDDEN) && !is_told("dreams"), "{answer}");
    let status = curl(&server.url, "/status.json", &[]).body;
    let flags = status["flags"].as_array().unwrap();
    let visible = flags.iter().filter(|flag| flag["client_visible"] == true);
    let visible: Vec<&str> = visible.map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(visible, [super::HIDDEN, "oracle", "title"]);

    // A flag that is not there is named once for all that was asked of it.
    let refused = bulk(json!({ "changes": [{ "key": "nobody", "enabled": true, "client_visible": true }] }));
    assert_eq!(refused["reason"], "UNKNOWN_FLAG", "{refused}");
    assert_eq!(refused["violations"].as_array().unwrap().len(), 1, "{refused}");
}
