//! Why a command could not do what was asked, with its exit code and its words.

use std::error::Error;
use std::io;

use mycelia_flags_proto::client_tls::TlsTrouble;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line or the configuration is wrong.
    Usage(String),
    /// Nobody answers.
    Unreachable {
        /// The server's URL.
        server: String,
        /// The operating system's words.
        cause: String,
    },
    /// Somebody answers, and TLS does not come about.
    NoTls {
        /// The server's URL.
        server: String,
        /// Why.
        trouble: TlsTrouble,
    },
    /// The server answered with an error.
    Refused {
        code: Code,
        /// A word of docs/errors.md, such as `STORE_POISONED`.
        reason: Option<String>,
        message: String,
        violations: Vec<Violation>,
    },
    /// Waited for too long.
    TimedOut(String),
    /// Anything else.
    Failed(anyhow::Error),
    /// Whoever read our output has gone: nothing to say, and nobody to say it to.
    ReaderGone,
}

/// A field of the request that the server objects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    pub(crate) field: String,
    pub(crate) description: String,
}

impl Failure {
    /// Turns an answer of the server, or the lack of one, into words.
    pub(crate) fn of_status(server: &str, status: &Status) -> Self {
        if let Some(trouble) = status.source().and_then(TlsTrouble::of) {
            return Self::NoTls { server: server.to_owned(), trouble };
        }
        if let Some(cause) = connection_error(status) {
            return Self::Unreachable { server: server.to_owned(), cause };
        }
        let bad_request = status.get_details_bad_request();
        let violations = bad_request.into_iter().flat_map(|details| details.field_violations);
        Self::Refused {
            code: status.code(),
            reason: status.get_details_error_info().map(|info| info.reason),
            message: status.message().to_owned(),
            violations: violations
                .map(|violation| Violation { field: violation.field, description: violation.description })
                .collect(),
        }
    }

    /// Nothing of this name is among what the server answered.
    pub(crate) const fn not_found(message: String) -> Self {
        Self::Refused { code: Code::NotFound, reason: None, message, violations: Vec::new() }
    }

    /// What was read is not of the revision that was expected: answered as the server answers it.
    pub(crate) fn revision_mismatch(expected: u64, found: u64) -> Self {
        Self::Refused {
            code: Code::Aborted,
            reason: Some("REVISION_MISMATCH".to_owned()),
            message: format!("the store is at revision {found}, not {expected}; nothing was changed"),
            violations: Vec::new(),
        }
    }

    /// The server took longer than it may.
    pub(crate) fn no_answer(server: &str, patience: std::time::Duration) -> Self {
        Self::Unreachable { server: server.to_owned(), cause: format!("no answer within {patience:?}") }
    }

    /// Could the same request succeed in a moment?
    pub(crate) const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { code: Code::Unavailable, .. })
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreachable { .. } | Self::NoTls { .. } | Self::Refused { code: Code::Unavailable, .. } => {
                Exit::Unreachable
            }
            Self::Refused { code: Code::NotFound, .. } => Exit::NotFound,
            Self::TimedOut(_) => Exit::TimedOut,
            Self::Refused { .. } | Self::Failed(_) => Exit::Failed,
            Self::ReaderGone => Exit::Done,
        }
    }

    /// What happened, in one line.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Usage(message) | Self::TimedOut(message) => message.clone(),
            Self::Unreachable { server, cause } => {
                format!("cannot reach {server}: {cause}. Is the server running? (mycelia-flags serve)")
            }
            Self::NoTls { server, trouble } => {
                format!("no TLS with {server}: {}{}", trouble.words(), what_to_do(trouble))
            }
            Self::Refused { code, message, .. } if message.is_empty() => {
                format!("the server answered {}", code_name(*code))
            }
            Self::Refused { message, .. } => message.clone(),
            Self::Failed(error) => format!("{error:#}"),
            Self::ReaderGone => "nobody reads the output".to_owned(),
        }
    }

    /// The fields that the server objects to.
    pub(crate) fn violations(&self) -> &[Violation] {
        match self {
            Self::Refused { violations, .. } => violations,
            _ => &[],
        }
    }

    /// What to type instead; none when nobody can know.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { reason: Some(reason), .. } if reason == "APPROVAL_REQUIRED" => Some(
                "say the same with --request; somebody else approves it with `mycelia-flags request approve`",
            ),
            Self::Refused { reason: Some(reason), .. } if reason == "TLS_REQUIRED" => {
                Some("name it with --server https://…")
            }
            _ => None,
        }
    }

    /// The same as a document.
    pub(crate) fn document(&self) -> FailureDocument<'_> {
        let code = match self {
            Self::Usage(_) => "USAGE".to_owned(),
            Self::Unreachable { .. } | Self::NoTls { .. } => "UNREACHABLE".to_owned(),
            Self::Refused { code, .. } => code_name(*code),
            Self::TimedOut(_) => "TIMED_OUT".to_owned(),
            Self::Failed(_) | Self::ReaderGone => "FAILED".to_owned(),
        };
        let reason = match self {
            Self::Refused { reason, .. } => reason.as_deref(),
            _ => None,
        };
        let error = FailureBody { code, reason, message: self.message(), violations: self.violations() };
        FailureDocument { error }
    }
}

/// `{"error": …}` on the standard error, with `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct FailureDocument<'a> {
    error: FailureBody<'a>,
}

#[derive(Debug, Serialize)]
struct FailureBody<'a> {
    /// A gRPC code such as `INVALID_ARGUMENT`, or `USAGE`, `UNREACHABLE`, `TIMED_OUT`, `FAILED`.
    code: String,
    /// A word of docs/errors.md; null when there is none.
    reason: Option<&'a str>,
    message: String,
    violations: &'a [Violation],
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// gRPC's own spelling: `INVALID_ARGUMENT`, where tonic says `InvalidArgument`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Which option helps, as far as one does.
const fn what_to_do(trouble: &TlsTrouble) -> &'static str {
    match trouble {
        TlsTrouble::Untrusted => "; name the authority with --tls-ca FILE (MYCELIA_TLS_CA)",
        TlsTrouble::WrongName => "; name the server with --server as its certificate does",
        TlsTrouble::NotTls => "; name it with --server http://…, or let it speak TLS (serve --tls-cert)",
        TlsTrouble::CertificateWanted => "; give one with --tls-client-cert and --tls-client-key",
        _ => "",
    }
}

/// Tells a connection that failed from a server that answered: only the former has a transport error behind it.
fn connection_error(status: &Status) -> Option<String> {
    let mut source = status.source();
    let mut is_transport = false;
    let mut cause = String::new();
    while let Some(error) = source {
        is_transport |= error.is::<tonic::transport::Error>();
        cause = match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
            Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
            Some(io::ErrorKind::TimedOut) => "connection timed out".to_owned(),
            _ => error.to_string(),
        };
        source = error.source();
    }
    is_transport.then_some(cause)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[track_caller]
    fn check(failure: &Failure, exit: Exit, code: &str) {
        assert_eq!(failure.exit(), exit);
        let document = serde_json::to_value(failure.document()).unwrap();
        assert_eq!(document["error"]["code"], code);
    }

    #[test]
    fn each_failure_has_its_exit_code() {
        let of_code = |code| Failure::of_status("http://x", &Status::new(code, "words"));
        check(&of_code(Code::InvalidArgument), Exit::Failed, "INVALID_ARGUMENT");
        check(&of_code(Code::FailedPrecondition), Exit::Failed, "FAILED_PRECONDITION");
        check(&of_code(Code::NotFound), Exit::NotFound, "NOT_FOUND");
        check(&of_code(Code::Unavailable), Exit::Unreachable, "UNAVAILABLE");
        check(&Failure::Usage("x".to_owned()), Exit::Usage, "USAGE");
        check(&Failure::TimedOut("x".to_owned()), Exit::TimedOut, "TIMED_OUT");
        check(&Failure::Failed(anyhow::anyhow!("x")), Exit::Failed, "FAILED");
        check(
            &Failure::no_answer("http://x", std::time::Duration::from_secs(1)),
            Exit::Unreachable,
            "UNREACHABLE",
        );
    }

    #[test]
    fn violations_are_kept() {
        let details = ErrorDetails::with_bad_request_violation("changes[0].percent", "101 is not 0 to 100");
        let status = Status::with_error_details(Code::InvalidArgument, "1 of 1 changes is wrong", details);
        let failure = Failure::of_status("http://x", &status);
        let expected = Violation {
            field: "changes[0].percent".to_owned(),
            description: "101 is not 0 to 100".to_owned(),
        };
        assert_eq!(failure.violations(), [expected]);
        assert_eq!(failure.message(), "1 of 1 changes is wrong");
    }

    #[test]
    fn a_refusal_without_words_says_the_code() {
        assert_eq!(
            Failure::of_status("http://x", &Status::new(Code::Aborted, "")).message(),
            "the server answered ABORTED"
        );
    }
}
