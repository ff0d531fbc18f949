//! Guards of a plan, and soaks and drills of its gates.

use super::super::metric_check::{Asked, Verdict};
use super::super::runner::Step;
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
fn an_alert_is_in_the_log_once_for_each_time_that_it_comes() {
    let mut world = World::with(guarded(GuardAction::Alert));
    world.act("ana", PlanAct::Start);
    let records = |world: &World| world.records.len();
    let before = records(&world);
    let report = |world: &mut World, value: &str| {
        let report = PlanAct::Report { metric: "error_rate".to_owned(), value: value.to_owned() };
        world.act("ben", report);
    };
    report(&mut world, "7.5%");
    report(&mut world, "8%");
    assert_eq!(records(&world) - before, 3, "it stays true: two reports, and one alert");
    let alerts = world.progress().alerts;
    assert_eq!((alerts.len(), alerts[0].guard, alerts[0].value), (1, 0, 7.5));
    let (plan, progress) = world.snapshot.plan(&key()).unwrap();
    let around = Surroundings { now: world.now, metrics: &NoMetrics, memory: &NoMemory };
    let status = super::super::status::status(plan, progress, &world.snapshot, &around);
    assert_eq!(status.alerts[0].to_string(), "error_rate > 5% for 10m (7.5%)");
    let report_of_day = super::super::report::markdown(plan, progress, &world.snapshot, &around, &[]);
    assert!(
        report_of_day.contains("- ALERT: error_rate > 5% for 10m (7.5%), since 2026-12-"),
        "{report_of_day}"
    );
    assert!(report_of_day.contains("- error_rate: 8% (alert at: > 5%)"), "{report_of_day}");
    world.is(PlanState::Holding, 0);
    report(&mut world, "1%");
    assert!(world.progress().alerts.is_empty());
    report(&mut world, "9%");
    assert_eq!(world.progress().alerts.len(), 1, "it has come again");
}

#[test]
fn a_difference_is_reported_by_its_own_name() {
    let mut definition = guarded(GuardAction::Alert);
    definition.guards[0].when = check_of("error_rate > 20% versus baseline");
    definition.guards.push(PlanGuard { when: check_of("error_rate > 90%"), ..definition.guards[0].clone() });
    let mut world = World::with(definition);
    world.act("ana", PlanAct::Start);
    let report = |metric: &str| PlanAct::Report { metric: metric.to_owned(), value: "30%".to_owned() };
    world.act("ben", report("error_rate"));
    assert!(world.progress().alerts.is_empty(), "30 % of errors are not 30 % more of them");
    world.act("ben", report("error_rate versus baseline"));
    assert_eq!(world.progress().alerts[0].guard, 0);
    let refused = world.try_act("ben", "", report("error_rate versus control")).unwrap_err();
    let allowed = "a metric that the stage or a guard asks for: error_rate, error_rate versus baseline";
    assert_eq!(refused.violations[0].allowed, allowed);
}

#[test]
fn an_alert_of_which_nothing_is_known_any_more_is_not_over() {
    let mut world = World::with(guarded(GuardAction::Alert));
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(6.0), &NoMemory);
    world.go_on_with(&NoMetrics, &NoMemory);
    assert_eq!(world.progress().alerts.len(), 1);
    world.go_on_with(&Value(1.0), &NoMemory);
    assert!(world.progress().alerts.is_empty());
}

#[test]
fn a_guard_that_takes_back_comes_before_one_that_alerts() {
    let mut definition = guarded(GuardAction::Alert);
    let when = check_of("crash_rate > 1%");
    let action = GuardAction::Rollback(RollbackKind::Disable);
    definition.guards.push(PlanGuard { when, flags: Vec::new(), action });
    let mut world = World::with(definition);
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Value(10.0), &NoMemory);
    world.is(PlanState::Latched, 0);
    assert!(world.progress().alerts.is_empty());
}

#[test]
fn only_what_is_due_may_be_alerted() {
    for (action, step) in [
        (GuardAction::Pause, Step::Alert { guard: 0, value: 9.0 }),
        (GuardAction::Alert, Step::Alert { guard: 1, value: 9.0 }),
        (GuardAction::Alert, Step::Quiet { guard: 0 }),
    ] {
        let mut world = World::with(guarded(action));
        world.act("ana", PlanAct::Start);
        let change = Change::ActOnPlan { plan: "plan".to_owned(), act: PlanAct::Step(step) };
        let refused = world.commit(Origin::Control, "mycelia", "", vec![change]).unwrap_err();
        assert_eq!(faults(&refused), [(Reason::PlanState, "changes[0].act_on_plan.plan")]);
    }
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
