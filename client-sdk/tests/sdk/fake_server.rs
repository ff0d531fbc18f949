//! A SyncService without a will of its own: each subscription is handed to the test, which sends what it likes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mycelia_flags_core::digest::{Digest, MemberHash};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::v1::subscribe_response::Frame;
use mycelia_flags_proto::v1::sync_service_server::{SyncService, SyncServiceServer};
use mycelia_flags_proto::v1::{
    AcknowledgeRequest, AcknowledgeResponse, BucketingGeneration, Delta, EffectiveFlag, FlagType, Goodbye,
    Heartbeat, Serve, Snapshot, SubscribeRequest, SubscribeResponse, Variant, Welcome, serve, value,
};
use mycelia_flags_sdk::{Backoff, Client, ClientBuilder, ClientState, Status as ClientStatus};
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must happen.
#[track_caller]
pub(crate) fn in_time<F: Future>(what: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        tokio::time::timeout(PATIENCE, what)
            .await
            .unwrap_or_else(|_| panic!("{caller}: did not happen in time"))
    }
}

/// Waits until the client's status is as it must be.
#[track_caller]
pub(crate) fn until(
    client: &Client,
    condition: impl Fn(&ClientStatus) -> bool,
) -> impl Future<Output = ClientStatus> {
    let mut status = client.watch_status();
    in_time(async move {
        let reached = status.wait_for(|status| condition(status)).await;
        reached.unwrap().clone()
    })
}

/// A server that is running, on a runtime of its own, so that it can die.
pub(crate) struct FakeServer {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    subscribers: mpsc::Receiver<Subscriber>,
    script: Arc<Script>,
}

struct Script {
    attempts: watch::Sender<usize>,
    refusal: Mutex<Option<Status>>,
    acknowledged: watch::Sender<Vec<AcknowledgeRequest>>,
    deaf: Mutex<usize>,
    subscribers: mpsc::Sender<Subscriber>,
}

/// One subscription.
pub(crate) struct Subscriber {
    pub(crate) request: SubscribeRequest,
    frames: mpsc::Sender<Result<SubscribeResponse, Status>>,
}

#[derive(Clone)]
struct Service(Arc<Script>);

#[tonic::async_trait]
impl SyncService for Service {
    type SubscribeStream =
        Pin<Box<dyn tokio_stream::Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.0.attempts.send_modify(|attempts| *attempts += 1);
        if let Some(refusal) = self.0.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let (frames, stream) = mpsc::channel(64);
        let subscriber = Subscriber { request: request.into_inner(), frames };
        self.0
            .subscribers
            .try_send(subscriber)
            .map_err(|_full| Status::internal("nobody takes subscribers"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        {
            let mut deaf = self.0.deaf.lock().unwrap();
            if *deaf > 0 {
                *deaf -= 1;
                return Err(Status::unavailable("deaf"));
            }
        }
        self.0.acknowledged.send_modify(|all| all.push(request.into_inner()));
        Ok(Response::new(AcknowledgeResponse {}))
    }
}

/// An address where nobody listens, yet.
pub(crate) async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

impl FakeServer {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (subscribers, taken) = mpsc::channel(4_096);
        let script = Arc::new(Script {
            attempts: watch::Sender::new(0),
            refusal: Mutex::new(None),
            acknowledged: watch::Sender::new(Vec::new()),
            deaf: Mutex::new(0),
            subscribers,
        });
        let service = SyncServiceServer::new(Service(Arc::clone(&script)));
        let listening = runtime.spawn(async move { TcpListener::bind(address).await.unwrap() });
        let listener = in_time(listening).await.unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, runtime: Some(runtime), subscribers: taken, script }
    }

    /// A client of this server, impatient enough for a test.
    pub(crate) fn client(&self) -> ClientBuilder {
        client(self.address)
    }

    /// The next subscription.
    #[track_caller]
    pub(crate) fn subscriber(&mut self) -> impl Future<Output = Subscriber> {
        let next = in_time(self.subscribers.recv());
        async move { next.await.unwrap() }
    }

    /// Takes a subscription that is waiting, if there is one.
    pub(crate) fn try_subscriber(&mut self) -> bool {
        self.subscribers.try_recv().is_ok()
    }

    /// Answers subscriptions with a status from now on, or takes them again.
    pub(crate) fn refuse(&self, refusal: Option<Status>) {
        *self.script.refusal.lock().unwrap() = refusal;
    }

    /// How many subscriptions were asked for.
    pub(crate) fn attempts(&self) -> watch::Receiver<usize> {
        self.script.attempts.subscribe()
    }

    /// Does not hear so many acknowledgements.
    pub(crate) fn turn_deaf(&self, acknowledgements: usize) {
        *self.script.deaf.lock().unwrap() = acknowledgements;
    }

    pub(crate) fn is_deaf(&self) -> bool {
        *self.script.deaf.lock().unwrap() > 0
    }

    /// Waits for an acknowledgement.
    #[track_caller]
    pub(crate) fn acknowledged(
        &self,
        wanted: impl Fn(&AcknowledgeRequest) -> bool,
    ) -> impl Future<Output = AcknowledgeRequest> {
        let mut all = self.script.acknowledged.subscribe();
        in_time(async move {
            let all = all.wait_for(|all| all.iter().any(&wanted)).await.unwrap();
            all.iter().find(|one| wanted(one)).unwrap().clone()
        })
    }

    /// Dies: the port is closed, all connections are cut.
    pub(crate) fn die(mut self) -> SocketAddr {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        self.address
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A client of whoever listens at an address, impatient enough for a test.
pub(crate) fn client(address: SocketAddr) -> ClientBuilder {
    let backoff = Backoff::default()
        .between(Duration::from_millis(5), Duration::from_millis(20))
        .denied(Duration::from_millis(20));
    Client::builder()
        .server(format!("http://{address}"))
        .environment("production")
        .service("runner")
        .instance("runner-1")
        .backoff(backoff)
}

/// What the fake server holds.
pub(crate) type Flags = BTreeMap<&'static str, EffectiveFlag>;

/// Boolean flags that serve these values to everybody.
pub(crate) fn flags(of: &[(&'static str, bool)]) -> Flags {
    of.iter().map(|(key, value)| (*key, constant(key, value::Kind::BooleanValue(*value)))).collect()
}

/// A flag that serves one value to everybody.
pub(crate) fn constant(key: &str, kind: value::Kind) -> EffectiveFlag {
    let flag_type = match kind {
        value::Kind::BooleanValue(_) => FlagType::Boolean,
        value::Kind::IntegerValue(_) => FlagType::Integer,
        value::Kind::FloatValue(_) => FlagType::Float,
        value::Kind::StringValue(_) => FlagType::String,
        value::Kind::ListValue(_) | value::Kind::ObjectValue(_) => FlagType::Object,
    };
    let value = Some(mycelia_flags_proto::v1::Value { kind: Some(kind) });
    let name = "only".to_owned();
    EffectiveFlag {
        key: key.to_owned(),
        r#type: flag_type.into(),
        variants: vec![Variant { name: name.clone(), value }],
        enabled: true,
        off_variant: name.clone(),
        default_serve: Some(Serve { serve: Some(serve::Serve::Variant(name.clone())) }),
        default_variant: name,
        ..EffectiveFlag::default()
    }
}

/// The digest of flags at a revision.
fn digest(revision: u64, flags: &Flags) -> Bytes {
    let digest = flags
        .values()
        .fold(Digest::default(), |digest, flag| digest.with(MemberHash::of(&flag.encode_to_vec())));
    Bytes::copy_from_slice(&digest.sealed(Revision::new(revision)).to_bytes())
}

impl Subscriber {
    async fn send(&self, frame: Frame) {
        let response = SubscribeResponse { frame: Some(frame) };
        in_time(self.frames.send(Ok(response))).await.unwrap();
    }

    /// Something follows.
    pub(crate) async fn welcome(&self, revision: u64) {
        self.welcome_with(Welcome { revision, ..Self::greeting() }).await;
    }

    /// Nothing follows: these flags are what the client holds already.
    pub(crate) async fn welcome_back(&self, revision: u64, flags: &Flags) {
        self.welcome_with(Welcome {
            revision,
            up_to_date: true,
            digest: digest(revision, flags),
            ..Self::greeting()
        })
        .await;
    }

    pub(crate) fn greeting() -> Welcome {
        Welcome {
            stream_id: 7,
            epoch: "epoch-1".to_owned(),
            revision: 1,
            heartbeat_interval_ms: 60_000,
            server: "0.0.0-fake".to_owned(),
            bucketing: BucketingGeneration::V3.into(),
            environment: "production".to_owned(),
            ..Welcome::default()
        }
    }

    pub(crate) async fn welcome_with(&self, welcome: Welcome) {
        self.send(Frame::Welcome(welcome)).await;
    }

    pub(crate) async fn snapshot(&self, revision: u64, flags: &Flags) {
        self.send(Frame::Snapshot(Snapshot {
            epoch: "epoch-1".to_owned(),
            revision,
            flags: flags.values().cloned().collect(),
            digest: digest(revision, flags),
            bucketing: BucketingGeneration::V3.into(),
            ..Snapshot::default()
        }))
        .await;
    }

    pub(crate) async fn delta(&self, previous: u64, revision: u64, before: &Flags, after: &Flags) {
        let changed = after.iter().filter(|(key, flag)| before.get(*key) != Some(flag));
        let removed = before.keys().filter(|key| !after.contains_key(*key));
        self.send(Frame::Delta(Delta {
            previous_revision: previous,
            revision,
            flags: changed.map(|(_, flag)| flag.clone()).collect(),
            removed: removed.map(|key| (*key).to_owned()).collect(),
            digest: digest(revision, after),
            ..Delta::default()
        }))
        .await;
    }

    pub(crate) async fn heartbeat(&self, revision: u64, flags: &Flags) {
        self.send(Frame::Heartbeat(Heartbeat { revision, digest: digest(revision, flags) })).await;
    }

    pub(crate) async fn goodbye(&self, reconnect_after_ms: u32) {
        self.send(Frame::Goodbye(Goodbye { reason: 1, reconnect_after_ms })).await;
    }

    /// Ends the stream with an error.
    pub(crate) async fn fail(self, status: Status) {
        in_time(self.frames.send(Err(status))).await.unwrap();
    }

    /// Waits until the client has gone.
    pub(crate) async fn gone(&self) {
        in_time(self.frames.closed()).await;
    }
}

/// Brings a client of a new subscription to a state.
pub(crate) async fn bring_up(
    server: &mut FakeServer,
    client: &Client,
    revision: u64,
    flags: &Flags,
) -> Subscriber {
    let subscriber = server.subscriber().await;
    subscriber.welcome(revision).await;
    subscriber.snapshot(revision, flags).await;
    until(client, |status| status.state == ClientState::Ready && status.revision == revision).await;
    subscriber
}
