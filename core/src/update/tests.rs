//! The laws of views and updates.

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

use super::*;

type Contents = (BTreeMap<u8, u8>, BTreeMap<u8, std::collections::BTreeSet<u8>>);

fn key(number: u8) -> EntryKey {
    EntryKey::Flag(FoldedKey::of(&format!("f{number}")))
}

fn list_key(number: u8) -> ListKey {
    match number {
        0 => ListKey::Canary,
        1 => ListKey::Included(SegmentKey::new("a")),
        _ => ListKey::Excluded(SegmentKey::new("a")),
    }
}

fn member(key: &EntryKey, content: u8) -> Member<u8> {
    Member { key: key.clone(), hash: MemberHash::of(&[content]), content: Arc::new(content) }
}

fn view(revision: u64, contents: &BTreeMap<u8, u8>) -> View<u8> {
    view_with_lists(revision, &(contents.clone(), BTreeMap::new()))
}

fn view_with_lists(revision: u64, (contents, lists): &Contents) -> View<u8> {
    let members = contents.iter().map(|(number, content)| member(&key(*number), *content));
    let lists = lists
        .iter()
        .map(|(list, keys)| (list_key(*list), keys.iter().map(|key| format!("u{key}")).collect()));
    View::of(Revision::new(revision), members, lists)
}

/// The members, and the keys on each list.
type Shown = (Vec<(String, u8)>, BTreeMap<String, Vec<String>>);

fn contents(view: &View<u8>) -> Shown {
    let members = view.members().map(|member| (member.key.to_string(), *member.content)).collect();
    let keys = |keys: &KeySet| keys.sorted().into_iter().map(ToString::to_string).collect();
    (members, view.lists().map(|(list, on)| (list.to_string(), keys(on))).collect())
}

prop_compose! {
    fn any_view(revision: u64)(
        members in btree_map(0_u8..12, 0_u8..4, 0..12),
        lists in btree_map(0_u8..3, btree_set(0_u8..6, 0..6), 0..3),
    ) -> View<u8> {
        view_with_lists(revision, &(members, lists))
    }
}

proptest! {
    #[test]
    fn applying_a_difference_gives_the_other_view(a in any_view(1), b in any_view(2)) {
        let mut applied = a.clone();
        applied.apply(&a.diff(&b)).unwrap();
        prop_assert_eq!(contents(&applied), contents(&b));
        prop_assert_eq!(applied.digest(), b.digest());
        prop_assert_eq!(applied.revision(), b.revision());
    }

    #[test]
    fn merging_is_applying_each(a in any_view(1), b in any_view(2), c in any_view(3)) {
        let merged = a.diff(&b).merge(&b.diff(&c)).unwrap();
        let mut applied = a.clone();
        applied.apply(&merged).unwrap();
        prop_assert_eq!(contents(&applied), contents(&c));
        prop_assert_eq!(applied.digest(), c.digest());
    }

    #[test]
    fn an_update_that_does_not_fit_changes_nothing(a in any_view(1), b in any_view(2), c in any_view(3)) {
        let mut held = a.clone();
        prop_assert!(held.apply(&b.diff(&c)).is_err());
        prop_assert_eq!(contents(&held), contents(&a));
        prop_assert_eq!(held.digest(), a.digest());
    }

    #[test]
    fn advancing_by_a_difference_is_the_difference(a in any_view(1), b in any_view(2)) {
        let wanted = a.diff(&b);
        let advanced = a.advance(b.revision(), wanted.members.clone(), wanted.lists.clone());
        prop_assert_eq!(advanced.is_none(), wanted.is_empty());
        if let Some(advanced) = advanced {
            prop_assert_eq!((advanced.len(), advanced.digest), (wanted.len(), wanted.digest));
            let mut applied = a.clone();
            applied.apply(&advanced).unwrap();
            prop_assert_eq!(contents(&applied), contents(&b));
        }
    }
}

#[test]
fn a_gap_is_noticed() {
    let a = view(1, &BTreeMap::from([(1, 1)]));
    let b = view(2, &BTreeMap::from([(1, 2)]));
    let mut held = view(0, &BTreeMap::new());
    let refused = held.apply(&a.diff(&b));
    assert_eq!(refused, Err(MisfitError::Gap { previous: Revision::new(1), held: Revision::ZERO }));
    assert!(a.diff(&b).merge(&a.diff(&b)).is_none());
}

#[test]
fn a_divergence_is_noticed() {
    let a = view(1, &BTreeMap::from([(1, 1)]));
    let b = view(2, &BTreeMap::from([(1, 2)]));
    let mut update = a.diff(&b);
    update.digest = Digest::default();
    assert_eq!(a.clone().apply(&update), Err(MisfitError::Diverged { revision: Revision::new(2) }));
}

#[test]
fn a_change_to_the_same_content_is_no_update() {
    let held = view_with_lists(1, &(BTreeMap::from([(1, 1)]), BTreeMap::from([(0, [1].into())])));
    let revision = Revision::new(2);
    let on =
        |key: &str, on| [(ListKey::Canary, ListEdit { cleared: false, keys: [(Arc::from(key), on)].into() })];
    assert!(held.advance(revision, [(key(1), Some(member(&key(1), 1)))], on("u1", true)).is_none());
    assert!(held.advance(revision, [(key(9), None)], on("u2", false)).is_none());
    assert!(held.advance(revision, [(key(1), None)], []).is_some());
    assert!(held.advance(revision, [], on("u1", false)).is_some());
}

#[test]
fn the_same_key_on_two_lists_is_two_members() {
    let on = |list: u8| view_with_lists(1, &(BTreeMap::new(), BTreeMap::from([(list, [1].into())]))).digest();
    assert_ne!(on(0), on(1));
    assert_ne!(on(1), on(2));
}
