//! What an OFREP request asks: of which environment, for which service, in which context.

use axum::body::Body;
use http::{HeaderMap, StatusCode};
use mycelia_flags_core::compiled::Slot;
use mycelia_flags_core::context::{Context, TARGETING_KEY};
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::json::parse;
use mycelia_flags_core::key::{EnvironmentKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::{convert, v1};

use super::OfrepEdge;
use super::answer::Failure;
use crate::edge::compiled_sets::CompiledEnvironment;
use crate::edge::http::body::read_body;
use crate::edge::limits::SMALL_MESSAGE_BYTES_MAX;
use crate::edge::selector::{self, SELECTOR, SERVICE, flag_set};

/// A request that was understood.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) environment: CompiledEnvironment,
    /// Empty for whoever is none, and may see all flags.
    pub(super) service: String,
    pub(super) context: Context,
}

pub(super) fn refused(code: ErrorCode, details: impl Into<String>) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, code, details.into())
}

impl OfrepEdge {
    pub(super) fn may_see(&self, asked: &Asked, slot: &Slot) -> bool {
        self.evaluation.is_visible(&asked.environment, slot, &asked.service)
    }

    pub(super) async fn asked(&self, headers: &HeaderMap, body: Body) -> Result<Asked, Failure> {
        let environment = self.environment(selected(headers)?)?;
        let service = text(headers, SERVICE)?.unwrap_or_default();
        if !service.is_empty() && ServiceName::parse(service).is_err() {
            return Err(refused(ErrorCode::General, format!("Mycelia-Service {service:?}: {NAME_GRAMMAR}")));
        }
        let service = service.to_owned();
        let body = read_body(headers, body, SMALL_MESSAGE_BYTES_MAX).await;
        let body = body.map_err(|problem| {
            Failure::new(problem.status(), ErrorCode::General, problem.detail().to_owned())
        })?;
        let context = context(&body)?;
        self.evaluation.seen.note_raw(&environment.key, &service, &context);
        Ok(Asked { environment, service, context })
    }

    /// The flags of an environment; none means the server's default one.
    pub(super) fn environment(&self, name: Option<&str>) -> Result<CompiledEnvironment, Failure> {
        let key = match name {
            None => Ok(self.evaluation.default_environment.clone()),
            Some(name) => EnvironmentKey::parse(name),
        };
        let found = key.ok().and_then(|key| self.evaluation.compiled(&key));
        found.ok_or_else(|| {
            let details =
                selector::unknown(name.unwrap_or_default(), &self.store.snapshot(), &self.evaluation.callers);
            refused(ErrorCode::General, details)
        })
    }
}

/// The environment that the header names.
pub(super) fn selected(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let selector = text(headers, SELECTOR)?.unwrap_or_default();
    flag_set(selector).map_err(|words| refused(ErrorCode::General, words))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Failure> {
    let value = headers.get(name).map(|value| value.to_str()).transpose();
    value.map_err(|_not_ascii| {
        refused(ErrorCode::General, format!("header {name}: visible ASCII characters only"))
    })
}

/// The context of a body; an empty body has an empty one.
fn context(body: &[u8]) -> Result<Context, Failure> {
    let invalid = |details: String| refused(ErrorCode::InvalidContext, details);
    let text =
        std::str::from_utf8(body).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))?;
    if text.trim().is_empty() {
        return Ok(Context::anonymous());
    }
    let body = parse(text)
        .map_err(|error| refused(ErrorCode::ParseError, format!("the body is no JSON: {error}")))?;
    let Value::Object(fields) = body else {
        return Err(invalid("the body: an object with the field context".to_owned()));
    };
    let attributes = match fields.get("context") {
        None | Some(Value::Null) => return Ok(Context::anonymous()),
        Some(Value::Object(attributes)) => attributes,
        Some(_) => return Err(invalid("context: an object of attributes".to_owned())),
    };
    let targeting_key = match attributes.get(TARGETING_KEY) {
        None | Some(Value::Null) => "",
        Some(Value::String(key)) => key,
        Some(_) => return Err(invalid(format!("context.{TARGETING_KEY}: a string"))),
    };
    let others = attributes.iter().filter(|(name, _)| ***name != *TARGETING_KEY);
    let wire = v1::EvaluationContext {
        targeting_key: targeting_key.to_string(),
        attributes: others.map(|(name, value)| (name.to_string(), convert::value_to_wire(value))).collect(),
    };
    convert::context_from_wire("context", &wire).map_err(|violations| {
        let words = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.allowed));
        invalid(words.collect::<Vec<_>>().join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuse(body: &str, code: &str, words: &str) {
        let failure = context(body.as_bytes()).unwrap_err();
        let printed = mycelia_flags_core::json::print(&failure.value());
        assert!(printed.contains(code) && printed.contains(words), "{body}: {printed}");
    }

    #[test]
    fn a_context_is_read_as_providers_send_it() {
        let of = |body: &str| context(body.as_bytes()).unwrap();
        assert_eq!(of("").targeting_key(), None);
        assert_eq!(of("{}").targeting_key(), None);
        assert_eq!(of(r#"{"context":null}"#).targeting_key(), None);
        assert_eq!(of(r#"{"context":{"targetingKey":null}}"#).targeting_key(), None);
        let ana = of(r#"{"context":{"targetingKey":"ana","age":41,"tags":["a"]}}"#);
        assert_eq!(ana.targeting_key(), Some("ana"));
        assert_eq!(ana.attributes().map(|(name, _)| name).collect::<Vec<_>>(), ["age", "tags"]);
    }

    #[test]
    fn what_is_no_context_is_refused_with_the_part_that_is_wrong() {
        refuse("{", "PARSE_ERROR", "line 1");
        refuse("[]", "INVALID_CONTEXT", "an object with the field context");
        refuse(r#"{"context":7}"#, "INVALID_CONTEXT", "context: an object");
        refuse(r#"{"context":{"targetingKey":7}}"#, "INVALID_CONTEXT", "context.targetingKey: a string");
        let deep = format!(r#"{{"context":{{"a":{}1{}}}}}"#, "[".repeat(60), "]".repeat(60));
        refuse(&deep, "INVALID_CONTEXT", "levels");
    }
}
