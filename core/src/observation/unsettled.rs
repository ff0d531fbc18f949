//! What was observed within the second that is not over, and is in no ring yet.
//!
//! A thousand instances report hundreds of times a second, and all about the same few flags. What they say is put aside as
//! it came, found by its hash, and added up once for each second: a ring costs as much as the sum does.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::bucket::Bucket;
use super::ring::Pace;
use super::window::SeriesKey;
use crate::revision::Timestamp;

/// So many numbers are put aside, of 16 bytes and less, and not more than one observation beyond; then they are added up
/// before the second is over.
const NUMBERS_MAX: usize = 131_072;

/// What was observed, and by whom; nobody is named for what belongs to no instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) instance: Option<Arc<str>>,
    pub(super) bucket: Bucket,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Unsettled {
    second: Timestamp,
    /// How many numbers that is.
    numbers: usize,
    series: HashMap<SeriesKey, Vec<Part>, FixedState>,
}

impl Unsettled {
    /// Whether what is put aside has to be added up before anything that is observed now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.numbers > 0 && (self.second != begin_of_second(now) || self.numbers >= NUMBERS_MAX)
    }

    /// Whether something of these was put aside already.
    pub(super) fn knows(&self, key: &SeriesKey) -> bool {
        self.series.contains_key(key)
    }

    /// Puts something aside.
    pub(super) fn add(&mut self, key: SeriesKey, part: Part, now: Timestamp) {
        self.second = begin_of_second(now);
        self.numbers = self.numbers.saturating_add(part.bucket.numbers());
        self.series.entry(key).or_default().push(part);
    }

    /// Everything that was put aside, and when that was; nothing is left then.
    pub(super) fn drain(&mut self) -> (Timestamp, impl Iterator<Item = (SeriesKey, Vec<Part>)>) {
        self.numbers = 0;
        (self.second, self.series.drain())
    }
}

/// Every ring's buckets begin with a second.
const fn begin_of_second(moment: Timestamp) -> Timestamp {
    const SECOND: Pace = Pace { step_seconds: 1, steps: 1, users_max: 0 };
    SECOND.begin_of(SECOND.index_of(moment))
}

#[cfg(test)]
mod tests {
    use super::super::bucket::Spread;
    use super::super::sketch::{BIN_MAX, BIN_MIN, Sketch};
    use super::*;
    use crate::key::{EnvironmentKey, ServiceName};

    #[test]
    fn what_is_put_aside_is_added_up_when_its_second_is_over_or_it_is_too_much() {
        let key = SeriesKey {
            environment: EnvironmentKey::new("production"),
            flag: None,
            variant: None,
            service: ServiceName::new("ui"),
        };
        let at = |millis: i64| Timestamp::from_unix_micros(millis * 1_000);
        let mut sketch = Sketch::default();
        (BIN_MIN..=BIN_MAX).for_each(|bin| sketch.add_bin(bin, 1));
        let latency = Spread { sketch, ..Spread::default() };
        let large = Part { instance: None, bucket: Bucket { latency, ..Bucket::default() } };
        let small = Part { instance: None, bucket: Bucket::default() };
        let mut unsettled = Unsettled::default();
        assert!(!unsettled.is_due(at(0)), "there is nothing");
        unsettled.add(key.clone(), small, at(5_200));
        assert_eq!([5_999, 6_000, 4_000].map(|moment| unsettled.is_due(at(moment))), [false, true, true]);
        let room = (1..).find(|_| {
            unsettled.add(key.clone(), large.clone(), at(5_300));
            unsettled.is_due(at(5_300))
        });
        assert_eq!(room, Some(63), "131,072 numbers by 2,095 bins and what each observation counts");
        let (second, all) = unsettled.drain();
        assert_eq!((second, all.map(|(_, parts)| parts.len()).sum::<usize>()), (at(5_000), 64));
        assert!(!unsettled.is_due(at(9_000)) && !unsettled.knows(&key));
    }
}
