//! What holds for whatever is asked, in whatever order.
//!
//! The change sets below are random, and wrong often enough: about one in four is granted.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::{
    ENVIRONMENTS, Store, create, create_text, rollout, rule, serve, set_variants, split_by, test, texts,
};
use crate::change::{Change, CreateFlag, Place, UpdateFlag};
use crate::compiled::{Around, CompiledFlag};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::flag::{Rule, Serve};
use crate::key::{EnvironmentKey, FoldedKey};
use crate::record::Record;
use crate::revision::Revision;
use crate::snapshot::{GapError, Snapshot};
use crate::value::{FlagType, Value};

/// Spellings of four flags; three of the flags are there from the beginning.
const FLAGS: [&str; 6] = ["dreams", "oracle.chat", "oracle_chat", "oracle-chat", "voice", "limit"];
const VARIANTS: [&str; 5] = ["on", "off", "a", "b", "constructor"];
const ATTRIBUTES: [&str; 5] = ["country", "age", "app.version", "targetingKey", "born"];

fn flag() -> impl Strategy<Value = String> {
    select(&FLAGS[..]).prop_map(str::to_owned)
}

fn variant() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => select(&VARIANTS[..2]), 1 => select(&VARIANTS[..])]
}

fn place() -> impl Strategy<Value = Place> {
    let environment = prop_oneof![19 => select(&ENVIRONMENTS[..]), 1 => Just("moon")];
    (environment, flag()).prop_map(|(environment, flag)| Place { environment: environment.to_owned(), flag })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec!["DE", "1.2.3", "v2", "2026-11-21T09:00:00Z", "user-7", ""]).prop_map(Value::string),
        (0_i64..100).prop_map(Value::Integer),
        (-5.0..5.0).prop_map(Value::Float),
        any::<bool>().prop_map(Value::Boolean),
        Just(Value::Null),
        Just(Value::Float(f64::NAN)),
        Just(Value::List(vec![Value::string("DE"), Value::Integer(7)])),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let attribute = select(&ATTRIBUTES[..]);
    let operator = select(&Operator::ALL[..]);
    let any = (attribute.clone(), operator, vec(value(), 0..3))
        .prop_map(|(attribute, operator, operands)| test(attribute, operator, &operands));
    let right = select(vec![
        (Operator::Equals, Value::Boolean(true)),
        (Operator::In, Value::Integer(7)),
        (Operator::Contains, Value::string("")),
        (Operator::StartsWith, Value::string("user-1")),
        (Operator::Less, Value::Float(0.5)),
        (Operator::VersionGreaterOrEqual, Value::string("1.2")),
        (Operator::Before, Value::string("2026-11-21T09:00:00+01:00")),
    ]);
    let right =
        (attribute, right).prop_map(|(attribute, (operator, operand))| test(attribute, operator, &[operand]));
    prop_oneof![6 => right, 1 => any, 2 => Just(Condition::always())].prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner, 0..3).prop_map(Condition::Any),
        ]
    })
}

pub(super) fn any_serve() -> impl Strategy<Value = Serve> {
    let weight = prop_oneof![Just(0), Just(100_000), 0_u32..=100_000];
    let attribute = prop_oneof![Just(None), select(&ATTRIBUTES[..]).prop_map(Some)];
    let halves = (variant(), variant(), weight, attribute).prop_map(|(one, other, weight, attribute)| {
        split_by(attribute, &[(one, weight), (other, 100_000 - weight)])
    });
    let wrong = Just(split_by(None, &[("on", 7)]));
    prop_oneof![9 => variant().prop_map(serve), 9 => halves, 1 => wrong]
}

pub(super) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (condition(), any_serve()).prop_map(|(condition, serve)| rule(condition, serve));
    vec(rule, 0..3)
}

fn variants() -> impl Strategy<Value = Vec<(String, Value)>> {
    let boolean =
        (variant(), any::<bool>()).prop_map(|(name, value)| (name.to_owned(), Value::Boolean(value)));
    prop_oneof![
        4 => Just(texts(&["off", "on", "b"])),
        2 => vec(variant(), 0..4).prop_map(|names| texts(&names)),
        1 => vec(boolean, 0..4),
        1 => Just(vec![("a".to_owned(), Value::Integer(7))]),
    ]
}

fn created() -> impl Strategy<Value = Change> {
    let flag_type = select(vec![FlagType::Boolean, FlagType::String, FlagType::Integer]);
    let named = prop_oneof![Just(""), variant()];
    let any = (flag(), flag_type, variants(), named.clone(), named);
    let any = any.prop_map(|(key, flag_type, variants, default_variant, off_variant)| CreateFlag {
        flag_type,
        variants,
        default_variant: default_variant.to_owned(),
        off_variant: off_variant.to_owned(),
        ..CreateFlag::boolean(&key)
    });
    prop_oneof![2 => flag().prop_map(|flag| create(&flag)), 1 => any.prop_map(Change::CreateFlag)]
}

/// A change that leaves a flag there, and the same however often it is made.
fn repeatable() -> impl Strategy<Value = Change> {
    let percent = prop_oneof![9 => (0_u32..=100).prop_map(f64::from), 1 => -5.0..120.0];
    let update = (flag(), select(vec!["ana", "b\0"])).prop_map(|(flag, owner)| UpdateFlag {
        flag,
        owner: Some(owner.to_owned()),
        ..UpdateFlag::default()
    });
    prop_oneof![
        place().prop_map(Change::Enable),
        place().prop_map(Change::Disable),
        (place(), percent, any::<bool>()).prop_map(|(place, percent, enable)| Change::Rollout {
            place,
            percent,
            enable
        }),
        (place(), any_serve()).prop_map(|(place, serve)| Change::SetDefaultServe { place, serve }),
        (place(), rules()).prop_map(|(place, rules)| Change::SetRules { place, rules }),
        (place(), variant())
            .prop_map(|(place, variant)| Change::SetOffVariant { place, variant: variant.to_owned() }),
        (place(), select(vec!["", "beta"]))
            .prop_map(|(place, salt)| Change::SetSalt { place, salt: salt.to_owned() }),
        (flag(), variants()).prop_map(|(flag, variants)| set_variants(&flag, variants)),
        update.prop_map(Change::UpdateFlag),
    ]
}

/// A change that may switch a flag, and often switches what another one has switched.
fn switch() -> impl Strategy<Value = Change> {
    let place = super::place("dreams");
    let rollout = Change::Rollout { place: place.clone(), percent: 10.0, enable: true };
    let switches = vec![Change::Enable(place.clone()), Change::Disable(place), rollout];
    prop_oneof![3 => select(switches), 1 => repeatable()]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let deleted = flag().prop_map(|flag| Change::DeleteFlag { flag, force: false });
    vec(prop_oneof![12 => repeatable(), 3 => created(), 1 => deleted], 1..4)
}

fn context() -> impl Strategy<Value = Context> {
    let key = prop_oneof![Just(String::new()), "user-[0-9]{1,3}"];
    (key, vec((select(&ATTRIBUTES[..]), value()), 0..4)).prop_map(|(key, attributes)| {
        let context = Context::new(&key);
        attributes.into_iter().fold(context, |context, (name, value)| context.with(name, value))
    })
}

/// Two boolean flags and a flag of texts, none of them ever enabled.
fn beginning() -> Store {
    Store::with(&[create("dreams"), create("oracle.chat"), create_text("voice", &["on", "a", "off"])])
}

fn history() -> impl Strategy<Value = Store> {
    vec(changes(), 0..12).prop_map(|sets| {
        let mut store = beginning();
        for set in sets {
            let held = store.snapshot.clone();
            if store.submit(&set).is_err() {
                assert_eq!(store.snapshot, held, "a refused change set changes nothing");
            }
        }
        store
    })
}

/// Every flag is configured in every environment, every configuration belongs to a flag, and all of them can be served.
fn check_sound(snapshot: &Snapshot, contexts: &[Context]) {
    let environments: Vec<EnvironmentKey> = snapshot.environments().cloned().collect();
    for (key, definition) in snapshot.flags() {
        assert_eq!(*key, definition.key.folded());
        for environment in &environments {
            let flag = snapshot.effective(environment, key).unwrap();
            let compiled = CompiledFlag::compile(&flag, snapshot.settings().bucketing).unwrap();
            for context in contexts {
                let served = compiled.evaluate(Around::nothing(), context);
                assert!(definition.variants.contains(served.variant));
                assert_eq!(served.variant.value.flag_type(), Some(definition.flag_type));
                assert!(flag.enabled || served.variant.name == flag.off_variant);
            }
        }
    }
    for spelling in FLAGS {
        let key = FoldedKey::of(spelling);
        let configured =
            environments.iter().filter(|environment| snapshot.configuration(environment, &key).is_some());
        let expected = if snapshot.flag(&key).is_some() { environments.len() } else { 0 };
        assert_eq!(configured.count(), expected);
    }
}

fn flag_of(change: &Change) -> FoldedKey {
    FoldedKey::of(match change {
        Change::CreateFlag(create) => &create.key,
        Change::UpdateFlag(update) => &update.flag,
        Change::DeleteFlag { flag, .. } | Change::SetVariants { flag, .. } => flag,
        Change::Enable(place) | Change::Disable(place) => &place.flag,
        Change::Rollout { place, .. }
        | Change::SetDefaultServe { place, .. }
        | Change::SetRules { place, .. }
        | Change::SetOffVariant { place, .. }
        | Change::SetSalt { place, .. } => &place.flag,
        other => panic!("{} is not among the generated changes", other.name()),
    })
}

fn record(revision: Revision) -> Record {
    let mut store = Store::new();
    store.submit(&[create("dreams"), rollout("dreams", 50.0)]).unwrap();
    let last = store.records.pop().unwrap();
    Record { revision, ..last }
}

proptest! {
    #[test]
    fn what_is_accepted_can_be_served_to_anybody(store in history(), contexts in vec(context(), 1..5)) {
        check_sound(&store.snapshot, &contexts);
    }

    #[test]
    fn replaying_the_log_gives_the_same_state(store in history()) {
        let mut replayed = Snapshot::default();
        for record in &store.records {
            prop_assert_eq!(replayed.fold(record), Ok(()));
        }
        prop_assert_eq!(&replayed, &store.snapshot);
        // A snapshot on the way is not moved by what came later.
        let (early, late) = store.records.split_at(store.records.len() / 2);
        let mut snapshot = Snapshot::default();
        early.iter().for_each(|record| snapshot.fold(record).unwrap());
        let (held, mut moved) = (snapshot.clone(), snapshot.clone());
        late.iter().for_each(|record| moved.fold(record).unwrap());
        prop_assert_eq!(snapshot, held);
        prop_assert_eq!(moved, store.snapshot);
    }

    #[test]
    fn a_gap_is_refused_and_changes_nothing(store in history(), found in 0_u64..30) {
        let next = store.snapshot.revision().next();
        let found = Revision::new(found);
        prop_assume!(found != next);
        let mut snapshot = store.snapshot.clone();
        let gap = GapError { held: store.snapshot.revision(), found };
        prop_assert_eq!(snapshot.fold(&record(found)), Err(gap));
        prop_assert_eq!(&snapshot, &store.snapshot);
        prop_assert_eq!(snapshot.fold(&record(next)), Ok(()));
    }

    #[test]
    fn every_write_is_a_difference(store in history(), changes in changes()) {
        if let Ok(checked) = store.check(&changes) {
            prop_assert!(checked.writes.is_sorted_by(|one, next| one.id < next.id));
            for write in checked.writes {
                prop_assert_ne!(store.snapshot.entity(&write.id), write.value);
            }
        }
    }

    #[test]
    fn asking_again_for_what_was_granted_writes_nothing(
        mut store in history(),
        mut changes in vec(repeatable(), 1..5),
    ) {
        // One change for each flag: two may undo each other.
        changes.sort_by_key(flag_of);
        changes.dedup_by_key(|change| flag_of(change));
        if store.submit(&changes).is_ok() {
            prop_assert_eq!(store.check(&changes).map(|checked| checked.writes), Ok(Vec::new()));
        }
    }

    #[test]
    fn who_switched_a_flag_last_is_known_until_it_is_switched_again(
        mut store in history(),
        changes in vec(switch(), 1..5),
    ) {
        let held = store.clone();
        if store.submit(&changes).is_ok() {
            for (key, _) in held.snapshot.flags() {
                for environment in ENVIRONMENTS {
                    let before = held.configuration(environment, key.as_str());
                    let after = store.configuration(environment, key.as_str());
                    if before.enabled == after.enabled && before.switched.is_some() {
                        prop_assert_eq!(before.switched, after.switched);
                    } else if before.enabled != after.enabled {
                        prop_assert_eq!(after.switched.unwrap().revision, store.snapshot.revision());
                    }
                }
            }
        }
    }

    #[test]
    fn a_set_is_granted_whole_or_not_at_all(store in history(), changes in changes()) {
        // One after the other, each in its own revision, the same would have been granted.
        let mut one_by_one = store.clone();
        let all = changes
            .iter()
            .all(|change| one_by_one.submit(std::slice::from_ref(change)).is_ok());
        prop_assert_eq!(store.check(&changes).is_ok(), all);
    }
}

/// Otherwise the laws above would be about nothing.
#[test]
fn the_random_change_sets_are_sometimes_right_and_sometimes_wrong() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut granted = 0;
    for _ in 0..400 {
        let changes = changes().new_tree(&mut runner).unwrap().current();
        granted += u32::from(beginning().submit(&changes).is_ok());
    }
    assert!((60..340).contains(&granted), "{granted} of 400");
}
