//! The judge of values by JSON Schemas.
//!
//! It works on the writer's thread, on text from outside, so it decides before it begins how much work a schema can be:
//! nothing is ever fetched, no schema refers to itself, and what its references amount to when they are written out is
//! bounded. Patterns are matched in linear time. Should the validator panic all the same, the change set is refused.

mod extent;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use mycelia_flags_core::schema::Schemas;
use mycelia_flags_core::value::Value;
use serde_json::{Map, Number};

use super::limits::{SCHEMA_FAULT_CHARS_MAX, SCHEMA_FAULTS_MAX, SCHEMA_PATTERN_BYTES_MAX};

/// Judges by the drafts of JSON Schema from 4 to 2020-12; without `$schema`, by the last.
#[derive(Default)]
pub(super) struct JsonSchemas {
    /// The last schema that was compiled. All variants of a flag are judged by one schema, one after the other.
    last: Mutex<Option<Compiled>>,
}

#[derive(Clone)]
struct Compiled {
    text: Arc<str>,
    outcome: Result<Arc<Validator>, String>,
}

impl fmt::Debug for JsonSchemas {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JsonSchemas").finish_non_exhaustive()
    }
}

impl JsonSchemas {
    fn compiled(&self, text: &str) -> Result<Arc<Validator>, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = last.as_ref().filter(|compiled| *compiled.text == *text) {
            return compiled.outcome.clone();
        }
        let outcome = guarded(|| compile(text)).unwrap_or_else(|| Err(FAILS.to_owned())).map(Arc::new);
        *last = Some(Compiled { text: Arc::from(text), outcome: outcome.clone() });
        outcome
    }
}

impl Schemas for JsonSchemas {
    fn check(&self, schema: &str) -> Result<(), String> {
        self.compiled(schema).map(drop)
    }

    fn faults(&self, schema: &str, value: &Value) -> Vec<String> {
        let Ok(validator) = self.compiled(schema) else {
            return Vec::new();
        };
        let value = json(value);
        let faults =
            || validator.iter_errors(&value).take(SCHEMA_FAULTS_MAX).map(|error| fault(&error)).collect();
        guarded(faults).unwrap_or_else(|| vec![FAILS.to_owned()])
    }
}

const FAILS: &str = "the validator of JSON Schemas fails on this schema";

/// What the validator answers, or nothing when it panics: the writer's thread must not end because of a text.
fn guarded<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}

fn compile(text: &str) -> Result<Validator, String> {
    let schema: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    extent::check(&schema).map_err(|refusal| refusal.to_string())?;
    let patterns =
        PatternOptions::regex().size_limit(SCHEMA_PATTERN_BYTES_MAX).dfa_size_limit(SCHEMA_PATTERN_BYTES_MAX);
    jsonschema::options().with_pattern_options(patterns).with_retriever(Nothing).build(&schema).map_err(
        |error| match error.instance_path().as_str() {
            "" => brief(&error.masked_with("the schema").to_string()),
            path => brief(&format!("at {path}: {}", error.masked_with("what stands there"))),
        },
    )
}

/// A server that fetches what it is told to fetch does so for whoever may write a schema.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not fetched: a schema holds everything that it refers to").into())
    }
}

/// One thing that is wrong with a value, and where in it.
fn fault(error: &ValidationError<'_>) -> String {
    match error.instance_path().as_str() {
        "" => brief(&error.masked_with("the value").to_string()),
        path => brief(&format!("at {path}: {}", error.masked_with("what stands there"))),
    }
}

/// An answer names what is wrong and does not carry the schema back.
fn brief(text: &str) -> String {
    match text.char_indices().nth(SCHEMA_FAULT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(boolean) => serde_json::Value::Bool(*boolean),
        Value::Integer(number) => serde_json::Value::Number(Number::from(*number)),
        // Validation lets no number pass that is not finite.
        Value::Float(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
        Value::String(text) => serde_json::Value::String(text.to_string()),
        Value::List(values) => serde_json::Value::Array(values.iter().map(json).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.to_string(), json(value)));
            serde_json::Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests;
