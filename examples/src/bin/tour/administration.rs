//! The real command line, run as a program would run it: its answer is one JSON document.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, bail};
use mycelia_flags_examples::output::line;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::process::command;

/// What a change answers with `--wait`.
#[derive(Debug, Deserialize)]
pub(crate) struct Applied {
    pub(crate) revision: u64,
    pub(crate) committed_at: Option<String>,
    pub(crate) convergence: Convergence,
}

/// Who has applied it.
#[derive(Debug, Deserialize)]
pub(crate) struct Convergence {
    pub(crate) converged: bool,
    pub(crate) services: Vec<ServiceProgress>,
    /// From the first to the last acknowledgement, by the server's clock.
    pub(crate) spread_micros: Option<u64>,
}

/// One service.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceProgress {
    pub(crate) service: String,
    pub(crate) converged: u32,
    pub(crate) live: u32,
    /// From the commit to the acknowledgement, by the server's clock.
    pub(crate) last_after_micros: Option<u64>,
}

/// Runs `mycelia-flags` against a server.
#[derive(Debug)]
pub(crate) struct Administration {
    program: PathBuf,
    server: String,
    home: PathBuf,
}

impl Administration {
    pub(crate) fn new(program: &Path, server: &str, home: &Path) -> Self {
        Self { program: program.to_owned(), server: server.to_owned(), home: home.to_owned() }
    }

    /// Shows a change, makes it, and answers with what came of it.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<Applied> {
        line(&format!("   $ mycelia-flags {}", typed(arguments)));
        let applied: Applied = self.ask(arguments).await?;
        if !applied.convergence.converged {
            bail!("mycelia-flags {} has not reached everybody", typed(arguments));
        }
        Ok(applied)
    }

    /// Shows a change and makes it.
    pub(crate) async fn make(&self, arguments: &[&str]) -> anyhow::Result<()> {
        line(&format!("   $ mycelia-flags {}", typed(arguments)));
        self.output(arguments).await?;
        Ok(())
    }

    /// Asks for something, and answers with what is said.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> anyhow::Result<T> {
        let output = self.output(arguments).await?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("mycelia-flags {}: an answer that is not understood", typed(arguments)))
    }

    /// Waits until so many instances are connected and have what there is.
    pub(crate) async fn wait_for_instances(&self, instances: u32) -> anyhow::Result<()> {
        let instances = instances.to_string();
        let arguments = ["wait", "--env", "production", "--min-instances", &instances];
        self.output(&arguments).await?;
        Ok(())
    }

    async fn output(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = command(&self.program, &self.home);
        command.args(arguments).env("MYCELIA_SERVER", &self.server);
        let output = command.output().await.context("cannot run mycelia-flags")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("mycelia-flags {} ended with {}: {said}", typed(arguments), output.status);
        }
        Ok(output)
    }
}

/// The arguments as somebody would type them.
fn typed(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| match argument.contains(' ') {
        true => format!("\"{argument}\""),
        false => (*argument).to_owned(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}
