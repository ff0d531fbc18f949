//! What a latch refuses, of whom, and until when.

use super::*;
use crate::condition::Condition;
use crate::flag::{Rule, Serve};
use crate::key::VariantName;

fn tripped() -> World {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.measures("error_rate", 12.4);
    world
}

#[test]
fn a_raise_is_refused_with_what_to_do_about_it() {
    let mut world = tripped();
    let words = world.refuses(rollout("dreams", 50.0), Reason::FlagLatched);
    for part in [
        "guard errors took it back at 2026-12-01T10:00:00Z",
        "error_rate > 10% over 5m (12.4%)",
        "mycelia-flags guard ack errors --cause",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn no_change_goes_around_it() {
    let mut world = tripped();
    let serve = Serve::Variant(VariantName::new("on"));
    for change in [
        Change::Enable(place("dreams")),
        Change::SetDefaultServe { place: place("dreams"), serve },
        Change::SetOffVariant { place: place("dreams"), variant: "on".to_owned() },
        Change::SetOverride {
            place: place("dreams"),
            service: "ui".to_owned(),
            variant: "on".to_owned(),
            seconds: 60,
        },
        Change::DeleteFlag { flag: "dreams".to_owned(), force: true },
    ] {
        let rejection = world.try_ask(change.clone()).unwrap_err();
        let is_latched = |violation: &crate::rejection::Violation| {
            matches!(violation.reason, Reason::FlagLatched | Reason::FlagInUse)
        };
        assert!(rejection.violations.iter().all(is_latched), "{change:?}: {rejection}");
    }
    // What makes it safer, and what is elsewhere, is nobody's concern.
    world.ask(Change::Disable(place("dreams")));
    world.ask(Change::Enable(Place { environment: "staging".to_owned(), flag: "dreams".to_owned() }));
    world.ask(rollout("whispers", 50.0));
}

#[test]
fn the_servers_own_plans_meet_it_too() {
    let mut world = World::new();
    half(&mut world);
    world.ask(Change::ActOnPlan { plan: "halves".to_owned(), act: PlanAct::Cancel });
    world.ask(guard("error_rate > 10% over 300s", disable()));
    world.measures("error_rate", 12.4);
    world.values.now.clear();
    world.ask(Change::DeletePlan { plan: "halves".to_owned() });
    let raise = Change::Rollout { place: place("dreams"), percent: 50.0, enable: true };
    let refused = world.commit(Origin::Control, "", vec![raise]).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::FlagLatched);
}

#[test]
fn an_undo_of_the_trip_is_a_raise() {
    let mut world = tripped();
    let record = world.records.last().unwrap().clone();
    let earlier: Vec<_> = record
        .writes
        .iter()
        .map(|write| {
            let older = world.records.iter().rev().skip(1).flat_map(|record| record.writes.iter().rev());
            let known = older.clone().find(|known| known.id == write.id).cloned();
            known.unwrap_or(crate::entity::Write { id: write.id.clone(), value: None })
        })
        .collect();
    let undone = Undone {
        revision: record.revision,
        writes: record.writes.clone(),
        before: earlier,
        since: BTreeMap::new(),
    };
    let undo = || vec![Change::Undo { revision: record.revision }];
    let refused =
        world.commit_undoing(Origin::Caller, "", undo(), std::slice::from_ref(&undone)).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::FlagLatched);
    world.values.now.clear();
    world.acknowledge();
    world.commit_undoing(Origin::Caller, "", undo(), &[undone]).unwrap();
    world.serves("dreams", "100%");
    world.is(GuardPhase::Acknowledged);
}

#[test]
fn an_acknowledgement_needs_a_cause_and_a_latch() {
    let mut world = tripped();
    let acknowledge = || Change::AcknowledgeGuard(AcknowledgeGuard::Guard("errors".to_owned()));
    let refused = world.commit(Origin::Caller, " ", vec![acknowledge()]).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::Required);
    world.acknowledge();
    assert_eq!(&*world.state().acknowledged.unwrap().note, "a test");
    world.refuses(acknowledge(), Reason::GuardState);
    let of = |flag: &str| {
        let (environment, flag) = ("production".to_owned(), flag.to_owned());
        Change::AcknowledgeGuard(AcknowledgeGuard::OfFlag { environment, flag })
    };
    world.refuses(of("dreams"), Reason::GuardState);
    world.refuses(of("nothing"), Reason::UnknownFlag);
}

#[test]
fn a_flag_is_acknowledged_with_every_guard_that_holds_it() {
    let mut world = tripped();
    world.ask(Change::AcknowledgeGuard(AcknowledgeGuard::OfFlag {
        environment: "production".to_owned(),
        flag: "dreams".to_owned(),
    }));
    world.is(GuardPhase::Acknowledged);
}

#[test]
fn whoever_acknowledges_may_raise_in_the_same_change_set() {
    let mut world = tripped();
    let acknowledge = Change::AcknowledgeGuard(AcknowledgeGuard::Guard("errors".to_owned()));
    world.commit(Origin::Caller, "a slow disk", vec![acknowledge, rollout("dreams", 1.0)]).unwrap();
    world.serves("dreams", "1%");
}

#[test]
fn after_an_acknowledgement_the_old_window_does_not_count_and_then_it_watches_again() {
    let mut world = tripped();
    world.acknowledge();
    world.ask(rollout("dreams", 100.0));
    world.pass(299);
    world.serves("dreams", "100%");
    world.pass(1);
    world.serves("dreams", "disabled");
    assert_eq!(world.state().trips, 2);
    // Once it was well in between, it need not wait.
    world.measures("error_rate", 1.0);
    world.acknowledge();
    world.go_on();
    world.is(GuardPhase::Quiet);
    world.ask(rollout("dreams", 100.0));
    world.measures("error_rate", 11.0);
    world.serves("dreams", "disabled");
}

#[test]
fn while_the_ladder_goes_down_nothing_is_acknowledged() {
    let mut world = World::guarded("error_rate > 10% over 300s", ladder());
    world.measures("error_rate", 12.0);
    let acknowledge = Change::AcknowledgeGuard(AcknowledgeGuard::Guard("errors".to_owned()));
    let words = world.refuses(acknowledge, Reason::GuardState);
    assert!(words.contains("mycelia-flags plan go rollback.errors"), "{words}");
    world.ask(Change::ActOnPlan { plan: "rollback.errors".to_owned(), act: PlanAct::Go });
    world.acknowledge();
    world.ask(rollout("dreams", 60.0));
}

#[test]
fn a_latched_guard_is_deleted_by_force_only_and_with_a_reason() {
    let mut world = tripped();
    let delete = |force| Change::DeleteGuard { guard: "errors".to_owned(), force };
    world.refuses(delete(false), Reason::GuardState);
    let refused = world.commit(Origin::Caller, "", vec![delete(true)]).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::Required);
    world.ask(delete(true));
    world.ask(rollout("dreams", 50.0));
    world.refuses(delete(true), Reason::UnknownGuard);
}

#[test]
fn setting_a_guard_anew_ends_no_latch() {
    let mut world = tripped();
    world.ask(guard("error_rate > 90% over 300s", disable()));
    world.is(GuardPhase::Latched);
    world.refuses(rollout("dreams", 50.0), Reason::FlagLatched);
    let elsewhere = SetGuard { environment: "staging".to_owned(), ..asked("error_rate > 90%", disable()) };
    world.refuses(Change::SetGuard(Box::new(elsewhere)), Reason::GuardState);
}

#[test]
fn canary_mode_gives_nobody_what_is_latched() {
    let kind = GuardAction::Rollback(RollbackKind::ToZero);
    let mut world = World::guarded("error_rate > 10% over 300s", kind);
    world.measures("error_rate", 12.0);
    world.serves("dreams", "0%");
    let on = || Change::SwitchCanary { environment: "production".to_owned(), on: true };
    world.refuses(on(), Reason::FlagLatched);
    world.acknowledge();
    world.ask(on());
}

/// Who is in a segment by name, or on the allowlist.
fn listed(list: &str, add: &[&str], remove: &[&str]) -> Change {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    Change::EditList {
        environment: "production".to_owned(),
        list: list.to_owned(),
        add: keys(add),
        remove: keys(remove),
    }
}

#[test]
fn nobody_is_added_to_those_who_kept_a_latched_flag() {
    let mut world = World::new();
    let rule = |segment: &str| Rule {
        name: Box::from(segment),
        condition: Condition::Segment(SegmentKey::new(segment)),
        serve: Serve::Variant(VariantName::new("on")),
    };
    let rules = vec![rule("B"), rule("A")];
    world.ask(Change::SetRules { place: place("dreams"), rules });
    world.ask(listed("segment/A/included", &["ada"], &[]));
    let kind = RollbackKind::Segments(vec![SegmentKey::new("B")]);
    world.ask(guard("error_rate > 10% over 300s", GuardAction::Rollback(kind)));
    world.measures("error_rate", 12.0);
    world.is(GuardPhase::Latched);

    let words = world.refuses(listed("segment/A/included", &["ben", "cy"], &[]), Reason::FlagLatched);
    for part in ["what gives nobody dreams", "guard errors took it back", "guard ack errors --cause"] {
        assert!(words.contains(part), "{words}");
    }
    // Whoever leaves loses, and a segment that no rule of the flag names concerns nobody.
    world.ask(listed("segment/A/excluded", &["dan"], &[]));
    world.refuses(listed("segment/A/excluded", &[], &["dan"]), Reason::FlagLatched);
    world.ask(listed("segment/A/included", &[], &["ada"]));
    world.ask(listed("segment/C/included", &["ben"], &[]));
    let edited = |description: &str, condition: Option<Condition>| {
        Change::SetSegment(SetSegment {
            environment: "production".to_owned(),
            segment: "A".to_owned(),
            description: description.to_owned(),
            condition,
            ..SetSegment::default()
        })
    };
    world.ask(edited("others", None));
    world.refuses(edited("others", Some(Condition::All(Vec::new()))), Reason::FlagLatched);
    world.acknowledge();
    world.ask(listed("segment/A/included", &["ben"], &[]));
}

#[test]
fn nobody_comes_onto_the_allowlist_while_the_canary_keeps_a_latched_flag() {
    let mut world = World::guarded("error_rate > 10% over 300s", GuardAction::Rollback(RollbackKind::ToZero));
    world.ask(Change::SwitchCanary { environment: "production".to_owned(), on: true });
    world.measures("error_rate", 12.0);
    world.is(GuardPhase::Latched);
    world.refuses(listed("canary", &["ada"], &[]), Reason::FlagLatched);
    world.acknowledge();
    world.ask(listed("canary", &["ada"], &[]));
}
