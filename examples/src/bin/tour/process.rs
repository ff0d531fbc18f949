//! A process of the tour: started, listened to line by line, and ended.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use mycelia_flags_examples::clock;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::PATIENCE;

/// Lines that nobody has looked at yet; a process that says more waits.
const LINES_MAX: usize = 256;

/// What a process said, and when that was heard here.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) at: Instant,
    pub(crate) text: String,
}

/// Ends, at the latest, when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) url: String,
    name: &'static str,
    child: Child,
    lines: mpsc::Receiver<Line>,
    _reading: JoinSet<()>,
}

/// A command that no configuration of this machine's user can change.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    let ours = ["MYCELIA_", "LISTEN", "INSTANCE", "CACHE_DIR", "FAULT_FILE"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ours.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", home).env("RUST_LOG", "error").stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Process {
    /// Starts a program and waits until it says where it listens.
    pub(crate) async fn start(
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        home: &Path,
    ) -> anyhow::Result<Self> {
        let mut child = command(program, home)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("the process has no standard output")?;
        let (said, lines) = mpsc::channel(LINES_MAX);
        let mut reading = JoinSet::new();
        reading.spawn(read(stdout, said));
        let mut process = Self { url: String::new(), name, child, lines, _reading: reading };
        let first = process.next_line().await?;
        let url = first.text.split(['"', ' ']).find(|word| word.starts_with("http://"));
        url.with_context(|| format!("{name} does not say where it listens: {}", first.text))?
            .clone_into(&mut process.url);
        Ok(process)
    }

    /// The next thing it says.
    pub(crate) async fn next_line(&mut self) -> anyhow::Result<Line> {
        let name = self.name;
        match timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => bail!("{name} has ended"),
            Err(_elapsed) => bail!("{name} has said nothing for {PATIENCE:?}"),
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let name = self.name;
        let id = self.child.id().with_context(|| format!("{name} has ended already"))?;
        let asked = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        if !asked.context("cannot run `kill`")?.success() {
            bail!("cannot ask {name} to end");
        }
        let ended: ExitStatus = timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("{name} was asked to end and has not for {PATIENCE:?}"))??;
        if !ended.success() {
            bail!("{name} was asked to end and did so with {ended}");
        }
        Ok(())
    }
}

/// A task of its own, so that the moment is right whatever the tour is waiting for.
async fn read(stdout: ChildStdout, said: mpsc::Sender<Line>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        let at = clock::monotonic();
        if said.send(Line { at, text }).await.is_err() {
            return;
        }
    }
}
