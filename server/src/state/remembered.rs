//! Which idempotency keys were used for what.
//!
//! Only records are remembered. A request that changed nothing has none, so its repetition is simply tried again, as if
//! it had arrived later; the same goes for dry runs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mycelia_flags_core::revision::Revision;

/// SHA-256 of an encoded change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntentHash(pub(super) [u8; 32]);

/// A request that was committed under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Earlier {
    /// Where its record is.
    pub(super) revision: Revision,
    /// What it asked for.
    pub(super) intent: IntentHash,
    /// What it was warned of.
    pub(super) warnings: Vec<String>,
}

/// The keys of the newest keyed records.
#[derive(Debug)]
pub(super) struct Remembered {
    by_key: HashMap<Arc<str>, Earlier>,
    order: VecDeque<Arc<str>>,
    keys_max: usize,
}

impl Remembered {
    pub(super) fn new(keys_max: usize) -> Self {
        Self { by_key: HashMap::new(), order: VecDeque::new(), keys_max }
    }

    pub(super) fn find(&self, key: &str) -> Option<&Earlier> {
        self.by_key.get(key)
    }

    /// Remembers a key and forgets the oldest one that is too many.
    pub(super) fn insert(&mut self, key: &str, earlier: Earlier) {
        let key: Arc<str> = Arc::from(key);
        // A key that was forgotten may have been used again; at replay both records come by, and the newer one counts.
        if self.by_key.insert(Arc::clone(&key), earlier).is_some() {
            self.order.retain(|held| *held != key);
        }
        self.order.push_back(key);
        if self.order.len() > self.keys_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(revision: u64) -> Earlier {
        Earlier { revision: Revision::new(revision), intent: IntentHash([0; 32]), warnings: Vec::new() }
    }

    #[test]
    fn the_oldest_key_is_forgotten() {
        let mut remembered = Remembered::new(2);
        for (revision, key) in [(1, "a"), (2, "b"), (3, "c")] {
            remembered.insert(key, earlier(revision));
        }
        assert_eq!(remembered.find("a"), None);
        assert_eq!(remembered.find("b"), Some(&earlier(2)));
        assert_eq!(remembered.find("c"), Some(&earlier(3)));
    }

    #[test]
    fn a_key_that_comes_again_is_as_young_as_its_last_use() {
        let mut remembered = Remembered::new(2);
        for (revision, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            remembered.insert(key, earlier(revision));
        }
        assert_eq!(remembered.find("a"), Some(&earlier(3)));
        assert_eq!(remembered.find("b"), None);
    }
}
