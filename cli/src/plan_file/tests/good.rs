//! What a file that is right means.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, SegmentKey, VariantName};
use mycelia_flags_core::plan::{GuardAction, Ladder, PlanDefinition, RollbackKind, StageStart, Target};
use mycelia_flags_core::value::Value;

use super::{EVERYTHING, PROGRESSION, SMALL};
use crate::plan_file::read;

const DAY: u64 = 86_400;

#[track_caller]
fn plan(text: &str) -> PlanDefinition {
    read(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn every_field_arrives() {
    let plan = plan(EVERYTHING);
    assert_eq!((plan.key.as_str(), &*plan.owner, plan.first_day), ("everything", "team-memory", 0));
    assert_eq!(plan.starts_at.unwrap().to_string(), "2026-12-01T08:00:00Z");
    let [internal, beta, everybody] = &plan.stages[..] else {
        panic!("{} stages", plan.stages.len());
    };
    assert_eq!(internal.environment, Some(EnvironmentKey::new("staging")));
    assert_eq!(internal.set, [(FlagKey::new("whispers_enabled"), Target::Percent(100.0))]);
    assert_eq!(internal.canary.on, Some(true));
    assert_eq!(internal.canary.add, [Box::from("ana"), Box::from("ben")]);
    assert_eq!((internal.hold_seconds, internal.start), (2 * DAY, StageStart::Next));
    assert_eq!(beta.start, StageStart::Day(3));
    let targets: Vec<&Target> = beta.set.iter().map(|(_, target)| target).collect();
    let shares = vec![(SegmentKey::new("trusted-beta"), 100.0), (SegmentKey::new("regulars"), 25.0)];
    let list = Value::List(vec![Value::Boolean(true), Value::Null, Value::string("x")]);
    let limits = [(Box::from("a"), Value::Integer(1)), (Box::from("b"), list)];
    assert_eq!(
        targets,
        [
            &Target::Matrix { shares, rest: Some(0.0) },
            &Target::Percent(25.0),
            &Target::Band { from: 40.0, to: 50.0 },
            &Target::Value(Value::Integer(6)),
            &Target::Value(Value::Float(0.5)),
            &Target::Value(Value::string("hello")),
            &Target::Variant(VariantName::new("dark")),
            &Target::Value(Value::Object(limits.into_iter().collect())),
            &Target::Disabled,
            &Target::Percent(100.0),
        ]
    );
    assert_eq!((beta.gate.go, beta.gate.approvals, beta.gate.soak_seconds), (true, 2, 2 * DAY));
    assert_eq!(beta.gate.checks[0].to_string(), "error_rate < 2% over 1h");
    assert_eq!((beta.gate.drill_within_seconds, beta.rollback_within_seconds), (Some(30 * DAY), Some(1_800)));
    assert!(
        matches!(everybody.start, StageStart::At(moment) if moment.to_string() == "2027-01-10T08:00:00Z")
    );
    let actions: Vec<&GuardAction> = plan.guards.iter().map(|guard| &guard.action).collect();
    let rollback = GuardAction::Rollback;
    assert_eq!(
        actions,
        [
            &rollback(RollbackKind::Disable),
            &rollback(RollbackKind::Gradual(Ladder { percents: vec![50.0, 25.0, 0.0], every_seconds: 600 })),
            &rollback(RollbackKind::Gradual(Ladder { percents: vec![50.0, 10.0], every_seconds: 300 })),
            &rollback(RollbackKind::Segments(vec![SegmentKey::new("regulars")])),
            &rollback(RollbackKind::ToZero),
            &rollback(RollbackKind::CanaryOff),
            &GuardAction::Pause,
            &GuardAction::Alert,
        ]
    );
    assert_eq!(plan.guards[0].flags, [FlagKey::new("dreams"), FlagKey::new("maya.voice")]);
    assert!(plan.guards[1].flags.is_empty(), "all that the plan moves");
    assert_eq!(plan.on_complete.remove_flags_after_seconds, Some(30 * DAY));
    assert!(plan.on_complete.canary_off);
    assert_eq!(plan.notes, [Box::from("announce it to beta users")]);
}

#[test]
fn a_plan_may_be_small() {
    let plan = plan(SMALL);
    assert_eq!(plan.environment.as_str(), "", "the server knows its default");
    assert_eq!((plan.first_day, plan.ladder), (1, Ladder::default()));
}

#[test]
fn a_progression_is_stages() {
    let plan = plan(PROGRESSION);
    let seen: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| (&*stage.name, stage.set.len(), stage.hold_seconds, stage.gate.go))
        .collect();
    assert_eq!(
        seen,
        [("1%", 2, DAY, true), ("10%", 2, 3 * DAY, true), ("50%", 2, 7 * DAY, true), ("100%", 2, 0, false)]
    );
    let arrows = PROGRESSION.replace('→', "->");
    assert_eq!(self::plan(&arrows), plan);
    let list = PROGRESSION.replace("1 → 10 → 50 → 100", "[1, 10%, 50, 100]");
    assert_eq!(self::plan(&list), plan);
}

#[test]
fn anchors_and_words_in_quotes_mean_the_same() {
    let text = "plan: p\nstages:\n  - &one\n    name: a\n    set: &set { d: \"25%\", e: 'off' }\n  - name: b\n    set: *set\n";
    let plan = plan(text);
    assert_eq!(plan.stages[0].set, plan.stages[1].set);
    assert_eq!(plan.stages[1].set[0].1, Target::Percent(25.0));
    assert_eq!(plan.stages[1].set[1].1, Target::Disabled);
}
