//! The polyglot example as people start it: three languages, three stock providers, and one command that moves them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::Value;

use crate::binary::{path, tool};
use crate::command_line::json;
use crate::patience::PATIENCE;

/// A process that says lines of JSON.
struct Speaker {
    child: Child,
    lines: Receiver<Value>,
}

impl Speaker {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = sync_channel(1_000);
        std::thread::spawn(move || {
            let said = BufReader::new(output).lines().map_while(Result::ok);
            for line in said.filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self, what: &str) -> Value {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("never came: {what}: {error}"))
    }

    /// Waits for a line with this field, and answers with the field.
    #[track_caller]
    fn until(&self, field: &str) -> Value {
        loop {
            let line = self.next(field);
            assert!(line.get("error").is_none(), "{line}");
            if let Some(value) = line.get(field) {
                return value.clone();
            }
        }
    }

    /// SIGTERM, so that the script takes its children along.
    fn end(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _gone = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).output();
        let _gone = self.child.wait();
    }
}

/// What each of the services has said of the flag.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    ui: Option<bool>,
    runner: Option<bool>,
    agent: Option<bool>,
}

impl Seen {
    fn take(&mut self, line: &Value) {
        let value = line["value"].as_bool();
        match line["service"].as_str() {
            Some("ui") if value.is_some() => self.ui = value,
            Some("runner") => self.runner = value,
            Some("agent") => self.agent = value,
            _ => {}
        }
    }

    fn all(value: bool) -> Self {
        Self { ui: Some(value), runner: Some(value), agent: Some(value) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_moves_a_page_a_worker_and_an_assistant() {
    let (Some(_python), Some(clients), Some(chromium)) =
        (tool("python-clients"), tool("node-clients"), tool("chromium"))
    else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = clients.canonicalize().unwrap();
    let example = Speaker::start(
        Command::new(root.join("examples/polyglot/run.sh"))
            .env("MYCELIA_FLAGS", path())
            .env("MYCELIA_NODE_CLIENTS", &clients),
    );
    let (mut seen, mut page, mut command) = (Seen::default(), None, None);
    while page.is_none() || command.is_none() {
        let line = example.next("where the page is, and the command");
        seen.take(&line);
        page = page.or(line["page"].as_str().map(str::to_owned));
        command = command.or(line["command"].as_str().map(str::to_owned));
    }
    let mut browser = Speaker::start(
        Command::new("node")
            .env("MYCELIA_NODE_CLIENTS", &clients)
            .env("MYCELIA_CHROMIUM", chromium)
            .arg(root.join("tests/clients/browse.mjs"))
            .arg(page.unwrap()),
    );
    browser.until("ready");
    while seen != Seen::all(false) {
        seen.take(&example.next("each of them without the feature"));
    }

    // As it is written: the program, and what follows it.
    let command = command.unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let url = words[2];
    let changed = json(url, &words[3..]);
    assert_eq!(changed["changed"], true, "{changed}");
    while seen != Seen::all(true) {
        seen.take(&example.next("each of them with the feature"));
    }
    let mut input = browser.child.stdin.take().unwrap();
    writeln!(input, "text #value").unwrap();
    assert_eq!(browser.until("text"), "on", "and the page shows it");

    json(url, &["disable", words[4], "--reason", "enough"]);
    while seen != Seen::all(false) {
        seen.take(&example.next("each of them without the feature again"));
    }
    // The browser ends with its input.
    drop(input);
    assert!(browser.child.wait().unwrap().success());
    example.end();
}
