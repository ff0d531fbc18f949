//! What one writes first with tonic: every stream owns a message and encodes it for itself.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::pin::Pin;

use anyhow::{Result, bail};
use mycelia_flags_benches::stopwatch;
use mycelia_flags_benches::table::say;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::sync_service_server::{SyncService, SyncServiceServer};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The role of this server.
pub(crate) const ROLE: &str = "naive";

/// The same message as ours: a delta with one flag of about 1 KiB.
pub(crate) fn message(revision: u64) -> v1::SubscribeResponse {
    let variant = |name: &str, letter: &str| v1::Variant {
        name: name.to_owned(),
        value: Some(v1::Value { kind: Some(v1::value::Kind::StringValue(letter.repeat(420))) }),
    };
    let flag = v1::EffectiveFlag {
        key: "payload".to_owned(),
        r#type: v1::FlagType::String.into(),
        variants: vec![variant("first", "f"), variant("second", "s")],
        enabled: true,
        off_variant: "second".to_owned(),
        default_variant: "first".to_owned(),
        default_serve: Some(v1::Serve { serve: Some(v1::serve::Serve::Variant("first".to_owned())) }),
        ..v1::EffectiveFlag::default()
    };
    let delta = v1::Delta {
        previous_revision: revision.saturating_sub(1),
        revision,
        flags: vec![flag],
        digest: vec![7; 16].into(),
        ..v1::Delta::default()
    };
    v1::SubscribeResponse { frame: Some(v1::subscribe_response::Frame::Delta(delta)) }
}

struct Naive {
    newest: watch::Sender<v1::SubscribeResponse>,
}

#[tonic::async_trait]
impl SyncService for Naive {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<v1::SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        _request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Ok(Response::new(Box::pin(WatchStream::new(self.newest.subscribe()).map(Ok))))
    }

    async fn acknowledge(
        &self,
        _request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        Ok(Response::new(v1::AcknowledgeResponse {}))
    }
}

/// Is the naive server.
pub(crate) fn play() -> Result<()> {
    let runtime = Runtime::new()?;
    let newest = watch::Sender::new(message(0));
    let listener = runtime.block_on(tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    say(&listener.local_addr()?.to_string())?;
    let mut tasks = tokio::task::JoinSet::new();
    let service = SyncServiceServer::new(Naive { newest: newest.clone() });
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming);
    tasks.spawn_on(server, runtime.handle());
    let mut revision = 0;
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "push" => {
                revision += 1;
                newest.send_replace(message(revision));
                say("pushed")?;
            }
            "cpu" => say(&stopwatch::process_cpu().as_nanos().to_string())?,
            other => bail!("not understood: {other}"),
        }
    }
    Ok(())
}
