//! What a service tells of its requests: how they ended, how long they took, what was shown and taken up, and numbers of
//! its own. Kept until the next report, within bounds.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mycelia_flags_core::key::{FlagKey, VariantName};
use mycelia_flags_core::observation::bucket::{Bucket, CUSTOM_MAX};
use mycelia_flags_core::observation::metric::is_custom_name;
use mycelia_flags_core::observation::users::{self, USERS_PER_HOUR};

use crate::clock;
use crate::limits::{OBSERVED_AGE_MAX, OBSERVED_SERIES_MAX};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Ok,
    /// It failed.
    Error,
    /// It took the process, or a part of it, with it.
    Crash,
}

/// A request that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, if somebody measured it.
    pub latency: Option<Duration>,
}

impl Observation {
    /// It went well.
    #[must_use]
    pub const fn ok(latency: Duration) -> Self {
        Self { outcome: Outcome::Ok, latency: Some(latency) }
    }

    /// It failed.
    #[must_use]
    pub const fn error(latency: Duration) -> Self {
        Self { outcome: Outcome::Error, latency: Some(latency) }
    }

    /// It ended in a crash, and nobody knows how long it took.
    #[must_use]
    pub const fn crash() -> Self {
        Self { outcome: Outcome::Crash, latency: None }
    }
}

/// Something that happened for somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'e> {
    /// It was shown.
    Impression,
    /// It was taken up.
    Click,
    /// Something of the service's own was counted, so many times. The name is 1 to 64 of `a-z 0-9 _`, beginning with a
    /// letter, and not that of a metric which is computed; under another name it is dropped.
    Count(&'e str, u64),
    /// Something of the service's own was measured. The name is as with `Count`, the value finite.
    Value(&'e str, f64),
}

/// What an observation is of; no flag is the service as such.
type Of = (Option<FlagKey>, Option<VariantName>);

/// What was observed and not yet told.
pub(crate) type Pending = BTreeMap<Of, Bucket>;

/// Threads share so many places, so that two seldom meet.
const SHARDS: usize = 8;

#[derive(Debug, Default)]
struct Shard {
    pending: Pending,
    /// When the first of it was observed.
    since: Option<Instant>,
    /// How many observations it is.
    observations: u64,
    dropped: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    shards: [Mutex<Shard>; SHARDS],
}

thread_local! {
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Observed {
    /// Notes a request.
    pub(crate) fn observe(&self, of: Of, who: Option<&str>, observation: Observation) {
        self.add(of, who, |bucket| {
            let count = match observation.outcome {
                Outcome::Ok => &mut bucket.ok,
                Outcome::Error => &mut bucket.errors,
                Outcome::Crash => &mut bucket.crashes,
            };
            *count = count.saturating_add(1);
            if let Some(latency) = observation.latency {
                bucket.latency.add(latency.as_secs_f64() * 1_000.0);
            }
            true
        });
    }

    /// Notes an event.
    pub(crate) fn track(&self, of: Of, who: Option<&str>, event: Event<'_>) {
        self.add(of, who, |bucket| {
            match event {
                Event::Impression => bucket.impressions = bucket.impressions.saturating_add(1),
                Event::Click => bucket.clicks = bucket.clicks.saturating_add(1),
                Event::Count(name, by) => {
                    if !has_room(bucket, name, bucket.counters.contains_key(name)) {
                        return false;
                    }
                    let count = bucket.counters.entry(Box::from(name)).or_default();
                    *count = count.saturating_add(by);
                }
                Event::Value(name, value) => {
                    if !value.is_finite() || !has_room(bucket, name, bucket.values.contains_key(name)) {
                        return false;
                    }
                    bucket.values.entry(Box::from(name)).or_default().add(value);
                }
            }
            true
        });
    }

    fn add(&self, of: Of, who: Option<&str>, add: impl FnOnce(&mut Bucket) -> bool) {
        let Some(mut shard) = self.shard() else { return };
        shard.forget_stale();
        let has_room = shard.pending.len() < OBSERVED_SERIES_MAX;
        let bucket = match shard.pending.get_mut(&of) {
            Some(bucket) => Some(bucket),
            None if has_room => Some(shard.pending.entry(of).or_default()),
            None => None,
        };
        let taken = bucket.is_some_and(|bucket| {
            if let Some(who) = who {
                bucket.users.add(users::hash(who), USERS_PER_HOUR);
            }
            add(bucket)
        });
        if taken {
            shard.observations = shard.observations.saturating_add(1);
            shard.since.get_or_insert_with(clock::now);
        } else {
            shard.dropped = shard.dropped.saturating_add(1);
        }
    }

    /// This thread's shard. Whoever holds one does so for less than a microsecond.
    fn shard(&self) -> Option<MutexGuard<'_, Shard>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let place = SHARD.try_with(|shard| {
            shard.get().unwrap_or_else(|| {
                let place = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
                shard.set(Some(place));
                place
            })
        });
        let shard = self.shards.get(place.unwrap_or(0))?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what was observed, and how many observations had to be thrown away.
    pub(crate) fn take(&self) -> (Pending, u64) {
        let mut all = Pending::new();
        let mut dropped = 0u64;
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.forget_stale();
            let Shard { pending, dropped: more, .. } = std::mem::take(&mut *shard);
            drop(shard);
            dropped = dropped.saturating_add(more);
            for (of, bucket) in pending {
                let sum = all.entry(of).or_default();
                sum.merge(&bucket);
                sum.users.merge(&bucket.users, USERS_PER_HOUR);
            }
        }
        (all, dropped)
    }
}

impl Shard {
    /// Throws away what is too old to be told: the server counts what it hears as of now.
    fn forget_stale(&mut self) {
        let age = self.since.map_or(Duration::ZERO, |since| clock::now().saturating_duration_since(since));
        if age > OBSERVED_AGE_MAX {
            let dropped = self.dropped.saturating_add(self.observations);
            *self = Self { dropped, ..Self::default() };
        }
    }
}

fn has_room(bucket: &Bucket, name: &str, is_known: bool) -> bool {
    is_known || (is_custom_name(name) && bucket.counters.len() + bucket.values.len() < CUSTOM_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flag: &str) -> Of {
        (Some(FlagKey::new(flag)), Some(VariantName::new("on")))
    }

    #[test]
    fn requests_and_events_add_up_over_threads_and_are_taken_once() {
        let observed = Observed::default();
        std::thread::scope(|scope| {
            for number in 0..20 {
                let observed = &observed;
                scope.spawn(move || {
                    let who = format!("user-{}", number % 7);
                    let fast = Observation::ok(Duration::from_millis(10));
                    observed.observe(of("dreams"), Some(&who), fast);
                    observed.observe(of("dreams"), Some(&who), Observation::error(Duration::from_secs(1)));
                    observed.observe(of("dreams"), None, Observation::crash());
                    observed.track(of("dreams"), Some(&who), Event::Impression);
                    observed.track(of("dreams"), Some(&who), Event::Click);
                    observed.track(of("dreams"), None, Event::Count("saves", 3));
                    observed.track(of("dreams"), None, Event::Value("score", 4.5));
                });
            }
        });
        let (pending, dropped) = observed.take();
        let bucket = &pending[&of("dreams")];
        assert_eq!((bucket.ok, bucket.errors, bucket.crashes, dropped), (20, 20, 20, 0));
        assert_eq!((bucket.impressions, bucket.clicks, bucket.latency.count), (20, 20, 40));
        assert_eq!((bucket.counters["saves"], bucket.values["score"].mean()), (60, Some(4.5)));
        assert_eq!(bucket.users.count(USERS_PER_HOUR), 7);
        assert!(observed.take().0.is_empty());
    }

    #[test]
    fn what_has_no_room_or_no_name_is_dropped_and_counted() {
        let observed = Observed::default();
        for number in 0..OBSERVED_SERIES_MAX + 5 {
            observed.track(of(&format!("flag-{number}")), None, Event::Click);
        }
        for name in ["error_rate", "No Name", ""] {
            observed.track(of("flag-1"), None, Event::Count(name, 1));
        }
        observed.track(of("flag-1"), None, Event::Value("score", f64::NAN));
        for number in 0..CUSTOM_MAX + 1 {
            observed.track(of("flag-1"), None, Event::Count(&format!("c{number}"), 1));
        }
        let (pending, dropped) = observed.take();
        assert_eq!((pending.len(), dropped), (OBSERVED_SERIES_MAX, 5 + 3 + 1 + 1));
    }
}
