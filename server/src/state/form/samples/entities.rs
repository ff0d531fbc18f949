//! Writes to entities of every kind.

use std::sync::Arc;

use mycelia_flags_core::entity::{Entity, EntityId, Settings, Write};
use mycelia_flags_core::flag::{
    Canary, Environment, Feature, FlagConfiguration, FlagDefinition, Prerequisite, ServiceOverride, Switched,
    Variant,
};
use mycelia_flags_core::key::{
    EnvironmentKey, FeatureKey, FlagKey, FoldedKey, PlanKey, SegmentKey, ServiceName,
};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::segment::{Segment, Share};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{
    canary_part, condition, flag_type, generation, lifetime, moment, name, plans, policies, rule, serve,
    text, value,
};

/// One write, or a run of writes to one list.
pub(super) fn writes() -> BoxedStrategy<Vec<Write>> {
    prop_oneof![
        2 => of_flags().prop_map(one),
        2 => of_audiences().prop_map(one),
        1 => of_a_list(),
        1 => of_plans().prop_map(one),
        1 => policies::write().prop_map(one),
        1 => super::promotion::write().prop_map(one),
        1 => super::guards::write().prop_map(one),
    ]
    .boxed()
}

fn one(write: Write) -> Vec<Write> {
    vec![write]
}

fn of_flags() -> BoxedStrategy<Write> {
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
    .boxed()
}

fn of_audiences() -> BoxedStrategy<Write> {
    prop_oneof![
        (environment(), segment(), any::<bool>()).prop_map(|(environment, segment, there)| Write {
            id: EntityId::Segment(environment, segment.key.clone()),
            value: there.then(|| Entity::Segment(Arc::new(segment))),
        }),
        (environment(), option::of((any::<bool>(), option::of(switched())))).prop_map(
            |(environment, value)| Write {
                id: EntityId::Canary(environment),
                value: value.map(|(on, switched)| Entity::Canary(Canary { on, switched })),
            }
        ),
        (feature(), any::<bool>()).prop_map(|(feature, there)| Write {
            id: EntityId::Feature(feature.key.clone()),
            value: there.then(|| Entity::Feature(Arc::new(feature))),
        }),
    ]
    .boxed()
}

fn of_plans() -> impl Strategy<Value = Write> {
    prop_oneof![
        (plans::definition(), any::<bool>()).prop_map(|(plan, there)| Write {
            id: EntityId::Plan(plan.key.clone()),
            value: there.then(|| Entity::Plan(Arc::new(plan))),
        }),
        (text(), option::of(plans::progress())).prop_map(|(key, progress)| Write {
            id: EntityId::Progress(PlanKey::new(&key)),
            value: progress.map(|progress| Entity::Progress(Arc::new(progress))),
        }),
    ]
}

/// Few different lists, so that two runs that meet are often of the same one.
fn of_a_list() -> impl Strategy<Value = Vec<Write>> {
    let segment = || text().prop_map(|key| SegmentKey::new(&key));
    let list = prop_oneof![
        3 => Just(ListKey::Canary),
        1 => segment().prop_map(ListKey::Included),
        1 => segment().prop_map(ListKey::Excluded),
    ];
    let environment = prop_oneof![3 => Just(EnvironmentKey::new("production")), 1 => environment()];
    (environment, list, vec((text(), any::<bool>()), 1..6)).prop_map(|(environment, list, keys)| {
        let write = |(key, on): (String, bool)| Write {
            id: EntityId::Listed(environment.clone(), list.clone(), Arc::from(key)),
            value: on.then_some(Entity::Listed),
        };
        keys.into_iter().map(write).collect()
    })
}

fn environment() -> impl Strategy<Value = EnvironmentKey> {
    text().prop_map(|key| EnvironmentKey::new(&key))
}

fn definition() -> impl Strategy<Value = FlagDefinition> {
    let variant = (name(), value()).prop_map(|(name, value)| Variant { name, value });
    let texts = (text(), text(), text(), option::of(text()));
    let rest = (vec(text(), 0..3), vec(service(), 0..3), lifetime(), option::of(moment()), any::<bool>());
    (texts, flag_type(), vec(variant, 0..4), rest, option::of(switched())).prop_map(
        |((key, description, owner, schema), flag_type, variants, rest, archived)| {
            let (tags, services, lifetime, expected_end, client_visible) = rest;
            FlagDefinition {
                key: FlagKey::new(&key),
                flag_type,
                variants: variants.into(),
                description: description.into(),
                owner: owner.into(),
                tags: tags.into_iter().map(Box::from).collect(),
                services,
                lifetime,
                expected_end,
                schema: schema.map(Box::from),
                archived,
                client_visible,
            }
        },
    )
}

fn configuration() -> BoxedStrategy<FlagConfiguration> {
    let variants = (name(), name());
    let decides = (vec(rule(), 0..3), serve(), option::of(text()), option::of(text()));
    let around = (vec(prerequisite(), 0..3), canary_part(), vec(detached(), 0..3));
    let acts = (option::of(switched()), option::of(switched()));
    (any::<bool>(), variants, decides, acts, around)
        .prop_map(|(enabled, (off_variant, default_variant), decides, (switched, raised), around)| {
            let (rules, default_serve, salt, targeting) = decides;
            let (prerequisites, canary, overrides) = around;
            FlagConfiguration {
                enabled,
                off_variant,
                default_variant,
                rules,
                default_serve,
                salt: salt.map(Box::from),
                switched,
                prerequisites,
                canary,
                overrides,
                targeting: targeting.map(Box::from),
                raised,
            }
        })
        .boxed()
}

fn prerequisite() -> impl Strategy<Value = Prerequisite> {
    (text(), vec(name(), 0..3))
        .prop_map(|(flag, variants)| Prerequisite { flag: FlagKey::new(&flag), variants })
}

fn detached() -> impl Strategy<Value = ServiceOverride> {
    (service(), name(), moment(), switched())
        .prop_map(|(service, variant, expires_at, set)| ServiceOverride { service, variant, expires_at, set })
}

fn segment() -> impl Strategy<Value = Segment> {
    let share = (text(), any::<u32>(), any::<u32>()).prop_map(|(salt, from, to)| Share {
        salt: salt.into(),
        from,
        to,
    });
    (text(), text(), option::of(condition()), option::of(share)).prop_map(
        |(key, description, condition, share)| Segment {
            key: SegmentKey::new(&key),
            description: description.into(),
            condition,
            share,
        },
    )
}

fn feature() -> impl Strategy<Value = Feature> {
    (text(), text(), vec(text(), 0..4)).prop_map(|(key, description, flags)| Feature {
        key: FeatureKey::new(&key),
        description: description.into(),
        flags: flags.iter().map(|flag| FlagKey::new(flag)).collect(),
    })
}

pub(super) fn switched() -> impl Strategy<Value = Switched> {
    (text(), moment(), any::<u64>()).prop_map(|(by, at, revision)| Switched {
        by: by.into(),
        at,
        revision: Revision::new(revision),
    })
}

fn service() -> impl Strategy<Value = ServiceName> {
    text().prop_map(|name| ServiceName::new(&name))
}
