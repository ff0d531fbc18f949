//! Laws of the conversions: there and back is the same, and what is wrong is named by its exact place.

mod violations;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, UpdateFlag};
use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::entity::{Entity, EntityId, Settings, Write};
use mycelia_flags_core::flag::{
    EffectiveFlag, Environment, FlagConfiguration, FlagDefinition, Lifetime, Rule, Serve, Split, Switched,
    Variant, WeightedVariant,
};
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, FoldedKey, ServiceName, VariantName};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::value::{FlagType, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use prost::Message as _;

use super::*;
use crate::v1;

/// Any text, also what is no name: a change set keeps it as it was asked.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{0,8}", ".{0,4}"]
}

fn boxed_texts() -> impl Strategy<Value = Box<str>> {
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

fn values() -> impl Strategy<Value = Value> {
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

fn named_values() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((texts(), values()), 0..4)
}

fn conditions() -> impl Strategy<Value = Condition> {
    let operators = select(&Operator::ALL[..]);
    let test = (boxed_texts(), operators, vec(values(), 0..3), any::<bool>()).prop_map(
        |(attribute, operator, operands, negated)| {
            Condition::Test(Test { attribute, operator, operands, negated })
        },
    );
    test.prop_recursive(5, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn serves() -> impl Strategy<Value = Serve> {
    let variant = || texts().prop_map(|name| VariantName::new(&name));
    let weighted =
        (variant(), any::<u32>()).prop_map(|(variant, weight)| WeightedVariant { variant, weight });
    prop_oneof![
        variant().prop_map(Serve::Variant),
        (vec(weighted, 0..4), option::of(some_texts()))
            .prop_map(|(weights, bucket_by)| Serve::Split(Split { weights, bucket_by })),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (boxed_texts(), conditions(), serves()).prop_map(|(name, condition, serve)| Rule {
        name,
        condition,
        serve,
    });
    vec(rule, 0..4)
}

fn flag_types() -> impl Strategy<Value = FlagType> {
    select(vec![FlagType::Boolean, FlagType::String, FlagType::Integer, FlagType::Float, FlagType::Object])
}

fn lifetimes() -> impl Strategy<Value = Lifetime> {
    select(vec![Lifetime::Temporary, Lifetime::Permanent])
}

fn places() -> impl Strategy<Value = Place> {
    (texts(), texts()).prop_map(|(environment, flag)| Place { environment, flag })
}

fn create_flags() -> impl Strategy<Value = CreateFlag> {
    let lists = (vec(texts(), 0..3), vec(texts(), 0..3));
    let words = (texts(), texts(), texts(), texts(), texts());
    (words, flag_types(), named_values(), lists, lifetimes()).prop_map(
        |(words, flag_type, variants, (tags, services), lifetime)| {
            let (key, default_variant, off_variant, description, owner) = words;
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

fn update_flags() -> impl Strategy<Value = UpdateFlag> {
    let list = || option::of(vec(texts(), 0..3));
    let word = || option::of(texts());
    (texts(), word(), word(), list(), list(), option::of(lifetimes())).prop_map(
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

fn generations() -> impl Strategy<Value = Generation> {
    select(vec![Generation::V2, Generation::V3])
}

fn changes() -> BoxedStrategy<Change> {
    prop_oneof![
        create_flags().prop_map(Change::CreateFlag),
        texts().prop_map(|flag| Change::DeleteFlag { flag }),
        update_flags().prop_map(Change::UpdateFlag),
        (texts(), named_values()).prop_map(|(flag, variants)| Change::SetVariants { flag, variants }),
        places().prop_map(Change::Enable),
        places().prop_map(Change::Disable),
        (places(), any::<f64>(), any::<bool>()).prop_map(|(place, percent, enable)| Change::Rollout {
            place,
            percent,
            enable
        }),
        (places(), serves()).prop_map(|(place, serve)| Change::SetDefaultServe { place, serve }),
        (places(), rules()).prop_map(|(place, rules)| Change::SetRules { place, rules }),
        (places(), texts()).prop_map(|(place, variant)| Change::SetOffVariant { place, variant }),
        (places(), texts()).prop_map(|(place, salt)| Change::SetSalt { place, salt }),
        (generations(), vec(texts(), 0..3))
            .prop_map(|(bucketing, environments)| Change::CreateStore { bucketing, environments }),
        texts().prop_map(|from_epoch| Change::RestoreStore { from_epoch }),
    ]
    .boxed()
}

fn change_sets() -> impl Strategy<Value = ChangeSet> {
    (texts(), texts(), vec(changes(), 0..6)).prop_map(|(actor, reason, changes)| ChangeSet {
        actor,
        reason,
        changes,
    })
}

fn definitions() -> impl Strategy<Value = FlagDefinition> {
    let variant = (variant_names(), values()).prop_map(|(name, value)| Variant { name, value });
    let services = vec(names().prop_map(|name| ServiceName::new(&name)), 0..3);
    let words = (names(), boxed_texts(), boxed_texts());
    let lists = (vec(variant, 0..4), vec(boxed_texts(), 0..3), services);
    (words, flag_types(), lists, lifetimes()).prop_map(|(words, flag_type, lists, lifetime)| {
        let (key, description, owner) = words;
        let (variants, tags, services) = lists;
        FlagDefinition {
            key: FlagKey::new(&key),
            flag_type,
            variants: variants.into(),
            description,
            owner,
            tags,
            services,
            lifetime,
        }
    })
}

fn configurations() -> impl Strategy<Value = FlagConfiguration> {
    let switched = (boxed_texts(), any::<i64>(), any::<u64>()).prop_map(|(by, at, revision)| Switched {
        by,
        at: Timestamp::from_unix_micros(at),
        revision: Revision::new(revision),
    });
    let served = (variant_names(), variant_names(), rules(), serves());
    (any::<bool>(), served, option::of(some_texts()), option::of(switched)).prop_map(
        |(enabled, served, salt, switched)| {
            let (off_variant, default_variant, rules, default_serve) = served;
            FlagConfiguration { enabled, off_variant, default_variant, rules, default_serve, salt, switched }
        },
    )
}

proptest! {
    #[test]
    fn a_change_set_survives(change_set in change_sets()) {
        let bytes = change_set_to_wire(&change_set).encode_to_vec();
        let wire = v1::ChangeSet::decode(bytes.as_slice()).unwrap();
        assert_eq!(change_set_from_wire(&wire), Ok(change_set));
    }

    #[test]
    fn a_definition_and_a_configuration_survive(
        definition in definitions(),
        configuration in configurations(),
    ) {
        let wire = definition_to_wire(&definition);
        assert_eq!(definition_from_wire("definition", &wire), Ok(definition));
        let wire = configuration_to_wire(&configuration);
        assert_eq!(configuration_from_wire("configuration", &wire), Ok(configuration));
    }

    #[test]
    fn an_effective_flag_survives(definition in definitions(), configuration in configurations()) {
        let flag = EffectiveFlag::of(&definition, &configuration);
        let bytes = effective_flag_to_wire(&flag).encode_to_vec();
        let wire = v1::EffectiveFlag::decode(bytes.as_slice()).unwrap();
        assert_eq!(effective_flag_from_wire(&wire), Ok(flag));
    }

    #[test]
    fn a_context_survives(key in texts(), attributes in btree_map(boxed_texts(), values(), 0..5)) {
        let attributes = attributes.into_iter().filter(|(_, value)| value.is_finite());
        let context = attributes.fold(Context::new(&key), |context, (name, value)| context.with(&name, value));
        assert_eq!(context_from_wire("context", &context_to_wire(&context)), Ok(context));
    }

    #[test]
    fn parts_survive_on_their_own(value in values(), serve in serves(), rules in rules()) {
        assert_eq!(value_from_wire("value", &value_to_wire(&value)), Ok(value));
        assert_eq!(serve_from_wire("serve", &serve_to_wire(&serve)), Ok(serve));
        for rule in rules {
            assert_eq!(rule_from_wire("rule", &rule_to_wire(&rule)), Ok(rule.clone()));
            let wire = condition_to_wire(&rule.condition);
            assert_eq!(condition_from_wire("condition", &wire), Ok(rule.condition));
        }
    }

    #[test]
    fn whatever_decodes_is_converted_or_refused_with_a_reason(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(wire) = v1::ChangeSet::decode(bytes.as_slice())
            && let Err(rejection) = change_set_from_wire(&wire)
        {
            assert!(!rejection.violations.is_empty());
        }
    }
}

#[test]
fn a_record_shows_its_writes() {
    let environment = EnvironmentKey::new("production");
    let id = EntityId::Configuration(environment.clone(), FoldedKey::of("oracle.chat"));
    let settings = Settings { bucketing: Generation::V2 };
    let write = |id, value| Write { id, value };
    let record = Record {
        revision: Revision::new(4),
        committed_at: Timestamp::from_unix_micros(1_500_000),
        change_set: ChangeSet::default(),
        writes: vec![
            write(EntityId::Settings, Some(Entity::Settings(settings))),
            write(
                EntityId::Environment(environment.clone()),
                Some(Entity::Environment(Environment { key: environment, position: 1 })),
            ),
            write(id, None),
        ],
        idempotency_key: Box::from("once"),
    };
    let wire = record_to_wire(&record, bytes::Bytes::from_static(b"hash"));
    let shown: Vec<_> =
        wire.writes.iter().map(|write| (write.entity.as_str(), write.value.clone())).collect();
    let settings = v1::write::Value::Settings(v1::StoreSettings { bucketing: 2 });
    let environment =
        v1::write::Value::Environment(v1::Environment { position: 1, key: "production".to_owned() });
    assert_eq!(
        shown,
        [
            ("settings", Some(settings)),
            ("environment/production", Some(environment)),
            ("configuration/production/oracle_chat", None),
        ]
    );
    assert_eq!((wire.revision, wire.idempotency_key.as_str()), (4, "once"));
    assert_eq!(wire.chain_hash, b"hash"[..]);
    assert_eq!(wire.committed_at.unwrap().nanos, 500_000_000);
}
