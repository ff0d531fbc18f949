//! What comes to a scope and leaves it, against counting everything anew.

use mycelia_flags_core::key::SegmentKey;
use proptest::prelude::*;

use super::*;

/// A flag: whether it may be seen, the later flags that it needs, and the segments that it names.
type Flag = (bool, BTreeSet<u8>, BTreeSet<u8>);

const FLAGS: u8 = 6;

fn flag(number: u8) -> FoldedKey {
    FoldedKey::of(&format!("f{number}"))
}

fn segment(number: u8) -> EntryKey {
    EntryKey::Segment(SegmentKey::new(&format!("s{number}")))
}

fn number_of(flag: &FoldedKey) -> u8 {
    flag.as_str().trim_start_matches('f').parse().unwrap()
}

fn look(flags: &BTreeMap<u8, Flag>, number: u8) -> Option<Looked> {
    let (visible, prerequisites, segments) = flags.get(&number)?;
    // Only later flags: prerequisites form no cycle.
    let prerequisites = prerequisites.iter().filter(|needed| **needed > number);
    let names = prerequisites.map(|needed| EntryKey::Flag(flag(*needed)));
    Some(Looked {
        visible: *visible,
        names: names.chain(segments.iter().map(|named| segment(*named))).collect(),
    })
}

/// Everything in the scope, found by following everything from the beginning.
fn followed(flags: &BTreeMap<u8, Flag>) -> BTreeSet<EntryKey> {
    let mut found = BTreeSet::new();
    let visible = (0..FLAGS).filter(|number| look(flags, *number).is_some_and(|looked| looked.visible));
    let mut waiting: Vec<EntryKey> = visible.map(|number| EntryKey::Flag(flag(number))).collect();
    while let Some(entry) = waiting.pop() {
        if let EntryKey::Flag(key) = &entry {
            let Some(looked) = look(flags, number_of(key)) else { continue };
            waiting.extend(looked.names.iter().cloned());
        }
        found.insert(entry);
    }
    found
}

fn any_flag() -> impl Strategy<Value = Option<Flag>> {
    let numbers = || proptest::collection::btree_set(0..FLAGS, 0..3);
    proptest::option::weighted(0.8, (any::<bool>(), numbers(), numbers()))
}

proptest! {
    #[test]
    fn counting_finds_what_following_everything_finds(writes in proptest::collection::vec((0..FLAGS, any_flag()), 1..40)) {
        let mut flags: BTreeMap<u8, Flag> = BTreeMap::new();
        let mut reach = Reach::default();
        let mut held = BTreeSet::new();
        for (number, written) in writes {
            match written {
                Some(written) => drop(flags.insert(number, written)),
                None => drop(flags.remove(&number)),
            }
            let affected = reach.take_in([flag(number)], |key| look(&flags, number_of(key)));
            for entry in affected {
                let is_in = match &entry {
                    EntryKey::Flag(key) => look(&flags, number_of(key)).is_some_and(|looked| looked.visible || reach.needs(&entry)),
                    other => reach.needs(other),
                };
                if is_in { held.insert(entry) } else { held.remove(&entry) };
            }
            prop_assert_eq!(&held, &followed(&flags));
        }
    }
}
