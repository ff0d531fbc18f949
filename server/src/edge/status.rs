//! The one place where errors become gRPC statuses. Every reason word has a paragraph in `docs/errors.md`.

use std::collections::HashMap;

use mycelia_flags_core::rejection::{Rejection, RejectionKind};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::error;

use crate::distribution::hub::SubscribeError;
use crate::distribution::registry::AcknowledgeError;
use crate::state::{CommitError, ReadError};

/// The domain of the reason words.
pub const DOMAIN: &str = "flags.mycelia";

/// Violations that travel as details.
const VIOLATIONS_SHOWN_MAX: usize = 16;

/// Bytes of the violations that travel as details; the first one always does. Details and message travel in trailers,
/// and clients take no more than some 8 KiB of those, the strictest; one that gets more sees a broken connection and
/// no answer at all.
const DETAILS_BYTES_MAX: usize = 3 * 1024;

/// Bytes of the message, which travels twice.
const MESSAGE_BYTES_MAX: usize = 768;

/// How much is said of what is allowed. A flag's variants alone can be 8 KiB of names.
const ALLOWED_BYTES_MAX: usize = 300;

/// Violations that are written out in the message.
const VIOLATIONS_IN_MESSAGE_MAX: usize = 4;

/// Reason words that are not about a change set's content.
pub mod word {
    /// The store cannot be written until the server is restarted.
    pub const STORE_POISONED: &str = "STORE_POISONED";
    /// The server shuts down.
    pub const DRAINING: &str = "DRAINING";
    /// The store is still being loaded.
    pub const STARTING: &str = "STARTING";
    /// Too much is waiting already.
    pub const BUSY: &str = "BUSY";
    /// There is no such stream.
    pub const UNKNOWN_STREAM: &str = "UNKNOWN_STREAM";
    /// More was acknowledged than was sent.
    pub const NOT_SENT: &str = "NOT_SENT";
    /// There are as many subscriptions as there may be.
    pub const TOO_MANY_SUBSCRIPTIONS: &str = "TOO_MANY_SUBSCRIPTIONS";
    /// The log could not be read.
    pub const LOG_UNREADABLE: &str = "LOG_UNREADABLE";
    /// HTTP: the body is no JSON.
    pub const INVALID_JSON: &str = "INVALID_JSON";
    /// HTTP: an object has a field, or a query a parameter, that means nothing here.
    pub const UNKNOWN_FIELD: &str = "UNKNOWN_FIELD";
    /// HTTP: there is nothing at the path.
    pub const UNKNOWN_PATH: &str = "UNKNOWN_PATH";
    /// HTTP: the path is there, for other methods.
    pub const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
    /// HTTP: the body did not arrive in time.
    pub const BODY_TIMEOUT: &str = "BODY_TIMEOUT";
    /// HTTP: a page of another site asks for a change.
    pub const CROSS_ORIGIN: &str = "CROSS_ORIGIN";
    /// The port speaks TLS alone, and was spoken to without it.
    pub const TLS_REQUIRED: &str = "TLS_REQUIRED";

    /// There is no such notification target.
    pub const UNKNOWN_TARGET: &str = "UNKNOWN_TARGET";
    /// No target has a dead letter of this event.
    pub const UNKNOWN_DEAD_LETTER: &str = "UNKNOWN_DEAD_LETTER";

    /// All of them.
    pub const ALL: [&str; 17] = [
        STORE_POISONED,
        DRAINING,
        STARTING,
        BUSY,
        UNKNOWN_STREAM,
        NOT_SENT,
        TOO_MANY_SUBSCRIPTIONS,
        LOG_UNREADABLE,
        INVALID_JSON,
        UNKNOWN_FIELD,
        UNKNOWN_PATH,
        METHOD_NOT_ALLOWED,
        BODY_TIMEOUT,
        CROSS_ORIGIN,
        TLS_REQUIRED,
        UNKNOWN_TARGET,
        UNKNOWN_DEAD_LETTER,
    ];
}

/// A status with a reason word.
#[must_use]
pub fn with_reason(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// The code of a kind of wrong.
#[must_use]
pub const fn code_of(kind: RejectionKind) -> Code {
    match kind {
        RejectionKind::Invalid => Code::InvalidArgument,
        RejectionKind::NotFound => Code::NotFound,
        RejectionKind::AlreadyExists => Code::AlreadyExists,
        RejectionKind::Precondition => Code::FailedPrecondition,
        RejectionKind::Conflict => Code::Aborted,
    }
}

/// A change set, or another request, that is wrong.
#[must_use]
pub fn rejected(rejection: &Rejection) -> Status {
    let code = code_of(rejection.kind());
    let mut details = ErrorDetails::new();
    let mut bytes = 0_usize;
    for violation in rejection.violations.iter().take(VIOLATIONS_SHOWN_MAX) {
        let allowed = brief(&violation.allowed, ALLOWED_BYTES_MAX);
        let description = format!("{:?} ({}): {allowed}", violation.value, violation.reason.as_str());
        bytes = bytes.saturating_add(violation.field.len()).saturating_add(description.len());
        if bytes > DETAILS_BYTES_MAX && details.has_bad_request_violations() {
            break;
        }
        details.add_bad_request_violation(violation.field.clone(), description);
    }
    if let Some(first) = rejection.violations.first() {
        let metadata = HashMap::from([
            ("field".to_owned(), first.field.clone()),
            ("value".to_owned(), first.value.clone()),
            ("allowed".to_owned(), brief(&first.allowed, ALLOWED_BYTES_MAX)),
        ]);
        details.set_error_info(first.reason.as_str(), DOMAIN, metadata);
    }
    let shown = rejection.violations.iter().take(VIOLATIONS_IN_MESSAGE_MAX).map(ToString::to_string);
    let mut message = brief(&shown.collect::<Vec<_>>().join("; "), MESSAGE_BYTES_MAX);
    if rejection.violations.len() > VIOLATIONS_IN_MESSAGE_MAX {
        message.push_str(&format!("; {} violations in all", rejection.violations.len()));
    }
    Status::with_error_details(code, message, details)
}

/// As much of a text as there is room for.
fn brief(text: &str, bytes_max: usize) -> String {
    match text.get(..text.floor_char_boundary(bytes_max)) {
        Some(begun) if begun.len() < text.len() => format!("{begun}…"),
        _ => text.to_owned(),
    }
}

/// A commit that did not happen.
#[must_use]
pub fn commit_failed(failure: &CommitError) -> Status {
    match failure {
        CommitError::Rejected(rejection) => rejected(rejection),
        CommitError::Poisoned { reason } => {
            let message = format!("the store cannot be written until the server is restarted: {reason}");
            with_reason(Code::Unavailable, word::STORE_POISONED, message)
        }
        CommitError::Unavailable => draining(),
        CommitError::Unreadable { .. } => {
            error!(error = %failure, "a repeated request cannot be answered");
            with_reason(Code::Unavailable, word::LOG_UNREADABLE, failure.to_string())
        }
        CommitError::Busy => with_reason(
            Code::ResourceExhausted,
            word::BUSY,
            "too many changes are waiting; try again in a moment",
        ),
    }
}

/// The server shuts down.
#[must_use]
pub fn draining() -> Status {
    with_reason(Code::Unavailable, word::DRAINING, "the server is shutting down")
}

/// A stream ends so that the next one can go elsewhere.
#[must_use]
pub fn too_old() -> Status {
    Status::unavailable("MAX_AGE: the stream is as old as a stream may become")
}

/// A read of the log that failed.
#[must_use]
pub fn read_failed(failure: &ReadError) -> Status {
    error!(error = %failure, "the log cannot be read");
    with_reason(Code::Unavailable, word::LOG_UNREADABLE, failure.to_string())
}

/// A subscription that was refused.
#[must_use]
pub fn subscribe_refused(refusal: &SubscribeError) -> Status {
    use mycelia_flags_core::rejection::{Reason, Violation};

    match refusal {
        SubscribeError::UnknownEnvironment { environment, environments } => {
            let names: Vec<&str> =
                environments.iter().map(mycelia_flags_core::key::EnvironmentKey::as_str).collect();
            rejected(&Rejection::one(Violation {
                reason: Reason::UnknownEnvironment,
                field: "environment".to_owned(),
                value: environment.to_string(),
                allowed: format!("one of {}", names.join(", ")),
            }))
        }
        SubscribeError::Full(full) => {
            with_reason(Code::ResourceExhausted, word::TOO_MANY_SUBSCRIPTIONS, full.to_string())
        }
        SubscribeError::Draining => draining(),
    }
}

/// An acknowledgement that was not accepted.
#[must_use]
pub fn acknowledge_refused(refusal: &AcknowledgeError) -> Status {
    match refusal {
        AcknowledgeError::UnknownStream(_) => {
            with_reason(Code::NotFound, word::UNKNOWN_STREAM, refusal.to_string())
        }
        AcknowledgeError::NotSent { .. } => {
            with_reason(Code::FailedPrecondition, word::NOT_SENT, refusal.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::rejection::{Reason, Violation};

    use super::*;

    /// Bytes of the headers in which a refusal travels.
    fn header_bytes(violations: usize, allowed: &str) -> usize {
        let violation = |number| Violation {
            reason: Reason::UnknownVariant,
            field: format!("changes[{number}].set_rules.rules[0].serve.split.weights[0].variant"),
            value: "v".repeat(80),
            allowed: allowed.to_owned(),
        };
        let status = rejected(&Rejection { violations: (0..violations).map(violation).collect() });
        let mut headers = http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
    }

    /// hyper's own clients take 16 KiB, others 8.
    #[test]
    fn a_refusal_fits_the_headers_that_clients_take() {
        for violations in [1, 16, 1_000] {
            for allowed in ["one of on, off", &"n".repeat(100_000)] {
                let bytes = header_bytes(violations, allowed);
                assert!(bytes <= 8 * 1024, "{bytes} bytes for {violations} violations");
            }
            let bytes = header_bytes(violations, &"🙂".repeat(10_000));
            assert!(bytes <= 16 * 1024, "{bytes} bytes for {violations} violations");
        }
    }

    #[test]
    fn the_first_violation_is_always_among_the_details() {
        let violation = Violation {
            reason: Reason::UnknownFlag,
            field: "f".repeat(5_000),
            value: String::new(),
            allowed: "x".repeat(301),
        };
        let status = rejected(&Rejection { violations: vec![violation.clone(), violation] });
        let found = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].description, format!("\"\" (UNKNOWN_FLAG): {}…", "x".repeat(300)));
    }
}
