//! Metrics as somebody wrote them down, for a simulation to go by.

use std::collections::BTreeMap;

use crate::plan::metric_check::{MetricCheck, Verdict};
use crate::plan::timetable::after;
use crate::revision::Timestamp;

/// A mean over a window is looked at this many times while the window passes: it moves between the rows too.
const LOOKS_PER_WINDOW: u64 = 60;

/// Metrics as they were at some moments, each in force until the next one of the same subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    rows: BTreeMap<Box<str>, BTreeMap<Timestamp, f64>>,
}

impl Trace {
    /// Notes a value. The subject is what a check names: `error_rate`, `error_rate of dreams`, `latency.p95 in ui`.
    pub fn note(&mut self, at: Timestamp, subject: &str, value: f64) {
        self.rows.entry(Box::from(subject)).or_default().insert(at, value);
    }

    /// Whether anything is known of a condition's metric.
    #[must_use]
    pub fn knows(&self, check: &MetricCheck) -> bool {
        self.rows_of(check).is_some()
    }

    fn rows_of(&self, check: &MetricCheck) -> Option<&BTreeMap<Timestamp, f64>> {
        self.rows.get(check.subject().as_str()).or_else(|| self.rows.get(&check.metric))
    }

    /// The next moment at which some value changes.
    pub(super) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let bounds = (std::ops::Bound::Excluded(now), std::ops::Bound::Unbounded);
        self.rows.values().filter_map(|rows| rows.range(bounds).next().map(|(at, _)| *at)).min()
    }

    /// What is known of a condition at a moment: the mean over its window, weighted by time; where it must be sustained,
    /// true of every value that was in force meanwhile.
    pub(super) fn judge_at(&self, check: &MetricCheck, now: Timestamp) -> Verdict {
        let Some(rows) = self.rows_of(check) else {
            return Verdict::InsufficientData;
        };
        let length = check.window_seconds.max(check.sustained_seconds);
        let from = before(now, length);
        let in_force = rows.range(..=from).next_back().map(|(_, value)| (from, *value));
        let bounds = (std::ops::Bound::Excluded(from), std::ops::Bound::Included(now));
        let later = rows.range(bounds).map(|(at, value)| (*at, *value));
        let values: Vec<(Timestamp, f64)> = in_force.into_iter().chain(later).collect();
        let (Some((first, _)), Some((_, last))) = (values.first(), values.last()) else {
            return Verdict::InsufficientData;
        };
        if check.sustained_seconds > 0 {
            let is_whole = *first <= before(now, check.sustained_seconds);
            let is_sustained = is_whole && values.iter().all(|(_, value)| check.is_true_of(*value));
            return if is_sustained {
                Verdict::Met { value: *last }
            } else {
                Verdict::NotMet { value: *last }
            };
        }
        let exact = mean(&values, now).unwrap_or(*last);
        // As people read it: a mean has many decimals.
        let value = (exact * 1_000.0).round() / 1_000.0;
        if check.is_true_of(exact) { Verdict::Met { value } } else { Verdict::NotMet { value } }
    }

    /// When a condition is to be looked at again although no row begins: when it may have been true for long enough, and
    /// while a window still holds a row's beginning.
    pub(super) fn next_look(&self, check: &MetricCheck, now: Timestamp) -> Option<Timestamp> {
        let rows = self.rows_of(check)?;
        if check.sustained_seconds > 0 {
            let moments = rows.range(..=now).rev().map(|(at, _)| after(*at, check.sustained_seconds));
            return moments.take_while(|moment| *moment > now).last();
        }
        let (_, left) =
            rows.range(..=now).next_back().map(|(at, _)| (at, after(*at, check.window_seconds)))?;
        let look = after(now, (check.window_seconds / LOOKS_PER_WINDOW).max(1));
        (left > now).then_some(look.min(left))
    }
}

fn before(moment: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(moment.unix_micros().saturating_sub(micros))
}

/// The mean of values that each were in force until the next one.
fn mean(values: &[(Timestamp, f64)], now: Timestamp) -> Option<f64> {
    let ends = values.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let (mut sum, mut length) = (0.0, 0.0);
    for ((from, value), until) in values.iter().zip(ends) {
        #[expect(clippy::cast_precision_loss, reason = "a length of time in a chart, not a bucket")]
        let stay = until.micros_since(*from) as f64;
        sum += value * stay;
        length += stay;
    }
    (length > 0.0).then(|| sum / length)
}
