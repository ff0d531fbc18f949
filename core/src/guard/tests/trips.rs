//! What a guard does when its condition becomes true, and what is said about it later.

use super::*;

#[test]
fn the_triggers_of_the_plans_take_back_at_once_with_their_evidence() {
    for (when, metric, below, above, words) in [
        ("error_rate > 10% over 300s", "error_rate", 10.0, 12.4, "error_rate > 10% over 5m (12.4%)"),
        (
            "latency.p95 > 5000ms over 600s",
            "latency.p95",
            5_000.0,
            5_200.0,
            "latency.p95 > 5000ms over 10m (5200ms)",
        ),
        ("crash_rate > 1% over 300s", "crash_rate", 1.0, 1.001, "crash_rate > 1% over 5m (1.001%)"),
        ("error_rate > 5% for 10m", "error_rate", 5.0, 5.5, "error_rate > 5% for 10m (5.5%)"),
        ("latency.mean > 300ms for 5m", "latency.mean", 300.0, 301.0, "latency.mean > 300ms for 5m (301ms)"),
        ("availability < 99% for 1m", "availability", 99.0, 0.0, "availability < 99% for 1m (0%)"),
        (
            "latency.p95 > 20% versus control",
            "latency.p95",
            120.0,
            121.0,
            "latency.p95 > 20% versus control (21%)",
        ),
    ] {
        let mut world = World::guarded(when, disable());
        world.values.before.insert(metric, 100.0);
        world.measures(metric, below);
        world.is(GuardPhase::Quiet);
        world.measures(metric, above);
        world.is(GuardPhase::Latched);
        world.serves("dreams", "disabled");
        world.serves("whispers", "100%");
        let trip = world.state().trip.unwrap();
        assert_eq!(trip.evidence.in_words(), words);
        assert_eq!(trip.evidence.observed.measurement.unwrap().samples, 1_000);
        assert_eq!(trip.taken.first().unwrap().before.as_ref(), "100%");
        assert_eq!(trip.deed.revision, world.snapshot.revision());
    }
}

#[test]
fn an_alert_is_said_at_its_edges_only() {
    let mut world = World::guarded("error_rate > 2% over 10m", GuardAction::Alert);
    let before = world.records.len();
    world.measures("error_rate", 3.0);
    world.is(GuardPhase::Firing);
    for value in [4.0, 2.5, 3.0] {
        world.measures("error_rate", value);
        world.pass(60);
    }
    assert_eq!(world.records.len(), before + 1, "it is said once");
    // Nobody knows: that is no end.
    world.values.now.clear();
    world.pass(60);
    world.is(GuardPhase::Firing);
    world.measures("error_rate", 2.0);
    world.is(GuardPhase::Quiet);
    world.measures("error_rate", 9.0);
    assert_eq!((world.state().trips, world.records.len()), (2, before + 3));
    world.serves("dreams", "100%");
}

#[test]
fn what_nobody_knows_trips_nothing() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    let before = world.records.len();
    for _ in 0..100 {
        world.pass(60);
    }
    assert_eq!(world.records.len(), before);
}

#[test]
fn where_nobody_has_the_feature_nothing_is_taken_back() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.ask(rollout("dreams", 0.0));
    world.measures("error_rate", 90.0);
    world.is(GuardPhase::Quiet);
    // The first one who gets it is taken along.
    world.ask(rollout("dreams", 1.0));
    world.go_on();
    world.is(GuardPhase::Latched);
}

#[test]
fn a_ladder_goes_down_as_long_as_it_hurts() {
    let mut world = World::guarded("latency.p95 > 5s over 10m", ladder());
    world.measures("latency.p95", 6_000.0);
    world.serves("dreams", "50%");
    world.pass(599);
    world.serves("dreams", "50%");
    world.pass(1);
    world.serves("dreams", "25%");
    world.pass(600);
    world.serves("dreams", "0%");
    world.pass(600);
    assert_eq!(world.plan_state("rollback.errors"), Some(PlanState::Latched));
    assert_eq!(world.state().trip.unwrap().plans, [PlanKey::new("rollback.errors")]);
}

#[test]
fn a_ladder_stops_where_health_returns_and_the_rest_stays_latched() {
    let mut world = World::guarded("latency.p95 > 5s over 10m", ladder());
    world.measures("latency.p95", 6_000.0);
    world.pass(600);
    world.serves("dreams", "25%");
    world.measures("latency.p95", 400.0);
    world.pass(600);
    world.serves("dreams", "25%");
    let (_, progress) = world.snapshot.plan(&PlanKey::new("rollback.errors")).unwrap();
    assert_eq!(&*progress.reason, "health returned at 25%");
    world.refuses(rollout("dreams", 50.0), Reason::FlagLatched);
    world.acknowledge();
    world.ask(rollout("dreams", 50.0));
}

#[test]
fn some_segments_lose_it_and_the_others_and_the_canary_keep_it() {
    let kind = RollbackKind::Segments(vec![SegmentKey::new("B"), SegmentKey::new("C")]);
    let mut world = World::guarded("error_rate > 10% over 300s", GuardAction::Rollback(kind));
    let shares = vec![("A".to_owned(), 100.0), ("B".to_owned(), 50.0)];
    world.ask(Change::SetMatrix { place: place("dreams"), shares, rest: Some(10.0), enable: true });
    world.ask(Change::SwitchCanary { environment: "production".to_owned(), on: true });
    world.measures("error_rate", 11.0);
    world.is(GuardPhase::Latched);
    world.serves("dreams", "B 0%, C 0%, A 100%, rest 10%");
    assert!(world.snapshot.canary(&EnvironmentKey::new("production")).on);
    // After the acknowledgement the same answer would change nothing: it is not given again.
    world.acknowledge();
    world.pass(3_600);
    assert_eq!(world.state().trips, 1);
}

#[test]
fn a_plan_that_drives_the_flag_is_taken_back_with_it() {
    let mut world = World::new();
    half(&mut world);
    world.ask(guard("error_rate > 10% over 300s", disable()));
    world.measures("error_rate", 11.0);
    world.serves("dreams", "disabled");
    assert_eq!(world.plan_state("halves"), Some(PlanState::Latched));
    assert_eq!(world.state().trip.unwrap().plans, [PlanKey::new("halves")]);
    // One acknowledgement is for both.
    world.acknowledge();
    world.values.now.clear();
    world.ask(Change::ActOnPlan { plan: "halves".to_owned(), act: PlanAct::Resume });
    world.serves("dreams", "50%");
}

#[test]
fn a_guard_that_pauses_pauses_the_plan_and_takes_nothing() {
    let mut world = World::new();
    half(&mut world);
    world.ask(guard("error_rate > 10% over 300s", GuardAction::Pause));
    world.measures("error_rate", 11.0);
    world.is(GuardPhase::Firing);
    world.serves("dreams", "50%");
    assert_eq!(world.plan_state("halves"), Some(PlanState::Paused));
    // Whoever resumes it knows: it is paused again only after the condition was not true.
    world.ask(Change::ActOnPlan { plan: "halves".to_owned(), act: PlanAct::Resume });
    world.pass(60);
    assert_eq!(world.plan_state("halves"), Some(PlanState::Holding));
    world.measures("error_rate", 1.0);
    world.measures("error_rate", 11.0);
    assert_eq!(world.plan_state("halves"), Some(PlanState::Paused));
}

#[test]
fn a_feature_goes_back_with_the_flags_that_it_has_then() {
    let mut world = World::new();
    let feature = |flags: &[&str]| Change::SetFeature {
        feature: "night".to_owned(),
        description: String::new(),
        flags: flags.iter().map(ToString::to_string).collect(),
    };
    world.ask(feature(&["dreams"]));
    let of_feature = SetGuard {
        flags: Vec::new(),
        feature: "night".to_owned(),
        ..asked("error_rate > 10% over 300s", disable())
    };
    world.ask(Change::SetGuard(Box::new(of_feature)));
    world.ask(feature(&["dreams", "whispers"]));
    world.measures("error_rate", 11.0);
    world.serves("dreams", "disabled");
    world.serves("whispers", "disabled");
}

#[track_caller]
fn recovers(metric: Option<f64>, before: Option<f64>, expected: RecoveryVerdict) {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.values.before.extend(before.map(|value| ("error_rate", value)));
    world.measures("error_rate", 21.0);
    world.values.now.clear();
    world.values.now.extend(metric.map(|value| ("error_rate", value)));
    world.pass(899);
    assert!(matches!(world.state().recovery, Recovery::Pending { .. }));
    let records = world.records.len();
    world.pass(1);
    let Recovery::Stated { statement, .. } = world.state().recovery else {
        panic!("nothing is said");
    };
    assert_eq!((statement.verdict, statement.value), (expected, metric));
    assert_eq!(world.records.len(), records + 1);
    world.pass(3_600);
    assert_eq!(world.records.len(), records + 1, "it is said once");
}

#[test]
fn what_became_of_it_is_said_once_with_what_it_rests_on() {
    recovers(Some(0.9), Some(1.0), RecoveryVerdict::Recovered);
    recovers(Some(0.9), None, RecoveryVerdict::Recovered);
    recovers(Some(10.0), Some(1.0), RecoveryVerdict::Recovered);
    recovers(Some(20.0), Some(1.0), RecoveryVerdict::NotCaused);
    recovers(None, Some(1.0), RecoveryVerdict::InsufficientData);
}

#[test]
fn below_the_threshold_alone_is_no_recovery() {
    // One before, 21 at the trip: 10 is nearer to before, 11.5 is nearer to the trip.
    let mut world = World::guarded("error_rate > 12% over 300s", disable());
    world.values.before.insert("error_rate", 1.0);
    world.measures("error_rate", 21.0);
    world.measures("error_rate", 11.5);
    world.pass(900);
    let Recovery::Stated { statement, .. } = world.state().recovery else {
        panic!("nothing is said");
    };
    assert_eq!((statement.verdict, statement.baseline), (RecoveryVerdict::NotCaused, Some(1.0)));
}

#[test]
fn on_a_ladder_the_recovery_is_counted_from_its_end() {
    let mut world = World::guarded("latency.p95 > 5s over 10m", ladder());
    world.measures("latency.p95", 6_000.0);
    world.pass(600);
    world.pass(600);
    assert_eq!(world.plan_state("rollback.errors"), Some(PlanState::Latched));
    world.measures("latency.p95", 100.0);
    assert!(matches!(world.state().recovery, Recovery::Pending { .. }));
    world.pass(899);
    assert!(matches!(world.state().recovery, Recovery::Pending { .. }));
    world.pass(1);
    assert!(matches!(world.state().recovery, Recovery::Stated { .. }));
}

#[test]
fn a_clock_that_was_set_back_delays_nothing_for_ever() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    world.measures("error_rate", 11.0);
    world.jump(-30 * 86_400);
    world.measures("error_rate", 1.0);
    world.pass(899);
    assert!(matches!(world.state().recovery, Recovery::Pending { .. }));
    world.pass(1);
    assert!(matches!(world.state().recovery, Recovery::Stated { .. }));
    world.acknowledge();
    world.measures("error_rate", 20.0);
    world.jump(-86_400);
    world.go_on();
    world.ask(rollout("dreams", 100.0));
    world.pass(300);
    assert_eq!(world.state().trips, 2);
}

#[test]
fn the_gravest_of_two_guards_goes_first() {
    let mut world = World::guarded("error_rate > 2% over 10m", ladder());
    let critical = SetGuard { guard: "worst".to_owned(), ..asked("error_rate > 5% over 5m", disable()) };
    world.ask(Change::SetGuard(Box::new(critical)));
    world.measures("error_rate", 6.0);
    world.serves("dreams", "disabled");
    world.is(GuardPhase::Quiet);
    assert!(world.snapshot.guard_state(&GuardKey::new("worst")).unwrap().is_latched());
}

#[test]
fn what_is_worse_takes_over_from_a_ladder_on_its_way() {
    let mut world = World::guarded("error_rate > 2% over 10m", ladder());
    let critical = SetGuard { guard: "worst".to_owned(), ..asked("error_rate > 5% over 5m", disable()) };
    world.ask(Change::SetGuard(Box::new(critical)));
    world.measures("error_rate", 3.0);
    world.serves("dreams", "50%");
    world.measures("error_rate", 6.0);
    world.serves("dreams", "disabled");
    assert_eq!(world.plan_state("rollback.errors"), Some(PlanState::Latched));
    world.pass(3_600);
    world.serves("dreams", "disabled");
}
