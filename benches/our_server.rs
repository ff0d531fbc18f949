//! Our server, as benchmarks start and change it: in a process of its own, so that its memory and its processor time are
//! nobody else's.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, SetGuard};
use mycelia_flags_core::flag::Serve;
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::{EnvironmentKey, VariantName};
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_core::value::{FlagType, Value};
use mycelia_flags_server::app::{Config, DrainOptions, GUARD_PACE, PACE, Running, start};
use mycelia_flags_server::clock::SystemClock;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::distribution::hub::HubOptions;
use mycelia_flags_server::edge::cors::Origins;
use mycelia_flags_server::edge::selector_token::SelectorTokens;
use mycelia_flags_server::state::{CommitRequest, LogChoice, Store, StoreOptions};
use tokio::runtime::Runtime;

use crate::child::Player;
use crate::stopwatch;
use crate::table::say;

/// The environment of all benchmarks.
pub const ENVIRONMENT: &str = "production";

/// The role that a process plays which is our server.
pub const ROLE: &str = "ours";

/// Changes in one change set, at most.
const CHANGES: usize = 500;

/// The flag that changes: its two variants are so long that a delta with it has about 1 KiB.
const CHANGING: &str = "payload";

/// How a store is opened.
#[must_use]
pub fn store_options(log: LogChoice) -> StoreOptions {
    StoreOptions {
        log,
        bucketing: None,
        environments: vec![ENVIRONMENT.to_owned()],
        created_by: "benchmark".to_owned(),
    }
}

/// Starts a server on any free port, with its log in memory.
///
/// # Errors
/// When it does not start.
pub async fn begin() -> Result<Running> {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        store: store_options(LogChoice::Memory),
        default_environment: EnvironmentKey::new(ENVIRONMENT),
        hub: HubOptions { heartbeat: Duration::from_secs(3_600), ..HubOptions::default() },
        drain: DrainOptions { notice: Duration::ZERO, limit: Duration::from_secs(1) },
        seen_contexts: true,
        pace: PACE,
        guard_pace: GUARD_PACE,
        measured: None,
        notify: NotifyOptions::default(),
        prometheus: None,
        origins: Origins::default(),
        browser: None,
        selector_tokens: SelectorTokens::default(),
    };
    Ok(start(config, SystemClock::shared()).await?)
}

/// Commits changes.
///
/// # Errors
/// When the store refuses.
pub async fn commit(store: &Store, changes: Vec<Change>) -> Result<()> {
    let change_set = ChangeSet { actor: "benchmark".to_owned(), reason: "measuring".to_owned(), changes };
    store.commit(CommitRequest { change_set, ..CommitRequest::default() }).await?;
    Ok(())
}

/// A flag in the environment of all benchmarks.
#[must_use]
pub fn place(flag: &str) -> Place {
    Place { environment: ENVIRONMENT.to_owned(), flag: flag.to_owned() }
}

/// The key of a flag that [`fill`] creates.
#[must_use]
pub fn key(number: usize) -> String {
    format!("checkout.flow-{number:06}")
}

/// Creates so many boolean flags, each rolled out to a quarter.
///
/// # Errors
/// When the store refuses.
pub async fn fill(store: &Store, flags: usize) -> Result<()> {
    let numbers: Vec<usize> = (0..flags).collect();
    for numbers in numbers.chunks(CHANGES / 2) {
        let changes = numbers.iter().flat_map(|number| {
            let key = key(*number);
            let rollout = Change::Rollout { place: place(&key), percent: 25.0, enable: false };
            [Change::CreateFlag(CreateFlag::boolean(&key)), rollout]
        });
        commit(store, changes.collect()).await?;
    }
    Ok(())
}

/// Lets a guard watch over each of so many flags that [`fill`] has created.
///
/// # Errors
/// When the store refuses.
pub async fn guard(store: &Store, flags: usize) -> Result<()> {
    let guard = |number: usize| -> Result<Change> {
        let when = MetricCheck::parse("error_rate > 50% over 1m")
            .map_err(|fault| anyhow!("the condition is none: {fault:?}"))?;
        Ok(Change::SetGuard(Box::new(SetGuard {
            environment: ENVIRONMENT.to_owned(),
            guard: format!("guard-{number}"),
            flags: vec![key(number)],
            feature: String::new(),
            when,
            severity: Severity::Warning,
            action: GuardAction::Alert,
            recovery_after_seconds: None,
            description: String::new(),
            owner: String::new(),
            notify: Vec::new(),
        })))
    };
    commit(store, (0..flags).map(guard).collect::<Result<_>>()?).await
}

async fn create_changing(store: &Store) -> Result<()> {
    let text = |letter: &str| Value::String(letter.repeat(420).into());
    let create = Change::CreateFlag(CreateFlag {
        flag_type: FlagType::String,
        variants: vec![("first".to_owned(), text("f")), ("second".to_owned(), text("s"))],
        default_variant: "first".to_owned(),
        off_variant: "second".to_owned(),
        ..CreateFlag::boolean(CHANGING)
    });
    commit(store, vec![create, Change::Enable(place(CHANGING))]).await
}

async fn change(store: &Store, is_first: bool) -> Result<()> {
    let variant = VariantName::new(if is_first { "first" } else { "second" });
    let serve = Serve::Variant(variant);
    commit(store, vec![Change::SetDefaultServe { place: place(CHANGING), serve }]).await
}

/// Is our server: says its address, then does what it is told, until nobody tells it anything.
///
/// # Errors
/// When it cannot serve, or is told something that it does not understand.
pub fn play() -> Result<()> {
    let runtime = Runtime::new()?;
    let running = runtime.block_on(begin())?;
    let store = running.store().clone();
    runtime.block_on(create_changing(&store))?;
    say(&running.address().to_string())?;
    let mut is_first = false;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("push", _) => {
                runtime.block_on(change(&store, is_first))?;
                is_first = !is_first;
                say("pushed")?;
            }
            ("fill", flags) => {
                runtime.block_on(fill(&store, flags.parse()?))?;
                say("filled")?;
            }
            ("guard", flags) => {
                runtime.block_on(guard(&store, flags.parse()?))?;
                say("guarded")?;
            }
            ("cpu", _) => say(&stopwatch::process_cpu().as_nanos().to_string())?,
            (other, _) => bail!("not understood: {other}"),
        }
    }
    runtime.block_on(running.stop());
    Ok(())
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct Remote {
    /// The process.
    pub player: Player,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Remote {
    /// Starts a server in a role.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(role: &str, arguments: &[String]) -> Result<Self> {
        let mut player = Player::start(role, arguments)?;
        let address = player.hear()?.parse().context("the child said no address")?;
        Ok(Self { player, address })
    }

    /// The processor time that it has used.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&mut self) -> Result<Duration> {
        Ok(Duration::from_nanos(self.player.ask("cpu")?.parse()?))
    }

    /// What it holds now, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> Result<f64> {
        Ok(crate::memory::resident(&self.player.pid())?.now_kib)
    }
}
