//! What `rollout` does to whom, and when it refuses.

use super::{
    Store, check_fault, check_refused, create, create_text, default_serve, disable, enable, place, rollout,
    serve, set_variants, split, split_by,
};
use crate::change::Change;
use crate::check::Origin;
use crate::compiled::{Around, CompiledFlag};
use crate::context::Context;
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::flag::Serve;
use crate::rejection::Reason;
use crate::value::Value;

fn enabling_rollout(percent: f64) -> Change {
    Change::Rollout { place: place("dreams"), percent, enable: true }
}

/// The weight of `on` after a rollout to this percentage.
#[track_caller]
fn check_weight(percent: f64, expected: u32) {
    let store = Store::with(&[create("dreams"), rollout("dreams", percent)]);
    let flag = store.flag("production", "dreams");
    assert!(flag.enabled);
    assert_eq!(flag.default_serve, split(&[("on", expected), ("off", 100_000 - expected)]));
}

/// What is served by default after these changes to a new boolean flag.
#[track_caller]
fn check_serve(changes: &[Change], expected: Serve) {
    let mut store = Store::with(&[create("dreams")]);
    for change in changes {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    assert_eq!(store.flag("production", "dreams").default_serve, expected);
}

#[test]
fn a_percentage_has_at_most_three_decimals() {
    check_weight(0.0, 0);
    check_weight(-0.0, 0);
    check_weight(0.001, 1);
    check_weight(1.0, 1_000);
    check_weight(12.5, 12_500);
    check_weight(12.345, 12_345);
    check_weight(33.333, 33_333);
    check_weight(99.999, 99_999);
    check_weight(100.0, 100_000);
}

#[test]
fn every_exact_percentage_is_taken() {
    for weight in 0..=100_000_u32 {
        let percent: f64 = format!("{}.{:03}", weight / 1_000, weight % 1_000).parse().unwrap();
        assert_eq!(crate::check::configurations::exact_weight(percent), Some(weight), "{percent}");
    }
}

#[test]
fn another_percentage_is_refused() {
    let wrong = [
        (12.3456, "12.3456"),
        (12.345_000_000_1, "12.3450000001"),
        (99.999_999_999_9, "99.9999999999"),
        (1e-9, "0.000000001"),
        (-1e-9, "-0.000000001"),
        (0.0001, "0.0001"),
        (-1.0, "-1"),
        (-0.001, "-0.001"),
        (100.001, "100.001"),
        (1e300, &1e300_f64.to_string()),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    for (percent, shown) in wrong {
        let shown = if shown.len() > 80 { format!("{}…", &shown[..80]) } else { shown.to_owned() };
        let allowed = "0 to 100 with at most three decimals";
        check_fault(rollout("dreams", percent), Reason::OutOfRange, ".rollout.percent", &shown, allowed);
    }
}

/// What somebody without a targeting key gets after a rollout to this percentage.
#[track_caller]
fn check_without_key(before: &[Change], percent: f64, expected: (&str, ResolutionReason, Option<ErrorCode>)) {
    let mut store = Store::with(&[create("dreams")]);
    for change in before.iter().chain(&[rollout("dreams", percent)]) {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    let flag = store.flag("production", "dreams");
    assert_eq!(flag.default_variant.as_str(), "off");
    let compiled = CompiledFlag::compile(&flag, store.snapshot.settings().bucketing).unwrap();
    let served = compiled.evaluate(Around::nothing(), &Context::anonymous());
    assert_eq!((served.variant.name.as_str(), served.reason, served.error), expected);
}

/// A share is a share of those who have a key; whoever has none would otherwise be served it at any percentage.
#[test]
fn without_a_key_a_rollout_is_dark_until_it_is_everybody() {
    let dark = ("off", ResolutionReason::Default, Some(ErrorCode::TargetingKeyMissing));
    let everybody_first = [default_serve("dreams", serve("on"))];
    for before in [&[][..], &everybody_first] {
        check_without_key(before, 0.0, ("off", ResolutionReason::Static, None));
        check_without_key(before, 0.001, dark);
        check_without_key(before, 10.0, dark);
        check_without_key(before, 99.999, dark);
        check_without_key(before, 100.0, ("on", ResolutionReason::Static, None));
    }
}

#[test]
fn a_flag_that_was_never_enabled_is_enabled() {
    let store = Store::with(&[create("dreams"), rollout("dreams", 10.0)]);
    assert!(store.flag("production", "dreams").enabled);
    assert!(!store.flag("staging", "dreams").enabled);
}

#[test]
fn a_flag_that_somebody_disabled_is_left_alone() {
    let mut store = Store::with(&[create("dreams"), enable("dreams")]);
    store.submit_as("bruno", Origin::Caller, &[disable("dreams")]).unwrap();
    let held = store.clone();
    let rejection = store.submit(&[rollout("dreams", 10.0)]).unwrap_err();
    let expected = "changes[0].rollout.flag: \"dreams\" (FLAG_DISABLED): bruno disabled it at \
                    2026-11-21T09:00:03Z (revision 4); say enable to enable it again";
    assert_eq!(rejection.to_string(), expected);
    assert_eq!(store, held);
}

#[test]
fn disabling_a_flag_that_was_never_enabled_is_respected() {
    let mut store = Store::with(&[create("dreams"), disable("dreams")]);
    let rejection = store.submit(&[rollout("dreams", 10.0)]).unwrap_err();
    assert_eq!(rejection.violations[0].reason, Reason::FlagDisabled);
    store.submit(&[enable("dreams"), rollout("dreams", 10.0)]).unwrap();
    assert!(store.flag("production", "dreams").enabled);
}

#[test]
fn a_flag_that_was_disabled_in_the_same_set_is_left_alone() {
    let mut store = Store::with(&[create("dreams"), enable("dreams")]);
    let rejection = store.submit(&[disable("dreams"), rollout("dreams", 10.0)]).unwrap_err();
    assert_eq!(rejection.violations[0].field, "changes[1].rollout.flag");
}

#[test]
fn saying_enable_enables_it_again() {
    let mut store = Store::with(&[create("dreams"), enable("dreams"), disable("dreams")]);
    store.submit(&[enabling_rollout(25.0)]).unwrap();
    let flag = store.flag("production", "dreams");
    assert!(flag.enabled);
    assert_eq!(flag.default_serve, split(&[("on", 25_000), ("off", 75_000)]));
    assert_eq!(store.check(&[enabling_rollout(25.0)]).unwrap().writes, []);
}

#[test]
fn what_decides_who_is_who_is_kept() {
    let by_company = |on| split_by(Some("company"), &[("on", on), ("off", 100_000 - on)]);
    check_serve(&[default_serve("dreams", by_company(10_000)), rollout("dreams", 20.0)], by_company(20_000));
    let off_first = |on| split(&[("off", 100_000 - on), ("on", on)]);
    check_serve(&[default_serve("dreams", off_first(10_000)), rollout("dreams", 20.0)], off_first(20_000));
    let variant_again = [
        default_serve("dreams", by_company(10_000)),
        default_serve("dreams", serve("on")),
        rollout("dreams", 20.0),
    ];
    check_serve(&variant_again, split(&[("on", 20_000), ("off", 80_000)]));
}

#[test]
fn the_variants_are_known_by_their_values() {
    let renamed = [("aus".to_owned(), Value::Boolean(false)), ("an".to_owned(), Value::Boolean(true))];
    let create = Change::CreateFlag(crate::change::CreateFlag {
        variants: renamed.to_vec(),
        default_variant: "an".to_owned(),
        off_variant: "aus".to_owned(),
        ..crate::change::CreateFlag::boolean("dreams")
    });
    let store = Store::with(&[create, rollout("dreams", 10.0)]);
    let expected = split(&[("an", 10_000), ("aus", 90_000)]);
    assert_eq!(store.flag("production", "dreams").default_serve, expected);
}

#[test]
fn only_a_flag_with_true_and_false_has_a_rollout() {
    let allowed = "a boolean flag with a true and a false variant; use a default serve with a split";
    let refused = |flag| [(Reason::NotApplicable, "changes[0].rollout.flag", flag, allowed)];
    check_refused(&[create_text("voice", &["a", "b"])], &[rollout("voice", 10.0)], &refused("voice"));
    let mut only_true = crate::change::CreateFlag::boolean("dreams");
    only_true.variants = vec![("on".to_owned(), Value::Boolean(true))];
    only_true.off_variant = "on".to_owned();
    check_refused(&[Change::CreateFlag(only_true)], &[rollout("dreams", 10.0)], &refused("dreams"));
    let both = set_variants("dreams", vec![("yes".to_owned(), Value::Boolean(true))]);
    assert!(Store::with(&[create("dreams")]).check(&[both]).is_err());
}

/// Day 1 of the plan in `seeds/000_c607fa4a5bfb1b13.txt`: the names of its schedule, the spellings of its commands.
#[test]
fn the_first_day_of_a_real_plan_is_one_change_set() {
    let day = [
        ("oracle.chat", "oracle_chat", 100.0),
        ("weave_pipeline", "weave_pipeline", 100.0),
        ("uploads", "uploads", 100.0),
        ("admin.panel", "admin_panel", 100.0),
        ("services.catalog", "services_catalog", 100.0),
        ("dreams", "dreams", 25.0),
        ("micro_memories", "micro_memories", 25.0),
        ("whispers", "whispers", 10.0),
        ("maya.voice", "maya_voice", 10.0),
        ("maya.cues", "maya_cues", 10.0),
    ];
    let changes: Vec<Change> =
        day.iter().flat_map(|(key, spelling, percent)| [create(key), rollout(spelling, *percent)]).collect();
    let mut store = Store::new();
    assert_eq!(store.submit(&changes).unwrap().writes.len(), 40);
    assert_eq!(store.snapshot.revision().get(), 2);
    for (key, spelling, percent) in day {
        let flag = store.flag("production", spelling);
        assert_eq!((flag.key.as_str(), flag.enabled), (key, true));
        let on = crate::check::configurations::exact_weight(percent).unwrap();
        assert_eq!(flag.default_serve, split(&[("on", on), ("off", 100_000 - on)]));
        assert!(!store.flag("staging", key).enabled);
    }

    let mut wrong = changes;
    wrong[15] = rollout("whispers", 110.0);
    let mut store = Store::new();
    let held = store.clone();
    let rejection = store.submit(&wrong).unwrap_err();
    assert_eq!(rejection.violations.len(), 1);
    assert_eq!(rejection.violations[0].field, "changes[15].rollout.percent");
    assert_eq!(store, held);
}
