//! Rules: conditions, and what is served.

use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::flag::{Rule, Serve, Split, WeightedVariant};
use mycelia_flags_core::key::{SegmentKey, VariantName};
use mycelia_flags_core::limits::{CONDITION_DEPTH_MAX, RULES_MAX};
use mycelia_flags_core::rejection::Violation;

use super::fault::{Faults, Noted, Path, WireError, violations_of};
use super::same_names;
use super::value::{value, value_to_wire};
use crate::v1;
use crate::v1::condition::Condition as WireCondition;
use crate::v1::serve::Serve as WireServe;

same_names!(
    operator_to_wire,
    operator_from_wire,
    Operator,
    unknown_operator,
    [
        Equals,
        In,
        Contains,
        StartsWith,
        EndsWith,
        Less,
        LessOrEqual,
        Greater,
        GreaterOrEqual,
        VersionEquals,
        VersionLess,
        VersionLessOrEqual,
        VersionGreater,
        VersionGreaterOrEqual,
        Before,
        After,
        Exists,
    ]
);

const fn unknown_operator(field: String, number: i32) -> WireError {
    WireError::UnknownOperator { field, number }
}

/// The wire's rule.
#[must_use]
pub fn rule_to_wire(rule: &Rule) -> v1::Rule {
    v1::Rule {
        name: rule.name.to_string(),
        condition: Some(condition_to_wire(&rule.condition)),
        serve: Some(serve_to_wire(&rule.serve)),
    }
}

/// The core's rule.
///
/// # Errors
/// Everything that is wrong with its shape.
pub fn rule_from_wire(field: &str, wire: &v1::Rule) -> Result<Rule, Vec<Violation>> {
    violations_of(field, |path, faults| rule(path, wire, faults))
}

/// The wire's condition.
#[must_use]
pub fn condition_to_wire(condition: &Condition) -> v1::Condition {
    let list = |conditions: &[Condition]| v1::ConditionList {
        conditions: conditions.iter().map(condition_to_wire).collect(),
    };
    let condition = match condition {
        Condition::Test(test) => WireCondition::Test(v1::Test {
            attribute: test.attribute.to_string(),
            operator: operator_to_wire(test.operator).into(),
            operands: test.operands.iter().map(value_to_wire).collect(),
            negated: test.negated,
        }),
        Condition::All(conditions) => WireCondition::All(list(conditions)),
        Condition::Any(conditions) => WireCondition::Any(list(conditions)),
        Condition::Not(condition) => WireCondition::Not(Box::new(condition_to_wire(condition))),
        Condition::Segment(segment) => WireCondition::Segment(segment.as_str().to_owned()),
    };
    v1::Condition { condition: Some(condition) }
}

/// The core's condition.
///
/// # Errors
/// Everything that is wrong with its shape.
pub fn condition_from_wire(field: &str, wire: &v1::Condition) -> Result<Condition, Vec<Violation>> {
    violations_of(field, |path, faults| condition(path, wire, 1, faults))
}

/// The wire's serve.
#[must_use]
pub fn serve_to_wire(serve: &Serve) -> v1::Serve {
    let serve = match serve {
        Serve::Variant(name) => WireServe::Variant(name.as_str().to_owned()),
        Serve::Split(split) => WireServe::Split(v1::Split {
            weights: split
                .weights
                .iter()
                .map(|weighted| v1::WeightedVariant {
                    variant: weighted.variant.as_str().to_owned(),
                    weight: weighted.weight,
                })
                .collect(),
            bucket_by: split.bucket_by.as_deref().unwrap_or_default().to_owned(),
        }),
    };
    v1::Serve { serve: Some(serve) }
}

/// The core's serve. Variants keep the text that was sent: whether the flag has them is for the core's check to say.
///
/// # Errors
/// When it is neither a variant nor a split.
pub fn serve_from_wire(field: &str, wire: &v1::Serve) -> Result<Serve, Vec<Violation>> {
    violations_of(field, |path, faults| serve(path, Some(wire), faults))
}

/// Converts rules; too many of them are not looked at, as in the core's check.
pub(super) fn rules(path: &Path<'_>, wire: &[v1::Rule], faults: &mut Faults) -> Result<Vec<Rule>, Noted> {
    faults.count(path, wire.len(), RULES_MAX)?;
    faults.each(path, wire, rule)
}

fn rule(path: &Path<'_>, wire: &v1::Rule, faults: &mut Faults) -> Result<Rule, Noted> {
    let at = path.field("condition");
    let condition = match &wire.condition {
        Some(wire) => condition(&at, wire, 1, faults),
        None => Err(faults.missing(&at, CONDITIONS)),
    };
    let serve = serve(&path.field("serve"), wire.serve.as_ref(), faults);
    Ok(Rule { name: Box::from(wire.name.as_str()), condition: condition?, serve: serve? })
}

const CONDITIONS: &str = "one of test, all, any, not and segment";

/// Converts the condition of a segment, which may have none.
pub(super) fn optional_condition(
    path: &Path<'_>,
    wire: Option<&v1::Condition>,
    faults: &mut Faults,
) -> Result<Option<Condition>, Noted> {
    wire.map(|wire| condition(path, wire, 1, faults)).transpose()
}

/// Converts a condition. As in the core's check, groups may stand on so many levels, and tests and segments below the
/// last of them. A segment keeps the text that was sent.
fn condition(
    path: &Path<'_>,
    wire: &v1::Condition,
    level: usize,
    faults: &mut Faults,
) -> Result<Condition, Noted> {
    match &wire.condition {
        None => Err(faults.missing(path, CONDITIONS)),
        Some(WireCondition::Test(wire)) => test(&path.field("test"), wire, faults).map(Condition::Test),
        Some(WireCondition::Segment(segment)) => Ok(Condition::Segment(SegmentKey::new(segment))),
        Some(_) if level > CONDITION_DEPTH_MAX => {
            Err(faults.note(WireError::TooDeep { field: path.to_string(), levels_max: CONDITION_DEPTH_MAX }))
        }
        Some(WireCondition::All(list)) => group(&path.field("all"), list, level, faults).map(Condition::All),
        Some(WireCondition::Any(list)) => group(&path.field("any"), list, level, faults).map(Condition::Any),
        Some(WireCondition::Not(wire)) => {
            condition(&path.field("not"), wire, level.saturating_add(1), faults)
                .map(|condition| Condition::Not(Box::new(condition)))
        }
    }
}

/// Converts the conditions of a group. Paths leave the list's own field out, as the core's do: `all[1]`.
fn group(
    path: &Path<'_>,
    wire: &v1::ConditionList,
    level: usize,
    faults: &mut Faults,
) -> Result<Vec<Condition>, Noted> {
    let converted: Vec<_> = wire
        .conditions
        .iter()
        .enumerate()
        .map(|(index, wire)| condition(&path.index(index), wire, level.saturating_add(1), faults))
        .collect();
    converted.into_iter().collect()
}

fn test(path: &Path<'_>, wire: &v1::Test, faults: &mut Faults) -> Result<Test, Noted> {
    let at = path.field("operator");
    let operator = faults.set(&at, operator_from_wire(at, wire.operator), "an operator");
    let operands = faults.each(&path.field("operands"), &wire.operands, value);
    Ok(Test {
        attribute: Box::from(wire.attribute.as_str()),
        operator: operator?,
        operands: operands?,
        negated: wire.negated,
    })
}

/// Converts what is served.
pub(super) fn serve(path: &Path<'_>, wire: Option<&v1::Serve>, faults: &mut Faults) -> Result<Serve, Noted> {
    match wire.and_then(|wire| wire.serve.as_ref()) {
        None => Err(faults.missing(path, "a variant or a split")),
        Some(WireServe::Variant(name)) => Ok(Serve::Variant(VariantName::new(name))),
        Some(WireServe::Split(split)) => Ok(Serve::Split(Split {
            weights: split
                .weights
                .iter()
                .map(|weighted| WeightedVariant {
                    variant: VariantName::new(&weighted.variant),
                    weight: weighted.weight,
                })
                .collect(),
            bucket_by: text_or_none(&split.bucket_by),
        })),
    }
}

/// Text that says nothing when it is empty.
pub(super) fn text_or_none(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| Box::from(text))
}
