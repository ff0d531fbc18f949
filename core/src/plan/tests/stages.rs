//! Stages one after the other: by time, by date, through gates.

use super::*;
use crate::key::VariantName;
use crate::value::{FlagType, Value};

#[test]
fn an_ordinary_ramp_goes_from_stage_to_stage_and_ends() {
    let mut world = World::with(plan(vec![percent(1.0), percent(10.0), percent(100.0)]));
    world.is(PlanState::Draft, 0);
    world.serves("dreams", "disabled");
    world.act("ana", PlanAct::Start);
    world.is(PlanState::Holding, 0);
    world.serves("dreams", "1%");
    world.pass(HOUR - 1);
    world.is(PlanState::Holding, 0);
    world.pass(1);
    world.is(PlanState::Holding, 1);
    world.serves("dreams", "10%");
    world.pass(2 * HOUR);
    world.is(PlanState::Completed, 2);
    world.serves("dreams", "100%");
    let entered: Vec<u32> = world.progress().entered.iter().map(|entry| entry.stage).collect();
    assert_eq!(entered, [0, 1, 2]);
}

#[test]
fn dated_stages_begin_on_their_day() {
    let stages = vec![on_day(1, 25.0), on_day(3, 50.0), on_day(5, 75.0), on_day(7, 100.0)];
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    for (day, serves) in [(1, "25%"), (2, "25%"), (3, "50%"), (4, "50%"), (5, "75%"), (6, "75%"), (7, "100%")]
    {
        world.serves("dreams", serves);
        assert_eq!(
            world.snapshot.plan(&key()).unwrap().0.day_at(Timestamp::from_unix_micros(START), world.now),
            day
        );
        world.pass(DAY);
    }
    world.is(PlanState::Completed, 3);
}

#[test]
fn the_first_day_may_be_called_zero() {
    let definition = PlanDefinition { first_day: 0, ..plan(vec![on_day(0, 10.0), on_day(3, 50.0)]) };
    let mut world = World::with(definition);
    world.act("ana", PlanAct::Start);
    world.pass(3 * DAY - 1);
    world.serves("dreams", "10%");
    world.pass(1);
    world.serves("dreams", "50%");
}

#[test]
fn a_plan_with_a_date_starts_by_itself() {
    let starts_at = Some(Timestamp::from_unix_micros(START + 3_600_000_000));
    let mut world = World::with(PlanDefinition { starts_at, ..plan(vec![percent(10.0)]) });
    world.pass(HOUR - 1);
    world.is(PlanState::Draft, 0);
    world.pass(1);
    world.is(PlanState::Holding, 0);
}

#[test]
fn a_stage_sets_each_kind_of_target() {
    let targets = [
        (Target::Percent(12.5), "12.5%"),
        (Target::Band { from: 40.0, to: 50.0 }, "40%"),
        (matrix(&[("A", 100.0), ("B", 75.0), ("C", 0.0)], Some(5.0)), "A 100%, B 75%, C 0%, rest 5%"),
        (Target::Variant(VariantName::new("on")), "100%"),
        (Target::Value(Value::Boolean(false)), "0%"),
        (Target::Disabled, "disabled"),
    ];
    for (target, serves) in targets {
        let mut world = World::with(plan(vec![stage("only", target)]));
        world.act("ana", PlanAct::Start);
        world.serves("dreams", serves);
    }
}

#[test]
fn a_stage_sets_typed_values() {
    let mut world = World::new();
    let create = CreateFlag {
        flag_type: FlagType::Integer,
        variants: vec![("six".to_owned(), Value::Integer(6)), ("ten".to_owned(), Value::Integer(10))],
        default_variant: "six".to_owned(),
        off_variant: "six".to_owned(),
        ..CreateFlag::boolean("whispers.max")
    };
    world.ask(vec![Change::CreateFlag(create)]);
    let set = |value| vec![(FlagKey::new("whispers_max"), Target::Value(Value::Integer(value)))];
    let stages = vec![
        Stage { set: set(6), ..percent(0.0) },
        Stage { name: Box::from("more"), set: set(10), ..percent(0.0) },
    ];
    world.ask(vec![Change::SetPlan(Box::new(plan(stages)))]);
    world.act("ana", PlanAct::Start);
    world.serves("whispers.max", "6");
    world.pass(HOUR);
    world.serves("whispers.max", "10");
}

#[test]
fn a_percentage_for_everybody_lifts_the_shares_that_it_overtakes_and_keeps_the_others() {
    let stages = vec![
        stage("cohorts", matrix(&[("A", 100.0), ("B", 25.0)], Some(0.0))),
        percent(50.0),
        percent(100.0),
    ];
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    world.serves("dreams", "A 100%, rest 50%");
    world.pass(HOUR);
    world.serves("dreams", "100%");
}

#[test]
fn one_stage_moves_many_flags_in_one_revision() {
    let flags = ["dreams", "whispers", "maya.voice"];
    let set = flags.map(|flag| (FlagKey::new(flag), Target::Percent(25.0))).to_vec();
    let mut world = World::with(plan(vec![Stage { set, ..percent(25.0) }]));
    let before = world.records.len();
    world.act("ana", PlanAct::Start);
    assert_eq!(world.records.len(), before + 1);
    for flag in flags {
        world.serves(flag, "25%");
    }
}

#[test]
fn a_plan_goes_through_environments() {
    let stages = ["development", "staging", "production"].map(|environment| Stage {
        name: Box::from(environment),
        environment: Some(EnvironmentKey::new(environment)),
        ..percent(100.0)
    });
    let mut world = World::with(plan(stages.to_vec()));
    world.act("ana", PlanAct::Start);
    assert_eq!(world.serves_in("development", "dreams"), "100%");
    assert_eq!(world.serves_in("staging", "dreams"), "disabled");
    world.pass(2 * HOUR);
    assert_eq!(world.serves_in("staging", "dreams"), "100%");
    world.serves("dreams", "100%");
}

#[test]
fn a_stage_switches_the_canary_and_edits_its_list() {
    let mut canary = percent(0.0);
    canary.canary.on = Some(true);
    canary.canary.add = vec![Box::from("ben"), Box::from("cleo")];
    let mut end = percent(100.0);
    end.canary.remove = vec![Box::from("ben")];
    let mut definition = plan(vec![canary, end]);
    definition.on_complete.canary_off = true;
    definition.on_complete.remove_flags_after_seconds = Some(30 * DAY);
    let mut world = World::with(definition);
    let production = EnvironmentKey::new("production");
    world.act("ana", PlanAct::Start);
    assert!(world.snapshot.canary(&production).on);
    assert_eq!(world.snapshot.list(&production, &crate::list::ListKey::Canary).len(), 2);
    world.pass(HOUR);
    assert_eq!(world.snapshot.list(&production, &crate::list::ListKey::Canary).len(), 1);
    world.pass(HOUR);
    world.is(PlanState::Completed, 1);
    assert!(!world.snapshot.canary(&production).on);
    let end = world.snapshot.flag(&FoldedKey::of("dreams")).unwrap().expected_end;
    assert_eq!(end, Some(super::super::timetable::after(world.now, 30 * DAY)));
}

#[test]
fn a_clock_that_jumps_ahead_moves_a_plan_by_one_stage_and_rushes_none() {
    let stages = vec![on_day(1, 25.0), on_day(3, 50.0), on_day(5, 75.0), on_day(7, 100.0)];
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    world.jump(i64::try_from(30 * DAY).unwrap());
    world.go_on();
    world.serves("dreams", "50%");
    world.pass(2 * DAY - 1);
    world.serves("dreams", "50%");
    world.pass(1);
    world.serves("dreams", "75%");
    world.pass(2 * DAY);
    world.serves("dreams", "100%");
}

#[test]
fn a_clock_that_jumps_back_repeats_nothing_and_counts_the_stay_anew() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0), percent(100.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    world.is(PlanState::Holding, 1);
    world.jump(-i64::try_from(10 * DAY).unwrap());
    world.go_on();
    world.is(PlanState::Holding, 1);
    world.serves("dreams", "50%");
    world.pass(HOUR - 1);
    world.is(PlanState::Holding, 1);
    world.pass(1);
    world.is(PlanState::Holding, 2);
    let entered: Vec<u32> = world.progress().entered.iter().map(|entry| entry.stage).collect();
    assert_eq!(entered, [0, 1, 2]);
}

#[test]
fn a_late_gate_makes_the_whole_plan_late() {
    let mut stages = vec![on_day(1, 25.0), on_day(3, 50.0), on_day(5, 75.0)];
    stages[0].gate.go = true;
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    world.pass(3 * DAY);
    world.is(PlanState::WaitingForGate, 0);
    world.act("ben", PlanAct::Go);
    world.is(PlanState::Running, 1);
    world.pass(2 * DAY - 1);
    world.serves("dreams", "50%");
    world.pass(1);
    world.serves("dreams", "75%");
}
