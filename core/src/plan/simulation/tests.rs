//! What simulations show.

use super::*;
use crate::key::{PlanKey, SegmentKey, VariantName};
use crate::plan::{Gate, GuardAction, PlanGuard, RollbackKind, Target};
use crate::value::Value;

const HOUR: u64 = 3_600;

fn stage(name: &str, set: &[(&str, Target)], hold_hours: u64) -> Stage {
    Stage {
        name: Box::from(name),
        set: set.iter().map(|(flag, target)| (FlagKey::new(flag), target.clone())).collect(),
        hold_seconds: hold_hours * HOUR,
        ..Stage::default()
    }
}

fn plan(stages: Vec<Stage>) -> PlanDefinition {
    let mut plan = PlanDefinition::empty(PlanKey::new("p"), EnvironmentKey::new("production"));
    plan.stages = stages;
    plan
}

fn guard(when: &str, kind: RollbackKind) -> PlanGuard {
    PlanGuard {
        when: MetricCheck::parse(when).unwrap(),
        flags: Vec::new(),
        action: GuardAction::Rollback(kind),
    }
}

fn assumptions() -> Assumptions {
    Assumptions {
        start: Timestamp::default(),
        people_take_seconds: Some(2 * HOUR),
        resume_after_seconds: None,
        trace: Trace::default(),
        is_healthy: false,
    }
}

fn hours(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few hours")]
    let micros = at.unix_micros() as f64;
    micros / 3_600_000_000.0
}

/// Each event: hours since the start, who, what.
#[track_caller]
fn check(plan: &PlanDefinition, assumptions: &Assumptions, expected: &[(f64, &str, &str)]) -> Simulation {
    let simulation = simulate(plan, assumptions).unwrap();
    let seen: Vec<_> =
        simulation.events.iter().map(|event| (hours(event.at), &*event.by, event.words.as_str())).collect();
    assert_eq!(seen, expected);
    simulation
}

#[test]
fn a_rehearsal_says_what_a_server_would_say() {
    let plan = plan(vec![stage("a", &[("d", Target::Percent(120.0))], 1)]);
    let rejection = rehearse(&plan).unwrap_err();
    assert_eq!(rejection.violations[0].field, "changes[0].set_plan.plan.stages[0].set[0].percent");
}

#[test]
fn flags_are_made_for_all_that_a_plan_sets_them_to() {
    let variant = |name: &str| Target::Variant(VariantName::new(name));
    let shares = vec![(SegmentKey::new("beta"), 5.0)];
    for targets in [
        vec![Target::Percent(5.0), variant("on"), Target::Value(Value::Boolean(false)), Target::Disabled],
        vec![Target::Value(Value::Boolean(true)), Target::Matrix { shares, rest: None }],
        vec![Target::Value(Value::Integer(6)), variant("many"), Target::Value(Value::Integer(7))],
        vec![Target::Value(Value::Integer(6)), Target::Value(Value::Float(0.5))],
        vec![variant("dark"), variant("light"), Target::Value(Value::string("blue"))],
        vec![variant("small"), Target::Value(Value::Object([(Box::from("a"), Value::Null)].into()))],
    ] {
        let stages = targets
            .iter()
            .enumerate()
            .map(|(at, target)| stage(&format!("s{at}"), &[("d", target.clone())], 1));
        let answer = rehearse(&plan(stages.collect()));
        assert_eq!(answer, Ok(()), "{targets:?}");
    }
    let mixed = [Target::Percent(5.0), Target::Value(Value::Integer(6))];
    let [share, number] = mixed.map(|target| stage(&format!("{target:?}"), &[("d", target)], 1));
    let rejection = rehearse(&plan(vec![share, number])).unwrap_err();
    assert_eq!(rejection.violations.len(), 1);
    assert_eq!(rejection.violations[0].field, "changes[0].set_plan.plan.stages[1].set[0].value");
}

#[test]
fn people_do_what_a_gate_waits_for() {
    let mut first = stage("a", &[("d", Target::Percent(5.0))], 24);
    first.gate = Gate {
        go: true,
        approvals: 2,
        checklist: vec![Box::from("no bugs")],
        drill_within_seconds: Some(100 * HOUR),
        ..Gate::default()
    };
    let plan = plan(vec![first, stage("b", &[("d", Target::Percent(100.0))], 0)]);
    let waits = "waits for the gate: nobody has said go; 0 of 2 approvals; not ticked off: no bugs; \
                 no rollback drill of d within 4d 4h";
    check(
        &plan,
        &assumptions(),
        &[
            (0.0, "people", "started"),
            (24.0, "mycelia", waits),
            (26.0, "people", "said go"),
            (26.0, "person 1", "approved"),
            (26.0, "person 2", "approved"),
            (26.0, "people", "ticked off no bugs"),
            (26.0, "people", "rehearsed a rollback"),
            (26.0, "mycelia", "enters b: every stage is through"),
        ],
    );
    let never = Assumptions { people_take_seconds: None, ..assumptions() };
    let simulation = simulate(&plan, &never).unwrap();
    assert_eq!(simulation.progress.state, PlanState::WaitingForGate);
    assert_eq!(simulation.missing.len(), 4);
}

#[test]
fn a_mean_over_a_window_is_looked_at_between_the_rows() {
    let mut plan = plan(vec![stage("a", &[("d", Target::Percent(5.0))], 24)]);
    plan.guards = vec![guard("error_rate > 5% over 1h", RollbackKind::Disable)];
    let mut bad = assumptions();
    bad.trace.note(Timestamp::default(), "error_rate", 0.0);
    bad.trace.note(Timestamp::from_unix_micros(3_600_000_000 * 4), "error_rate", 10.0);
    // Half an hour of 10 % is a mean of 5 %, one minute later it is above.
    let (at, words) = (4.0 + 31.0 / 60.0, "guard: error_rate > 5% over 1h (5.167%)");
    check(&plan, &bad, &[(0.0, "people", "started"), (at, "mycelia", words)]);
}

#[test]
fn a_gate_opens_when_the_bad_hour_has_left_the_window() {
    let mut first = stage("a", &[("d", Target::Percent(5.0))], 1);
    first.gate.checks = vec![MetricCheck::parse("error_rate < 2% over 1h").unwrap()];
    let plan = plan(vec![first, stage("b", &[("d", Target::Percent(9.0))], 0)]);
    let mut bad = assumptions();
    bad.trace.note(Timestamp::default(), "error_rate", 20.0);
    bad.trace.note(Timestamp::from_unix_micros(3_600_000_000), "error_rate", 0.0);
    let simulation = simulate(&plan, &bad).unwrap();
    assert_eq!(simulation.progress.state, PlanState::Completed);
    assert_eq!((hours(simulation.ended) * 60.0).round(), 115.0, "less than 6 minutes of 20 % are below 2 %");
}

#[test]
fn a_long_trace_is_read_to_its_end() {
    let mut plan = plan(vec![stage("a", &[("d", Target::Percent(5.0))], 24 * 30)]);
    plan.guards = vec![guard("error_rate > 5% for 10m", RollbackKind::Disable)];
    let mut minutes = assumptions();
    for minute in 0..24 * 60 * 29 {
        minutes.trace.note(Timestamp::from_unix_micros(minute * 60_000_000), "error_rate", 1.0);
    }
    minutes.trace.note(Timestamp::from_unix_micros(24 * 60 * 29 * 60_000_000), "error_rate", 9.0);
    let simulation = simulate(&plan, &minutes).unwrap();
    assert_eq!(simulation.progress.state, PlanState::Latched);
    assert_eq!(hours(simulation.ended), 24.0 * 29.0 + 1.0 / 6.0);
}

#[test]
fn an_alert_is_told_once_for_each_time_that_it_comes() {
    let mut plan = plan(vec![stage("a", &[("d", Target::Percent(5.0))], 24)]);
    let when = MetricCheck::parse("error_rate > 5%").unwrap();
    plan.guards = vec![PlanGuard { when, flags: Vec::new(), action: GuardAction::Alert }];
    let mut bad = assumptions();
    for (hour, value) in [(0, 0.0), (1, 6.0), (2, 7.0), (3, 0.0), (4, 8.0)] {
        bad.trace.note(Timestamp::from_unix_micros(3_600_000_000 * hour), "error_rate", value);
    }
    check(
        &plan,
        &bad,
        &[
            (0.0, "people", "started"),
            (1.0, "mycelia", "alert: error_rate > 5% (6%)"),
            (3.0, "mycelia", "quiet again: error_rate > 5%"),
            (4.0, "mycelia", "alert: error_rate > 5% (8%)"),
            (24.0, "mycelia", "completes: every stage is through"),
        ],
    );
}

/// What a condition says of a stage that was entered at hour 10, in a trace of hours, at an hour.
#[track_caller]
fn versus(rows: &[(i64, &str, f64)], condition: &str, hour: i64, expected: Verdict) {
    let mut trace = Trace::default();
    let at = |hour: i64| Timestamp::from_unix_micros(3_600_000_000 * hour);
    for (hour, subject, value) in rows {
        trace.note(at(*hour), subject, *value);
    }
    let check = MetricCheck::parse(condition).unwrap();
    assert_eq!(trace.judge_at(&check, at(hour), Some(at(10))), expected, "{condition} at {hour}");
}

#[test]
fn a_difference_that_the_trace_states_counts() {
    let rows = [
        (0, "latency.p95", 100.0),
        (11, "latency.p95", 900.0),
        (0, "latency.p95 versus control", 3.0),
        (11, "latency.p95 of d versus baseline", 25.0),
        (12, "latency.p95 of d in ui versus baseline", 45.0),
    ];
    versus(&rows, "latency.p95 > 20% versus control", 12, Verdict::NotMet { value: 3.0 });
    versus(&rows, "latency.p95 > 20% of d in ui versus control", 12, Verdict::NotMet { value: 3.0 });
    versus(&rows, "latency.p95 > 20% of d versus baseline", 12, Verdict::Met { value: 25.0 });
    versus(&rows, "latency.p95 > 20% of d in ui versus baseline", 12, Verdict::Met { value: 45.0 });
    versus(&rows, "error_rate > 20% versus control", 12, Verdict::InsufficientData);
}

#[test]
fn a_baseline_is_what_was_before_the_stage_over_the_same_window() {
    // Two hours before the entry: one of 100, one of 300. Afterwards 250, then 500.
    let rows = [(0, "p", 9_000.0), (8, "p", 100.0), (9, "p", 300.0), (10, "p", 250.0), (12, "p", 500.0)];
    versus(&rows, "p > 20% over 2h versus baseline", 12, Verdict::Met { value: 25.0 });
    versus(&rows, "p > 20% over 1h versus baseline", 12, Verdict::NotMet { value: -16.667 });
    versus(&rows, "p > 20% over 2h versus baseline", 13, Verdict::Met { value: 87.5 });
    versus(&rows, "p > 20% versus baseline", 11, Verdict::NotMet { value: -16.667 });
    versus(&rows, "p > 20% for 1h versus baseline", 12, Verdict::NotMet { value: 66.667 });
    versus(&rows, "p > 20% for 1h versus baseline", 13, Verdict::Met { value: 66.667 });
}

#[test]
fn without_a_reference_nobody_guesses_a_difference() {
    let since_the_entry = [(10, "p", 100.0), (12, "p", 500.0)];
    versus(&since_the_entry, "p > 20% over 1h versus baseline", 13, Verdict::InsufficientData);
    versus(&since_the_entry, "p > 20% versus baseline", 13, Verdict::InsufficientData);
    versus(&since_the_entry, "p > 20% versus control", 13, Verdict::InsufficientData);
    let from_nothing = [(8, "p", 0.0), (12, "p", 500.0)];
    versus(&from_nothing, "p > 20% over 1h versus baseline", 13, Verdict::InsufficientData);
}

#[test]
fn a_ratio_is_computed_of_the_rows_of_its_parts() {
    let (met, not_met) = (|value| Verdict::Met { value }, |value| Verdict::NotMet { value });
    let rows = [
        (0, "fallbacks", 1.0),
        (0, "loads", 100.0),
        (10, "fallbacks", 30.0),
        (11, "loads", 300.0),
        (12, "loads", 0.0),
    ];
    versus(&rows, "ratio(fallbacks, loads) > 5%", 9, not_met(1.0));
    versus(&rows, "ratio(fallbacks, loads) > 5%", 10, met(30.0));
    versus(&rows, "ratio(fallbacks, loads) > 5%", 11, met(10.0));
    // All of the one in percent of all of the other: 30 and 30 of 100 and 300, and no mean of 30 % and 10 %.
    versus(&rows, "ratio(fallbacks, loads) > 5% over 2h", 12, met(15.0));
    versus(&rows, "ratio(fallbacks, loads) > 5% for 2h", 12, Verdict::InsufficientData);
    // Of nothing nothing is a part.
    versus(&rows, "ratio(fallbacks, loads) > 5%", 12, Verdict::InsufficientData);
    versus(&rows, "ratio(fallbacks, loads) > 5% over 1h", 14, Verdict::InsufficientData);
    versus(&rows, "ratio(fallbacks, loads) > 20% over 1h versus baseline", 11, met(2_900.0));
    // Where only one of them is known there is no ratio, and a row of its own counts before its parts.
    versus(&rows[..1], "ratio(fallbacks, loads) > 5%", 9, Verdict::InsufficientData);
    versus(&[(5, "loads", 9.0), rows[0]], "ratio(fallbacks, loads) > 5%", 4, Verdict::InsufficientData);
    versus(
        &[rows[0], rows[1], (0, "ratio(fallbacks, loads)", 7.0)],
        "ratio(fallbacks, loads) > 5%",
        9,
        met(7.0),
    );
    let here = [(0, "fallbacks of dreams in ui", 9.0), (0, "loads", 100.0)];
    versus(&here, "ratio(fallbacks, loads) > 5% of dreams in ui", 9, met(9.0));
    versus(&here, "ratio(fallbacks, loads) > 5% in runner", 9, Verdict::InsufficientData);
}

#[test]
fn a_guard_on_a_ratio_takes_a_plan_back_by_the_rows_of_its_parts() {
    let mut plan = plan(vec![stage("a", &[("d", Target::Percent(5.0))], 10)]);
    plan.guards = vec![guard("ratio(fallbacks, loads) > 5% for 1h", RollbackKind::ToZero)];
    let mut bad = assumptions();
    let hour = |hour: i64| Timestamp::from_unix_micros(3_600_000_000 * hour);
    for (at, metric, value) in
        [(0, "fallbacks", 1.0), (0, "loads", 100.0), (3, "fallbacks", 9.0), (5, "loads", 900.0)]
    {
        bad.trace.note(hour(at), metric, value);
    }
    let guarded = "guard: ratio(fallbacks, loads) > 5% for 1h (9%)";
    check(&plan, &bad, &[(0.0, "people", "started"), (4.0, "mycelia", guarded)]);
}

#[test]
fn a_relative_guard_takes_a_plan_back_in_simulated_time() {
    let mut plan = plan(vec![
        stage("a", &[("d", Target::Percent(5.0))], 10),
        stage("b", &[("d", Target::Percent(50.0))], 10),
    ]);
    plan.guards = vec![guard("latency.p95 > 20% for 1h versus baseline", RollbackKind::ToZero)];
    let mut bad = assumptions();
    bad.trace.note(Timestamp::default(), "latency.p95", 100.0);
    bad.trace.note(Timestamp::from_unix_micros(3_600_000_000 * 12), "latency.p95", 130.0);
    check(
        &plan,
        &bad,
        &[
            (0.0, "people", "started"),
            (10.0, "mycelia", "enters b: its time has come"),
            (13.0, "mycelia", "guard: latency.p95 > 20% for 1h versus baseline (30%)"),
        ],
    );
}

#[test]
fn nobody_resumes_for_ever() {
    let mut plan = plan(vec![stage("a", &[("d", Target::Percent(5.0))], 24)]);
    plan.guards = vec![guard("error_rate > 5%", RollbackKind::Disable)];
    let mut bad = Assumptions { resume_after_seconds: Some(24 * HOUR), ..assumptions() };
    bad.trace.note(Timestamp::default(), "error_rate", 9.0);
    let simulation = simulate(&plan, &bad).unwrap();
    assert_eq!(simulation.progress.state, PlanState::Latched);
    let trips = simulation.events.iter().filter(|event| event.words.starts_with("guard")).count();
    assert_eq!(trips, 1 + people::RESUMES_MAX);
}

#[test]
fn what_is_not_in_the_trace_is_healthy_when_that_is_assumed() {
    let mut first = stage("a", &[("d", Target::Percent(5.0))], 1);
    first.gate.checks = vec![MetricCheck::parse("error_rate < 2% over 1h").unwrap()];
    let mut plan = plan(vec![first]);
    plan.guards = vec![guard("error_rate > 5% for 10m", RollbackKind::Disable)];
    assert_eq!(simulate(&plan, &assumptions()).unwrap().progress.state, PlanState::WaitingForGate);
    let healthy = Assumptions { is_healthy: true, ..assumptions() };
    assert_eq!(simulate(&plan, &healthy).unwrap().progress.state, PlanState::Completed);
}
