//! The body of a request, within bounds of size and time.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mycelia_flags_core::rejection::Reason;

use crate::edge::limits::MESSAGE_TIMEOUT;
use crate::edge::problem::{Fault, Problem};
use crate::edge::status::word;

/// The whole body, when it comes in time and has at most so many bytes.
///
/// # Errors
/// 413 when it is larger, 408 when it takes longer than [`MESSAGE_TIMEOUT`], 400 when the connection breaks.
pub(super) async fn read_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large(announced.map(|length| length.to_string()), bytes_max));
    }
    let collected = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(MESSAGE_TIMEOUT, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(None, bytes_max)),
        Ok(Err(error)) => {
            let detail = format!("the body did not arrive: {error}");
            Err(Problem::new(StatusCode::BAD_REQUEST, word::INVALID_JSON, detail))
        }
        Err(_elapsed) => {
            let seconds = MESSAGE_TIMEOUT.as_secs();
            let detail = format!("the body did not arrive within {seconds} seconds");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, word::BODY_TIMEOUT, detail))
        }
    }
}

fn too_large(announced: Option<String>, bytes_max: usize) -> Problem {
    let value = announced.unwrap_or_else(|| format!("more than {bytes_max}"));
    let allowed = format!("at most {bytes_max} bytes");
    let fault = Fault::new(Reason::TooLarge.as_str(), "body", value, allowed);
    Problem::of_fault(StatusCode::PAYLOAD_TOO_LARGE, fault)
}
