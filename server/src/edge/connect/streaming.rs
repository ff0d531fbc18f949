//! One message, and a stream of answers that ends with what went wrong.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::middleware::Next;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body::Frame;
use prost_reflect::MessageDescriptor;
use serde_json::json;
use tonic::{Code, Status};

use super::codec::Encoding;
use super::error::in_words;
use super::{Called, PREFIX_BYTES, body, grpc};

/// The flag of an envelope that ends a stream.
const END: u8 = 0b10;

/// Makes the call. Whatever goes wrong is said in the stream, which itself is always answered with 200.
pub(super) async fn call(
    request: Request<Body>,
    called: &Called,
    encoding: Encoding,
    next: Next,
) -> Response<Body> {
    let body = match begin(request, called, encoding, next).await {
        Ok(answers) => Body::new(Envelopes {
            answers,
            kind: called.method.output(),
            encoding,
            buffer: BytesMut::new(),
            ended: false,
        }),
        Err(status) => Body::from(end(Some(&status))),
    };
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(encoding.stream_content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

async fn begin(
    request: Request<Body>,
    called: &Called,
    encoding: Encoding,
    next: Next,
) -> Result<Body, Status> {
    if !called.method.is_server_streaming() || called.method.is_client_streaming() {
        let words = format!(
            "{} is no stream of answers: content type {}",
            called.method.full_name(),
            encoding.content_type()
        );
        return Err(Status::unimplemented(words));
    }
    let (head, sent) = request.into_parts();
    let mut bytes = body(&head.headers, sent, "connect-content-encoding", called.bytes_max).await?;
    if bytes.remaining() < PREFIX_BYTES {
        return Err(Status::invalid_argument("the request has no message"));
    }
    let flags = bytes.get_u8();
    let length = usize::try_from(bytes.get_u32()).unwrap_or(usize::MAX);
    if flags != 0 || length != bytes.remaining() {
        return Err(Status::invalid_argument("one envelope with one uncompressed message is expected"));
    }
    let message = encoding.decode(called.method.input(), bytes)?;
    let (head, answers) = next.run(grpc(head, &message)?).await.into_parts();
    match Status::from_header_map(&head.headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(answers),
    }
}

fn envelope(flags: u8, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + payload.len());
    bytes.put_u8(flags);
    // Messages came with a length of 32 bits, and JSON of more than that is not ours to send.
    bytes.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    bytes.put_slice(payload);
    bytes.freeze()
}

fn end(status: Option<&Status>) -> Bytes {
    let said = status.map_or_else(|| json!({}), |status| json!({ "error": in_words(status) }));
    envelope(END, said.to_string().as_bytes())
}

/// gRPC's frames as Connect's envelopes.
struct Envelopes {
    answers: Body,
    kind: MessageDescriptor,
    encoding: Encoding,
    /// What has come of a frame that is not whole yet.
    buffer: BytesMut,
    ended: bool,
}

impl Envelopes {
    /// The next whole message.
    fn message(&mut self) -> Option<Result<Bytes, Status>> {
        let prefix = self.buffer.get(1..PREFIX_BYTES)?;
        let length = u32::from_be_bytes(prefix.try_into().ok()?);
        let whole = usize::try_from(length).ok()?.checked_add(PREFIX_BYTES)?;
        if self.buffer.len() < whole {
            return None;
        }
        let mut message = self.buffer.split_to(whole).freeze();
        message.advance(PREFIX_BYTES);
        Some(self.encoding.encode(self.kind.clone(), message))
    }

    fn last(&mut self, status: Option<&Status>) -> Frame<Bytes> {
        self.ended = true;
        Frame::data(end(status))
    }
}

impl http_body::Body for Envelopes {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match self.message() {
                Some(Ok(message)) => return Poll::Ready(Some(Ok(Frame::data(envelope(0, &message))))),
                Some(Err(status)) => return Poll::Ready(Some(Ok(self.last(Some(&status))))),
                None => {}
            }
            let last = match ready!(Pin::new(&mut self.answers).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.buffer.extend_from_slice(&data);
                        continue;
                    }
                    Err(frame) => {
                        frame.into_trailers().ok().and_then(|trailers| Status::from_header_map(&trailers))
                    }
                },
                Some(Err(error)) => Some(Status::unavailable(format!("the stream broke off: {error}"))),
                None => Some(Status::unavailable("the stream ended without saying how")),
            };
            let last = last.filter(|status| status.code() != Code::Ok);
            return Poll::Ready(Some(Ok(self.last(last.as_ref()))));
        }
    }
}
