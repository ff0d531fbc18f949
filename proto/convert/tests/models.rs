//! What the conversions are given: every shape of the model.

use std::sync::Arc;

use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::flag::{
    Canary, CanaryPart, Feature, FlagConfiguration, FlagDefinition, Lifetime, Prerequisite, Rule, Serve,
    ServiceOverride, Split, Switched, Variant, WeightedVariant,
};
use mycelia_flags_core::key::{FeatureKey, FlagKey, SegmentKey, ServiceName, VariantName};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::segment::{Segment, Share};
use mycelia_flags_core::update::ListEdit;
use mycelia_flags_core::value::{FlagType, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// Any text, also what is no name: a change set keeps it as it was asked.
pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{0,8}", ".{0,4}"]
}

pub(super) fn boxed_texts() -> impl Strategy<Value = Box<str>> {
    texts().prop_map(Box::from)
}

/// Text that is not empty, for what the wire writes as empty when it is none.
fn some_texts() -> impl Strategy<Value = Box<str>> {
    ".{1,4}".prop_map(Box::from)
}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,6}"
}

fn variant_names() -> impl Strategy<Value = VariantName> {
    names().prop_map(|name| VariantName::new(&name))
}

fn service_names() -> impl Strategy<Value = ServiceName> {
    names().prop_map(|name| ServiceName::new(&name))
}

pub(super) fn values() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        boxed_texts().prop_map(Value::String),
    ];
    plain.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            btree_map(boxed_texts(), inner, 0..3).prop_map(Value::Object),
        ]
    })
}

pub(super) fn named_values() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((texts(), values()), 0..4)
}

pub(super) fn conditions() -> impl Strategy<Value = Condition> {
    let operators = select(&Operator::ALL[..]);
    let test = (boxed_texts(), operators, vec(values(), 0..3), any::<bool>()).prop_map(
        |(attribute, operator, operands, negated)| {
            Condition::Test(Test { attribute, operator, operands, negated })
        },
    );
    let segment = texts().prop_map(|key| Condition::Segment(SegmentKey::new(&key)));
    prop_oneof![4 => test, 1 => segment].prop_recursive(5, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

pub(super) fn serves() -> impl Strategy<Value = Serve> {
    let variant = || texts().prop_map(|name| VariantName::new(&name));
    let weighted =
        (variant(), any::<u32>()).prop_map(|(variant, weight)| WeightedVariant { variant, weight });
    prop_oneof![
        variant().prop_map(Serve::Variant),
        (vec(weighted, 0..4), option::of(some_texts()))
            .prop_map(|(weights, bucket_by)| Serve::Split(Split { weights, bucket_by })),
    ]
}

pub(super) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (boxed_texts(), conditions(), serves()).prop_map(|(name, condition, serve)| Rule {
        name,
        condition,
        serve,
    });
    vec(rule, 0..4)
}

pub(super) fn flag_types() -> impl Strategy<Value = FlagType> {
    select(vec![FlagType::Boolean, FlagType::String, FlagType::Integer, FlagType::Float, FlagType::Object])
}

pub(super) fn lifetimes() -> impl Strategy<Value = Lifetime> {
    select(vec![Lifetime::Temporary, Lifetime::Permanent])
}

pub(super) fn timestamps() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_unix_micros)
}

fn canary_parts() -> impl Strategy<Value = CanaryPart> {
    prop_oneof![
        Just(CanaryPart::ByType),
        Just(CanaryPart::Out),
        variant_names().prop_map(CanaryPart::Variant),
    ]
}

pub(super) fn switched() -> impl Strategy<Value = Switched> {
    (boxed_texts(), timestamps(), any::<u64>()).prop_map(|(by, at, revision)| Switched {
        by,
        at,
        revision: Revision::new(revision),
    })
}

pub(super) fn definitions() -> impl Strategy<Value = FlagDefinition> {
    let variant = (variant_names(), values()).prop_map(|(name, value)| Variant { name, value });
    let lists = (vec(variant, 0..4), vec(boxed_texts(), 0..3), vec(service_names(), 0..3));
    let words = (names(), boxed_texts(), boxed_texts(), option::of(some_texts()));
    let ends = (lifetimes(), option::of(timestamps()), option::of(switched()), any::<bool>());
    (words, flag_types(), lists, ends).prop_map(|(words, flag_type, lists, ends)| {
        let (key, description, owner, schema) = words;
        let (variants, tags, services) = lists;
        let (lifetime, expected_end, archived, client_visible) = ends;
        FlagDefinition {
            key: FlagKey::new(&key),
            flag_type,
            variants: variants.into(),
            description,
            owner,
            tags,
            services,
            lifetime,
            expected_end,
            schema,
            archived,
            client_visible,
        }
    })
}

fn prerequisites() -> impl Strategy<Value = Prerequisite> {
    (names(), vec(variant_names(), 0..3))
        .prop_map(|(flag, variants)| Prerequisite { flag: FlagKey::new(&flag), variants })
}

fn overrides() -> impl Strategy<Value = ServiceOverride> {
    (service_names(), variant_names(), timestamps(), switched())
        .prop_map(|(service, variant, expires_at, set)| ServiceOverride { service, variant, expires_at, set })
}

pub(super) fn configurations() -> impl Strategy<Value = FlagConfiguration> {
    let served = (any::<bool>(), variant_names(), variant_names(), rules(), serves());
    let before = (vec(prerequisites(), 0..3), canary_parts(), vec(overrides(), 0..3));
    let texts = (option::of(some_texts()), option::of(some_texts()));
    let acts = (option::of(switched()), option::of(switched()));
    (served, before, texts, acts).prop_map(|(served, before, (salt, targeting), (switched, raised))| {
        let (enabled, off_variant, default_variant, rules, default_serve) = served;
        let (prerequisites, canary, overrides) = before;
        FlagConfiguration {
            enabled,
            off_variant,
            default_variant,
            rules,
            default_serve,
            salt,
            switched,
            prerequisites,
            canary,
            overrides,
            targeting,
            raised,
        }
    })
}

fn segment_keys() -> impl Strategy<Value = SegmentKey> {
    names().prop_map(|key| SegmentKey::new(&key))
}

pub(super) fn segments() -> impl Strategy<Value = Segment> {
    let share =
        (boxed_texts(), any::<u32>(), any::<u32>()).prop_map(|(salt, from, to)| Share { salt, from, to });
    (segment_keys(), boxed_texts(), option::of(conditions()), option::of(share))
        .prop_map(|(key, description, condition, share)| Segment { key, description, condition, share })
}

pub(super) fn canaries() -> impl Strategy<Value = Canary> {
    (any::<bool>(), option::of(switched())).prop_map(|(on, switched)| Canary { on, switched })
}

pub(super) fn features() -> impl Strategy<Value = Feature> {
    (names(), boxed_texts(), vec(names(), 0..3)).prop_map(|(key, description, flags)| Feature {
        key: FeatureKey::new(&key),
        description,
        flags: flags.iter().map(|flag| FlagKey::new(flag)).collect(),
    })
}

pub(super) fn list_keys() -> impl Strategy<Value = ListKey> {
    prop_oneof![
        Just(ListKey::Canary),
        segment_keys().prop_map(ListKey::Included),
        segment_keys().prop_map(ListKey::Excluded),
    ]
}

pub(super) fn list_edits() -> impl Strategy<Value = ListEdit> {
    let keys = btree_map(texts().prop_map(Arc::from), any::<bool>(), 0..6);
    (any::<bool>(), keys).prop_map(|(cleared, keys)| ListEdit { cleared, keys })
}
