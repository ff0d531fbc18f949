//! `tour`: a server, three services, one flag; what each of them does before and after, and when it changed. `tour fault`: the
//! same, and one of them breaks.
//!
//! Everything is real: the server, the services and the command line are processes of their own. The tour waits for
//! what they say and never for time.

mod administration;
mod fault;
mod http_client;
mod process;
mod services;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use mycelia_flags_examples::output::line;
use mycelia_flags_examples::stop::Stop;
use mycelia_flags_examples::{FLAG, clock};
use tempfile::TempDir;

use crate::administration::Administration;
use crate::process::Process;
use crate::services::Services;

/// How long a single thing may take before the tour gives up: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a server and three services, switches one flag on and off, and shows who changed when
#[derive(Debug, Parser)]
#[command(name = "tour", version)]
struct Tour {
    #[command(subcommand)]
    detour: Option<Detour>,
}

/// Another story.
#[derive(Debug, Subcommand)]
enum Detour {
    /// Breaks one of the three services, and shows how a guard takes the feature back in all of them
    Fault {
        /// Where the server's store goes, to be looked at afterwards [default: a temporary directory]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Tour { detour } = Tour::parse();
    let mut stop = Stop::listen()?;
    let home = TempDir::new().context("cannot make a temporary directory")?;
    let toured = async {
        match detour {
            None => tour(home.path()).await,
            Some(Detour::Fault { data_dir }) => fault::show(home.path(), data_dir.as_deref()).await,
        }
    };
    // Whatever ends the tour early drops it, and with it all its processes and files.
    tokio::select! {
        toured = toured => toured,
        () = stop.asked() => bail!("the tour was interrupted"),
    }
}

async fn tour(home: &Path) -> anyhow::Result<()> {
    let begin = clock::monotonic();
    line("One flag, three services");
    line("");

    line("1. A server and three services start, each a process of its own");
    let (mut server, mut services, administration) = start(home, &home.join("data")).await?;
    line("   All three are connected. Nobody has heard of the flag: the feature is dark.");
    line("");

    line("2. The flag is created: off in every environment");
    administration.run(&["create", FLAG, "--description", "The ElevenLabs agent", "--wait"]).await?;
    services.show_answers().await?;
    line("");

    line("3. On");
    switch("enable", &administration, &mut services).await?;
    line("");

    line("4. Off again");
    switch("disable", &administration, &mut services).await?;
    line("");

    line("5. Everybody goes home");
    services.stop().await?;
    server.stop().await?;
    line("   ui, runner, agent and the server have ended with exit code 0.");
    line("");
    line(&format!("The tour took {:.1} s.", begin.elapsed().as_secs_f64()));
    Ok(())
}

async fn switch(verb: &str, administration: &Administration, services: &mut Services) -> anyhow::Result<()> {
    let typed = clock::monotonic();
    let applied =
        administration.run(&[verb, FLAG, "--env", "production", "--reason", "tour", "--wait"]).await?;
    let heard = services.heard(verb == "enable", applied.revision).await?;
    for row in table::lines(&applied, &heard, typed)? {
        line(&row);
    }
    services.show_answers().await
}

/// A server and the three services, which are connected to it.
async fn start(home: &Path, data_dir: &Path) -> anyhow::Result<(Process, Services, Administration)> {
    let (binary, data_dir) = (program("mycelia-flags")?, data_dir.display().to_string());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir];
    let server = Process::start("the server", &binary, &arguments, home).await?;
    let url = &server.url;
    line(&format!("   server   {url}"));
    let services = Services::start(url, home).await?;
    let administration = Administration::new(&binary, url, home);
    administration.wait_for_instances(3).await?;
    Ok((server, services, administration))
}

/// A binary of this workspace: they lie beside each other.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the tour's own binary")?;
    let program = own.with_file_name(name);
    if !program.exists() {
        bail!("{} is missing: run `cargo build --bins` first", program.display());
    }
    Ok(program)
}
