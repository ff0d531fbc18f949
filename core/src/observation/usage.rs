//! How much flags are used: evaluations, requests, users, impressions and clicks, by flag, variant, service and time.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::ring::{HOURS, MINUTES, PACES, Pace};
use super::users::Users;
use super::window::Windows;
use crate::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use crate::revision::Timestamp;

/// How finely time is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// Minutes, of the last day.
    Minute,
    /// Hours, of the last 14 days.
    Hour,
    /// Days in UTC, of the last 14 days.
    Day,
    /// All of the time that is asked about at once, in hours or, of less than two of them, in minutes.
    Whole,
}

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grouping {
    /// By variant.
    pub variant: bool,
    /// By service.
    pub service: bool,
}

/// Whose usage is asked for.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// Where.
    pub environment: EnvironmentKey,
    /// Of this flag alone.
    pub flag: Option<FoldedKey>,
    /// By this service alone.
    pub service: Option<ServiceName>,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How finely.
    pub granularity: Granularity,
    /// By what.
    pub grouping: Grouping,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The flag; none is the service as such.
    pub flag: Option<FoldedKey>,
    /// When it begins.
    pub begin: Timestamp,
    /// The variant, if rows are told apart by it and it is known.
    pub variant: Option<VariantName>,
    /// The service, if rows are told apart by it.
    pub service: Option<ServiceName>,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The numbers. Its users are the sketch; [`Row::users`] counts them.
    pub bucket: Bucket,
    /// About how many users there were for whom something was observed.
    pub users: u64,
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

impl Windows {
    /// How much flags are used. A bucket of the ring that the beginning or the end lies in is counted whole.
    #[must_use]
    pub fn usage(&mut self, query: &UsageQuery) -> BTreeMap<RowKey, Row> {
        self.settle();
        let seconds = query.until.unix_seconds().saturating_sub(query.from.unix_seconds());
        let place = match query.granularity {
            Granularity::Minute => MINUTES,
            Granularity::Whole if seconds < 2 * PACES[HOURS].step_seconds => MINUTES,
            Granularity::Hour | Granularity::Day | Granularity::Whole => HOURS,
        };
        let pace = Pace::at(place);
        let (first, last) = (pace.index_of(query.from), pace.index_of(query.until));
        let mut rows: BTreeMap<RowKey, (Bucket, Users)> = BTreeMap::new();
        for (key, series) in &self.series {
            let is_asked = key.environment == query.environment
                && (query.flag.is_none() || key.flag == query.flag)
                && query.service.as_ref().is_none_or(|service| *service == key.service);
            let Some(ring) = series.rings.get(place).filter(|_| is_asked) else { continue };
            for (index, bucket) in ring.range(first, last) {
                let begin = pace.begin_of(index);
                let begin = match query.granularity {
                    Granularity::Day => Timestamp::from_unix_micros(
                        begin.unix_seconds().div_euclid(DAY_SECONDS) * DAY_SECONDS * 1_000_000,
                    ),
                    Granularity::Whole => query.from,
                    Granularity::Minute | Granularity::Hour => begin,
                };
                let row = RowKey {
                    flag: key.flag.clone(),
                    begin,
                    variant: key.variant.clone().filter(|_| query.grouping.variant),
                    service: Some(key.service.clone()).filter(|_| query.grouping.service),
                };
                let (sum, users) = rows.entry(row).or_default();
                sum.merge(bucket);
                users.merge(&bucket.users, pace.users_max);
            }
        }
        let row = |(mut bucket, users): (Bucket, Users)| {
            let count = users.count(pace.users_max);
            bucket.users = users;
            Row { bucket, users: count }
        };
        rows.into_iter().map(|(key, sums)| (key, row(sums))).collect()
    }
}
