//! Arbitrary records for property tests: every kind of change and entity, also such as no check would let pass.

mod changes;
mod entities;
mod guards;
mod plans;
mod policies;
mod promotion;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{ChangeSet, Place};
use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::flag::{CanaryPart, Lifetime, Rule, Serve, Split, WeightedVariant};
use mycelia_flags_core::key::{SegmentKey, VariantName};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::value::{FlagType, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Any record.
pub(in crate::state) fn record() -> impl Strategy<Value = Record> {
    let writes = vec(entities::writes(), 0..4).prop_map(|runs| runs.concat());
    (any::<u64>(), any::<i64>(), change_set(), writes, text()).prop_map(
        |(revision, at, change_set, writes, key)| Record {
            revision: Revision::new(revision),
            committed_at: Timestamp::from_unix_micros(at),
            change_set,
            writes,
            idempotency_key: key.into(),
        },
    )
}

fn change_set() -> impl Strategy<Value = ChangeSet> {
    (text(), text(), vec(changes::change(), 0..4)).prop_map(|(actor, reason, changes)| ChangeSet {
        actor,
        reason,
        changes,
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (text(), condition(), serve()).prop_map(|(name, condition, serve)| Rule {
        name: name.into(),
        condition,
        serve,
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let operator = proptest::sample::select(&Operator::ALL[..]);
    let test = (text(), operator, vec(value(), 0..3), any::<bool>()).prop_map(
        |(attribute, operator, operands, negated)| {
            Condition::Test(Test { attribute: attribute.into(), operator, operands, negated })
        },
    );
    test.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
            text().prop_map(|segment| Condition::Segment(SegmentKey::new(&segment))),
        ]
    })
}

fn serve() -> impl Strategy<Value = Serve> {
    let weighted = (name(), any::<u32>()).prop_map(|(variant, weight)| WeightedVariant { variant, weight });
    let split = (vec(weighted, 0..3), option::of(text()))
        .prop_map(|(weights, bucket_by)| Split { weights, bucket_by: bucket_by.map(Box::from) });
    prop_oneof![name().prop_map(Serve::Variant), split.prop_map(Serve::Split)]
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        (-1e300..1e300).prop_map(Value::Float),
        text().prop_map(|text| Value::string(&text)),
    ];
    plain.prop_recursive(3, 12, 3, |inner| {
        let field = (text().prop_map(Box::<str>::from), inner.clone());
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::List),
            vec(field, 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn named_values() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((text(), value()), 0..3)
}

fn place() -> impl Strategy<Value = Place> {
    (text(), text()).prop_map(|(environment, flag)| Place { environment, flag })
}

fn flag_type() -> impl Strategy<Value = FlagType> {
    let all = [FlagType::Boolean, FlagType::String, FlagType::Integer, FlagType::Float, FlagType::Object];
    proptest::sample::select(all.to_vec())
}

fn generation() -> impl Strategy<Value = Generation> {
    prop_oneof![Just(Generation::V2), Just(Generation::V3)]
}

fn canary_part() -> impl Strategy<Value = CanaryPart> {
    prop_oneof![Just(CanaryPart::ByType), name().prop_map(CanaryPart::Variant), Just(CanaryPart::Out)]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_unix_micros)
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    prop_oneof![Just(Lifetime::Temporary), Just(Lifetime::Permanent)]
}

fn name() -> impl Strategy<Value = VariantName> {
    text().prop_map(|text| VariantName::new(&text))
}

/// Mostly names, sometimes anything.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z][a-z0-9._-]{0,8}".prop_map(String::from), 1 => any::<String>(), 1 => Just(String::new())]
}
