//! gRPC: one connection for each attempt, frames with the flags' bytes as they came, the server's hints in its errors.

use std::error::Error as _;
use std::time::Duration;

use bytes::Buf as _;
use mycelia_flags_proto::client_tls::TlsTrouble;
use mycelia_flags_proto::raw::Frame;
use mycelia_flags_proto::v1::sync_service_client::SyncServiceClient;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use mycelia_flags_proto::v1::{
    AcknowledgeRequest, DeclaredFlag, ReportRequest, ReportResponse, SubscribeRequest,
};
use prost::Message as _;
use tokio_util::task::TaskTracker;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::backoff::Ending;
use crate::builder::{BuildError, Config};
use crate::declaration::Declaration;
use crate::limits::{ACKNOWLEDGE_TIMEOUT, FRAME_BYTES_MAX, REPORT_TIMEOUT, WELCOME_TIMEOUT};
use crate::replica::Known;
use crate::tasks::TrackedExecutor;

/// A connection that says nothing for this long is asked for a sign of life …
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// … and is dead when none comes within this.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

const SUBSCRIBE: &str = "/mycelia.flags.v1.SyncService/Subscribe";

/// What the server is told about us.
const SDK: &str = concat!("rust/", env!("CARGO_PKG_VERSION"));

/// Makes connections.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    endpoint: Endpoint,
    environment: String,
    service: String,
    instance: String,
    declared: Vec<DeclaredFlag>,
    connect_timeout: Duration,
}

/// A connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    channel: Channel,
}

/// A message of a stream.
#[derive(Debug)]
pub(crate) enum Received {
    /// A frame.
    Frame(Frame),
    /// Bytes that are none.
    Undecodable(String),
}

impl Transport {
    /// Reads whom the system trusts, when that is what `https` is to be judged by.
    ///
    /// # Errors
    /// When the address cannot be used, or TLS is not possible.
    pub(crate) fn new(config: &Config, tracker: TaskTracker) -> Result<Self, BuildError> {
        let unusable = |_said_no_more| BuildError::Server { url: config.server.clone(), why: "not a URL" };
        let endpoint = Endpoint::from_shared(config.server.clone())
            .map_err(unusable)?
            .connect_timeout(config.connect_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .executor(TrackedExecutor(tracker));
        Ok(Self {
            endpoint: config.tls.secure(endpoint)?,
            environment: config.environment.clone(),
            service: config.service.clone(),
            instance: config.instance.clone(),
            declared: config.declared.iter().map(Declaration::to_wire).collect(),
            connect_timeout: config.connect_timeout,
        })
    }

    /// Connects. A new connection each time: tonic's channel fails the first call after the server has gone away, and
    /// looks a name up only once.
    ///
    /// # Errors
    /// When there is no connection in time.
    pub(crate) async fn connect(&self) -> Result<Link, Status> {
        // Endpoint's own timeout begins after the name was looked up.
        let connected = tokio::time::timeout(self.connect_timeout.saturating_mul(2), self.endpoint.connect());
        match connected.await {
            Ok(Ok(channel)) => Ok(Link { channel }),
            Ok(Err(error)) => Err(Status::unavailable(with_causes(&error))),
            Err(_) => Err(Status::unavailable("connecting took too long")),
        }
    }

    /// Asks to follow the scope, from what is known of it.
    ///
    /// # Errors
    /// When the server refuses, or says nothing in time.
    pub(crate) async fn subscribe(&self, link: &Link, known: Known) -> Result<Streaming<Received>, Status> {
        let request = SubscribeRequest {
            environment: self.environment.clone(),
            service: self.service.clone(),
            instance: self.instance.clone(),
            sdk: SDK.to_owned(),
            known_revision: known.revision,
            known_epoch: known.epoch.to_string(),
            known_digest: known.digest,
            observer: false,
            declared: self.declared.clone(),
        };
        let mut grpc = Grpc::new(link.channel.clone()).max_decoding_message_size(FRAME_BYTES_MAX);
        let subscribe = async {
            grpc.ready().await.map_err(|error| Status::unavailable(with_causes(&error)))?;
            let path = PathAndQuery::from_static(SUBSCRIBE);
            grpc.server_streaming(Request::new(request), path, FrameCodec).await
        };
        match tokio::time::timeout(WELCOME_TIMEOUT, subscribe).await {
            Ok(answer) => Ok(answer.map_err(refused_by_tls)?.into_inner()),
            Err(_) => Err(Status::deadline_exceeded("the server did not answer in time")),
        }
    }
}

impl Transport {
    /// A report of this instance that says nothing yet.
    pub(crate) fn report(&self) -> ReportRequest {
        ReportRequest {
            environment: self.environment.clone(),
            service: self.service.clone(),
            instance: self.instance.clone(),
            ..ReportRequest::default()
        }
    }
}

impl Link {
    /// Tells what was evaluated and observed.
    ///
    /// # Errors
    /// When the server did not hear it.
    pub(crate) async fn report(&self, report: ReportRequest) -> Result<ReportResponse, Status> {
        let mut client = TelemetryServiceClient::new(self.channel.clone());
        match tokio::time::timeout(REPORT_TIMEOUT, client.report(report)).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("the server did not answer in time")),
        }
    }

    /// Reports what was applied.
    ///
    /// # Errors
    /// When the server did not hear it.
    pub(crate) async fn acknowledge(&self, report: AcknowledgeRequest) -> Result<(), Status> {
        let mut client = SyncServiceClient::new(self.channel.clone());
        match tokio::time::timeout(ACKNOWLEDGE_TIMEOUT, client.acknowledge(report)).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Status::deadline_exceeded("the server did not answer in time")),
        }
    }
}

/// What a status means for the next attempt.
pub(crate) fn ending(status: &Status) -> Ending {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => Ending::Denied,
        Code::Unavailable | Code::ResourceExhausted => Ending::Failed(hint(status.metadata())),
        _ => Ending::Failed(None),
    }
}

/// Whether the server knows this client and does not want it, as opposed to being unwell.
pub(crate) fn is_refusal(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::NotFound
            | Code::InvalidArgument
            | Code::FailedPrecondition
    )
}

/// How long the server wants us to stay away. A negative number means "do not retry" in gRPC; we always do.
fn hint(metadata: &MetadataMap) -> Option<Duration> {
    ["retry-after-ms", "grpc-retry-pushback-ms"]
        .into_iter()
        .filter_map(|name| metadata.get(name)?.to_str().ok()?.parse().ok())
        .max()
        .map(Duration::from_millis)
}

/// By TLS 1.3 a client has connected before the server has looked at its certificate.
fn refused_by_tls(status: Status) -> Status {
    let source = status.source();
    let trouble = source.filter(|source| TlsTrouble::of(*source).is_some());
    trouble.map(|trouble| Status::unavailable(with_causes(trouble))).unwrap_or(status)
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(trouble) = TlsTrouble::of(error) {
        let what_to_do = match trouble {
            TlsTrouble::Untrusted => " (ClientBuilder::tls_ca names others)",
            TlsTrouble::NotTls => " (an http address connects without TLS)",
            TlsTrouble::CertificateWanted => " (ClientBuilder::tls_identity gives one)",
            _ => "",
        };
        return format!("TLS: {}{what_to_do}", trouble.words());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Protobuf, except that a message which cannot be decoded is an item and no failure of the stream: what it means is
/// decided by the replica.
#[derive(Debug, Clone, Copy)]
struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = SubscribeRequest;
    type Decode = Received;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for FrameCodec {
    type Item = SubscribeRequest;
    type Error = Status;

    fn encode(&mut self, item: SubscribeRequest, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for FrameCodec {
    type Item = Received;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Received>, Status> {
        let message = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(match Frame::decode(message) {
            Ok(frame) => Received::Frame(frame),
            Err(error) => Received::Undecodable(error.to_string()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: Code, metadata: &[(&'static str, &'static str)], expected: Ending) {
        let mut status = Status::new(code, "");
        for (name, value) in metadata {
            status.metadata_mut().insert(*name, value.parse().unwrap());
        }
        assert_eq!(ending(&status), expected, "{code:?} {metadata:?}");
    }

    #[test]
    fn a_status_says_how_to_go_on() {
        let ms = |ms| Ending::Failed(Some(Duration::from_millis(ms)));
        check(Code::Unavailable, &[], Ending::Failed(None));
        check(Code::Unavailable, &[("retry-after-ms", "250")], ms(250));
        check(Code::ResourceExhausted, &[("grpc-retry-pushback-ms", "9")], ms(9));
        check(Code::Unavailable, &[("retry-after-ms", "5"), ("grpc-retry-pushback-ms", "9")], ms(9));
        check(Code::Unavailable, &[("grpc-retry-pushback-ms", "-1")], Ending::Failed(None));
        check(Code::Unavailable, &[("retry-after-ms", "soon")], Ending::Failed(None));
        check(Code::Internal, &[("retry-after-ms", "250")], Ending::Failed(None));
        check(Code::Ok, &[], Ending::Failed(None));
        check(Code::Unauthenticated, &[("retry-after-ms", "1")], Ending::Denied);
        check(Code::PermissionDenied, &[], Ending::Denied);
    }
}
