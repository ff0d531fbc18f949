//! Statuses in Connect's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::StatusCode;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status};

/// The word of a code, and the HTTP status of a unary answer.
const fn words(code: Code) -> (&'static str, StatusCode) {
    match code {
        Code::Cancelled => ("canceled", StatusCode::REQUEST_TIMEOUT),
        Code::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
        Code::DeadlineExceeded => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
        Code::NotFound => ("not_found", StatusCode::NOT_FOUND),
        Code::AlreadyExists => ("already_exists", StatusCode::CONFLICT),
        Code::PermissionDenied => ("permission_denied", StatusCode::FORBIDDEN),
        Code::ResourceExhausted => ("resource_exhausted", StatusCode::TOO_MANY_REQUESTS),
        Code::FailedPrecondition => ("failed_precondition", StatusCode::BAD_REQUEST),
        Code::Aborted => ("aborted", StatusCode::CONFLICT),
        Code::OutOfRange => ("out_of_range", StatusCode::BAD_REQUEST),
        Code::Unimplemented => ("unimplemented", StatusCode::NOT_IMPLEMENTED),
        Code::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        Code::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        Code::DataLoss => ("data_loss", StatusCode::INTERNAL_SERVER_ERROR),
        Code::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED),
        Code::Unknown | Code::Ok => ("unknown", StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The HTTP status of a unary answer.
pub(super) fn http_status(status: &Status) -> StatusCode {
    words(status.code()).1
}

/// The error with its details, each by its type's name and in base64.
pub(super) fn in_words(status: &Status) -> Value {
    let mut said = json!({ "code": words(status.code()).0, "message": status.message() });
    let details = tonic_types::pb::Status::decode(status.details()).map(|status| status.details);
    let details: Vec<Value> = details
        .unwrap_or_default()
        .iter()
        .map(|detail| {
            let name = detail.type_url.rsplit('/').next().unwrap_or_default();
            json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) })
        })
        .collect();
    if !details.is_empty()
        && let Value::Object(fields) = &mut said
    {
        fields.insert("details".to_owned(), Value::Array(details));
    }
    said
}
