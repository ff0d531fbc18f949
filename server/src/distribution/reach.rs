//! What a scope needs beside the flags that it may see: their prerequisites, and the segments that any of these name.
//!
//! A flag and what it needs travel in one revision, and what nobody in the scope needs any more leaves it. So each feed
//! counts who names what, and a record costs as much as it changed, however many flags there are. Counting is enough:
//! prerequisites form no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::update::EntryKey;

/// A flag, as far as it matters here.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Whether the scope may see it.
    pub visible: bool,
    /// What it names: prerequisites and segments, each once.
    pub names: Arc<[EntryKey]>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Reach {
    /// How many flags of the scope name an entry.
    named: BTreeMap<EntryKey, usize>,
    /// What the flags of the scope name; only of those that name something.
    names: BTreeMap<FoldedKey, Arc<[EntryKey]>>,
}

impl Reach {
    /// Whether a flag of the scope names the entry.
    #[must_use]
    pub fn needs(&self, entry: &EntryKey) -> bool {
        self.named.contains_key(entry)
    }

    /// Takes in that flags were written; `look` looks at a flag as it is now. Answers all entries that may have come to
    /// the scope, changed or left it.
    pub fn take_in(
        &mut self,
        written: impl IntoIterator<Item = FoldedKey>,
        mut look: impl FnMut(&FoldedKey) -> Option<Looked>,
    ) -> BTreeSet<EntryKey> {
        let mut affected = BTreeSet::new();
        let mut waiting: Vec<FoldedKey> = written.into_iter().collect();
        while let Some(flag) = waiting.pop() {
            let entry = EntryKey::Flag(flag.clone());
            let looked = look(&flag).filter(|looked| looked.visible || self.needs(&entry));
            affected.insert(entry);
            let now = looked.map_or_else(|| Arc::from([]), |looked| looked.names);
            let before = self.names.remove(&flag).unwrap_or_else(|| Arc::from([]));
            // First what is named now: what was named before as well never leaves in between.
            let mut moved = Vec::new();
            for entry in now.iter() {
                let count = self.named.entry(entry.clone()).or_default();
                *count += 1;
                if *count == 1 {
                    moved.push(entry.clone());
                }
            }
            for entry in before.iter() {
                if self.discount(entry) {
                    moved.push(entry.clone());
                }
            }
            for entry in moved {
                match &entry {
                    EntryKey::Flag(flag) => waiting.push(flag.clone()),
                    EntryKey::Segment(_) | EntryKey::Canary => drop(affected.insert(entry)),
                }
            }
            if !now.is_empty() {
                self.names.insert(flag, now);
            }
        }
        affected
    }

    /// One flag fewer names the entry; true when it was the last one.
    fn discount(&mut self, entry: &EntryKey) -> bool {
        let Some(count) = self.named.get_mut(entry) else {
            return false;
        };
        *count -= 1;
        let was_last = *count == 0;
        if was_last {
            self.named.remove(entry);
        }
        was_last
    }
}

#[cfg(test)]
mod tests;
