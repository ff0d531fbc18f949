//! The three services: started, asked, listened to, stopped.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use http::Method;
use mycelia_flags_examples::output::line;
use serde_json::{Value, json};

use crate::http_client::{Answer, ask};
use crate::process::Process;
use crate::program;

/// `ui`, `runner` and `agent`.
#[derive(Debug)]
pub(crate) struct Services {
    ui: Process,
    runner: Process,
    agent: Process,
}

/// That a service said that it changed.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) service: &'static str,
    /// What it said the flag is.
    pub(crate) state: String,
    /// When it said so, by the wall clock.
    pub(crate) said_at: String,
    /// When that was heard, by the tour's clock, which is one for all.
    pub(crate) heard_at: Instant,
}

impl Services {
    /// Starts them, each with the directory where it keeps its last known flags.
    pub(crate) async fn start(server: &str, home: &Path) -> anyhow::Result<Self> {
        let (ui, runner, agent) = tokio::try_join!(
            start("ui", server, home),
            start("runner", server, home),
            start("agent", server, home),
        )?;
        let services = Self { ui, runner, agent };
        line(&format!("   ui       {}   a page, with a panel or without", services.ui.url));
        line(&format!("   runner   {}   takes jobs, or refuses them", services.runner.url));
        line(&format!("   agent    {}   begins conversations, or answers 503", services.agent.url));
        Ok(services)
    }

    /// Asks each of them what a user asks, and shows what it answers.
    pub(crate) async fn show_answers(&self) -> anyhow::Result<()> {
        let page = self.visit("ui", "ada").await?;
        let panel = if page.body.contains("Talk to the agent") {
            "the panel is shown"
        } else {
            "no trace of the panel"
        };
        show("ui", "GET /?user=ada", &page, panel);
        let job = self.visit("runner", "ada").await?;
        show("runner", "POST /jobs", &job, &in_words(&job)?);
        let begun = self.visit("agent", "ada").await?;
        show("agent", "POST /agent-conversations", &begun, &in_words(&begun)?);
        Ok(())
    }

    /// Asks one of them, `ui`, `runner` or `agent`, for what somebody asks of it.
    pub(crate) async fn visit(&self, service: &str, user: &str) -> anyhow::Result<Answer> {
        match service {
            "ui" => ask(&self.ui.url, Method::GET, &format!("/?user={user}"), "").await,
            "runner" => {
                let job = json!({"user": user}).to_string();
                ask(&self.runner.url, Method::POST, "/jobs", &job).await
            }
            "agent" => {
                let path = format!("/agent-conversations?user={user}");
                ask(&self.agent.url, Method::POST, &path, "").await
            }
            other => bail!("there is no service {other}"),
        }
    }

    /// Waits until each of them has said that the flag is on, or off, since a revision.
    pub(crate) async fn heard(&mut self, on: bool, revision: u64) -> anyhow::Result<Vec<Heard>> {
        let mut all = Vec::new();
        for (service, process) in self.each() {
            all.push(heard(service, process, on, revision).await?);
        }
        Ok(all)
    }

    /// Ends them, and waits until they have.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        for (_, process) in self.each() {
            process.stop().await?;
        }
        Ok(())
    }

    fn each(&mut self) -> [(&'static str, &mut Process); 3] {
        let Self { ui, runner, agent } = self;
        [("ui", ui), ("runner", runner), ("agent", agent)]
    }
}

/// The fault switch of a service.
pub(crate) fn fault_file(home: &Path, service: &str) -> PathBuf {
    home.join(format!("{service}.broken"))
}

async fn start(name: &'static str, server: &str, home: &Path) -> anyhow::Result<Process> {
    let cache_dir = home.join(name).display().to_string();
    let fault_file = fault_file(home, name).display().to_string();
    let instance = format!("{name}-1");
    let arguments = [
        "--server",
        server,
        "--env",
        "production",
        "--instance",
        &instance,
        "--cache-dir",
        &cache_dir,
        "--fault-file",
        &fault_file,
        "--json-events",
    ];
    Process::start(name, &program(name)?, &arguments, home).await
}

async fn heard(
    service: &'static str,
    process: &mut Process,
    on: bool,
    revision: u64,
) -> anyhow::Result<Heard> {
    let wanted = if on { "on" } else { "off" };
    loop {
        let said = process.next_line().await?;
        let event: Value =
            serde_json::from_str(&said.text).with_context(|| format!("{service}: {}", said.text))?;
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        let since = event.get("revision").and_then(Value::as_u64).unwrap_or_default();
        if text("event") == "flag" && text("state") == wanted && since >= revision {
            return Ok(Heard {
                service,
                state: wanted.to_uppercase(),
                said_at: text("at").to_owned(),
                heard_at: said.at,
            });
        }
    }
}

fn show(service: &str, request: &str, answer: &Answer, in_words: &str) {
    line(&format!("   {service:<8} {request:<27} {}  {in_words}", answer.status.as_u16()));
}

/// What matters in a JSON answer.
fn in_words(answer: &Answer) -> anyhow::Result<String> {
    let body: Value = serde_json::from_str(&answer.body)
        .with_context(|| format!("expected JSON with status {}, got {:?}", answer.status, answer.body))?;
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let words = match (text("title"), text("conversation_id"), body.get("job")) {
        (Some(title), _, _) => title.to_owned(),
        (_, Some(id), _) => id.to_owned(),
        (_, _, Some(job)) => format!("job {job} is accepted"),
        _ => answer.body.clone(),
    };
    Ok(words)
}
