//! One attempt to tell a target something.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use mycelia_flags_core::revision::Timestamp;

use super::notice::Notice;
use super::signature;
use super::targets::{Channel, Target};
use crate::outbound::http::{Address, send};
use crate::outbound::tls::Trust;

/// A target did not take a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why; names nothing secret.
    pub why: String,
    /// Whether it may take it later: the same message will be refused again otherwise.
    pub is_passing: bool,
    /// How long the target asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Tells a target something, once.
///
/// # Errors
/// When the target does not take it.
pub(super) async fn attempt(
    trust: &Trust,
    target: &Target,
    notice: &Notice,
    now: Timestamp,
) -> Result<(), Refusal> {
    match &target.channel {
        Channel::Webhook { address, secret } => {
            let body = notice.body();
            let signed = signature::sign(secret, now.unix_seconds(), &body);
            let Ok(signed) = HeaderValue::try_from(signed) else {
                return Err(lasting("the signature is no header".to_owned()));
            };
            let headers = vec![json(), (HeaderName::from_static(signature::HEADER), signed)];
            post(trust, address, headers, body, target.timeout).await
        }
        Channel::Slack { address } => {
            post(trust, address, vec![json()], notice.slack().to_string().into_bytes(), target.timeout).await
        }
        Channel::Email(mailer) => {
            let sent = mailer.send(trust, &notice.id, &notice.line(), notice.text()).await;
            sent.map_err(|error| Refusal {
                is_passing: !error.is_permanent,
                why: error.to_string(),
                retry_after: None,
            })
        }
    }
}

fn json() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn lasting(why: String) -> Refusal {
    Refusal { why, is_passing: false, retry_after: None }
}

async fn post(
    trust: &Trust,
    address: &Address,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    limit: Duration,
) -> Result<(), Refusal> {
    let answer = send(trust, Method::POST, address, headers, body.into(), limit)
        .await
        .map_err(|error| Refusal { why: error.to_string(), is_passing: true, retry_after: None })?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(Refusal {
        why: format!("{} answered {}", address.shown(), answer.status),
        is_passing: is_passing(answer.status),
        retry_after: answer.retry_after,
    })
}

/// A receiver that says that the message is wrong says so of the same message again. One that is busy, slow or broken
/// does not; nor does one that is being moved or re-keyed (401, 403, 404), which people mend within minutes.
fn is_passing(status: StatusCode) -> bool {
    let is_wrong = matches!(status.as_u16(), 400 | 405 | 410 | 411 | 413 | 414 | 415 | 422 | 431 | 451);
    !(is_wrong || status.is_redirection())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_will_be_refused_again_is_lasting() {
        for (status, expected) in [
            (400, false),
            (404, true),
            (408, true),
            (410, false),
            (429, true),
            (500, true),
            (503, true),
            (301, false),
        ] {
            assert_eq!(is_passing(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }
}
