//! gRPC-Web over the gRPC services: gRPC for pages, which can read no trailers.
//!
//! A call is the gRPC call that it means; of its answer the trailers travel as a last frame of the body. In the text form both
//! are in base64. Written after the specification at <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited};
use tonic::Status;

use super::limits::MESSAGE_TIMEOUT;

/// The flag of a frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// How a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Text,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match said.split(';').next().unwrap_or_default().trim() {
            "application/grpc-web" | "application/grpc-web+proto" => Some(Self::Binary),
            "application/grpc-web-text" | "application/grpc-web-text+proto" => Some(Self::Text),
            _ => None,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Binary => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text+proto",
        }
    }

    fn write(self, bytes: Bytes) -> Bytes {
        match self {
            Self::Binary => bytes,
            Self::Text => STANDARD.encode(bytes).into(),
        }
    }
}

/// Translates a call that came in this form, and leaves all others as they are. The state is how many bytes the largest
/// message has that any of the services takes.
pub async fn translate(State(bytes_max): State<usize>, request: Request<Body>, next: Next) -> Response<Body> {
    let form = Form::of(request.headers()).filter(|_| request.method() == Method::POST);
    let Some(form) = form else {
        return next.run(request).await;
    };
    let (mut head, sent) = request.into_parts();
    let answer = match frames(form, sent, bytes_max).await {
        Ok(frames) => {
            for name in [header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
                head.headers.remove(name);
            }
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
            next.run(Request::from_parts(head, Body::from(frames))).await
        }
        Err(status) => status.into_http(),
    };
    let (mut head, body) = answer.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    Response::from_parts(head, Body::new(Answer { body, form, ended: false }))
}

/// The frames of a call, within its bounds.
async fn frames(form: Form, body: Body, bytes_max: usize) -> Result<Bytes, Status> {
    // Base64 takes four bytes for three; the frame's head and the padding fit in the rest.
    let bytes_max = if form == Form::Text { bytes_max / 3 * 4 } else { bytes_max } + 64;
    let collected = tokio::time::timeout(MESSAGE_TIMEOUT, Limited::new(body, bytes_max).collect()).await;
    let collected = collected
        .map_err(|_elapsed| Status::deadline_exceeded("the request's message did not arrive in time"))?;
    let bytes = collected
        .map_err(|_too_large| Status::resource_exhausted(format!("at most {bytes_max} bytes")))?
        .to_bytes();
    match form {
        Form::Binary => Ok(bytes),
        Form::Text => {
            let refused = |error| Status::invalid_argument(format!("the message is no base64: {error}"));
            Ok(STANDARD.decode(bytes.trim_ascii()).map_err(refused)?.into())
        }
    }
}

/// The body of an answer, its trailers as a frame.
struct Answer {
    body: Body,
    form: Form,
    ended: bool,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        let bytes = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                self.ended = true;
                frame.into_trailers().map_or_else(|_other| Bytes::new(), |trailers| in_a_frame(&trailers))
            }
        };
        Poll::Ready(Some(Ok(Frame::data(self.form.write(bytes)))))
    }
}

fn in_a_frame(trailers: &HeaderMap) -> Bytes {
    let mut text = BytesMut::new();
    for (name, value) in trailers {
        text.put_slice(name.as_str().as_bytes());
        text.put_slice(b": ");
        text.put_slice(value.as_bytes());
        text.put_slice(b"\r\n");
    }
    let mut frame = BytesMut::with_capacity(text.len() + 5);
    frame.put_u8(TRAILERS);
    frame.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    frame.put(text);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trailers_are_the_last_frame_of_the_body() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let whole = http_body_util::Full::new(Bytes::from_static(b"\0\0\0\0\x01x"));
        let body = Body::new(whole.with_trailers(std::future::ready(Some(Ok(trailers)))));
        let answer = Answer { body, form: Form::Binary, ended: false };
        let bytes = answer.collect().await.unwrap().to_bytes();
        assert_eq!(&bytes[..], b"\0\0\0\0\x01x\x80\0\0\0\x10grpc-status: 0\r\n");
    }

    #[tokio::test]
    async fn the_text_form_is_base64_in_both_directions() {
        let sent = frames(Form::Text, Body::from("AAAAAAA="), 1024).await.unwrap();
        assert_eq!(&sent[..], b"\0\0\0\0\0");
        assert_eq!(&Form::Text.write(sent)[..], b"AAAAAAA=");
        let refused = frames(Form::Text, Body::from("no base64!"), 1024).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        let large = frames(Form::Binary, Body::from(vec![0; 2_000]), 1024).await.unwrap_err();
        assert_eq!(large.code(), tonic::Code::ResourceExhausted);
    }
}
