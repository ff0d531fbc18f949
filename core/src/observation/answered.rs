//! Evaluations that the server made for whoever asked it, counted into the same windows.
//!
//! Nobody reports them, so they are no sign of life: a service that asks is not there by that, nor silent when it stops
//! asking, and a condition that must have heard of its whole window has not heard of it by them. They are no requests
//! either: how those end, only services know.

use super::bucket::Bucket;
use super::unsettled::Part;
use super::users::Users;
use super::window::{SERIES_MAX, SeriesKey, Windows};
use crate::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use crate::revision::Timestamp;

/// Combinations of environment, flag, variant and service up to which such evaluations begin a new one: half of all. An
/// answer with every flag of a large environment must not take the room of what services observe.
pub const SERIES_ANSWERED_MAX: usize = SERIES_MAX / 2;

/// How often a variant of a flag was handed out to a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Where.
    pub environment: EnvironmentKey,
    /// Which flag.
    pub flag: FoldedKey,
    /// Which variant.
    pub variant: VariantName,
    /// To whom.
    pub service: ServiceName,
    /// How often.
    pub evaluations: u64,
    /// For whom.
    pub users: Users,
}

impl Windows {
    /// Counts what was handed out. Answers how many evaluations there was no room for.
    pub fn count_answered(&mut self, all: Vec<Answered>, now: Timestamp) -> u64 {
        self.look(now);
        let now = self.moment(now);
        let mut left_out: u64 = 0;
        for Answered { environment, flag, variant, service, evaluations, users } in all {
            let key = SeriesKey { environment, flag: Some(flag), variant: Some(variant), service };
            if !self.has_room(&key, SERIES_ANSWERED_MAX, now) {
                left_out = left_out.saturating_add(evaluations);
                continue;
            }
            let bucket = Bucket { answered: evaluations, users, ..Bucket::default() };
            self.put_aside(key, Part { instance: None, bucket }, now);
        }
        left_out
    }
}
