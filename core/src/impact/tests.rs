//! Whom a change concerns, counted.

use super::*;
use crate::change::{Change, SetSegment};
use crate::check::tests::{Store, create, disable, enable, place, rollout};
use crate::compiled::of_snapshot;

fn people(services: &[&str]) -> Vec<Seen> {
    let person = |number: usize| Seen {
        subject: Context::new(&format!("user-{number}")),
        service: Box::from(services[number % services.len()]),
    };
    (0..1_000).map(person).collect()
}

fn needs(flag: &str, other: &str) -> Change {
    let prerequisites = vec![(other.to_owned(), vec!["on".to_owned()])];
    Change::SetPrerequisites { place: place(flag), prerequisites }
}

fn edit(list: &str, add: &[&str]) -> Change {
    Change::EditList {
        environment: "production".to_owned(),
        list: list.to_owned(),
        add: add.iter().map(ToString::to_string).collect(),
        remove: Vec::new(),
    }
}

fn segment(key: &str) -> Change {
    Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: key.to_owned(),
        ..SetSegment::default()
    })
}

fn matrix(flag: &str, segment: &str) -> Change {
    Change::SetMatrix {
        place: place(flag),
        shares: vec![(segment.to_owned(), 100.0)],
        rest: None,
        enable: false,
    }
}

/// What changes mean for a thousand people.
fn of(before: &[Change], changes: &[Change], seen: &[Seen]) -> Vec<FlagImpact> {
    let mut store = Store::with(before);
    let earlier = store.snapshot.clone();
    let writes = store.submit(changes).unwrap().writes;
    let production = EnvironmentKey::new("production");
    let flags = affected(&earlier, &store.snapshot, &writes, &production);
    let compiled = |snapshot| of_snapshot::compiled(snapshot, &production, None);
    impact(&compiled(&earlier), &compiled(&store.snapshot), &flags, seen, Now::At(0))
}

/// The flags that change for somebody, and for how many.
fn changed(impacts: &[FlagImpact]) -> Vec<(&str, usize)> {
    let concerned = impacts.iter().filter(|impact| impact.changed > 0);
    concerned.map(|impact| (impact.flag.as_str(), impact.changed)).collect()
}

#[test]
fn a_raised_percentage_turns_some_on_and_nobody_off() {
    let before = [create("dreams"), rollout("dreams", 10.0)];
    let impacts = of(&before, &[rollout("dreams", 25.0)], &people(&["ui", "runner", "ui"]));
    let [impact] = &impacts[..] else { panic!("{impacts:?}") };
    assert_eq!(impact.seen, 1_000);
    assert!((100..200).contains(&impact.changed), "about 15 %: {}", impact.changed);
    let name = |name: &str| Some(VariantName::new(name));
    assert_eq!(impact.moves, BTreeMap::from([((name("off"), name("on")), impact.changed)]));
    assert_eq!(impact.services.values().sum::<usize>(), impact.changed);
    assert!(impact.services["ui"] > impact.services["runner"]);
}

#[test]
fn a_flag_that_is_needed_takes_others_with_it() {
    let before = [
        create("engine"),
        enable("engine"),
        create("dreams"),
        enable("dreams"),
        create("deep"),
        enable("deep"),
        create("other"),
        enable("other"),
        needs("dreams", "engine"),
        needs("deep", "dreams"),
    ];
    let impacts = of(&before, &[disable("engine")], &people(&[""]));
    assert_eq!(changed(&impacts), [("deep", 1_000), ("dreams", 1_000), ("engine", 1_000)]);
    let engine = impacts.iter().find(|impact| impact.flag.as_str() == "engine").unwrap();
    assert_eq!(engine.dependents, [FlagKey::new("dreams")]);
}

#[test]
fn whom_a_segment_or_the_canary_is_about_matters_to_the_flags_that_ask() {
    let before =
        [create("dreams"), create("other"), rollout("other", 0.0), segment("beta"), matrix("dreams", "beta")];
    let seen = people(&[""]);
    let beta = of(&before, &[edit("segment/beta/included", &["user-1", "user-2", "nobody"])], &seen);
    assert_eq!(changed(&beta), [("dreams", 2)]);
    let on = Change::SwitchCanary { environment: "production".to_owned(), on: true };
    let canary = of(&before, &[on, edit("canary", &["user-7"])], &seen);
    assert_eq!(changed(&canary), [("dreams", 1), ("other", 1)]);
}

#[test]
fn a_flag_that_goes_is_nothing_afterwards_and_elsewhere_nothing_changes() {
    let before = [create("dreams"), enable("dreams")];
    let archived =
        of(&before, &[Change::ArchiveFlag { flag: "dreams".to_owned(), force: false }], &people(&[""]));
    assert_eq!(archived[0].moves, BTreeMap::from([((Some(VariantName::new("on")), None), 1_000)]));
    let mut staging = place("dreams");
    staging.environment = "staging".to_owned();
    assert_eq!(of(&before, &[Change::Enable(staging)], &people(&[""])), []);
}
