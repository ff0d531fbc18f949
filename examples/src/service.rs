//! A service from its start to its end: flags, listener, router, signals.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router};
use mycelia_flags_sdk::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::args::ServiceArgs;
use crate::event::{Announcer, Event};
use crate::feature::Feature;
use crate::follow::follow;
use crate::stop::Stop;

/// What is being done when the end is asked for may take this long.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// How often the flag server is told how requests went. The SDK's own pace is five seconds; here somebody watches.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// A service that follows its flags already and is about to listen.
#[derive(Debug)]
pub struct Service {
    flags: Client,
    fault_file: Option<PathBuf>,
    announcer: Announcer,
    listener: TcpListener,
    stop: Stop,
}

impl Service {
    /// Connects to the flag server, without waiting for it, and binds the listener.
    ///
    /// # Errors
    /// When an argument is wrong or the address is taken.
    pub async fn start(name: &'static str, args: ServiceArgs) -> anyhow::Result<Self> {
        let stop = Stop::listen()?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("warn"));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let _another_one_is_set = log.try_init();
        let listen: SocketAddr = args.listen;
        let announcer = Announcer { service: name, instance: args.instance.clone(), json: args.json_events };
        Ok(Self {
            fault_file: args.fault_file.clone(),
            flags: connect(name, args)?,
            announcer,
            listener: TcpListener::bind(listen)
                .await
                .with_context(|| format!("cannot listen on {listen}"))?,
            stop,
        })
    }

    /// The feature, to be asked for with each request.
    #[must_use]
    pub fn feature(&self) -> Feature {
        Feature::new(self.flags.clone(), self.fault_file.clone())
    }

    /// Serves until SIGTERM or SIGINT: takes no more requests then, finishes those it has, and leaves the flag server.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(mut self, router: Router) -> anyhow::Result<()> {
        let url = format!("http://{}", self.listener.local_addr()?);
        let router = router.route("/health", health(self.announcer.clone(), self.flags.clone()));
        let (end, ended) = oneshot::channel::<()>();
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(async {
            let _dropped = ended.await;
        });
        let mut serving = std::pin::pin!(serving.into_future());
        self.announcer.say(&Event::Listens { url });
        let mut following = JoinSet::new();
        following.spawn(follow(self.flags.clone(), self.announcer.clone()));
        tokio::select! {
            served = &mut serving => served.context("cannot go on listening")?,
            () = self.stop.asked() => {
                drop(end);
                let _too_slow_are_cut_off = tokio::time::timeout(DRAIN_LIMIT, &mut serving).await;
            }
        }
        // This ends the following too.
        self.flags.close().await;
        following.join_all().await;
        self.announcer.say(&Event::Stopped);
        Ok(())
    }
}

fn connect(name: &'static str, args: ServiceArgs) -> anyhow::Result<Client> {
    let mut builder = Client::builder().server(args.server).service(name).report_interval(REPORT_INTERVAL);
    if let Some(environment) = args.env {
        builder = builder.environment(environment);
    }
    if let Some(instance) = args.instance {
        builder = builder.instance(instance);
    }
    if let Some(directory) = args.cache_dir {
        builder = builder.cache_dir(directory);
    }
    builder.connect().context("cannot follow the flags")
}

/// The service is well even while the flag server is away: it has the last known flags, or its own defaults.
fn health(announcer: Announcer, flags: Client) -> axum::routing::MethodRouter {
    get(move || {
        let status = flags.status();
        let health: Value = json!({
            "status": "ok",
            "service": announcer.service,
            "instance": announcer.instance,
            "flags": {
                "state": status.state.as_str(),
                "environment": &*status.environment,
                "revision": status.revision,
                "age_seconds": status.age().map(|age| age.as_secs()),
            },
        });
        async move { Json(health) }
    })
}
