//! Breaking the glass: a promotion that is not ready, and is made all the same.

use super::*;
use crate::policy::AskedPolicy;

#[test]
fn the_glass_is_broken_only_where_the_rules_allow_it_and_with_a_reason() {
    let mut world = World::new();
    world.does("ana", Change::Enable(staged("voice")));
    world.does("ana", rules(all_of_it()));
    let refused = world.try_as("ana", &[promote(true)]).unwrap_err();
    assert_eq!(refused.violations.len(), 6, "{refused}");
    let first = refused.violations.first().unwrap();
    assert_eq!((first.reason, &*first.field), (Reason::PromotionNotReady, "changes[0].promote.force"));
    assert_eq!(first.allowed, "a promotion without force: the rules and the policy of production allow none");
    world.does("ana", rules(AskedRules { allow_force: true, ..all_of_it() }));
    let refused = world.try_with("ana", " ", &[promote(true)], &[]).unwrap_err();
    assert_eq!(refused.violations.first().unwrap().reason, Reason::Required);
    world.try_with("ana", "the old path is down", &[promote(true)], &[]).unwrap();
    assert!(world.store.configuration("production", "voice").enabled);
}

#[test]
fn a_policy_may_let_the_glass_be_broken_as_well() {
    let mut world = World::new();
    world.does("ana", Change::Enable(staged("voice")));
    world.does("ana", rules(all_of_it()));
    let policy = AskedPolicy { break_glass: true, ..AskedPolicy::default() };
    let set = Change::SetPolicy { environment: "production".to_owned(), policy };
    world.try_with("ana", "who is on call decides", &[set], &[]).unwrap();
    world.try_with("ana", "the old path is down", &[promote(true)], &[]).unwrap();
    assert!(world.store.configuration("production", "voice").enabled);
}
