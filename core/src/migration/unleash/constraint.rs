//! Constraints as conditions of ours.

use super::super::node::Node;
use super::super::report::Report;
use crate::condition::{Condition, Operator, Test};
use crate::context::TARGETING_KEY;
use crate::matcher::Matcher;
use crate::value::Value;

const KNOWN: &[&str] = &["contextName", "operator", "values", "value", "inverted", "caseInsensitive"];

/// The attribute that Unleash's context calls so: the user is whom an evaluation is about.
pub(super) fn attribute(context_name: &str) -> &str {
    if context_name == "userId" { TARGETING_KEY } else { context_name }
}

/// All constraints of a list; none when one of them cannot be said here.
pub(super) fn all(constraints: &[Node<'_>], report: &mut Report<'_>) -> Option<Vec<Condition>> {
    // Each is read, so that everything is said at once.
    let read: Vec<Option<Condition>> =
        constraints.iter().map(|constraint| condition(constraint, report)).collect();
    read.into_iter().collect()
}

fn condition(constraint: &Node<'_>, report: &mut Report<'_>) -> Option<Condition> {
    report.strangers(constraint, KNOWN);
    let name = constraint.text("contextName");
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return report.unmapped(constraint, "expected the name of a context field in `contextName`");
    }
    if name.contains('.') {
        let text =
            format!("a dot in the name of an attribute leads into an object here; rename {name} there first");
        return report.unmapped(constraint, text);
    }
    let word = constraint.text("operator");
    if name == "currentTime" {
        let text =
            "conditions here know no time of day: say the date in a rollout plan, as a stage of the flag's";
        return report.unmapped(constraint, text);
    }
    if word.starts_with("STR_") && constraint.is("caseInsensitive") {
        let text = format!(
            "{word} that ignores case has no counterpart: conditions here compare letters as they are; list the \
             spellings there, or send the attribute in one case"
        );
        return report.unmapped(constraint, text);
    }
    let Some((operator, is_negated)) = operator(word) else {
        let text = format!("operator {word:?} is not known here; say it with another one there first");
        return report.unmapped(constraint, text);
    };
    let operands = operands(constraint, operator, name);
    let negated = is_negated != constraint.is("inverted");
    if operator == Operator::In && operands.is_empty() {
        report.exact(constraint, if negated { "true for everybody" } else { "true for nobody" });
        return Some(if negated { Condition::always() } else { Condition::Any(Vec::new()) });
    }
    if let Err(wrong) = Matcher::compile(operator, &operands) {
        return report.unmapped(constraint, format!("expected {} to compare with", wrong.allowed));
    }
    match operator {
        Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Equals => {
            let text = format!(
                "{name} is compared as a number: here it has to be sent as one, while Unleash also reads numbers \
                 from text"
            );
            report.approximate(constraint, text);
        }
        _ => report.exact(constraint, format!("a test of attribute {}", attribute(name))),
    }
    let attribute = Box::from(attribute(name));
    Some(Condition::Test(Test { attribute, operator, operands, negated }))
}

fn operator(word: &str) -> Option<(Operator, bool)> {
    Some(match word {
        "IN" => (Operator::In, false),
        "NOT_IN" => (Operator::In, true),
        "STR_CONTAINS" => (Operator::Contains, false),
        "STR_STARTS_WITH" => (Operator::StartsWith, false),
        "STR_ENDS_WITH" => (Operator::EndsWith, false),
        "NUM_EQ" => (Operator::Equals, false),
        "NUM_LT" => (Operator::Less, false),
        "NUM_LTE" => (Operator::LessOrEqual, false),
        "NUM_GT" => (Operator::Greater, false),
        "NUM_GTE" => (Operator::GreaterOrEqual, false),
        "DATE_BEFORE" => (Operator::Before, false),
        "DATE_AFTER" => (Operator::After, false),
        "SEMVER_EQ" => (Operator::VersionEquals, false),
        "SEMVER_LT" => (Operator::VersionLess, false),
        "SEMVER_GT" => (Operator::VersionGreater, false),
        _ => return None,
    })
}

fn operands(constraint: &Node<'_>, operator: Operator, name: &str) -> Vec<Value> {
    let is_number = matches!(
        operator,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
    ) || operator == Operator::Equals;
    match operator {
        Operator::In => {
            let values = constraint.list("values");
            values.iter().flat_map(|value| spelled(&value.words(), attribute(name))).collect()
        }
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => {
            constraint.list("values").iter().map(|value| Value::string(&value.words())).collect()
        }
        _ => {
            let Some(value) = constraint.get("value") else { return Vec::new() };
            vec![if is_number { number(&value) } else { Value::string(&value.words()) }]
        }
    }
}

/// Unleash compares texts, and turns what a context has into text first: a number or a truth may be meant.
fn spelled(text: &str, attribute: &str) -> Vec<Value> {
    let mut values = vec![Value::string(text)];
    if attribute == TARGETING_KEY {
        return values;
    }
    match text {
        "true" => values.push(Value::Boolean(true)),
        "false" => values.push(Value::Boolean(false)),
        _ => {
            let integer = text.parse::<i64>().ok().filter(|integer| integer.to_string() == text);
            values.extend(integer.map(Value::Integer));
        }
    }
    values
}

/// Numbers stand in texts there.
fn number(value: &Node<'_>) -> Value {
    let text = value.words();
    let text = text.trim();
    if let Ok(integer) = text.parse::<i64>() {
        return Value::Integer(integer);
    }
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite());
    float.map_or_else(|| Value::string(text), Value::Float)
}
