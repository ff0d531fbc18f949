//! The listener for browsers: an address, an accept loop and connections of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use mycelia_flags_core::key::EnvironmentKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Running, StartError};
use crate::edge::browser::{BrowserEdges, serving, starting};
use crate::edge::callers::Callers;
use crate::edge::cors::Origins;
use crate::edge::evaluation::EvaluationEdge;
use crate::edge::flagd::FlagdEdge;
use crate::edge::following::{Following, OpenStreams};
use crate::edge::gate::Gate;
use crate::edge::http::ofrep::OfrepEdge;
use crate::edge::listener::Connections;
use crate::edge::router::{DescriptorsError, Edges};
use crate::edge::tls::ListenerTls;
use crate::tasks::Tasks;

/// How browsers are served.
#[derive(Debug, Clone)]
pub struct BrowserOptions {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The origins whose pages may read the answers.
    pub origins: Origins,
    /// The environments that are served, the one that goes without saying first; none means the server's default one.
    pub environments: Vec<EnvironmentKey>,
}

/// A listener that browsers may reach.
#[derive(Debug)]
pub(super) struct BrowserListener {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<Connections>,
    pub(super) streams: OpenStreams,
    gate: Arc<Gate>,
    options: BrowserOptions,
}

impl BrowserListener {
    /// Listens, and asks everybody to wait until it is opened.
    pub(super) async fn begin(
        (options, tls): (Option<&BrowserOptions>, Option<ListenerTls>),
        tasks: &Tasks,
        accepting: &CancellationToken,
    ) -> Result<Option<Self>, StartError> {
        let Some(options) = options.cloned() else { return Ok(None) };
        let address = options.listen;
        let refused = |error| StartError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        if tls.is_none() && !address.ip().is_loopback() {
            warn!(%address, "pages are served in plain text: --tls-cert and --tls-key turn TLS on");
        }
        let gate = Gate::new(starting(options.origins.clone()));
        let connections = Connections::new(Arc::clone(&gate), tls);
        tasks.spawn(Arc::clone(&connections).accept(listener, accepting.clone()));
        Ok(Some(Self { address, connections, streams: OpenStreams::default(), gate, options }))
    }

    /// Serves from now on.
    pub(super) fn open(&self, edges: BrowserEdges) -> Result<(), DescriptorsError> {
        self.gate.open(serving(edges, self.options.origins.clone())?);
        info!(address = %self.address, "serving browsers");
        Ok(())
    }
}

impl Running {
    /// The same edges, over the same compiled flags, for those who may know less.
    pub(super) fn browser_edges(&self, edges: &Edges, browser: &BrowserListener) -> BrowserEdges {
        let named = &browser.options.environments;
        let of_the_server = &edges.evaluation.default_environment;
        let is_served = named.is_empty() || named.contains(of_the_server);
        let default_environment =
            if is_served { of_the_server } else { named.first().unwrap_or(of_the_server) };
        let environments: BTreeSet<EnvironmentKey> =
            named.iter().chain([default_environment]).cloned().collect();
        let evaluation = EvaluationEdge {
            default_environment: default_environment.clone(),
            callers: Callers::Browsers(Arc::new(environments)),
            following: Following { open: browser.streams.clone(), ..edges.evaluation.following.clone() },
            ..edges.evaluation.clone()
        };
        BrowserEdges {
            ofrep: OfrepEdge { evaluation: evaluation.clone(), ..edges.ofrep.clone() },
            flagd: FlagdEdge::new(
                evaluation.clone(),
                self.store.clone(),
                Arc::clone(&self.hub),
                self.tasks.clone(),
            ),
            evaluation,
            selector_tokens: Arc::clone(&edges.selector_tokens),
        }
    }
}
