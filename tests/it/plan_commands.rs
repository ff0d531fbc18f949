//! Rollout plans from the command line: what a team types from the file to the last report, and what holds meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_server::clock::ManualClock;
use serde_json::Value;

use crate::binary::path;
use crate::command_line::{json, refused, run};
use crate::patience::eventually;
use crate::people::People;
use crate::server::{Server, Wanted};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const PLAN: &str = "\
plan: whispers
description: Whispers step by step
owner: memory
stages:
  - name: beta
    set: { whispers.enabled: 10%, whispers.max: 6 }
    hold: 12h
    gate:
      go: true
      approvals: 2
      checks: [ error_rate < 2% ]
      checklist: [ zero critical bugs, support is informed ]
  - name: half
    at: day 2
    set: { whispers.enabled: 50% }
    hold: 1d
  - name: everybody
    set: { whispers.enabled: 100% }
ladder: 25% 5% 0% every 10m
";

/// A server whose time is moved by hand, with the two flags of the plan, and its file.
struct Stage {
    server: Server,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let clock = ManualClock::at(1_790_000_000_000_000);
        let server = Wanted { clock: clock.clone(), ..Wanted::default() }.start().await;
        let url = &*server.url;
        json(url, &["create", "whispers.enabled"]);
        let variants = ["--variant", "few=4", "--variant", "six=6", "--default", "few", "--off", "few"];
        json(url, &[&["create", "whispers.max", "--type", "integer"], &variants[..]].concat());
        let folder = tempfile::tempdir().unwrap();
        Self { server, clock, folder }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn url(&self) -> &str {
        &self.server.url
    }

    #[track_caller]
    fn plan(&self, arguments: &[&str]) -> Value {
        json(self.url(), &[&["plan"], arguments].concat())
    }

    #[track_caller]
    fn status(&self) -> Value {
        self.plan(&["status", "whispers"])
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str], expected: &str) {
        refused(self.url(), &[&["plan"], arguments].concat(), 1, expected);
    }

    /// Waits until the plan is in a state and a stage.
    async fn until(&self, state: &str, stage: &str) {
        eventually(&format!("{state} in {stage}"), async || {
            let status = self.status();
            let entered = status["stages"].as_array().unwrap().iter().find(|known| known["state"] == "now");
            status["state"] == state && entered.map_or("", |known| known["name"].as_str().unwrap()) == stage
        })
        .await;
    }
}

fn by(url: &str, actor: &str, arguments: &[&str]) -> Output {
    Command::new(path())
        .args(["--server", url, "--actor", actor])
        .args(arguments)
        .env_remove("MYCELIA_ENV")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Follows the plan in a process of its own.
fn watch(url: &str) -> Child {
    Command::new(path())
        .args(["--server", url, "plan", "watch", "whispers"])
        .env_remove("MYCELIA_ENV")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_its_file_to_its_end() {
    let stage = Stage::set().await;
    apply_and_start(&stage);
    let watching = watch(stage.url());
    decide(&stage).await;
    let people = People::of(stage.url(), 200).await;
    let half = people.who_has("whispers.enabled").await;
    assert!((70..130).contains(&half.len()), "about half of 200: {}", half.len());
    pause_and_drift(&stage, &people, &half).await;
    roll_back_and_resume(&stage, &people, &half).await;
    report(&stage);
    stage.clock.advance(DAY);
    eventually("the plan is through", async || stage.status()["state"] == "completed").await;
    assert_eq!(people.who_has("whispers.enabled").await.len(), 200);
    look_back(&stage, watching);
    stage.server.running.stop().await;
}

fn apply_and_start(stage: &Stage) {
    let url = stage.url();
    let wrong = stage.file(
        "wrong.yaml",
        &PLAN.replace("whispers.max: 6", "whispers.max: 7").replace("go: true", "goo: 1"),
    );
    refused(url, &["plan", "apply", &wrong], 1, "wrong.yaml:9:7");
    let unknown = stage.file("unknown.yaml", &PLAN.replace("whispers.max: 6", "whispers.max: 7"));
    refused(
        url,
        &["plan", "apply", &unknown],
        1,
        "unknown.yaml:6:49: stages[0].set.whispers.max: \"7\" (UNKNOWN_VARIANT)",
    );
    assert_eq!(stage.plan(&["list"])["plans"], Value::Array(Vec::new()), "nothing changed");
    let file = stage.file("whispers.yaml", PLAN);
    let dry = stage.plan(&["apply", &file, "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["plan"]), (&true.into(), &"whispers".into()));
    stage.plan(&["apply", &file]);
    let status = stage.status();
    assert_eq!((&status["state"], &status["environment"]), (&"draft".into(), &"production".into()));
    assert_eq!(status["next"][0]["command"], "mycelia-flags plan start whispers");
    assert_eq!(status["flags"][0]["target"], Value::Null);
    refused(url, &["plan", "status", "nothing"], 5, "UNKNOWN_PLAN");
    stage.plan(&["start", "whispers", "--reason", "day one", "--wait"]);
    stage.refuses(&["start", "whispers"], "a plan that has not started; it is holding");
    stage.refuses(&["delete", "whispers"], "cancel it first");
    let got = json(url, &["get", "whispers_enabled"]);
    assert_eq!((&got["plans"][0]["plan"], &got["plans"][0]["target"]), (&"whispers".into(), &"10%".into()));
    assert_eq!(json(url, &["status"])["plans"][0]["state"], "holding");
}

/// The gate of the first stage, up to its opening.
async fn decide(stage: &Stage) {
    let url = stage.url();
    let listed = stage.plan(&["check", "whispers"]);
    assert_eq!((&listed["stage"], &listed["checklist"][1]["number"]), (&"beta".into(), &2.into()));
    stage.plan(&["check", "whispers", "1", "support is informed"]);
    stage.plan(&["check", "whispers", "1", "--undo"]);
    stage.refuses(&["check", "whispers", "3"], "1 zero critical bugs; 2 support is informed");
    stage.plan(&["approve", "whispers"]);
    stage.refuses(&["approve", "whispers"], "each person once");
    assert!(by(url, "ana", &["plan", "approve", "whispers"]).status.success());
    assert!(by(url, "ben", &["plan", "no-go", "whispers", "--reason", "odd logs"]).status.success());
    stage.clock.advance(12 * HOUR);
    stage.until("waiting_for_gate", "beta").await;
    let missing = [
        "ben said no-go: odd logs",
        "not ticked off: zero critical bugs",
        "error_rate < 2%: not enough data",
    ];
    assert_eq!(texts(&stage.status()["missing"]), missing);
    stage.plan(&["check", "whispers", "zero critical bugs"]);
    stage.plan(&["report-value", "whispers", "error_rate", "1.2%"]);
    // All is well, and a no-go holds.
    stage.clock.advance(DAY);
    stage.plan(&["metric", "whispers", "error_rate", "3%"]);
    let status = stage.status();
    assert_eq!(texts(&status["missing"]), [missing[0], "error_rate < 2% is not met: 3%"]);
    assert_eq!(status["state"], "waiting_for_gate");
    stage.plan(&["go", "whispers"]);
    let next = stage.status()["next"].clone();
    assert_eq!(next[0]["command"], "mycelia-flags plan report-value whispers error_rate VALUE");
    assert_eq!(next[1], Value::Null, "nothing else is missing");
    stage.refuses(&["report-value", "whispers", "error_rate", "20ms"], "a number of percent");
    stage.plan(&["report-value", "whispers", "error_rate", "1.2%"]);
    stage.until("holding", "half").await;
}

/// The time of a pause does not count, and a pause that ends sets what drifted.
async fn pause_and_drift(stage: &Stage, people: &People, half: &[String]) {
    let url = stage.url();
    let held = |status: &Value| {
        status["stages"][1]["held_until"].as_str().unwrap().parse::<prost_types::Timestamp>().unwrap().seconds
    };
    let before = held(&stage.status());
    stage.plan(&["pause", "whispers", "--reason", "a holiday"]);
    assert_eq!(stage.status()["reason"], "paused by mara: a holiday");
    stage.clock.advance(2 * HOUR);
    stage.plan(&["resume", "whispers"]);
    assert_eq!(held(&stage.status()) - before, 7_200);

    let rolled = json(url, &["rollout", "whispers.enabled", "30"]);
    assert!(texts(&rolled["warnings"])[0].contains("plan whispers drives whispers.enabled"), "{rolled}");
    let status = stage.status();
    let drift = &status["drift"][0];
    assert_eq!(
        (&drift["actual"], &drift["target"], &drift["deed"]["by"]),
        (&"30%".into(), &"50%".into(), &"mara".into())
    );
    assert_eq!((&status["state"], &status["flags"][0]["agrees"]), (&"holding".into(), &false.into()));
    assert_eq!(json(url, &["status"])["plans"][0]["drift"][0]["flag"], "whispers.enabled");
    assert!(people.who_has("whispers.enabled").await.iter().all(|user| half.contains(user)));

    json(url, &["disable", "whispers.enabled"]);
    let status = stage.status();
    assert_eq!(
        (&status["state"], &status["reason"]),
        (&"paused".into(), &"mara disabled whispers.enabled".into())
    );
    assert!(people.who_has("whispers.enabled").await.is_empty());
    stage.plan(&["resume", "whispers"]);
    assert_eq!(stage.status()["drift"], Value::Array(Vec::new()));
    assert_eq!(people.who_has("whispers.enabled").await, half, "the same people");
}

async fn roll_back_and_resume(stage: &Stage, people: &People, half: &[String]) {
    let url = stage.url();
    stage.plan(&["rollback", "whispers", "--gradually", "--reason", "errors"]);
    let status = stage.status();
    assert_eq!((&status["state"], &status["rollback"]["rung"]), (&"rolling_back".into(), &0.into()));
    assert_eq!(status["rollback"]["way"], "gradually: 25%, 5%, 0%, 10m each", "the plan's own ladder");
    let quarter = people.who_has("whispers.enabled").await;
    assert!(quarter.len() < half.len() && quarter.iter().all(|user| half.contains(user)));
    stage.clock.advance(Duration::from_secs(600));
    eventually("the next rung", async || stage.status()["rollback"]["rung"] == 1).await;
    stage.plan(&["go", "whispers"]);
    assert_eq!(stage.status()["state"], "latched");
    refused(url, &["rollout", "whispers.enabled", "60"], 1, "FLAG_UNDER_PLAN");
    let named = "mycelia-flags plan rollback whispers --gradually";
    refused(url, &["rollback", "whispers.enabled", "--gradually"], 1, named);
    stage.refuses(&["resume", "whispers"], "somebody has acknowledged");
    stage.refuses(&["acknowledge", "whispers"], "the cause of the rollback");
    stage.plan(&["acknowledge", "whispers", "--reason", "a bad deploy"]);
    assert_eq!(stage.status()["acknowledged"]["note"], "a bad deploy");
    stage.plan(&["resume", "whispers"]);
    assert_eq!(stage.status()["state"], "holding");
    assert_eq!(people.who_has("whispers.enabled").await, half, "the same people");
}

fn report(stage: &Stage) {
    let first = run(stage.url(), &["plan", "report", "whispers", "--day", "1"]);
    let first = String::from_utf8(first.stdout).unwrap();
    assert!(first.starts_with("## Day 1 Rollout Report: whispers\n"), "{first}");
    assert!(first.contains("ben: said no-go: odd logs"), "{first}");
    let second = stage.plan(&["report", "whispers", "--day", "2", "--json"]);
    let markdown = second["markdown"].as_str().unwrap();
    assert_eq!((&second["day"], &second["status"]["state"]), (&2.into(), &"holding".into()));
    for words in
        ["rolls back gradually: errors", "changed a flag of the plan by hand", "acknowledged: a bad deploy"]
    {
        assert!(markdown.contains(words), "{words}: {markdown}");
    }
    stage.refuses(&["report", "whispers", "--day", "9"], "a day from 1 to 2");
}

/// What the watcher, the history and the list say when it is over.
fn look_back(stage: &Stage, mut watching: Child) {
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let events: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(watching.wait().unwrap().success(), "a plan that is through is good news");
    assert_eq!(events[0]["event"], "status");
    let states: Vec<&str> = events.iter().map(|event| event["state"].as_str().unwrap()).collect();
    for state in ["holding", "waiting_for_gate", "paused", "rolling_back", "latched"] {
        assert!(states.contains(&state), "{states:?}");
    }
    assert_eq!(states.last(), Some(&"completed"));
    let revisions: Vec<u64> = events.iter().map(|event| event["revision"].as_u64().unwrap()).collect();
    assert!(revisions.is_sorted_by(|one, other| one < other), "each transition once: {revisions:?}");
    let history = json(stage.url(), &["history", "--limit", "100"]);
    let words: Vec<&str> = history["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["changes"][0]["plan"] == "whispers")
        .map(|record| record["changes"][0]["words"].as_str().unwrap())
        .collect();
    for said in ["apply plan whispers of 3 stages", "no-go for plan whispers", "plan whispers enters stage 2"]
    {
        assert!(words.contains(&said), "{words:?}");
    }
    stage.plan(&["delete", "whispers"]);
    refused(stage.url(), &["plan", "status", "whispers"], 5, "UNKNOWN_PLAN");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_without_a_plan_go_up_and_back_step_by_step() {
    let stage = Stage::set().await;
    let url = stage.url();
    json(url, &["rollout", "whispers.enabled", "40"]);
    let people = People::of(url, 200).await;
    let before = people.who_has("whispers.enabled").await;
    // Of the usual 50, 25, 0 % the first would change nothing.
    let back = json(url, &["rollback", "whispers.enabled", "--gradually", "--reason", "errors"]);
    assert_eq!((&back["plan"], &back["changed"]), (&"rollback.whispers.enabled".into(), &true.into()));
    assert_eq!(back["revision"], 5, "applied, started and taken back at once");
    let plan = ["plan", "status", "rollback.whispers.enabled"];
    assert_eq!(json(url, &plan)["rollback"]["way"], "gradually: 25%, 0%, 10m each");
    let again = ["rollback", "whispers.enabled", "--gradually"];
    refused(url, &again, 1, "plan rollback rollback.whispers.enabled --gradually");
    stage.clock.advance(Duration::from_secs(600));
    eventually("the foot of the ladder", async || json(url, &plan)["state"] == "latched").await;
    assert!(people.who_has("whispers.enabled").await.is_empty());
    json(url, &["plan", "acknowledge", "rollback.whispers.enabled", "--reason", "a bad deploy"]);
    json(url, &["plan", "resume", "rollback.whispers.enabled"]);
    assert_eq!(json(url, &plan)["state"], "completed");
    assert_eq!(people.who_has("whispers.enabled").await, before, "the same people");

    json(url, &["feature", "set", "memory", "--flag", "whispers.enabled", "--flag", "whispers.max"]);
    json(url, &["feature", "enable", "memory"]);
    let back = json(url, &["rollback", "--feature", "memory"]);
    assert_eq!((&back["feature"], &back["environment"]), (&"memory".into(), &"production".into()));
    let states = json(url, &["status"])["rollouts"].clone();
    assert_eq!((&states[0]["state"], &states[1]["state"]), (&"off".into(), &"off".into()));
    refused(url, &["rollback", "whispers.max", "--gradually"], 1, "nothing is to go back");

    refused(url, &["ramp", "whispers.enabled", "--stage", "1", "--stage", "100"], 2, "how long it stays");
    let ramp =
        ["ramp", "whispers.enabled", "--stage", "1,24h", "--stage", "10,3d", "--stage", "100", "--start"];
    json(url, &ramp);
    assert_eq!(json(url, &["plan", "status", "ramp.whispers.enabled"])["state"], "holding");
    stage.clock.advance(DAY);
    eventually("the second step", async || {
        json(url, &["list"])["flags"][0]["environments"]["production"]["state"] == "10%"
    })
    .await;
    json(url, &["plan", "cancel", "ramp.whispers.enabled"]);
    assert_eq!(run(url, &["plan", "watch", "ramp.whispers.enabled"]).status.code(), Some(6), "given up");
    stage.server.running.stop().await;
}
