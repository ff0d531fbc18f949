//! What is refused: plans that say what cannot be, and acts that the state does not allow.

use super::super::{GuardAction, Ladder, PlanGuard, RollbackKind};
use super::*;
use crate::key::VariantName;

#[track_caller]
fn check(definition: PlanDefinition, expected: &[(Reason, &str)]) {
    let mut world = World::new();
    let before = world.snapshot.clone();
    let refused =
        world.commit(Origin::Caller, "ana", "", vec![Change::SetPlan(Box::new(definition))]).unwrap_err();
    let expected: Vec<(Reason, String)> = expected
        .iter()
        .map(|(reason, field)| (*reason, format!("changes[0].set_plan.plan.{field}")))
        .collect();
    let found: Vec<(Reason, String)> =
        refused.violations.iter().map(|violation| (violation.reason, violation.field.clone())).collect();
    assert_eq!(found, expected, "{refused}");
    assert_eq!(world.snapshot, before, "nothing has changed");
}

#[test]
fn a_plan_says_everything_that_is_wrong_with_it_with_its_place() {
    use Reason::{
        Duplicate, InvalidName, OutOfRange, Required, TooLarge, UnknownEnvironment, UnknownFlag,
        UnknownSegment, UnknownVariant,
    };
    let one = || plan(vec![percent(10.0)]);
    let with = |stage: Stage| plan(vec![stage]);
    let set = |flag: &str, target| Stage { set: vec![(FlagKey::new(flag), target)], ..percent(10.0) };
    check(plan(Vec::new()), &[(Required, "stages")]);
    check(plan(vec![Stage::default(); 101]), &[(TooLarge, "stages")]);
    check(PlanDefinition { key: PlanKey::new("a b"), ..one() }, &[(InvalidName, "key")]);
    check(
        PlanDefinition { environment: EnvironmentKey::new("moon"), ..one() },
        &[(UnknownEnvironment, "environment")],
    );
    check(PlanDefinition { first_day: 2, ..one() }, &[(OutOfRange, "first_day")]);
    check(with(Stage { name: Box::default(), ..percent(1.0) }), &[(Required, "stages[0].name")]);
    check(plan(vec![percent(1.0), percent(1.0)]), &[(Duplicate, "stages[1].name")]);
    check(with(percent(100.5)), &[(OutOfRange, "stages[0].set[0].percent")]);
    check(with(percent(0.000_1)), &[(OutOfRange, "stages[0].set[0].percent")]);
    check(with(set("moon", Target::Percent(1.0))), &[(UnknownFlag, "stages[0].set[0].flag")]);
    check(
        with(set("dreams", Target::Variant(VariantName::new("blue")))),
        &[(UnknownVariant, "stages[0].set[0].serve.variant")],
    );
    check(
        with(set("dreams", Target::Value(crate::value::Value::Integer(6)))),
        &[(UnknownVariant, "stages[0].set[0].value")],
    );
    check(
        with(set("dreams", matrix(&[("X", 10.0), ("A", 101.0)], None))),
        &[
            (UnknownSegment, "stages[0].set[0].shares[0].segment"),
            (OutOfRange, "stages[0].set[0].shares[1].percent"),
        ],
    );
    check(with(set("dreams", Target::Band { from: 50.0, to: 40.0 })), &[(OutOfRange, "stages[0].set[0].to")]);
    let twice = vec![
        (FlagKey::new("oracle.chat"), Target::Percent(1.0)),
        (FlagKey::new("oracle_chat"), Target::Percent(2.0)),
    ];
    check(with(Stage { set: twice, ..percent(1.0) }), &[(Duplicate, "stages[0].set[1].flag")]);
    check(
        with(Stage { environment: Some(EnvironmentKey::new("moon")), ..percent(1.0) }),
        &[(UnknownEnvironment, "stages[0].environment")],
    );
    check(with(on_day(0, 1.0)), &[(OutOfRange, "stages[0].at")]);
    check(plan(vec![on_day(5, 1.0), on_day(3, 2.0)]), &[(OutOfRange, "stages[1].at")]);
    check(
        with(gated(Gate { approvals: 21, ..Gate::default() })),
        &[(OutOfRange, "stages[0].gate.approvals")],
    );
    let checklist = ["a", "", "a"].map(Box::from).to_vec();
    check(
        with(gated(Gate { checklist, ..Gate::default() })),
        &[(Required, "stages[0].gate.checklist[1]"), (Duplicate, "stages[0].gate.checklist[2]")],
    );
    check(with(Stage { hold_seconds: 800 * DAY, ..percent(1.0) }), &[(OutOfRange, "stages[0].hold")]);
}

#[test]
fn ladders_and_guards_of_a_plan_are_held_to_what_there_is() {
    use Reason::{NotApplicable, OutOfRange, Required, UnknownSegment};
    let one = || plan(vec![percent(10.0)]);
    let ladder = Ladder { percents: vec![50.0, 50.0, 101.0], every_seconds: 1 };
    check(
        PlanDefinition { ladder, ..one() },
        &[(OutOfRange, "ladder.percents[1]"), (OutOfRange, "ladder.percents[2]")],
    );
    check(
        PlanDefinition { ladder: Ladder { percents: Vec::new(), every_seconds: 1 }, ..one() },
        &[(Required, "ladder.percents")],
    );
    let action = GuardAction::Rollback(RollbackKind::Segments(vec![SegmentKey::new("X")]));
    let named = PlanGuard {
        when: check_of("error_rate > 5%"),
        flags: vec![FlagKey::new("whispers")],
        action: GuardAction::Alert,
    };
    check(PlanDefinition { guards: vec![named], ..one() }, &[(NotApplicable, "guards[0].flags[0]")]);
    let guards = vec![PlanGuard { when: check_of("error_rate > 5%"), flags: Vec::new(), action }];
    check(PlanDefinition { guards, ..one() }, &[(UnknownSegment, "guards[0].action.segments[0]")]);
    let mut archived = World::new();
    archived.ask(vec![Change::ArchiveFlag { flag: "dreams".to_owned(), force: false }]);
    let refused =
        archived.commit(Origin::Caller, "ana", "", vec![Change::SetPlan(Box::new(one()))]).unwrap_err();
    assert_eq!(refused.violations[0].reason, Reason::FlagArchived);
}

#[test]
fn two_plans_never_move_the_same_flag_in_the_same_environment() {
    let mut world = World::with(plan(vec![percent(10.0)]));
    let other = |environment: &str| {
        let stages =
            vec![Stage { set: vec![(FlagKey::new("dreams"), Target::Percent(1.0))], ..percent(1.0) }];
        let empty = PlanDefinition::empty(PlanKey::new("other"), EnvironmentKey::new(environment));
        vec![Change::SetPlan(Box::new(PlanDefinition { stages, ..empty }))]
    };
    let refused = world.commit(Origin::Caller, "ben", "", other("production")).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::PlanConflict, "changes[0].set_plan.plan.stages[0].set[0].flag")]);
    world.ask(other("staging"));
    world.act("ana", PlanAct::Cancel);
    world.ask(other("production"));
}

#[test]
fn a_plan_under_way_is_neither_replaced_nor_deleted() {
    let mut world = World::with(plan(vec![percent(10.0)]));
    world.act("ana", PlanAct::Start);
    let again = vec![Change::SetPlan(Box::new(plan(vec![percent(20.0)])))];
    let refused = world.commit(Origin::Caller, "ana", "", again.clone()).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].set_plan.plan.key")]);
    let delete = vec![Change::DeletePlan { plan: "plan".to_owned() }];
    let refused = world.commit(Origin::Caller, "ana", "", delete.clone()).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].delete_plan.plan")]);
    world.act("ana", PlanAct::Cancel);
    world.ask(again);
    world.is(PlanState::Draft, 0);
    world.ask(delete);
    assert!(world.snapshot.plan(&key()).is_none());
}

#[test]
fn acts_are_refused_where_the_state_does_not_allow_them() {
    let draft = World::with(plan(vec![percent(10.0)]));
    let mut through = draft.clone();
    through.act("ana", PlanAct::Start);
    let mut holding = through.clone();
    through.pass(HOUR);
    for act in [PlanAct::Go, PlanAct::NoGo, PlanAct::Pause, PlanAct::Resume, PlanAct::Acknowledge] {
        for world in [&draft, &through] {
            let refused = world.clone().try_act("ben", "why", act.clone()).unwrap_err();
            assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].act_on_plan.plan")], "{act:?}");
        }
    }
    for act in [PlanAct::Start, PlanAct::Resume] {
        let refused = holding.try_act("ben", "", act).unwrap_err();
        assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].act_on_plan.plan")]);
    }
    let refused = holding.try_act("ben", "", PlanAct::Approve).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::NotApplicable, "changes[0].act_on_plan.deed")]);
    let tick = PlanAct::Tick { item: "1".to_owned() };
    let refused = holding.try_act("ben", "", tick).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::NotApplicable, "changes[0].act_on_plan.tick.item")]);
    let report = PlanAct::Report { metric: "moon".to_owned(), value: "1".to_owned() };
    let refused = holding.try_act("ben", "", report).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::NotApplicable, "changes[0].act_on_plan.report.metric")]);
    let unknown = Change::ActOnPlan { plan: "moon".to_owned(), act: PlanAct::Go };
    let refused = holding.commit(Origin::Caller, "ben", "", vec![unknown]).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::UnknownPlan, "changes[0].act_on_plan.plan")]);
}

#[test]
fn only_the_server_itself_takes_steps() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    let step = PlanAct::Step(super::super::runner::Step::Enter { stage: 1 });
    let refused = world.try_act("ana", "", step.clone()).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::Reserved, "changes[0].act_on_plan.step")]);
    let early = Change::ActOnPlan { plan: "plan".to_owned(), act: step };
    let refused = world.commit(Origin::Control, "mycelia", "", vec![early]).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].act_on_plan.plan")]);
}
