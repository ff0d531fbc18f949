//! Puts the floors together, and takes them apart: top floor first.

mod convergence_watch;

mod browser;
mod edges;
mod environments;
mod start_error;
mod tls;
mod told_health;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::observation::window::Windows;
use mycelia_flags_core::revision::{Revision, Timestamp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::control::notifier::{Courier, Notifier, NotifyOptions, Surroundings};
use crate::control::observations::Observations;
use crate::control::observations::kept::{self, Keep};
use crate::control::prometheus::{Prometheus, PrometheusOptions};
use crate::control::{answered, expiry, guard_watch, plan_runner};
use crate::distribution::hub::{Hub, HubOptions};
use crate::edge::cors::Origins;
use crate::edge::following::Following;
use crate::edge::frames::GrpcFrames;
use crate::edge::gate::Gate;
use crate::edge::health::HealthStatuses;
use crate::edge::listener::Connections;
use crate::edge::router::{serving, starting};
use crate::edge::selector_token::SelectorTokens;
use crate::edge::tls::{Side, Tls, TlsOptions};
use crate::state::{Epoch, Store, StoreOptions};
use crate::tasks::Tasks;

use browser::BrowserListener;
pub use browser::BrowserOptions;
pub use start_error::StartError;
use told_health::{tell_health, watch_feeds};

/// What a server is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The certificates, which turn TLS on for every listener.
    pub tls: Option<TlsOptions>,
    /// The store.
    pub store: StoreOptions,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
    /// How streams are timed.
    pub hub: HubOptions,
    /// How the server leaves.
    pub drain: DrainOptions,
    /// Whether a sample of the subjects that flags are evaluated for is kept, in memory and hashed, so that a dry run can
    /// say whom a change concerns.
    pub seen_contexts: bool,
    /// How often the clock is looked at while a rollout plan waits for it.
    pub pace: Duration,
    /// How often guards ask what metrics say.
    pub guard_pace: Duration,
    /// What metrics say, for guards and plans; none means that nobody measures.
    pub measured: Option<Measured>,
    /// Whom to tell what happens.
    pub notify: NotifyOptions,
    /// Who keeps the metrics that conditions name by queries.
    pub prometheus: Option<PrometheusOptions>,
    /// The origins whose pages may read all that is served, and change it.
    pub origins: Origins,
    /// The listener for browsers, which serves evaluated values and nothing else.
    pub browser: Option<BrowserOptions>,
    /// Tokens that choose an environment, and protect nothing.
    pub selector_tokens: SelectorTokens,
}

/// How often guards ask what metrics say, unless somebody says otherwise: what a decision costs at most, once a window is
/// crossed.
pub const GUARD_PACE: Duration = Duration::from_millis(250);

/// How often the clock is looked at while a rollout plan waits for it, unless somebody says otherwise.
pub const PACE: Duration = Duration::from_secs(1);

/// How a server leaves.
#[derive(Debug, Clone, Copy)]
pub struct DrainOptions {
    /// From NOT_SERVING until streams are sent away: the time that balancers need to notice.
    pub notice: Duration,
    /// The longest time for everything after that.
    pub limit: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { notice: Duration::ZERO, limit: Duration::from_secs(15) }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    store: Store,
    hub: Arc<Hub>,
    connections: Arc<Connections>,
    accepting: CancellationToken,
    tasks: Tasks,
    health: HealthStatuses,
    draining: Arc<AtomicBool>,
    drain: DrainOptions,
    seen_contexts: bool,
    observations: Arc<Observations>,
    keep: Option<Keep>,
    measured: Measured,
    notifier: Arc<Notifier>,
    bounds: convergence_watch::Bounds,
    following: Following,
    browser: Option<BrowserListener>,
    tls: Option<Arc<Tls>>,
    ended: bool,
}

/// Starts a server: listens first (and says NOT_SERVING), loads the store, then serves.
///
/// # Errors
/// When it cannot; nothing is left behind then.
pub async fn start(config: Config, clock: SharedClock) -> Result<Running, StartError> {
    let tls = tls::load(config.tls.as_ref()).await?;
    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })?;
    let address = listener.local_addr().map_err(|error| StartError::Listen { address, error })?;
    tls::warn_of_strangers(&config, address);
    let (health, health_service) = HealthStatuses::begin().await;
    let gate = Gate::new(starting(health_service.clone()));
    let connections = Connections::new(Arc::clone(&gate), tls::of(tls.as_ref(), Side::Inside));
    let (tasks, accepting) = (Tasks::default(), CancellationToken::new());
    tasks.spawn(Arc::clone(&connections).accept(listener, accepting.clone()));
    let of_browsers = (config.browser.as_ref(), tls::of(tls.as_ref(), Side::Browsers));
    let browser = match BrowserListener::begin(of_browsers, &tasks, &accepting).await {
        Ok(browser) => browser,
        Err(error) => {
            accepting.cancel();
            connections.close(Duration::ZERO).await;
            tasks.stop().await;
            return Err(error);
        }
    };
    let loaded = match load(&config, &clock).await {
        Ok(loaded) => loaded,
        Err(error) => {
            accepting.cancel();
            close(&connections, browser.as_ref(), Duration::ZERO).await;
            tasks.stop().await;
            return Err(error);
        }
    };
    let store = loaded.store;
    let stopping = tasks.stopping();
    loaded.couriers.into_iter().for_each(|courier| tasks.spawn(courier.run(stopping.clone())));
    if let Some(prometheus) = loaded.prometheus {
        let (store, clock) = (store.clone(), Arc::clone(&clock));
        tasks.spawn(prometheus.run(store, clock, config.pace, stopping.clone()));
    }
    let hub = Hub::new(store.clone(), Arc::clone(&clock), Arc::new(GrpcFrames), config.hub);
    let following = Following::new(store.clone(), &hub, config.hub);
    let running = Running {
        address,
        store,
        hub,
        connections,
        accepting,
        tasks,
        health,
        draining: Arc::new(AtomicBool::new(false)),
        drain: config.drain,
        seen_contexts: config.seen_contexts,
        observations: loaded.observations,
        keep: loaded.keep,
        notifier: loaded.notifier,
        measured: loaded.measured,
        bounds: convergence_watch::Bounds::of(&config.notify),
        following,
        browser,
        tls,
        ended: false,
    };
    running.begin_tasks(&clock, config.pace, config.guard_pace);
    let edges = running.edges(&config, &clock);
    if let Some(browser) = &running.browser {
        browser.open(running.browser_edges(&edges, browser))?;
    }
    gate.open(serving(health_service, edges, config.origins)?);
    running.health.loaded().await;
    info!(%address, tls = running.is_secure(), epoch = %running.epoch(), revision = %running.revision(), "serving");
    Ok(running)
}

/// What there is to begin with.
struct Loaded {
    store: Store,
    observations: Arc<Observations>,
    keep: Option<Keep>,
    prometheus: Option<Arc<Prometheus>>,
    measured: Measured,
    notifier: Arc<Notifier>,
    couriers: Vec<Courier>,
}

/// Opens the store, remembers what services observed, and finds out how far everybody is who is to be told of it.
async fn load(config: &Config, clock: &SharedClock) -> Result<Loaded, StartError> {
    let store = open(config, clock).await?;
    let keep = config.store.log.data_dir().map(|data_dir| Keep::beside(data_dir, store.epoch()));
    let observations = recall(keep.clone(), &store, clock.now()).await;
    let others = config.measured.clone().unwrap_or_else(|| Measured::by(Arc::clone(&observations) as _));
    let prometheus = config.prometheus.clone().map(|options| Prometheus::new(options, others.clone()));
    let measured = prometheus.clone().map_or(others, |prometheus| Measured::by(prometheus));
    let around = Surroundings {
        store: store.clone(),
        clock: Arc::clone(clock),
        measured: measured.clone(),
        pace: config.pace,
    };
    match Notifier::open(config.notify.clone(), around).await {
        Ok((notifier, couriers)) => {
            Ok(Loaded { store, observations, keep, prometheus, measured, notifier, couriers })
        }
        Err(error) => {
            store.close().await;
            Err(error.into())
        }
    }
}

/// Ends all connections.
async fn close(connections: &Connections, browser: Option<&BrowserListener>, patience: Duration) {
    let of_browsers = async {
        if let Some(browser) = browser {
            browser.connections.close(patience).await;
        }
    };
    tokio::join!(connections.close(patience), of_browsers);
}

async fn open(config: &Config, clock: &SharedClock) -> Result<Store, StartError> {
    if !config.store.log.holds_store() {
        // Found out afterwards, it would be too late: the store would be there with the wrong environments.
        let known = &config.store.environments;
        environments::check(config, known, |named| known.iter().any(|known| known == named.as_str()))?;
    }
    let (options, clock) = (config.store.clone(), Arc::clone(clock));
    let opened = tokio::task::spawn_blocking(move || Store::open(options, clock)).await;
    let store = opened.map_err(|_panicked_or_cancelled| StartError::StoreThread)??;
    let snapshot = store.snapshot();
    let known: Vec<String> = snapshot.environments().map(ToString::to_string).collect();
    match environments::check(config, &known, |named| snapshot.has_environment(named)) {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

/// What was observed before the restart.
async fn recall(keep: Option<Keep>, store: &Store, now: Timestamp) -> Arc<Observations> {
    let load = tokio::task::spawn_blocking(move || keep.map(|keep| keep.load(now)));
    let windows = load.await.ok().flatten().unwrap_or_else(|| Windows::new(now));
    Arc::new(Observations::resume(store.clone(), windows))
}

impl Running {
    fn begin_tasks(&self, clock: &SharedClock, pace: Duration, guard_pace: Duration) {
        let stopping = self.tasks.stopping();
        let (store, measured) = (|| self.store.clone(), || self.measured.clone());
        self.tasks.spawn(expiry::run(store(), Arc::clone(clock), stopping.clone()));
        self.tasks.spawn(plan_runner::run(store(), Arc::clone(clock), measured(), pace, stopping.clone()));
        self.tasks.spawn(guard_watch::run(
            store(),
            Arc::clone(clock),
            measured(),
            guard_pace,
            stopping.clone(),
        ));
        let observations = Arc::clone(&self.observations);
        self.tasks.spawn(answered::run(observations, Arc::clone(clock), stopping.clone()));
        if let Some(tls) = self.tls.clone() {
            self.tasks.spawn(tls.follow(stopping.clone()));
        }
        if let Some(keep) = self.keep.clone() {
            let observations = Arc::clone(&self.observations);
            self.tasks.spawn(kept::run(observations, keep, Arc::clone(clock), stopping.clone()));
        }
        self.tasks.spawn(Arc::clone(&self.hub).run(stopping.clone()));
        self.tasks.spawn(Arc::clone(&self.hub).reap(stopping.clone()));
        self.tasks.spawn(tell_health(self.store.clone(), self.health.clone(), stopping.clone()));
        let hub = Arc::clone(&self.hub);
        let (bounds, notifier) = (self.bounds, Arc::clone(&self.notifier));
        self.tasks.spawn(convergence_watch::run(
            hub,
            notifier,
            Arc::clone(clock),
            (bounds, pace),
            stopping.clone(),
        ));
        self.tasks.spawn(watch_feeds(Arc::clone(&self.hub), self.health.clone(), stopping.clone()));
    }

    /// Where the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the server listens for browsers, if it does.
    #[must_use]
    pub fn browser_address(&self) -> Option<SocketAddr> {
        self.browser.as_ref().map(|browser| browser.address)
    }

    /// The store's identity.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.store.epoch()
    }

    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.store.snapshot().revision()
    }

    /// The store, for tests that look inside.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The hub, for tests that look inside.
    #[must_use]
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Stops, top floor first: health says so, new streams are sent away, open ones say goodbye, writes in flight
    /// finish, connections end, tasks end, the log is closed. Answers when the data directory can be opened again.
    pub async fn stop(mut self) {
        self.ended = true;
        self.draining.store(true, Ordering::Relaxed);
        self.health.draining().await;
        info!(notice_ms = self.drain.notice.as_millis(), subscribers = self.hub.registry().len(), "draining");
        tokio::time::sleep(self.drain.notice).await;
        self.hub.drain();
        self.health.end_watches();
        self.accepting.cancel();
        close(&self.connections, self.browser.as_ref(), self.drain.limit).await;
        self.tasks.stop().await;
        self.store.close().await;
        info!("stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            warn!(
                "a server was dropped without stop(): its connections end and its store closes with the process"
            );
            self.hub.drain();
            self.accepting.cancel();
            self.tasks.stopping().cancel();
        }
    }
}
