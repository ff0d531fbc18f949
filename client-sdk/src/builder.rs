//! Describes a client, checks the description, and brings the client to life.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::value::{FlagType, Value};
use mycelia_flags_proto::client_tls::ClientTls;
use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::connection::Connection;
use crate::declaration::Declaration;
use crate::disk::{Binding, Store};
use crate::keeper::Keeper;
use crate::limits::{INSTANCE_BYTES_MAX, REPORT_INTERVAL, REPORT_INTERVAL_MIN};
use crate::replica::Replica;
use crate::shared::Shared;
use crate::state::State;
use crate::status::{Origin, Since, Standing};
use crate::tasks::Tasks;
use crate::transport::Transport;
use crate::{address, decode, disk, instance};

/// Where a server listens unless said otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8013";

/// Describes a client. Only the service's name is required.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    server: String,
    environment: String,
    service: String,
    instance: Option<String>,
    cache_dir: Option<PathBuf>,
    bootstrap: Option<PathBuf>,
    values: Vec<(String, Value)>,
    declared: Vec<Declaration>,
    offline: bool,
    backoff: Backoff,
    connect_timeout: Duration,
    tls_ca: Option<Vec<u8>>,
    tls_identity: Option<(Vec<u8>, Vec<u8>)>,
    report_interval: Duration,
    report_contexts: bool,
    report_evaluations: bool,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            server: DEFAULT_SERVER.to_owned(),
            environment: String::new(),
            service: String::new(),
            instance: None,
            cache_dir: None,
            bootstrap: None,
            values: Vec::new(),
            declared: Vec::new(),
            offline: false,
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(5),
            tls_ca: None,
            tls_identity: None,
            report_interval: REPORT_INTERVAL,
            report_contexts: true,
            report_evaluations: true,
        }
    }
}

/// The description of a client does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The server's URL cannot be used.
    #[error("server {url:?}: {why}")]
    Server {
        /// What was given.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// What was said about TLS cannot be used.
    #[error("{what}: {why}")]
    Tls {
        /// Which part of it, in the builder's words.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The environment is no name.
    #[error("environment {0:?}: expected {NAME_GRAMMAR}, or nothing for the server's default environment")]
    Environment(String),
    /// The service is missing or no name.
    #[error("service {0:?}: expected {NAME_GRAMMAR}")]
    Service(String),
    /// The instance's name is empty or too long.
    #[error("instance {0:?}: expected 1 to {INSTANCE_BYTES_MAX} bytes of text")]
    Instance(String),
    /// A value cannot be a flag's.
    #[error("value of {0:?}: expected a flag's name with a boolean, text, a number or an object")]
    Value(String),
    /// What is declared is no flag's key.
    #[error("declared flag {0:?}: expected {NAME_GRAMMAR}")]
    Declared(String),
    /// The backoff makes no sense.
    #[error("backoff: expected a base above zero, and a cap of at least that")]
    Backoff,
    /// There is no tokio runtime that could run the connection.
    #[error("no tokio runtime: connect from within one, or enter its handle first")]
    NoRuntime,
}

impl ClientBuilder {
    /// The server's URL. `http://127.0.0.1:8013` unless said otherwise; `https` connects by TLS.
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.server = url.into();
        self
    }

    /// Whom to trust by TLS: the server's certificate must come from one of these authorities (PEM, as many as there are), and
    /// no longer from one that the system trusts, which is what counts unless this is said.
    pub fn tls_ca(mut self, ca_pem: impl Into<Vec<u8>>) -> Self {
        self.tls_ca = Some(ca_pem.into());
        self
    }

    /// The client's own certificate and its private key (PEM, without a passphrase), for a server that asks for one.
    pub fn tls_identity(mut self, certificate_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.tls_identity = Some((certificate_pem.into(), key_pem.into()));
        self
    }

    /// The environment to follow. The server's default environment unless said otherwise.
    pub fn environment(mut self, key: impl Into<String>) -> Self {
        self.environment = key.into();
        self
    }

    /// The service that this process is an instance of. Required.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// The instance's own name, for people; the host's name and the process's number unless said otherwise.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// A local directory for the last known good state, which is what a client starts with while the server is down.
    /// Several services and environments may share it.
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(directory.into());
        self
    }

    /// A last known good file, of whatever server, to start with when the cache directory has none.
    pub fn bootstrap(mut self, file: impl Into<PathBuf>) -> Self {
        self.bootstrap = Some(file.into());
        self
    }

    /// A flag that gives everybody the same value, until the server's state arrives. Meant for tests, together with
    /// [`ClientBuilder::offline`].
    pub fn value(mut self, key: impl Into<String>, value: Value) -> Self {
        self.values.push((key.into(), value));
        self
    }

    /// A flag that this service needs. The server answers with what is missing, mistyped or archived
    /// ([`Status::breaches`](crate::Status::breaches)), and does not delete or archive the flag, unless forced, while an
    /// instance that needs it is connected.
    pub fn declare(mut self, key: impl Into<String>, flag_type: FlagType) -> Self {
        self.declared.push(Declaration { flag: key.into(), flag_type });
        self
    }

    /// Never connects: serves the values, the cached state or the bootstrap file, and is ready at once.
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// How long to wait between attempts to connect.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long an attempt to connect may take; 5 s unless said otherwise.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How often the server is told what was evaluated and observed; 5 s unless said otherwise, and at least 100 ms. A guard
    /// can be no quicker than this.
    pub fn report_interval(mut self, interval: Duration) -> Self {
        self.report_interval = interval;
        self
    }

    /// Whether the server is told of a sample of those for whom flags were evaluated, so that it can say whom a change
    /// would concern. It is, unless said otherwise: with the targeting key hashed, and only attributes that rules name.
    pub fn report_contexts(mut self, report: bool) -> Self {
        self.report_contexts = report;
        self
    }

    /// Whether evaluations are counted by flag and variant, and the server is told how many there were. They are, unless said
    /// otherwise; what is not counted counts as not used.
    pub fn report_evaluations(mut self, report: bool) -> Self {
        self.report_evaluations = report;
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    /// When something about it cannot work.
    pub fn build(self) -> Result<Config, BuildError> {
        let server = address::check_server(&self.server)?;
        let tls = address::check_tls(&server, self.tls_ca, self.tls_identity)?;
        if !self.environment.is_empty() && EnvironmentKey::parse(&self.environment).is_err() {
            return Err(BuildError::Environment(self.environment));
        }
        if ServiceName::parse(&self.service).is_err() {
            return Err(BuildError::Service(self.service));
        }
        let instance = self.instance.unwrap_or_else(instance::default_name);
        if instance.trim().is_empty() || instance.len() > INSTANCE_BYTES_MAX {
            return Err(BuildError::Instance(instance));
        }
        if self.backoff.base.is_zero() || self.backoff.cap < self.backoff.base {
            return Err(BuildError::Backoff);
        }
        let is_no_key = |declared: &&Declaration| FlagKey::parse(&declared.flag).is_err();
        if let Some(wrong) = self.declared.iter().find(is_no_key) {
            return Err(BuildError::Declared(wrong.flag.clone()));
        }
        let values = decode::values(&self.values).map_err(BuildError::Value)?;
        Ok(Config {
            server,
            environment: self.environment,
            service: self.service,
            instance,
            cache_dir: self.cache_dir,
            bootstrap: self.bootstrap,
            values,
            declared: self.declared,
            offline: self.offline,
            backoff: self.backoff,
            connect_timeout: self.connect_timeout,
            tls,
            report_interval: self.report_interval.max(REPORT_INTERVAL_MIN),
            report_contexts: self.report_contexts,
            report_evaluations: self.report_evaluations,
        })
    }

    /// Checks the description and brings the client to life: [`ClientBuilder::build`] and [`Config::connect`].
    ///
    /// # Errors
    /// When something about the description cannot work, or there is no tokio runtime.
    pub fn connect(self) -> Result<Client, BuildError> {
        self.build()?.connect()
    }
}

/// A checked description of a client.
#[derive(Debug)]
pub struct Config {
    pub(crate) server: String,
    pub(crate) environment: String,
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) declared: Vec<Declaration>,
    pub(crate) backoff: Backoff,
    pub(crate) connect_timeout: Duration,
    pub(crate) tls: ClientTls,
    cache_dir: Option<PathBuf>,
    bootstrap: Option<PathBuf>,
    values: Option<State>,
    offline: bool,
    report_interval: Duration,
    report_contexts: bool,
    report_evaluations: bool,
}

impl Config {
    /// Brings the client to life. Returns without waiting for the server: the connection is made in the background,
    /// and made again for ever. The last known good state is read here, so that the first evaluation has it.
    ///
    /// # Errors
    /// When there is no tokio runtime, which only offline mode does without, or `https` is asked for and the system trusts
    /// nobody.
    pub fn connect(mut self) -> Result<Client, BuildError> {
        let store = self.cache_dir.take().map(|directory| {
            let binding = Binding {
                server: self.server.clone(),
                environment: self.environment.clone(),
                service: self.service.clone(),
            };
            Store::new(directory, binding)
        });
        let first = self.first(store.as_ref());
        let tasks = Tasks::new();
        if self.offline {
            let origin = first.origin;
            let shared = Shared::new(first.state, Standing::Live, origin);
            // There is nobody to tell.
            shared.contexts.switch_off();
            shared.counts.switch_off();
            shared.live();
            return Ok(Client::new(Arc::new(shared), tasks));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Err(BuildError::NoRuntime);
        };
        // Only what this very scope held may be continued; any other state is replaced by the first snapshot.
        let continued = (first.origin == Origin::Disk).then(|| Arc::clone(&first.state));
        let service = Arc::from(&*self.service);
        let replica = Replica::new(continued, first.state.generation, store.is_some(), service);
        let shared = Arc::new(Shared::new(first.state, first.standing, first.origin));
        if !self.report_contexts {
            shared.contexts.switch_off();
        }
        if !self.report_evaluations {
            shared.counts.switch_off();
        }
        if let Some(store) = store {
            let keeper = Keeper::new(Arc::clone(&shared), store, tasks.tracker());
            tasks.spawn(&runtime, keeper.run(tasks.stopping()));
        }
        let transport = Transport::new(&self, tasks.tracker())?;
        let interval = self.report_interval;
        let connection = Connection::new(Arc::clone(&shared), transport, replica, self.backoff, interval);
        tasks.spawn(&runtime, connection.run(tasks.stopping()));
        Ok(Client::new(shared, tasks))
    }

    fn first(&mut self, store: Option<&Store>) -> First {
        let kept = store.and_then(Store::load).map(|kept| (kept, Origin::Disk));
        let bootstrap = || self.bootstrap.as_deref().and_then(disk::load_any);
        let kept = kept.or_else(|| bootstrap().map(|kept| (kept, Origin::Bootstrap)));
        let (mut state, since, origin) = match (kept, self.values.take()) {
            (Some((kept, origin)), _) => (kept.state, kept.since, origin),
            (None, Some(values)) => (values, Since::now(), Origin::Values),
            (None, None) => (State::default(), Since::now(), Origin::Nothing),
        };
        // Generation 0 means that nothing is known; offline, an empty state is all there is to know.
        state.generation = u64::from(origin != Origin::Nothing || self.offline);
        First { state: Arc::new(state), standing: Standing::Cached(since), origin }
    }
}

/// What a client starts with.
struct First {
    state: Arc<State>,
    standing: Standing,
    origin: Origin,
}
