//! A set of keys that is cheap to copy, cheap to edit and cheap to ask, at any size.
//!
//! The keys lie in shards of a few hundred. A copy shares all of them; an edit copies the one shard that it touches, and
//! the texts themselves are shared by every version of the set. Asking hashes the key once to find the shard and once
//! within it, whatever the size.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::FixedState;

type Shard = HashSet<Arc<str>, FixedState>;

/// The shards are doubled when they hold more than this many keys each, on average.
const SHARD_KEYS_MAX: usize = 128;

/// A seed of its own: with the shard's own hash, all keys of a shard would collide in it.
const SHARD_SEED: u64 = 0x6d79_6365_6c69_6100;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// None or a power of two.
    shards: Arc<Vec<Arc<Shard>>>,
    len: usize,
    bytes: usize,
}

impl KeySet {
    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of all keys together.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a key is there.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: &str) -> bool {
        self.shards.get(shard_of(key, self.shards.len())).is_some_and(|shard| shard.contains(key))
    }

    /// Adds a key; false when it was there.
    pub fn insert(&mut self, key: &Arc<str>) -> bool {
        if self.contains(key) {
            return false;
        }
        if self.len >= self.shards.len() * SHARD_KEYS_MAX {
            self.grow();
        }
        let at = shard_of(key, self.shards.len());
        if let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) {
            Arc::make_mut(shard).insert(Arc::clone(key));
            self.len += 1;
            self.bytes += key.len();
        }
        true
    }

    /// Removes a key; false when it was not there.
    pub fn remove(&mut self, key: &str) -> bool {
        if !self.contains(key) {
            return false;
        }
        let at = shard_of(key, self.shards.len());
        if let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) {
            Arc::make_mut(shard).remove(key);
            self.len -= 1;
            self.bytes -= key.len();
        }
        true
    }

    /// All keys, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// All keys, in their order.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Arc<str>> {
        let mut keys: Vec<_> = self.iter().collect();
        keys.sort_unstable();
        keys
    }

    fn grow(&mut self) {
        let count = (self.shards.len() * 2).max(1);
        let mut shards = vec![Shard::default(); count];
        for key in self.shards.iter().flat_map(|shard| shard.iter()) {
            if let Some(shard) = shards.get_mut(shard_of(key, count)) {
                shard.insert(Arc::clone(key));
            }
        }
        self.shards = Arc::new(shards.into_iter().map(Arc::new).collect());
    }
}

/// The shard of a key among so many: a power of two, or none.
#[inline]
fn shard_of(key: &str, shards: usize) -> usize {
    let hash = FixedState::with_seed(SHARD_SEED).hash_one(key);
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
    let hash = hash as usize;
    hash & shards.saturating_sub(1)
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && (Arc::ptr_eq(&self.shards, &other.shards) || self.iter().all(|key| other.contains(key)))
    }
}

impl<K: AsRef<str>> FromIterator<K> for KeySet {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.insert(&Arc::from(key.as_ref()));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(edits in proptest::collection::vec((any::<bool>(), 0_u16..400), 0..2_000)) {
            let (mut set, mut plain) = (KeySet::default(), BTreeSet::new());
            for (add, number) in edits {
                let key: Arc<str> = Arc::from(format!("user-{number}"));
                let before = set.clone();
                let (changed, expected) = match add {
                    true => (set.insert(&key), plain.insert(Arc::clone(&key))),
                    false => (set.remove(&key), plain.remove(&key)),
                };
                prop_assert_eq!(changed, expected);
                prop_assert_eq!(before == set, !changed, "a copy does not follow");
            }
            prop_assert_eq!(set.sorted(), plain.iter().collect::<Vec<_>>());
            prop_assert_eq!((set.len(), set.bytes()), (plain.len(), plain.iter().map(|key| key.len()).sum()));
            prop_assert_eq!(set, plain.iter().rev().collect::<KeySet>());
        }
    }

    #[test]
    fn an_edit_of_a_large_set_copies_one_shard() {
        let mut set: KeySet = (0..100_000).map(|number| format!("user-{number}")).collect();
        let before = set.clone();
        assert!(set.insert(&Arc::from("somebody")));
        let shared = before.shards.iter().zip(set.shards.iter()).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), set.shards.len() - 1);
        let largest = set.shards.iter().map(|shard| shard.len()).max();
        assert!(largest.is_some_and(|keys| keys < 4 * SHARD_KEYS_MAX), "{largest:?}");
        assert!(!KeySet::default().contains("somebody"));
    }
}
