//! Laws of the conversions: there and back is the same, and what is wrong is named by its exact place.

mod changes;
mod guards;
mod models;
mod plans;
mod policies;
mod promotion;
mod violations;

use std::sync::Arc;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::ChangeSet;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::entity::{Entity, EntityId, Settings, Write};
use mycelia_flags_core::flag::{EffectiveFlag, Environment};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, SegmentKey};
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::segment::Segment;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::{any, proptest};
use prost::Message as _;

use self::changes::change_sets;
use self::models::{
    boxed_texts, canaries, configurations, definitions, features, list_edits, list_keys, rules, segments,
    serves, texts, values,
};
use self::policies::{policies, requests};
use super::*;
use crate::v1;
use crate::v1::write::Value as WriteValue;

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
        let bytes = definition_to_wire(&definition).encode_to_vec();
        let wire = v1::FlagDefinition::decode(bytes.as_slice()).unwrap();
        assert_eq!(definition_from_wire("definition", &wire), Ok(definition));
        let bytes = configuration_to_wire(&configuration).encode_to_vec();
        let wire = v1::FlagConfiguration::decode(bytes.as_slice()).unwrap();
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
    fn a_segment_survives_and_hides_its_description_from_subscribers(segment in segments()) {
        let bytes = segment_to_wire(&segment, true).encode_to_vec();
        let wire = v1::Segment::decode(bytes.as_slice()).unwrap();
        assert_eq!(segment_from_wire(&wire), Ok(segment.clone()));
        let sent = segment_from_wire(&segment_to_wire(&segment, false));
        assert_eq!(sent, Ok(Segment { description: Box::default(), ..segment }));
    }

    #[test]
    fn a_canary_switch_and_a_feature_survive(canary in canaries(), feature in features()) {
        let bytes = canary_to_wire(&canary).encode_to_vec();
        let wire = v1::Canary::decode(bytes.as_slice()).unwrap();
        assert_eq!(canary_from_wire(&wire), Ok(canary));
        let bytes = feature_to_wire(&feature).encode_to_vec();
        let wire = v1::Feature::decode(bytes.as_slice()).unwrap();
        assert_eq!(feature_from_wire("feature", &wire), Ok(feature));
    }

    #[test]
    fn a_list_and_its_edits_survive(
        list in list_keys(),
        keys in btree_set(texts(), 0..6),
        edit in list_edits(),
    ) {
        let set: KeySet = keys.iter().rev().collect();
        let wire = key_list_to_wire(&list, &set);
        assert!(wire.keys.iter().eq(&keys), "the keys are in order");
        assert_eq!(key_list_from_wire(&wire), Ok((list.clone(), set)));
        let bytes = list_edit_to_wire(&list, &edit).encode_to_vec();
        let wire = v1::ListEdit::decode(bytes.as_slice()).unwrap();
        assert_eq!(list_edit_from_wire(&wire), Ok((list, edit)));
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
    fn every_kind_of_write_shows_its_value(
        definition in definitions(),
        configuration in configurations(),
        segment in segments(),
        canary in canaries(),
        feature in features(),
        policy in policies(),
        request in requests(),
    ) {
        let environment = || EnvironmentKey::new("production");
        let (flag, segment_key) = (FoldedKey::of("oracle.chat"), SegmentKey::new("beta"));
        let listed = EntityId::Listed(environment(), ListKey::Included(segment_key.clone()), Arc::from("anna"));
        check_write(
            EntityId::Flag(flag.clone()),
            "flag/oracle_chat",
            WriteValue::Flag(definition_to_wire(&definition)),
            Entity::Flag(Arc::new(definition)),
        );
        check_write(
            EntityId::Configuration(environment(), flag),
            "configuration/production/oracle_chat",
            WriteValue::Configuration(configuration_to_wire(&configuration)),
            Entity::Configuration(Arc::new(configuration)),
        );
        check_write(
            EntityId::Segment(environment(), segment_key),
            "segment/production/beta",
            WriteValue::Segment(segment_to_wire(&segment, true)),
            Entity::Segment(Arc::new(segment)),
        );
        check_write(
            EntityId::Canary(environment()),
            "canary/production",
            WriteValue::Canary(canary_to_wire(&canary)),
            Entity::Canary(canary),
        );
        check_write(
            listed,
            "list/production/segment/beta/included/anna",
            WriteValue::Listed(v1::Listed {}),
            Entity::Listed,
        );
        check_write(
            EntityId::Feature(feature.key.clone()),
            &format!("feature/{}", feature.key),
            WriteValue::Feature(feature_to_wire(&feature)),
            Entity::Feature(Arc::new(feature)),
        );
        check_write(
            EntityId::Policy(environment()),
            "policy/production",
            WriteValue::Policy(policy_to_wire(&policy)),
            Entity::Policy(Arc::new(policy)),
        );
        check_write(
            EntityId::ChangeRequest(request.id),
            &format!("request/{}", request.id),
            WriteValue::Request(request_to_wire(&request)),
            Entity::ChangeRequest(Arc::new(request)),
        );
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

#[track_caller]
fn check_write(id: EntityId, name: &str, expected: WriteValue, value: Entity) {
    let wire = write_to_wire(&Write { id, value: Some(value) });
    assert_eq!((wire.entity.as_str(), wire.value), (name, Some(expected)));
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
    let settings = WriteValue::Settings(v1::StoreSettings { bucketing: 2 });
    let environment = WriteValue::Environment(v1::Environment { position: 1, key: "production".to_owned() });
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
