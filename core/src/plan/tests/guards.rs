//! Guards of a plan, and soaks and drills of its gates.

use super::super::metric_check::{Asked, Verdict};
use super::super::{GuardAction, Ladder, PlanGuard, RollbackKind};
use super::*;

/// Says the same of every condition.
struct Value(f64);

impl Metrics for Value {
    fn judge(&self, check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        let Self(value) = *self;
        if check.is_true_of(value) { Verdict::Met { value } } else { Verdict::NotMet { value } }
    }
}

fn guarded(action: GuardAction) -> PlanDefinition {
    let guards = vec![PlanGuard { when: check_of("error_rate > 5% for 10m"), flags: Vec::new(), action }];
    PlanDefinition { guards, ..plan(vec![percent(100.0)]) }
}

#[track_caller]
fn check(action: GuardAction, state: PlanState, serves: &str) {
    let mut world = World::with(guarded(action));
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(5.0), &NoMemory);
    world.is(PlanState::Holding, 0);
    world.go_on_with(&Value(5.1), &NoMemory);
    assert_eq!(world.progress().state, state);
    world.serves("dreams", serves);
}

#[test]
fn a_guard_does_what_it_says() {
    check(GuardAction::Alert, PlanState::Holding, "100%");
    check(GuardAction::Pause, PlanState::Paused, "100%");
    check(GuardAction::Rollback(RollbackKind::Disable), PlanState::Latched, "disabled");
    check(GuardAction::Rollback(RollbackKind::ToZero), PlanState::Latched, "0%");
    check(GuardAction::Rollback(RollbackKind::Gradual(Ladder::default())), PlanState::RollingBack, "50%");
}

#[test]
fn a_guard_without_data_trips_nobody() {
    let mut world = World::with(guarded(GuardAction::Rollback(RollbackKind::Disable)));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR - 1);
    world.is(PlanState::Holding, 0);
}

#[test]
fn a_value_that_somebody_reports_trips_a_guard() {
    let mut world = World::with(guarded(GuardAction::Rollback(RollbackKind::Disable)));
    world.act("ana", PlanAct::Start);
    world.act("ben", PlanAct::Report { metric: "error_rate".to_owned(), value: "7.5%".to_owned() });
    world.is(PlanState::Latched, 0);
    assert_eq!(&*world.progress().reason, "guard: error_rate > 5% for 10m (7.5%)");
}

#[test]
fn the_gravest_of_two_guards_decides() {
    let mut definition = guarded(GuardAction::Pause);
    let when = check_of("crash_rate > 1%");
    definition.guards.push(PlanGuard {
        when,
        flags: Vec::new(),
        action: GuardAction::Rollback(RollbackKind::Disable),
    });
    let mut world = World::with(definition);
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(10.0), &NoMemory);
    world.is(PlanState::Latched, 0);
}

#[test]
fn a_guard_takes_back_the_flags_that_it_names_and_no_others() {
    let kinds =
        [RollbackKind::Disable, RollbackKind::Gradual(Ladder { percents: vec![0.0], every_seconds: 1 })];
    for (kind, serves) in kinds.into_iter().zip(["disabled", "0%"]) {
        let mut definition = guarded(GuardAction::Rollback(kind));
        definition.guards[0].flags = vec![FlagKey::new("maya-voice")];
        definition.stages[0].set.push((FlagKey::new("maya.voice"), Target::Percent(10.0)));
        let mut world = World::with(definition);
        world.act("ana", PlanAct::Start);
        world.go_on_with(&Value(6.0), &NoMemory);
        world.is(PlanState::Latched, 0);
        world.serves("dreams", "100%");
        world.serves("maya.voice", serves);
    }
}

#[test]
fn a_ladder_ends_where_health_returns() {
    let mut world = World::with(guarded(GuardAction::Rollback(RollbackKind::Gradual(Ladder::default()))));
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(6.0), &NoMemory);
    world.jump(600);
    world.go_on_with(&Value(6.0), &NoMemory);
    world.serves("dreams", "25%");
    world.jump(600);
    world.go_on_with(&Value(1.0), &NoMemory);
    world.is(PlanState::Latched, 0);
    world.serves("dreams", "25%");
    assert_eq!(&*world.progress().reason, "health returned at 25%");
}

#[test]
fn a_ladder_whose_health_nobody_knows_goes_down_to_the_foot() {
    let mut world = World::with(guarded(GuardAction::Rollback(RollbackKind::Gradual(Ladder::default()))));
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(6.0), &NoMemory);
    world.pass(1200);
    world.serves("dreams", "0%");
}

/// Remembers one incident and one drill.
struct Remembered {
    incident: Option<Option<Timestamp>>,
    drill: Option<Timestamp>,
}

impl Memory for Remembered {
    fn last_incident(&self, _plan: &PlanDefinition, _stage: &Stage) -> Option<(Box<str>, Option<Timestamp>)> {
        self.incident.map(|closed| (Box::from("voice cuts out"), closed))
    }

    fn last_drill(&self, _flag: &FlagKey) -> Option<Timestamp> {
        self.drill
    }
}

#[test]
fn an_incident_starts_the_soak_again() {
    let gate = Gate { soak_seconds: 48 * HOUR, ..Gate::default() };
    let mut world = World::with(plan(vec![gated(gate), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(47 * HOUR);
    let quiet = |incident| Remembered { incident, drill: None };
    world.is(PlanState::WaitingForGate, 0);
    let closed = world.now;
    world.jump(i64::try_from(DAY).unwrap());
    world.go_on_with(&NoMetrics, &quiet(Some(None)));
    world.is(PlanState::WaitingForGate, 0);
    world.go_on_with(&NoMetrics, &quiet(Some(Some(closed))));
    world.is(PlanState::WaitingForGate, 0);
    world.jump(i64::try_from(DAY).unwrap());
    world.go_on_with(&NoMetrics, &quiet(Some(Some(closed))));
    world.is(PlanState::Holding, 1);
}

#[test]
fn a_gate_asks_for_a_recent_drill() {
    let gate = Gate { drill_within_seconds: Some(30 * DAY), ..Gate::default() };
    let mut world = World::with(plan(vec![gated(gate), percent(50.0)]));
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    let drilled = |drill| Remembered { incident: None, drill };
    world.go_on_with(&NoMetrics, &drilled(None));
    world.is(PlanState::WaitingForGate, 0);
    let long_ago = Timestamp::from_unix_micros(START - 31 * 24 * 3_600_000_000);
    world.go_on_with(&NoMetrics, &drilled(Some(long_ago)));
    world.is(PlanState::WaitingForGate, 0);
    world.go_on_with(&NoMetrics, &drilled(Some(Timestamp::from_unix_micros(START))));
    world.is(PlanState::Holding, 1);
}
