//! OFREP: what providers that know nothing of us ask for, with the real `curl` and with a stock provider.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::clock::{ManualClock, SharedClock};
use mycelia_flags_server::edge::limits::OFREP_BURST;
use serde_json::{Value, json};

use crate::binary::tool;
use crate::http_commands::{Answer, curl};
use crate::server::{Server, Wanted, create, enable, rollout};

const FLAGS: &str = "/ofrep/v1/evaluate/flags";

#[track_caller]
fn ask(url: &str, path: &str, headers: &[&str], body: &Value) -> Answer {
    let mut arguments = vec!["-H", "Content-Type: application/json; charset=utf-8"];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    let body = body.to_string();
    arguments.extend(["-d", &body]);
    curl(url, path, &arguments)
}

fn of(key: &str) -> String {
    format!("{FLAGS}/{key}")
}

#[track_caller]
fn refuse(answer: &Answer, status: u16, code: &str, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["errorCode"], code, "{}", answer.body);
    let details = answer.body["errorDetails"].as_str().unwrap();
    assert!(details.contains(words), "{details}");
}

/// The header's value.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_evaluated_one_by_one_and_all_at_once() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin
        .apply(vec![create("oracle.chat"), create("dreams"), enable("oracle.chat"), rollout("dreams", 50.0)])
        .await;
    let ana = json!({ "context": { "targetingKey": "ana" } });

    let answer = ask(url, &of("oracle_chat"), &[], &ana);
    assert_eq!(answer.status, 200);
    let expected = json!({
        "key": "oracle_chat", "value": true, "variant": "on", "reason": "STATIC", "metadata": {},
    });
    assert_eq!(answer.body, expected, "the key is spelled as it was asked for");
    let anonymous = ask(url, &of("dreams"), &[], &json!({})).body;
    assert_eq!((&anonymous["value"], &anonymous["variant"]), (&json!(false), &json!("off")), "{anonymous}");

    let all = ask(url, FLAGS, &[], &ana);
    let keys: Vec<&str> =
        all.body["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["dreams", "oracle.chat"]);
    assert_eq!(
        all.body["eventStreams"][0]["endpoint"]["requestUri"],
        "/ofrep/v1/events?flagSetId=production"
    );
    // The same answer as the RPC gives.
    let request = v1::EvaluateRequest {
        flag: "dreams".to_owned(),
        context: Some(v1::EvaluationContext { targeting_key: "ana".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let rpc = server.evaluation().await.evaluate(request).await.unwrap().into_inner().evaluation.unwrap();
    assert_eq!(all.body["flags"][0]["variant"], rpc.variant.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_known_already_is_not_sent_again() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.apply(vec![create("dreams"), enable("dreams")]).await;
    let ana = json!({ "context": { "targetingKey": "ana" } });
    let first = ask(url, FLAGS, &[], &ana);
    let tag = header(&first, "etag").unwrap().to_owned();
    let known = format!("If-None-Match: {tag}");
    let again = |headers: &[&str], path: &str| {
        let mut arguments = vec!["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d"];
        let body = ana.to_string();
        arguments.push(&body);
        for header in headers {
            arguments.extend(["-H", header]);
        }
        let target = format!("{url}{path}");
        arguments.push(&target);
        let output = Command::new("curl").args(&arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(again(&[&known], FLAGS), "304");
    assert_eq!(again(&[&format!("If-None-Match: \"other\", W/{tag}")], FLAGS), "304");
    assert_eq!(again(&["If-None-Match: \"other\""], FLAGS), "200");
    // Somebody who was told of another configuration wants to see it.
    assert_eq!(again(&[&known], &format!("{FLAGS}?flagConfigEtag=elsewhere.9")), "200");
    // What changes nothing for anybody changes no tag; what does, does.
    admin.apply(vec![create("unrelated")]).await;
    assert_eq!(again(&[&known], FLAGS), "200", "one flag more is another answer");
    let tag = header(&ask(url, FLAGS, &[], &ana), "etag").unwrap().to_owned();
    let described = v1::UpdateFlag {
        flag: "dreams".to_owned(),
        description: Some("for people".to_owned()),
        ..Default::default()
    };
    admin.apply(vec![Kind::UpdateFlag(described)]).await;
    assert_eq!(again(&[&format!("If-None-Match: {tag}")], FLAGS), "304", "no evaluation is another");
    admin.disable("dreams").await;
    assert_eq!(again(&[&format!("If-None-Match: {tag}")], FLAGS), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_said_in_the_protocols_words() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.create("dreams").await;
    let anybody = json!({});
    refuse(&ask(url, &of("dream"), &[], &anybody), 404, "FLAG_NOT_FOUND", "no flag \"dream\" in production");
    let number = json!({ "context": { "targetingKey": 7 } });
    let answer = ask(url, &of("dreams"), &[], &number);
    refuse(&answer, 400, "INVALID_CONTEXT", "context.targetingKey: a string");
    assert_eq!(answer.body["key"], "dreams");
    let answer = curl(url, FLAGS, &["-d", "{"]);
    refuse(&answer, 400, "PARSE_ERROR", "line 1");
    assert!(answer.body.get("key").is_none(), "{}", answer.body);
    let selector = ["Flagd-Selector: flagSetId=nowhere"];
    refuse(&ask(url, FLAGS, &selector, &anybody), 400, "GENERAL", "one of development, staging, production");
    refuse(&ask(url, FLAGS, &["Flagd-Selector: source=x"], &anybody), 400, "GENERAL", "invalid selector");
    refuse(&ask(url, FLAGS, &["Mycelia-Service: a b"], &anybody), 400, "GENERAL", "Mycelia-Service");
    let large = json!({ "context": { "text": "x".repeat(100_000) } });
    refuse(&ask(url, FLAGS, &[], &large), 413, "GENERAL", "at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_is_told_when_to_come_again() {
    let Some(_curl) = tool("curl") else { return };
    let clock = ManualClock::at(1_800_000_000_000_000);
    let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
    let server = Wanted { clock: shared, ..Wanted::default() }.start().await;
    server.admin().await.create("dreams").await;
    // By one curl, over one connection. The server's clock stands still meanwhile.
    let url = format!("{}{}?n=[1-{OFREP_BURST}]", server.url, of("dreams"));
    let arguments = ["-sS", "-d", "{}", "-o", "/dev/null", "-w", "%{http_code}\n", &url];
    let output = Command::new("curl").args(arguments).output().unwrap();
    let codes = String::from_utf8(output.stdout).unwrap();
    assert_eq!(codes.lines().filter(|code| *code == "200").count(), OFREP_BURST as usize);
    let answer = ask(&server.url, &of("dreams"), &[], &json!({}));
    refuse(&answer, 429, "GENERAL", "2000 evaluations a second");
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    assert_eq!(answer.body["key"], "dreams");
    refuse(&ask(&server.url, FLAGS, &[], &json!({})), 429, "GENERAL", "Retry-After");
    clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&server.url, &of("dreams"), &[], &json!({})).status, 200);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_chooses_the_environment() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.apply(vec![create("dreams"), enable("dreams")]).await;
    let variant = |selector: &str| {
        let answer = ask(url, &of("dreams"), &[selector], &json!({}));
        answer.body["variant"].as_str().unwrap().to_owned()
    };
    assert_eq!(variant("Flagd-Selector: flagSetId=production"), "on");
    assert_eq!(variant("Flagd-Selector: flagSetId=staging"), "off");
    assert_eq!(variant("X-Unrelated: 1"), "on", "production is the default");
}

/// `curl` that reads a stream of events.
struct Listener {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Listener {
    fn begin(url: &str, path: &str) -> Self {
        let mut child = Command::new("curl")
            .args(["-sSN", &format!("{url}{path}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let reader = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::sync_channel(16);
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next event's data.
    #[track_caller]
    fn event(&self) -> Value {
        loop {
            let line = self.lines.recv_timeout(crate::patience::PATIENCE).unwrap();
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_told_when_it_is_worth_asking_again() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (server.url.clone(), server.admin().await);
    admin.create("dreams").await;
    let mut listener = Listener::begin(&url, "/ofrep/v1/events?flagSetId=production");
    let first = listener.event();
    assert_eq!(first["type"], "refetchEvaluation");
    // Not told: nothing of production changes.
    let policy = v1::Policy { reason_required: true, ..Default::default() };
    let policy = v1::SetPolicy { environment: "staging".to_owned(), policy: Some(policy) };
    admin.apply(vec![Kind::SetPolicy(policy)]).await;
    let revision = admin.enable("dreams").await;
    let second = listener.event();
    let expected = format!("{}.{revision}", server.running.epoch());
    assert_eq!(second["etag"], expected.as_str(), "the first event after the first is about production");
    // The server ends the stream when it stops, and does not wait for whoever listens.
    server.running.stop().await;
    assert!(listener.child.wait().is_ok());
    let more: Vec<String> = listener.lines.iter().filter(|line| line.starts_with("data: ")).collect();
    assert!(more.is_empty(), "nothing else happened: {more:?}");
}
