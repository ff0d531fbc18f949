//! A sample of the subjects that flags were evaluated for lately, so that a dry run can say whom a change concerns.
//!
//! Who they are is not known here: the targeting key is a hash. Of all subjects those with the smallest hashes are kept
//! (a bottom-k sketch): each counts once, however often it comes, and who is kept does not depend on how often. The
//! sample is in memory only, is never logged, and answers nothing but counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use mycelia_flags_core::context::{Context, TARGETING_KEY};
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

/// Bytes of a subject that is kept, roughly. A larger one is left out: without its attributes it would count wrongly.
pub const SEEN_BYTES_MAX: usize = 8 * 1024;

/// What an attribute takes beside its text: many small ones are not free.
const ATTRIBUTE_BYTES: usize = 64;

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
        if self.switched_off || size(&subject) + service.len() > SEEN_BYTES_MAX {
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
        if let Some(key) = context.targeting_key().filter(|_| size(context) <= SEEN_BYTES_MAX) {
            let subject = Context::new(&pseudonym(key));
            // An attribute of this name would say what the hash hides.
            let attributes = context.attributes().filter(|(name, _)| *name != TARGETING_KEY);
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

fn size(subject: &Context) -> usize {
    let key = subject.targeting_key().map_or(0, str::len);
    let attributes = subject.attributes();
    key + attributes.map(|(name, value)| ATTRIBUTE_BYTES + name.len() + value.size()).sum::<usize>()
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
    fn a_large_subject_is_left_out() {
        let seen = SeenContexts::new(true);
        let large = |key: &str| Context::new(key).with("text", Value::string(&"x".repeat(SEEN_BYTES_MAX)));
        seen.note_raw(&production(), "ui", &large("ana"));
        seen.note(&production(), "ui", large(&pseudonym("ana")));
        seen.note(&production(), &"x".repeat(SEEN_BYTES_MAX), Context::new(&pseudonym("ana")));
        assert!(seen.of(&production()).is_empty());
    }

    #[test]
    fn an_attribute_does_not_say_what_the_hash_hides() {
        let seen = SeenContexts::new(true);
        let ana = Context::new("ana").with(TARGETING_KEY, Value::string("ana"));
        seen.note_raw(&production(), "ui", &ana);
        assert_eq!(seen.of(&production())[0].subject, Context::new(&pseudonym("ana")));
    }

    #[test]
    fn nothing_is_kept_when_it_is_switched_off() {
        let seen = SeenContexts::new(false);
        seen.note_raw(&production(), "ui", &Context::new("ana"));
        assert!(seen.of(&production()).is_empty());
    }
}
