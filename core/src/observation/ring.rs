//! Buckets in a row: short ones that go back minutes, long ones that go back days.

use std::collections::VecDeque;

use super::bucket::Bucket;
use super::users::{USERS_PER_HOUR, USERS_PER_MINUTE};
use crate::revision::Timestamp;

/// How a ring is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Seconds of a bucket.
    pub step_seconds: i64,
    /// How many buckets it goes back.
    pub steps: i64,
    /// How many hashes of users a bucket keeps.
    pub users_max: usize,
}

/// The rings, the finest first: 1 s for 2 minutes, 5 s for half an hour, a minute for a day, an hour for 14 days.
pub const PACES: [Pace; 4] = [
    Pace { step_seconds: 1, steps: 120, users_max: 0 },
    Pace { step_seconds: 5, steps: 360, users_max: 0 },
    Pace { step_seconds: 60, steps: 1_440, users_max: USERS_PER_MINUTE },
    Pace { step_seconds: 3_600, steps: 336, users_max: USERS_PER_HOUR },
];

/// The place in [`PACES`] of the minutes.
pub const MINUTES: usize = 2;

/// The place in [`PACES`] of the hours.
pub const HOURS: usize = 3;

impl Pace {
    /// The bucket that a moment is in.
    #[must_use]
    pub const fn index_of(self, moment: Timestamp) -> i64 {
        moment.unix_seconds().div_euclid(self.step_seconds)
    }

    /// When a bucket begins.
    #[must_use]
    pub const fn begin_of(self, index: i64) -> Timestamp {
        Timestamp::from_unix_micros(index.saturating_mul(self.step_seconds).saturating_mul(1_000_000))
    }

    /// How far it goes back.
    #[must_use]
    pub const fn span_seconds(self) -> i64 {
        self.step_seconds.saturating_mul(self.steps)
    }

    /// The pace at a place in [`PACES`]; that of the hours beyond its end.
    #[must_use]
    pub fn at(place: usize) -> Self {
        PACES.get(place).copied().unwrap_or(PACES[HOURS])
    }

    /// The place of the finest ring that goes back this far; the coarsest when none does.
    #[must_use]
    pub fn reaching(seconds: i64) -> usize {
        PACES.iter().position(|pace| pace.span_seconds() >= seconds).unwrap_or(HOURS)
    }
}

/// See the module. Buckets that are empty are not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ring {
    buckets: VecDeque<(i64, Bucket)>,
}

impl Ring {
    /// Adds to the newest bucket, or begins a newer one; what is too old then is forgotten. Older buckets stay as they
    /// are: what claims to be older goes into the newest.
    pub fn add(&mut self, pace: Pace, index: i64, more: &Bucket) {
        let newest = self.buckets.back().map_or(i64::MIN, |(newest, _)| *newest);
        if index > newest {
            self.buckets.push_back((index, Bucket::default()));
            let oldest = index.saturating_sub(pace.steps);
            while self.buckets.front().is_some_and(|(held, _)| *held < oldest) {
                self.buckets.pop_front();
            }
        }
        if let Some((_, bucket)) = self.buckets.back_mut() {
            bucket.merge(more);
            bucket.users.merge(&more.users, pace.users_max);
        }
    }

    /// The buckets from one to another, both included, in order.
    pub fn range(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, &Bucket)> {
        let begin = self.buckets.partition_point(|(index, _)| *index < from);
        let rest = self.buckets.range(begin..).take_while(move |(index, _)| *index <= to);
        rest.map(|(index, bucket)| (*index, bucket))
    }

    /// All buckets, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(i64, Bucket)> {
        self.buckets.iter()
    }

    /// Takes a bucket back from where it was kept; one that is not newer than all others is left out.
    pub fn restore(&mut self, index: i64, bucket: Bucket) {
        if self.buckets.back().is_none_or(|(newest, _)| *newest < index) {
            self.buckets.push_back((index, bucket));
        }
    }

    /// Forgets a bucket and all later ones.
    pub fn forget_from(&mut self, index: i64) {
        let keep = self.buckets.partition_point(|(held, _)| *held < index);
        self.buckets.truncate(keep);
    }

    /// Forgets what lies before a bucket.
    pub fn forget_before(&mut self, index: i64) {
        let gone = self.buckets.partition_point(|(held, _)| *held < index);
        self.buckets.drain(..gone);
    }

    /// The newest bucket.
    #[must_use]
    pub fn newest(&self) -> Option<i64> {
        self.buckets.back().map(|(index, _)| *index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { step_seconds: 5, steps: 3, users_max: 2 };

    fn seen(evaluations: u64) -> Bucket {
        Bucket { evaluations, ..Bucket::default() }
    }

    fn held(ring: &Ring) -> Vec<(i64, u64)> {
        ring.iter().map(|(index, bucket)| (*index, bucket.evaluations)).collect()
    }

    #[test]
    fn buckets_leave_when_they_are_too_old_and_are_never_written_again() {
        let mut ring = Ring::default();
        for (index, evaluations) in [(10, 1), (10, 2), (12, 4), (11, 8), (13, 16)] {
            ring.add(PACE, index, &seen(evaluations));
        }
        assert_eq!(held(&ring), [(10, 3), (12, 12), (13, 16)]);
        ring.add(PACE, 14, &seen(32));
        assert_eq!(held(&ring), [(12, 12), (13, 16), (14, 32)]);
        let range: Vec<i64> = ring.range(11, 13).map(|(index, _)| index).collect();
        assert_eq!(range, [12, 13]);
        ring.forget_from(13);
        assert_eq!(held(&ring), [(12, 12)]);
        ring.add(PACE, 100, &seen(1));
        assert_eq!(held(&ring), [(100, 1)]);
    }

    #[test]
    fn the_finest_ring_that_goes_back_far_enough_is_taken() {
        for (seconds, place) in [(1, 0), (120, 0), (121, 1), (1_800, 1), (1_801, 2), (86_400, 2), (90_000, 3)]
        {
            assert_eq!(Pace::reaching(seconds), place, "{seconds}");
        }
        assert_eq!(Pace::reaching(i64::MAX), HOURS);
        let moment = Timestamp::from_unix_micros(-1);
        assert_eq!((PACE.index_of(moment), PACE.begin_of(-1)), (-1, Timestamp::from_unix_micros(-5_000_000)));
    }
}
