//! A server in this process, and the clients that stories need.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_proto::client_tls::ClientTls;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::admin_service_client::AdminServiceClient;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use mycelia_flags_server::app::{BrowserOptions, Config, DrainOptions, Running, start};
use mycelia_flags_server::clock::{SharedClock, SystemClock};
use mycelia_flags_server::control::measured::Measured;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::prometheus::PrometheusOptions;
use mycelia_flags_server::distribution::hub::HubOptions;
use mycelia_flags_server::edge::cors::Origins;
use mycelia_flags_server::edge::selector_token::SelectorTokens;
use mycelia_flags_server::edge::tls::TlsOptions;
use mycelia_flags_server::state::{LogChoice, StoreOptions};
use tonic::transport::{Channel, Endpoint};

/// How a story wants its server.
pub(crate) struct Wanted {
    pub(crate) log: LogChoice,
    pub(crate) listen: SocketAddr,
    pub(crate) hub: HubOptions,
    pub(crate) drain: DrainOptions,
    pub(crate) bucketing: Option<Generation>,
    pub(crate) clock: SharedClock,
    /// How often the clock is looked at while a plan waits for it, and metrics are while there are guards.
    pub(crate) pace: Duration,
    /// What metrics say.
    pub(crate) measured: Option<Measured>,
    /// Whom to tell what happens.
    pub(crate) notify: NotifyOptions,
    /// Who keeps the metrics that conditions name by queries.
    pub(crate) prometheus: Option<PrometheusOptions>,
    /// Whose pages may read all of the main port.
    pub(crate) origins: Origins,
    /// The listener for browsers.
    pub(crate) browser: Option<BrowserOptions>,
    /// Tokens that choose an environment.
    pub(crate) selector_tokens: SelectorTokens,
    /// The certificates, if TLS is to be spoken, and what the story's own clients do with them.
    pub(crate) tls: Option<(TlsOptions, ClientTls)>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            log: LogChoice::Memory,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            hub: HubOptions::default(),
            drain: DrainOptions { notice: Duration::ZERO, limit: Duration::from_secs(5) },
            bucketing: None,
            clock: SystemClock::shared(),
            pace: Duration::from_millis(5),
            measured: None,
            notify: NotifyOptions::default(),
            prometheus: None,
            origins: Origins::default(),
            browser: None,
            selector_tokens: SelectorTokens::default(),
            tls: None,
        }
    }
}

impl Wanted {
    pub(crate) fn on_disk(data_dir: &Path) -> Self {
        Self { log: LogChoice::Sled { data_dir: data_dir.to_owned() }, ..Self::default() }
    }

    pub(crate) async fn start(self) -> Server {
        let (tls, client_tls) = self.tls.unzip();
        let config = Config {
            listen: self.listen,
            tls,
            store: StoreOptions {
                log: self.log,
                bucketing: self.bucketing,
                environments: ["development", "staging", "production"].map(str::to_owned).to_vec(),
                created_by: "test".to_owned(),
            },
            default_environment: EnvironmentKey::new("production"),
            hub: self.hub,
            drain: self.drain,
            seen_contexts: true,
            pace: self.pace,
            guard_pace: self.pace,
            measured: self.measured,
            notify: self.notify,
            prometheus: self.prometheus,
            origins: self.origins,
            browser: self.browser,
            selector_tokens: self.selector_tokens,
        };
        let running = start(config, self.clock).await.unwrap();
        let scheme = if running.is_secure() { "https" } else { "http" };
        Server {
            url: format!("{scheme}://{}", running.address()),
            running,
            tls: client_tls.unwrap_or_default(),
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) running: Running,
    tls: ClientTls,
}

impl Server {
    /// A server with a memory log and default options.
    pub(crate) async fn in_memory() -> Self {
        Wanted::default().start().await
    }

    pub(crate) async fn channel(&self) -> Channel {
        try_channel(&self.url, &self.tls).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Admin {
        Admin { client: AdminServiceClient::new(self.channel().await) }
    }

    pub(crate) async fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel().await)
    }
}

pub(crate) async fn channel(url: &str) -> Channel {
    try_channel(url, &ClientTls::default()).await.unwrap()
}

pub(crate) async fn try_channel(url: &str, tls: &ClientTls) -> Result<Channel, tonic::transport::Error> {
    tls.secure(Endpoint::from_shared(url.to_owned()).unwrap()).unwrap().connect().await
}

/// Asks for changes the way every client does.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) client: AdminServiceClient<Channel>,
}

impl Admin {
    pub(crate) async fn connect(url: &str) -> Self {
        Self { client: AdminServiceClient::new(channel(url).await) }
    }

    pub(crate) async fn try_apply(&mut self, changes: Vec<Kind>) -> Result<v1::ApplyResponse, tonic::Status> {
        self.request(apply_request(changes)).await
    }

    pub(crate) async fn request(
        &mut self,
        request: v1::ApplyRequest,
    ) -> Result<v1::ApplyResponse, tonic::Status> {
        Ok(self.client.apply(request).await?.into_inner())
    }

    pub(crate) async fn apply(&mut self, changes: Vec<Kind>) -> v1::ApplyResponse {
        self.try_apply(changes).await.unwrap()
    }

    pub(crate) async fn create(&mut self, flag: &str) -> u64 {
        self.apply(vec![create(flag)]).await.revision
    }

    pub(crate) async fn enable(&mut self, flag: &str) -> u64 {
        self.apply(vec![enable(flag)]).await.revision
    }

    pub(crate) async fn disable(&mut self, flag: &str) -> u64 {
        self.apply(vec![disable(flag)]).await.revision
    }

    pub(crate) async fn subscribers(&mut self) -> Vec<v1::Subscriber> {
        self.client
            .list_subscribers(v1::ListSubscribersRequest::default())
            .await
            .unwrap()
            .into_inner()
            .subscribers
    }
}

pub(crate) fn apply_request(changes: Vec<Kind>) -> v1::ApplyRequest {
    let changes = changes.into_iter().map(|change| v1::Change { change: Some(change) }).collect();
    v1::ApplyRequest {
        change_set: Some(v1::ChangeSet { changes, actor: "test".to_owned(), reason: "a story".to_owned() }),
        ..v1::ApplyRequest::default()
    }
}

pub(crate) fn create(flag: &str) -> Kind {
    let definition = v1::FlagDefinition { key: flag.to_owned(), ..v1::FlagDefinition::default() };
    Kind::CreateFlag(v1::CreateFlag { definition: Some(definition), ..v1::CreateFlag::default() })
}

pub(crate) fn enable(flag: &str) -> Kind {
    Kind::EnableFlag(v1::EnableFlag { environment: "production".to_owned(), flag: flag.to_owned() })
}

pub(crate) fn disable(flag: &str) -> Kind {
    Kind::DisableFlag(v1::DisableFlag { environment: "production".to_owned(), flag: flag.to_owned() })
}

pub(crate) fn rollout(flag: &str, percent: f64) -> Kind {
    Kind::Rollout(v1::Rollout {
        environment: "production".to_owned(),
        flag: flag.to_owned(),
        percent,
        enable: false,
    })
}
