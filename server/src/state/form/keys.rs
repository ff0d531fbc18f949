//! Keys of one list, written together: thousands of them are one message, and not thousands.
//!
//! Writes lie in a record in the order of the entities' ids, so what an edit does to one list is one run of writes. It
//! is kept as the keys in that order, and how many of them in turn were added, removed, added, and so on.

use std::sync::Arc;

use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::key::{EnvironmentKey, SegmentKey};
use mycelia_flags_core::list::ListKey;

use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Keys {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(oneof = "List", tags = "2, 3, 4")]
    list: Option<List>,
    #[prost(string, repeated, tag = "5")]
    keys: Vec<String>,
    /// Lengths of runs, which together are all keys: added, removed, added … Nothing means that all were added.
    #[prost(uint32, repeated, tag = "6")]
    runs: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum List {
    /// Always true.
    #[prost(bool, tag = "2")]
    Canary(bool),
    /// The segment's key.
    #[prost(string, tag = "3")]
    Included(String),
    /// The segment's key.
    #[prost(string, tag = "4")]
    Excluded(String),
}

/// The list that a write is about, and the key on it.
pub(super) const fn listed(write: &Write) -> Option<(&EnvironmentKey, &ListKey, &Arc<str>)> {
    match &write.id {
        EntityId::Listed(environment, list, key) => Some((environment, list, key)),
        _ => None,
    }
}

/// Whether two writes are about the same list, and go into one message.
pub(super) fn belong_together(one: &Write, other: &Write) -> bool {
    match (listed(one), listed(other)) {
        (Some((environment, list, _)), Some((of, other, _))) => environment == of && list == other,
        _ => false,
    }
}

impl Keys {
    /// Packs writes that all are about the same list.
    pub(super) fn of(environment: &EnvironmentKey, list: &ListKey, writes: &[Write]) -> Self {
        let list = match list {
            ListKey::Canary => List::Canary(true),
            ListKey::Included(segment) => List::Included(segment.to_string()),
            ListKey::Excluded(segment) => List::Excluded(segment.to_string()),
        };
        let mut runs: Vec<u32> = vec![0];
        let mut adding = true;
        for write in writes {
            if write.value.is_some() != adding {
                adding = !adding;
                runs.push(0);
            }
            if let Some(run) = runs.last_mut() {
                *run += 1;
            }
        }
        if runs.len() == 1 {
            runs.clear();
        }
        Self {
            environment: environment.to_string(),
            list: Some(list),
            keys: writes.iter().filter_map(listed).map(|(_, _, key)| key.to_string()).collect(),
            runs,
        }
    }

    /// The same writes again, in the same order.
    pub(super) fn writes(self) -> Result<Vec<Write>, FormError> {
        let environment = EnvironmentKey::new(&self.environment);
        let list = match required("a list", self.list)? {
            List::Canary(_) => ListKey::Canary,
            List::Included(segment) => ListKey::Included(SegmentKey::new(&segment)),
            List::Excluded(segment) => ListKey::Excluded(SegmentKey::new(&segment)),
        };
        let (keys, told) = (self.keys.len(), self.runs.iter().map(|run| u64::from(*run)).sum::<u64>());
        if !self.runs.is_empty() && u64::try_from(keys) != Ok(told) {
            return Err(FormError::Runs { keys, told });
        }
        let runs = self.runs.iter().enumerate().map(|(index, run)| (index.is_multiple_of(2), *run));
        // The sum was compared above, so that this is never longer than the keys are.
        let mut adding = runs.flat_map(|(adding, run)| (0..run).map(move |_| adding));
        let write = |key: String| Write {
            id: EntityId::Listed(environment.clone(), list.clone(), Arc::from(key)),
            value: adding.next().unwrap_or(true).then_some(Entity::Listed),
        };
        Ok(self.keys.into_iter().map(write).collect())
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn writes(list: &ListKey, keys: &[(&str, bool)]) -> Vec<Write> {
        let write = |(key, on): &(&str, bool)| Write {
            id: EntityId::Listed(EnvironmentKey::new("production"), list.clone(), Arc::from(*key)),
            value: on.then_some(Entity::Listed),
        };
        keys.iter().map(write).collect()
    }

    #[track_caller]
    fn check(keys: &[(&str, bool)], runs: &[u32]) {
        let segment = SegmentKey::new("beta");
        for list in [ListKey::Canary, ListKey::Included(segment.clone()), ListKey::Excluded(segment)] {
            let writes = writes(&list, keys);
            let packed = Keys::of(&EnvironmentKey::new("production"), &list, &writes);
            assert_eq!(packed.runs, runs);
            assert_eq!(packed.writes(), Ok(writes));
        }
    }

    #[test]
    fn a_run_of_keys_is_unpacked_as_it_was() {
        check(&[("a", true)], &[]);
        check(&[("a", true), ("b", true)], &[]);
        check(&[("a", false), ("b", false)], &[0, 2]);
        check(&[("a", true), ("b", false), ("c", false), ("d", true)], &[1, 2, 1]);
    }

    #[test]
    fn a_key_costs_little_more_than_its_text() {
        let names: Vec<String> = (0..10_000).map(|number| format!("user-{number:05}")).collect();
        let keys: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), false)).collect();
        let packed =
            Keys::of(&EnvironmentKey::new("production"), &ListKey::Canary, &writes(&ListKey::Canary, &keys));
        let bytes = packed.encoded_len();
        assert!(bytes < 10_000 * (10 + 2) + 100, "{bytes}");
    }

    #[test]
    fn runs_that_are_not_the_keys_are_refused() {
        let of = |keys: usize, runs: Vec<u32>| Keys {
            environment: "production".to_owned(),
            list: Some(List::Canary(true)),
            keys: vec!["key".to_owned(); keys],
            runs,
        };
        for (keys, runs) in [(2, vec![1]), (0, vec![1, 1]), (1, vec![u32::MAX; 3])] {
            let told = runs.iter().map(|run| u64::from(*run)).sum();
            assert_eq!(of(keys, runs).writes(), Err(FormError::Runs { keys, told }));
        }
        let nowhere = Keys { list: None, ..of(1, Vec::new()) };
        assert_eq!(nowhere.writes(), Err(FormError::Missing { what: "a list" }));
    }
}
