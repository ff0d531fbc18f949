//! The one place where errors become answers over HTTP: problem details, as RFC 9457 has them.
//!
//! Reason words and texts are those of gRPC; [`http_of`] is the only table that HTTP adds.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use mycelia_flags_core::limits::VIOLATIONS_MAX;
use mycelia_flags_core::rejection::{Reason, Rejection, RejectionKind, Violation};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::status::{self, word};
use crate::state::{CommitError, ReadError};

/// One thing that is wrong, where the caller finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What is wrong, in a word of `docs/errors.md`.
    pub reason: &'static str,
    /// A path in the caller's own JSON, the name of a query parameter or of a header.
    pub field: String,
    /// What stands there.
    pub value: String,
    /// What may stand there, or what to do.
    pub allowed: String,
}

impl Fault {
    /// One thing that is wrong.
    pub fn new(
        reason: &'static str,
        field: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { reason, field: field.into(), value: value.into(), allowed: allowed.into() }
    }
}

impl From<&Violation> for Fault {
    fn from(violation: &Violation) -> Self {
        let Violation { reason, field, value, allowed } = violation;
        Self::new(reason.as_str(), field, value, allowed)
    }
}

/// Everything that is wrong with a request, in the order in which it was read; the first [`VIOLATIONS_MAX`] of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults {
    found: Vec<Fault>,
    gravest: Option<RejectionKind>,
}

impl Faults {
    /// Notes something that core has a word for, unless enough is wrong.
    pub fn note(
        &mut self,
        reason: Reason,
        field: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.add(reason.kind(), Fault::new(reason.as_str(), field, value, allowed));
    }

    /// Notes a request that can never be right, for a reason that only HTTP has.
    pub fn note_word(
        &mut self,
        word: &'static str,
        field: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.add(RejectionKind::Invalid, Fault::new(word, field, value, allowed));
    }

    fn add(&mut self, kind: RejectionKind, fault: Fault) {
        self.gravest = Some(self.gravest.map_or(kind, |gravest| gravest.min(kind)));
        // One change of a caller can be two of ours, which say the same twice: one after the other.
        if self.found.len() < VIOLATIONS_MAX && self.found.last() != Some(&fault) {
            self.found.push(fault);
        }
    }

    /// What was noted.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.found
    }

    /// Goes on when nothing is wrong.
    ///
    /// # Errors
    /// When something is wrong.
    pub fn refuse(self) -> Result<(), Problem> {
        match self.gravest {
            None => Ok(()),
            Some(kind) => Err(Problem::of_faults(http_of(status::code_of(kind)), self.found)),
        }
    }
}

/// An answer that is no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    reason: String,
    detail: String,
    violations: Vec<Fault>,
}

/// Violations that are written out in the detail.
const VIOLATIONS_IN_DETAIL_MAX: usize = 4;

impl Problem {
    /// A reason word and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, reason: &str, detail: impl Into<String>) -> Self {
        Self { status, reason: reason.to_owned(), detail: detail.into(), violations: Vec::new() }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, in a sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// One fault.
    #[must_use]
    pub fn of_fault(status: StatusCode, fault: Fault) -> Self {
        Self::of_faults(status, vec![fault])
    }

    fn of_faults(status: StatusCode, violations: Vec<Fault>) -> Self {
        let words = |fault: &Fault| {
            let Fault { reason, field, value, allowed } = fault;
            format!("{field}: {value:?} ({reason}): {allowed}")
        };
        let shown = violations.iter().take(VIOLATIONS_IN_DETAIL_MAX).map(words);
        let mut detail = shown.collect::<Vec<_>>().join("; ");
        if violations.len() > VIOLATIONS_IN_DETAIL_MAX {
            detail.push_str(&format!("; {} violations in all", violations.len()));
        }
        let reason = violations.first().map(|first| first.reason.to_owned()).unwrap_or_default();
        Self { status, reason, detail, violations }
    }

    /// A request that is wrong; `place` says where the caller finds it.
    #[must_use]
    pub fn of_rejection(rejection: &Rejection, place: impl Fn(&Violation) -> Fault) -> Self {
        let mut faults = Faults::default();
        for violation in &rejection.violations {
            let fault = place(violation);
            // One change of the caller's may be several of ours, each wrong in the same way.
            if !faults.found.contains(&fault) {
                faults.add(violation.reason.kind(), fault);
            }
        }
        Self::of_faults(http_of(status::code_of(rejection.kind())), faults.found)
    }

    /// A commit that did not happen.
    #[must_use]
    pub fn of_commit(failure: &CommitError, place: impl Fn(&Violation) -> Fault) -> Self {
        match failure {
            CommitError::Rejected(rejection) => Self::of_rejection(rejection, place),
            CommitError::Poisoned { .. }
            | CommitError::Unavailable
            | CommitError::Busy
            | CommitError::Unreadable { .. } => Self::of_status(&status::commit_failed(failure)),
        }
    }

    /// A read of the log that failed.
    #[must_use]
    pub fn of_read(failure: &ReadError) -> Self {
        Self::of_status(&status::read_failed(failure))
    }

    /// What gRPC says without naming a field.
    fn of_status(status: &Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        Self::new(http_of(status.code()), &reason, status.message())
    }

    /// The answer as it is sent.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let details = Details {
            r#type: format!("urn:mycelia-flags:error:{}", self.reason),
            title: title_of(self.status),
            status: self.status.as_u16(),
            reason: &self.reason,
            detail: &self.detail,
            violations: &self.violations,
        };
        let mut body = serde_json::to_string_pretty(&details).unwrap_or_default();
        body.push('\n');
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if [word::STARTING, word::DRAINING, word::BUSY].contains(&&*self.reason) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[derive(Serialize)]
struct Details<'p> {
    r#type: String,
    title: &'static str,
    status: u16,
    reason: &'p str,
    detail: &'p str,
    violations: &'p [Fault],
}

/// The HTTP status of what gRPC answers with a code.
#[must_use]
pub const fn http_of(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// What is wrong, to somebody who reads nothing else. One sentence for each status.
fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "the request is wrong",
        StatusCode::FORBIDDEN => "the request is not allowed",
        StatusCode::NOT_FOUND => "what the request names is not there",
        StatusCode::METHOD_NOT_ALLOWED => "the path is there, for another method",
        StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive",
        StatusCode::CONFLICT => "the request does not fit the state",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is too large",
        StatusCode::TOO_MANY_REQUESTS => "too much is waiting already",
        StatusCode::SERVICE_UNAVAILABLE => "the server cannot do that now",
        _ => "the server failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The section of a reason in `docs/errors.md`.
    fn paragraph(reason: &str) -> &'static str {
        let page = include_str!("../../../docs/errors.md");
        let section = page.split(&format!("### `{reason}`\n")).nth(1).expect("a section of its own");
        section.split("\n### ").next().expect("the rest")
    }

    #[test]
    fn the_page_of_errors_names_the_statuses_that_are_answered() {
        for reason in Reason::ALL {
            let http = http_of(status::code_of(reason.kind())).as_u16();
            let found = paragraph(reason.as_str());
            assert!(found.contains(&format!("HTTP {http}")), "{}: HTTP {http}", reason.as_str());
        }
        let failures = [
            (CommitError::Unavailable, word::DRAINING),
            (CommitError::Busy, word::BUSY),
            (CommitError::Poisoned { reason: "full".into() }, word::STORE_POISONED),
        ];
        for (failure, word) in failures {
            let problem = Problem::of_commit(&failure, |violation| violation.into());
            assert_eq!(problem.reason, word);
            let http = problem.status.as_u16();
            assert!(paragraph(word).contains(&format!("HTTP {http}")), "{word}: HTTP {http}");
        }
    }

    #[test]
    fn the_first_violation_names_the_problem_and_the_gravest_its_status() {
        let violation = |reason, field: &str| Violation {
            reason,
            field: field.to_owned(),
            value: "x".to_owned(),
            allowed: "y".to_owned(),
        };
        let flag = violation(Reason::UnknownFlag, "changes[0].key");
        let percent = violation(Reason::OutOfRange, "changes[1].rollout");
        let rejection = Rejection { violations: vec![flag.clone(), flag, percent] };
        let problem = Problem::of_rejection(&rejection, |violation| violation.into());
        assert_eq!((problem.status, &*problem.reason), (StatusCode::BAD_REQUEST, "UNKNOWN_FLAG"));
        assert_eq!(
            problem.detail,
            "changes[0].key: \"x\" (UNKNOWN_FLAG): y; changes[1].rollout: \"x\" (OUT_OF_RANGE): y"
        );
    }

    #[test]
    fn of_many_violations_all_are_listed_and_some_are_told() {
        let faults: Vec<Fault> =
            (0..7).map(|index| Fault::new("REQUIRED", index.to_string(), "", "a")).collect();
        let problem = Problem::of_faults(StatusCode::BAD_REQUEST, faults);
        assert_eq!(problem.violations.len(), 7);
        assert!(problem.detail.ends_with("3: \"\" (REQUIRED): a; 7 violations in all"), "{}", problem.detail);
    }
}
