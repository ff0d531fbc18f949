//! The command line against a real server: what a release manager types, what a script reads, and how each ends.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::binary::{Process, path};
use crate::checker::{Checked, Held};

pub(crate) fn run(url: &str, arguments: &[&str]) -> Output {
    run_as("mara", url, arguments)
}

pub(crate) fn run_as(actor: &str, url: &str, arguments: &[&str]) -> Output {
    Command::new(path())
        .args(["--server", url, "--actor", actor])
        .args(arguments)
        .env_remove("MYCELIA_ENV")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap()
}

/// What a command answers, which is JSON because nobody looks on.
#[track_caller]
pub(crate) fn json(url: &str, arguments: &[&str]) -> Value {
    let output = run(url, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn refused(url: &str, arguments: &[&str], code: i32, expected: &str) {
    let output = run(url, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(expected), "{arguments:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_from_its_creation_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    let created = json(url, &["create", "oracle.chat", "--description", "Oracle", "--tag", "beta"]);
    assert_eq!((&created["changed"], &created["revision"]), (&true.into(), &2.into()));
    let rolled = json(url, &["rollout", "oracle_chat", "25", "--reason", "day 1"]);
    assert_eq!(
        rolled["environment"], "production",
        "with nothing configured the answer names the environment"
    );
    let again = json(url, &["rollout", "oracle_chat", "25%"]);
    assert_eq!((&again["changed"], &again["revision"]), (&false.into(), &3.into()));
    let listed = json(url, &["list"]);
    assert_eq!(listed["flags"][0]["environments"]["production"]["state"], "25%");
    let dry = json(url, &["disable", "oracle.chat", "--env", "production", "--dry-run"]);
    assert_eq!(
        (&dry["dry_run"], &dry["entities"][0]),
        (&true.into(), &"configuration/production/oracle_chat".into())
    );
    json(url, &["disable", "oracle.chat", "--reason", "too loud"]);
    refused(url, &["rollout", "oracle.chat", "50"], 1, "mara disabled it at");
    json(url, &["rollout", "oracle.chat", "50", "--enable"]);
    let evaluated = json(url, &["eval", "oracle-chat", "--user", "alice"]);
    assert_eq!((&evaluated["flag"], &evaluated["reason"]), (&"oracle.chat".into(), &"SPLIT".into()));
    let history = json(url, &["history", "oracle.chat"]);
    let words: Vec<&str> = history["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["changes"][0]["words"].as_str().unwrap())
        .collect();
    assert_eq!(words.len(), 4, "{words:?}");
    assert_eq!(words[0], "enable and roll out oracle.chat to 50% in production");
    json(url, &["delete", "oracle.chat"]);
    refused(url, &["get", "oracle.chat"], 5, "UNKNOWN_FLAG");
    refused(url, &["rollout", "oracle.chat", "101"], 2, "0 to 100");
    refused(url, &["enable", "x", "--env", "nowhere"], 5, "one of development, staging, production");
    refused("http://127.0.0.1:1", &["list"], 3, "cannot reach");
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_takes_too_long_says_who_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    json(&server.url, &["create", "dreams"]);
    let _lagging = Checked::follow(&server.url, "runner", "runner-7").await;
    refused(&server.url, &["enable", "dreams", "--wait", "--wait-timeout", "300ms"], 4, "runner/runner-7");
    // The change is there all the same; asking for it again waits for whoever lacks it.
    refused(&server.url, &["enable", "dreams", "--wait", "--wait-timeout", "300ms"], 4, "runner/runner-7");
}

/// Backs up, restores into another directory, and serves from there at the same address.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_is_another_store_and_subscribers_start_over() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let backup = folder.path().join("backup");
    let server = Process::serve(&first);
    json(&server.url, &["create", "dreams"]);
    json(&server.url, &["enable", "dreams"]);
    json(&server.url, &["backup", backup.to_str().unwrap()]);
    refused(&server.url, &["backup", backup.to_str().unwrap()], 2, "--force");
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    json(&server.url, &["create", "after-the-backup"]);
    follower.until(4).await;
    let held: Held = follower.held.clone();
    server.kill();

    let restore = |into: &Path| {
        let arguments = ["restore", backup.to_str().unwrap(), "--data-dir", into.to_str().unwrap()];
        Command::new(path()).args(arguments).output().unwrap()
    };
    let restored = restore(&second);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let again = restore(&second);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
    let server = Process::serve(&second);
    let mut follower = Checked::resume(&server.url, "ui", "1", held.clone()).await;
    follower.until(4).await;
    assert_ne!(follower.held.epoch, held.epoch, "a new identity: nobody mistakes the one for the other");
    assert_eq!(follower.snapshots, 1, "the old state is worthless");
    assert!(follower.held.is_on("dreams"));
    assert!(follower.held.flag("after-the-backup").is_none());
}

/// A backup that the first released format wrote. It opens in every version to come, with the same flags.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_the_first_format_opens() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored/backup-1");
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("data");
    let arguments = ["restore", stored.to_str().unwrap(), "--data-dir", into.to_str().unwrap()];
    let restored = Command::new(path()).args(arguments).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let server = Process::serve(&into);
    let listed = json(&server.url, &["list"]);
    let states: Vec<(&str, &str)> = listed["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| {
            (flag["key"].as_str().unwrap(), flag["environments"]["production"]["state"].as_str().unwrap())
        })
        .collect();
    let expected = [("dreams", "25%"), ("oracle.chat", "on"), ("whispers.max", "variant many")];
    assert_eq!(states, expected);
}
