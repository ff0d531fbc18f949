//! Processes that say lines of JSON, and may be told something.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::Value;

use crate::patience::PATIENCE;

/// A process that says lines of JSON.
pub(crate) struct Speaker {
    child: Child,
    lines: Receiver<Value>,
}

impl Speaker {
    pub(crate) fn start(command: &mut Command) -> Self {
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

    /// A page in headless Chromium.
    pub(crate) fn browse(clients: &Path, chromium: &Path, url: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/browse.mjs");
        Self::start(
            Command::new("node")
                .env("MYCELIA_NODE_CLIENTS", clients)
                .env("MYCELIA_CHROMIUM", chromium)
                .arg(script)
                .arg(url),
        )
    }

    #[track_caller]
    pub(crate) fn next(&self, what: &str) -> Value {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("never came: {what}: {error}"))
    }

    /// What it has said already.
    pub(crate) fn said(&self) -> impl Iterator<Item = Value> {
        self.lines.try_iter()
    }

    /// Waits for a line with this field, and answers with the field.
    #[track_caller]
    pub(crate) fn until(&self, field: &str) -> Value {
        loop {
            let line = self.next(field);
            assert!(line.get("error").is_none(), "{line}");
            if let Some(value) = line.get(field) {
                return value.clone();
            }
        }
    }

    #[track_caller]
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends its input, which ends it.
    #[track_caller]
    pub(crate) fn hang_up(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// SIGTERM, so that a script takes its children along.
    #[track_caller]
    pub(crate) fn end(mut self) {
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
