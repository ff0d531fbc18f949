//! What is wrong, and where exactly.

mod audiences;

use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::flag::Lifetime;
use mycelia_flags_core::limits::{CHANGES_MAX, CONDITION_DEPTH_MAX, RULES_MAX, VALUE_DEPTH_MAX};
use mycelia_flags_core::rejection::{Reason, Violation};
use mycelia_flags_core::value::{FlagType, Value};

use super::super::*;
use crate::v1;
use crate::v1::change::Change as WireChange;
use crate::v1::condition::Condition as WireCondition;
use crate::v1::serve::Serve as WireServe;
use crate::v1::value::Kind;

fn change_set(changes: impl IntoIterator<Item = WireChange>) -> v1::ChangeSet {
    let changes = changes.into_iter().map(|change| v1::Change { change: Some(change) });
    v1::ChangeSet { changes: changes.collect(), actor: "anna".to_owned(), reason: String::new() }
}

fn converted(change: WireChange) -> Change {
    let ChangeSet { mut changes, .. } = change_set_from_wire(&change_set([change])).unwrap();
    changes.pop().unwrap()
}

/// What is expected: the reason, the field, the value.
type Expected<'e> = (Reason, &'e str, &'e str);

#[track_caller]
fn check_violations(found: &[Violation], expected: &[Expected<'_>]) {
    let found: Vec<_> =
        found.iter().map(|violation| (violation.reason, &*violation.field, &*violation.value)).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check(wire: &v1::ChangeSet, expected: &[Expected<'_>]) {
    let rejection = change_set_from_wire(wire).unwrap_err();
    check_violations(&rejection.violations, expected);
    for violation in rejection.violations {
        assert!(!violation.allowed.is_empty(), "{violation}");
    }
}

/// One fault, with the words that say what is expected there.
#[track_caller]
fn check_words(change: WireChange, expected: Expected<'_>, allowed: &str) {
    let violations = change_set_from_wire(&change_set([change])).unwrap_err().violations;
    check_violations(&violations, &[expected]);
    assert_eq!(violations[0].allowed, allowed);
}

#[track_caller]
fn check_one(change: WireChange, expected: &[Expected<'_>]) {
    check(&change_set([change]), expected);
}

fn value(kind: Kind) -> v1::Value {
    v1::Value { kind: Some(kind) }
}

/// A value of so many levels of lists.
fn nested(levels: usize) -> v1::Value {
    (0..levels).fold(v1::Value { kind: None }, |inner, _| {
        value(Kind::ListValue(v1::ValueList { values: vec![inner] }))
    })
}

fn variant(value: v1::Value) -> v1::Variant {
    v1::Variant { name: "deep".to_owned(), value: Some(value) }
}

fn condition(condition: WireCondition) -> v1::Condition {
    v1::Condition { condition: Some(condition) }
}

fn test(operator: i32, operands: Vec<v1::Value>) -> v1::Condition {
    condition(WireCondition::Test(v1::Test {
        attribute: "plan".to_owned(),
        operator,
        operands,
        negated: false,
    }))
}

fn all(conditions: Vec<v1::Condition>) -> v1::Condition {
    condition(WireCondition::All(v1::ConditionList { conditions }))
}

fn on() -> v1::Serve {
    v1::Serve { serve: Some(WireServe::Variant("on".to_owned())) }
}

fn rule(condition: v1::Condition) -> v1::Rule {
    v1::Rule { name: String::new(), condition: Some(condition), serve: Some(on()) }
}

fn set_rules(rules: Vec<v1::Rule>) -> WireChange {
    WireChange::SetRules(v1::SetRules { rules, ..v1::SetRules::default() })
}

fn create(definition: v1::FlagDefinition) -> WireChange {
    WireChange::CreateFlag(v1::CreateFlag { definition: Some(definition), ..v1::CreateFlag::default() })
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let mut wire = change_set([
        WireChange::EnableFlag(v1::EnableFlag::default()),
        create(v1::FlagDefinition {
            r#type: 9,
            lifetime: 3,
            variants: vec![variant(nested(21))],
            ..v1::FlagDefinition::default()
        }),
        WireChange::SetDefaultServe(v1::SetDefaultServe::default()),
        set_rules(vec![
            rule(test(99, vec![])),
            v1::Rule { serve: Some(v1::Serve { serve: None }), ..v1::Rule::default() },
        ]),
    ]);
    wire.changes.push(v1::Change { change: None });
    check(
        &wire,
        &[
            (Reason::OutOfRange, "changes[1].create_flag.definition.type", "9"),
            (Reason::OutOfRange, "changes[1].create_flag.definition.lifetime", "3"),
            (Reason::TooLarge, "changes[1].create_flag.definition.variants[0].value", "more than 20"),
            (Reason::Required, "changes[2].set_default_serve.serve", ""),
            (Reason::InvalidOperand, "changes[3].set_rules.rules[0].condition.test.operator", "99"),
            (Reason::Required, "changes[3].set_rules.rules[1].condition", ""),
            (Reason::Required, "changes[3].set_rules.rules[1].serve", ""),
            (Reason::Required, "changes[4]", ""),
        ],
    );
}

#[test]
fn conditions_are_named_as_the_cores_check_names_them() {
    let empty = v1::Condition { condition: None };
    let unset = test(0, vec![nested(1), nested(21)]);
    let any = condition(WireCondition::Any(v1::ConditionList { conditions: vec![empty.clone(), unset] }));
    let not = condition(WireCondition::Not(Box::new(empty)));
    let root = "changes[0].set_rules.rules[0].condition";
    check_one(
        set_rules(vec![rule(all(vec![any, all(vec![]), not]))]),
        &[
            (Reason::Required, &format!("{root}.all[0].any[0]"), ""),
            (Reason::Required, &format!("{root}.all[0].any[1].test.operator"), ""),
            (Reason::TooLarge, &format!("{root}.all[0].any[1].test.operands[1]"), "more than 20"),
            (Reason::Required, &format!("{root}.all[2].not"), ""),
        ],
    );
}

#[test]
fn single_fields_are_named() {
    check_one(
        WireChange::CreateFlag(v1::CreateFlag::default()),
        &[(Reason::Required, "changes[0].create_flag.definition", "")],
    );
    check_one(
        WireChange::UpdateFlag(v1::UpdateFlag { lifetime: -1, ..v1::UpdateFlag::default() }),
        &[(Reason::OutOfRange, "changes[0].update_flag.lifetime", "-1")],
    );
    check_one(
        WireChange::SetVariants(v1::SetVariants {
            flag: String::new(),
            variants: vec![variant(nested(20)), variant(nested(21))],
        }),
        &[(Reason::TooLarge, "changes[0].set_variants.variants[1].value", "more than 20")],
    );
    check_one(
        WireChange::CreateStore(v1::CreateStore { bucketing: 1, environments: Vec::new() }),
        &[(Reason::OutOfRange, "changes[0].create_store.bucketing", "1")],
    );
}

#[test]
fn what_is_too_much_is_not_looked_at() {
    let changes = vec![v1::Change { change: None }; CHANGES_MAX + 1];
    let wire = v1::ChangeSet { changes, ..v1::ChangeSet::default() };
    check(&wire, &[(Reason::TooLarge, "changes", "1001")]);
    check_one(
        set_rules(vec![v1::Rule::default(); RULES_MAX + 1]),
        &[(Reason::TooLarge, "changes[0].set_rules.rules", "201")],
    );
    let empty = v1::Condition { condition: None };
    let wire = change_set([set_rules(vec![rule(all(vec![empty; VIOLATIONS_MAX + 1]))])]);
    let rejection = change_set_from_wire(&wire).unwrap_err();
    assert_eq!(rejection.violations.len(), VIOLATIONS_MAX);
}

#[test]
fn conditions_may_be_as_deep_as_the_core_allows() {
    let nested = |groups: usize| {
        let test = test(v1::Operator::Exists.into(), vec![]);
        (0..groups).fold(test, |inner, _| all(vec![inner]))
    };
    converted(set_rules(vec![rule(nested(CONDITION_DEPTH_MAX))]));
    let at = format!("changes[0].set_rules.rules[0].condition{}", ".all[0]".repeat(CONDITION_DEPTH_MAX));
    check_one(
        set_rules(vec![rule(nested(CONDITION_DEPTH_MAX + 1))]),
        &[(Reason::TooLarge, &at, "more than 10")],
    );
}

#[test]
fn what_is_not_set_has_a_meaning() {
    let Change::CreateFlag(created) = converted(create(v1::FlagDefinition::default())) else {
        panic!("another change")
    };
    assert_eq!((created.flag_type, created.lifetime), (FlagType::Boolean, Lifetime::Temporary));
    let Change::UpdateFlag(updated) = converted(WireChange::UpdateFlag(v1::UpdateFlag::default())) else {
        panic!("another change")
    };
    assert_eq!(updated.lifetime, None);
    let unset = v1::SetVariants { flag: String::new(), variants: vec![v1::Variant::default()] };
    let Change::SetVariants { variants, .. } = converted(WireChange::SetVariants(unset)) else {
        panic!("another change")
    };
    assert_eq!(variants, [(String::new(), Value::Null)]);
}

#[test]
fn a_value_may_be_as_deep_as_the_core_allows() {
    let deepest = value_from_wire("value", &nested(VALUE_DEPTH_MAX)).unwrap();
    assert_eq!(deepest.depth(), VALUE_DEPTH_MAX);
    let violations = value_from_wire("value", &nested(90)).unwrap_err();
    check_violations(&violations, &[(Reason::TooLarge, "value", "more than 20")]);
}

#[track_caller]
fn check_context(attributes: Vec<(String, v1::Value)>, expected: &[Expected<'_>]) {
    let wire =
        v1::EvaluationContext { targeting_key: String::new(), attributes: attributes.into_iter().collect() };
    let violations = context_from_wire("context", &wire).unwrap_err();
    check_violations(&violations, expected);
}

#[test]
fn contexts_are_finite_shallow_and_small() {
    let infinite =
        value(Kind::ListValue(v1::ValueList { values: vec![value(Kind::FloatValue(f64::INFINITY))] }));
    check_context(
        vec![
            ("a.b".to_owned(), value(Kind::FloatValue(f64::NAN))),
            ("deep".to_owned(), nested(21)),
            ("list".to_owned(), infinite),
        ],
        &[
            (Reason::OutOfRange, r#"context.attributes["a.b"]"#, "NaN or infinite"),
            (Reason::TooLarge, r#"context.attributes["deep"]"#, "more than 20"),
            (Reason::OutOfRange, r#"context.attributes["list"]"#, "NaN or infinite"),
        ],
    );
    let many = (0..=CONTEXT_ATTRIBUTES_MAX).map(|number| (number.to_string(), v1::Value { kind: None }));
    check_context(many.collect(), &[(Reason::TooLarge, "context.attributes", "501")]);
    let text = value(Kind::StringValue("x".repeat(CONTEXT_BYTES_MAX)));
    check_context(vec![("a".to_owned(), text)], &[(Reason::TooLarge, "context", "65537")]);
    let anonymous = context_from_wire("context", &v1::EvaluationContext::default());
    assert_eq!(anonymous, Ok(Context::anonymous()));
}

fn readable() -> v1::EffectiveFlag {
    v1::EffectiveFlag {
        key: "a".to_owned(),
        r#type: v1::FlagType::Boolean.into(),
        off_variant: "off".to_owned(),
        default_variant: "on".to_owned(),
        default_serve: Some(on()),
        ..v1::EffectiveFlag::default()
    }
}

#[track_caller]
fn check_unreadable(expected: &str, spoil: impl FnOnce(&mut v1::EffectiveFlag)) {
    let mut wire = readable();
    assert!(effective_flag_from_wire(&wire).is_ok());
    spoil(&mut wire);
    let error = effective_flag_from_wire(&wire).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_unreadable_flag_says_why() {
    check_unreadable("rules[0].condition.test.operator is 18, which is no known operator", |flag| {
        flag.rules = vec![rule(test(18, vec![]))];
    });
    check_unreadable(
        "default_serve is not set or of a kind unknown here: expected a variant or a split",
        |flag| flag.default_serve = None,
    );
    check_unreadable(
        "type is 6: expected boolean (1), string (2), integer (3), float (4) or object (5)",
        |flag| flag.r#type = 6,
    );
    check_unreadable("key is not set or of a kind unknown here: expected a name", |flag| flag.key.clear());
    check_unreadable("variants[0].value is nested more than 20 levels deep", |flag| {
        flag.variants = vec![variant(nested(21))];
    });
}
