//! What is no guard, what a guard does not do, and what a guard keeps from going.

use super::*;

#[track_caller]
fn refuse(guard: SetGuard, reason: Reason, field: &str) {
    let mut world = World::new();
    let rejection = world.try_ask(Change::SetGuard(Box::new(guard))).unwrap_err();
    let found: Vec<(Reason, &str)> =
        rejection.violations.iter().map(|violation| (violation.reason, violation.field.as_str())).collect();
    assert_eq!(found, [(reason, field)], "{rejection}");
}

#[test]
fn what_is_no_guard_is_refused_with_the_field() {
    let good = || asked("error_rate > 10% over 300s", disable());
    let flags = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
    let at = |field: &str| format!("changes[0].set_guard.{field}");
    refuse(SetGuard { guard: "a b".to_owned(), ..good() }, Reason::InvalidName, &at("guard"));
    refuse(
        SetGuard { environment: "moon".to_owned(), ..good() },
        Reason::UnknownEnvironment,
        &at("environment"),
    );
    refuse(SetGuard { flags: Vec::new(), ..good() }, Reason::Required, &at("flags"));
    refuse(SetGuard { flags: flags(&["nothing"]), ..good() }, Reason::UnknownFlag, &at("flags[0]"));
    refuse(SetGuard { flags: flags(&["dreams", "dreams"]), ..good() }, Reason::Duplicate, &at("flags[1]"));
    refuse(
        SetGuard { flags: Vec::new(), feature: "night".to_owned(), ..good() },
        Reason::UnknownFeature,
        &at("feature"),
    );
    refuse(SetGuard { recovery_after_seconds: Some(0), ..good() }, Reason::OutOfRange, &at("recovery_after"));
    refuse(asked("error_rate > 10% over 8d", disable()), Reason::OutOfRange, &at("when.window"));
    refuse(asked("error_rate > 10% of nothing", disable()), Reason::UnknownFlag, &at("when.flag"));
    refuse(SetGuard { notify: flags(&["ops", "ops"]), ..good() }, Reason::Duplicate, &at("notify[1]"));
    let rungs = |percents: &[f64]| {
        let ladder = Ladder { percents: percents.to_vec(), every_seconds: 60 };
        asked("error_rate > 10%", GuardAction::Rollback(RollbackKind::Gradual(ladder)))
    };
    refuse(rungs(&[]), Reason::Required, &at("action.percents"));
    refuse(rungs(&[10.0, 20.0]), Reason::OutOfRange, &at("action.percents[1]"));
    refuse(SetGuard { guard: "g".repeat(128), ..rungs(&[0.0]) }, Reason::InvalidName, &at("guard"));
    let segments = |names: &[&str]| {
        let segments = names.iter().map(|name| SegmentKey::new(name)).collect();
        asked("error_rate > 10%", GuardAction::Rollback(RollbackKind::Segments(segments)))
    };
    refuse(segments(&[]), Reason::Required, &at("action.segments"));
    refuse(segments(&["Z"]), Reason::UnknownSegment, &at("action.segments[0]"));
}

#[test]
fn a_recovery_that_is_looked_for_too_early_is_warned_of() {
    let mut world = World::new();
    let hasty =
        SetGuard { recovery_after_seconds: Some(60), ..asked("error_rate > 10% over 300s", disable()) };
    let checked = world.ask(Change::SetGuard(Box::new(hasty)));
    assert_eq!(checked.warnings.len(), 1, "{:?}", checked.warnings);
    let same = world.ask(guard("error_rate > 10% over 300s", disable()));
    assert_eq!(same.writes.len(), 1);
    assert!(world.ask(guard("error_rate > 10% over 300s", disable())).writes.is_empty(), "nothing is new");
}

#[test]
fn what_a_guard_needs_stays() {
    let mut world = World::new();
    let kind = RollbackKind::Segments(vec![SegmentKey::new("B")]);
    world.ask(guard("error_rate > 10% over 300s", GuardAction::Rollback(kind)));
    let delete = |flag: &str| Change::DeleteFlag { flag: flag.to_owned(), force: true };
    world.refuses(delete("dreams"), Reason::FlagInUse);
    let (environment, segment) = ("production".to_owned(), "B".to_owned());
    world.refuses(Change::DeleteSegment { environment, segment }, Reason::SegmentInUse);
    let night = Change::SetFeature {
        feature: "night".to_owned(),
        description: String::new(),
        flags: vec!["whispers".to_owned()],
    };
    world.ask(night);
    let of_feature =
        SetGuard { flags: Vec::new(), feature: "night".to_owned(), ..asked("error_rate > 10%", disable()) };
    world.ask(Change::SetGuard(Box::new(of_feature)));
    world.refuses(Change::DeleteFeature { feature: "night".to_owned() }, Reason::FeatureInUse);
    world.ask(delete("dreams"));
    world.ask(Change::DeleteGuard { guard: "errors".to_owned(), force: false });
    world.ask(Change::DeleteFeature { feature: "night".to_owned() });
}

fn trip(world: &World) -> GuardStep {
    let observed = Observed { value: 11.0, measurement: None };
    GuardStep::Trip { judged_at: world.snapshot.revision(), observed }
}

#[test]
fn only_the_server_steps_a_guard() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    let step = StepGuard { guard: "errors".to_owned(), step: trip(&world) };
    world.refuses(Change::StepGuard(Box::new(step)), Reason::Reserved);
}

#[test]
fn somebody_who_changed_the_flag_meanwhile_is_not_overruled_unseen() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    let step = trip(&world);
    // Another flag is no reason.
    world.ask(rollout("whispers", 10.0));
    world.ask(rollout("dreams", 10.0));
    let refused = world.step("errors", step.clone()).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::GuardState);
    world.serves("dreams", "10%");
    let again = trip(&world);
    world.ask(rollout("whispers", 20.0));
    world.step("errors", again.clone()).unwrap();
    world.serves("dreams", "disabled");
    // Asked for twice is refused.
    let refused = world.step("errors", again).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::GuardState);
}

#[test]
fn a_guard_that_was_set_anew_meanwhile_is_asked_again() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    let step = trip(&world);
    world.ask(guard("error_rate > 50% over 300s", disable()));
    assert!(world.step("errors", step).is_err());
    world.serves("dreams", "100%");
}

#[test]
fn a_step_that_is_late_is_refused() {
    let mut world = World::guarded("error_rate > 10% over 300s", GuardAction::Alert);
    for step in [GuardStep::Quiet { value: 1.0 }, GuardStep::ClockWentBack, trip(&world)] {
        let refused = world.step("errors", step.clone()).unwrap_err();
        assert_eq!(refused.violations.first().unwrap().reason, Reason::GuardState, "{step:?}");
    }
}

#[test]
fn a_policy_holds_up_whoever_would_weaken_a_guard_and_never_the_guard() {
    let mut world = World::guarded("error_rate > 10% over 300s", disable());
    let policy = Change::SetPolicy {
        environment: "production".to_owned(),
        policy: crate::policy::AskedPolicy {
            approvals: 1,
            reason_required: true,
            ..crate::policy::AskedPolicy::default()
        },
    };
    world.ask(policy);
    world.refuses(guard("error_rate > 90% over 300s", disable()), Reason::ApprovalRequired);
    let delete = Change::DeleteGuard { guard: "errors".to_owned(), force: false };
    world.refuses(delete, Reason::ApprovalRequired);
    let another = SetGuard { guard: "more".to_owned(), ..asked("error_rate > 1%", GuardAction::Alert) };
    world.ask(Change::SetGuard(Box::new(another)));
    world.measures("error_rate", 11.0);
    world.serves("dreams", "disabled");
    world.acknowledge();
}
