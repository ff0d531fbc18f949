//! Moving here from Unleash and LaunchDarkly: what is imported decides as the other product does, by the real binary.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::binary::Process;
use crate::command_line::{json, run};

fn file(name: &str) -> String {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/migration");
    vectors.join(name).to_str().unwrap().to_owned()
}

/// What an import answers beside its exit code.
#[track_caller]
fn answer(output: &Output, code: i32) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn check(url: &str, flag: &str, user: &str, attributes: &[&str], expected: &str) {
    let mut arguments = vec!["eval", flag];
    if !user.is_empty() {
        arguments.extend(["--user", user]);
    }
    arguments.extend(attributes.iter().flat_map(|attribute| ["--attr", attribute]));
    let found = json(url, &arguments);
    assert_eq!(found["variant"], expected, "{flag} for {user:?} {attributes:?}: {found}");
}

fn revision(url: &str) -> Value {
    json(url, &["status"])["revision"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn features_of_unleash_decide_here_as_they_do_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let (url, file) = (&*server.url, &*file("unleash-client.json"));
    let before = revision(url);

    let dry = answer(&run(url, &["import", file, "--dry-run"]), 6);
    assert_eq!((&dry["dry_run"], &dry["changed"]), (&true.into(), &true.into()));
    let skipped: Vec<&Value> =
        dry["report"].as_array().unwrap().iter().filter(|line| line["outcome"] == "skipped").collect();
    assert_eq!((&skipped[0]["flag"], &skipped[0]["line"]), (&"shout".into(), &69.into()), "{dry}");
    let strict = run(url, &["import", file]);
    assert!(String::from_utf8_lossy(&strict.stderr).contains("nothing is imported"));
    assert_eq!(answer(&strict, 6)["dry_run"], true);
    assert_eq!(revision(url), before, "neither of them has changed anything");

    let done = answer(&run(url, &["import", file, "--allow-partial", "--reason", "move"]), 6);
    assert_eq!((&done["dry_run"], &done["changed"]), (&false.into(), &true.into()));
    check(url, "checkout.new-flow", "ana", &[], "on");
    check(url, "checkout.new-flow", "", &["country=DE"], "off");
    let all = [
        "country=AT",
        "plan=pro",
        "email=a@example.com",
        "age=40",
        "joined=2025-06-01",
        "app=3.0.0",
        "staff=true",
    ];
    check(url, "checkout.new-flow", "", &all, "on");
    check(url, "theme", "ana", &[], "dark");
    check(url, "voice", "ben", &[], "on");
    check(url, "voice", "", &[], "off");
    check(url, "legacy", "", &["remoteAddress=10.0.0.1"], "off");
    let again = answer(&run(url, &["import", file, "--allow-partial"]), 6);
    assert_eq!(again["changed"], false, "an import is repeatable: {again}");
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_of_launchdarkly_decide_here_as_they_do_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let (url, file) = (&*server.url, &*file("launchdarkly.json"));
    answer(&run(url, &["import", file, "--format", "launchdarkly", "--allow-partial"]), 6);
    let flag = json(url, &["get", "alternate.page"]);
    assert_eq!((&flag["owner"], &flag["lifetime"]), (&"ana@example.com".into(), &"temporary".into()));
    assert_eq!(flag["client_visible"], true, "pages may ask for it there: {flag}");
    check(url, "alternate.page", "ben", &[], "true");
    check(url, "alternate.page", "cy", &[], "false");
    check(url, "alternate.page", "cy", &["email=c@example.com", "country=FR"], "true");
    check(url, "alternate.page", "cy", &["email=c@example.com", "country=AT"], "false");
    check(url, "alternate.page", "cy", &["email=c@example.com"], "false");
    check(url, "plan-name", "ana", &["seats=6"], "Team-Plan");
    check(url, "plan-name", "cy", &["seats=6"], "free");
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let nonsense = folder.path().join("nonsense.json");
    std::fs::write(&nonsense, r#"{"toggles": []}"#).unwrap();
    let refused = |arguments: &[&str], expected: &str| {
        let output = run(&server.url, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    };
    refused(&["import", nonsense.to_str().unwrap()], "`features` (Unleash)");
    refused(&["import", nonsense.to_str().unwrap()], "`toggles`");
    let export = &*file("unleash-export.json");
    refused(&["import", export, "--from-environment", "qa"], "production");
    refused(&["import", export, "--env", "nowhere"], "nowhere");
    assert!(server.terminate().success());
}
