//! What browsers are served: values of flags that are marked for them, over every protocol, and nothing else.

mod listener;
mod page;
mod session;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mycelia_flags_proto::flagd::evaluation::v1::EventStreamRequest;
use mycelia_flags_proto::flagd::evaluation::v1::service_client::ServiceClient;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use mycelia_flags_proto::v1::value::Kind as ValueKind;
use mycelia_flags_proto::v1::watch_evaluations_response::Event;
use mycelia_flags_server::app::BrowserOptions;
use mycelia_flags_server::edge::cors::Origins;
use prost::Message as _;
use serde_json::json;

use crate::audiences::{canary, edit, matrix, segment};
use crate::binary::tool;
use crate::patience::within;
use crate::server::{Server, Wanted, channel, create, enable, rollout};

const SHOP: &str = "https://shop.example";

/// As long as each other, so that lengths can differ for no other reason.
const HIDDEN: &str = "engine.hidden";
const ABSENT: &str = "engine.absent";

/// What no page may ever read, of the flags that [`flags`] makes.
const NEEDLES: [&str; 7] =
    [HIDDEN, "engine_hidden", "trusted-cohort", "ana@needle", "Somnium", "latin", "staging"];

fn mark(flag: &str, client_visible: bool) -> Kind {
    Kind::UpdateFlag(v1::UpdateFlag {
        flag: flag.to_owned(),
        client_visible: Some(client_visible),
        ..v1::UpdateFlag::default()
    })
}

/// A visible flag with a rule, one that needs a hidden one, one of several texts; and an allowlist.
fn flags() -> Vec<Kind> {
    let text = |name: &str, value: &str| v1::Variant {
        name: name.to_owned(),
        value: Some(v1::Value { kind: Some(ValueKind::StringValue(value.to_owned())) }),
    };
    let title = v1::FlagDefinition {
        key: "title".to_owned(),
        r#type: v1::FlagType::String.into(),
        variants: vec![text("english", "Whispers"), text("latin", "Somnium")],
        client_visible: true,
        ..v1::FlagDefinition::default()
    };
    let title = Kind::CreateFlag(v1::CreateFlag {
        definition: Some(title),
        default_variant: "english".to_owned(),
        off_variant: "english".to_owned(),
    });
    let needed = v1::Prerequisite { flag: HIDDEN.to_owned(), variants: vec!["on".to_owned()] };
    vec![
        create("dreams"),
        create(HIDDEN),
        create("oracle"),
        title,
        segment("trusted-cohort"),
        edit("segment/trusted-cohort/included", vec!["ana@needle".to_owned()], &[]),
        edit("canary", vec!["ana@needle".to_owned()], &[]),
        canary(true),
        rollout("dreams", 0.0),
        matrix("dreams", &[("trusted-cohort", 100.0)]),
        enable(HIDDEN),
        enable("oracle"),
        Kind::SetPrerequisites(v1::SetPrerequisites {
            flag: "oracle".to_owned(),
            prerequisites: vec![needed],
            ..v1::SetPrerequisites::default()
        }),
        mark("dreams", true),
        mark("oracle", true),
    ]
}

/// A listener for the pages of one origin.
fn browsers(listen: SocketAddr, origin: &str) -> BrowserOptions {
    let origins = Origins::parse(&[origin.to_owned()]).unwrap();
    BrowserOptions { listen, origins, environments: Vec::new() }
}

async fn served() -> (Server, String) {
    let browser = browsers(SocketAddr::from(([127, 0, 0, 1], 0)), SHOP);
    let server = Wanted { browser: Some(browser), ..Wanted::default() }.start().await;
    server.admin().await.apply(flags()).await;
    let url = format!("http://{}", server.running.browser_address().unwrap());
    (server, url)
}

/// Everything that is answered, but for the date.
#[track_caller]
fn raw(url: &str, path: &str, arguments: &[&str]) -> String {
    let target = format!("{url}{path}");
    let output = Command::new("curl").args(["-sS", "-i", &target]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).to_string();
    let lines = text.split_inclusive('\n').filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
    lines.collect()
}

#[track_caller]
fn post(url: &str, path: &str, content_type: &str, body: &str) -> String {
    raw(url, path, &["-H", &format!("Content-Type: {content_type}"), "-d", body])
}

/// A message as gRPC-Web sends it in text.
fn grpc_web_text(message: &impl prost::Message) -> String {
    let bytes = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend(bytes);
    STANDARD.encode(frame)
}

/// The first message of an answer in gRPC-Web's text, and what its trailers say.
#[track_caller]
fn grpc_web_answer<M: prost::Message + Default>(answer: &str) -> (M, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/grpc-web-text+proto"), "{head}");
    // Each part is base64 of its own.
    let mut bytes = Vec::new();
    for quantum in body.trim().as_bytes().chunks(4) {
        bytes.extend(STANDARD.decode(quantum).unwrap());
    }
    let length = usize::try_from(u32::from_be_bytes(bytes[1..5].try_into().unwrap())).unwrap();
    let message = M::decode(&bytes[5..5 + length]).unwrap();
    let rest = &bytes[5 + length..];
    assert_eq!(rest[0], 0x80, "the trailers are a frame");
    (message, String::from_utf8(rest[5..].to_vec()).unwrap())
}

fn evaluate_request(flag: &str) -> v1::EvaluateRequest {
    v1::EvaluateRequest { flag: flag.to_owned(), ..v1::EvaluateRequest::default() }
}

/// Asks for one flag, in every protocol that `curl` speaks.
fn ask_in_every_way(url: &str, flag: &str) -> Vec<String> {
    let asked = json!({ "flagKey": flag, "context": { "targetingKey": "bo" } }).to_string();
    let ours = json!({ "flag": flag, "context": { "targetingKey": "bo" } }).to_string();
    let context = json!({ "context": { "targetingKey": "bo" } }).to_string();
    let text = "application/grpc-web-text";
    vec![
        post(url, &format!("/ofrep/v1/evaluate/flags/{flag}"), "application/json", &context),
        post(url, "/flagd.evaluation.v1.Service/ResolveBoolean", "application/json", &asked),
        post(url, "/flagd.evaluation.v2.Service/ResolveBoolean", "application/json", &asked),
        post(url, "/flagd.evaluation.v2.Service/ResolveString", "application/json", &asked),
        post(url, "/mycelia.flags.v1.EvaluationService/Evaluate", "application/json", &ours),
        post(
            url,
            "/mycelia.flags.v1.EvaluationService/Evaluate",
            text,
            &grpc_web_text(&evaluate_request(flag)),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_answered_as_what_is_not_there() {
    let Some(_curl) = tool("curl") else { return };
    let (_server, url) = served().await;
    let (hidden, absent) = (ask_in_every_way(&url, HIDDEN), ask_in_every_way(&url, ABSENT));
    for (hidden, absent) in hidden.iter().zip(&absent) {
        let plain = absent.replace(ABSENT, HIDDEN);
        if absent.contains("grpc-web-text") {
            let of = |text: &str| grpc_web_answer::<v1::EvaluateResponse>(text);
            let ((hidden, trailers), (absent, others)) = (of(hidden), of(absent));
            assert_eq!(trailers, others);
            let (hidden, mut absent) = (hidden, absent);
            absent.evaluation.as_mut().unwrap().flag = HIDDEN.to_owned();
            assert_eq!(hidden.encode_to_vec(), absent.encode_to_vec());
            assert_eq!(hidden.evaluation.unwrap().error_code(), v1::ErrorCode::FlagNotFound);
        } else {
            assert_eq!(*hidden, plain);
        }
    }
    // By gRPC itself, and what may be seen is.
    let mut client = EvaluationServiceClient::new(channel(&url).await);
    let hidden = client.evaluate(evaluate_request(HIDDEN)).await.unwrap().into_inner();
    assert_eq!(hidden.evaluation.unwrap().error_code(), v1::ErrorCode::FlagNotFound);
    let seen = client.evaluate(evaluate_request("oracle")).await.unwrap().into_inner();
    assert_eq!(seen.evaluation.unwrap().variant, "on", "the hidden flag that it needs decides all the same");
    // So are environments.
    let of = |name: &str| {
        let selector = format!("Flagd-Selector: flagSetId={name}");
        raw(&url, "/ofrep/v1/evaluate/flags", &["-H", &selector, "-d", "{}"])
    };
    assert_eq!(of("staging").replace("staging", "nowhere"), of("nowhere"));
    assert!(!of("nowhere").contains("development"), "{}", of("nowhere"));
    let all = post(&url, "/ofrep/v1/evaluate/flags", "application/json", "{}");
    for needle in NEEDLES {
        assert!(!all.contains(needle), "{needle}: {all}");
    }
    assert!(all.contains("dreams") && all.contains("Whispers"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_serves_what_is_marked() {
    let Some(_curl) = tool("curl") else { return };
    let (_server, url) = served().await;
    let answers = ask_in_every_way(&url, "oracle");
    for (answer, value) in answers.iter().zip([r#""value":true"#; 3]) {
        assert!(answer.contains(value), "{answer}");
    }
    assert!(answers[3].contains("invalid_argument"), "a wrong type is a wrong type: {}", answers[3]);
    assert!(answers[4].contains(r#""variant":"on""#), "{}", answers[4]);
    let (message, trailers) = grpc_web_answer::<v1::EvaluateResponse>(&answers[5]);
    assert_eq!(message.evaluation.unwrap().variant, "on");
    assert!(trailers.contains("grpc-status: 0"), "{trailers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_served() {
    let Some(_curl) = tool("curl") else { return };
    let (server, url) = served().await;
    let methods = [
        "/mycelia.flags.v1.AdminService/ListFlags",
        "/mycelia.flags.v1.AdminService/Apply",
        "/mycelia.flags.v1.SyncService/Subscribe",
        "/mycelia.flags.v1.EvaluationService/EvaluateAll",
        "/mycelia.flags.v1.PlanService/ListPlans",
        "/flagd.sync.v1.FlagSyncService/FetchAllFlags",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ];
    for method in methods {
        let arguments = ["--http2-prior-knowledge", "-H", "Content-Type: application/grpc", "-d", ""];
        let answer = raw(&url, method, &arguments);
        assert!(answer.contains("grpc-status: 12"), "{method}: {answer}");
        let answer = post(&url, method, "application/grpc-web-text", "AAAAAAA=");
        assert!(answer.contains("grpc-status: 12"), "{method}: {answer}");
    }
    let answer = post(&url, methods[0], "application/json", "{}");
    assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("unimplemented"), "{answer}");
    for path in
        ["/metrics", "/health", "/status.json", "/ops/status.json", "/api/admin/features/history", "/"]
    {
        let answer = raw(&url, path, &[]);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let large = "x".repeat(70_000);
    let answer = post(&url, "/ofrep/v1/evaluate/flags", "application/json", &large);
    assert!(answer.contains(" 413 "), "{answer}");
    // The main port takes gRPC-Web for every service, and answers pages of other origins nothing about who may read.
    let request = grpc_web_text(&v1::GetFlagRequest { flag: "dreams".to_owned() });
    let path = "/mycelia.flags.v1.AdminService/GetFlag";
    let answer = post(&server.url, path, "application/grpc-web-text", &request);
    let (found, _) = grpc_web_answer::<v1::GetFlagResponse>(&answer);
    assert!(found.flag.unwrap().definition.unwrap().client_visible);
    let origin = format!("Origin: {SHOP}");
    let answer = raw(&server.url, "/ofrep/v1/evaluate/flags", &["-H", &origin, "-d", "{}"]);
    assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_origins_on_the_list_may_read_and_others_may_not() {
    let Some(_curl) = tool("curl") else { return };
    let (_server, url) = served().await;
    let preflight = |origin: &str, path: &str, headers: &str| {
        let origin = format!("Origin: {origin}");
        let asked = format!("Access-Control-Request-Headers: {headers}");
        let method = "Access-Control-Request-Method: POST";
        raw(&url, path, &["-X", "OPTIONS", "-H", &origin, "-H", method, "-H", &asked]).to_ascii_lowercase()
    };
    let asked = [
        ("/ofrep/v1/evaluate/flags", "content-type, if-none-match, flagd-selector"),
        ("/flagd.evaluation.v1.Service/EventStream", "connect-protocol-version, connect-timeout-ms"),
        ("/mycelia.flags.v1.EvaluationService/WatchEvaluations", "x-grpc-web, x-user-agent, grpc-timeout"),
    ];
    for (path, headers) in asked {
        let answer = preflight(SHOP, path, headers);
        assert!(answer.starts_with("http/1.1 204"), "{answer}");
        assert!(answer.contains(&format!("access-control-allow-origin: {SHOP}")), "{answer}");
        let allowed = answer.lines().find(|line| line.starts_with("access-control-allow-headers")).unwrap();
        for header in headers.split(", ") {
            assert!(allowed.contains(header), "{header}: {allowed}");
        }
        let answer = preflight("https://shop.example.evil", path, headers);
        assert!(!answer.contains("access-control-") && answer.contains("vary: origin"), "{answer}");
    }
    let of = |origin: &str| {
        let origin = format!("Origin: {origin}");
        raw(&url, "/ofrep/v1/evaluate/flags", &["-H", &origin, "-d", "{}"]).to_ascii_lowercase()
    };
    let answer = of(SHOP);
    assert!(answer.contains("access-control-expose-headers: etag"), "{answer}");
    assert!(answer.contains(&format!("access-control-allow-origin: {SHOP}")), "{answer}");
    assert!(answer.contains("vary: origin") && !answer.contains("allow-credentials"), "{answer}");
    let answer = of("https://other.example");
    assert!(!answer.contains("access-control-") && answer.contains("vary: origin"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_changes_for_its_subject_and_never_of_what_is_hidden() {
    let (server, url) = served().await;
    let mut admin = server.admin().await;
    let mut client = EvaluationServiceClient::new(channel(&url).await);
    let context = v1::EvaluationContext { targeting_key: "bo".to_owned(), ..Default::default() };
    let request = v1::WatchEvaluationsRequest { context: Some(context), ..Default::default() };
    let mut stream = client.watch_evaluations(request).await.unwrap().into_inner();
    let keys = |evaluations: &[v1::Evaluation]| {
        evaluations.iter().map(|found| format!("{}={}", found.flag, found.variant)).collect::<Vec<_>>()
    };
    let first = within("the first message", stream.message()).await.unwrap().unwrap();
    let Some(Event::All(all)) = first.event else { panic!("{first:?}") };
    assert_eq!(keys(&all.evaluations), ["dreams=off", "oracle=on", "title=english"]);

    // What is hidden, and what changes nothing for this subject, is not told; the next message is of what does.
    admin.apply(vec![create("engine.other"), rollout("engine.other", 50.0)]).await;
    admin.apply(vec![edit("segment/trusted-cohort/included", vec!["cy".to_owned()], &[])]).await;
    admin.disable(HIDDEN).await;
    let next = within("the flag that needs it", stream.message()).await.unwrap().unwrap();
    let Some(Event::Changed(changed)) = next.event else { panic!("{next:?}") };
    assert_eq!((keys(&changed.evaluations), changed.removed.len()), (vec!["oracle=off".to_owned()], 0));
    assert_eq!(changed.evaluations[0].reason(), v1::Reason::PrerequisiteFailed);

    admin.apply(vec![mark(HIDDEN, true)]).await;
    let next = within("the flag that may be seen now", stream.message()).await.unwrap().unwrap();
    let Some(Event::Changed(changed)) = next.event else { panic!("{next:?}") };
    assert_eq!(keys(&changed.evaluations), [format!("{HIDDEN}=off")]);
    admin.apply(vec![mark(HIDDEN, false)]).await;
    let next = within("the flag that may no longer be seen", stream.message()).await.unwrap().unwrap();
    let Some(Event::Changed(changed)) = next.event else { panic!("{next:?}") };
    assert_eq!((changed.removed, changed.evaluations.len()), (vec![HIDDEN.to_owned()], 0));

    server.running.stop().await;
    let end = within("the end", stream.message()).await.unwrap_err();
    assert_eq!(end.code(), tonic::Code::Unavailable, "a stream never ends with OK: {end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_providers_name_only_what_may_be_seen() {
    let (server, url) = served().await;
    let mut admin = server.admin().await;
    let mut client = ServiceClient::new(channel(&url).await);
    let mut stream = client.event_stream(EventStreamRequest {}).await.unwrap().into_inner();
    let ready = within("ready", stream.message()).await.unwrap().unwrap();
    assert_eq!(ready.r#type, "provider_ready");
    let mut next = async || {
        let event = within("an event", stream.message()).await.unwrap().unwrap();
        let flags = event.data.unwrap().fields.remove("flags").unwrap();
        let Some(prost_types::value::Kind::StructValue(flags)) = flags.kind else { panic!("{flags:?}") };
        flags.fields.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(next().await, ["dreams", "oracle", "title"]);
    admin.apply(vec![create("engine.other"), enable("engine.other")]).await;
    admin.apply(vec![segment("nobody-asks")]).await;
    admin.disable(HIDDEN).await;
    assert_eq!(next().await, ["oracle"], "it needs what has changed, which is not named");
    admin.apply(vec![edit("segment/trusted-cohort/included", vec!["cy".to_owned()], &[])]).await;
    assert_eq!(next().await, ["dreams"], "the flag that asks the segment");
    admin.apply(vec![mark("engine.other", true)]).await;
    assert_eq!(next().await, ["engine.other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_come_when_a_visible_flag_changes_and_not_otherwise() {
    let Some(_curl) = tool("curl") else { return };
    let (server, url) = served().await;
    let mut admin = server.admin().await;
    let mut listener = Command::new("curl")
        .args(["-sSN", &format!("{url}/ofrep/v1/events")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = || lines.find(|line| line.starts_with("id: ")).unwrap();
    let first = next();
    assert!(first.ends_with(&format!(".{}", server.running.revision())), "{first}");
    admin.apply(vec![create("engine.other")]).await;
    admin.apply(vec![segment("nobody-asks")]).await;
    let revision = admin.disable("dreams").await;
    let second = next();
    assert!(second.ends_with(&format!(".{revision}")), "{second} at {revision}");
    let marked = admin.apply(vec![mark("engine.other", true)]).await.revision;
    let third = next();
    assert!(third.ends_with(&format!(".{marked}")), "{third} at {marked}");
    listener.kill().unwrap();
    let _ended = listener.wait();
}
