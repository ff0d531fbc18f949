//! Arbitrary records for property tests: every kind of change and entity, also such as no check would let pass.

use std::sync::Arc;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, UpdateFlag};
use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::entity::{Entity, EntityId, Settings, Write};
use mycelia_flags_core::flag::{
    Environment, FlagConfiguration, FlagDefinition, Lifetime, Rule, Serve, Split, Switched, Variant,
    WeightedVariant,
};
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, FoldedKey, ServiceName, VariantName};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::value::{FlagType, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Any record.
pub(in crate::state) fn record() -> impl Strategy<Value = Record> {
    let writes = vec(write(), 0..4);
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
    (text(), text(), vec(change(), 0..4)).prop_map(|(actor, reason, changes)| ChangeSet {
        actor,
        reason,
        changes,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let percent = prop_oneof![Just(0.0), Just(12.5), Just(100.0), any::<i32>().prop_map(f64::from)];
    prop_oneof![
        create().prop_map(Change::CreateFlag),
        text().prop_map(|flag| Change::DeleteFlag { flag }),
        update().prop_map(Change::UpdateFlag),
        (text(), named_values()).prop_map(|(flag, variants)| Change::SetVariants { flag, variants }),
        place().prop_map(Change::Enable),
        place().prop_map(Change::Disable),
        (place(), percent, any::<bool>()).prop_map(|(place, percent, enable)| Change::Rollout {
            place,
            percent,
            enable
        }),
        (place(), serve()).prop_map(|(place, serve)| Change::SetDefaultServe { place, serve }),
        (place(), vec(rule(), 0..3)).prop_map(|(place, rules)| Change::SetRules { place, rules }),
        (place(), text()).prop_map(|(place, variant)| Change::SetOffVariant { place, variant }),
        (place(), text()).prop_map(|(place, salt)| Change::SetSalt { place, salt }),
        (generation(), vec(text(), 0..4))
            .prop_map(|(bucketing, environments)| Change::CreateStore { bucketing, environments }),
        text().prop_map(|from_epoch| Change::RestoreStore { from_epoch }),
    ]
}

fn create() -> impl Strategy<Value = CreateFlag> {
    let texts = (text(), text(), text(), text(), text());
    (texts, flag_type(), named_values(), vec(text(), 0..3), vec(text(), 0..3), lifetime()).prop_map(
        |(
            (key, default_variant, off_variant, description, owner),
            flag_type,
            variants,
            tags,
            services,
            lifetime,
        )| {
            CreateFlag {
                key,
                flag_type,
                variants,
                default_variant,
                off_variant,
                description,
                owner,
                tags,
                services,
                lifetime,
            }
        },
    )
}

fn update() -> impl Strategy<Value = UpdateFlag> {
    let texts = || option::of(vec(text(), 0..3));
    (text(), option::of(text()), option::of(text()), texts(), texts(), option::of(lifetime())).prop_map(
        |(flag, description, owner, tags, services, lifetime)| UpdateFlag {
            flag,
            description,
            owner,
            tags,
            services,
            lifetime,
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    let environment = || text().prop_map(|key| EnvironmentKey::new(&key));
    prop_oneof![
        option::of(generation()).prop_map(|bucketing| Write {
            id: EntityId::Settings,
            value: bucketing.map(|bucketing| Entity::Settings(Settings { bucketing })),
        }),
        (environment(), option::of(any::<u32>())).prop_map(|(key, position)| Write {
            id: EntityId::Environment(key.clone()),
            value: position.map(|position| Entity::Environment(Environment { key, position })),
        }),
        text().prop_map(|key| Write { id: EntityId::Flag(FoldedKey::of(&key)), value: None }),
        definition().prop_map(|definition| Write {
            id: EntityId::Flag(definition.key.folded()),
            value: Some(Entity::Flag(Arc::new(definition))),
        }),
        (environment(), text(), option::of(configuration())).prop_map(|(environment, flag, value)| Write {
            id: EntityId::Configuration(environment, FoldedKey::of(&flag)),
            value: value.map(|value| Entity::Configuration(Arc::new(value))),
        }),
    ]
}

fn definition() -> impl Strategy<Value = FlagDefinition> {
    let variant = (name(), value()).prop_map(|(name, value)| Variant { name, value });
    let services = vec(text().prop_map(|name| ServiceName::new(&name)), 0..3);
    let texts = (text(), text(), text());
    (texts, flag_type(), vec(variant, 0..4), vec(text(), 0..3), services, lifetime()).prop_map(
        |((key, description, owner), flag_type, variants, tags, services, lifetime)| FlagDefinition {
            key: FlagKey::new(&key),
            flag_type,
            variants: variants.into(),
            description: description.into(),
            owner: owner.into(),
            tags: tags.into_iter().map(Box::from).collect(),
            services,
            lifetime,
        },
    )
}

fn configuration() -> impl Strategy<Value = FlagConfiguration> {
    let switched = (text(), any::<i64>(), any::<u64>()).prop_map(|(by, at, revision)| Switched {
        by: by.into(),
        at: Timestamp::from_unix_micros(at),
        revision: Revision::new(revision),
    });
    let variants = (name(), name());
    (any::<bool>(), variants, vec(rule(), 0..3), serve(), option::of(text()), option::of(switched)).prop_map(
        |(enabled, (off_variant, default_variant), rules, default_serve, salt, switched)| FlagConfiguration {
            enabled,
            off_variant,
            default_variant,
            rules,
            default_serve,
            salt: salt.map(Box::from),
            switched,
        },
    )
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
