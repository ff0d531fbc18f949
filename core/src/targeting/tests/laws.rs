//! What compiles never fails to evaluate.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::targeting::compile::OPERATORS;

fn literals() -> impl Strategy<Value = OwnedDataValue> {
    let words = [
        "",
        "a",
        "b",
        "x1",
        "1",
        "-2.5",
        "1e3",
        "0x1f",
        "null",
        "email",
        "l",
        "l.0",
        "o.k",
        "o",
        "n",
        "current",
        "accumulator",
        "$flagd.timestamp",
        "targetingKey",
        "1.2.3",
        "v2",
        "^",
        "=",
        "length",
        "日本",
        "😀",
    ];
    prop_oneof![
        Just(OwnedDataValue::Null),
        any::<bool>().prop_map(OwnedDataValue::Bool),
        prop_oneof![-3_i64..5, any::<i64>()].prop_map(OwnedDataValue::from_i64),
        prop_oneof![-3.0..5.0, prop::num::f64::NORMAL, prop::num::f64::SUBNORMAL]
            .prop_map(|number| OwnedDataValue::Number(NumberValue::Float(number))),
        prop::sample::select(words.to_vec()).prop_map(|text| OwnedDataValue::String(text.to_owned())),
        any::<String>().prop_map(OwnedDataValue::String),
        Just(OwnedDataValue::Object(Vec::new())),
    ]
}

fn operator(arguments: impl Strategy<Value = OwnedDataValue>) -> impl Strategy<Value = OwnedDataValue> {
    (prop::sample::select(OPERATORS.to_vec()), arguments)
        .prop_map(|(name, arguments)| OwnedDataValue::Object(vec![(name.to_owned(), arguments)]))
}

fn values() -> impl Strategy<Value = OwnedDataValue> {
    literals().prop_recursive(6, 60, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(OwnedDataValue::Array);
        let pair = prop::collection::vec(inner.clone(), 2).prop_map(OwnedDataValue::Array);
        prop_oneof![
            1 => list.clone(),
            1 => operator(inner),
            3 => operator(list),
            3 => operator(pair),
        ]
    })
}

fn rules() -> impl Strategy<Value = String> {
    let arguments = prop::collection::vec(values(), 0..5).prop_map(OwnedDataValue::Array);
    prop_oneof![operator(arguments), operator(values())].prop_map(|rule| rule.to_json_string())
}

fn attributes() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        any::<String>().prop_map(|text| Value::string(&text)),
    ];
    plain.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-z]{1,2}".prop_map(Box::from), inner, 0..4)
                .prop_map(Value::Object),
        ]
    })
}

fn contexts() -> impl Strategy<Value = Context> {
    let names = prop::sample::select(vec!["email", "l", "o", "n", "current", "$flagd", "targetingKey", ""]);
    let attributes = prop::collection::vec((names, attributes()), 0..6);
    (prop::option::of(any::<String>()), attributes).prop_map(|(key, attributes)| {
        let context = key.map_or_else(Context::anonymous, |key| Context::new(&key));
        attributes.into_iter().fold(context, |context, (name, value)| context.with(name, value))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_compiles_never_fails_to_evaluate(rule in rules(), context in contexts(), now: i64) {
        for generation in BOTH {
            if let Ok(compiled) = CompiledTargeting::compile(&rule, generation) {
                let answer = compiled.evaluate("flag-a", &context, now);
                prop_assert_ne!(&answer, &Err(TargetingFault::Parse), "{}", rule);
                prop_assert_eq!(&compiled.evaluate("flag-a", &context, now), &answer, "{} twice", rule);
                if !compiled.needs_time() {
                    prop_assert_eq!(compiled.evaluate("flag-a", &context, 7), answer, "{} at 7", rule);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text: String) {
        let _unless_by_chance = CompiledTargeting::compile(&text, Generation::V3);
    }
}

#[test]
fn most_random_rules_compile() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let compiles = |rule: String| CompiledTargeting::compile(&rule, Generation::V3).is_ok();
    let count = (0..500).filter(|_| compiles(rules().new_tree(&mut runner).unwrap().current())).count();
    assert!(count > 250, "{count} of 500");
}
