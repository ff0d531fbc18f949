//! When a guard would have acted, and what is said of it afterwards.

use super::*;
use crate::change::OpenIncident;
use crate::guard::Guard;
use crate::guard::replay::{Judgement, Replay, Replayed};

/// A metric over time: from so many seconds after the beginning on it is so much.
struct Recorded(Vec<(i64, Option<f64>)>);

impl Metrics for Recorded {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        let seconds = (asked.now.unix_micros() - START) / 1_000_000;
        match self.0.iter().rev().find(|(from, _)| *from <= seconds).and_then(|(_, value)| *value) {
            Some(value) if check.is_true_of(value) => Verdict::Met { value },
            Some(value) => Verdict::NotMet { value },
            None => Verdict::InsufficientData,
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(START + seconds * 1_000_000)
}

/// Bad from 7,200 s to 7,500 s after the beginning.
fn once() -> Recorded {
    Recorded(vec![(0, Some(0.0)), (7_200, Some(20.0)), (7_500, Some(0.0))])
}

/// Looks every minute for three hours, and judges at the end.
fn replay(world: &World, guard: &Guard, metrics: &Recorded) -> Replayed {
    let mut begin = Snapshot::default();
    let (mut records, mut minute) = (world.records.iter().peekable(), 61);
    while let Some(record) = records.next_if(|record| record.committed_at <= at(3_600)) {
        begin.fold(record).unwrap();
    }
    let mut replay = Replay::new(guard, begin);
    while minute <= 180 {
        while let Some(record) = records.next_if(|record| record.committed_at <= at(minute * 60)) {
            replay.fold(record).unwrap();
        }
        replay.look(metrics, at(minute * 60));
        minute += 1;
    }
    replay.end(world.now, 600)
}

/// What `deed` makes of a firing, some seconds after it began.
#[track_caller]
fn check(deed: impl FnOnce(&mut World), seconds: i64, expected: &str) {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.jump(7_200 + seconds - 3_600);
    deed(&mut world);
    world.now = at(10_800);
    let guard = Guard::clone(world.snapshot.guard(&GuardKey::new("errors")).unwrap());
    let replayed = replay(&world, &guard, &once());
    let [firing] = replayed.firings.as_slice() else { panic!("{replayed:?}") };
    assert_eq!((firing.from, firing.until), (at(7_200), Some(at(7_500))));
    assert_eq!((replayed.looks, replayed.unknown), (120, 0));
    let found = match &firing.judgement {
        Judgement::Confirmed(words) => format!("confirmed: {words}"),
        Judgement::Open(words) => format!("open: {words}"),
        other => format!("{other:?}"),
    };
    assert!(found.starts_with(expected), "{found}");
}

fn nothing(_world: &mut World) {}

fn lower(world: &mut World) {
    world.ask(rollout("dreams", 50.0));
}

fn trip(world: &mut World) {
    let observed = Observed { value: 20.0, measurement: None };
    let judged_at = world.snapshot.revision();
    world.step("errors", GuardStep::Trip { judged_at, observed }).unwrap();
}

#[test]
fn a_firing_that_nobody_did_anything_about_is_a_false_alarm() {
    check(nothing, 0, "FalseAlarm");
    check(|world| drop(world.ask(rollout("whispers", 0.0))), 60, "FalseAlarm");
    check(lower, 700, "FalseAlarm");
}

#[test]
fn what_people_did_in_time_confirms_it() {
    check(lower, 60, "confirmed: ana lowered dreams");
    // As long before it as the condition looks back: the window was slower than they were.
    check(lower, -200, "confirmed: ana lowered dreams");
    check(lower, -400, "FalseAlarm");
    check(|world| drop(world.ask(Change::Disable(place("dreams")))), 60, "confirmed: ana lowered dreams");
    let incident = |world: &mut World| {
        world.ask(Change::OpenIncident(OpenIncident {
            environment: "production".to_owned(),
            flags: vec!["dreams".to_owned()],
            severity: Severity::Warning,
            what: "slow".to_owned(),
        }));
    };
    check(incident, 60, "confirmed: ana opened incident");
}

#[test]
fn a_guard_confirms_nothing_by_itself() {
    check(trip, 0, "open: guard errors took dreams back");
    let acknowledged = |world: &mut World| {
        trip(world);
        world.acknowledge();
    };
    check(acknowledged, 0, "confirmed: guard errors took dreams back");
    let stated = |verdict: RecoveryVerdict| {
        move |world: &mut World| {
            trip(world);
            world.jump(900);
            let statement = super::super::state::Statement { verdict, value: Some(0.0), baseline: None };
            world.step("errors", GuardStep::StateRecovery { statement }).unwrap();
        }
    };
    check(stated(RecoveryVerdict::Recovered), 0, "confirmed: guard errors took dreams back");
    check(stated(RecoveryVerdict::NotCaused), 0, "FalseAlarm");
    check(stated(RecoveryVerdict::InsufficientData), 0, "open");
}

#[test]
fn a_guard_does_not_fire_where_nobody_has_the_feature_and_does_as_soon_as_somebody_has() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.ask(Change::Disable(place("dreams")));
    world.jump(7_320 - 3_600);
    world.ask(rollout("dreams", 10.0));
    world.now = at(10_800);
    let guard = Guard::clone(world.snapshot.guard(&GuardKey::new("errors")).unwrap());
    let replayed = replay(&world, &guard, &once());
    let [idle, firing] = replayed.firings.as_slice() else { panic!("{replayed:?}") };
    assert_eq!((&idle.judgement, idle.until), (&Judgement::NobodyHadIt, Some(at(7_320))));
    assert_eq!((&firing.judgement, firing.from), (&Judgement::FalseAlarm, at(7_320)));
    // Not knowing begins and ends nothing.
    let gaps = Recorded(vec![(0, None), (7_200, Some(20.0)), (7_260, None), (7_500, Some(20.0))]);
    let alert = Guard { action: GuardAction::Alert, ..guard };
    let replayed = replay(&world, &alert, &gaps);
    assert_eq!(replayed.firings.len(), 1);
    assert_eq!(replayed.firings.iter().map(|firing| firing.until).collect::<Vec<_>>(), [None]);
    assert_eq!(replayed.unknown, 59 + 4);
}

#[test]
fn it_is_too_early_to_say_while_somebody_may_still_do_something() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.now = at(10_800);
    let guard = Guard::clone(world.snapshot.guard(&GuardKey::new("errors")).unwrap());
    let late = Recorded(vec![(0, Some(0.0)), (10_500, Some(20.0))]);
    let replayed = replay(&world, &guard, &late);
    assert!(matches!(replayed.firings.first().unwrap().judgement, Judgement::Open(_)), "{replayed:?}");
}
