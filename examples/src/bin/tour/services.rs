//! The three services: started, asked, listened to, stopped.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use http::Method;
use mycelia_flags_examples::output::line;
use serde_json::Value;

use crate::administration::Applied;
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
        let page = ask(&self.ui.url, Method::GET, "/?user=ada", "").await?;
        let panel = if page.body.contains("Talk to the agent") {
            "the panel is shown"
        } else {
            "no trace of the panel"
        };
        show("ui", "GET /?user=ada", &page, panel);
        let job = ask(&self.runner.url, Method::POST, "/jobs", r#"{"user": "ada"}"#).await?;
        show("runner", "POST /jobs", &job, &in_words(&job)?);
        let begun = ask(&self.agent.url, Method::POST, "/agent-conversations?user=ada", "").await?;
        show("agent", "POST /agent-conversations", &begun, &in_words(&begun)?);
        Ok(())
    }

    /// Waits until each of them has said that the flag is on, or off, since a change.
    pub(crate) async fn heard(&mut self, on: bool, applied: &Applied) -> anyhow::Result<Vec<Heard>> {
        let mut all = Vec::new();
        for (service, process) in self.each() {
            all.push(heard(service, process, on, applied.revision).await?);
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

async fn start(name: &'static str, server: &str, home: &Path) -> anyhow::Result<Process> {
    let cache_dir = home.join(name).display().to_string();
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
