//! Every operator over every kind of value: what JSONLogic would make equal, and we do not.

use std::collections::BTreeMap;

use super::{Agreement, check_agreement};
use crate::bucketing::Generation;
use crate::change::Change;
use crate::check::tests::{
    Store, create, create_text, default_serve, enable, place, rule, serve, set_rules, split_by, test,
};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::value::Value;

/// Plain values that look like each other.
fn plain() -> Vec<Value> {
    let texts =
        ["", "5", "05", "5.0", " 5", "-1", "1e3", "true", "on", "DE", "xDEx", "1.2.3", "1.2", "v1.2.3-rc.1"];
    let floats = [0.0, -0.0, 0.5, 5.0, 1e21, -1e-7];
    let mut values: Vec<Value> = texts.map(Value::string).into();
    values.extend(floats.map(Value::Float));
    values.extend([0, 1, 5, -1, 1000, 9_007_199_254_740_993, i64::MIN].map(Value::Integer));
    values.extend([true, false].map(Value::Boolean));
    values
}

/// Those, alone, in lists, in lists of lists and in objects.
fn values() -> Vec<Value> {
    let object =
        |name: &str, value: &Value| Value::Object(BTreeMap::from([(Box::from(name), value.clone())]));
    let mut values = plain();
    for value in plain() {
        let list = Value::List(vec![value.clone()]);
        values.extend([list.clone(), Value::List(vec![list, Value::Null]), object("DE", &value)]);
    }
    let empty = [Value::Null, Value::List(Vec::new()), Value::Object(BTreeMap::new())];
    values.push(Value::string("[object Object]"));
    values.extend(empty);
    values
}

/// Everybody whom a guard might take for somebody else.
fn contexts() -> Vec<Context> {
    let with = |value: Value| Context::new("user-1").with("a", value);
    let mut contexts: Vec<Context> = values().into_iter().map(with).collect();
    contexts.extend([Context::new("user-1"), Context::anonymous()]);
    contexts.extend(["5", "DE", "true", "1.2.3"].map(Context::new));
    contexts
}

/// Operands that fit, for each operator.
fn tests(attribute: &str) -> Vec<Condition> {
    let mut tests = Vec::new();
    for operator in Operator::ALL {
        let operands: Vec<Vec<Value>> = match operator {
            Operator::Equals => plain().into_iter().map(|one| vec![one]).collect(),
            Operator::In | Operator::Contains => {
                let pairs = plain().into_iter().zip(plain().into_iter().rev());
                let one = plain().into_iter().map(|one| vec![one]);
                one.chain(pairs.map(|(one, other)| vec![one, other])).collect()
            }
            Operator::StartsWith | Operator::EndsWith => {
                ["", "5", "D", "E"].map(|part| vec![Value::string(part)]).into()
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let numbers = [Value::Integer(0), Value::Integer(5), Value::Float(0.5), Value::Integer(-1)];
                numbers.map(|number| vec![number]).into()
            }
            Operator::Before | Operator::After => continue,
            Operator::Exists => vec![Vec::new()],
            _ => ["1.2.3", "v1.2", "5"].map(|version| vec![Value::string(version)]).into(),
        };
        tests.extend(operands.iter().map(|operands| test(attribute, operator, operands)));
    }
    tests
}

/// One boolean flag after the other, each with one rule.
#[track_caller]
fn check_all(conditions: Vec<Condition>) -> Agreement {
    let mut store = Store::new();
    for (index, condition) in conditions.into_iter().enumerate() {
        let key = format!("flag{index}");
        let rules = vec![rule(condition, serve("off"))];
        store.submit(&[create(&key), enable(&key), set_rules(&key, rules)]).unwrap();
    }
    check_agreement(&store, None, &contexts())
}

#[test]
fn every_operator_means_the_same_for_every_value() {
    let agreement = check_all(tests("a"));
    println!("{} evaluations", agreement.pairs);
    assert_eq!(agreement.untranslatable, []);
    assert!(agreement.pairs > 15_000, "{}", agreement.pairs);
}

#[test]
fn every_operator_means_the_same_for_the_targeting_key() {
    assert_eq!(check_all(tests("targetingKey")).untranslatable, []);
}

#[test]
fn whoever_has_no_identity_is_in_no_bucket() {
    for generation in [Generation::V2, Generation::V3] {
        let mut store = Store::of_generation(generation);
        let serve = split_by(Some("a"), &[("b", 50_000), ("c", 50_000)]);
        let changes = [
            create_text("voice", &["none", "b", "c"]),
            enable("voice"),
            default_serve("voice", serve.clone()),
        ];
        store.submit(&changes).unwrap();
        // And within another flag.
        let prerequisites = vec![("voice".to_owned(), vec!["none".to_owned(), "b".to_owned()])];
        let needs = Change::SetPrerequisites { place: place("dreams"), prerequisites };
        store.submit(&[create("dreams"), enable("dreams"), needs]).unwrap();
        assert_eq!(check_agreement(&store, None, &contexts()).untranslatable, []);
    }
}

#[test]
fn a_result_that_names_nothing_is_the_default_variant_in_another_flag_too() {
    let targeting = r#"{"var":"a"}"#.to_owned();
    let prerequisites = |wanted: &str| vec![("voice".to_owned(), vec![wanted.to_owned()])];
    for wanted in ["DE", "5", "true", "none"] {
        let store = Store::with(&[
            create_text("voice", &["DE", "none", "5", "true", "on"]),
            enable("voice"),
            default_serve("voice", serve("none")),
            Change::SetTargeting { place: place("voice"), targeting: targeting.clone() },
            create("dreams"),
            enable("dreams"),
            Change::SetPrerequisites { place: place("dreams"), prerequisites: prerequisites(wanted) },
        ]);
        assert_eq!(check_agreement(&store, None, &contexts()).untranslatable, []);
    }
}
