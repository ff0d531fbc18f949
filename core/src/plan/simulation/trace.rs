//! Metrics as somebody wrote them down, for a simulation to go by.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::observation::measurement::Measurement;
use crate::observation::metric::Metric;
use crate::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict, Versus};
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

    /// The moment at which the first value begins.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        self.rows.values().filter_map(|rows| rows.keys().next().copied()).min()
    }

    /// The rows of a metric; of a ratio that has none of its own, those of its parts.
    fn source(&self, check: &MetricCheck) -> Option<Source<'_>> {
        if let Some(rows) = self.rows_of(check) {
            return Some(Source { rows, whole: None });
        }
        let Metric::Ratio { part, whole } = Metric::of(&check.metric) else { return None };
        let rows_of = |name: Box<str>| self.rows_of(&MetricCheck { metric: name, ..check.clone() });
        Some(Source { rows: rows_of(part)?, whole: Some(rows_of(whole)?) })
    }

    fn rows_of(&self, check: &MetricCheck) -> Option<&Rows> {
        self.rows.get(check.measured().as_str()).or_else(|| self.rows.get(&check.metric))
    }

    /// The rows that a condition looks at, and what its values are compared with. A difference that the trace states itself
    /// counts; else only a baseline can be computed, from what was in force before the stage was entered. Nobody guesses
    /// what those without the feature would have had.
    fn compared(&self, check: &MetricCheck, entered: Option<Timestamp>) -> Option<Compared<'_>> {
        if check.versus == Versus::Threshold {
            return self.source(check).map(|source| Compared { source, baseline: None });
        }
        let anywhere = format!("{}{}", check.metric, check.versus.clause());
        let stated = self.rows.get(check.subject().as_str()).or_else(|| self.rows.get(anywhere.as_str()));
        if let Some(rows) = stated {
            return Some(Compared { source: Source { rows, whole: None }, baseline: None });
        }
        let (source, entered) = (self.source(check)?, entered?);
        let value = baseline(source, check, entered).filter(|_| check.versus == Versus::Baseline)?;
        Some(Compared { source, baseline: Some(Baseline { value, entered }) })
    }

    /// The next moment at which some value changes.
    pub(crate) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let bounds = (Bound::Excluded(now), Bound::Unbounded);
        self.rows.values().filter_map(|rows| rows.range(bounds).next().map(|(at, _)| *at)).min()
    }

    /// What is known of a condition at a moment: the mean over its window, weighted by time; where it must be sustained,
    /// true of every value that was in force meanwhile.
    pub(crate) fn judge_at(
        &self,
        check: &MetricCheck,
        now: Timestamp,
        entered: Option<Timestamp>,
    ) -> Verdict {
        let Some(compared) = self.compared(check, entered) else {
            return Verdict::InsufficientData;
        };
        let steps = compared.steps(check, now);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Verdict::InsufficientData;
        };
        let value_of = |step: &Step| step.value().map(|value| compared.than_baseline(value));
        if check.sustained_seconds > 0 {
            let Some(value) = value_of(last).map(rounded) else { return Verdict::InsufficientData };
            let is_whole = first.at <= before(now, check.sustained_seconds);
            let known: Vec<f64> = steps.iter().filter_map(value_of).collect();
            return match is_whole && known.iter().all(|value| check.is_true_of(*value)) {
                false => Verdict::NotMet { value },
                true if known.len() < steps.len() => Verdict::InsufficientData,
                true => Verdict::Met { value },
            };
        }
        let mean = mean(&steps, now).map_or_else(|| last.value(), Some);
        let Some(exact) = mean.map(|mean| compared.than_baseline(mean)) else {
            return Verdict::InsufficientData;
        };
        let value = rounded(exact);
        if check.is_true_of(exact) { Verdict::Met { value } } else { Verdict::NotMet { value } }
    }

    /// When a condition is to be looked at again although no row begins: when it may have been true for long enough, and
    /// while a window still holds a row's beginning.
    pub(crate) fn next_look(
        &self,
        check: &MetricCheck,
        now: Timestamp,
        entered: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let Compared { source, baseline } = self.compared(check, entered)?;
        if check.sustained_seconds > 0 {
            let of_rows = source.all().filter_map(|rows| {
                let moments = rows.range(..=now).rev().map(|(at, _)| after(*at, check.sustained_seconds));
                moments.take_while(|moment| *moment > now).last()
            });
            let of_entry = baseline.map(|baseline| after(baseline.entered, check.sustained_seconds));
            return of_rows.chain(of_entry.filter(|moment| *moment > now)).min();
        }
        let newest =
            source.all().filter_map(|rows| rows.range(..=now).next_back().map(|(at, _)| *at)).max()?;
        let left = after(newest, check.window_seconds);
        let look = after(now, (check.window_seconds / LOOKS_PER_WINDOW).max(1));
        (left > now).then_some(look.min(left))
    }
}

/// A trace knows nothing but values: of samples and of instances it says nothing.
impl Metrics for Trace {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.judge_at(check, asked.now, asked.changed_at)
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        let verdict = self.judge_at(check, asked.now, asked.changed_at);
        let (Verdict::Met { value } | Verdict::NotMet { value }) = verdict else {
            return None;
        };
        let from = before(asked.now, length(check));
        let (samples, reference, instances) = (0, None, Vec::new());
        Some(Measurement { value, samples, from, until: asked.now, reference, instances })
    }
}

/// What a metric was before a stage was entered.
#[derive(Clone, Copy)]
struct Baseline {
    value: f64,
    entered: Timestamp,
}

/// Where a metric's values come from.
#[derive(Clone, Copy)]
struct Source<'t> {
    rows: &'t Rows,
    /// Of a ratio that is computed: what the rows are a part of.
    whole: Option<&'t Rows>,
}

/// What was in force from a moment until the next one: a value is a part of a whole, which is 1 of what is no ratio. So a
/// ratio over a window is all of the one in percent of all of the other, as on a server, and no mean of ratios.
#[derive(Clone, Copy)]
struct Step {
    at: Timestamp,
    part: f64,
    whole: f64,
}

impl Step {
    /// None of nothing.
    fn value(&self) -> Option<f64> {
        (self.whole > 0.0).then(|| self.part / self.whole)
    }
}

impl<'t> Source<'t> {
    fn all(self) -> impl Iterator<Item = &'t Rows> {
        std::iter::once(self.rows).chain(self.whole)
    }

    /// What was in force at a moment; none where some of it was not yet.
    fn step(self, at: Timestamp, last: Bound<Timestamp>) -> Option<Step> {
        let in_force =
            |rows: &Rows| rows.range((Bound::Unbounded, last)).next_back().map(|(_, value)| *value);
        let part = in_force(self.rows)?;
        match self.whole {
            None => Some(Step { at, part, whole: 1.0 }),
            Some(whole) => Some(Step { at, part: part * 100.0, whole: in_force(whole)? }),
        }
    }

    /// What was in force at the beginning, and each time that something changed until the end.
    fn steps(self, from: Timestamp, begun: Bound<Timestamp>, end: Bound<Timestamp>) -> Vec<Step> {
        let changes = |rows: &'t Rows| rows.range((Bound::Excluded(from), end)).map(|(at, _)| *at);
        let mut moments: Vec<Timestamp> = self.all().flat_map(changes).collect();
        moments.sort_unstable();
        moments.dedup();
        let later = moments.into_iter().filter_map(|at| self.step(at, Bound::Included(at)));
        self.step(from, begun).into_iter().chain(later).collect()
    }
}

/// Rows, and what their values are compared with.
struct Compared<'t> {
    source: Source<'t>,
    baseline: Option<Baseline>,
}

impl Compared<'_> {
    /// What was in force within the condition's length; of a baseline only since the entry.
    fn steps(&self, check: &MetricCheck, now: Timestamp) -> Vec<Step> {
        let from = before(now, length(check));
        let from = self.baseline.map_or(from, |baseline| from.max(baseline.entered));
        self.source.steps(from, Bound::Included(from), Bound::Included(now.max(from)))
    }

    /// The value itself, or in percent more than before.
    fn than_baseline(&self, value: f64) -> f64 {
        self.baseline.map_or(value, |baseline| (value / baseline.value - 1.0) * 100.0)
    }
}

/// The length of time that a condition looks at, in seconds.
fn length(check: &MetricCheck) -> u64 {
    check.window_seconds.max(check.sustained_seconds)
}

/// The mean of what was in force before a moment, over the condition's own length; of a condition without one, what was in
/// force then. Nothing when nothing was, or when it was nothing: no difference in percent is more than zero.
fn baseline(source: Source<'_>, check: &MetricCheck, entered: Timestamp) -> Option<f64> {
    let from = before(entered, length(check));
    let steps = if from < entered {
        source.steps(from, Bound::Included(from), Bound::Excluded(entered))
    } else {
        source.step(from, Bound::Excluded(entered)).into_iter().collect()
    };
    let value = mean(&steps, entered).or_else(|| steps.last().and_then(Step::value))?;
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

/// The mean of what was in force, each until the next one.
fn mean(steps: &[Step], now: Timestamp) -> Option<f64> {
    let ends = steps.iter().skip(1).map(|step| step.at).chain([now]);
    let (mut part, mut whole) = (0.0, 0.0);
    for (step, until) in steps.iter().zip(ends) {
        #[expect(clippy::cast_precision_loss, reason = "a length of time in a chart, not a bucket")]
        let stay = until.micros_since(step.at) as f64;
        part += step.part * stay;
        whole += step.whole * stay;
    }
    (whole > 0.0).then(|| part / whole)
}
