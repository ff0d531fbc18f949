//! The polyglot example as people start it: three languages, three stock providers, and one command that moves them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::binary::{path, tool};
use crate::command_line::json;
use crate::speaker::Speaker;

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
    let mut browser = Speaker::browse(&clients, &chromium, &page.unwrap());
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
    browser.tell("text #value");
    assert_eq!(browser.until("text"), "on", "and the page shows it");

    json(url, &["disable", words[4], "--reason", "enough"]);
    while seen != Seen::all(false) {
        seen.take(&example.next("each of them without the feature again"));
    }
    browser.hang_up();
    example.end();
}
