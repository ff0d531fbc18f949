//! What was observed of one environment, flag, variant and service.

use std::collections::{BTreeMap, VecDeque};

use super::bucket::Bucket;
use super::ring::{MINUTES, PACES, Pace, Ring};
use super::users::USERS_PER_HOUR;
use crate::revision::Timestamp;

/// Instances that a minute of a series keeps apart. What more of them report counts, and is nobody's in the evidence.
pub const INSTANCES_MAX: usize = 128;

/// Minutes for which instances are kept apart.
pub const INSTANCE_MINUTES: i64 = 15;

/// What instances reported in a minute.
pub(super) type Minute = (i64, BTreeMap<Box<str>, Bucket>);

/// See the module.
///
/// What is observed within one second is added up before it goes into the rings: a thousand instances report many times
/// a second, and each ring costs as much as the sum does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// As [`PACES`] has them.
    pub rings: [Ring; PACES.len()],
    pub(super) instances: VecDeque<Minute>,
    /// What is in no ring yet: observed in the second that begins at this moment.
    unsettled: Option<(Timestamp, Bucket)>,
}

impl Series {
    /// Counts what an instance has observed.
    pub(super) fn add_of(&mut self, instance: &str, bucket: &Bucket, now: Timestamp) {
        self.add(bucket, now);
        self.add_to_instance(bucket, instance, now);
    }

    /// Counts what belongs to no instance.
    pub(super) fn add(&mut self, bucket: &Bucket, now: Timestamp) {
        let second = begin_of_second(now);
        if self.unsettled.as_ref().is_some_and(|(held, _)| *held != second) {
            self.settle();
        }
        let (_, sum) = self.unsettled.get_or_insert_with(|| (second, Bucket::default()));
        sum.merge(bucket);
        sum.users.merge(&bucket.users, USERS_PER_HOUR);
    }

    /// Puts what was observed last into the rings.
    pub(super) fn settle(&mut self) {
        let Some((second, bucket)) = self.unsettled.take() else { return };
        for (ring, pace) in self.rings.iter_mut().zip(PACES) {
            ring.add(pace, pace.index_of(second), &bucket);
        }
    }

    fn add_to_instance(&mut self, bucket: &Bucket, instance: &str, now: Timestamp) {
        let minute = PACES[MINUTES].index_of(now);
        if self.instances.back().is_none_or(|(newest, _)| *newest < minute) {
            self.instances.push_back((minute, BTreeMap::new()));
            let oldest = minute.saturating_sub(INSTANCE_MINUTES);
            self.instances.retain(|(index, _)| *index >= oldest);
        }
        let Some((_, instances)) = self.instances.back_mut() else { return };
        let has_room = instances.len() < INSTANCES_MAX;
        match instances.get_mut(instance) {
            Some(held) => held.merge(bucket),
            None if has_room => {
                let mut held = Bucket::default();
                held.merge(bucket);
                instances.insert(Box::from(instance), held);
            }
            None => {}
        }
    }

    pub(super) fn forget_instances_from(&mut self, minute: i64) {
        self.instances.retain(|(index, _)| *index < minute);
    }
}

/// Every ring's buckets begin with a second.
const fn begin_of_second(moment: Timestamp) -> Timestamp {
    const SECOND: Pace = Pace { step_seconds: 1, steps: 1, users_max: 0 };
    SECOND.begin_of(SECOND.index_of(moment))
}
