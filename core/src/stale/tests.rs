//! Which flags are stale, and why.

use super::*;
use crate::change::{Change, CreateFlag};
use crate::check::tests::{Store, create, create_text, enable, place, rollout, rule, serve, set_rules};
use crate::condition::Condition;

const DAY: i64 = 86_400 * 1_000_000;

fn day(number: i64) -> Timestamp {
    Timestamp::from_unix_micros(number * DAY)
}

/// After the changes, all made on day 10 and evaluated since, what is stale on day 41 of what must settle for 30 days.
#[track_caller]
fn check(changes: &[Change], evaluated: bool, expected: &[(&str, &[StaleReason])]) {
    let store = Store::with(changes);
    let knowledge = Knowledge {
        now: day(41),
        settled_micros: 30 * 86_400 * 1_000_000,
        watched_since: day(3),
        last_evaluated: &|_| evaluated.then_some(day(20)),
        changed_at: &|_| Some(day(10)),
    };
    let found = stale(&store.snapshot, &EnvironmentKey::new("production"), knowledge);
    let found: Vec<(&str, &[StaleReason])> =
        found.iter().map(|stale| (stale.flag.as_str(), &*stale.reasons)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_flag_that_everybody_has_or_nobody_is_stale_after_a_while() {
    let on = [StaleReason::FullyOn(day(10))];
    let off = [StaleReason::FullyOff(day(10))];
    check(&[create("dreams"), enable("dreams")], true, &[("dreams", &on)]);
    check(&[create("dreams"), rollout("dreams", 100.0)], true, &[("dreams", &on)]);
    check(&[create("dreams"), rollout("dreams", 0.0)], true, &[("dreams", &off)]);
    check(&[create("dreams")], true, &[("dreams", &off)]);
    check(&[create("dreams"), rollout("dreams", 50.0)], true, &[]);
    check(&[create_text("voice", &["a", "b"]), enable("voice")], true, &[("voice", &on)]);
}

#[test]
fn a_flag_that_still_decides_something_is_not() {
    let ruled = set_rules("dreams", vec![rule(Condition::always(), serve("off"))]);
    check(&[create("dreams"), enable("dreams"), ruled], true, &[]);
    let canary = Change::SwitchCanary { environment: "production".to_owned(), on: true };
    check(&[create("dreams"), rollout("dreams", 0.0), canary], true, &[]);
    let detach = Change::SetOverride {
        place: place("dreams"),
        service: "ui".to_owned(),
        variant: "off".to_owned(),
        seconds: 60,
    };
    check(&[create("dreams"), enable("dreams"), detach], true, &[]);
}

#[test]
fn a_permanent_flag_may_stay_as_it_is_and_an_archived_one_is_not_looked_at() {
    let permanent = CreateFlag { lifetime: Lifetime::Permanent, ..CreateFlag::boolean("kill.switch") };
    check(&[Change::CreateFlag(permanent)], true, &[]);
    check(&[create("dreams"), Change::ArchiveFlag { flag: "dreams".to_owned(), force: false }], false, &[]);
}

#[test]
fn a_flag_that_nobody_evaluates_or_that_should_be_gone_is_stale_too() {
    let ends = |end| CreateFlag { expected_end: Some(end), ..CreateFlag::boolean("dreams") };
    let partly = rollout("dreams", 50.0);
    let never = [StaleReason::NeverEvaluated(day(3))];
    check(&[create("dreams"), partly.clone()], false, &[("dreams", &never)]);
    let past = [StaleReason::PastItsEnd(day(40))];
    check(&[Change::CreateFlag(ends(day(40))), partly.clone()], true, &[("dreams", &past)]);
    check(&[Change::CreateFlag(ends(day(42))), partly], true, &[]);
}

#[test]
fn silence_says_nothing_of_a_new_flag_or_to_a_server_that_has_just_started() {
    let store = Store::with(&[create("dreams"), rollout("dreams", 50.0)]);
    for (changed, watched_since, expected) in [(10, 3, 1), (10, 30, 0), (30, 3, 0)] {
        let knowledge = Knowledge {
            now: day(41),
            settled_micros: 30 * 86_400 * 1_000_000,
            watched_since: day(watched_since),
            last_evaluated: &|_| None,
            changed_at: &|_| Some(day(changed)),
        };
        let found = stale(&store.snapshot, &EnvironmentKey::new("production"), knowledge);
        assert_eq!(found.len(), expected, "changed on day {changed}, watched since day {watched_since}");
    }
}
