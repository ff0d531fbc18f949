//! What differs, in words.

use super::*;
use crate::change::{Change, SetSegment};
use crate::check::tests::{Store, create, enable, place, rollout, rule, serve, set_rules, test};
use crate::condition::Operator;
use crate::value::Value;

fn lines(changes: &[FieldChange]) -> Vec<String> {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
    let line = |change: &FieldChange| {
        let (before, after) = (side(&change.before), side(&change.after));
        format!("{} {}: {before} -> {after}", change.entity, change.field)
    };
    changes.iter().map(line).collect()
}

fn edit(list: &str, add: &[&str], remove: &[&str]) -> Change {
    let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
    Change::EditList {
        environment: "production".to_owned(),
        list: list.to_owned(),
        add: keys(add),
        remove: keys(remove),
    }
}

/// What changes would do, and that the difference of the states before and after says the same.
#[track_caller]
fn check(before: &[Change], changes: &[Change], expected: &[&str]) {
    let mut store = Store::with(before);
    let earlier = store.snapshot.clone();
    let writes = store.submit(changes).unwrap().writes;
    assert_eq!(lines(&of_writes(&earlier, &writes)), expected);
    assert_eq!(lines(&of_snapshots(&earlier, &store.snapshot)), expected);
    assert_eq!(lines(&of_snapshots(&store.snapshot, &store.snapshot)), [""; 0]);
}

#[test]
fn a_rollout_differs_in_its_switch_and_its_split() {
    check(
        &[create("dreams")],
        &[rollout("dreams", 25.0)],
        &[
            "configuration/production/dreams default_serve: on -> 25% on, 75% off",
            "configuration/production/dreams default_variant: on -> off",
            "configuration/production/dreams enabled: no -> yes",
        ],
    );
}

#[test]
fn a_rule_comes_and_a_list_is_summed_up() {
    let country = test("country", Operator::In, &[Value::string("DE"), Value::string("AT")]);
    let segment = Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: "beta".to_owned(),
        ..SetSegment::default()
    });
    let many: Vec<String> = (0..12).map(|number| format!("user-{number:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(
        &[create("dreams"), segment, edit("segment/beta/included", &["ana"], &[])],
        &[
            set_rules("dreams", vec![rule(country, serve("on"))]),
            edit("segment/beta/included", &many, &["ana"]),
        ],
        &[
            "configuration/production/dreams rules[0]: nothing -> a rule: when country in \"DE\", \"AT\" serve on",
            "list/production/segment/beta/included : 1 key: ana -> 12 keys: user-00, user-01, user-02, user-03, user-04, \
             user-05, user-06, user-07, user-08, user-09, …",
        ],
    );
}

#[test]
fn what_comes_or_goes_as_a_whole_is_said_in_one_line() {
    let canary = Change::SwitchCanary { environment: "production".to_owned(), on: true };
    check(&[], &[canary], &["canary/production : nothing -> canary: on"]);
    let store = Store::with(&[create("dreams")]);
    let gone = of_snapshots(&store.snapshot, &Store::new().snapshot);
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert!(gone.iter().all(|change| change.after.is_none() && change.field.is_empty()));
}

#[test]
fn environments_are_compared_flag_by_flag() {
    let mut staging = place("dreams");
    staging.environment = "staging".to_owned();
    let store = Store::with(&[
        create("dreams"),
        create("same"),
        enable("dreams"),
        Change::Enable(staging),
        rollout("dreams", 10.0),
        edit("canary", &["ana"], &[]),
    ]);
    let environment = EnvironmentKey::new;
    let found = of_environments(&store.snapshot, &environment("staging"), &environment("production"));
    assert_eq!(
        lines(&found),
        [
            "flag/dreams default_serve: on -> 10% on, 90% off",
            "flag/dreams default_variant: on -> off",
            "list/production/canary : nothing -> 1 key: ana",
        ]
    );
    let only = BTreeSet::from([FoldedKey::of("dreams")]);
    assert_eq!(found.iter().filter(|change| is_of(change, &only)).count(), 2);
}
