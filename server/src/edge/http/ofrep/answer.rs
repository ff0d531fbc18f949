//! What OFREP's callers are answered: values, and why there is none.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use mycelia_flags_core::evaluation::{ErrorCode, Resolution, ResolutionReason};
use mycelia_flags_core::json::print;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::value::Value;

use super::events::INACTIVITY_SECONDS;

/// An object of these fields.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(
        fields.into_iter().map(|(name, value)| (Box::from(name), value)).collect::<BTreeMap<_, _>>(),
    )
}

/// An evaluation. `key` is the spelling that was asked for. Where an identity was missing the default variant stands in,
/// as in every other form of the same flag.
pub(super) fn evaluated(key: &str, resolution: &Resolution<'_>) -> Value {
    object([
        ("key", Value::string(key)),
        ("value", resolution.variant.value.clone()),
        ("variant", Value::string(resolution.variant.name.as_str())),
        ("reason", Value::string(reason(resolution.reason))),
        ("metadata", metadata(resolution.reason)),
    ])
}

/// The protocol's word. Go's provider gives its caller's default wherever it reads DISABLED, whatever the value is; a disabled
/// flag serves its off variant to everybody, and that is what STATIC says. Python's gives it for every word that OpenFeature
/// does not have.
const fn reason(reason: ResolutionReason) -> &'static str {
    match reason {
        ResolutionReason::Disabled => ResolutionReason::Static.as_str(),
        ResolutionReason::PrerequisiteFailed => ResolutionReason::Default.as_str(),
        other => other.as_str(),
    }
}

/// What the reason cannot say.
fn metadata(reason: ResolutionReason) -> Value {
    match reason {
        ResolutionReason::Disabled => object([("disabled", Value::Boolean(true))]),
        ResolutionReason::PrerequisiteFailed => object([("prerequisiteFailed", Value::Boolean(true))]),
        _ => object([]),
    }
}

/// All evaluations, and where to hear of changes. Nothing in it changes unless an evaluation does: it is what the entity
/// tag is computed of.
pub(super) fn bulk_body(environment: &EnvironmentKey, flags: Vec<Value>) -> String {
    let uri = format!("/ofrep/v1/events?flagSetId={environment}");
    let stream = object([
        ("type", Value::string("sse")),
        ("endpoint", object([("requestUri", Value::string(&uri))])),
        ("inactivityDelaySec", Value::Integer(INACTIVITY_SECONDS)),
    ]);
    print(&object([
        ("flags", Value::List(flags)),
        ("metadata", object([("flagSetId", Value::string(environment.as_str()))])),
        ("eventStreams", Value::List(vec![stream])),
    ]))
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    code: ErrorCode,
    details: String,
    flag: Option<String>,
    /// When it is worth asking again.
    wait: Option<Duration>,
}

impl Failure {
    pub(super) const fn new(status: StatusCode, code: ErrorCode, details: String) -> Self {
        Self { status, code, details, flag: None, wait: None }
    }

    /// The same, said of a flag.
    pub(super) fn of_flag(mut self, key: &str) -> Self {
        self.flag = Some(key.to_owned());
        self
    }

    /// The same, for whoever may ask again after a while.
    pub(super) const fn again_after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// As it stands in an answer.
    pub(super) fn value(&self) -> Value {
        let mut fields = BTreeMap::from([
            (Box::from("errorCode"), Value::string(self.code.as_str())),
            (Box::from("errorDetails"), Value::string(&self.details)),
        ]);
        if let Some(flag) = &self.flag {
            fields.insert(Box::from("key"), Value::string(flag));
        }
        Value::Object(fields)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = json(self.status, print(&self.value()));
        if let Some(wait) = self.wait {
            // Whole seconds, and never less than it takes.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An answer of JSON.
pub(super) fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
