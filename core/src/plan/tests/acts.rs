//! What people do to plans: gates, pauses, rollbacks, drift.

use super::super::{Ladder, RollbackKind};
use super::*;

fn tick(item: &str) -> PlanAct {
    PlanAct::Tick { item: item.to_owned() }
}

fn report(metric: &str, value: &str) -> PlanAct {
    PlanAct::Report { metric: metric.to_owned(), value: value.to_owned() }
}

fn missing(world: &World) -> Vec<String> {
    let (plan, progress) = world.snapshot.plan(&key()).unwrap();
    let around = Surroundings { now: world.now, metrics: &NoMetrics, memory: &NoMemory };
    super::super::gate::missing(plan, progress, &around).iter().map(ToString::to_string).collect()
}

#[test]
fn a_gate_opens_when_everything_in_it_is_so() {
    let gate = Gate {
        approvals: 2,
        go: true,
        checks: vec![check_of("error_rate < 2% over 1h")],
        checklist: vec![Box::from("zero critical bugs"), Box::from("docs updated")],
        ..Gate::default()
    };
    let mut world = World::with(plan(vec![gated(gate), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ana", PlanAct::Approve);
    world.pass(HOUR);
    world.is(PlanState::WaitingForGate, 0);
    assert_eq!(
        missing(&world),
        [
            "nobody has said go",
            "1 of 2 approvals",
            "not ticked off: zero critical bugs",
            "not ticked off: docs updated",
            "error_rate < 2% over 1h: not enough data",
        ]
    );
    let twice = world.try_act("ana", "", PlanAct::Approve).unwrap_err();
    assert_eq!(faults(&twice), [(Reason::Duplicate, "actor")]);
    world.act("ben", PlanAct::Approve);
    world.act("ana", tick("Zero critical bugs"));
    world.act("ana", tick("2"));
    world.act("ana", report("error_rate", "2.5%"));
    world.act("cleo", PlanAct::Go);
    assert_eq!(missing(&world), ["error_rate < 2% over 1h is not met: 2.5%"]);
    world.is(PlanState::WaitingForGate, 0);
    world.act("ana", report("error_rate", "1.2%"));
    world.is(PlanState::Holding, 1);
    world.serves("dreams", "50%");
    assert!(world.progress().approvals.is_empty(), "each stage begins with none");
}

#[test]
fn a_no_go_holds_until_somebody_says_go() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::NoGo);
    world.pass(DAY);
    world.is(PlanState::WaitingForGate, 0);
    assert_eq!(missing(&world), ["ben said no-go: as they say"]);
    world.act("ben", PlanAct::Go);
    world.is(PlanState::Holding, 1);
}

#[test]
fn a_step_that_was_decided_before_a_no_go_is_refused_after_it() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.jump(i64::try_from(HOUR).unwrap());
    world.try_act("ben", "", PlanAct::NoGo).unwrap();
    let step = Change::ActOnPlan {
        plan: "plan".to_owned(),
        act: PlanAct::Step(super::super::runner::Step::Enter { stage: 1 }),
    };
    let refused = world.commit(Origin::Control, "mycelia", "", vec![step]).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].act_on_plan.plan")]);
}

#[test]
fn what_was_paused_goes_on_where_it_was() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR / 2);
    world.act("ana", PlanAct::Pause);
    world.pass(DAY);
    world.is(PlanState::Paused, 0);
    world.serves("dreams", "10%");
    world.act("ana", PlanAct::Resume);
    world.is(PlanState::Holding, 0);
    world.pass(HOUR / 2 - 1);
    world.is(PlanState::Holding, 0);
    world.pass(1);
    world.is(PlanState::Holding, 1);
}

#[test]
fn an_immediate_rollback_latches_and_resuming_brings_back_what_was() {
    for (kind, serves) in [(RollbackKind::Disable, "disabled"), (RollbackKind::ToZero, "0%")] {
        let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
        world.act("ana", PlanAct::Start);
        world.pass(HOUR);
        let before =
            world.snapshot.configuration(&EnvironmentKey::new("production"), &FoldedKey::of("dreams"));
        let before = before.unwrap().default_serve.clone();
        world.act("ben", PlanAct::RollBack(kind));
        world.is(PlanState::Latched, 1);
        world.serves("dreams", serves);
        let raise = Change::Rollout { place: place("dreams"), percent: 50.0, enable: true };
        let refused = world.commit(Origin::Caller, "ana", "", vec![raise]).unwrap_err();
        assert_eq!(faults(&refused), [(Reason::FlagUnderPlan, "changes[0].rollout")]);
        assert!(refused.to_string().contains("rolled back by ben"), "{refused}");
        let early = world.try_act("ana", "", PlanAct::Resume).unwrap_err();
        assert_eq!(faults(&early), [(Reason::PlanState, "changes[0].act_on_plan.plan")]);
        let causeless = world.try_act("ana", " ", PlanAct::Acknowledge).unwrap_err();
        assert_eq!(faults(&causeless), [(Reason::Required, "reason")]);
        world.act("ana", PlanAct::Acknowledge);
        world.act("ana", PlanAct::Resume);
        world.is(PlanState::Holding, 1);
        let after =
            world.snapshot.configuration(&EnvironmentKey::new("production"), &FoldedKey::of("dreams"));
        assert_eq!(after.unwrap().default_serve, before, "the same people");
    }
}

#[test]
fn a_gradual_rollback_goes_down_rung_by_rung() {
    let mut world = World::with(plan(vec![percent(100.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    world.is(PlanState::RollingBack, 0);
    world.serves("dreams", "50%");
    world.pass(599);
    world.serves("dreams", "50%");
    world.pass(1);
    world.serves("dreams", "25%");
    world.pass(600);
    world.serves("dreams", "0%");
    world.is(PlanState::Latched, 0);
    assert_eq!(&*world.progress().reason, "the foot of the ladder");
}

#[test]
fn a_ladder_never_raises_what_is_below_a_rung() {
    let stages = vec![stage("cohorts", matrix(&[("A", 100.0), ("B", 10.0)], Some(30.0)))];
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    world.serves("dreams", "A 50%, B 10%, rest 30%");
    world.pass(600);
    world.serves("dreams", "A 25%, B 10%, rest 25%");
}

#[test]
fn somebody_may_stop_a_ladder_where_it_is() {
    for act in [PlanAct::Go, PlanAct::Pause] {
        let mut world = World::with(plan(vec![percent(100.0)]));
        world.act("ana", PlanAct::Start);
        world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
        world.pass(600);
        world.act("ana", act);
        world.is(PlanState::Latched, 0);
        world.pass(DAY);
        world.serves("dreams", "25%");
    }
}

#[test]
fn a_partial_rollback_takes_some_segments_and_keeps_the_others() {
    let stages = vec![stage("cohorts", matrix(&[("A", 100.0), ("B", 75.0), ("C", 25.0)], Some(0.0)))];
    let mut world = World::with(plan(stages));
    world.act("ana", PlanAct::Start);
    let segments = ["B", "C"].map(SegmentKey::new).to_vec();
    world.act("ben", PlanAct::RollBack(RollbackKind::Segments(segments)));
    world.serves("dreams", "B 0%, C 0%, A 100%, rest 0%");
    world.is(PlanState::Latched, 0);
}

#[test]
fn a_plan_that_is_through_can_still_be_taken_back() {
    let mut world = World::with(plan(vec![percent(100.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    world.is(PlanState::Completed, 0);
    world.act("ben", PlanAct::RollBack(RollbackKind::Disable));
    world.serves("dreams", "disabled");
}

#[test]
fn a_change_by_hand_is_drift_until_it_is_undone() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    let warnings = world.ask(vec![rollout("dreams", 30.0)]).warnings;
    assert_eq!(warnings, ["plan plan drives dreams in production: it wants 10%, now it is 30%"]);
    let drift = world.progress().drift;
    assert_eq!(drift.len(), 1);
    assert_eq!((&*drift[0].actual, &*drift[0].target, &*drift[0].deed.by), ("30%", "10%", "ana"));
    world.is(PlanState::Holding, 0);
    world.ask(vec![rollout("dreams", 10.0)]);
    assert!(world.progress().drift.is_empty());
    world.ask(vec![rollout("dreams", 30.0)]);
    world.pass(HOUR);
    world.serves("dreams", "50%");
    assert!(world.progress().drift.is_empty(), "the next stage sets it anew");
}

#[test]
fn within_a_band_people_are_free() {
    let mut world = World::with(plan(vec![stage("band", Target::Band { from: 40.0, to: 50.0 })]));
    world.act("ana", PlanAct::Start);
    assert!(world.ask(vec![rollout("dreams", 45.0)]).warnings.is_empty());
    assert!(world.progress().drift.is_empty());
    assert_eq!(world.ask(vec![rollout("dreams", 50.5)]).warnings.len(), 1);
}

#[test]
fn disabling_a_flag_by_hand_pauses_its_plan_and_resuming_sets_it_again() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.ask(vec![Change::Disable(place("dreams"))]);
    world.is(PlanState::Paused, 0);
    world.pass(DAY);
    world.serves("dreams", "disabled");
    world.act("ana", PlanAct::Resume);
    world.serves("dreams", "10%");
    world.is(PlanState::Holding, 0);
    world.pass(HOUR);
    world.serves("dreams", "50%");
}

#[test]
fn a_flag_and_a_segment_of_a_plan_that_is_to_come_stay() {
    let mut world = World::with(plan(vec![stage("cohorts", matrix(&[("A", 100.0)], None))]));
    for change in [
        Change::DeleteFlag { flag: "dreams".to_owned(), force: true },
        Change::ArchiveFlag { flag: "dreams".to_owned(), force: true },
    ] {
        let refused = world.commit(Origin::Caller, "ana", "", vec![change]).unwrap_err();
        assert_eq!(refused.violations[0].reason, Reason::FlagUnderPlan);
    }
    let delete = Change::DeleteSegment { environment: "production".to_owned(), segment: "A".to_owned() };
    let refused = world.commit(Origin::Caller, "ana", "", vec![delete]).unwrap_err();
    assert_eq!(refused.violations[0].reason, Reason::SegmentInUse);
    world.act("ana", PlanAct::Cancel);
    world.ask(vec![Change::ArchiveFlag { flag: "dreams".to_owned(), force: true }]);
}

#[test]
fn a_cancelled_plan_leaves_its_flags_as_they_are() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ana", PlanAct::Cancel);
    world.pass(DAY);
    world.is(PlanState::Cancelled, 0);
    world.serves("dreams", "10%");
    assert!(world.ask(vec![rollout("dreams", 30.0)]).warnings.is_empty(), "nobody drives it now");
}

#[test]
fn flags_without_a_plan_are_taken_back_too() {
    let mut world = World::new();
    let back = |kind| Change::RollBack {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned(), "whispers".to_owned()],
        kind,
    };
    world.ask(vec![rollout("dreams", 50.0), rollout("whispers", 100.0)]);
    world.ask(vec![back(RollbackKind::ToZero)]);
    world.serves("dreams", "0%");
    world.serves("whispers", "0%");
    world.ask(vec![back(RollbackKind::Disable)]);
    world.serves("dreams", "disabled");
    let refused =
        world.commit(Origin::Caller, "ana", "", vec![back(RollbackKind::Gradual(Ladder::default()))]);
    assert_eq!(faults(&refused.unwrap_err()), [(Reason::NotApplicable, "changes[0].roll_back.rollback")]);
}

#[test]
fn undoing_a_stage_is_drift_and_undoing_a_decision_is_refused() {
    let mut world = World::with(plan(vec![percent(10.0), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    let undo = |world: &mut World, back: usize| {
        let record = world.records[world.records.len() - 1 - back].clone();
        let mut before = Snapshot::default();
        for earlier in world.records.iter().take_while(|earlier| earlier.revision < record.revision) {
            before.fold(earlier).unwrap();
        }
        let was = |write: &crate::entity::Write| crate::entity::Write {
            id: write.id.clone(),
            value: before.entity(&write.id),
        };
        let undone = Undone {
            revision: record.revision,
            before: record.writes.iter().map(was).collect(),
            writes: record.writes,
            since: std::collections::BTreeMap::new(),
        };
        world.commit_undoing(vec![Change::Undo { revision: undone.revision }], &[undone])
    };
    undo(&mut world, 0).unwrap();
    world.serves("dreams", "10%");
    world.is(PlanState::Holding, 1);
    assert_eq!(&*world.progress().drift[0].target, "50%");
    world.try_act("ben", "", PlanAct::NoGo).unwrap();
    let refused = undo(&mut world, 0).unwrap_err();
    assert_eq!(faults(&refused), [(Reason::NotApplicable, "changes[0].undo.revision")]);
}

#[test]
fn resuming_after_a_rollback_brings_back_what_earlier_stages_set_too() {
    let mut first = stage("cohorts", matrix(&[("A", 100.0)], Some(0.0)));
    first.set.push((FlagKey::new("whispers"), Target::Percent(100.0)));
    for kind in [RollbackKind::Disable, RollbackKind::ToZero, RollbackKind::Gradual(Ladder::default())] {
        let mut world = World::with(plan(vec![first.clone(), percent(10.0)]));
        world.act("ana", PlanAct::Start);
        world.pass(HOUR);
        world.serves("dreams", "A 100%, rest 10%");
        world.act("ben", PlanAct::RollBack(kind));
        world.pass(HOUR);
        world.is(PlanState::Latched, 1);
        world.act("ana", PlanAct::Acknowledge);
        world.act("ana", PlanAct::Resume);
        world.serves("dreams", "A 100%, rest 10%");
        world.serves("whispers", "100%");
    }
}

#[test]
fn a_ladder_begins_below_what_is_served() {
    let mut world = World::with(plan(vec![percent(30.0)]));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())));
    world.serves("dreams", "25%");
    world.pass(600);
    world.serves("dreams", "0%");
    world.is(PlanState::Latched, 0);
}
