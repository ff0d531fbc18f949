//! Flags by their keys, in whatever spelling.

use std::sync::Arc;

use super::{compile, flag};
use crate::compiled::{Around, CompiledSet, Slot};
use crate::context::Context;
use crate::key::{FlagKey, FoldedKey};

const SPELLINGS: [&str; 3] = ["oracle.chat", "oracle-chat", "oracle_chat"];

fn slot(key: &str) -> Arc<Slot> {
    Arc::new(Slot::Flag(compile(&flag(key))))
}

fn broken(key: &str) -> Arc<Slot> {
    Arc::new(Slot::Broken { key: FlagKey::new(key), why: Box::from("it is from the future") })
}

fn set(keys: &[&str]) -> CompiledSet {
    CompiledSet::of(keys.iter().map(|key| slot(key)))
}

/// The keys of a set, in the order in which it lists them.
#[track_caller]
fn check(set: &CompiledSet, expected: &[&str]) {
    let keys: Vec<&str> = set.slots().iter().map(|slot| slot.key().as_str()).collect();
    assert_eq!(keys, expected);
    assert_eq!((set.len(), set.is_empty()), (expected.len(), expected.is_empty()));
    for key in expected {
        assert_eq!(set.get(key).unwrap().key().as_str(), *key);
    }
}

#[test]
fn a_flag_is_found_by_any_of_its_spellings() {
    for created in SPELLINGS {
        let set = set(&[created, "dreams"]);
        for asked in SPELLINGS {
            assert_eq!(set.get(asked).unwrap().key().as_str(), created, "{asked}");
        }
        for other in ["Oracle.chat", "oracle", "oracle.chat.", "", "oracle chat", "-"] {
            assert!(set.get(other).is_none(), "{other:?}");
        }
    }
}

#[test]
fn a_spelling_replaces_another() {
    for first in SPELLINGS {
        for second in SPELLINGS {
            let mut set = set(&[first, "dreams"]);
            set.insert(slot(second));
            check(&set, &["dreams", second]);
            for asked in SPELLINGS {
                assert_eq!(set.get(asked).unwrap().key().as_str(), second);
            }
        }
    }
}

#[test]
fn a_removed_flag_is_found_by_none_of_its_spellings() {
    for created in SPELLINGS {
        let mut set = set(&[created, "dreams"]);
        set.remove(&FoldedKey::of("oracle-chat"));
        check(&set, &["dreams"]);
        assert!(SPELLINGS.iter().all(|asked| set.get(asked).is_none()));
        set.remove(&FoldedKey::of("oracle-chat"));
        check(&set, &["dreams"]);
        set.insert(slot(created));
        check(&set, &["dreams", created]);
    }
}

#[test]
fn flags_are_listed_in_the_order_of_their_keys() {
    check(&set(&[]), &[]);
    check(&set(&["b", "a.z", "a-z.y", "B"]), &["B", "a-z.y", "a.z", "b"]);
}

#[test]
fn a_broken_flag_does_not_disturb_the_others() {
    let mut set = set(&["dreams"]);
    set.insert(broken("oracle.chat"));
    check(&set, &["dreams", "oracle.chat"]);
    let Slot::Flag(dreams) = &**set.get("dreams").unwrap() else { panic!("dreams is not broken") };
    assert_eq!(dreams.evaluate(Around::nothing(), &Context::anonymous()).variant.name.as_str(), "a");
    let Slot::Broken { why, .. } = &**set.get("oracle-chat").unwrap() else {
        panic!("oracle.chat is broken")
    };
    assert_eq!(&**why, "it is from the future");
    set.insert(slot("oracle_chat"));
    assert!(matches!(**set.get("oracle.chat").unwrap(), Slot::Flag(_)));
    check(&set, &["dreams", "oracle_chat"]);
}

#[test]
fn a_set_is_not_moved_by_what_its_clones_do() {
    let held = set(&["dreams"]);
    let mut moved = held.clone();
    moved.insert(slot("whispers"));
    moved.remove(&FoldedKey::of("dreams"));
    check(&held, &["dreams"]);
    check(&moved, &["whispers"]);
}
