//! The HTTP commands of the rollout documents, run by the real `curl`: as they are written there, with the host replaced.
//!
//! `.ci/setup` sees to it that `curl` is there; without it these stories say that they did not run.

use std::process::Command;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_sdk::{Client, Context, Reason};
use serde_json::{Value, json};
use tonic_types::StatusExt as _;

use crate::admin::DAY_ONE;
use crate::binary::tool;
use crate::patience::{PATIENCE, within};
use crate::server::{Admin, Server, apply_request, create, disable, enable, rollout};

mod page;
mod refusals;
mod status;

/// "Set Feature Flags (Day 1)", from the document of the beta week.
const SET_DAY_ONE: &str = r#"curl -X POST https://your-domain.com/api/admin/features/bulk \
  -H "Authorization: Bearer admin-token" \
  -H "Content-Type: application/json" \
  -d '{
    "changes": [
      {"key": "oracle_chat", "enabled": true, "rollout": 100},
      {"key": "weave_pipeline", "enabled": true, "rollout": 100},
      {"key": "uploads", "enabled": true, "rollout": 100},
      {"key": "admin_panel", "enabled": true, "rollout": 100},
      {"key": "services_catalog", "enabled": true, "rollout": 100},
      {"key": "dreams", "enabled": true, "rollout": 25},
      {"key": "micro_memories", "enabled": true, "rollout": 25},
      {"key": "whispers", "enabled": true, "rollout": 10},
      {"key": "maya_voice", "enabled": true, "rollout": 10},
      {"key": "maya_cues", "enabled": true, "rollout": 10}
    ]
  }'"#;

/// "View admin audit log".
const AUDIT_LOG: &str = "curl -sS https://your-domain.com/api/admin/features/history | head -20";

/// "Emergency Rollback". It names no content type, so curl says that it is a form.
const ROLLBACK: &str = r#"curl -X POST https://your-domain.com/api/admin/features/bulk \
  -d '{
    "changes": [
      {"key": "maya_voice", "enabled": false, "rollout": 0},
      {"key": "maya_cues", "enabled": false, "rollout": 0}
    ]
  }'"#;

/// Runs a command of the document in a shell; answers what it prints.
#[track_caller]
fn run(url: &str, command: &str) -> String {
    let command = command.replace("https://your-domain.com", url);
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What curl was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The headers as they came.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// One request with curl.
#[track_caller]
pub(crate) fn curl(url: &str, path: &str, arguments: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["-sS", "-i"])
        .arg(format!("{url}{path}"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A large body is announced first, and told to go on.
    let answered = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let (head, body) = answered.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")),
    }
}

#[track_caller]
fn post(url: &str, body: &Value) -> Answer {
    curl(url, "/api/admin/features/bulk", &["-d", &body.to_string()])
}

/// Changes that are granted; answers with the answer.
#[track_caller]
fn granted(url: &str, body: &Value) -> Value {
    let answer = post(url, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// A store that can no longer be written says the same over HTTP as on gRPC.
#[track_caller]
pub(crate) fn check_poisoned(url: &str, said: &str) {
    let Some(_curl) = tool("curl") else { return };
    let answer = post(url, &json!({ "changes": [{ "key": "flag0", "enabled": true }] }));
    let found = (answer.status, &answer.body["reason"], &answer.body["detail"]);
    assert_eq!(found, (503, &"STORE_POISONED".into(), &said.into()));
    let status = curl(url, "/ops/status.json", &[]).body;
    assert_eq!(status["writable"], false, "{status}");
}

/// Waits for the last acknowledgement; answers how long it took by service, in microseconds.
pub(crate) async fn converged(admin: &mut Admin, revision: u64) -> Vec<(String, u64)> {
    let request = v1::WaitConvergedRequest { revision, min_instances: 3, ..Default::default() };
    let mut progress = admin.client.wait_converged(request).await.unwrap().into_inner();
    loop {
        let now = within("convergence", progress.message()).await.unwrap().unwrap();
        if now.converged {
            let micros = |service: v1::ServiceProgress| (service.service, service.last_after_micros.unwrap());
            return now.services.into_iter().map(micros).collect();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_document_run_as_they_are_written() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.apply(DAY_ONE.iter().map(|(flag, _)| create(flag)).collect()).await;
    let mut clients = Vec::new();
    for service in ["ui", "runner", "agent"] {
        let client = Client::builder().server(url).environment("production").service(service);
        let client = client.connect().unwrap();
        client.ready(PATIENCE).await.unwrap();
        clients.push(client);
    }

    let day_one: Value = serde_json::from_str(&run(url, SET_DAY_ONE)).unwrap();
    assert_eq!((&day_one["revision"], &day_one["changed"]), (&3.into(), &true.into()), "{day_one}");
    assert_eq!((&day_one["environment"], &day_one["warnings"]), (&"production".into(), &json!([])));
    let flags = day_one["flags"].as_array().unwrap();
    for (found, (flag, percent)) in flags.iter().zip(DAY_ONE) {
        assert_eq!((&found["key"], &found["enabled"]), (&flag.into(), &true.into()), "as it was created");
        assert_eq!(found["rollout"].to_string(), percent.to_string(), "as it was asked");
    }
    assert_eq!(flags.len(), 10);
    converged(&mut admin, 3).await;
    let people: Vec<Context> = (0..200).map(|number| Context::new(&format!("user-{number}"))).collect();
    let have =
        |client: &Client, flag| people.iter().filter(|who| client.bool_value(flag, false, who)).count();
    for client in &clients {
        assert_eq!(have(client, "oracle.chat"), 200);
        assert!((30..=70).contains(&have(client, "dreams")), "a quarter of 200");
        assert!(have(client, "maya.voice") > 0);
    }

    let rollback: Value = serde_json::from_str(&run(url, ROLLBACK)).unwrap();
    let state =
        |flag| json!({ "key": flag, "enabled": false, "rollout": 0, "variant": "off", "serves": "off" });
    assert_eq!(rollback["flags"], json!([state("maya.voice"), state("maya.cues")]));
    let acknowledged = converged(&mut admin, rollback["revision"].as_u64().unwrap()).await;
    println!("rolled back, acknowledged after microseconds: {acknowledged:?}");
    let services: Vec<&str> = acknowledged.iter().map(|(service, _)| &**service).collect();
    assert_eq!(services, ["agent", "runner", "ui"]);
    for client in &clients {
        for flag in ["maya.voice", "maya.cues"] {
            assert_eq!(have(client, flag), 0, "off for everybody");
            assert_eq!(client.bool_details(flag, true, &people[0]).reason, Reason::Disabled);
        }
        assert!(have(client, "dreams") > 0, "nothing else has changed");
    }

    let printed = run(url, AUDIT_LOG);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], r#"{"head_revision":4,"next_before":null,"records":["#);
    assert!(
        lines[1].contains("\"roll out maya_voice to 0% and disable it in production\""),
        "the newest first: {printed}"
    );
    assert!(lines[2].contains("\"enable and roll out dreams to 25% in production\""), "{printed}");
    assert!(lines[2].contains("\"actor\":\"http\""), "{printed}");
    assert_eq!(lines.len(), 6, "four records: {printed}");
    for client in clients {
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unknown_flag_of_ten_changes_nothing_and_is_named() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let known = DAY_ONE.iter().filter(|(flag, _)| *flag != "micro_memories");
    admin.apply(known.map(|(flag, _)| create(flag)).collect()).await;
    let refused: Value = serde_json::from_str(&run(&server.url, SET_DAY_ONE)).unwrap();
    assert_eq!((&refused["status"], &refused["reason"]), (&404.into(), &"UNKNOWN_FLAG".into()));
    let violation = json!([{
        "reason": "UNKNOWN_FLAG",
        "field": "changes[6].key",
        "value": "micro_memories",
        "allowed": "the key of a flag that exists"
    }]);
    assert_eq!(refused["violations"], violation);
    let listed = admin.client.list_flags(v1::ListFlagsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.revision, 2, "nothing has changed");
    let enabled = |flag: &v1::Flag| flag.configurations["production"].enabled;
    assert!(!listed.flags.iter().any(enabled));
}

#[tokio::test(flavor = "multi_thread")]
async fn off_with_a_rollout_of_nothing_is_off_whatever_was_before() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.apply(vec![create("dark"), create("live"), create("off"), enable("live"), enable("off")]).await;
    let disabled = admin.disable("off").await;
    let keys = ["dark", "live", "off"];
    let off = json!({ "changes": keys.map(|key| json!({ "key": key, "enabled": false, "rollout": 0 })) });
    let first = granted(url, &off);
    let state =
        |key| json!({ "key": key, "enabled": false, "rollout": 0, "variant": "off", "serves": "off" });
    assert_eq!(first["flags"], json!(keys.map(state)));
    for (key, since) in [("dark", 4), ("live", 4), ("off", disabled)] {
        let flag = admin.client.get_flag(v1::GetFlagRequest { flag: key.to_owned() }).await.unwrap();
        let found = flag.into_inner().flag.unwrap().configurations["production"].clone();
        assert_eq!(found.switched.unwrap().revision, since, "{key}: whoever disabled it is remembered");
        let Some(v1::serve::Serve::Split(split)) = found.default_serve.unwrap().serve else {
            panic!("{key} has a split")
        };
        assert_eq!(split.weights[0].weight, 0, "{key}");
    }
    let again = granted(url, &off);
    assert_eq!((&again["changed"], &again["revision"]), (&false.into(), &first["revision"]));
    assert_eq!(again["flags"], first["flags"]);

    // Only a rollout respects whoever has disabled the flag; saying that it is enabled does not have to.
    let more = |key: &str| json!({ "changes": [{ "key": key, "rollout": 12.5 }] });
    let refused = post(url, &more("off"));
    assert_eq!((refused.status, &refused.body["reason"]), (409, &"FLAG_DISABLED".into()), "{}", refused.body);
    let meant = json!({ "changes": [{ "key": "off", "enabled": true, "rollout": 12.5 }] });
    let meant = granted(url, &meant);
    assert_eq!(meant["flags"][0]["rollout"].to_string(), "12.5", "{meant}");
    let plainly = json!({ "changes": [{ "key": "off", "enabled": false }] });
    assert_eq!(granted(url, &plainly)["flags"][0]["rollout"].to_string(), "12.5", "the split stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_change_is_repeated_expected_and_tried_as_on_grpc() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.create("dreams").await;
    let keyed = |body: &Value| {
        let arguments = ["-H", "Idempotency-Key: day-1", "-d", &body.to_string()].map(str::to_owned);
        curl(url, "/api/admin/features/bulk", &arguments.each_ref().map(|argument| &**argument))
    };
    let asked = |rollout: u32| json!({ "changes": [{ "key": "dreams", "enabled": true, "rollout": rollout }], "actor": "mara" });
    let tried = json!({ "changes": asked(25)["changes"], "dry_run": true });
    let tried = granted(url, &tried);
    assert_eq!((&tried["dry_run"], &tried["revision"]), (&true.into(), &2.into()));
    assert_eq!(tried["flags"][0]["serves"], "25% on, 75% off", "as it would be");
    let (first, again) = (keyed(&asked(25)).body, keyed(&asked(25)).body);
    assert_eq!((&first["revision"], &first["replayed"]), (&3.into(), &false.into()), "{first}");
    assert_eq!((&again["revision"], &again["replayed"]), (&3.into(), &true.into()), "{again}");
    assert_eq!(again["flags"], first["flags"]);
    let other = keyed(&asked(50));
    assert_eq!((other.status, &other.body["violations"][0]["field"]), (409, &"Idempotency-Key".into()));
    let expected = json!({ "changes": asked(50)["changes"], "expected_revision": 2 });
    let expected = post(url, &expected);
    assert_eq!((expected.status, &expected.body["reason"]), (409, &"REVISION_MISMATCH".into()));
    let elsewhere = curl(
        url,
        "/api/admin/features/bulk?env=staging",
        &["-H", "Content-Type: text/plain", "-d", &asked(100).to_string()],
    );
    assert_eq!((elsewhere.status, &elsewhere.body["environment"]), (200, &"staging".into()));
    let history = curl(url, "/api/admin/features/history?env=staging&limit=1", &[]).body;
    assert_eq!(history["records"][0]["actor"], "mara", "{history}");
}
