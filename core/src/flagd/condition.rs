//! Conditions as JSONLogic: each operator, guarded so that it means what ours means.

use super::logic::{
    all, any, equals, is_list, is_number, is_text, is_there, is_truthy, not, op, same, text, var,
};
use super::{Translator, Untranslatable};
use crate::condition::{Condition, Operator, Test};
use crate::context::TARGETING_KEY;
use crate::matcher::version;
use crate::value::Value;

/// What flagd itself sets in every context.
const FLAGD: &str = "$flagd";
/// What JavaScript's engine finds in every object.
const BORN_WITH: [&str; 12] = [
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
];
/// Bytes of a test with its guards, roughly, beside its attribute and operands.
const TEST_BYTES: usize = 300;

impl Translator<'_> {
    /// A condition, as an expression that is true or not.
    pub(super) fn condition(&mut self, condition: &Condition) -> Result<Value, Untranslatable> {
        match condition {
            Condition::Test(test) => {
                let expression = self.test(test)?;
                Ok(if test.negated { not(expression) } else { expression })
            }
            Condition::All(inner) => Ok(all(self.conditions(inner)?)),
            Condition::Any(inner) => Ok(any(self.conditions(inner)?)),
            Condition::Not(inner) => self.condition(inner).map(not),
            Condition::Segment(segment) => self.segment(segment),
        }
    }

    fn conditions(&mut self, conditions: &[Condition]) -> Result<Vec<Value>, Untranslatable> {
        conditions.iter().map(|condition| self.condition(condition)).collect()
    }

    fn test(&mut self, test: &Test) -> Result<Value, Untranslatable> {
        let operand_bytes: usize = test.operands.iter().map(|operand| operand.size() + 3).sum();
        self.spend(TEST_BYTES + 6 * test.attribute.len() + operand_bytes)?;
        let value = attribute(&test.attribute)?;
        let expression = comparison(test, &value)?;
        // An empty targeting key is none, and satisfies nothing; flagd's providers pass it on.
        let is_key = *test.attribute == *TARGETING_KEY;
        let fits_empty = test.operands.iter().any(|operand| *operand == Value::string(""));
        Ok(if is_key && fits_empty { all([is_truthy(value), expression]) } else { expression })
    }
}

fn comparison(test: &Test, value: &Value) -> Result<Value, Untranslatable> {
    let operands = &test.operands;
    let number = |name: &str| {
        let operand = operands.first().cloned().unwrap_or(Value::Null);
        all([is_number(value), op(name, vec![value.clone(), operand])])
    };
    let is_newer = |name: &str| {
        // Spelled out, because older engines know no shorter form.
        let operand = match operands.first() {
            Some(Value::String(operand)) => version(operand),
            _ => None,
        };
        let operand = operand.map(|mut version| {
            version.build = semver::BuildMetadata::EMPTY;
            Value::string(&version.to_string())
        });
        let operand = operand.unwrap_or(Value::Null);
        all([is_text(value.clone()), op("sem_ver", vec![value.clone(), text(name), operand])])
    };
    let each =
        |name: &str| any(operands.iter().map(|operand| op(name, vec![value.clone(), operand.clone()])));
    Ok(match test.operator {
        Operator::Equals => any(operands.iter().map(|operand| equals(value, operand))),
        Operator::In => one_of(value, operands),
        Operator::Contains => contains(value, operands),
        Operator::StartsWith => each("starts_with"),
        Operator::EndsWith => each("ends_with"),
        Operator::Less => number("<"),
        Operator::LessOrEqual => number("<="),
        Operator::Greater => number(">"),
        Operator::GreaterOrEqual => number(">="),
        Operator::VersionEquals => is_newer("="),
        Operator::VersionLess => is_newer("<"),
        Operator::VersionLessOrEqual => is_newer("<="),
        Operator::VersionGreater => is_newer(">"),
        Operator::VersionGreaterOrEqual => is_newer(">="),
        Operator::Exists if *test.attribute == *TARGETING_KEY => is_truthy(value.clone()),
        Operator::Exists => is_there(value.clone()),
        Operator::Before | Operator::After => {
            return Err(Untranslatable::Date { attribute: test.attribute.clone() });
        }
    })
}

/// Numbers and booleans are compared one by one: to some engines `1` is in `[true]`.
fn one_of(value: &Value, operands: &[Value]) -> Value {
    let (words, others): (Vec<&Value>, Vec<&Value>) =
        operands.iter().partition(|operand| matches!(operand, Value::String(_)));
    let words = match words.as_slice() {
        [] => Value::Boolean(false),
        [word] => same(value.clone(), (*word).clone()),
        many => op("in", vec![value.clone(), list(many)]),
    };
    let others = others.into_iter().map(|operand| equals(value, operand));
    any([words].into_iter().chain(others))
}

/// A part of a text, or an element of a list. A list never equals an operand, and what is no list is made one.
fn contains(value: &Value, operands: &[Value]) -> Value {
    let parts = operands.iter().filter(|operand| matches!(operand, Value::String(_)));
    let parts = any(parts.map(|part| match part {
        // Every text contains nothing, but not the empty one to JavaScript's engine.
        Value::String(nothing) if nothing.is_empty() => Value::Boolean(true),
        part => op("in", vec![part.clone(), value.clone()]),
    }));
    let elements = op("merge", vec![value.clone()]);
    // To some engines `1` is in `[true]`.
    let element = any(operands.iter().map(|operand| match operand {
        Value::String(_) => op("in", vec![operand.clone(), elements.clone()]),
        other => op("some", vec![elements.clone(), equals(&var(""), other)]),
    }));
    let in_list = all([is_list(value), element]);
    match parts {
        Value::Boolean(false) => in_list,
        Value::Boolean(true) => any([is_text(value.clone()), in_list]),
        parts => op("if", vec![is_text(value.clone()), parts, in_list]),
    }
}

fn list(values: &[&Value]) -> Value {
    Value::List(values.iter().map(|value| (*value).clone()).collect())
}

/// An attribute, if flagd's `var` finds the same under its name as we do.
pub(super) fn attribute(name: &str) -> Result<Value, Untranslatable> {
    let unreachable = |why| Err(Untranslatable::Attribute { attribute: Box::from(name), why });
    let mut fields = name.split('.');
    let first = fields.next().unwrap_or("");
    if first == FLAGD {
        return unreachable("flagd itself says what it is");
    }
    if first == TARGETING_KEY && first != name {
        return unreachable("the targeting key is text and has no fields");
    }
    if name.split('.').any(|field| BORN_WITH.contains(&field)) {
        return unreachable("every object has it in JavaScript");
    }
    if is_index(first) {
        return unreachable("a number is an element of a list to flagd");
    }
    for field in fields {
        if is_index(field) {
            return unreachable("a number is an element of a list, or a character of a text, to flagd");
        }
        if field == "length" {
            return unreachable("it is the length of a list or text to flagd");
        }
    }
    Ok(var(name))
}

fn is_index(name: &str) -> bool {
    let digits = name.strip_prefix(['+', '-']).unwrap_or(name);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
