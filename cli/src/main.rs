//! The one binary of Mycelia Flags: the server and every administration command.
//!
//! Two steps, as in ripgrep: `args` is what was typed, `settings` is what it means. Commands talk to the server through
//! its public protocol only; nothing here can do what another client could not.

mod args;
mod command;
mod condition_text;
mod config_file;
mod connection;
mod convergence;
mod duration_text;
mod exit;
mod failure;
mod freeze_text;
mod inventory;
mod metrics_trace;
mod notify_file;
mod page;
mod percent;
mod plan_file;
mod plan_text;
mod plans;
mod progress;
mod requirements;
mod restore;
mod rollback_plan;
mod serve;
mod session;
mod settings;
mod subject;
mod submission;
mod terminal;
mod text_file;
mod tls_files;
mod view;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::plan::PlanCommand;
use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::settings::{Settings, Surroundings};
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::of_process();
    let terminal = Terminal::of_process(cli.client.json);
    match run(cli, &terminal) {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.report(&failure);
            failure.exit().into()
        }
    }
}

fn run(cli: Cli, terminal: &Terminal) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("cannot start the runtime")?;
            Ok(runtime.block_on(serve::run(*args, terminal))?)
        }
        Command::Restore(args) => Ok(restore::run(&args, terminal)?),
        Command::Completions(args) => command::manual::completions(&args, terminal).map(ExitCode::from),
        Command::Man(args) => command::manual::man(&args, terminal).map(ExitCode::from),
        Command::Plan(PlanCommand::Validate(args)) => {
            command::plan_validate::run(&args, terminal).map(ExitCode::from)
        }
        Command::Plan(PlanCommand::Simulate(args)) => {
            command::plan_simulate::run(&args, terminal).map(ExitCode::from)
        }
        client_command => {
            let settings = Settings::resolve(&cli.client, &Surroundings::of_process())?;
            let session = Session::new(settings, terminal);
            block_on(run_client(client_command, &session)).map(ExitCode::from)
        }
    }
}

async fn run_client(client_command: Command, session: &Session<'_>) -> Result<Exit, Failure> {
    match client_command {
        Command::Create(args) => command::create::run(args, session).await,
        Command::Get(args) => command::get::run(args, session).await,
        Command::List(args) => command::list::run(args, session).await,
        Command::Enable(args) => command::switch::enable(args, session).await,
        Command::Disable(args) => command::switch::disable(args, session).await,
        Command::Rollout(args) => command::switch::rollout(args, session).await,
        Command::Delete(args) => command::delete::run(args, session).await,
        Command::Status => command::status::run(session).await,
        Command::History(args) => command::history::run(args, session).await,
        Command::Subscribers => command::subscribers::run(session).await,
        Command::Watch(args) => command::watch::run(args, session).await,
        Command::Wait(args) => command::wait::run(args, session).await,
        Command::Eval(args) => command::eval::run(args, session).await,
        Command::Backup(args) => command::backup::run(args, session).await,
        Command::Explain(args) => command::explain::run(args, session).await,
        Command::Bucket(args) => command::explain::bucket(args, session).await,
        Command::Diff(args) => command::diff::run(args, session).await,
        Command::Plan(group) => command::plan::run(group, session).await,
        Command::Ramp(args) => command::ramp::run(args, session).await,
        Command::Rollback(args) => command::rollback::run(args, session).await,
        Command::Undo(args) => command::undo::run(args, session).await,
        Command::Stale(args) => command::stale::run(args, session).await,
        Command::Usage(args) => command::usage::usage(args, session).await,
        Command::Metrics(args) => command::usage::metrics(args, session).await,
        Command::Audit(group) => command::audit::run(group, session).await,
        Command::Import(args) => command::import::run(args, session).await,
        Command::Export(args) => command::export::run(args, session).await,
        Command::Update(args) => command::update::run(args, session).await,
        Command::Variants(args) => command::update::variants(args, session).await,
        Command::Archive(args) => command::archive::archive(args, session).await,
        Command::Unarchive(args) => command::archive::unarchive(args, session).await,
        Command::SetDefault(args) => command::serving::set_default(args, session).await,
        Command::SetOff(args) => command::serving::set_off(args, session).await,
        Command::Salt(args) => command::serving::salt(args, session).await,
        Command::Rule(group) => command::rule::run(group, session).await,
        Command::Matrix(args) => command::rule::matrix(args, session).await,
        Command::Targeting(group) => command::targeting::run(group, session).await,
        Command::Prerequisite(group) => command::prerequisite::run(group, session).await,
        Command::Override(group) => command::overrides::run(group, session).await,
        Command::Segment(group) => command::segment::run(group, session).await,
        Command::Canary(args) => command::canary::run(args, session).await,
        Command::CanaryAdd(args) => command::canary::add(args, session).await,
        Command::CanaryRemove(args) => command::canary::remove(args, session).await,
        Command::CanaryList => command::canary::list(session).await,
        Command::CanaryVariant(args) => command::canary::variant(args, session).await,
        Command::Feature(group) => command::feature::run(group, session).await,
        Command::Policy(group) => command::policy::run(group, session).await,
        Command::Request(group) => command::request::run(group, session).await,
        Command::Guard(group) => command::guard::run(group, session).await,
        Command::Promote(args) => command::promotion::promote(args, session).await,
        Command::Promotion(group) => command::promotion::run(group, session).await,
        Command::Incident(group) => command::incident::run(group, session).await,
        Command::Drill(group) => command::drill::run(group, session).await,
        Command::Notify(group) => command::notify::run(group, session).await,
        Command::Serve(_) | Command::Restore(_) | Command::Completions(_) | Command::Man(_) => {
            Err(Failure::Usage("this command needs no server".to_owned()))
        }
    }
}

/// One thread is enough for a client.
fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(command)
}
