//! How many different users there were: the smallest of their hashes, mergeable without loss.
//!
//! The method is "k minimum values" (Bar-Yossef et al., RANDOM 2002): hashes are spread evenly, so that the k-th smallest
//! says how densely they lie. Up to `k` users the count is exact; above, its standard error is `1 / sqrt(k - 2)`.

use super::sketch::float;
use crate::murmur3;

/// Hashes that an hour keeps: a standard error of 6.3 %.
pub const USERS_PER_HOUR: usize = 256;

/// Hashes that a minute keeps, and a batch carries: a standard error of 12.7 %.
pub const USERS_PER_MINUTE: usize = 64;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users {
    /// In order, each once.
    hashes: Vec<u64>,
}

/// What stands in for a user: the upper half of `MurmurHash3` x64 128 (seed 0) of the targeting key.
#[must_use]
pub fn hash(targeting_key: &str) -> u64 {
    let hash = murmur3::x64_128(targeting_key.as_bytes(), 0);
    u64::try_from(hash >> 64).unwrap_or(u64::MAX)
}

impl Users {
    /// Takes a user, and keeps the `max` smallest hashes.
    pub fn add(&mut self, hash: u64, max: usize) {
        if self.hashes.len() >= max && self.hashes.last().is_some_and(|last| hash >= *last) {
            return;
        }
        // Whoever hands over a sketch hands its hashes over in order.
        if self.hashes.len() < max && self.hashes.last().is_none_or(|last| *last < hash) {
            return self.hashes.push(hash);
        }
        if let Err(place) = self.hashes.binary_search(&hash) {
            self.hashes.insert(place, hash);
            self.hashes.truncate(max);
        }
    }

    /// Makes room for so many hashes at once.
    pub fn reserve(&mut self, hashes: usize) {
        self.hashes.reserve(hashes);
    }

    /// Takes those of another one. Who merges sketches that keep less must keep less: see [`Users::count`].
    pub fn merge(&mut self, other: &Self, max: usize) {
        for hash in &other.hashes {
            self.add(*hash, max);
        }
    }

    /// Many at once.
    #[must_use]
    pub fn sum<'u>(all: impl Iterator<Item = &'u Self>, max: usize) -> Self {
        let mut hashes: Vec<u64> = all.flat_map(|users| users.hashes.iter().copied()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(max);
        Self { hashes }
    }

    /// The hashes, in order.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// About how many users there were, when the `max` smallest hashes were kept wherever these come from.
    #[must_use]
    pub fn count(&self, max: usize) -> u64 {
        let held = u64::try_from(self.hashes.len().min(max)).unwrap_or(u64::MAX);
        let Some(largest) = self.hashes.get(max.saturating_sub(1)).filter(|_| max > 1) else {
            return held;
        };
        let share = (float(*largest) + 1.0) / 2f64.powi(64);
        rounded(float(held.saturating_sub(1)) / share)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is not negative, and a cast saturates"
)]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(users: std::ops::Range<u32>, max: usize) -> Users {
        let mut sketch = Users::default();
        for user in users {
            sketch.add(hash(&format!("user-{user}")), max);
        }
        sketch
    }

    #[test]
    fn few_users_are_counted_exactly_and_each_once() {
        let mut sketch = of(0..60, USERS_PER_MINUTE);
        sketch.merge(&of(30..63, USERS_PER_MINUTE), USERS_PER_MINUTE);
        assert_eq!(sketch.count(USERS_PER_MINUTE), 63);
        assert_eq!(Users::default().count(USERS_PER_MINUTE), 0);
    }

    #[test]
    fn many_users_are_counted_within_the_stated_error() {
        for (users, max) in [(1_000, USERS_PER_HOUR), (50_000, USERS_PER_HOUR), (50_000, USERS_PER_MINUTE)] {
            let found = float(of(0..users, max).count(max));
            let error = 1.0 / float(max as u64 - 2).sqrt();
            let off = (found / f64::from(users) - 1.0).abs();
            assert!(off < 3.0 * error, "{found} of {users}: {off} is more than three times {error}");
        }
    }

    #[test]
    fn merged_sketches_are_the_sketch_of_all_users() {
        let mut merged = of(0..700, USERS_PER_HOUR);
        merged.merge(&of(500..1_500, USERS_PER_HOUR), USERS_PER_HOUR);
        assert_eq!(merged, of(0..1_500, USERS_PER_HOUR));
        let parts = [of(0..700, USERS_PER_HOUR), of(500..1_500, USERS_PER_HOUR)];
        assert_eq!(merged, Users::sum(parts.iter(), USERS_PER_HOUR));
    }
}
