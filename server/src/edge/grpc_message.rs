//! gRPC messages read and written by hand, for the two hot calls of SyncService.
//!
//! A response whose body is the shared bytes of a frame costs a fifth of what an encoder for each stream costs, and
//! holds nothing for each stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use futures_core::Stream as _;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited};
use prost::Message;
use tonic::{Code, Status};

use super::limits::{MESSAGE_TIMEOUT, SMALL_MESSAGE_BYTES_MAX};
use crate::distribution::encode::EndReason;
use crate::distribution::subscription::{Item, Subscription};

/// Bytes in front of each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Reads the one message of a request.
///
/// # Errors
/// With the status to answer: the message is too large, too slow, compressed, or no such message.
pub async fn read<M: Message + Default>(request: Request<Body>) -> Result<M, Status> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !content_type.starts_with(b"application/grpc") || content_type.starts_with(b"application/grpc-web") {
        return Err(Status::invalid_argument("content-type: expected application/grpc"));
    }
    let body = Limited::new(request.into_body(), SMALL_MESSAGE_BYTES_MAX + PREFIX_BYTES).collect();
    let body = tokio::time::timeout(MESSAGE_TIMEOUT, body)
        .await
        .map_err(|_elapsed| Status::deadline_exceeded("the request's message did not arrive in time"))?
        .map_err(|_too_large| {
            Status::resource_exhausted(format!("at most {SMALL_MESSAGE_BYTES_MAX} bytes"))
        })?;
    let mut bytes = body.to_bytes();
    if bytes.remaining() < PREFIX_BYTES {
        return Err(Status::invalid_argument("the request has no message"));
    }
    let compressed = bytes.get_u8();
    let length = usize::try_from(bytes.get_u32()).unwrap_or(usize::MAX);
    if compressed != 0 {
        return Err(Status::unimplemented("the message is compressed; send it as it is"));
    }
    if length != bytes.remaining() {
        return Err(Status::invalid_argument("the message's length is not what its prefix says"));
    }
    M::decode(bytes)
        .map_err(|error| Status::invalid_argument(format!("the message cannot be decoded: {error}")))
}

/// Answers a call with one message.
pub fn answer<M: Message>(message: &M) -> Response<Body> {
    let frame = match mycelia_flags_proto::raw::grpc_frame(message) {
        Ok(frame) => frame,
        Err(_too_large) => return refuse(&Status::internal("the answer is too large")),
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = http_body_util::Full::new(frame).with_trailers(async move { Some(Ok(trailers)) });
    grpc_response(Body::new(body))
}

/// Answers a call with a status.
#[must_use]
pub fn refuse(status: &Status) -> Response<Body> {
    status.clone().into_http()
}

/// Answers a call with a stream of frames.
#[must_use]
pub fn stream(subscription: Subscription) -> Response<Body> {
    grpc_response(Body::new(SubscriptionBody(subscription)))
}

fn grpc_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A subscription as the body of a response.
struct SubscriptionBody(Subscription);

impl http_body::Body for SubscriptionBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_next(context).map(|item| {
            item.map(|item| match item {
                Item::Frame(bytes) => Ok(Frame::data(bytes)),
                Item::End(reason) => Ok(Frame::trailers(end_trailers(reason))),
            })
        })
    }
}

/// How a stream ends: never with OK, because some clients then never come back.
fn end_trailers(reason: EndReason) -> HeaderMap {
    let (code, message) = match reason {
        EndReason::Draining => (Code::Unavailable, "DRAINING: the server shuts down"),
        EndReason::MaxAge => (Code::Unavailable, "MAX_AGE: the stream is as old as a stream may become"),
        EndReason::SlowConsumer => {
            (Code::ResourceExhausted, "SLOW_CONSUMER: the subscriber made no progress")
        }
    };
    let mut trailers = HeaderMap::new();
    // add_header writes grpc-status and grpc-message, percent-encoded as the protocol wants it.
    if Status::new(code, message).add_header(&mut trailers).is_err() {
        trailers.insert("grpc-status", HeaderValue::from_static("14"));
    }
    trailers
}
