//! JSONLogic expressions, and the guards that hold them to what our operators mean.
//!
//! A guard must not only be true of the right values: some engines fail on a value that an operator does not expect, and
//! the whole decision with it. So only operators stand here that every engine answers for every value.

use std::collections::BTreeMap;

use crate::value::Value;

/// `{"name": [arguments]}`.
pub(super) fn op(name: &str, arguments: Vec<Value>) -> Value {
    Value::Object(BTreeMap::from([(Box::from(name), Value::List(arguments))]))
}

/// `{"var": path}`.
pub(super) fn var(path: &str) -> Value {
    Value::Object(BTreeMap::from([(Box::from("var"), Value::string(path))]))
}

pub(super) fn text(text: &str) -> Value {
    Value::string(text)
}

pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::List(texts.into_iter().map(Value::string).collect())
}

/// True when all are.
pub(super) fn all(conditions: impl IntoIterator<Item = Value>) -> Value {
    join("and", conditions, true)
}

/// True when one is.
pub(super) fn any(conditions: impl IntoIterator<Item = Value>) -> Value {
    join("or", conditions, false)
}

/// `neutral` changes nothing, its opposite decides.
fn join(name: &str, conditions: impl IntoIterator<Item = Value>, neutral: bool) -> Value {
    let mut joined = Vec::new();
    for condition in conditions {
        match condition {
            Value::Boolean(truth) if truth == neutral => {}
            Value::Boolean(truth) => return Value::Boolean(truth),
            open => match joined_by(name, open) {
                Ok(inner) => joined.extend(inner),
                Err(open) => joined.push(open),
            },
        }
    }
    match joined.len() {
        0 => Value::Boolean(neutral),
        1 => joined.remove(0),
        _ => op(name, joined),
    }
}

/// The arguments of an operator, if it is this one: levels are rare, and levels of the same say nothing.
fn joined_by(name: &str, condition: Value) -> Result<Vec<Value>, Value> {
    match condition {
        Value::Object(mut fields) => match fields.remove(name) {
            Some(Value::List(arguments)) => Ok(arguments),
            Some(other) => {
                fields.insert(Box::from(name), other);
                Err(Value::Object(fields))
            }
            None => Err(Value::Object(fields)),
        },
        other => Err(other),
    }
}

/// True when the other is false.
pub(super) fn not(condition: Value) -> Value {
    match condition {
        Value::Boolean(truth) => Value::Boolean(!truth),
        open => op("!", vec![open]),
    }
}

/// Equality, for values that are no truths and not 0 or 1.
pub(super) fn same(left: Value, right: Value) -> Value {
    op("===", vec![left, right])
}

/// Equality of kind and content with a text, a number or a boolean. The Python core takes 1 for true and 0 for false, but
/// does not print them so.
pub(super) fn equals(value: &Value, operand: &Value) -> Value {
    let equal = same(value.clone(), operand.clone());
    let is_printed_as = |words: [&str; 2]| op("in", vec![op("cat", vec![value.clone()]), texts(words)]);
    let word = |truth: bool| if truth { ["true", "True"] } else { ["false", "False"] };
    match operand {
        Value::Boolean(truth) => all([equal, is_printed_as(word(*truth))]),
        number => match [false, true]
            .into_iter()
            .find(|truth| number.loosely_equals(&Value::Integer(i64::from(*truth))))
        {
            Some(truth) => all([equal, not(is_printed_as(word(truth)))]),
            None => equal,
        },
    }
}

/// Whether a value is one of several texts; one that is none of them, and none at all, are told at once.
pub(super) fn one_of<'t>(value: Value, wanted: impl IntoIterator<Item = &'t str>) -> Value {
    let wanted: Vec<&str> = wanted.into_iter().collect();
    match wanted.as_slice() {
        [] => Value::Boolean(false),
        [one] => same(value, text(one)),
        many => op("in", vec![value, texts(many.iter().copied())]),
    }
}

/// Whether there is a value at all.
pub(super) fn is_there(value: Value) -> Value {
    op("!==", vec![value, Value::Null])
}

/// Whether there is a value, and it is not the empty text.
pub(super) fn is_truthy(value: Value) -> Value {
    op("!!", vec![value])
}

/// Every text starts with nothing. Nothing else does.
pub(super) fn is_text(value: Value) -> Value {
    op("starts_with", vec![value, text("")])
}

/// A list does not have itself as an element; what is no list is made one with a single element.
pub(super) fn is_no_list(value: Value) -> Value {
    op("in", vec![value.clone(), op("merge", vec![value])])
}

/// Whether it is a list.
pub(super) fn is_list(value: &Value) -> Value {
    not(is_no_list(value.clone()))
}

/// Numbers are what is neither text nor list and is printed with a digit or a minus at its beginning.
pub(super) fn is_number(value: &Value) -> Value {
    all([not(is_text(value.clone())), is_printed(value, DIGITS)])
}

/// Text that is not empty, a number or a boolean: what somebody can be told apart by.
pub(super) fn is_identity(value: &Value) -> Value {
    let not_empty = op("!==", vec![value.clone(), text("")]);
    let truths = [true, false].map(|truth| equals(value, &Value::Boolean(truth)));
    let plain = any(truths.into_iter().chain([is_printed(value, DIGITS)]));
    op("if", vec![is_text(value.clone()), not_empty, plain])
}

/// The value as `cat` prints it. Some engines print truths in another way than the others.
pub(super) fn printable(value: Value) -> Value {
    let truths = [true, false].into_iter().flat_map(|truth| {
        [equals(&value, &Value::Boolean(truth)), text(if truth { "true" } else { "false" })]
    });
    let mut branches: Vec<Value> = truths.collect();
    branches.push(value);
    op("if", branches)
}

const DIGITS: &[&str] = &["-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Whether it is neither null nor a list and begins so when it is printed. Objects begin with a bracket or a letter in
/// every engine, and JavaScript's prints no null.
fn is_printed(value: &Value, starts: &[&str]) -> Value {
    let printed = op("cat", vec![value.clone()]);
    let start = op("substr", vec![printed, Value::Integer(0), Value::Integer(1)]);
    let begins = op("in", vec![start, texts(starts.iter().copied())]);
    all([is_there(value.clone()), is_no_list(value.clone()), begins])
}
