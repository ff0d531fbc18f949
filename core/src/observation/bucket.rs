//! What was observed within a span of time: counts, latencies, custom numbers and users. Buckets add up.

use std::collections::BTreeMap;

use super::sketch::{Sketch, float};
use super::users::{USERS_PER_HOUR, Users};

/// Custom counters and values of one bucket, together. A batch that names more is refused as far as it does.
pub const CUSTOM_MAX: usize = 32;

/// How a number is spread.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spread {
    /// How many values there were.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
    /// What their squares add up to.
    pub squares: f64,
    /// Where they lie.
    pub sketch: Sketch,
}

impl Spread {
    /// Takes a value.
    pub fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        self.sum += value;
        self.squares += value * value;
        self.sketch.add(value);
    }

    /// Many at once. They come in the order in which their sums are added up.
    fn sum<'s>(all: impl Iterator<Item = &'s Self> + Clone) -> Self {
        let mut sum =
            Self { sketch: Sketch::sum(all.clone().map(|spread| &spread.sketch)), ..Self::default() };
        all.for_each(|other| sum.merge_sums(other));
        sum
    }

    /// Takes everything that another one holds.
    pub fn merge(&mut self, other: &Self) {
        self.merge_sums(other);
        self.sketch.merge(&other.sketch);
    }

    fn merge_sums(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The mean; none of no values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / float(self.count))
    }

    /// The variance; none of fewer than two values.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.count > 1)?;
        let count = float(self.count);
        Some(((self.squares - count * mean * mean) / (count - 1.0)).max(0.0))
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket {
    /// Evaluations of the flag that services made themselves, and told.
    pub evaluations: u64,
    /// Evaluations of the flag that the server made for whoever asked it. No fallbacks are among them: who asks and gets
    /// no answer is not heard of.
    pub answered: u64,
    /// Those that served the caller's default, because there was no value.
    pub fallbacks: u64,
    /// Requests that went well.
    pub ok: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests that ended in a crash.
    pub crashes: u64,
    /// How often something was shown.
    pub impressions: u64,
    /// How often it was taken up.
    pub clicks: u64,
    /// How long requests took, in milliseconds.
    pub latency: Spread,
    /// What the service counts itself.
    pub counters: BTreeMap<Box<str>, u64>,
    /// What the service measures itself.
    pub values: BTreeMap<Box<str>, Spread>,
    /// For whom.
    pub users: Users,
}

impl Bucket {
    /// All evaluations, wherever they were made.
    #[must_use]
    pub const fn evaluated(&self) -> u64 {
        self.evaluations.saturating_add(self.answered)
    }

    /// All requests.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.ok.saturating_add(self.errors).saturating_add(self.crashes)
    }

    /// Many at once, with their users.
    pub(super) fn sum<'b>(all: impl Iterator<Item = &'b Self> + Clone) -> Self {
        let mut sum = Self {
            latency: Spread::sum(all.clone().map(|bucket| &bucket.latency)),
            users: Users::sum(all.clone().map(|bucket| &bucket.users), USERS_PER_HOUR),
            ..Self::default()
        };
        for other in all {
            sum.merge_counts(other);
            sum.merge_custom(other);
        }
        sum
    }

    /// Takes everything that another one holds, but for its users: how many hashes are kept is the ring's affair.
    pub fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.latency.merge(&other.latency);
        self.merge_custom(other);
    }

    fn merge_custom(&mut self, other: &Self) {
        for (name, count) in &other.counters {
            let held = self.counters.entry(name.clone()).or_default();
            *held = held.saturating_add(*count);
        }
        for (name, values) in &other.values {
            self.values.entry(name.clone()).or_default().merge(values);
        }
    }

    /// Takes the counts alone that every bucket has.
    pub fn merge_counts(&mut self, other: &Self) {
        let sums = [
            (&mut self.evaluations, other.evaluations),
            (&mut self.answered, other.answered),
            (&mut self.fallbacks, other.fallbacks),
            (&mut self.ok, other.ok),
            (&mut self.errors, other.errors),
            (&mut self.crashes, other.crashes),
            (&mut self.impressions, other.impressions),
            (&mut self.clicks, other.clicks),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }

    /// About how many numbers of 16 bytes it takes.
    pub(super) fn numbers(&self) -> usize {
        /// Those that every bucket has, and a name.
        const FIXED: usize = 16;
        let spread = |spread: &Spread| FIXED.saturating_add(spread.sketch.bins().len());
        let values = self.values.values().map(spread).sum::<usize>();
        let custom = self.counters.len().saturating_mul(FIXED).saturating_add(values);
        let lists = self.latency.sketch.bins().len().saturating_add(self.users.hashes().len());
        FIXED.saturating_add(lists).saturating_add(custom)
    }

    /// Whether nothing was observed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
