//! The questions of whoever is on call: why did she get that, what differs, whom would it move, what can go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mycelia_flags_sdk::{Client, Context};
use serde_json::Value;

use crate::binary::Process;
use crate::command_line::{json, refused, run};
use crate::patience::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    json(url, &["create", "dreams"]);
    let enabled = json(url, &["enable", "dreams"]);
    let then = enabled["committed_at"].as_str().unwrap();
    let revision = enabled["revision"].to_string();
    json(url, &["disable", "dreams"]);

    let explain = |at: &[&str]| json(url, &[&["explain", "dreams", "--user", "ana"][..], at].concat());
    for at in [["--at", then], ["--at", &revision]] {
        let past = explain(&at);
        assert_eq!((&past["value"], &past["reason"]), (&true.into(), &"STATIC".into()), "{at:?}");
        assert!(past["committed_at"].is_string(), "{at:?}");
        assert_eq!(past["revision"].to_string(), revision, "{at:?}");
    }
    let now = explain(&[]);
    assert_eq!((&now["value"], &now["reason"]), (&false.into(), &"DISABLED".into()));
    let decided: Vec<&Value> =
        now["steps"].as_array().unwrap().iter().filter(|step| step["decided"] == true).collect();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0]["kind"], "switch");
    refused(url, &["explain", "dreams", "--at", "99"], 5, "UNKNOWN_REVISION");
    refused(url, &["explain", "dreams", "--at", "2001-01-01T00:00:00Z"], 5, "UNKNOWN_REVISION");

    // What the disabling wrote, and back again; whatever was built on since is not taken back.
    let head = now["revision"].as_u64().unwrap();
    let changes = json(url, &["diff", &revision, &head.to_string()])["differences"].clone();
    assert_eq!(
        (&changes[0]["field"], &changes[0]["from"], &changes[0]["to"]),
        (&"enabled".into(), &"yes".into(), &"no".into())
    );
    json(url, &["undo", &head.to_string()]);
    assert_eq!(explain(&[])["value"], true);
    assert_eq!(json(url, &["diff", &revision])["differences"].as_array().unwrap().len(), 0, "as it was");
    json(url, &["rollout", "dreams", "10"]);
    refused(url, &["undo", &(head + 1).to_string()], 1, "CHANGED_SINCE");
    assert_eq!(explain(&[])["bucket"]["ends"][0]["end"], 10.0, "a refusal changes nothing");
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_whom_it_would_move_and_a_report_what_nobody_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    for flag in ["dreams", "forgotten"] {
        json(url, &["create", flag, "--owner", "maya"]);
        json(url, &["rollout", flag, "0"]);
    }
    let client = Client::builder()
        .server(url)
        .environment("production")
        .service("ui")
        .report_interval(Duration::from_millis(100))
        .connect()
        .unwrap();
    client.ready(PATIENCE).await.unwrap();
    let dry_run = || json(url, &["rollout", "dreams", "100", "--dry-run"]);
    // The SDK tells of a sample only.
    let told = AtomicUsize::new(0);
    eventually("the server has heard of some", || async {
        for _ in 0..1_000 {
            let user = format!("user-{}", told.fetch_add(1, Ordering::Relaxed));
            let _ = client.bool_value("dreams", true, &Context::new(&user));
        }
        dry_run()["impacts"][0]["seen"].as_u64().is_some_and(|seen| seen >= 5)
    })
    .await;

    let said = dry_run();
    assert_eq!((&said["dry_run"], &said["committed_at"]), (&true.into(), &Value::Null));
    assert_eq!(said["differences"][0]["field"], "default_serve");
    let impact = &said["impacts"][0];
    assert_eq!((&impact["flag"], &impact["changed"]), (&"dreams".into(), &impact["seen"]));
    let moved = &impact["moves"][0];
    assert_eq!((&moved["from"], &moved["to"]), (&"off".into(), &"on".into()));
    assert_eq!(impact["services"][0]["service"], "ui");
    assert!(!said.to_string().contains("user-"), "no targeting key is told");
    assert!(!client.bool_value("dreams", true, &Context::new("user-1")), "nothing was changed");

    let stale = || json(url, &["stale", "--settled-for", "1s"]);
    eventually("a second has passed without a question", || async {
        stale()["flags"].as_array().unwrap().iter().any(|found| {
            let reasons = found["reasons"].as_array().unwrap();
            found["flag"] == "forgotten" && reasons.iter().any(|reason| reason["kind"] == "never_evaluated")
        })
    })
    .await;
    let found = stale();
    let asked_for =
        found["flags"].as_array().unwrap().iter().find(|found| found["flag"] == "dreams").unwrap();
    let kinds: Vec<&str> = asked_for["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|reason| reason["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["fully_off"], "somebody asks for it");
    assert!(server.terminate().success());
}

#[test]
fn what_the_code_relies_on_is_audited() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    json(url, &["create", "dreams"]);
    let required = folder.path().join("required.txt");
    let audit = || run(url, &["audit", "features", "--required", required.to_str().unwrap()]);
    std::fs::write(&required, "dreams boolean\n").unwrap();
    assert_eq!(audit().status.code(), Some(0));
    std::fs::write(&required, "dreams string # not so\nvoice\n").unwrap();
    let found = audit();
    assert_eq!(found.status.code(), Some(6));
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let verdicts: Vec<&str> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["finding"].as_str())
        .collect();
    assert_eq!(verdicts, ["mistyped", "missing"]);
    assert!(server.terminate().success());
}

#[test]
fn an_exported_environment_decides_alike_after_its_import() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::serve(&folder.path().join("first"));
    let url = &*first.url;
    json(url, &["segment", "set", "pro", "--when", "plan = pro"]);
    json(url, &["segment", "add", "pro", "cy"]);
    for flag in ["dreams", "voice"] {
        json(url, &["create", flag]);
    }
    json(url, &["salt", "dreams", "night"]);
    json(url, &["matrix", "dreams", "pro=100", "--rest", "30"]);
    json(url, &["rollout", "voice", "100"]);
    json(url, &["prerequisite", "set", "voice", "dreams=on"]);
    let file = folder.path().join("flags.json");
    let file = file.to_str().unwrap();
    assert!(run(url, &["export", "--output", file]).status.success());

    let second = Process::serve(&folder.path().join("second"));
    let report = json(&second.url, &["import", file]);
    assert_eq!(report["changed"], true, "{report}");
    let mut on = 0;
    for number in 0..40 {
        let user = if number == 0 { "cy".to_owned() } else { format!("user-{number}") };
        let plan = if number % 4 == 1 { "plan=pro" } else { "plan=free" };
        for flag in ["dreams", "voice"] {
            let decide =
                |url: &str| json(url, &["eval", flag, "--user", &user, "--attr", plan])["value"].clone();
            let decided = decide(url);
            assert_eq!(decided, decide(&second.url), "{flag} for {user}, {plan}");
            on += usize::from(decided == true);
        }
    }
    assert!((22..80).contains(&on), "neither nobody nor everybody has them: {on} of 80");
    let again = json(&second.url, &["import", file]);
    assert_eq!(again["changed"], false, "an import is repeatable: {again}");
    assert!(first.terminate().success());
    assert!(second.terminate().success());
}
