//! flagd's `targeting`: a `JSONLogic` expression that names a variant. Compile once, evaluate many times.
//!
//! The expression is read, checked and rewritten here and evaluated by the crate `datalogic-rs`. What compiles never
//! fails to evaluate: each operator has an answer for every value, and only an evaluation that goes beyond
//! [`TARGETING_STEPS_MAX`] or [`TARGETING_VALUE_DEPTH_MAX`] is given up. Which variants there are is the caller's knowledge, not ours.
//!
//! # Whose semantics
//!
//! Where flagd's JavaScript and Python cores agree, we agree with them; `tests/vectors/targeting` holds that. Where they
//! do not, we do what `JSONLogic`'s own JavaScript does, and where the cores throw, the coercions of JavaScript go on:
//! a number that is none is NaN, and every comparison with it is false.
//!
//! The library keeps the parser, the compiler, the arena, the frames of `map`, `filter`, `reduce`, `all`, `some` and
//! `none`, the laziness of `if`, `and` and `or`, and the truth of values. It never lets a built-in operator be replaced,
//! so `compile` renames those that differ to operators of ours:
//!
//! | Operators | What the library does otherwise |
//! |---|---|
//! | `var` | a null hides the default; no `length`, no characters of a text; within `reduce`, `""` is the element alone |
//! | `missing`, `missing_some` | an empty text is not missing |
//! | `==`, `!=`, `===`, `!==` | operands that do not compare are an error; null is never 0 |
//! | `<`, `<=`, `>`, `>=`, `+`, `-`, `*`, `/`, `%`, `min`, `max` | a text that is no number is an error; so is 1 / 0 |
//! | `cat` | null is nothing instead of `null`; numbers are not printed as JavaScript prints them |
//! | `substr`, `in` | whatever is no text or list is an error or never found |
//! | `merge` | drops nulls |
//! | `fractional`, `sem_ver`, `starts_with`, `ends_with` | other generations and other rules for what is no text |
//!
//! Besides, `map` and its like would fail on what is no list, and `if`, `and` and `or` on a single argument without
//! brackets; the rewriting sees to both.

mod access;
mod cbor;
mod coercion;
mod compile;
mod fractional;
mod operators;
mod steps;
mod text;

use datalogic_rs::datavalue::NumberValue;
use datalogic_rs::{DataValue, Logic, bumpalo::Bump};

use crate::bucketing::Generation;
use crate::context::{Context, TARGETING_KEY};
#[cfg(doc)]
use crate::limits::{TARGETING_STEPS_MAX, TARGETING_VALUE_DEPTH_MAX};
use crate::value::Value;

/// The attribute that flagd itself sets, whatever the caller says.
const FLAGD: &str = "$flagd";
/// The flag's own key within [`FLAGD`].
const FLAG_KEY: &str = "flagKey";
/// The time within [`FLAGD`], in seconds since 1970.
const TIMESTAMP: &str = "timestamp";

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {allowed}", if path.is_empty() { "the expression" } else { path })]
pub struct TargetingError {
    /// Where, such as `if[0].in[1]`; empty for the whole.
    pub path: String,
    /// What is allowed there.
    pub allowed: String,
}

/// An evaluation that names no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetingFault {
    /// The evaluation was given up. flagd answers `PARSE_ERROR`.
    #[error("the evaluation takes more steps than are allowed")]
    Parse,
    /// The result is a list or an object and cannot name a variant. flagd answers `GENERAL`.
    #[error("the result {variant} names no variant")]
    General {
        /// The result as text.
        variant: Box<str>,
    },
}

/// An expression, ready for evaluation.
#[derive(Debug)]
pub struct CompiledTargeting {
    /// Nothing when there is no expression.
    logic: Option<Logic>,
    generation: Generation,
    facts: compile::Facts,
}

impl CompiledTargeting {
    /// Compiles the JSON text of an expression for a store's generation of bucketing.
    ///
    /// `{}` and `null` are no expression: they always evaluate to nothing.
    ///
    /// # Errors
    /// When the text is no JSON object of known operators, is too long or too deep, or still refers to an evaluator.
    pub fn compile(text: &str, generation: Generation) -> Result<Self, TargetingError> {
        let (rewritten, facts) = compile::rewrite(text)?;
        let compile = |rule| operators::engine(generation).compile(rule);
        let logic = rewritten.map(compile).transpose().map_err(|error| TargetingError {
            path: String::new(),
            allowed: format!("an expression that the engine compiles ({error})"),
        })?;
        Ok(Self { logic, generation, facts })
    }

    /// The name of the variant, or nothing when the default variant is meant. Truths and numbers are named by their
    /// text.
    ///
    /// # Errors
    /// When the evaluation takes too long, or its result cannot name a variant.
    pub fn evaluate(
        &self,
        flag_key: &str,
        context: &Context,
        now_unix_s: i64,
    ) -> Result<Option<Box<str>>, TargetingFault> {
        let Some(logic) = &self.logic else { return Ok(None) };
        let arena = Bump::new();
        let data = input(flag_key, context, now_unix_s, &arena);
        steps::begin();
        let result = operators::engine(self.generation).evaluate(logic, data, &arena);
        let result = result.and_then(|result| steps::spend_on([result]).map(|()| result));
        match result.map_err(|_given_up| TargetingFault::Parse)? {
            DataValue::Null => Ok(None),
            container @ (DataValue::Array(_) | DataValue::Object(_)) => {
                Err(TargetingFault::General { variant: coercion::text(container).into() })
            }
            plain => Ok(Some(coercion::text(plain).into())),
        }
    }

    /// Whether there is no expression: `{}` or `null`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.logic.is_none()
    }

    /// Whether the answer can depend on the clock: the expression reads `$flagd.timestamp`, or may do so.
    #[must_use]
    pub const fn needs_time(&self) -> bool {
        self.facts.needs_time
    }

    /// The variants that the expression names as plain text where its result stands: branches of `if`, operands of
    /// `and` and `or`, first elements of the entries of `fractional`. Computed names are not among them.
    #[must_use]
    pub fn named_variants(&self) -> Vec<Box<str>> {
        self.facts.named_variants.iter().cloned().collect()
    }

    /// The top-level attributes that it reads by `var` with a literal path.
    #[must_use]
    pub fn attributes(&self) -> Vec<Box<str>> {
        self.facts.attributes.iter().cloned().collect()
    }
}

/// What the expression is evaluated over: the attributes, the targeting key, and what flagd adds.
fn input<'a>(flag_key: &'a str, context: &'a Context, now_unix_s: i64, arena: &'a Bump) -> DataValue<'a> {
    let attributes = context
        .attributes()
        .filter(|(name, _)| *name != TARGETING_KEY && *name != FLAGD)
        .map(|(name, value)| (name, data(value, arena)));
    let targeting_key = context.targeting_key().map(|key| (TARGETING_KEY, DataValue::String(key)));
    let flagd = arena.alloc_slice_copy(&[
        (FLAG_KEY, DataValue::String(flag_key)),
        (TIMESTAMP, DataValue::from_i64(now_unix_s)),
    ]);
    let flagd = std::iter::once((FLAGD, DataValue::Object(flagd)));
    let fields: Vec<_> = attributes.chain(targeting_key).chain(flagd).collect();
    DataValue::Object(arena.alloc_slice_copy(&fields))
}

/// A value of ours as one of the library's; texts are borrowed.
fn data<'a>(value: &'a Value, arena: &'a Bump) -> DataValue<'a> {
    match value {
        Value::Null => DataValue::Null,
        Value::Boolean(truth) => DataValue::Bool(*truth),
        Value::Integer(number) => DataValue::from_i64(*number),
        Value::Float(number) => DataValue::Number(NumberValue::from_f64(*number)),
        Value::String(text) => DataValue::String(text),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(|value| data(value, arena)).collect();
            DataValue::Array(arena.alloc_slice_copy(&values))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, data(value, arena))).collect();
            DataValue::Object(arena.alloc_slice_copy(&fields))
        }
    }
}

#[cfg(test)]
mod tests;
