//! Flags that have outlived their rollout.

use crate::flag::{EffectiveFlag, Lifetime};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;
use crate::value::Value;

/// What is known beside the snapshot.
#[derive(Clone, Copy)]
pub struct Knowledge<'k> {
    /// The moment of the report.
    pub now: Timestamp,
    /// How long, in microseconds, a flag must have given everybody the same.
    pub settled_micros: u64,
    /// Since when evaluations are heard of.
    pub watched_since: Timestamp,
    /// When a flag was evaluated last; none when nobody has said so.
    pub last_evaluated: &'k dyn Fn(&FoldedKey) -> Option<Timestamp>,
    /// When what a flag serves was changed last.
    pub changed_at: &'k dyn Fn(&FoldedKey) -> Option<Timestamp>,
}

/// Why a flag is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleReason {
    /// Everybody has had it since then.
    FullyOn(Timestamp),
    /// Nobody has had it since then.
    FullyOff(Timestamp),
    /// Nobody has evaluated it since the server began to watch.
    NeverEvaluated(Timestamp),
    /// It was expected to be gone by then.
    PastItsEnd(Timestamp),
}

impl StaleReason {
    /// The reason in words, and what to do about it.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::FullyOn(since) => {
                format!("everybody has had it since {since}: take the flag out of the code, then archive it")
            }
            Self::FullyOff(since) => {
                format!(
                    "nobody has had it since {since}: take flag and feature out of the code, then archive it"
                )
            }
            Self::NeverEvaluated(since) => {
                format!("nobody has evaluated it since {since}, when this server began to watch: archive it")
            }
            Self::PastItsEnd(end) => {
                format!("it was expected to be gone by {end}: finish it, or say a later end")
            }
        }
    }
}

/// A stale flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleFlag {
    /// The flag.
    pub flag: FlagKey,
    /// Who answers for it.
    pub owner: Box<str>,
    /// At least one.
    pub reasons: Vec<StaleReason>,
}

/// The stale flags of an environment, in the order of their keys. Archived flags are not looked at, and a permanent one
/// is never stale for what it serves.
#[must_use]
pub fn stale(snapshot: &Snapshot, environment: &EnvironmentKey, knowledge: Knowledge<'_>) -> Vec<StaleFlag> {
    let canary = snapshot.canary(environment).on;
    let mut found = Vec::new();
    for (key, definition) in snapshot.flags() {
        let Some(flag) = snapshot.effective(environment, key) else {
            continue;
        };
        let mut reasons = Vec::new();
        if let Some(end) = definition.expected_end.filter(|end| *end <= knowledge.now) {
            reasons.push(StaleReason::PastItsEnd(end));
        }
        if definition.lifetime == Lifetime::Temporary {
            reasons.extend(settled(&flag, canary).and_then(|on| settled_reason(on, key, knowledge)));
        }
        let is_unheard_of = (knowledge.last_evaluated)(key).is_none();
        if is_unheard_of && was_heard_long_enough(key, knowledge) {
            reasons.push(StaleReason::NeverEvaluated(knowledge.watched_since));
        }
        if !reasons.is_empty() {
            found.push(StaleFlag { flag: flag.key, owner: definition.owner.clone(), reasons });
        }
    }
    found
}

/// Silence says something only after as long a time as any other state: a new flag, or a server that has just started,
/// has not been heard of by anybody.
fn was_heard_long_enough(key: &FoldedKey, knowledge: Knowledge<'_>) -> bool {
    let since =
        (knowledge.changed_at)(key).map_or(knowledge.watched_since, |at| at.max(knowledge.watched_since));
    knowledge.now.micros_since(since) >= knowledge.settled_micros
}

fn settled_reason(on: bool, key: &FoldedKey, knowledge: Knowledge<'_>) -> Option<StaleReason> {
    let since = (knowledge.changed_at)(key)?;
    let is_long = knowledge.now.micros_since(since) >= knowledge.settled_micros;
    is_long.then_some(if on { StaleReason::FullyOn(since) } else { StaleReason::FullyOff(since) })
}

/// Whether everybody gets the same, and whether that is having it; a value that is not boolean is had by everybody.
fn settled(flag: &EffectiveFlag, canary: bool) -> Option<bool> {
    if !flag.overrides.is_empty() {
        return None;
    }
    let served = if flag.enabled {
        let decides = !flag.rules.is_empty() || flag.targeting.is_some() || !flag.prerequisites.is_empty();
        let variant = match &flag.default_serve {
            crate::flag::Serve::Variant(variant) => variant,
            crate::flag::Serve::Split(split) => split.sole_variant()?,
        };
        let differs = canary && flag.canary_variant.as_ref().is_some_and(|canary| canary != variant);
        if decides || differs {
            return None;
        }
        variant
    } else {
        &flag.off_variant
    };
    let value = &flag.variants.iter().find(|variant| variant.name == *served)?.value;
    Some(flag.enabled && *value != Value::Boolean(false))
}

#[cfg(test)]
mod tests;
