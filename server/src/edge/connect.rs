//! The Connect protocol over the gRPC services: what `curl`, browsers, and flagd's Go and web providers speak.
//!
//! A call is translated to the gRPC call that it means and its answer back, method by method from our own descriptors, so
//! that no service knows of it: unary and server-streaming, in JSON and in binary, over HTTP/1.1 and HTTP/2. Written after
//! the specification at <https://connectrpc.com/docs/protocol>.

mod codec;
mod error;
mod streaming;
mod unary;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Limited};
use mycelia_flags_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorError, DescriptorPool, MethodDescriptor};
use tonic::{Code, Status};

use self::codec::Encoding;
use super::flagd::before;
use super::limits::MESSAGE_TIMEOUT;

/// Bytes in front of each message of a stream, in gRPC and in Connect: flags, and a length.
const PREFIX_BYTES: usize = 5;

/// Knows our methods.
#[derive(Debug, Clone)]
pub struct Connect {
    pool: Arc<DescriptorPool>,
    /// Bytes of the largest message that any of the services takes.
    bytes_max: usize,
}

/// Our descriptors could not be read.
pub type ConnectError = DescriptorError;

/// How a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Unary(Encoding),
    Streaming(Encoding),
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match said.split(';').next().unwrap_or_default().trim() {
            "application/json" => Some(Self::Unary(Encoding::Json)),
            "application/proto" => Some(Self::Unary(Encoding::Binary)),
            "application/connect+json" => Some(Self::Streaming(Encoding::Json)),
            "application/connect+proto" => Some(Self::Streaming(Encoding::Binary)),
            _ => None,
        }
    }
}

impl Connect {
    /// Reads our own descriptors; no message has more bytes than so many.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(bytes_max: usize) -> Result<Self, ConnectError> {
        Ok(Self { pool: Arc::new(DescriptorPool::decode(FILE_DESCRIPTOR_SET)?), bytes_max })
    }

    fn method(&self, path: &str) -> Option<MethodDescriptor> {
        let now = before::path(path);
        let path = now.as_deref().unwrap_or(path);
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        self.pool.get_service_by_name(service)?.methods().find(|known| known.name() == method)
    }
}

/// The method of a call.
struct Called {
    method: MethodDescriptor,
    /// Bytes of a message.
    bytes_max: usize,
}

/// Translates a call that came in Connect's form, and leaves all others as they are.
pub async fn translate(State(connect): State<Connect>, request: Request<Body>, next: Next) -> Response<Body> {
    let form = Form::of(request.headers()).filter(|_| request.method() == Method::POST);
    let (Some(form), Some(method)) = (form, connect.method(request.uri().path())) else {
        return next.run(request).await;
    };
    let called = Called { method, bytes_max: connect.bytes_max };
    match form {
        Form::Unary(encoding) => unary::call(request, &called, encoding, next).await,
        Form::Streaming(encoding) => streaming::call(request, &called, encoding, next).await,
    }
}

/// The body of a call, within the bounds of the largest message that any service takes.
async fn body(
    headers: &HeaderMap,
    body: Body,
    encoding_header: &str,
    bytes_max: usize,
) -> Result<Bytes, Status> {
    let compression = headers.get(encoding_header).map_or(&b"identity"[..], HeaderValue::as_bytes);
    if compression != b"identity" {
        return Err(Status::unimplemented(format!(
            "{encoding_header}: only identity; send messages as they are"
        )));
    }
    let collected = Limited::new(body, bytes_max + PREFIX_BYTES).collect();
    let collected = tokio::time::timeout(MESSAGE_TIMEOUT, collected).await;
    let collected = collected
        .map_err(|_elapsed| Status::deadline_exceeded("the request's message did not arrive in time"))?;
    let collected =
        collected.map_err(|_too_large| Status::resource_exhausted(format!("at most {bytes_max} bytes")))?;
    Ok(collected.to_bytes())
}

/// The gRPC call that a message means, with everything else that the caller said.
fn grpc(mut head: http::request::Parts, message: &[u8]) -> Result<Request<Body>, Status> {
    let length = u32::try_from(message.len())
        .map_err(|_too_large| Status::new(Code::ResourceExhausted, "the message is too large"))?;
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.put_slice(message);
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ACCEPT_ENCODING] {
        head.headers.remove(name);
    }
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    Ok(Request::from_parts(head, Body::from(frame.freeze())))
}

#[cfg(test)]
mod tests;
