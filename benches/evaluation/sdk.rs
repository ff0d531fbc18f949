//! The SDK itself: a client that follows a server which has nothing but one snapshot to say.
//!
//! Our own server stops at 10,000 flags, and an SDK need not; so the frames are put together here, by the server's own
//! encoder, and handed out by a few lines of HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, header};
use axum::routing::post;
use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::digest::MemberHash;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::update::{EntryKey, Member, View};
use mycelia_flags_sdk::Client;
use mycelia_flags_server::distribution::encode::{Encode as _, Welcome};
use mycelia_flags_server::distribution::registry::StreamId;
use mycelia_flags_server::edge::frames::GrpcFrames;
use mycelia_flags_server::edge::sync::{ACKNOWLEDGE_PATH, SUBSCRIBE_PATH};
use mycelia_flags_server::state::Epoch;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;

use crate::ours;
use crate::population::Flag;

/// A server that has nothing but one snapshot to say.
pub(crate) struct Served {
    address: SocketAddr,
    runtime: Runtime,
    _server: JoinSet<Result<()>>,
}

impl Served {
    /// Serves these flags.
    pub(crate) fn begin(flags: &[Flag]) -> Result<Self> {
        let runtime = Runtime::new()?;
        let (address, server) = runtime.block_on(serve(flags))?;
        Ok(Self { address, runtime, _server: server })
    }

    /// Connects, and waits until all flags have arrived.
    pub(crate) fn follow(self) -> Result<Sdk> {
        let follow = |counts: bool| -> Result<Client> {
            let _entered = self.runtime.enter();
            let builder = Client::builder().server(format!("http://{}", self.address)).service("benchmark");
            let client = builder.report_evaluations(counts).connect()?;
            self.runtime.block_on(client.ready(Duration::from_secs(60)))?;
            Ok(client)
        };
        Ok(Sdk { client: follow(true)?, uncounted: follow(false)?, served: self })
    }
}

/// A client that holds the population.
pub(crate) struct Sdk {
    pub(crate) client: Client,
    /// The same, which counts no evaluations: what counting costs is the difference.
    pub(crate) uncounted: Client,
    served: Served,
}

impl Sdk {
    /// Ends the client before its runtime.
    pub(crate) fn end(self) {
        self.served.runtime.block_on(self.client.close());
        self.served.runtime.block_on(self.uncounted.close());
        self.served.runtime.shutdown_background();
    }
}

fn frames(flags: &[Flag]) -> [Bytes; 2] {
    let epoch = Epoch::draw();
    let member = |flag: &Flag| {
        let effective = ours::effective(flag, &ours::variants());
        let raw = GrpcFrames.flag(&effective);
        let key = EntryKey::Flag(effective.key.folded());
        Member { key, hash: MemberHash::of(&raw), content: Arc::new(raw) }
    };
    let view = View::of(Revision::new(7), flags.iter().map(member), []);
    let welcome = GrpcFrames.welcome(&Welcome {
        stream: StreamId(1),
        epoch,
        revision: view.revision(),
        digest: view.digest(),
        up_to_date: false,
        heartbeat_ms: 300_000,
        bucketing: Generation::V3,
        environment: "production".to_owned(),
        breaches: Vec::new(),
    });
    [welcome, GrpcFrames.snapshot(epoch, Generation::V3, &view)]
}

async fn serve(flags: &[Flag]) -> Result<(SocketAddr, JoinSet<Result<()>>)> {
    let frames = frames(flags);
    let subscribe = move || {
        let first = tokio_stream::iter(frames.clone()).map(Ok::<_, std::io::Error>);
        async move { grpc(Body::from_stream(first.chain(tokio_stream::pending()))) }
    };
    // An empty message, whatever is acknowledged.
    let acknowledge = || async { grpc(Body::from(&[0; 5][..])) };
    let router =
        Router::new().route(SUBSCRIBE_PATH, post(subscribe)).route(ACKNOWLEDGE_PATH, post(acknowledge));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.context("the server ended") });
    Ok((address, server))
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/grpc"));
    response
}
