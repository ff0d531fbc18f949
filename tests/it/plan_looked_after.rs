//! A plan that somebody looks after: alerts that are noted, rollbacks that are held against what the plan allows, and
//! commands that wait for what they have brought about.

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_sdk::{Client, Context};
use mycelia_flags_server::clock::ManualClock;
use serde_json::{Value, json as document};

use crate::command_line::{json, refused, run, run_as};
use crate::patience::{PATIENCE, eventually};
use crate::server::{Server, Wanted};

const PLAN: &str = "\
plan: dreams
stages:
  - name: first
    set: { dreams: 10% }
    rollback_within: 15m
    gate: { approvals: 2 }
  - name: half
    set: { dreams: 50% }
    hold: 1h
    gate: { go: true }
  - name: everybody
    set: { dreams: 100% }
    gate: { go: true }
guards:
  - when: error_rate > 2%
    do: alert
ladder: 5% 0% every 10m
";

/// A server whose time is moved by hand, with the plan, started.
struct Looked {
    server: Server,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl Looked {
    async fn after() -> Self {
        let clock = ManualClock::at(1_790_000_000_000_000);
        let server = Wanted { clock: clock.clone(), ..Wanted::default() }.start().await;
        json(&server.url, &["create", "dreams"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dreams.yaml");
        std::fs::write(&file, PLAN).unwrap();
        json(&server.url, &["plan", "apply", file.to_str().unwrap(), "--start"]);
        Self { server, clock, _folder: folder }
    }

    fn url(&self) -> &str {
        &self.server.url
    }

    #[track_caller]
    fn plan(&self, arguments: &[&str]) -> Value {
        json(self.url(), &[&["plan"], arguments].concat())
    }

    fn status(&self) -> Value {
        self.plan(&["status", "dreams"])
    }

    /// What the plan's report of today says.
    fn report(&self) -> String {
        let output = run(self.url(), &["plan", "report", "dreams"]);
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_a_record_and_is_shown_until_it_is_over() {
    let looked = Looked::after().await;
    looked.plan(&["report-value", "dreams", "error_rate", "3.5%"]);
    eventually("the alert", async || looked.status()["alerts"][0]["alert"] == "error_rate > 2% (3.5%)").await;
    looked.plan(&["report-value", "dreams", "error_rate", "4%"]);
    let status = looked.status();
    assert_eq!(status["alerts"].as_array().unwrap().len(), 1);
    assert!(status["alerts"][0]["since"].is_string(), "{status}");
    assert_eq!(status["state"], "waiting_for_gate", "it only alerts");
    let report = looked.report();
    assert!(report.contains("- ALERT: error_rate > 2% (3.5%), since 2026-"), "{report}");
    assert_eq!(json(looked.url(), &["status"])["plans"][0]["alerts"], status["alerts"]);
    looked.plan(&["report-value", "dreams", "error_rate", "1%"]);
    eventually("quiet", async || looked.status()["alerts"] == Value::Array(Vec::new())).await;
    let history = json(looked.url(), &["history", "--limit", "100"]);
    let records = history["records"].as_array().unwrap();
    let words: Vec<&str> =
        records.iter().map(|record| record["changes"][0]["words"].as_str().unwrap()).collect();
    let count = |said: &str| words.iter().filter(|words| **words == said).count();
    assert_eq!(count("guard 1 of plan dreams alerts at 3.5"), 1, "{words:?}");
    assert_eq!(count("guard 1 of plan dreams is quiet again"), 1, "{words:?}");
    looked.server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_takes_longer_than_the_plan_allows_is_told() {
    let looked = Looked::after().await;
    assert_eq!(looked.status()["stages"][0]["rollback_within_seconds"], 900);
    looked.plan(&["rollback", "dreams", "--gradually", "--reason", "errors"]);
    assert_eq!(looked.status()["rollback_length"]["kept"], Value::Null, "it may still");
    looked.clock.advance(Duration::from_secs(601));
    eventually("the foot of the ladder", async || looked.status()["state"] == "latched").await;
    let length = looked.status()["rollback_length"].clone();
    assert_eq!((&length["over"], &length["kept"]), (&true.into(), &true.into()), "{length}");
    assert_eq!((&length["taken_micros"], &length["within_seconds"]), (&601_000_000.into(), &900.into()));
    let report = looked.report();
    assert!(report.contains("**Rollback:** rolled back in 10m 1s; the plan allows 15m: kept"), "{report}");
    looked.plan(&["acknowledge", "dreams", "--reason", "a bad deploy"]);
    looked.plan(&["resume", "dreams"]);
    looked.plan(&["rollback", "dreams", "--gradually", "--every", "20m"]);
    looked.clock.advance(Duration::from_secs(1_200));
    eventually("the foot again", async || looked.status()["state"] == "latched").await;
    assert_eq!(looked.status()["rollback_length"]["kept"], false);
    let report = looked.report();
    assert!(report.contains("**Rollback:** rolled back in 20m; the plan allows 15m: NOT kept"), "{report}");
    looked.server.running.stop().await;
}

/// A service that has the flags.
async fn service(url: &str) -> Client {
    let client = Client::builder().server(url).environment("production").service("ui").connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

/// What a deed says that somebody waits for, and how it ends.
fn waited(url: &str, actor: &str, deed: &str) -> (Option<i32>, Value) {
    let output = run_as(actor, url, &["plan", deed, "dreams", "--wait"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_waits_for_the_stage_that_a_deed_opens() {
    let looked = Looked::after().await;
    let url = looked.url();
    let client = service(url).await;
    let has = |user: &str| client.bool_value("dreams", false, &Context::new(user));
    let (code, first) = waited(url, "ana", "approve");
    assert_eq!(
        (code, &first["settled"]["waits_for"]),
        (Some(6), &document!(["1 of 2 approvals"])),
        "{first}"
    );
    assert_eq!((&first["settled"]["went_on"], &first["settled"]["stage"]), (&false.into(), &"first".into()));
    assert_eq!(first["settled"]["revision"], first["revision"]);
    let (code, second) = waited(url, "ben", "approve");
    let settled = &second["settled"];
    assert_eq!((code, &settled["went_on"], &settled["stage"]), (Some(0), &true.into(), &"half".into()));
    let (deed, stage) = (second["revision"].as_u64().unwrap(), settled["revision"].as_u64().unwrap());
    assert!(stage > deed, "the stage is a revision of the server's own: {second}");
    assert_eq!(
        (&second["convergence"]["revision"], &second["convergence"]["converged"]),
        (&stage.into(), &true.into())
    );
    assert_eq!(second["convergence"]["services"][0]["service"], "ui");

    let (code, early) = waited(url, "ana", "go");
    assert_eq!((code, &early["settled"]["waits_for"]), (Some(6), &document!([])), "the stay is not over");
    assert!(early["settled"]["waits_until"].is_string(), "{early}");
    looked.clock.advance(Duration::from_secs(3_600));
    eventually("the last stage", async || looked.status()["state"] == "waiting_for_gate").await;
    let (code, last) = waited(url, "ana", "go");
    assert_eq!((code, &last["settled"]["state"]), (Some(0), &"completed".into()), "{last}");
    assert!(
        (0..50).all(|user| has(&format!("user-{user}"))),
        "everybody has it, as soon as the command ends"
    );
    refused(url, &["plan", "go", "dreams", "--wait"], 1, "it is completed");
    client.close().await;
    looked.server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_waited_for_is_measured_to_the_last_acknowledgement() {
    let looked = Looked::after().await;
    let url = looked.url();
    let client = service(url).await;
    let back = looked.plan(&["rollback", "dreams", "--wait", "--reason", "errors"]);
    let length = &back["rollback_length"];
    assert_eq!((&length["over"], &length["kept"]), (&true.into(), &true.into()), "{back}");
    assert_eq!(
        length["taken_micros"], back["convergence"]["duration_micros"],
        "at once, and then acknowledged"
    );
    assert_eq!(back["settled"]["state"], "latched");
    looked.plan(&["acknowledge", "dreams", "--reason", "a bad deploy"]);
    let resumed = looked.plan(&["resume", "dreams", "--wait"]);
    assert_eq!((&resumed["settled"]["went_on"], &resumed["rollback_length"]), (&true.into(), &Value::Null));
    let down = looked.plan(&["rollback", "dreams", "--gradually", "--wait"]);
    assert_eq!(
        (&down["rollback_length"]["over"], &down["rollback_length"]["kept"]),
        (&false.into(), &Value::Null)
    );
    client.close().await;
    looked.server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_rollback_is_never_refused_and_takes_the_plan_with_it() {
    let looked = Looked::after().await;
    let url = looked.url();
    let back = json(url, &["rollback", "dreams", "--to-zero", "--reason", "errors"]);
    let warning = "plan dreams drives dreams and is taken back too: nothing raises them until somebody acknowledges the \
                   cause and resumes it";
    assert_eq!(back["warnings"], document!([warning]));
    assert_eq!(back["entities"], document!(["configuration/production/dreams", "progress/dreams"]));
    let status = looked.status();
    assert_eq!((&status["state"], &status["flags"][0]["actual"]), (&"latched".into(), &"0%".into()));
    assert_eq!(status["reason"], "mara rolled dreams back beside the plan: errors");
    refused(url, &["rollout", "dreams", "20"], 1, "FLAG_UNDER_PLAN");
    looked.plan(&["acknowledge", "dreams", "--reason", "a bad deploy"]);
    looked.plan(&["resume", "dreams"]);
    assert_eq!(looked.status()["flags"][0]["actual"], "10%");

    let back = v1::RollBackFlags {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        rollback: Some(v1::Rollback { kind: Some(v1::rollback::Kind::Disable(v1::RollbackToDisabled {})) }),
    };
    let answer = looked.server.admin().await.apply(vec![Kind::RollBack(back)]).await;
    assert_eq!(answer.warnings, [warning], "over gRPC it is the same");
    assert_eq!(looked.status()["state"], "latched");
    looked.server.running.stop().await;
}
