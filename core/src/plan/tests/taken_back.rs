//! Plans that are taken back: how long that took, and flags that somebody takes back in an emergency.

use super::super::rollback_length::RollbackLength;
use super::super::{Ladder, RollbackKind};
use super::*;

/// What is said of the plan's last rollback.
fn length(world: &World) -> Option<String> {
    RollbackLength::of(&world.progress(), world.now).map(|length| length.to_string())
}

#[test]
fn the_length_of_a_rollback_is_in_the_log_beside_what_its_stage_allows() {
    let quick = Stage { rollback_within_seconds: Some(1_500), ..percent(100.0) };
    let mut world = World::with(plan(vec![quick]));
    world.act("ana", PlanAct::Start);
    assert_eq!(length(&world), None);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    world.pass(600);
    assert_eq!(length(&world).unwrap(), "on its way down for 10m; the plan allows 25m");
    world.pass(600);
    assert_eq!(length(&world).unwrap(), "rolled back in 20m; the plan allows 25m: kept");
    world.pass(DAY);
    assert_eq!(length(&world).unwrap(), "rolled back in 20m; the plan allows 25m: kept", "it is over");
    world.act("ana", PlanAct::Acknowledge);
    world.act("ana", PlanAct::Resume);
    let slow = Ladder { percents: vec![50.0, 0.0], every_seconds: 1_600 };
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(slow)));
    world.jump(1_501);
    assert_eq!(length(&world).unwrap(), "on its way down for 25m 1s; the plan allows 25m: NOT kept");
    world.act("ben", PlanAct::Go);
    assert_eq!(length(&world).unwrap(), "rolled back in 25m 1s; the plan allows 25m: NOT kept");
    world.act("ben", PlanAct::RollBack(RollbackKind::Disable));
    assert_eq!(length(&world).unwrap(), "rolled back at once; the plan allows 25m: kept");
    let (plan, progress) = world.snapshot.plan(&key()).unwrap();
    let around = Surroundings { now: world.now, metrics: &NoMetrics, memory: &NoMemory };
    let report = super::super::report::markdown(plan, progress, &world.snapshot, &around, &[]);
    assert!(report.contains("\n**Rollback:** rolled back at once; the plan allows 25m: kept\n"), "{report}");
}

#[test]
fn a_rollback_that_was_given_up_on_its_way_has_no_length() {
    let mut world = World::with(plan(vec![percent(100.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    world.act("ben", PlanAct::Cancel);
    assert_eq!(length(&world), None);
}

fn emergency(flags: &[&str], kind: RollbackKind) -> Change {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Change::RollBack { environment: "production".to_owned(), flags, kind }
}

#[test]
fn taking_a_flag_back_takes_its_plan_back_in_the_same_record() {
    let before: [&[PlanAct]; 3] = [&[], &[PlanAct::Pause], &[PlanAct::NoGo]];
    for acts in before {
        let mut first = Stage { rollback_within_seconds: Some(60), ..percent(10.0) };
        first.set.push((FlagKey::new("whispers"), Target::Percent(100.0)));
        let mut world = World::with(plan(vec![first, percent(50.0)]));
        world.act("ana", PlanAct::Start);
        acts.iter().for_each(|act| world.act("ana", act.clone()));
        let before = world.records.len();
        let back = emergency(&["dreams"], RollbackKind::ToZero);
        let checked = world.commit(Origin::Caller, "ben", "errors", vec![back]).unwrap();
        assert_eq!(
            checked.warnings,
            [
                "plan plan drives dreams and is taken back too: nothing raises them until somebody acknowledges the cause \
              and resumes it"
            ]
        );
        world.go_on();
        assert_eq!(world.records.len(), before + 1);
        world.is(PlanState::Latched, 0);
        world.serves("dreams", "0%");
        world.serves("whispers", "100%");
        assert_eq!(&*world.progress().reason, "ben rolled dreams back beside the plan: errors");
        assert_eq!(length(&world).unwrap(), "rolled back at once; the plan allows 1m: kept");
        let raised = world.commit(Origin::Caller, "ana", "", vec![rollout("dreams", 5.0)]).unwrap_err();
        assert_eq!(raised.violations[0].reason, Reason::FlagUnderPlan);
        world.act("ana", PlanAct::Acknowledge);
        world.act("ana", PlanAct::Resume);
        world.is(PlanState::Holding, 0);
        world.serves("dreams", "10%");
    }
}

#[test]
fn an_emergency_keeps_the_cause_of_a_plan_that_is_back_already() {
    let mut world = World::with(plan(vec![percent(100.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    let warnings = world.ask(vec![emergency(&["dreams"], RollbackKind::Disable)]).warnings;
    assert_eq!(warnings, ["plan plan drives dreams; it is rolling back already"]);
    world.is(PlanState::RollingBack, 0);
    world.pass(HOUR);
    world.is(PlanState::Latched, 0);
    world.serves("dreams", "disabled");
    assert_eq!(&*world.progress().reason, "the foot of the ladder");
    let by = |world: &World| world.progress().rollback.unwrap().deed.by;
    assert!(world.ask(vec![emergency(&["dreams"], RollbackKind::ToZero)]).warnings.len() == 1);
    assert_eq!(&*by(&world), "ben");
    world.act("ana", PlanAct::Acknowledge);
    world.commit(Origin::Caller, "cleo", "", vec![emergency(&["dreams"], RollbackKind::ToZero)]).unwrap();
    assert_eq!(
        (&*by(&world), world.progress().acknowledged),
        ("cleo", None),
        "a new one, of which nobody knows"
    );
}

#[test]
fn an_emergency_elsewhere_leaves_the_plan_where_it_is() {
    let staging = EnvironmentKey::new("staging");
    let first = Stage { environment: Some(staging), ..percent(100.0) };
    let mut world = World::with(plan(vec![first, percent(10.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    world.is(PlanState::Holding, 1);
    let back = Change::RollBack {
        environment: "staging".to_owned(),
        flags: vec!["dreams".to_owned()],
        kind: RollbackKind::ToZero,
    };
    world.ask(vec![back]);
    world.is(PlanState::Holding, 1);
    assert_eq!(&*world.progress().drift[0].actual, "0%", "it is drift there");
    world.ask(vec![emergency(&["whispers"], RollbackKind::Disable)]);
    world.is(PlanState::Holding, 1);
}
