//! A plan that somebody looks after: alerts that are noted, rollbacks that are held against what the plan allows, and
//! commands that wait for what they have brought about.

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_server::clock::ManualClock;
use serde_json::Value;

use crate::command_line::{json, run};
use crate::patience::eventually;
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
