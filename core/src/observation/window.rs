//! All that was observed lately, in rings of buckets for each environment, flag, variant and service.
//!
//! Which bucket something goes into is decided by the clock of whoever calls, and that clock may jump. One that goes back
//! a little puts observations into the newest bucket, and never writes an older one again. One that goes back far was wrong
//! before: what it put into the future is forgotten. One that goes forward leaves a gap, and a gap is no data.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::batch::{Batch, Limit, Observation, Refused, Taken};
use super::bucket::{Bucket, CUSTOM_MAX};
use super::presence::Presence;
use super::ring::{MINUTES, PACES, Ring};
use super::series::Series;
use super::unsettled::{Part, Unsettled};
use crate::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use crate::murmur3;
use crate::revision::Timestamp;

/// Combinations of environment, flag, variant and service that are kept. Observations of one more are refused until one
/// has not been heard of for as long as the longest ring goes back.
pub const SERIES_MAX: usize = 4_000;

/// Custom names that are kept in all.
pub const NAMES_MAX: usize = 1_000;

/// Services that are listened to; of a further one nobody notices that it falls silent.
pub const REPORTERS_MAX: usize = 4_000;

/// Batches whose ids are remembered: what is sent again comes within seconds.
pub const BATCHES_MAX: usize = 65_536;

/// A clock that goes back further than this was wrong before.
pub const STEP_BACK_SECONDS_MAX: i64 = 60;

/// A clock that shows so much more than at the last look, which is a moment ago, has jumped.
const JUMP_SECONDS: i64 = 30;

/// Nothing heard in an environment for this long is a break: what is said of a longer time is not said of all of it.
pub const BREAK_SECONDS: i64 = 120;

/// What observations are kept for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Where.
    pub environment: EnvironmentKey,
    /// Of which flag; none is the service as such.
    pub flag: Option<FoldedKey>,
    /// Of which variant.
    pub variant: Option<VariantName>,
    /// By whom.
    pub service: ServiceName,
}

/// Since when an environment is heard of without a break, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Since when.
    pub since: Timestamp,
    /// When it was heard of last.
    pub last: Timestamp,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Windows {
    pub(super) series: BTreeMap<SeriesKey, Series>,
    pub(super) unsettled: Unsettled,
    pub(super) heard: BTreeMap<EnvironmentKey, Heard>,
    pub(super) reporters: BTreeMap<(EnvironmentKey, ServiceName), Presence>,
    pub(super) counters: BTreeSet<Box<str>>,
    pub(super) values: BTreeSet<Box<str>>,
    batches: VecDeque<u128>,
    known_batches: BTreeSet<u128>,
    /// The latest moment of all.
    pub(super) newest: Timestamp,
    /// Since when somebody listens: nobody is silent before that.
    pub(super) listening_since: Timestamp,
}

impl Windows {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { newest: now, listening_since: now, ..Self::default() }
    }

    /// Counts a batch.
    pub fn take(&mut self, batch: Batch, now: Timestamp) -> Taken {
        let now = self.moment(now);
        self.hear(&batch.environment, &batch.service, now);
        if !batch.id.is_empty() && !self.remember(&batch) {
            return Taken { repeated: true, ..Taken::default() };
        }
        let mut taken = Taken::default();
        let Batch { environment, service, instance, observations, .. } = batch;
        for (index, Observation { flag, variant, bucket }) in observations.into_iter().enumerate() {
            let (environment, service) = (environment.clone(), service.clone());
            let key = SeriesKey { environment, flag, variant, service };
            match self.count(key, Part { instance: Some(Arc::clone(&instance)), bucket }, now) {
                Ok(limits) => {
                    taken.accepted += 1;
                    taken.refused.extend(limits.into_iter().map(|why| Refused { index, why }));
                }
                Err(why) => taken.refused.push(Refused { index, why }),
            }
        }
        taken
    }

    /// The clock is looked at, by whoever asks. Nobody can have been silent while nobody listened: where the clock jumped
    /// ahead, or the process stood still, silence is counted from then on.
    pub fn look(&mut self, now: Timestamp) {
        let ahead = now.unix_seconds().saturating_sub(self.newest.unix_seconds());
        if ahead > JUMP_SECONDS {
            self.listening_since = now;
        }
        self.newest = self.newest.max(now);
    }

    /// The moment that counts, where the clock shows another one.
    pub(super) fn moment(&mut self, now: Timestamp) -> Timestamp {
        if now < self.newest && self.newest.micros_since(now) > step_back_micros() {
            self.forget_future(now);
        }
        self.newest = self.newest.max(now);
        self.newest
    }

    /// The same for a question, which changes nothing.
    pub(super) fn asked_at(&self, now: Timestamp) -> Timestamp {
        if self.newest.micros_since(now) <= step_back_micros() { now.max(self.newest) } else { now }
    }

    fn forget_future(&mut self, now: Timestamp) {
        self.settle();
        for series in self.series.values_mut() {
            for (ring, pace) in series.rings.iter_mut().zip(PACES) {
                ring.forget_from(pace.index_of(now));
            }
            let minute = PACES[MINUTES].index_of(now);
            series.forget_instances_from(minute);
        }
        self.heard.clear();
        self.reporters.values_mut().for_each(|presence| presence.forget_future(now));
        self.listening_since = self.listening_since.min(now);
        self.newest = now;
    }

    fn hear(&mut self, environment: &EnvironmentKey, service: &ServiceName, now: Timestamp) {
        let heard = self.heard.entry(environment.clone()).or_insert(Heard { since: now, last: now });
        if now.unix_seconds().saturating_sub(heard.last.unix_seconds()) > BREAK_SECONDS {
            heard.since = now;
        }
        heard.last = now;
        let reporter = (environment.clone(), service.clone());
        let has_room = self.reporters.len() < REPORTERS_MAX;
        match self.reporters.get_mut(&reporter) {
            Some(presence) => presence.hear(now, self.listening_since),
            None if has_room => drop(self.reporters.insert(reporter, Presence::begin(now))),
            None => {}
        }
    }

    /// Remembers a batch; false when it is remembered already.
    fn remember(&mut self, batch: &Batch) -> bool {
        let Batch { environment, service, instance, id, .. } = batch;
        let text = format!("{environment}\0{service}\0{instance}\0{id}");
        let hash = murmur3::x64_128(text.as_bytes(), 0);
        self.remember_hash(hash)
    }

    /// Remembers a batch by its hash; false when it is remembered already.
    pub fn remember_hash(&mut self, hash: u128) -> bool {
        if !self.known_batches.insert(hash) {
            return false;
        }
        self.batches.push_back(hash);
        if self.batches.len() > BATCHES_MAX
            && let Some(oldest) = self.batches.pop_front()
        {
            self.known_batches.remove(&oldest);
        }
        true
    }

    /// The batches that are remembered, the newest first.
    pub fn batches(&self) -> impl Iterator<Item = u128> {
        self.batches.iter().rev().copied()
    }

    /// Answers what was left out of it.
    fn count(&mut self, key: SeriesKey, mut part: Part, now: Timestamp) -> Result<Vec<Limit>, Limit> {
        if !self.has_room(&key, SERIES_MAX, now) {
            return Err(Limit::Series { max: SERIES_MAX });
        }
        let Bucket { counters, values, .. } = &part.bucket;
        let is_custom = !(counters.is_empty() && values.is_empty());
        let limits = if is_custom { self.keep_names(&mut part.bucket) } else { Vec::new() };
        self.put_aside(key, part, now);
        Ok(limits)
    }

    /// Whether something can be counted: it was before, or there are fewer series than so many.
    pub(super) fn has_room(&mut self, key: &SeriesKey, max: usize, now: Timestamp) -> bool {
        if self.unsettled.knows(key) || self.series.contains_key(key) {
            return true;
        }
        if self.series.len() >= max {
            self.forget_old(now);
        }
        let has_room = self.series.len() < max;
        if has_room {
            self.series.insert(key.clone(), Series::default());
        }
        has_room
    }

    /// Counts something that there is room for, when its second is over or somebody asks.
    pub(super) fn put_aside(&mut self, key: SeriesKey, part: Part, now: Timestamp) {
        if self.unsettled.is_due(now) {
            self.settle();
        }
        self.unsettled.add(key, part, now);
    }

    /// Takes out of a bucket what has a name that there is no room for.
    fn keep_names(&mut self, bucket: &mut Bucket) -> Vec<Limit> {
        if bucket.counters.len() + bucket.values.len() > CUSTOM_MAX {
            bucket.counters.clear();
            bucket.values.clear();
            return vec![Limit::Custom { max: CUSTOM_MAX }];
        }
        let mut limits = Vec::new();
        let mut room = NAMES_MAX.saturating_sub(self.counters.len() + self.values.len());
        let mut keep = |known: &mut BTreeSet<Box<str>>, name: &str| {
            if known.contains(name) {
                return true;
            }
            if room == 0 {
                limits.push(Limit::Names { name: Box::from(name), max: NAMES_MAX });
                return false;
            }
            room -= 1;
            known.insert(Box::from(name))
        };
        bucket.counters.retain(|name, _| keep(&mut self.counters, name));
        bucket.values.retain(|name, _| keep(&mut self.values, name));
        limits
    }

    /// Puts what was counted last into the rings. Whoever asks a question does it before.
    pub fn settle(&mut self) {
        let (second, all) = self.unsettled.drain();
        for (key, parts) in all {
            if let Some(series) = self.series.get_mut(&key) {
                series.settle(parts, second);
            }
        }
    }

    /// Forgets what is older than the longest ring.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        self.settle();
        self.series.retain(|_, series| {
            for (ring, pace) in series.rings.iter_mut().zip(PACES) {
                ring.forget_before(pace.index_of(now).saturating_sub(pace.steps));
            }
            series.rings.iter().any(|ring| ring.newest().is_some())
        });
    }

    /// The combinations that something was observed of.
    pub fn keys(&self) -> impl Iterator<Item = &SeriesKey> {
        self.series.keys()
    }

    /// What was observed of one, as far as it is settled.
    #[must_use]
    pub fn series(&self, key: &SeriesKey) -> Option<&Series> {
        self.series.get(key)
    }

    /// Takes a series back from where it was kept.
    pub fn restore(&mut self, key: SeriesKey, series: Series) {
        for (_, bucket) in series.rings.iter().flat_map(Ring::iter) {
            self.counters.extend(bucket.counters.keys().cloned());
            self.values.extend(bucket.values.keys().cloned());
        }
        for (ring, pace) in series.rings.iter().zip(PACES) {
            let newest = ring.newest().map_or(Timestamp::default(), |index| pace.begin_of(index));
            self.newest = self.newest.max(newest);
        }
        self.series.insert(key, series);
    }

    /// Takes back since when an environment is heard of.
    pub fn restore_heard(&mut self, environment: EnvironmentKey, heard: Heard) {
        self.heard.insert(environment, heard);
    }

    /// Takes back when a service was there.
    pub fn restore_reporter(
        &mut self,
        environment: EnvironmentKey,
        service: ServiceName,
        presence: Presence,
    ) {
        self.reporters.insert((environment, service), presence);
    }

    /// Since when each environment is heard of without a break.
    pub fn heard(&self) -> impl Iterator<Item = (&EnvironmentKey, &Heard)> {
        self.heard.iter()
    }

    /// When each service was there.
    pub fn reporters(&self) -> impl Iterator<Item = (&EnvironmentKey, &ServiceName, &Presence)> {
        self.reporters.iter().map(|((environment, service), presence)| (environment, service, presence))
    }
}

const fn step_back_micros() -> u64 {
    STEP_BACK_SECONDS_MAX.unsigned_abs().saturating_mul(1_000_000)
}
