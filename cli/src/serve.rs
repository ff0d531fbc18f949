//! `serve`: runs the server until it is told to stop.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_server::app::{self, Config, DrainOptions, Running, start};
use mycelia_flags_server::clock::SystemClock;
use mycelia_flags_server::distribution::hub::HubOptions;
use mycelia_flags_server::state::{LogChoice, StoreOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::args::store::{BucketingArg, LogFormatArg, ServeArgs};
use crate::terminal::Terminal;

/// Serves until SIGTERM or SIGINT; a second one ends the process without waiting for anybody.
pub(crate) async fn run(args: ServeArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    log_to_stderr(args.log_format)?;
    let data_dir = args.data_dir.clone();
    raise_file_limit();
    let mut stop = Stop::listen()?;
    let config = config(args)?;
    let running = tokio::select! {
        started = start(config, SystemClock::shared()) => started?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    announce(&running, &data_dir.display().to_string(), terminal)?;
    stop.asked().await;
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = stop.asked() => Err(anyhow!("stopped at once: a second signal came before the drain was over")),
    }
}

/// Each connection takes a file descriptor, and the usual soft limit of 1024 is not many connections.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            info!(before = limit.current, now = limit.maximum, "file descriptors that this process may open")
        }
        Err(error) => warn!(%error, limit = limit.current, "the limit of open files could not be raised"),
    }
}

fn config(args: ServeArgs) -> anyhow::Result<Config> {
    let default_environment = EnvironmentKey::parse(&args.default_environment)
        .with_context(|| format!("--default-environment {}", args.default_environment))?;
    Ok(Config {
        listen: args.listen,
        store: StoreOptions {
            log: LogChoice::Sled { data_dir: args.data_dir },
            bucketing: args.bucketing.map(|generation| match generation {
                BucketingArg::V2 => Generation::V2,
                BucketingArg::V3 => Generation::V3,
            }),
            environments: args.environments,
            created_by: "serve".to_owned(),
        },
        default_environment,
        hub: HubOptions {
            heartbeat: args.heartbeat,
            stream_age_max: args.stream_age,
            progress_timeout: args.progress_timeout,
            ..HubOptions::default()
        },
        drain: DrainOptions { notice: args.drain_notice, limit: args.drain_limit },
        seen_contexts: !args.no_seen_contexts,
        pace: app::PACE,
        guard_pace: app::GUARD_PACE,
        measured: None,
    })
}

fn announce(running: &Running, data_dir: &str, terminal: &Terminal) -> anyhow::Result<()> {
    let (address, revision) = (running.address(), running.revision());
    let text = format!("mycelia-flags serves on http://{address} at revision {revision} from {data_dir}\n");
    terminal.print(&text).map_err(|_closed| anyhow!("the standard output is closed"))
}

fn log_to_stderr(format: LogFormatArg) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let set = match format {
        LogFormatArg::Text => builder.try_init(),
        LogFormatArg::Json => builder.json().try_init(),
    };
    set.map_err(|error| anyhow!("cannot log: {error}"))
}

/// The signals that ask for an end.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
