//! Clauses as conditions of ours.

use jiff::Timestamp;

use super::super::names::name_of;
use super::super::node::Node;
use super::super::report::Report;
use crate::condition::{Condition, Operator, Test};
use crate::context::TARGETING_KEY;
use crate::key::SegmentKey;
use crate::matcher::Matcher;
use crate::value::Value;

const KNOWN: &[&str] = &["attribute", "op", "values", "negate", "contextKind"];

/// All clauses of a rule; none when one of them cannot be said here.
pub(super) fn all(clauses: &[Node<'_>], report: &mut Report<'_>) -> Option<Condition> {
    // Each is read, so that everything is said at once.
    let read: Vec<Option<Condition>> = clauses.iter().map(|clause| condition(clause, report)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(Condition::All)
}

fn condition(clause: &Node<'_>, report: &mut Report<'_>) -> Option<Condition> {
    report.strangers(clause, KNOWN);
    let word = clause.text("op");
    if word == "segmentMatch" {
        return segment(clause, report);
    }
    let attribute = attribute(clause, clause.text("attribute"), clause.text("contextKind"), report)?;
    let Some(operator) = operator(word) else {
        let text = match word {
            "matches" => "regular expressions have no counterpart; say it with startsWith, endsWith, contains or in there first"
                .to_owned(),
            _ => format!("operator {word:?} is not known here; say it with another one there first"),
        };
        return report.unmapped(clause, text);
    };
    let values: Vec<Value> =
        clause.list("values").iter().map(|value| operand(operator, value.value)).collect();
    if values.is_empty() {
        report.exact(clause, "true for nobody: it has no values");
        return Some(Condition::Any(Vec::new()));
    }
    let tests = tests(&attribute, operator, values);
    for test in &tests {
        if let Err(wrong) = Matcher::compile(test.operator, &test.operands) {
            return report.unmapped(clause, format!("expected {} to compare with", wrong.allowed));
        }
    }
    if matches!(operator, Operator::Before | Operator::After) {
        let text = format!(
            "{attribute} has to be sent as text such as 2026-11-21T09:00:00Z, and not as milliseconds"
        );
        report.approximate(clause, text);
    } else {
        report
            .exact(clause, format!("a test of attribute {attribute}; of one that is a list it is not true"));
    }
    let tests: Vec<Condition> = tests.into_iter().map(Condition::Test).collect();
    let any = match <[Condition; 1]>::try_from(tests) {
        Ok([sole]) => sole,
        Err(several) => Condition::Any(several),
    };
    Some(if clause.is("negate") { without(&attribute, any) } else { any })
}

/// Of an attribute that is not there nothing is true, not even that it is another one.
fn without(attribute: &str, condition: Condition) -> Condition {
    let exists = Test {
        attribute: Box::from(attribute),
        operator: Operator::Exists,
        operands: Vec::new(),
        negated: false,
    };
    Condition::All(vec![Condition::Test(exists), Condition::Not(Box::new(condition))])
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "in" => Operator::In,
        "contains" => Operator::Contains,
        "startsWith" => Operator::StartsWith,
        "endsWith" => Operator::EndsWith,
        "lessThan" => Operator::Less,
        "lessThanOrEqual" => Operator::LessOrEqual,
        "greaterThan" => Operator::Greater,
        "greaterThanOrEqual" => Operator::GreaterOrEqual,
        "before" => Operator::Before,
        "after" => Operator::After,
        "semVerEqual" => Operator::VersionEquals,
        "semVerLessThan" => Operator::VersionLess,
        "semVerGreaterThan" => Operator::VersionGreater,
        _ => return None,
    })
}

/// The operators that take several operands take them at once; the others are asked for each.
fn tests(attribute: &str, operator: Operator, values: Vec<Value>) -> Vec<Test> {
    let test =
        |operands: Vec<Value>| Test { attribute: Box::from(attribute), operator, operands, negated: false };
    match operator {
        Operator::In | Operator::Contains | Operator::StartsWith | Operator::EndsWith => vec![test(values)],
        _ => values.into_iter().map(|value| test(vec![value])).collect(),
    }
}

/// Dates may be milliseconds there, and are text here.
fn operand(operator: Operator, value: &Value) -> Value {
    match (operator, value) {
        (Operator::Before | Operator::After, Value::Integer(millis)) => Timestamp::from_millisecond(*millis)
            .map_or_else(|_out_of_range| value.clone(), |moment| Value::string(&moment.to_string())),
        _ => value.clone(),
    }
}

/// The attribute of ours that holds what an attribute of a context kind does.
pub(super) fn attribute(at: &Node<'_>, name: &str, kind: &str, report: &mut Report<'_>) -> Option<String> {
    let path: Vec<String> = match name.strip_prefix('/') {
        Some(reference) => {
            reference.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
        }
        None => vec![name.to_owned()],
    };
    if path.iter().any(|step| step.is_empty() || step.contains('.')) {
        let text = format!(
            "attribute {name:?} has no counterpart: here a dot leads into an object; rename it there first"
        );
        return report.unmapped(at, text);
    }
    let path = path.join(".");
    if path == "kind" {
        return report
            .unmapped(at, "contexts have no kinds here; send an attribute that says what it is about");
    }
    if matches!(kind, "" | "user") {
        return Some(if path == "key" { TARGETING_KEY.to_owned() } else { path });
    }
    let attribute = format!("{kind}.{path}");
    let text = format!(
        "what is known of the {kind} has to be sent as an object in attribute {kind}: here it is {attribute}"
    );
    report.approximate(at, text);
    Some(attribute)
}

/// The document has no segments: those that are here are meant, and the check knows whether they are.
fn segment(clause: &Node<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let mut segments = Vec::new();
    for value in clause.list("values") {
        let Some(key) = name_of(&value.words()) else {
            return report.unmapped(&value, "the key of the segment leaves nothing of a key here");
        };
        let text = format!(
            "segment {key} has to be here before the import, and to hold the same people: the document does not say who \
             they are"
        );
        report.approximate(&value, text);
        segments.push(Condition::Segment(SegmentKey::new(&key)));
    }
    let any = Condition::Any(segments);
    Some(if clause.is("negate") { Condition::Not(Box::new(any)) } else { any })
}
