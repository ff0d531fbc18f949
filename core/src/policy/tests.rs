//! When a window is on, how much more a flag gives, and what makes things safer: tables.

use crate::change::{Change, Place};
use crate::check::tests::{
    Store, create, create_text, default_serve, disable, place, rollout, rule, serve, split,
};
use crate::condition::{Condition, Operator};
use crate::entity::{Entity, EntityId};
use crate::flag::{Canary, CanaryPart, Serve};
use crate::key::{EnvironmentKey, FoldedKey, SegmentKey};
use crate::list::ListKey;
use crate::policy::exposure::{Held, rise};
use crate::policy::freeze::{FreezePeriod, FreezeWindow, Weekday, WeeklyPeriod};
use crate::policy::safety::{is_entity_safer, is_flag_safer};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;
use crate::value::Value;

fn moment(text: &str) -> Timestamp {
    let timestamp: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_unix_micros(timestamp.as_microsecond())
}

fn weekly(weekdays: &[Weekday], from: u32, lasts: u32, offset: i32) -> FreezePeriod {
    FreezePeriod::Weekly(WeeklyPeriod {
        weekdays: weekdays.to_vec(),
        from_minute: from,
        lasts_minutes: lasts,
        utc_offset_minutes: offset,
    })
}

#[track_caller]
fn check_on(period: &FreezePeriod, now: &str, end: Option<&str>) {
    let window = FreezeWindow { name: Box::from("a window"), period: period.clone() };
    assert_eq!(window.ends(moment(now)), end.map(moment), "{period} at {now}");
}

#[test]
fn a_window_is_on_from_its_first_moment_until_just_before_its_last() {
    use Weekday::{Friday, Monday, Sunday, Thursday};
    // 2026-11-27 is a Friday. From Friday 16:00 for 64 hours: until Monday 08:00, in a zone one hour east.
    let weekend = weekly(&[Friday], 16 * 60, 64 * 60, 60);
    check_on(&weekend, "2026-11-27T14:59:59.999999Z", None);
    check_on(&weekend, "2026-11-27T15:00:00Z", Some("2026-11-30T07:00:00Z"));
    check_on(&weekend, "2026-11-29T23:30:00Z", Some("2026-11-30T07:00:00Z"));
    check_on(&weekend, "2026-11-30T06:59:59.999999Z", Some("2026-11-30T07:00:00Z"));
    check_on(&weekend, "2026-11-30T07:00:00Z", None);
    // Over midnight, on two days in a row.
    let nights = weekly(&[Thursday, Friday], 22 * 60, 8 * 60, 0);
    check_on(&nights, "2026-11-26T21:59:00Z", None);
    check_on(&nights, "2026-11-27T05:00:00Z", Some("2026-11-27T06:00:00Z"));
    check_on(&nights, "2026-11-28T05:00:00Z", Some("2026-11-28T06:00:00Z"));
    check_on(&nights, "2026-11-29T05:00:00Z", None);
    // Over the end of the week, and at its first minute; west of UTC.
    let sunday = weekly(&[Sunday], 23 * 60, 120, -300);
    check_on(&sunday, "2026-11-30T03:59:00Z", None);
    check_on(&sunday, "2026-11-30T05:59:00Z", Some("2026-11-30T06:00:00Z"));
    check_on(&weekly(&[Monday], 0, 1, 0), "2026-11-30T00:00:30Z", Some("2026-11-30T00:01:00Z"));
    // One that begins as the other ends goes on.
    let both = weekly(&[Thursday, Friday], 0, 24 * 60, 0);
    check_on(&both, "2026-11-26T12:00:00Z", Some("2026-11-28T00:00:00Z"));
    // Before 1970 as well.
    check_on(&weekly(&[Thursday], 0, 60, 0), "1969-12-25T00:30:00Z", Some("1969-12-25T01:00:00Z"));
    let once =
        FreezePeriod::Once { from: moment("2026-12-20T00:00:00Z"), to: moment("2027-01-04T00:00:00Z") };
    check_on(&once, "2026-12-19T23:59:59Z", None);
    check_on(&once, "2026-12-20T00:00:00Z", Some("2027-01-04T00:00:00Z"));
    check_on(&once, "2027-01-04T00:00:00Z", None);
}

#[test]
fn the_whole_week_has_an_end_that_is_looked_for_only_so_far() {
    let always = weekly(&Weekday::ALL, 0, 24 * 60, 0);
    let window = FreezeWindow { name: Box::from("always"), period: always };
    let now = moment("2026-11-27T12:00:00Z");
    assert!(window.ends(now).is_some_and(|end| end > now));
}

#[test]
fn a_window_says_when_it_is_on() {
    use Weekday::{Friday, Monday, Thursday};
    let check = |period: FreezePeriod, expected: &str| assert_eq!(period.to_string(), expected);
    check(weekly(&[Friday], 16 * 60, 64 * 60, 60), "fri 16:00 to mon 08:00 +01:00");
    check(weekly(&[Monday, Thursday], 22 * 60, 8 * 60, 0), "mon,thu 22:00 to 06:00 1 day later +00:00");
    check(weekly(&[Monday], 9 * 60, 90, -330), "mon 09:00 to 10:30 -05:30");
    let once =
        FreezePeriod::Once { from: moment("2026-12-20T00:00:00Z"), to: moment("2027-01-04T00:00:00Z") };
    check(once, "2026-12-20T00:00:00Z to 2027-01-04T00:00:00Z");
}

fn matrix(shares: &[(&str, f64)], rest: f64) -> Change {
    let shares = shares.iter().map(|(segment, percent)| ((*segment).to_owned(), *percent)).collect();
    Change::SetMatrix { place: place("dreams"), shares, rest: Some(rest), enable: false }
}

fn by_company(weight: u32) -> Change {
    let serve = crate::check::tests::split_by(Some("company"), &[("on", weight), ("off", 100_000 - weight)]);
    default_serve("dreams", serve)
}

fn beginning() -> Store {
    let mut store = Store::with(&[create("dreams"), create("base"), create_text("voice", &["a", "b", "c"])]);
    for segment in ["a", "b"] {
        store
            .submit(&[Change::SetSegment(crate::change::SetSegment {
                environment: "production".to_owned(),
                segment: segment.to_owned(),
                ..Default::default()
            })])
            .unwrap();
    }
    store
}

fn held_in<'s>(snapshot: &'s Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Held<'s>> {
    let (definition, configuration) = (snapshot.flag(flag)?, snapshot.configuration(environment, flag)?);
    Some(Held { definition, configuration })
}

/// What both questions say of a flag after some changes, and then some more.
fn judged(flag: &str, before: &[Change], after: &[Change]) -> (u32, bool) {
    let mut store = beginning();
    for change in before {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    let then = store.snapshot.clone();
    for change in after {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    let production = EnvironmentKey::new("production");
    let key = FoldedKey::of(flag);
    let held = |snapshot| held_in(snapshot, &production, &key);
    let (was, is) = (held(&then), held(&store.snapshot));
    (rise(was, is), is_flag_safer(was, is))
}

#[track_caller]
fn check(before: &[Change], after: &[Change], rises: u32, is_safer: bool) {
    assert_eq!(judged("dreams", before, after), (rises, is_safer), "{before:?} then {after:?}");
}

#[test]
fn percentages_rise_and_fall() {
    check(&[rollout("dreams", 10.0)], &[rollout("dreams", 35.0)], 25_000, false);
    check(&[rollout("dreams", 35.0)], &[rollout("dreams", 10.0)], 0, true);
    check(&[rollout("dreams", 10.0)], &[disable("dreams")], 0, true);
    check(&[], &[rollout("dreams", 10.0)], 10_000, false);
    check(&[], &[Change::Enable(place("dreams"))], 100_000, false);
    check(&[rollout("dreams", 0.0)], &[rollout("dreams", 0.0)], 0, true);
    check(&[rollout("dreams", 40.0), disable("dreams")], &[Change::Enable(place("dreams"))], 40_000, false);
    // Prepared while nobody has it: no raise yet, and not safer either.
    let all = default_serve("dreams", serve("on"));
    check(&[rollout("dreams", 40.0), disable("dreams")], &[all], 0, false);
    let swapped = default_serve("dreams", split(&[("off", 60_000), ("on", 40_000)]));
    check(&[rollout("dreams", 40.0)], &[swapped], 40_000, false);
    check(&[rollout("dreams", 40.0)], &[by_company(20_000)], 20_000, false);
    check(&[rollout("dreams", 100.0)], &[by_company(20_000)], 0, true);
    check(&[rollout("dreams", 0.0), by_company(20_000)], &[rollout("dreams", 20.0)], 0, true);
    let salted = Change::SetSalt { place: place("dreams"), salt: "other".to_owned() };
    check(&[rollout("dreams", 40.0)], std::slice::from_ref(&salted), 40_000, false);
    check(&[rollout("dreams", 100.0)], &[salted], 0, true);
}

#[test]
fn each_audience_is_held_against_the_least_that_it_may_have_had() {
    check(&[rollout("dreams", 10.0)], &[matrix(&[("a", 25.0)], 10.0)], 15_000, false);
    check(&[rollout("dreams", 50.0)], &[matrix(&[("a", 25.0)], 50.0)], 0, true);
    check(&[matrix(&[("a", 50.0)], 0.0)], &[matrix(&[], 0.0)], 0, true);
    // Whoever was in the segment falls through to more.
    check(&[matrix(&[("a", 10.0)], 50.0)], &[matrix(&[], 50.0)], 40_000, false);
    check(&[matrix(&[("a", 0.0)], 50.0)], &[matrix(&[("a", 0.0), ("b", 50.0)], 50.0)], 0, true);
    check(&[matrix(&[("a", 0.0)], 50.0)], &[matrix(&[("b", 50.0), ("a", 0.0)], 50.0)], 50_000, false);
    // Whoever is in both gets what the first one says.
    let (first, second) =
        (matrix(&[("a", 50.0), ("b", 10.0)], 0.0), matrix(&[("b", 10.0), ("a", 50.0)], 0.0));
    check(std::slice::from_ref(&first), std::slice::from_ref(&second), 0, true);
    check(&[second], &[first], 40_000, false);
    let everybody =
        Change::SetRules { place: place("dreams"), rules: vec![rule(Condition::always(), serve("on"))] };
    check(&[rollout("dreams", 0.0)], &[everybody], 100_000, false);
}

#[test]
fn what_cannot_be_known_counts_as_everybody() {
    let targeting = |text: &str| Change::SetTargeting { place: place("dreams"), targeting: text.to_owned() };
    let expression = r#"{"if": [true, "on"]}"#;
    check(&[rollout("dreams", 0.0)], &[targeting(expression)], 100_000, false);
    check(&[rollout("dreams", 10.0), targeting(expression)], &[targeting("")], 10_000, false);
    check(&[rollout("dreams", 30.0), targeting(expression)], &[rollout("dreams", 10.0)], 0, true);
    check(&[rollout("dreams", 30.0), targeting(expression)], &[disable("dreams")], 0, true);
    let needs = |flags: &[&str]| Change::SetPrerequisites {
        place: place("dreams"),
        prerequisites: flags.iter().map(|flag| ((*flag).to_owned(), vec!["on".to_owned()])).collect(),
    };
    check(&[rollout("dreams", 30.0)], &[needs(&["base"])], 0, true);
    check(&[rollout("dreams", 30.0), needs(&["base"])], &[needs(&[])], 30_000, false);
}

#[test]
fn flags_that_come_and_go() {
    let archive = Change::ArchiveFlag { flag: "dreams".to_owned(), force: false };
    let unarchive = Change::UnarchiveFlag { flag: "dreams".to_owned() };
    check(&[rollout("dreams", 30.0)], std::slice::from_ref(&archive), 0, false);
    check(&[rollout("dreams", 30.0), archive], &[unarchive], 30_000, false);
    let delete = Change::DeleteFlag { flag: "dreams".to_owned(), force: false };
    check(&[], &[delete], 0, false);
    assert_eq!(judged("new", &[], &[create("new")]), (0, true));
    assert_eq!(judged("new", &[], &[create("new"), rollout("new", 1.0)]), (1_000, false));
    assert_eq!(
        judged("new", &[], &[create("new"), set_rule("new")]),
        (0, false),
        "prepared unseen is not dark"
    );
    let swapped = vec![("on".to_owned(), Value::Boolean(false)), ("off".to_owned(), Value::Boolean(true))];
    let swap = Change::SetVariants { flag: "dreams".to_owned(), variants: swapped };
    check(&[], &[swap], 100_000, false);
    let off = Change::SetOffVariant { place: place("dreams"), variant: "on".to_owned() };
    check(&[], &[off], 100_000, false);
}

fn set_rule(flag: &str) -> Change {
    let condition = crate::check::tests::test("country", Operator::Equals, &[Value::string("DE")]);
    Change::SetRules { place: place(flag), rules: vec![rule(condition, serve("on"))] }
}

#[test]
fn overrides_and_the_canary() {
    let set = |variant: &str, seconds| Change::SetOverride {
        place: place("dreams"),
        service: "ui".to_owned(),
        variant: variant.to_owned(),
        seconds,
    };
    let remove = Change::RemoveOverride { place: place("dreams"), service: "ui".to_owned() };
    check(&[], &[set("on", 60)], 0, false);
    check(&[set("on", 60)], &[remove], 0, true);
    check(&[set("on", 60)], &[set("on", 3_600)], 0, false);
    let part = |part| Change::SetCanaryPart { place: place("dreams"), part };
    check(&[], &[part(CanaryPart::Out)], 0, true);
    check(&[part(CanaryPart::Out)], &[part(CanaryPart::ByType)], 0, false);
}

#[test]
fn of_another_type_each_variant_is_a_feature_of_its_own() {
    let is_safer = |before: Serve, after: Serve| {
        let voice = |serve| default_serve("voice", serve);
        judged("voice", &[Change::Enable(place("voice")), voice(before)], &[voice(after)])
    };
    assert_eq!(is_safer(serve("a"), serve("c")), (0, true));
    assert_eq!(is_safer(serve("a"), serve("b")), (0, false));
    assert_eq!(
        is_safer(split(&[("a", 50_000), ("c", 50_000)]), split(&[("a", 20_000), ("c", 80_000)])),
        (0, true)
    );
    assert_eq!(
        is_safer(split(&[("a", 50_000), ("c", 50_000)]), split(&[("a", 60_000), ("c", 40_000)])),
        (0, false)
    );
}

#[test]
fn other_entities() {
    let production = EnvironmentKey::new("production");
    let canary = |on| Entity::Canary(Canary { on, switched: None });
    let id = EntityId::Canary(production.clone());
    for (before, after, expected) in [
        (None, Some(canary(true)), false),
        (Some(canary(true)), Some(canary(false)), true),
        (Some(canary(false)), Some(canary(true)), false),
        (Some(canary(true)), None, true),
    ] {
        assert_eq!(is_entity_safer(&id, before.as_ref(), after.as_ref()), expected, "{before:?} {after:?}");
    }
    let listed = |list| EntityId::Listed(production.clone(), list, std::sync::Arc::from("ada"));
    let allowlist = listed(ListKey::Canary);
    assert!(is_entity_safer(&allowlist, Some(&Entity::Listed), None));
    assert!(!is_entity_safer(&allowlist, None, Some(&Entity::Listed)));
    // Whether a segment has the flag or is kept from it, nobody can say.
    let included = listed(ListKey::Included(SegmentKey::new("a")));
    assert!(!is_entity_safer(&included, Some(&Entity::Listed), None));
}

#[test]
fn another_environment_is_another_flag() {
    let staging = Place { environment: "staging".to_owned(), flag: "dreams".to_owned() };
    check(&[], &[Change::Enable(staging)], 0, true);
}
