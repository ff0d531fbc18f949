//! The fold, one entity at a time. The laws of it stand in `check/tests/laws.rs`, beside the change sets that they need.

use std::sync::Arc;

use super::{GapError, Snapshot};
use crate::bucketing::Generation;
use crate::change::ChangeSet;
use crate::check::tests::{Store, create, enable, rollout, serve};
use crate::entity::{Entity, EntityId, Settings, Write};
use crate::flag::{Environment, FlagConfiguration};
use crate::key::{EnvironmentKey, FoldedKey, VariantName};
use crate::record::Record;
use crate::revision::{Revision, Timestamp};

fn production() -> EnvironmentKey {
    EnvironmentKey::new("production")
}

fn dreams() -> FoldedKey {
    FoldedKey::of("dreams")
}

fn record(revision: u64, writes: Vec<Write>) -> Record {
    Record {
        revision: Revision::new(revision),
        committed_at: Timestamp::default(),
        change_set: ChangeSet::default(),
        writes,
        idempotency_key: Box::from(""),
    }
}

fn write(id: EntityId, value: Option<Entity>) -> Write {
    Write { id, value }
}

/// Every kind of entity, with a value that no snapshot has by itself.
fn every_kind() -> Vec<(EntityId, Entity)> {
    let on = VariantName::new("on");
    let configuration = FlagConfiguration::dark(on.clone(), on);
    let flag = Arc::clone(Store::with(&[create("dreams")]).snapshot.flag(&dreams()).unwrap());
    let settings = Settings { bucketing: Generation::V2 };
    let moon = EnvironmentKey::new("moon");
    vec![
        (EntityId::Settings, Entity::Settings(settings)),
        (EntityId::Environment(moon.clone()), Entity::Environment(Environment { key: moon, position: 9 })),
        (EntityId::Flag(dreams()), Entity::Flag(flag)),
        (EntityId::Configuration(production(), dreams()), Entity::Configuration(Arc::new(configuration))),
    ]
}

/// Folding a record of this revision into a snapshot of that one.
#[track_caller]
fn check_gap(held: u64, found: u64) {
    let mut snapshot = Snapshot::default();
    for revision in 1..=held {
        snapshot.fold(&record(revision, Vec::new())).unwrap();
    }
    let before = snapshot.clone();
    let writes = every_kind().into_iter().map(|(id, value)| write(id, Some(value))).collect();
    let gap = snapshot.fold(&record(found, writes)).unwrap_err();
    let expected = GapError { held: Revision::new(held), found: Revision::new(found) };
    assert_eq!(gap, expected);
    assert_eq!(gap.to_string(), format!("revision {found} does not follow revision {held}"));
    assert_eq!(snapshot, before);
}

#[test]
fn a_record_that_does_not_follow_is_refused() {
    check_gap(0, 0);
    check_gap(0, 2);
    check_gap(3, 3);
    check_gap(3, 5);
    check_gap(3, 1);
    check_gap(3, u64::MAX);
}

#[test]
fn a_record_without_writes_still_moves_the_revision() {
    let mut snapshot = Store::new().snapshot;
    let held = snapshot.clone();
    snapshot.fold(&record(2, Vec::new())).unwrap();
    assert_eq!(snapshot.revision(), Revision::new(2));
    assert!(snapshot.environments().eq(held.environments()));
}

#[test]
fn what_is_written_is_read_and_what_is_removed_is_gone() {
    for (id, value) in every_kind() {
        let mut snapshot = Snapshot::default();
        let empty = snapshot.entity(&id);
        snapshot.fold(&record(1, vec![write(id.clone(), Some(value.clone()))])).unwrap();
        assert_eq!(snapshot.entity(&id), Some(value), "{id}");
        for (other, _) in every_kind().iter().filter(|(other, _)| *other != id) {
            assert_eq!(snapshot.entity(other), Snapshot::default().entity(other), "{id} and {other}");
        }
        snapshot.fold(&record(2, vec![write(id.clone(), None)])).unwrap();
        assert_eq!(snapshot.entity(&id), empty, "{id}");
    }
}

#[test]
fn of_two_writes_of_one_entity_the_last_one_stays() {
    let id = EntityId::Settings;
    let settings = |bucketing| Some(Entity::Settings(Settings { bucketing }));
    let writes = vec![write(id.clone(), settings(Generation::V3)), write(id, settings(Generation::V2))];
    let mut snapshot = Snapshot::default();
    snapshot.fold(&record(1, writes)).unwrap();
    assert_eq!(snapshot.settings().bucketing, Generation::V2);
}

#[test]
fn removing_what_is_not_there_is_no_fault() {
    let mut snapshot = Store::new().snapshot;
    let writes = vec![
        write(EntityId::Flag(dreams()), None),
        write(EntityId::Configuration(production(), dreams()), None),
    ];
    assert_eq!(snapshot.fold(&record(2, writes)), Ok(()));
}

#[test]
fn a_snapshot_is_not_moved_by_what_its_clones_do() {
    let mut store = Store::with(&[create("dreams")]);
    let held = store.snapshot.clone();
    store.submit(&[rollout("dreams", 50.0)]).unwrap();
    store.submit(&[create("whispers")]).unwrap();
    assert_eq!((held.revision().get(), held.flag_count()), (2, 1));
    let flag = held.effective(&production(), &dreams()).unwrap();
    assert_eq!((flag.enabled, flag.default_serve), (false, serve("on")));
}

#[test]
fn a_flag_is_seen_with_its_definition_and_its_configuration() {
    let mut snapshot = Store::with(&[create("dreams"), enable("dreams")]).snapshot;
    assert!(snapshot.effective(&production(), &dreams()).unwrap().enabled);
    assert_eq!(snapshot.effective(&EnvironmentKey::new("moon"), &dreams()), None);
    assert_eq!(snapshot.effective(&production(), &FoldedKey::of("Dreams")), None);
    let gone = write(EntityId::Configuration(production(), dreams()), None);
    snapshot.fold(&record(4, vec![gone])).unwrap();
    assert_eq!(snapshot.effective(&production(), &dreams()), None);
}

#[test]
fn everything_is_listed_in_the_order_of_its_keys() {
    let keys = ["oracle.chat", "Zebra", "dreams", "oracle-bone", "a"];
    let snapshot = Store::with(&keys.map(create)).snapshot;
    let environments: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
    assert_eq!(environments, ["development", "production", "staging"]);
    let all: Vec<&str> = snapshot.flags().map(|(key, _)| key.as_str()).collect();
    assert_eq!(all, ["Zebra", "a", "dreams", "oracle_bone", "oracle_chat"]);
    let after = |key| {
        let key = FoldedKey::of(key);
        let after = snapshot.flags_after(&key);
        after.map(|(key, _)| key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(after(""), all);
    assert_eq!(after("dreams"), ["oracle_bone", "oracle_chat"]);
    assert_eq!(after("oracle.bz"), ["oracle_chat"]);
    assert_eq!(after("oracle-chat"), [""; 0]);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "a value of another kind was written to settings")]
fn a_value_of_another_kind_is_a_broken_invariant() {
    let environment = Entity::Environment(Environment { key: production(), position: 2 });
    let mut snapshot = Snapshot::default();
    snapshot.put(&write(EntityId::Settings, Some(environment)));
}
