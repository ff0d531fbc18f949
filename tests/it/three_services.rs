//! The three services of examples/ as processes of their own: one `enable --wait`, and all of them have changed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{self, Process};
use crate::patience::PATIENCE;

const FLAG: &str = "elevenlabs_agent";

/// A service's process.
struct Service {
    name: &'static str,
    url: String,
    child: Child,
    events: Receiver<Value>,
}

impl Service {
    fn start(name: &'static str, server: &str, home: &Path) -> Self {
        let program = binary::path().with_file_name(name);
        assert!(program.exists(), "{} is missing: run plain `cargo test`", program.display());
        let mut child = Command::new(program)
            .args(["--server", server, "--env", "production", "--listen", "127.0.0.1:0"])
            .args(["--instance", &format!("{name}-1"), "--json-events", "--cache-dir"])
            .arg(home.join(name))
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, events) = sync_channel(64);
        std::thread::spawn(move || {
            // Ends with the process, or with the story.
            for line in stdout.lines().map_while(Result::ok) {
                if said.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut service = Self { name, url: String::new(), child, events };
        let listens = service.said("listens");
        service.url = listens["url"].as_str().unwrap().to_owned();
        service
    }

    /// Waits until it says something of a kind.
    #[track_caller]
    fn said(&self, kind: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|error| panic!("{} never said {kind:?}: {error}", self.name));
            assert_eq!(event["service"], self.name);
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// What it says next about the flag: nothing is said twice, and nothing is left out.
    #[track_caller]
    fn says_next(&self, state: &str, revision: u64) {
        let event = self.said("flag");
        assert_eq!(
            (&event["flag"], &event["state"], &event["revision"]),
            (&FLAG.into(), &state.into(), &revision.into()),
            "{event}"
        );
    }

    /// Asks for something; answers with the status and the body.
    fn ask(&self, request: &str, json: &str) -> (u16, String) {
        let authority = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = json.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.unwrap().success());
        self.said("stopped");
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A story that failed leaves no service behind; one that ended well has none left to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The real command line, as a program runs it: its answer is one document.
fn run(server: &str, home: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(binary::path())
        .args(arguments)
        .args(["--server", server, "--env", "production"])
        .env("XDG_CONFIG_HOME", home)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Switches the flag, and checks that everybody is said to have it; answers with the revision.
#[track_caller]
fn switch(server: &str, home: &Path, verb: &str) -> u64 {
    let applied = run(server, home, &[verb, FLAG, "--reason", "a story", "--wait"]);
    let convergence = &applied["convergence"];
    assert_eq!((&applied["changed"], &convergence["converged"]), (&true.into(), &true.into()), "{applied}");
    let services = convergence["services"].as_array().unwrap();
    let progress: Vec<_> = services
        .iter()
        .map(|progress| {
            assert!(progress["last_after_micros"].is_u64(), "{applied}");
            (progress["service"].as_str().unwrap(), progress["converged"].as_u64(), progress["live"].as_u64())
        })
        .collect();
    assert_eq!(
        progress,
        [("agent", Some(1), Some(1)), ("runner", Some(1), Some(1)), ("ui", Some(1), Some(1))]
    );
    let (spread, whole) = (&convergence["spread_micros"], &convergence["duration_micros"]);
    assert!(spread.as_u64().unwrap() <= whole.as_u64().unwrap(), "one clock: {applied}");
    applied["revision"].as_u64().unwrap()
}

#[test]
fn one_command_changes_three_services_and_another_one_takes_it_back() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let server = Process::serve(&home.join("data"));
    let services = ["ui", "runner", "agent"].map(|name| Service::start(name, &server.url, home));
    let [ui, runner, agent] = &services;
    let answers = || {
        let (status, page) = ui.ask("GET /?user=ada", "");
        assert_eq!(status, 200);
        let (job, _) = runner.ask("POST /jobs", r#"{"user": "ada"}"#);
        let (conversation, _) = agent.ask("POST /agent-conversations?user=ada", "");
        (page.contains("Talk to the agent"), job, conversation)
    };
    let dark = (false, 409, 503);
    let released = (true, 202, 200);

    run(&server.url, home, &["wait", "--min-instances", "3"]);
    let unknown = services.each_ref().map(|service| service.said("flag"));
    assert!(unknown.iter().all(|event| event["state"] == "off"), "{unknown:?}");
    assert_eq!(answers(), dark, "nobody has heard of the flag");

    run(&server.url, home, &["create", FLAG, "--wait"]);
    assert_eq!(answers(), dark, "a new flag is off");

    let enabled = switch(&server.url, home, "enable");
    for service in &services {
        service.says_next("on", enabled);
    }
    assert_eq!(answers(), released);

    let disabled = switch(&server.url, home, "disable");
    assert!(disabled > enabled);
    for service in &services {
        service.says_next("off", disabled);
    }
    assert_eq!(answers(), dark);

    let (_, jobs) = runner.ask("GET /jobs", "");
    let jobs: Value = serde_json::from_str(&jobs).unwrap();
    assert_eq!((&jobs["accepted"], &jobs["refused"]), (&1.into(), &3.into()), "{jobs}");
    for service in services {
        let name = service.name;
        assert!(service.terminate().success(), "{name}");
    }
    assert!(server.terminate().success());
}
