//! One of the servers that are compared, with everybody who listens to it.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use mycelia_flags_benches::crowd::{Crowd, Shape};
use mycelia_flags_benches::our_server::{self, Remote};
use mycelia_flags_benches::raw_tcp;
use mycelia_flags_benches::stopwatch::Stopwatch;
use mycelia_flags_proto::flagd::sync::v1 as sync;
use mycelia_flags_proto::raw::grpc_frame;
use mycelia_flags_proto::v1;
use mycelia_flags_server::edge::sync::SUBSCRIBE_PATH;

use crate::naive;

/// The head of a DATA frame, which raw TCP sends too.
const FRAME_HEAD: usize = 9;

const SYNC_FLAGS_PATH: &str = "/flagd.sync.v1.FlagSyncService/SyncFlags";

/// What an idle stream settles to is looked at after this.
const SETTLING: Duration = Duration::from_millis(500);

pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// From the word to the last subscriber, for each round.
    pub(crate) times_ms: Vec<f64>,
    /// Of the server for one subscriber, for each round.
    pub(crate) cpu_us: Vec<f64>,
    /// What each subscriber costs while nothing happens.
    pub(crate) idle_kib: Option<f64>,
    server: Remote,
    listeners: Listeners,
    /// What all subscribers together get at a push, in the unit of their tally.
    pushed: u64,
    subscribers: f64,
}

enum Listeners {
    Raw(raw_tcp::Readers),
    Streams(Crowd),
}

impl Side {
    pub(crate) async fn raw(shape: Shape) -> Result<Self> {
        let message = FRAME_HEAD + grpc_frame(&naive::message(1))?.len();
        let bytes = message * usize::try_from(shape.streams)?;
        let server = Remote::start(raw_tcp::ROLE, &[bytes.to_string(), shape.connections.to_string()])?;
        let readers = raw_tcp::Readers::gather(server.address, shape).await?;
        let pushed = u64::try_from(bytes)? * u64::from(shape.connections);
        Self::new("raw TCP", server, Listeners::Raw(readers), pushed, shape)
    }

    pub(crate) async fn naive(shape: Shape) -> Result<Self> {
        let server = Remote::start(naive::ROLE, &[])?;
        // The message of now.
        Self::subscribed("naive tonic", server, shape, 1).await
    }

    pub(crate) async fn ours(shape: Shape, flags: usize) -> Result<Self> {
        let mut server = Remote::start(our_server::ROLE, &[])?;
        server.player.ask(&format!("fill {flags}"))?;
        // Welcome and snapshot.
        Self::subscribed("ours", server, shape, 2).await
    }

    /// Our server once more, with subscribers of flagd's protocol: each gets all flags at every change.
    pub(crate) async fn flagd_sync(shape: Shape, flags: usize) -> Result<Self> {
        let mut server = Remote::start(our_server::ROLE, &[])?;
        server.player.ask(&format!("fill {flags}"))?;
        let request = grpc_frame(&sync::SyncFlagsRequest::default())?;
        // The document of now.
        Self::listening("ours by flagd.sync", server, shape, (SYNC_FLAGS_PATH, &request), 1).await
    }

    async fn subscribed(name: &'static str, server: Remote, shape: Shape, first: u64) -> Result<Self> {
        Self::listening(name, server, shape, (SUBSCRIBE_PATH, &request()?), first).await
    }

    /// `first` is how many messages a stream gets before anything is pushed.
    async fn listening(
        name: &'static str,
        server: Remote,
        shape: Shape,
        (path, request): (&str, &Bytes),
        first: u64,
    ) -> Result<Self> {
        // A forerunner makes the server encode what all the others share.
        let one = Shape { connections: 1, streams: 1 };
        let mut forerunner = Crowd::gather(server.address, one, path, request).await?;
        forerunner.ask();
        forerunner.until(first).await?;
        drop(forerunner);
        tokio::time::sleep(SETTLING).await;
        let before = server.resident_kib()?;
        let mut crowd = Crowd::gather(server.address, shape, path, request).await?;
        crowd.ask();
        crowd.until(first * shape.subscribers()).await?;
        tokio::time::sleep(SETTLING).await;
        let grown = server.resident_kib()? - before;
        let mut side = Self::new(name, server, Listeners::Streams(crowd), shape.subscribers(), shape)?;
        side.idle_kib = Some(grown / side.subscribers);
        Ok(side)
    }

    fn new(
        name: &'static str,
        server: Remote,
        listeners: Listeners,
        pushed: u64,
        shape: Shape,
    ) -> Result<Self> {
        let subscribers = f64::from(u32::try_from(shape.subscribers())?);
        let (times_ms, cpu_us, idle_kib) = (Vec::new(), Vec::new(), None);
        Ok(Self { name, times_ms, cpu_us, idle_kib, server, listeners, pushed, subscribers })
    }

    /// Tells everybody, and waits until everybody has it.
    pub(crate) async fn push(&mut self, is_measured: bool) -> Result<()> {
        let cpu_before = self.server.cpu()?;
        let goal = self.pushed
            + match &self.listeners {
                Listeners::Raw(readers) => readers.tally.arrived(),
                Listeners::Streams(crowd) => crowd.tally.arrived(),
            };
        let started = Stopwatch::start();
        self.server.player.tell("push")?;
        match &mut self.listeners {
            Listeners::Raw(readers) => readers.tally.until(goal).await?,
            Listeners::Streams(crowd) => crowd.until(goal).await?,
        }
        let elapsed = started.elapsed();
        self.server.player.hear()?;
        if is_measured {
            let cpu = self.server.cpu()?.saturating_sub(cpu_before);
            self.times_ms.push(elapsed.as_secs_f64() * 1e3);
            self.cpu_us.push(cpu.as_secs_f64() * 1e6 / self.subscribers);
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Result<()> {
        drop(self.listeners);
        self.server.player.end()
    }
}

fn request() -> Result<Bytes> {
    Ok(grpc_frame(&v1::SubscribeRequest {
        environment: our_server::ENVIRONMENT.to_owned(),
        service: "ui".to_owned(),
        instance: "benchmark".to_owned(),
        ..v1::SubscribeRequest::default()
    })?)
}
