//! One message, one answer.

use axum::body::Body;
use axum::middleware::Next;
use bytes::{Buf as _, Bytes};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tonic::Status;

use super::codec::Encoding;
use super::error::{http_status, in_words};
use super::{Called, PREFIX_BYTES, body, grpc};

/// Makes the call.
pub(super) async fn call(
    request: Request<Body>,
    called: &Called,
    encoding: Encoding,
    next: Next,
) -> Response<Body> {
    match answer(request, called, encoding, next).await {
        Ok(message) => response(StatusCode::OK, encoding.content_type(), message),
        Err(status) => {
            let said = in_words(&status).to_string();
            response(http_status(&status), "application/json", said.into())
        }
    }
}

async fn answer(
    request: Request<Body>,
    called: &Called,
    encoding: Encoding,
    next: Next,
) -> Result<Bytes, Status> {
    if called.method.is_server_streaming() || called.method.is_client_streaming() {
        let words = format!(
            "{} is a stream: content type {}",
            called.method.full_name(),
            encoding.stream_content_type()
        );
        return Err(Status::unimplemented(words));
    }
    let (head, sent) = request.into_parts();
    let message = body(&head.headers, sent, header::CONTENT_ENCODING.as_str(), called.bytes_max).await?;
    let message = encoding.decode(called.method.input(), message)?;
    let (head, sent) = next.run(grpc(head, &message)?).await.into_parts();
    if let Some(status) =
        Status::from_header_map(&head.headers).filter(|status| status.code() != tonic::Code::Ok)
    {
        return Err(status);
    }
    let collected = sent.collect().await;
    let collected = collected.map_err(|error| Status::internal(format!("the answer broke off: {error}")))?;
    if let Some(status) = collected.trailers().and_then(Status::from_header_map)
        && status.code() != tonic::Code::Ok
    {
        return Err(status);
    }
    let mut bytes = collected.to_bytes();
    if bytes.remaining() < PREFIX_BYTES {
        return Err(Status::internal("the answer has no message"));
    }
    bytes.advance(PREFIX_BYTES);
    encoding.encode(called.method.output(), bytes)
}

fn response(status: StatusCode, content_type: &'static str, message: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(message));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
