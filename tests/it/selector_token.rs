//! Tokens that choose an environment, over every protocol that knows selectors: with `curl`, `grpcurl` and a stock provider.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_proto::flagd::evaluation::v1::service_client::ServiceClient;
use mycelia_flags_proto::flagd::evaluation::v1::{EventStreamRequest, ResolveBooleanRequest};
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::app::BrowserOptions;
use mycelia_flags_server::edge::cors::Origins;
use mycelia_flags_server::edge::selector_token::SelectorTokens;
use mycelia_flags_server::outbound::secret::Secret;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::binary::{Process, path, tool};
use crate::http_commands::{Answer, curl};
use crate::patience::within;
use crate::providers::{Asker, python};
use crate::server::{Admin, Server, Wanted, create, enable};

const STAGING: &str = "staging-0123456789abcdef";
const PRODUCTION: &str = "production-0123456789abcdef";

const ALL_FLAGS: &str = "/ofrep/v1/evaluate/flags";
const DREAMS: &str = "/ofrep/v1/evaluate/flags/dreams";

fn tokens() -> SelectorTokens {
    let mut tokens = SelectorTokens::default();
    for (environment, token) in [("staging", STAGING), ("production", PRODUCTION)] {
        tokens.add(EnvironmentKey::new(environment), &Secret::new(token)).unwrap();
    }
    tokens
}

/// The flag `dreams`, which is on in production alone; pages may ask for it.
async fn dreams(admin: &mut Admin) {
    let visible = Kind::UpdateFlag(v1::UpdateFlag {
        flag: "dreams".to_owned(),
        client_visible: Some(true),
        ..v1::UpdateFlag::default()
    });
    admin.apply(vec![create("dreams"), enable("dreams"), visible]).await;
}

async fn served() -> Server {
    let server = Wanted { selector_tokens: tokens(), ..Wanted::default() }.start().await;
    dreams(&mut server.admin().await).await;
    server
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[track_caller]
fn ask(url: &str, path: &str, headers: &[&str]) -> Answer {
    let mut arguments = vec!["-H", "Content-Type: application/json", "-d", "{}"];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    curl(url, path, &arguments)
}

/// What `dreams` serves over OFREP to whoever sends these headers.
#[track_caller]
fn variant(url: &str, headers: &[&str]) -> String {
    let answer = ask(url, DREAMS, headers);
    answer.body["variant"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

/// An answer of OFREP that refuses, and tells nothing of the token.
#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!((answer.status, &answer.body["errorCode"]), (status, &json!("GENERAL")), "{}", answer.body);
    let details = answer.body["errorDetails"].as_str().unwrap();
    assert!(details.contains(words) && !details.contains("0123456789"), "{details}");
    let challenge = answer.head.lines().any(|line| line == "www-authenticate: bearer");
    assert_eq!(challenge, status == 401, "{}", answer.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_chooses_for_callers_of_ofrep() {
    let Some(_curl) = tool("curl") else { return };
    let server = served().await;
    let url = &*server.url;
    assert_eq!(variant(url, &[]), "on", "without a token production is the default");
    assert_eq!(variant(url, &[&bearer(STAGING)]), "off");
    assert_eq!(variant(url, &[&bearer(PRODUCTION)]), "on");
    assert_eq!(variant(url, &[&bearer(STAGING), "Flagd-Selector: flagSetId=staging"]), "off");
    assert_eq!(variant(url, &["Authorization: Basic YW5hOm5lZWRsZQ=="]), "on", "that is for a proxy");
    let all = ask(url, ALL_FLAGS, &[&bearer(STAGING)]).body;
    assert_eq!(all["metadata"]["flagSetId"], "staging");

    let unknown = ask(url, DREAMS, &[&bearer("nobody-0123456789abcdef")]);
    refused(&unknown, 401, "this server knows no such one");
    assert_eq!(unknown.body["key"], "dreams");
    refused(&ask(url, ALL_FLAGS, &[&bearer("")]), 401, "this server knows no such one");
    let two = ask(url, DREAMS, &[&bearer(STAGING), "Flagd-Selector: flagSetId=production"]);
    refused(
        &two,
        400,
        r#"the token is for staging, and the header flagd-selector says "flagSetId=production""#,
    );
    assert_eq!(two.body["key"], "dreams");
    // The stream of events is asked for by its query.
    let two = curl(url, "/ofrep/v1/events?flagSetId=production", &["-H", &bearer(STAGING)]);
    refused(&two, 400, r#"for "staging", and the query's flagSetId for "production""#);
    let two =
        curl(url, "/ofrep/v1/events?flagSetId=production", &["-H", "Flagd-Selector: flagSetId=staging"]);
    refused(&two, 400, "name one environment");
    // It chooses where selectors do, and nowhere else.
    let history = curl(url, "/api/admin/features/history", &["-H", &bearer("nobody-0123456789abcdef")]);
    assert_eq!(history.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_option_tokens_are_not_looked_at() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    dreams(&mut server.admin().await).await;
    let headers = [&*bearer(STAGING), "Flagd-Selector: flagSetId=production"];
    assert_eq!(variant(&server.url, &headers), "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_chooses_for_callers_of_flagd_evaluation() {
    let Some(_curl) = tool("curl") else { return };
    let server = served().await;
    let mut client = ServiceClient::new(server.channel().await);
    let mut resolve = async |metadata: &[(&'static str, &str)]| {
        let message = ResolveBooleanRequest { flag_key: "dreams".to_owned(), context: None };
        let mut request = Request::new(message);
        for (name, value) in metadata {
            request.metadata_mut().insert(*name, value.parse().unwrap());
        }
        client.resolve_boolean(request).await.map(|answer| answer.into_inner().variant)
    };
    let staging = ("authorization", &*format!("Bearer {STAGING}"));
    assert_eq!(resolve(&[]).await.unwrap(), "on");
    assert_eq!(resolve(&[staging]).await.unwrap(), "off");
    let unknown = resolve(&[("authorization", "Bearer nobody-0123456789abcdef")]).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated, "{unknown}");
    assert_eq!(unknown.metadata().get("grpc-retry-pushback-ms").unwrap(), "-1");
    let two = resolve(&[staging, ("flagd-selector", "flagSetId=production")]).await.unwrap_err();
    assert_eq!(two.code(), Code::InvalidArgument);
    assert!(two.message().contains("the token is for staging"), "{two}");

    // The same in the other forms, by the other names.
    for service in ["flagd.evaluation.v1.Service", "flagd.evaluation.v2.Service", "schema.v1.Service"] {
        let path = format!("/{service}/ResolveBoolean");
        let value = |token: &str| {
            let headers = ["-H", "Content-Type: application/json", "-H", &bearer(token)];
            let answer =
                curl(&server.url, &path, &[&headers[..], &["-d", r#"{"flagKey":"dreams"}"#]].concat());
            (answer.status, answer.body["variant"].clone(), answer.body["code"].clone())
        };
        assert_eq!(value(PRODUCTION), (200, json!("on"), Value::Null), "{service}");
        assert_eq!(value(STAGING), (200, json!("off"), Value::Null), "{service}");
        assert_eq!(value("x"), (401, Value::Null, json!("unauthenticated")), "{service}");
        let (_, answer) = grpc_web(&server.url, &path, STAGING);
        assert!(answer.contains("off") && answer.contains("grpc-status: 0"), "{service}: {answer}");
        let (head, _) = grpc_web(&server.url, &path, "x");
        assert!(head.contains("grpc-status: 16"), "{service}: {head}");
    }
}

/// What gRPC-Web's text form is answered: the head, and the frames as text.
#[track_caller]
fn grpc_web(url: &str, path: &str, token: &str) -> (String, String) {
    let message = ResolveBooleanRequest { flag_key: "dreams".to_owned(), context: None }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = STANDARD.encode([&[0][..], &length, &message].concat());
    let output = Command::new("curl")
        .args(["-sS", "-i", "-H", "Content-Type: application/grpc-web-text", "-d", &frame])
        .args(["-H", &bearer(token), &format!("{url}{path}")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/grpc-web-text+proto"), "{head}");
    // Each part is base64 of its own.
    let frames = body.trim().as_bytes().chunks(4).flat_map(|quantum| STANDARD.decode(quantum).unwrap());
    (head.to_owned(), String::from_utf8_lossy(&frames.collect::<Vec<_>>()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_chooses_whose_events_are_told() {
    let server = served().await;
    let mut client = ServiceClient::new(server.channel().await);
    let mut request = Request::new(EventStreamRequest {});
    request.metadata_mut().insert("authorization", format!("Bearer {STAGING}").parse().unwrap());
    let mut events = client.event_stream(request).await.unwrap().into_inner();
    let ready = within("ready", events.message()).await.unwrap().unwrap();
    assert_eq!(ready.r#type, "provider_ready");
    let mut next = async || {
        let event = within("an event", events.message()).await.unwrap().unwrap();
        let flags = event.data.unwrap().fields.remove("flags").unwrap();
        let Some(prost_types::value::Kind::StructValue(flags)) = flags.kind else { panic!("{flags:?}") };
        flags.fields.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(next().await, ["dreams"]);
    let mut admin = server.admin().await;
    admin.disable("dreams").await;
    admin.create("oracle").await;
    assert_eq!(next().await, ["oracle"], "what became of dreams concerns production");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_chooses_for_callers_of_flagd_sync() {
    let Some(grpcurl) = tool("grpcurl") else { return };
    let server = served().await;
    let address = server.running.address().to_string();
    let fetch = |token: &str, selector: &str| {
        let header = format!("authorization: Bearer {token}");
        let message = json!({ "selector": selector }).to_string();
        let arguments = ["-plaintext", "-H", &header, "-d", &message, &address];
        let method = "flagd.sync.v1.FlagSyncService/FetchAllFlags";
        Command::new(&grpcurl).args(arguments).arg(method).output().unwrap()
    };
    let document = |output: &Output| {
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_none| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let text = answer["flagConfiguration"].as_str().unwrap();
        serde_json::from_str::<Value>(text).unwrap()
    };
    let (staging, production) = (document(&fetch(STAGING, "")), document(&fetch(PRODUCTION, "")));
    assert_ne!(staging, production);
    assert_eq!(document(&fetch(STAGING, "flagSetId=staging")), staging);

    let refused = |token: &str, selector: &str| {
        let output = fetch(token, selector);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let two = refused(STAGING, "flagSetId=production");
    assert!(
        two.contains("InvalidArgument") && two.contains(r#"the field selector for "production""#),
        "{two}"
    );
    let unknown = refused("nobody-0123456789abcdef", "");
    assert!(unknown.contains("Unauthenticated") && !unknown.contains("nobody"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_listener_for_browsers_a_token_chooses_among_what_is_served() {
    let Some(_curl) = tool("curl") else { return };
    let start = async |environments: &[&'static str]| {
        let browser = BrowserOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            origins: Origins::parse(&["https://shop.example".to_owned()]).unwrap(),
            environments: environments.iter().map(|name| EnvironmentKey::new(name)).collect(),
        };
        let wanted = Wanted { browser: Some(browser), selector_tokens: tokens(), ..Wanted::default() };
        let server = wanted.start().await;
        dreams(&mut server.admin().await).await;
        let url = format!("http://{}", server.running.browser_address().unwrap());
        (server, url)
    };
    let (_server, url) = start(&["production", "staging"]).await;
    assert_eq!((variant(&url, &[]), variant(&url, &[&bearer(STAGING)])), ("on".to_owned(), "off".to_owned()));
    let path = "/flagd.evaluation.v1.Service/ResolveAll";
    assert_eq!(ask(&url, path, &[&bearer(STAGING)]).body["flags"]["dreams"]["boolValue"], false);
    // A page may read why it is refused.
    let unknown = ask(&url, DREAMS, &[&bearer("x"), "Origin: https://shop.example"]);
    refused(&unknown, 401, "this server knows no such one");
    assert!(unknown.head.contains("access-control-allow-origin: https://shop.example"), "{}", unknown.head);

    let (_server, url) = start(&["production"]).await;
    assert_eq!(variant(&url, &[&bearer(PRODUCTION)]), "on");
    let not_served = ask(&url, DREAMS, &[&bearer(STAGING)]);
    refused(&not_served, 400, r#"flagSetId "staging" is no environment; one of production"#);
    assert_eq!(not_served.body["key"], "dreams");
}

/// What `serve` says when it does not start.
#[track_caller]
fn refused_start(data_dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(path())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(arguments)
        .env("MYCELIA_SELECTOR_STAGING", STAGING)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!data_dir.exists(), "nothing is created");
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!words.contains("0123456789"), "{words}");
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_reads_tokens_where_the_command_line_says_that_they_stand() {
    let Some(_curl) = tool("curl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        format!("file:{}", folder.path().join(name).display())
    };
    let refuse = |named: &[&str], words: &str| {
        let arguments: Vec<&str> = named.iter().flat_map(|named| ["--selector-token", named]).collect();
        let said = refused_start(&data_dir, &arguments);
        assert!(said.contains("--selector-token") || said.contains("selector token"), "{said}");
        assert!(said.contains(words), "{said}");
    };
    refuse(&[&format!("staging={STAGING}")], "expected file:PATH or env:VARIABLE");
    refuse(&[STAGING], "expected file:PATH or env:VARIABLE");
    refuse(&["staging=env:MYCELIA_NO_SUCH"], "the environment variable MYCELIA_NO_SUCH is not set");
    let short = format!("staging={}", file("short", "fifteen-bytes-x\n"));
    refuse(&[&short], &format!("{short}: the token has 15 bytes: at least 16"));
    let variable = "staging=env:MYCELIA_SELECTOR_STAGING";
    let same = format!("production={}", file("same", STAGING));
    refuse(&[variable, &same], &format!("{same}: the token is that of staging already"));
    let nowhere =
        "environment nowhere of a selector token: the store has only development, staging, production";
    refuse(&["nowhere=env:MYCELIA_SELECTOR_STAGING"], nowhere);

    let in_file = format!("production={}", file("production", &format!("{PRODUCTION}\n")));
    let arguments = ["--selector-token", variable, "--selector-token", &in_file];
    let environment = [("MYCELIA_SELECTOR_STAGING", STAGING)];
    let process = Process::try_serve(&data_dir, &[], &arguments, &environment).unwrap();
    dreams(&mut Admin::connect(&process.url).await).await;
    assert_eq!(variant(&process.url, &[&bearer(STAGING)]), "off");
    assert_eq!(variant(&process.url, &[&bearer(PRODUCTION)]), "on");
    refused(&ask(&process.url, DREAMS, &[&bearer("x")]), 401, "no such one");
    assert!(process.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_provider_says_nothing_but_its_token() {
    let server = served().await;
    for (token, value, reason) in
        [(STAGING, false, "STATIC"), (PRODUCTION, true, "STATIC"), ("x", true, "ERROR")]
    {
        let Some(mut command) = python("ofrep", &server.url) else { return };
        command.env("MYCELIA_BEARER", token);
        let mut asker = Asker::begin(command);
        let answer = asker.ask("boolean", "dreams", &json!(true), &json!({}));
        assert_eq!(
            (&answer["value"], &answer["reason"]),
            (&json!(value), &json!(reason)),
            "{token}: {answer}"
        );
    }
}
