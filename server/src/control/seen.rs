//! A sample of the subjects that flags were evaluated for lately, so that a dry run can say whom a change concerns.
//!
//! Who they are is not known here: the targeting key is a hash. Of all subjects those with the smallest hashes are kept
//! (a bottom-k sketch): each counts once, however often it comes, and who is kept does not depend on how often. The
//! sample is in memory only, is never logged, and answers nothing but counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use mycelia_flags_core::context::Context;
use mycelia_flags_core::impact::Seen;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::murmur3;

/// Subjects that are kept of an environment: enough to tell a percent from none, and little to look through.
pub const SEEN_MAX: usize = 2_000;

/// So many subjects that come as they are, are all looked at; of later ones, one of [`ONE_OF`].
const ALL_UNTIL: u64 = 20_000;

/// See [`ALL_UNTIL`].
const ONE_OF: u64 = 32;

/// Environments of which subjects are kept.
const ENVIRONMENTS_MAX: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub struct SeenContexts {
    switched_off: bool,
    /// How many subjects came as they are.
    came: AtomicU64,
    kept: Mutex<BTreeMap<EnvironmentKey, BTreeMap<Box<str>, Seen>>>,
}

/// The hash that stands in for a targeting key: 32 hexadecimal digits of `MurmurHash3` x64 128, seed 0.
#[must_use]
pub fn pseudonym(targeting_key: &str) -> String {
    format!("{:032x}", murmur3::x64_128(targeting_key.as_bytes(), 0))
}

/// A list with the hashes in place of the keys.
#[must_use]
pub fn pseudonyms(keys: &KeySet) -> KeySet {
    keys.iter().map(|key| pseudonym(key)).collect()
}

impl SeenContexts {
    /// One that keeps nothing when it is switched off.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { switched_off: !on, ..Self::default() }
    }

    /// Notes a subject whose targeting key is a hash already; anything else is left out.
    pub fn note(&self, environment: &EnvironmentKey, service: &str, subject: Context) {
        let Some(key) = subject.targeting_key().filter(|key| is_pseudonym(key)).map(Box::from) else {
            return;
        };
        if self.switched_off {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.contains_key(environment) && kept.len() >= ENVIRONMENTS_MAX {
            return;
        }
        let here = kept.entry(environment.clone()).or_default();
        here.insert(key, Seen { subject, service: Box::from(service) });
        if here.len() > SEEN_MAX {
            here.pop_last();
        }
    }

    /// Notes a subject as it came, and forgets who it is. Of many that come only some are looked at: to note one costs as
    /// much as to evaluate a few flags.
    pub fn note_raw(&self, environment: &EnvironmentKey, service: &str, context: &Context) {
        if self.switched_off {
            return;
        }
        let came = self.came.fetch_add(1, Ordering::Relaxed);
        if came >= ALL_UNTIL && !came.is_multiple_of(ONE_OF) {
            return;
        }
        if let Some(key) = context.targeting_key() {
            let subject = Context::new(&pseudonym(key));
            let attributes = context.attributes();
            let subject =
                attributes.fold(subject, |subject, (name, value)| subject.with(name, value.clone()));
            self.note(environment, service, subject);
        }
    }

    /// The subjects of an environment.
    #[must_use]
    pub fn of(&self, environment: &EnvironmentKey) -> Vec<Seen> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(environment).map(|here| here.values().cloned().collect()).unwrap_or_default()
    }
}

fn is_pseudonym(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::value::Value;

    use super::*;

    fn production() -> EnvironmentKey {
        EnvironmentKey::new("production")
    }

    #[test]
    fn a_subject_counts_once_and_is_nobody_in_particular() {
        let seen = SeenContexts::new(true);
        for plan in ["basic", "pro"] {
            let ana = Context::new("ana").with("plan", Value::string(plan));
            seen.note_raw(&production(), "ui", &ana);
        }
        seen.note_raw(&production(), "ui", &Context::anonymous());
        seen.note(&production(), "ui", Context::new("ana"));
        let kept = seen.of(&production());
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].subject, Context::new(&pseudonym("ana")).with("plan", Value::string("pro")));
        assert!(seen.of(&EnvironmentKey::new("staging")).is_empty());
    }

    #[test]
    fn of_many_subjects_a_fair_sample_is_kept() {
        let seen = SeenContexts::new(true);
        let users = (0..SEEN_MAX * 4).map(|number| format!("user-{number}"));
        for user in users.chain((0..500).map(|_| "user-0".to_owned())) {
            seen.note_raw(&production(), "ui", &Context::new(&user));
        }
        let kept = seen.of(&production());
        assert_eq!(kept.len(), SEEN_MAX);
        let largest = kept.iter().filter_map(|seen| seen.subject.targeting_key()).max();
        assert!(
            largest.is_some_and(|largest| largest < "5"),
            "about the smallest quarter of all hashes: {largest:?}"
        );
    }

    #[test]
    fn nothing_is_kept_when_it_is_switched_off() {
        let seen = SeenContexts::new(false);
        seen.note_raw(&production(), "ui", &Context::new("ana"));
        assert!(seen.of(&production()).is_empty());
    }
}
