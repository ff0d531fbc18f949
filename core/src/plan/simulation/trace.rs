//! Metrics as somebody wrote them down, for a simulation to go by.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::plan::metric_check::{MetricCheck, Verdict, Versus};
use crate::plan::timetable::after;
use crate::revision::Timestamp;

/// A mean over a window is looked at this many times while the window passes: it moves between the rows too.
const LOOKS_PER_WINDOW: u64 = 60;

/// Metrics as they were at some moments, each in force until the next one of the same subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    rows: BTreeMap<Box<str>, Rows>,
}

/// The values of a metric, each in force until the next one.
type Rows = BTreeMap<Timestamp, f64>;

impl Trace {
    /// Notes a value. The subject is what a check names: `error_rate`, `error_rate of dreams`, `latency.p95 in ui`, or
    /// `latency.p95 versus baseline` for a difference in percent.
    pub fn note(&mut self, at: Timestamp, subject: &str, value: f64) {
        self.rows.entry(Box::from(subject)).or_default().insert(at, value);
    }

    /// Whether anything is known of a condition, in a stage that was entered at a moment.
    #[must_use]
    pub fn knows(&self, check: &MetricCheck, entered: Option<Timestamp>) -> bool {
        self.compared(check, entered).is_some()
    }

    fn rows_of(&self, check: &MetricCheck) -> Option<&Rows> {
        self.rows.get(check.measured().as_str()).or_else(|| self.rows.get(&check.metric))
    }

    /// The rows that a condition looks at, and what its values are compared with. A difference that the trace states itself
    /// counts; else only a baseline can be computed, from what was in force before the stage was entered. Nobody guesses
    /// what those without the feature would have had.
    fn compared(&self, check: &MetricCheck, entered: Option<Timestamp>) -> Option<Compared<'_>> {
        if check.versus == Versus::Threshold {
            return self.rows_of(check).map(|rows| Compared { rows, baseline: None });
        }
        let anywhere = format!("{}{}", check.metric, check.versus.clause());
        let stated = self.rows.get(check.subject().as_str()).or_else(|| self.rows.get(anywhere.as_str()));
        if let Some(rows) = stated {
            return Some(Compared { rows, baseline: None });
        }
        let (rows, entered) = (self.rows_of(check)?, entered?);
        let value = baseline(rows, check, entered).filter(|_| check.versus == Versus::Baseline)?;
        Some(Compared { rows, baseline: Some(Baseline { value, entered }) })
    }

    /// The next moment at which some value changes.
    pub(super) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let bounds = (Bound::Excluded(now), Bound::Unbounded);
        self.rows.values().filter_map(|rows| rows.range(bounds).next().map(|(at, _)| *at)).min()
    }

    /// What is known of a condition at a moment: the mean over its window, weighted by time; where it must be sustained,
    /// true of every value that was in force meanwhile.
    pub(super) fn judge_at(
        &self,
        check: &MetricCheck,
        now: Timestamp,
        entered: Option<Timestamp>,
    ) -> Verdict {
        let Some(compared) = self.compared(check, entered) else {
            return Verdict::InsufficientData;
        };
        let values = compared.values(check, now);
        let (Some((first, _)), Some((_, last))) = (values.first(), values.last()) else {
            return Verdict::InsufficientData;
        };
        if check.sustained_seconds > 0 {
            let is_whole = *first <= before(now, check.sustained_seconds);
            let is_sustained = is_whole && values.iter().all(|(_, value)| check.is_true_of(*value));
            let value = rounded(*last);
            return if is_sustained { Verdict::Met { value } } else { Verdict::NotMet { value } };
        }
        let exact = mean(&values, now).unwrap_or(*last);
        let value = rounded(exact);
        if check.is_true_of(exact) { Verdict::Met { value } } else { Verdict::NotMet { value } }
    }

    /// When a condition is to be looked at again although no row begins: when it may have been true for long enough, and
    /// while a window still holds a row's beginning.
    pub(super) fn next_look(
        &self,
        check: &MetricCheck,
        now: Timestamp,
        entered: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let Compared { rows, baseline } = self.compared(check, entered)?;
        if check.sustained_seconds > 0 {
            let moments = rows.range(..=now).rev().map(|(at, _)| after(*at, check.sustained_seconds));
            let of_rows = moments.take_while(|moment| *moment > now).last();
            let of_entry = baseline.map(|baseline| after(baseline.entered, check.sustained_seconds));
            return of_rows.into_iter().chain(of_entry.filter(|moment| *moment > now)).min();
        }
        let (_, left) =
            rows.range(..=now).next_back().map(|(at, _)| (at, after(*at, check.window_seconds)))?;
        let look = after(now, (check.window_seconds / LOOKS_PER_WINDOW).max(1));
        (left > now).then_some(look.min(left))
    }
}

/// What a metric was before a stage was entered.
#[derive(Clone, Copy)]
struct Baseline {
    value: f64,
    entered: Timestamp,
}

/// Rows, and what their values are compared with.
struct Compared<'t> {
    rows: &'t Rows,
    baseline: Option<Baseline>,
}

impl Compared<'_> {
    /// The values that were in force within the condition's length, each with when it began to count; of a baseline only
    /// those since the entry, in percent more than before.
    fn values(&self, check: &MetricCheck, now: Timestamp) -> Vec<(Timestamp, f64)> {
        let from = before(now, length(check));
        let from = self.baseline.map_or(from, |baseline| from.max(baseline.entered));
        let in_force = self.rows.range(..=from).next_back().map(|(_, value)| (from, *value));
        let bounds = (Bound::Excluded(from), Bound::Included(now.max(from)));
        let later = self.rows.range(bounds).map(|(at, value)| (*at, *value));
        let more = |value: f64| match self.baseline {
            Some(baseline) => (value / baseline.value - 1.0) * 100.0,
            None => value,
        };
        in_force.into_iter().chain(later).map(|(at, value)| (at, more(value))).collect()
    }
}

/// The length of time that a condition looks at, in seconds.
fn length(check: &MetricCheck) -> u64 {
    check.window_seconds.max(check.sustained_seconds)
}

/// The mean of what was in force before a moment, over the condition's own length; of a condition without one, what was in
/// force then. Nothing when nothing was, or when it was nothing: no difference in percent is more than zero.
fn baseline(rows: &Rows, check: &MetricCheck, entered: Timestamp) -> Option<f64> {
    let from = before(entered, length(check));
    let begun = if from < entered { Bound::Included(from) } else { Bound::Excluded(entered) };
    let in_force = rows.range((Bound::Unbounded, begun)).next_back().map(|(_, value)| (from, *value));
    let later = (from < entered).then(|| rows.range((Bound::Excluded(from), Bound::Excluded(entered))));
    let later = later.into_iter().flatten().map(|(at, value)| (*at, *value));
    let values: Vec<(Timestamp, f64)> = in_force.into_iter().chain(later).collect();
    let value = mean(&values, entered).or_else(|| values.last().map(|(_, value)| *value))?;
    (value > 0.0).then_some(value)
}

/// As people read it: a mean has many decimals.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
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
