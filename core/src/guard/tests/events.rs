//! What people are told of guards.

use super::{GuardAction, SetGuard, World, asked, disable};
use crate::change::Change;
use crate::event::{Event, events_of};
use crate::incident::Severity;
use crate::snapshot::Snapshot;

/// The events since the guard was set, folded from the beginning of the log.
#[track_caller]
fn told(world: &World, expected: &[&str]) -> Vec<Event> {
    let (mut snapshot, mut events) = (Snapshot::default(), Vec::new());
    for record in &world.records {
        events.extend(events_of(record, &snapshot));
        snapshot.fold(record).unwrap();
    }
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, expected, "{events:#?}");
    events
}

#[test]
fn a_trip_is_told_with_its_evidence_and_what_became_of_it() {
    let mut world = World::new();
    let set = SetGuard { notify: vec!["ops".to_owned()], ..asked("error_rate > 10% over 300s", disable()) };
    world.ask(Change::SetGuard(Box::new(set)));
    world.measures("error_rate", 12.4);
    world.values.now.insert("error_rate", 0.5);
    world.pass(15 * 60);
    world.acknowledge();
    let events = told(&world, &["guard.tripped", "guard.recovery", "guard.acknowledged"]);
    assert_eq!((events[0].severity, events[0].flags[0].as_str()), (Severity::Critical, "dreams"));
    let condition = "error_rate > 10% over 5m";
    assert!(
        events[0].words.starts_with(&format!("guard errors: {condition} (12.4%): ")),
        "{}",
        events[0].words
    );
    assert_eq!(events[0].evidence[..2], ["error_rate = 12.4%".to_owned(), format!("condition: {condition}")]);
    assert!(events[0].evidence[2].starts_with("1000 samples from 2026-12-01T"), "{:?}", events[0].evidence);
    assert_eq!(events[0].evidence[3], "taken back: dreams (100%)");
    assert_eq!(
        (events[1].severity, &*events[1].words),
        (Severity::Info, "guard errors, after it acted: recovered")
    );
    assert_eq!(events[1].evidence, ["error_rate = 0.5%"]);
    assert!(events[2].words.contains("acknowledged by ana: a test"), "{}", events[2].words);
    assert!(events.iter().all(|event| *event.notify == [Box::from("ops")]));
}

#[test]
fn an_alert_is_told_at_its_edges() {
    let mut world = World::guarded("error_rate > 2% over 10m", GuardAction::Alert);
    for value in [3.0, 4.0, 1.0] {
        world.measures("error_rate", value);
    }
    let events = told(&world, &["guard.fired", "guard.recovery"]);
    assert_eq!(events[1].words, "guard errors is quiet again: error_rate > 2% over 10m");
}
