//! The real binary against a scripted server, for what a real one cannot be made to do at will: lose an answer, never
//! converge, break off a backup, drop a stream, send control characters.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage has failed")]

mod script;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;

use mycelia_flags_proto::v1::admin_service_server::AdminServiceServer;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::sync_service_server::SyncServiceServer;
use serde_json::{Value as Json, json};

use crate::script::Script;

/// Serves on a runtime of its own, which ends with it.
struct Server {
    script: Script,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script::default();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let serving = tonic::transport::Server::builder()
            .add_service(AdminServiceServer::new(script.clone()))
            .add_service(SyncServiceServer::new(script.clone()))
            .serve_with_incoming(incoming);
        runtime.spawn(serving);
        Self { script, address, _runtime: runtime }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mycelia-flags"));
        command
            .args(arguments)
            .env_clear()
            .env("MYCELIA_SERVER", self.address.to_string())
            .env("USER", "ada");
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert_eq!(status.code(), Some(code), "stdout: {stdout}\nstderr: {stderr}");
        (stdout, stderr)
    }
}

fn parsed(json: &str) -> Json {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let server = Server::start();
    let (stdout, stderr) = server.run(&["enable", "lost", "--reason", "launch"], 0);
    let document = parsed(&stdout);
    assert_eq!(document["replayed"], json!(true));
    assert_eq!(document["environment"], json!("production"));
    assert_eq!(stderr, "warning: the flag has no owner\n");
    let applied = server.script.applied.lock().unwrap();
    let [first, second] = applied.as_slice() else { panic!("{applied:?}") };
    assert_eq!(first, second);
    assert_eq!(first.idempotency_key.len(), 36);
    let asked = first.change_set.clone().unwrap();
    assert_eq!((asked.actor.as_str(), asked.reason.as_str()), ("ada", "launch"));
}

#[test]
fn each_change_has_its_own_key() {
    let server = Server::start();
    server.run(&["enable", "a"], 0);
    server.run(&["enable", "a"], 0);
    let applied = server.script.applied.lock().unwrap();
    let keys: Vec<_> = applied.iter().map(|request| request.idempotency_key.as_str()).collect();
    assert_ne!(keys.first(), keys.last());
}

#[test]
fn a_change_that_changes_nothing_names_the_environment_all_the_same() {
    let (stdout, _) = Server::start().run(&["rollout", "same", "12.5%"], 0);
    let document = parsed(&stdout);
    assert_eq!(document["changed"], json!(false));
    assert_eq!(document["environment"], json!("production"));
}

#[test]
fn a_refusal_is_1_and_what_is_missing_is_5() {
    let server = Server::start();
    let (_, stderr) = server.run(&["enable", "missing"], 5);
    assert_eq!(stderr, "error: no flag `missing`\\u{1b}[2J\n");
    let (_, stderr) = server.run(&["enable", "missing", "--json"], 5);
    assert_eq!(parsed(&stderr)["error"]["code"], json!("NOT_FOUND"));
    server.run(&["get", "dreams"], 1);
}

#[test]
fn waiting_tells_progress_and_then_how_long_it_took() {
    let (stdout, stderr) = Server::start().run(&["enable", "dreams", "--wait"], 0);
    assert_eq!(stderr, "warning: the flag has no owner\nrunner 2/3\nrunner 3/3\n");
    let document = parsed(&stdout);
    assert_eq!(document["convergence"]["converged"], json!(true));
    assert_eq!(document["convergence"]["duration_micros"], json!(12_345));
    assert_eq!(document["convergence"]["services"][0]["live"], json!(3));
}

#[test]
fn waiting_too_long_is_4_and_says_who_is_missing() {
    let server = Server::start();
    let (stdout, stderr) = server.run(&["enable", "stuck", "--wait", "--wait-timeout", "300ms"], 4);
    assert_eq!(parsed(&stdout)["convergence"]["converged"], json!(false));
    let complaint =
        "error: timed out after 300ms waiting for revision 99: runner 2/3; not yet: runner/runner-7f\n";
    assert!(stderr.ends_with(complaint), "{stderr}");
    server.run(&["wait", "99", "--timeout", "300ms"], 4);
    server.run(&["wait", "7"], 0);
}

#[test]
fn all_pages_are_read() {
    let server = Server::start();
    let (stdout, _) = server.run(&["list"], 0);
    assert_eq!(parsed(&stdout)["flags"].as_array().unwrap().len(), 2);
    let (stdout, _) = server.run(&["history", "--limit", "100"], 0);
    let history = parsed(&stdout);
    let revisions: Vec<_> = history["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["revision"].as_u64().unwrap())
        .collect();
    assert_eq!(revisions, [5, 4, 3, 2, 1]);
    assert_eq!(history["more"], json!(false));
}

#[test]
fn a_list_is_read_to_its_end() {
    let server = Server::start();
    let (stdout, _) = server.run(&["canary-list"], 0);
    assert_eq!(parsed(&stdout), json!({"environment": "production", "on": true, "keys": ["ada", "bob"]}));
    let (stdout, _) = server.run(&["segment", "members", "A", "--excluded"], 0);
    assert_eq!(parsed(&stdout)["list"], json!("excluded"));
    assert_eq!(parsed(&stdout)["keys"], json!(["ada", "bob"]));
}

#[test]
fn many_keys_are_sent_in_several_change_sets_with_progress() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let keys: String = (0..25_000).map(|number| format!("user{number}\n")).collect();
    std::fs::write(&file, keys).unwrap();
    let file = file.to_str().unwrap();
    let (stdout, stderr) = server.run(&["canary-add", "--file", file, "--expect-revision", "3"], 0);
    let progress = "10000 of 25000 keys\n20000 of 25000 keys\n25000 of 25000 keys\n";
    assert!(stderr.starts_with(progress), "{stderr}");
    let document = parsed(&stdout);
    assert_eq!(document["action"], json!("canary-add"));
    assert_eq!(document["list"], json!("canary"));
    assert_eq!(document["warnings"], json!(["the flag has no owner"]));
    let sent: Vec<_> = server.script.changes(|change, expected| match change {
        Change::EditList(edit) => (edit.add.len(), expected),
        other => panic!("{other:?}"),
    });
    // Each part expects what the one before it left behind.
    assert_eq!(sent, [(10_000, Some(3)), (10_000, Some(7)), (5_000, Some(7))]);
}

#[test]
fn rules_are_written_under_the_revision_that_they_were_read_at() {
    let server = Server::start();
    let add = ["rule", "add", "ruled", "--when", "plan = pro", "--serve", "on", "--name", "new", "--at", "2"];
    server.run(&add, 0);
    server.run(&["rule", "remove", "ruled", "1", "--expect-revision", "6"], 0);
    let (_, stderr) = server.run(&["rule", "remove", "ruled", "1", "--expect-revision", "5", "--json"], 1);
    assert_eq!(parsed(&stderr)["error"]["reason"], json!("REVISION_MISMATCH"));
    server.run(&["rule", "remove", "ruled", "3"], 5);
    server.run(&["rule", "list", "ruled", "--env", "nowhere"], 5);
    let written: Vec<_> = server.script.changes(|change, expected| match change {
        Change::SetRules(set) => {
            let names: Vec<_> = set.rules.into_iter().map(|rule| rule.name).collect();
            (names.join(" "), expected)
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(written, [("first new second".to_owned(), Some(6)), ("second".to_owned(), Some(6))]);
}

#[test]
fn who_is_no_member_is_6() {
    let server = Server::start();
    let (stdout, _) = server.run(&["segment", "test", "A", "--user", "ada", "--attr", "age=17"], 0);
    assert_eq!(parsed(&stdout)["member"], json!(true));
    assert_eq!(parsed(&stdout)["steps"][0]["steps"][0]["text"], json!("age is 17"));
    let (stdout, stderr) = server.run(&["segment", "test", "A", "--context", r#"{"targetingKey":"bob"}"#], 6);
    assert_eq!(parsed(&stdout)["member"], json!(false));
    assert_eq!(stderr, "");
}

#[test]
fn a_backup_is_complete_or_not_there() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let (stdout, _) = server.run(&["backup", file.to_str().unwrap()], 0);
    assert_eq!(parsed(&stdout), json!({"file": file.to_str().unwrap(), "bytes": 9}));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "the whole");
    assert_eq!(server.run(&["backup", "-"], 0).0, "the whole");

    server.script.is_damaged.store(true, Ordering::Relaxed);
    let (_, stderr) = server.run(&["backup", "--force", file.to_str().unwrap()], 1);
    assert_eq!(stderr, "error: damaged\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "the whole");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_watcher_comes_back_where_it_was_and_starts_over_after_a_gap() {
    let server = Server::start();
    let mut child = server.command(&["watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let events: Vec<Json> = lines.take(4).map(|line| parsed(&line.unwrap())).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event["event"].as_str().unwrap(), event["revision"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("snapshot", 7), ("delta", 8), ("delta", 9), ("snapshot", 12)]);
    assert_eq!(events[1]["flags"][0]["key"], json!("dreams"));
    assert_eq!(events[1]["flags"][0]["state"], json!("off"));
    assert_eq!(events[1]["environment"], json!("production"));

    let subscribed = server.script.subscribed.lock().unwrap();
    let known: Vec<_> = subscribed.iter().map(|request| request.known_revision).take(3).collect();
    assert_eq!(known, [0, 8, 0]);
    let acknowledged = server.script.acknowledged.lock().unwrap();
    let acknowledged: Vec<_> =
        acknowledged.iter().map(|request| (request.stream_id, request.applied_revision)).take(3).collect();
    assert_eq!(acknowledged, [(1, 7), (1, 8), (2, 9)]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let server = Server::start();
    let mut child = server.command(&["watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn an_explanation_is_asked_for_at_a_revision_or_a_moment() {
    let server = Server::start();
    let at = |arguments: &[&str]| {
        let (stdout, _) = server.run(&[&["explain", "dreams", "--user", "ada"], arguments].concat(), 0);
        parsed(&stdout)["steps"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(at(&[]), "None");
    assert_eq!(at(&["--at", "12"]), "Some(AtRevision(12))");
    assert!(at(&["--at", "1970-01-02"]).contains("86400"));
    server.run(&["explain", "missing", "--user", "ada"], 5);
    let (stdout, _) = server.run(&["bucket", "dreams", "ada"], 0);
    assert_eq!(parsed(&stdout)["bucket"], json!(37.412));
    server.run(&["bucket", "missing", "ada"], 5);
    let (_, stderr) = server.run(&["bucket", "anonymous", "ada"], 1);
    assert!(stderr.contains("ada is in no bucket of anonymous"), "{stderr}");
}

#[test]
fn revisions_and_environments_are_told_apart() {
    let server = Server::start();
    let asked = |arguments: &[&str]| {
        let (stdout, _) = server.run(&[&["diff"], arguments].concat(), 0);
        let found = parsed(&stdout)["differences"][0].clone();
        ["entity", "from", "to", "field"].map(|name| found[name].as_str().unwrap().to_owned()).join(" ")
    };
    assert_eq!(asked(&["3"]), "3-0   ");
    assert_eq!(asked(&["3", "5", "--flag", "a", "--flag", "b"]), "3-5   a,b");
    assert_eq!(asked(&["--env", "staging", "production"]), "0-0 staging production ");
    assert_eq!(asked(&["staging", "production"]), "0-0 staging production ");
    assert_eq!(asked(&["--environments", "staging", "production"]), "0-0 staging production ");
    server.run(&["diff"], 2);
    server.run(&["diff", "production"], 2);
}

#[test]
fn what_is_required_and_not_there_is_6() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let audit = |text: &str, code| {
        let file = folder.path().join("required");
        std::fs::write(&file, text).unwrap();
        server.run(&["audit", "features", "--required", file.to_str().unwrap()], code)
    };
    audit("a\nb\n", 0);
    let (stdout, _) = audit("a\nc boolean\n", 6);
    let document = parsed(&stdout);
    assert_eq!(document["findings"][0]["flag"], json!("c"));
    assert_eq!(document["findings"][0]["finding"], json!("missing"));
    let (_, stderr) = audit("a colour\n", 2);
    assert!(stderr.contains("line 1: `colour` is no type"), "{stderr}");
}

#[test]
fn a_large_document_takes_several_change_sets() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    std::fs::write(&file, "1001").unwrap();
    let file = file.to_str().unwrap();
    let (stdout, stderr) = server.run(&["import", file, "--env", "staging", "--reason", "move"], 6);
    assert!(stderr.starts_with("warning: 1 flag is left out\n"), "{stderr}");
    let document = parsed(&stdout);
    assert_eq!(document["environment"], json!("staging"));
    assert_eq!(document["document"], json!(file));
    assert_eq!(document["report"][0], json!({"flag": "odd one", "outcome": "skipped", "text": "no key"}));
    let applied = server.script.applied.lock().unwrap();
    let sizes = applied.iter().map(|request| request.change_set.as_ref().unwrap().changes.len());
    assert_eq!(sizes.collect::<Vec<_>>(), [1_000, 1]);
    let expected: Vec<_> = applied.iter().map(|request| request.expected_revision).collect();
    assert_eq!(expected, [Some(6), Some(7)], "nobody came between");
}

#[test]
fn an_import_of_another_revision_is_not_sent() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    std::fs::write(&file, "1").unwrap();
    server.run(&["import", file.to_str().unwrap(), "--expect-revision", "5"], 1);
    assert!(server.script.applied.lock().unwrap().is_empty());
}

#[test]
fn an_export_says_what_it_leaves_out_and_replaces_no_file_unasked() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    let (stdout, stderr) = server.run(&["export"], 6);
    assert_eq!(parsed(&stdout), json!({"flags": {"a": {}}}));
    assert_eq!(stderr, "warning: b is left out: it knows dates\n");
    let to_file = ["export", "-o", file.to_str().unwrap()];
    let (stdout, _) = server.run(&to_file, 6);
    assert_eq!(parsed(&stdout)["flags"], json!(1));
    assert_eq!(parsed(&stdout)["omissions"][0]["flag"], json!("b"));
    server.run(&to_file, 2);
    server.run(&["export", "--force", "-o", file.to_str().unwrap()], 6);
}

#[test]
fn an_undo_names_its_revision() {
    let server = Server::start();
    let (stdout, _) = server.run(&["undo", "12", "--reason", "wrong"], 0);
    assert_eq!(parsed(&stdout)["undone"], json!(12));
    let undone =
        server.script.changes(|change, _| matches!(change, Change::Undo(undo) if undo.revision == 12));
    assert_eq!(undone, [true]);
}

#[test]
fn all_pages_of_the_requests_are_one_list() {
    let server = Server::start();
    let (stdout, _) = server.run(&["request", "list", "--all"], 0);
    let requests = parsed(&stdout)["requests"].clone();
    assert_eq!((&requests[0]["request"], &requests[1]["request"]), (&json!(9), &json!(5)));
}

#[test]
fn whatever_is_requested_travels_within_one_change() {
    let server = Server::start();
    let (stdout, _) = server.run(&["undo", "12", "--request", "--reason", "wrong"], 0);
    assert_eq!(parsed(&stdout)["requested"], json!(true));
    let within = server.script.changes(|change, _| match change {
        Change::RequestApproval(request) => request.changes.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(within, [1]);
}
