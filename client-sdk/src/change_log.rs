//! The recent changes of a client's state, for listeners: a bounded ring that they read with a cursor.
//!
//! Listeners pull. A listener that sleeps costs nothing and delays nobody; one that slept too long is told that any
//! flag may have changed.

use std::collections::VecDeque;

use crate::limits::{CHANGED_KEYS_MAX, CHANGES_MAX};
use crate::state::Changed;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    /// Oldest first; generations follow each other without a gap.
    entries: VecDeque<(u64, Changed)>,
    keys: usize,
}

/// What a listener missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Every change after its cursor, oldest first; none when the log no longer goes back that far.
    pub(crate) changes: Option<Vec<Changed>>,
    /// The cursor afterwards.
    pub(crate) generation: u64,
}

impl ChangeLog {
    /// Notes the change that led to a generation.
    pub(crate) fn push(&mut self, generation: u64, changed: Changed) {
        self.keys = self.keys.saturating_add(changed.keys.len());
        self.entries.push_back((generation, changed));
        while self.keys > CHANGED_KEYS_MAX || self.entries.len() > CHANGES_MAX {
            let Some((_, oldest)) = self.entries.pop_front() else {
                return;
            };
            self.keys = self.keys.saturating_sub(oldest.keys.len());
        }
    }

    /// What happened after `cursor`, up to the newest generation `head`; none when nothing did.
    pub(crate) fn after(&self, cursor: u64, head: u64) -> Option<Missed> {
        if head <= cursor {
            return None;
        }
        let reaches_back =
            self.entries.front().is_some_and(|(oldest, _)| *oldest <= cursor.saturating_add(1));
        let newer = self.entries.iter().filter(|(generation, _)| *generation > cursor);
        Some(Missed {
            changes: reaches_back.then(|| newer.map(|(_, changed)| changed.clone()).collect()),
            generation: head,
        })
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::key::FlagKey;

    use super::*;

    fn changed(keys: usize) -> Changed {
        Changed { whole: false, keys: (0..keys).map(|key| FlagKey::new(&format!("f{key}"))).collect() }
    }

    #[test]
    fn a_listener_gets_what_it_missed_and_nothing_twice() {
        let mut log = ChangeLog::default();
        assert_eq!(log.after(0, 0), None);
        for generation in 1..=3 {
            log.push(generation, changed(1));
        }
        let missed = log.after(1, 3).unwrap();
        assert_eq!(missed.changes.unwrap().len(), 2);
        assert_eq!(log.after(missed.generation, 3), None);
    }

    #[test]
    fn a_listener_that_is_too_late_is_told_so() {
        let mut log = ChangeLog::default();
        for generation in 1..=4 {
            log.push(generation, changed(CHANGED_KEYS_MAX / 2));
        }
        assert_eq!(log.after(0, 4).unwrap().changes, None);
        assert_eq!(log.after(2, 4).unwrap().changes.unwrap().len(), 2);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = ChangeLog::default();
        for generation in 1..=10_000 {
            log.push(generation, changed(usize::try_from(generation).unwrap() % 7));
        }
        assert!(log.entries.len() <= CHANGES_MAX && log.keys <= CHANGED_KEYS_MAX);
        log.push(10_001, changed(CHANGED_KEYS_MAX + 1));
        assert_eq!((log.entries.len(), log.keys), (0, 0), "one change alone may be too much");
        assert_eq!(log.after(10_000, 10_001).unwrap().changes, None);
    }
}
