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

/// So much is put aside at most; then it is added up before the second is over.
const PARTS_MAX: usize = 4_096;

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
    parts: usize,
    series: HashMap<SeriesKey, Vec<Part>, FixedState>,
}

impl Unsettled {
    /// Whether what is put aside has to be added up before anything that is observed now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.parts > 0 && (self.second != begin_of_second(now) || self.parts >= PARTS_MAX)
    }

    /// Whether something of these was put aside already.
    pub(super) fn knows(&self, key: &SeriesKey) -> bool {
        self.series.contains_key(key)
    }

    /// Puts something aside.
    pub(super) fn add(&mut self, key: SeriesKey, part: Part, now: Timestamp) {
        self.second = begin_of_second(now);
        self.parts += 1;
        self.series.entry(key).or_default().push(part);
    }

    /// Everything that was put aside, and when that was; nothing is left then.
    pub(super) fn drain(&mut self) -> (Timestamp, impl Iterator<Item = (SeriesKey, Vec<Part>)>) {
        self.parts = 0;
        (self.second, self.series.drain())
    }
}

/// Every ring's buckets begin with a second.
const fn begin_of_second(moment: Timestamp) -> Timestamp {
    const SECOND: Pace = Pace { step_seconds: 1, steps: 1, users_max: 0 };
    SECOND.begin_of(SECOND.index_of(moment))
}
