//! What was observed of one environment, flag, variant and service.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::bucket::Bucket;
use super::ring::{MINUTES, PACES, Ring};
use super::unsettled::Part;
use super::users::Users;
use crate::revision::Timestamp;

/// Instances that a minute of a series keeps apart. What more of them report counts, and is nobody's in the evidence.
pub const INSTANCES_MAX: usize = 128;

/// Minutes for which instances are kept apart.
pub const INSTANCE_MINUTES: i64 = 15;

/// What instances reported in a minute.
pub(super) type Minute = (i64, HashMap<Arc<str>, Bucket, FixedState>);

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// As [`PACES`] has them.
    pub rings: [Ring; PACES.len()],
    pub(super) instances: VecDeque<Minute>,
}

impl Series {
    /// Takes what was observed within a second.
    pub(super) fn settle(&mut self, parts: Vec<Part>, second: Timestamp) {
        let sum;
        let total = if let [only] = parts.as_slice() {
            &only.bucket
        } else {
            sum = Bucket::sum(parts.iter().map(|part| &part.bucket));
            &sum
        };
        for (ring, pace) in self.rings.iter_mut().zip(PACES) {
            ring.add(pace, pace.index_of(second), total);
        }
        for Part { instance, bucket } in parts {
            if let Some(instance) = instance {
                self.add_to_instance(bucket, instance, second);
            }
        }
    }

    fn add_to_instance(&mut self, mut bucket: Bucket, instance: Arc<str>, now: Timestamp) {
        let minute = PACES[MINUTES].index_of(now);
        if self.instances.back().is_none_or(|(newest, _)| *newest < minute) {
            self.instances.push_back((minute, HashMap::default()));
            let oldest = minute.saturating_sub(INSTANCE_MINUTES);
            self.instances.retain(|(index, _)| *index >= oldest);
        }
        let Some((_, instances)) = self.instances.back_mut() else { return };
        let has_room = instances.len() < INSTANCES_MAX;
        match instances.get_mut(&instance) {
            Some(held) => held.merge(&bucket),
            None if has_room => {
                bucket.users = Users::default();
                instances.insert(instance, bucket);
            }
            None => {}
        }
    }

    pub(super) fn forget_instances_from(&mut self, minute: i64) {
        self.instances.retain(|(index, _)| *index < minute);
    }
}
