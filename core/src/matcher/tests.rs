//! Every operator on every kind of attribute, and operands that make no sense.

use super::*;
use crate::audiences::Audiences;
use crate::condition::Test;

fn context() -> Context {
    Context::new("user-1")
        .with("country", Value::string("DE"))
        .with("age", Value::Integer(41))
        .with("score", Value::Float(0.5))
        .with("beta", Value::Boolean(true))
        .with("groups", Value::List(vec![Value::string("staff"), Value::Integer(7)]))
        .with("app", Value::string("v2.10"))
        .with("born", Value::string("1985-03-01T00:00:00+01:00"))
}

#[track_caller]
fn check(attribute: &str, operator: Operator, operands: &[Value], expected: bool) {
    for negated in [false, true] {
        let test = Test { attribute: Box::from(attribute), operator, operands: operands.to_vec(), negated };
        let compiled = CompiledCondition::compile(&Condition::Test(test)).unwrap();
        assert_eq!(
            compiled.holds(&context(), &Audiences::default()),
            expected != negated,
            "{attribute} {operator:?} negated={negated}"
        );
    }
}

#[test]
fn every_operator_and_its_negation() {
    let text = Value::string;
    check("country", Operator::Equals, &[text("DE")], true);
    check("country", Operator::Equals, &[text("de")], false);
    check("age", Operator::Equals, &[Value::Float(41.0)], true);
    check("age", Operator::Equals, &[text("41")], false);
    check("beta", Operator::Equals, &[Value::Boolean(true)], true);
    check("country", Operator::In, &[text("AT"), text("DE")], true);
    check("age", Operator::In, &[text("DE"), Value::Integer(41)], true);
    check("targetingKey", Operator::In, &[text("user-1")], true);
    check("country", Operator::Contains, &[text("E")], true);
    check("groups", Operator::Contains, &[text("staff")], true);
    check("groups", Operator::Contains, &[Value::Float(7.0)], true);
    check("groups", Operator::Contains, &[text("sta")], false);
    check("country", Operator::StartsWith, &[text("A"), text("D")], true);
    check("country", Operator::EndsWith, &[text("D")], false);
    check("age", Operator::Less, &[Value::Integer(41)], false);
    check("age", Operator::LessOrEqual, &[Value::Integer(41)], true);
    check("score", Operator::Greater, &[Value::Integer(0)], true);
    check("age", Operator::GreaterOrEqual, &[Value::Float(41.5)], false);
    check("country", Operator::Less, &[Value::Integer(1)], false);
    check("app", Operator::VersionEquals, &[text("2.10.0")], true);
    check("app", Operator::VersionGreater, &[text("2.9.3")], true);
    check("app", Operator::VersionLess, &[text("2.10.0-rc.1")], false);
    check("app", Operator::VersionLessOrEqual, &[text("v2.10")], true);
    check("app", Operator::VersionGreaterOrEqual, &[text("3")], false);
    check("country", Operator::VersionEquals, &[text("1.0.0")], false);
    check("born", Operator::Before, &[text("1985-03-01T00:00:00Z")], true);
    check("born", Operator::After, &[text("1985-03-01T00:00:00Z")], false);
    check("born", Operator::Exists, &[], true);
    check("missing", Operator::Exists, &[], false);
    check("missing", Operator::Equals, &[text("DE")], false);
}

#[test]
fn operands_that_do_not_fit_are_named() {
    let wrong = |operator, operands: &[Value]| Matcher::compile(operator, operands).unwrap_err().index;
    assert_eq!(wrong(Operator::Equals, &[]), None);
    assert_eq!(wrong(Operator::In, &[]), None);
    assert_eq!(wrong(Operator::StartsWith, &[Value::string("a"), Value::Integer(1)]), Some(1));
    assert_eq!(wrong(Operator::Less, &[Value::string("1")]), Some(0));
    assert_eq!(wrong(Operator::VersionLess, &[Value::string("1.2.3.4")]), Some(0));
    assert_eq!(wrong(Operator::Before, &[Value::string("tomorrow")]), Some(0));
    for no_time in
        ["2026-11-21T09:00:00", "2026-02-30", "20261121", "2026-W47-6", "2026-11-2", "", "1795251600"]
    {
        assert_eq!(wrong(Operator::After, &[Value::string(no_time)]), Some(0), "{no_time}");
    }
}

/// Before, after, or neither: the operand is the same moment.
#[track_caller]
fn check_times(attribute: &str, operand: &str, expected: Option<Ordering>) {
    let holds = |operator| {
        let matcher = Matcher::compile(operator, &[Value::string(operand)]).unwrap();
        matcher.matches(Found::Text(attribute))
    };
    let found = (holds(Operator::Before), holds(Operator::After));
    let expected = (expected == Some(Ordering::Less), expected == Some(Ordering::Greater));
    assert_eq!(found, expected, "{attribute} {operand}");
}

#[test]
fn a_date_is_its_midnight_in_utc() {
    let (less, greater, same) = (Some(Ordering::Less), Some(Ordering::Greater), Some(Ordering::Equal));
    check_times("2026-11-20T23:59:59.999Z", "2026-11-21", less);
    check_times("2026-11-21T00:00:00Z", "2026-11-21", same);
    check_times("2026-11-21T00:00:00.001Z", "2026-11-21", greater);
    check_times("2026-11-21T00:30:00+01:00", "2026-11-21", less);
    check_times("2026-11-21", "2026-11-21", same);
    check_times("2026-11-20", "2026-11-21", less);
    check_times("2026-11-21", "2026-11-21T01:00:00+01:00", same);
    check_times("2026-11-22", "2026-11-21T09:00:00Z", greater);
    check_times("1969-12-31", "1970-01-01", less);
    for no_time in ["2026-11-22T09:00:00", "2026-02-30", "20261122", "2026-W47-7", "later", ""] {
        check_times(no_time, "2026-11-21", None);
    }
}

#[test]
fn all_any_and_not_combine() {
    let yes = || Condition::All(vec![]);
    let no = || Condition::Any(vec![]);
    let holds = |condition: &Condition| {
        CompiledCondition::compile(condition).unwrap().holds(&context(), &Audiences::default())
    };
    assert!(holds(&Condition::All(vec![yes(), Condition::Not(Box::new(no()))])));
    assert!(!holds(&Condition::All(vec![yes(), no()])));
    assert!(holds(&Condition::Any(vec![no(), yes()])));
}

#[test]
fn a_long_list_of_keys_says_who_is_on_it() {
    let key = |number: usize| Value::string(&format!("user-{number}"));
    for count in [FEW_TEXTS_MAX, FEW_TEXTS_MAX + 1, 1_000] {
        let keys: Vec<Value> = (0..count).map(key).collect();
        check("targetingKey", Operator::In, &keys, true);
        check("targetingKey", Operator::In, keys.split_at(2).1, false);
        check("country", Operator::In, &keys, false);
        let test =
            Test { attribute: "targetingKey".into(), operator: Operator::In, operands: keys, negated: false };
        let condition = CompiledCondition::compile(&Condition::Test(test)).unwrap();
        assert!(!condition.holds(&Context::anonymous(), &Audiences::default()), "nobody is on no list");
        assert!(!condition.names_segments());
    }
}

/// A flag may have hundreds of conditions, and to fetch one costs more than to compare.
#[test]
fn a_condition_with_an_allowlist_is_no_larger_than_one_without() {
    assert_eq!(size_of::<CompiledCondition>(), size_of::<CompiledTest>());
}
