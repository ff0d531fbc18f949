//! `serve`: runs the server until it is told to stop.

use std::future::pending;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_server::app::{self, BrowserOptions, Config, DrainOptions, Running, start};
use mycelia_flags_server::clock::SystemClock;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::prometheus::PrometheusOptions;
use mycelia_flags_server::distribution::hub::HubOptions;
use mycelia_flags_server::edge::cors::Origins;
use mycelia_flags_server::edge::selector_token::SelectorTokens;
use mycelia_flags_server::edge::tls::TlsOptions;
use mycelia_flags_server::outbound::http::Address;
use mycelia_flags_server::outbound::secret::SecretSource;
use mycelia_flags_server::outbound::tls::Trust;
use mycelia_flags_server::state::{LogChoice, StoreOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::args::store::{BucketingArg, LogFormatArg, ServeArgs};
use crate::notify_file;
use crate::terminal::Terminal;

/// Asking more often would say nothing more: Prometheus itself scrapes every few seconds at most.
const PROMETHEUS_RHYTHM_MIN: Duration = Duration::from_millis(100);

/// An answer has the time of a rhythm, and at least this.
const PROMETHEUS_TIMEOUT_MIN: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT; a second one ends the process without waiting for anybody.
pub(crate) async fn run(args: ServeArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    log_to_stderr(args.log_format)?;
    let data_dir = args.data_dir.clone();
    raise_file_limit();
    let mut stop = Stop::listen()?;
    let hangup = args.tls_cert.is_some().then(|| signal(SignalKind::hangup())).transpose();
    let hangup = hangup.context("cannot listen for SIGHUP")?;
    let config = config(args)?;
    let running = tokio::select! {
        started = start(config, SystemClock::shared()) => started?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    announce(&running, &data_dir.display().to_string(), terminal)?;
    tokio::select! {
        () = stop.asked() => {}
        () = reload_tls(&running, hangup) => {}
    }
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = stop.asked() => Err(anyhow!("stopped at once: a second signal came before the drain was over")),
    }
}

/// Looks at the files of TLS anew whenever SIGHUP asks for it, and never ends. Without TLS, a SIGHUP is what it is for every
/// process.
async fn reload_tls(running: &Running, hangup: Option<Signal>) {
    if let Some(mut hangup) = hangup {
        while hangup.recv().await.is_some() {
            running.reload_tls();
        }
    }
    pending().await
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
    let trust = args.outbound_ca.as_deref().map(Trust::with_file).transpose().context("--outbound-ca")?;
    let trust = trust.unwrap_or_default();
    let notify = NotifyOptions {
        trust: trust.clone(),
        targets: args.notify.as_deref().map(notify_file::read).transpose()?.unwrap_or_default(),
        folder: args.data_dir.join("notify"),
        convergence_bound: args.convergence_bound,
        skew_bound: args.skew_bound,
        ..NotifyOptions::default()
    };
    let prometheus = prometheus(&args, trust)?;
    let origins = Origins::parse(&args.cors_origin).context("--cors-origin")?;
    let browser = browser(&args)?;
    let selector_tokens = selector_tokens(&args.selector_token)?;
    let client_ca = args.tls_client_ca.clone();
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    Ok(Config {
        listen: args.listen,
        tls: tls.map(|(certificate, key)| TlsOptions { certificate, key, client_ca }),
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
        notify,
        prometheus,
        origins,
        browser,
        selector_tokens,
    })
}

/// The listener for browsers, if there is one.
fn browser(args: &ServeArgs) -> anyhow::Result<Option<BrowserOptions>> {
    let Some(listen) = args.browser_listen else { return Ok(None) };
    let origins = Origins::parse(&args.browser_origin).context("--browser-origin")?;
    let named = args
        .browser_environment
        .iter()
        .map(|name| EnvironmentKey::parse(name).with_context(|| format!("--browser-environment {name}")));
    Ok(Some(BrowserOptions { listen, origins, environments: named.collect::<Result<_, _>>()? }))
}

/// The tokens that choose an environment; they are read now.
fn selector_tokens(named: &[String]) -> anyhow::Result<SelectorTokens> {
    let mut tokens = SelectorTokens::default();
    for text in named {
        // Whoever writes something else may have written the token, which is not to be shown.
        let (name, place) = text.split_once('=').unwrap_or_default();
        let source = place.parse::<SecretSource>().context("--selector-token ENVIRONMENT=SOURCE: SOURCE")?;
        let blamed = || format!("--selector-token {text}");
        let environment = EnvironmentKey::parse(name).with_context(blamed)?;
        let token = source.read().with_context(blamed)?;
        tokens.add(environment, &token).with_context(blamed)?;
    }
    Ok(tokens)
}

/// The Prometheus-compatible server, if there is one; its token is read now.
fn prometheus(args: &ServeArgs, trust: Trust) -> anyhow::Result<Option<PrometheusOptions>> {
    let Some(url) = &args.prometheus_url else {
        return Ok(None);
    };
    let address = Address::parse(url).map_err(|error| anyhow!("--prometheus-url: expected {error}"))?;
    let file = args.prometheus_token_file.clone().map(SecretSource::File);
    let source = file.or_else(|| args.prometheus_token_env.clone().map(SecretSource::Variable));
    let token = source.map(|source| source.read()).transpose().context("the token for Prometheus")?;
    let rhythm = args.prometheus_rhythm;
    if rhythm < PROMETHEUS_RHYTHM_MIN {
        return Err(anyhow!("--prometheus-rhythm: at least {} ms", PROMETHEUS_RHYTHM_MIN.as_millis()));
    }
    let timeout = rhythm.max(PROMETHEUS_TIMEOUT_MIN);
    Ok(Some(PrometheusOptions { address, trust, token, rhythm, timeout }))
}

fn announce(running: &Running, data_dir: &str, terminal: &Terminal) -> anyhow::Result<()> {
    let (address, revision) = (running.address(), running.revision());
    let scheme = if running.is_secure() { "https" } else { "http" };
    let mut text =
        format!("mycelia-flags serves on {scheme}://{address} at revision {revision} from {data_dir}\n");
    if let Some(address) = running.browser_address() {
        text.push_str(&format!("browsers are served on {scheme}://{address}\n"));
    }
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
