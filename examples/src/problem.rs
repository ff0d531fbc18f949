//! A refusal with a reason, as RFC 9457 has it.

use std::path::Path;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use mycelia_flags_sdk::EvaluationDetails;
use serde_json::json;

use crate::flag::{FLAG, why};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// What is the matter, in few words.
    pub title: &'static str,
    /// The same for whoever looks into it.
    pub detail: String,
}

impl Problem {
    /// The flag is off for whoever asks.
    #[must_use]
    pub fn switched_off(status: StatusCode, title: &'static str, details: &EvaluationDetails<bool>) -> Self {
        let (why, revision) = (why(details), details.revision);
        Self { status, title, detail: format!("{FLAG} is off ({why}, revision {revision})") }
    }

    /// The fault switch is thrown.
    #[must_use]
    pub fn broken(fault_file: &Path) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "the feature is broken",
            detail: format!("the fault switch is thrown: {} exists", fault_file.display()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "status": self.status.as_u16(),
            "title": self.title,
            "detail": self.detail,
        });
        let content_type = [(CONTENT_TYPE, "application/problem+json")];
        (self.status, content_type, Json(body)).into_response()
    }
}
