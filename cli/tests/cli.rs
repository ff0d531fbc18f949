//! The real binary, without a server: help, manuals, usage errors, and what happens when nobody answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage has failed")]

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    run_with(arguments, &[])
}

fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mycelia-flags"));
    command.args(arguments).env_clear().env("HOME", home.path()).envs(variables.iter().copied());
    command.output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32) -> (String, String) {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "stdout: {stdout}\nstderr: {stderr}");
    (stdout, stderr)
}

/// Where nobody listens, and nobody else can begin to: the port belongs to the client's end of a connection.
struct Closed {
    _listener: TcpListener,
    client: TcpStream,
}

impl Closed {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self { _listener: listener, client }
    }

    fn url(&self) -> String {
        format!("http://{}", self.client.local_addr().unwrap())
    }
}

#[test]
fn help_names_every_command_and_exit_code() {
    let (stdout, _) = check(&run(&["--help"]), 0);
    for command in [
        "serve",
        "create",
        "get",
        "list",
        "enable",
        "disable",
        "rollout",
        "update",
        "variants",
        "archive",
        "unarchive",
        "delete",
        "set-default",
        "set-off",
        "salt",
        "rule",
        "matrix",
        "targeting",
        "prerequisite",
        "override",
        "segment",
        "canary",
        "canary-add",
        "canary-remove",
        "canary-list",
        "canary-variant",
        "feature",
        "plan",
        "status",
        "history",
        "subscribers",
        "watch",
        "wait",
        "eval",
        "explain",
        "bucket",
        "diff",
        "undo",
        "stale",
        "audit",
        "import",
        "export",
        "backup",
        "restore",
        "completions",
        "man",
    ] {
        assert!(stdout.contains(&format!("\n  {command} ")), "{command} is missing in {stdout}");
        check(&run(&[command, "--help"]), 0);
    }
    for line in [
        "3  the server cannot be reached",
        "4  timed out waiting",
        "5  not found",
        "6  the answer is no",
        "MYCELIA_SERVER",
    ] {
        assert!(stdout.contains(line), "{line} is missing in {stdout}");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (stdout, _) = check(&run(&["completions", shell]), 0);
        assert!(stdout.contains("rollout"), "{shell}");
    }
}

#[test]
fn man_pages_are_printed() {
    let (stdout, _) = check(&run(&["man"]), 0);
    assert!(stdout.contains(".TH mycelia\\-flags 1") || stdout.contains(".TH mycelia-flags 1"), "{stdout}");
    let (stdout, _) = check(&run(&["man", "rollout"]), 0);
    assert!(stdout.contains("PERCENT"), "{stdout}");
    check(&run(&["man", "nonsense"]), 2);
}

#[test]
fn usage_errors_are_2() {
    check(&run(&[]), 2);
    check(&run(&["nonsense"]), 2);
    check(&run(&["rollout", "dreams", "101"]), 2);
    check(&run(&["rollout", "dreams", "12.3456"]), 2);
    check(&run(&["enable", "dreams", "--dry-run", "--wait"]), 2);
    check(&run(&["wait", "--timeout", "soon"]), 2);
    let (_, stderr) = check(&run(&["create", "limit", "--type", "integer", "--variant", "many=lots"]), 2);
    assert!(stderr.contains("error: --variant many=lots: `lots` is not a 64-bit integer"), "{stderr}");
    let (_, stderr) = check(&run(&["list", "--server", "ftp://flags"]), 2);
    assert!(stderr.contains("is not a URL such as http://127.0.0.1:8013"), "{stderr}");
    let missing = ["list", "--server", "https://flags", "--tls-ca", "/nonexistent/ca.pem"];
    let (_, stderr) = check(&run(&missing), 2);
    assert!(stderr.contains("--tls-ca /nonexistent/ca.pem: No such file"), "{stderr}");
    let (_, stderr) = check(&run(&["serve", "--tls-cert", "server.pem"]), 2);
    assert!(stderr.contains("--tls-key <FILE>"), "{stderr}");
}

#[test]
fn what_is_typed_wrongly_is_2_and_named() {
    for (arguments, complaint) in [
        (&["canary", "maybe"][..], "[possible values: on, off, status]"),
        (&["canary-add"], "<USER>"),
        (&["canary-add", "--file", "/nonexistent/keys"], "cannot read /nonexistent/keys"),
        (&["canary-variant", "dreams"], "<VARIANT>"),
        (&["canary-variant", "dreams", "on", "--out"], "cannot be used with"),
        (
            &["segment", "set", "A", "--when", "country is DE"],
            "expected an operator after `country`, not `is`",
        ),
        (&["segment", "set", "A", "--percent", "70..10"], "such as 10 or 10..70"),
        (&["segment", "set", "A", "--salt", "people"], "--percent"),
        (&["segment", "test", "A", "--context", "ada"], "--context: expected a JSON object"),
        (&["rule", "add", "dreams", "--serve", "on"], "--when"),
        (&["rule", "add", "dreams", "--when", "a = 1"], "--serve"),
        (
            &["rule", "add", "dreams", "--when", "a = 1", "--serve", "on", "--percent", "5"],
            "cannot be used with",
        ),
        (&["rule", "remove", "dreams", "0"], "0 is not in 1.."),
        (&["matrix", "dreams", "A"], "expected SEGMENT=PERCENT"),
        (&["matrix", "dreams", "A=101"], "expected 0 to 100"),
        (&["matrix", "dreams", "--rest", "5"], "SEGMENT=PERCENT"),
        (&["matrix", "dreams", "A=1", "--clear"], "cannot be used with"),
        (&["override", "set", "dreams", "--service", "ui"], "--variant"),
        (&["override", "set", "d", "--service", "ui", "--variant", "on", "--expires", "1ms"], "at least 1s"),
        (&["targeting", "set", "dreams", "/nonexistent.json"], "cannot read /nonexistent.json"),
        (&["prerequisite", "set", "dreams"], "OTHER"),
        (&["feature", "set", "voice"], "--flag"),
        (&["update", "dreams"], "say what to change"),
        (&["update", "dreams", "--ends", "soon"], "expected a date such as 2026-12-31"),
        (&["set-default", "dreams", "on=50", "off=40"], "the shares add up to 90%, not to 100%"),
        (&["salt", "dreams"], "<TEXT>"),
    ] {
        let (stdout, stderr) = check(&run(arguments), 2);
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(stderr.contains(complaint), "{arguments:?}: {stderr}");
    }
}

#[test]
fn the_grammar_of_conditions_is_in_the_help() {
    for command in [["segment", "set"], ["rule", "add"]] {
        let (stdout, _) = check(&run(&[&command[..], &["--help"]].concat()), 0);
        assert!(stdout.contains("ATTRIBUTE [not] OPERATOR OPERAND[,OPERAND…]"), "{stdout}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_3() {
    let closed = Closed::new();
    let server = closed.url();
    let (stdout, stderr) = check(&run(&["list", "--server", &server]), 3);
    assert_eq!(stdout, "");
    let expected = format!(
        "error: cannot reach {server}: connection refused. Is the server running? (mycelia-flags serve)\n"
    );
    assert_eq!(stderr, expected);

    for command in [
        &["enable", "dreams"][..],
        &["create", "dreams"],
        &["status"],
        &["watch"],
        &["wait"],
        &["eval", "dreams", "--user", "ada"],
        &["backup", "-"],
    ] {
        let (stdout, stderr) = check(&run_with(command, &[("MYCELIA_SERVER", &server)]), 3);
        assert_eq!(stdout, "", "{command:?}");
        assert!(stderr.starts_with(&format!("error: cannot reach {server}: ")), "{command:?}: {stderr}");
    }
}

#[test]
fn a_server_that_says_nothing_is_3_too() {
    // The connection is accepted by the system and nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let (_, stderr) = check(&run(&["status", "--server", &server, "--timeout", "200ms"]), 3);
    assert!(stderr.contains("no answer within 200ms"), "{stderr}");
}

#[test]
fn errors_are_documents_with_json() {
    let (_, stderr) = check(&run(&["list", "--json", "--server", &Closed::new().url()]), 3);
    let document: serde_json::Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(document["error"]["code"], "UNREACHABLE");
    assert!(document["error"]["message"].as_str().unwrap().contains("connection refused"));
    assert_eq!(document["error"]["violations"], serde_json::json!([]));
}

#[test]
fn a_failed_backup_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    check(&run(&["backup", file.to_str().unwrap(), "--server", &Closed::new().url()]), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::write(&file, "old").unwrap();
    let (_, stderr) = check(&run(&["backup", file.to_str().unwrap(), "--server", &Closed::new().url()]), 2);
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
}

#[test]
fn the_configuration_file_is_read_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let config = file.to_str().unwrap();
    let closed = Closed::new();
    let (top, profile, typed) = (closed.url(), "http://127.0.0.1:2", "http://127.0.0.1:1");
    std::fs::write(&file, format!("server = '{top}'\n[profiles.prod]\nserver = '{profile}'\n")).unwrap();

    let reaches = |arguments: &[&str], variables: &[(&str, &str)], server: &str| {
        let arguments = [&["status", "--config", config], arguments].concat();
        let (_, stderr) = check(&run_with(&arguments, variables), 3);
        assert!(stderr.contains(&format!("cannot reach {server}:")), "{stderr}");
    };
    reaches(&[], &[], &top);
    reaches(&["--profile", "prod"], &[], profile);
    reaches(&[], &[("MYCELIA_PROFILE", "prod")], profile);
    reaches(&["--profile", "prod"], &[("MYCELIA_SERVER", &top)], &top);
    reaches(&["--profile", "prod", "--server", typed], &[("MYCELIA_SERVER", &top)], typed);

    let (_, stderr) = check(&run(&["status", "--config", config, "--profile", "nobody"]), 2);
    assert!(stderr.contains("no profile `nobody` (profiles: prod)"), "{stderr}");

    std::fs::write(&file, "servr = 'http://127.0.0.1:1'\n").unwrap();
    let (_, stderr) = check(&run(&["status", "--config", config]), 2);
    assert!(stderr.contains("servr") && stderr.contains(config), "{stderr}");

    let (_, stderr) = check(&run(&["status", "--config", "/nonexistent/config.toml"]), 2);
    assert!(stderr.contains("/nonexistent/config.toml"), "{stderr}");
}

#[test]
fn the_usual_configuration_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mycelia-flags")).unwrap();
    std::fs::write(folder.path().join("mycelia-flags/config.toml"), "nonsense = 1\n").unwrap();
    let home = folder.path().to_str().unwrap();
    let (_, stderr) = check(&run_with(&["status"], &[("XDG_CONFIG_HOME", home)]), 2);
    assert!(stderr.contains("nonsense"), "{stderr}");
}
