//! When each flag was evaluated last, as far as this process has heard: in memory, and gone with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::revision::Timestamp;

/// Flags of all environments that are remembered: as many as a store and its environments can have in practice. What
/// would be one more is not noted, and counts as never evaluated.
const NOTED_MAX: usize = 100_000;

/// When each flag was evaluated last.
#[derive(Debug)]
pub struct Usage {
    watched_since: Timestamp,
    noted: Mutex<HashMap<EnvironmentKey, HashMap<FoldedKey, Timestamp>>>,
}

impl Usage {
    /// Nothing was heard of yet.
    #[must_use]
    pub fn new(watched_since: Timestamp) -> Self {
        Self { watched_since, noted: Mutex::default() }
    }

    /// Since when evaluations are heard of.
    #[must_use]
    pub const fn watched_since(&self) -> Timestamp {
        self.watched_since
    }

    /// Notes that flags were evaluated.
    pub fn note(&self, environment: &EnvironmentKey, flags: impl Iterator<Item = FoldedKey>, at: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = NOTED_MAX.saturating_sub(noted.values().map(HashMap::len).sum());
        let here = noted.entry(environment.clone()).or_default();
        for flag in flags {
            match here.get_mut(&flag) {
                Some(last) => *last = at,
                None if room > 0 => {
                    room -= 1;
                    here.insert(flag, at);
                }
                None => {}
            }
        }
    }

    /// When a flag was evaluated last; none when nobody has said so.
    #[must_use]
    pub fn last_evaluated(&self, environment: &EnvironmentKey, flag: &FoldedKey) -> Option<Timestamp> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get(environment)?.get(flag).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_evaluation_of_each_environment_is_remembered() {
        let usage = Usage::new(Timestamp::from_unix_micros(5));
        let (production, staging) = (EnvironmentKey::new("production"), EnvironmentKey::new("staging"));
        let flag = || std::iter::once(FoldedKey::of("oracle.chat"));
        for (environment, at) in [(&production, 6), (&staging, 7), (&production, 8)] {
            usage.note(environment, flag(), Timestamp::from_unix_micros(at));
        }
        let last = |environment, flag| usage.last_evaluated(environment, &FoldedKey::of(flag));
        assert_eq!(last(&production, "oracle_chat"), Some(Timestamp::from_unix_micros(8)));
        assert_eq!(last(&staging, "oracle-chat"), Some(Timestamp::from_unix_micros(7)));
        assert_eq!(last(&staging, "dreams"), None);
        assert_eq!(usage.watched_since(), Timestamp::from_unix_micros(5));
    }

    #[test]
    fn what_would_be_too_much_is_not_noted() {
        let usage = Usage::new(Timestamp::default());
        let production = EnvironmentKey::new("production");
        let flags = (0..NOTED_MAX + 1).map(|number| FoldedKey::of(&format!("flag{number}")));
        usage.note(&production, flags, Timestamp::default());
        assert!(usage.last_evaluated(&production, &FoldedKey::of("flag0")).is_some());
        assert!(usage.last_evaluated(&production, &FoldedKey::of(&format!("flag{NOTED_MAX}"))).is_none());
    }
}
