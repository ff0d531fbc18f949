//! The body of a request: within its bounds of size and time, and as a JSON object.

use std::collections::BTreeMap;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mycelia_flags_core::json::{self, JsonError};
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::text::shortened;
use mycelia_flags_core::value::Value;

use crate::edge::limits::MESSAGE_TIMEOUT;
use crate::edge::problem::{Fault, Faults, Problem};
use crate::edge::status::word;

/// How much of a wrong value is repeated in the answer.
const SHOWN_CHARS_MAX: usize = 80;

/// The fields of a JSON object.
pub(super) type Object = BTreeMap<Box<str>, Value>;

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

/// Reads the object that a body is; `example` says what it may be. What is wrong is noted.
pub(super) fn object(body: &[u8], example: &str, faults: &mut Faults) -> Option<Object> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let at = format!("byte {}", error.valid_up_to());
            faults.note_word(word::INVALID_JSON, "body", at, "JSON in UTF-8");
            return None;
        }
    };
    match json::parse(text) {
        Ok(Value::Object(fields)) => Some(fields),
        Ok(other) => {
            wrong_type("body", &other, example, faults);
            None
        }
        Err(JsonError { line, column, expected }) => {
            let at = format!("line {line}, column {column}");
            faults.note_word(word::INVALID_JSON, "body", at, expected);
            None
        }
    }
}

/// Notes a value of another type than expected.
pub(super) fn wrong_type(field: &str, value: &Value, allowed: &str, faults: &mut Faults) {
    faults.note(Reason::WrongType, field, shown(value), allowed);
}

/// Notes fields that are not known.
pub(super) fn unknown(fields: &Object, path: &str, known: &[&str], faults: &mut Faults) {
    for (name, value) in fields.iter().filter(|(name, _)| !known.contains(&&***name)) {
        let name = shortened(name, SHOWN_CHARS_MAX);
        let field = if path.is_empty() { name } else { format!("{path}.{name}") };
        faults.note_word(word::UNKNOWN_FIELD, field, shown(value), format!("one of {}", known.join(", ")));
    }
}

fn shown(value: &Value) -> String {
    shortened(&json::print(value), SHOWN_CHARS_MAX)
}
