//! Who switched a flag last, and what does not count as switching.

use super::{Store, create, delete, disable, enable, place, rollout, set_salt};
use crate::change::Change;
use crate::check::Origin;
use crate::flag::Switched;
use crate::revision::{Revision, Timestamp};

/// Ana makes the changes before, each in its own revision, and bruno the others together: who switched `dreams` last?
#[track_caller]
fn check_last(before: &[Change], together: &[Change], expected: (bool, Option<&str>)) {
    let mut store = Store::with(&[create("dreams")]);
    for change in before {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    let held = store.configuration("production", "dreams");
    store.submit_as("bruno", Origin::Caller, together).unwrap();
    let last = store.configuration("production", "dreams");
    let by = last.switched.as_ref().map(|switched| &*switched.by);
    assert_eq!((last.enabled, by), expected);
    if by == Some("ana") {
        assert_eq!(last.switched, held.switched);
    }
}

fn enabling_rollout() -> Change {
    Change::Rollout { place: place("dreams"), percent: 10.0, enable: true }
}

#[test]
fn a_switch_names_who_when_and_in_which_revision() {
    let mut store = Store::with(&[create("dreams")]);
    store.submit_as("bruno", Origin::Caller, &[enable("dreams")]).unwrap();
    let expected = Switched {
        by: Box::from("bruno"),
        at: Timestamp::from_unix_micros(1_795_251_602_000_000),
        revision: Revision::new(3),
    };
    assert_eq!(store.configuration("production", "dreams").switched, Some(expected.clone()));
    assert_eq!(store.configuration("staging", "dreams").switched, None);
    store.submit_as("carla", Origin::Caller, &[enable("dreams")]).unwrap();
    store.submit_as("carla", Origin::Caller, &[rollout("dreams", 5.0)]).unwrap();
    assert_eq!(store.configuration("production", "dreams").switched, Some(expected));
}

#[test]
fn switching_there_and_back_is_not_switching() {
    let on = || enable("dreams");
    let off = || disable("dreams");
    check_last(&[off()], &[on(), off()], (false, Some("ana")));
    check_last(&[on()], &[off(), on()], (true, Some("ana")));
    check_last(&[off()], &[enabling_rollout(), off()], (false, Some("ana")));
    check_last(&[off()], &[on(), off(), set_salt("dreams", "beta")], (false, Some("ana")));
    check_last(&[off()], &[on(), off(), on()], (true, Some("bruno")));
    check_last(&[on()], &[on(), off()], (false, Some("bruno")));
    let mut store = Store::with(&[create("dreams"), off()]);
    assert_eq!(store.submit(&[on(), off()]).unwrap().writes, []);
}

/// Otherwise a rollout would not respect that somebody wants it off.
#[test]
fn the_first_one_to_switch_a_flag_is_remembered_even_for_switching_it_back() {
    check_last(&[], &[enable("dreams"), disable("dreams")], (false, Some("bruno")));
    check_last(&[], &[disable("dreams")], (false, Some("bruno")));
    check_last(&[], &[rollout("dreams", 5.0), disable("dreams")], (false, Some("bruno")));
}

#[test]
fn a_flag_that_is_created_again_was_switched_by_nobody_before() {
    let again = || vec![delete("dreams"), create("dreams")];
    check_last(&[disable("dreams")], &again(), (false, None));
    check_last(&[disable("dreams")], &[again(), vec![disable("dreams")]].concat(), (false, Some("bruno")));
    check_last(&[enable("dreams")], &[again(), vec![enable("dreams")]].concat(), (true, Some("bruno")));
}
