//! Who judges values by JSON Schemas. Core reads no JSON text: whoever runs a store brings a judge.

use std::fmt;

use crate::value::Value;

/// Judges values by JSON Schemas.
///
/// An answer is a function of the arguments alone: a judge fetches nothing that a schema refers to.
pub trait Schemas: fmt::Debug + Send + Sync {
    /// Whether the text is a schema.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn check(&self, schema: &str) -> Result<(), String>;

    /// Everything about a value that a schema does not allow, in words; nothing when the text is no schema.
    fn faults(&self, schema: &str, value: &Value) -> Vec<String>;
}

/// Takes every text for a schema, and allows everything: for whoever checks flags without schemas.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyValue;

impl Schemas for AnyValue {
    fn check(&self, _schema: &str) -> Result<(), String> {
        Ok(())
    }

    fn faults(&self, _schema: &str, _value: &Value) -> Vec<String> {
        Vec::new()
    }
}
