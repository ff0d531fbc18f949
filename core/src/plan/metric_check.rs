//! Conditions on metrics, as plans and guards write them: `error_rate < 2% over 1h`, `latency.p95 > 5s for 10m`.
//!
//! `METRIC OP VALUE [of FLAG] [in SERVICE] [over WINDOW] [for LENGTH] [versus control|baseline] [min_samples N]`. A value
//! may have a unit: `%`, `ms` or `s`. What a metric's value is, others know; here is what is asked of it. In place of a
//! metric's name may stand a query, in PromQL, or the ratio of two counts: `ratio(saves, requests) < 5%`.

mod promql;
mod ratio;

use std::fmt;

use super::duration_text::{self, Exact};
use crate::key::{EnvironmentKey, FlagKey, ServiceName};
use crate::observation::measurement::Measurement;
use crate::revision::Timestamp;

/// How a value is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// All of them, the longer sign before the shorter one.
    pub const ALL: [Self; 4] = [Self::AtMost, Self::AtLeast, Self::Less, Self::Greater];

    /// The sign.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing in particular.
    Plain,
    /// Percent of everything.
    Percent,
    /// Milliseconds.
    Milliseconds,
}

/// What the value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versus {
    /// The threshold itself.
    Threshold,
    /// How much more it is than among those who do not have the feature.
    Control,
    /// How much more it is than before the change.
    Baseline,
}

impl Versus {
    /// The clause that says so, with a blank before it; empty for the threshold itself.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Threshold => "",
            Self::Control => " versus control",
            Self::Baseline => " versus baseline",
        }
    }
}

/// A condition on a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricCheck {
    /// The metric's name: `error_rate`, `crash_rate`, `latency.mean`, `latency.p95`, `requests`, or any that is reported;
    /// or a query, or a ratio of two counts, in the form in which it is printed.
    pub metric: Box<str>,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what, in the unit.
    pub threshold: f64,
    /// The unit of both.
    pub unit: Unit,
    /// The flag that it is said of; none means the flags of the plan.
    pub flag: Option<FlagKey>,
    /// The service that it is measured in; none means all of them together.
    pub service: Option<ServiceName>,
    /// How many seconds the value is taken over; 0 leaves that to whoever measures.
    pub window_seconds: u64,
    /// How many seconds the condition must have been true without a break; 0 means that once is enough.
    pub sustained_seconds: u64,
    /// What the value is compared with.
    pub versus: Versus,
    /// Fewer samples than this say nothing.
    pub samples_min: u64,
}

/// What is wrong with the text of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?}: {allowed}")]
pub struct MetricCheckError {
    /// The part that is wrong.
    pub found: String,
    /// What may stand there.
    pub allowed: &'static str,
}

const GRAMMAR: &str = "a condition such as `error_rate < 2% over 1h` or `latency.p95 > 5s for 10m`";
const QUERY_CLAUSES: &str =
    "only for LENGTH behind the value: a query says itself what it is of, and over which window";
const CLAUSES: &str = "of FLAG, in SERVICE, over WINDOW, for LENGTH, versus control or baseline, min_samples N, each at most once";

impl MetricCheck {
    /// Reads a condition.
    ///
    /// # Errors
    /// When the text is none; names the part and what may stand there.
    pub fn parse(text: &str) -> Result<Self, MetricCheckError> {
        let fault = |found: &str, allowed| Err(MetricCheckError { found: found.to_owned(), allowed });
        if let Some(query) = promql::read(text) {
            let (metric, rest) = query?;
            let Some((comparison, rest)) = sign(rest) else { return fault(text, GRAMMAR) };
            let check = Self::compared(Box::from(metric), comparison, rest)?;
            return if check.is_bare() { Ok(check) } else { fault(text, QUERY_CLAUSES) };
        }
        if let Some(ratio) = ratio::read(text) {
            let (metric, rest) = ratio?;
            let Some((comparison, rest)) = sign(rest) else { return fault(text, GRAMMAR) };
            let check = Self::compared(Box::from(metric), comparison, rest)?;
            return if check.unit == Unit::Percent { Ok(check) } else { fault(rest.trim(), ratio::UNIT) };
        }
        let signs = Comparison::ALL.into_iter().filter_map(|comparison| {
            text.split_once(comparison.as_str()).map(|(before, after)| (comparison, before, after))
        });
        // Of `<=` and `<` at the same place the longer one is meant: it stands first.
        let Some((comparison, metric, rest)) = signs.min_by_key(|(_, before, _)| before.len()) else {
            return fault(text, GRAMMAR);
        };
        let metric = metric.trim();
        if !is_metric(metric) {
            return fault(metric, "the name of a metric: lower case letters, digits, dots and underscores");
        }
        Self::compared(Box::from(metric), comparison, rest)
    }

    /// Reads what stands behind the sign.
    fn compared(metric: Box<str>, comparison: Comparison, rest: &str) -> Result<Self, MetricCheckError> {
        let fault = |found: &str, allowed| Err(MetricCheckError { found: found.to_owned(), allowed });
        let mut words = rest.split_whitespace();
        let value = words.next().unwrap_or_default();
        let Some((threshold, unit)) = parse_value(value) else {
            return fault(value, "a number, with %, ms or s if it is one of them");
        };
        let mut check = Self {
            metric,
            comparison,
            threshold,
            unit,
            flag: None,
            service: None,
            window_seconds: 0,
            sustained_seconds: 0,
            versus: Versus::Threshold,
            samples_min: 0,
        };
        let mut said: Vec<&str> = Vec::new();
        while let Some(clause) = words.next() {
            if said.contains(&clause) {
                return fault(clause, CLAUSES);
            }
            said.push(clause);
            check.take(clause, words.next().unwrap_or_default())?;
        }
        Ok(check)
    }

    /// Whether nothing but `for` is said behind the value.
    const fn is_bare(&self) -> bool {
        self.flag.is_none()
            && self.service.is_none()
            && self.window_seconds == 0
            && self.samples_min == 0
            && matches!(self.versus, Versus::Threshold)
    }

    /// The query that stands where the name of a metric would; none when a name stands there.
    #[must_use]
    pub fn query(&self) -> Option<String> {
        promql::query(&self.metric)
    }

    fn take(&mut self, clause: &str, word: &str) -> Result<(), MetricCheckError> {
        let error = |found: &str, allowed| MetricCheckError { found: found.to_owned(), allowed };
        let no_name = |_| error(word, crate::key::NAME_GRAMMAR);
        match clause {
            "of" => self.flag = Some(FlagKey::parse(word).map_err(no_name)?),
            "in" => self.service = Some(ServiceName::parse(word).map_err(no_name)?),
            "over" | "for" => {
                let seconds = duration_text::parse(word).filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or_else(|| error(word, duration_text::GRAMMAR))?;
                match clause {
                    "over" => self.window_seconds = seconds,
                    _ => self.sustained_seconds = seconds,
                }
            }
            "versus" => {
                self.versus = match word {
                    "control" => Versus::Control,
                    "baseline" => Versus::Baseline,
                    _ => return Err(error(word, "control or baseline")),
                }
            }
            "min_samples" => {
                let samples = word.parse().ok();
                self.samples_min = samples.ok_or_else(|| error(word, "a whole number of samples"))?;
            }
            _ => return Err(error(clause, CLAUSES)),
        }
        Ok(())
    }

    /// Whether the condition is true of a value.
    #[must_use]
    pub fn is_true_of(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Less => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
            Comparison::Greater => value > self.threshold,
            Comparison::AtLeast => value >= self.threshold,
        }
    }

    /// What the value is of, as people report it: what is measured, and with what that is compared. A difference in percent
    /// and a value of the same metric are two things.
    #[must_use]
    pub fn subject(&self) -> String {
        let versus = self.versus.clause();
        format!("{}{versus}", self.measured())
    }

    /// What is measured: the metric, and the flag and the service that it is said of.
    #[must_use]
    pub fn measured(&self) -> String {
        let mut subject = self.metric.to_string();
        if let Some(flag) = &self.flag {
            subject.push_str(&format!(" of {flag}"));
        }
        if let Some(service) = &self.service {
            subject.push_str(&format!(" in {service}"));
        }
        subject
    }

    /// The value in the check's unit, in words.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        match self.unit {
            Unit::Plain => value.to_string(),
            Unit::Percent => format!("{value}%"),
            Unit::Milliseconds => format!("{value}ms"),
        }
    }
}

impl fmt::Display for MetricCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, comparison, threshold, .. } = self;
        write!(formatter, "{metric} {} {}", comparison.as_str(), self.show(*threshold))?;
        if let Some(flag) = &self.flag {
            write!(formatter, " of {flag}")?;
        }
        if let Some(service) = &self.service {
            write!(formatter, " in {service}")?;
        }
        for (word, seconds) in [("over", self.window_seconds), ("for", self.sustained_seconds)] {
            if seconds > 0 {
                write!(formatter, " {word} {}", Exact(seconds))?;
            }
        }
        formatter.write_str(self.versus.clause())?;
        if self.samples_min > 0 {
            write!(formatter, " min_samples {}", self.samples_min)?;
        }
        Ok(())
    }
}

/// The sign that a text begins with, and what stands behind it.
fn sign(text: &str) -> Option<(Comparison, &str)> {
    let text = text.trim_start();
    Comparison::ALL.into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign.as_str())?)))
}

fn is_metric(text: &str) -> bool {
    let mut letters = text.chars();
    text.len() <= 64
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_')
        })
}

/// A number with its unit; seconds become milliseconds.
#[must_use]
pub fn parse_value(text: &str) -> Option<(f64, Unit)> {
    let (number, unit, factor) = if let Some(number) = text.strip_suffix('%') {
        (number, Unit::Percent, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, Unit::Milliseconds, 1.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, Unit::Milliseconds, 1_000.0)
    } else {
        (text, Unit::Plain, 1.0)
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let value = number.parse::<f64>().ok().filter(|value| is_number && value.is_finite())?;
    Some((value * factor, unit))
}

/// What is known of a condition at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It is true.
    Met {
        /// The value that makes it so.
        value: f64,
    },
    /// It is not.
    NotMet {
        /// The value that makes it so.
        value: f64,
    },
    /// Nobody has measured enough. It never opens a gate, and never trips a guard.
    InsufficientData,
}

/// What a condition is asked of, where it does not say so itself, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where the flags are.
    pub environment: &'a EnvironmentKey,
    /// The flags that it is said of, when it names none. No flag at all means everything that happens in the environment.
    pub flags: &'a [&'a FlagKey],
    /// When they were changed last, if a baseline is to be what was before that.
    pub changed_at: Option<Timestamp>,
    /// The moment.
    pub now: Timestamp,
}

/// Whoever knows what metrics say.
pub trait Metrics {
    /// What is known of a condition.
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict;

    /// What the verdict rests on: none where nothing was measured.
    fn measure(&self, _check: &MetricCheck, _asked: &Asked<'_>) -> Option<Measurement> {
        None
    }
}

/// Knows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn judge(&self, _check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        Verdict::InsufficientData
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    pub(super) fn check(text: &str, printed: &str) {
        let check = MetricCheck::parse(text).unwrap();
        assert_eq!(check.to_string(), printed);
        assert_eq!(MetricCheck::parse(printed), Ok(check), "what is printed is read again");
    }

    #[test]
    fn the_conditions_of_the_plans_are_read() {
        check("error_rate < 2% over 1h", "error_rate < 2% over 1h");
        check("error_rate > 5% for 10m", "error_rate > 5% for 10m");
        check("latency.p95>5s for 600s", "latency.p95 > 5000ms for 10m");
        check("latency.mean < 100ms over 1h", "latency.mean < 100ms over 1h");
        check("user_satisfaction >= 4.0", "user_satisfaction >= 4");
        check("requests <= 10 of maya.voice in ui", "requests <= 10 of maya.voice in ui");
        check(
            "latency.p95 > 20% versus control min_samples 500",
            "latency.p95 > 20% versus control min_samples 500",
        );
    }

    #[track_caller]
    fn refuse(text: &str, found: &str, allowed: &str) {
        let error = MetricCheck::parse(text).unwrap_err();
        assert_eq!(error.found, found, "{text}");
        assert!(error.allowed.contains(allowed), "{text}: {}", error.allowed);
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_part_that_is_wrong() {
        refuse("error_rate", "error_rate", "a condition");
        refuse("Error Rate < 2%", "Error Rate", "the name of a metric");
        refuse("error_rate <", "", "a number");
        refuse("error_rate < two", "two", "a number");
        refuse("error_rate < NaN", "NaN", "a number");
        refuse("error_rate < 1e9999", "1e9999", "a number");
        refuse("error_rate < 2% over", "", "a length of time");
        refuse("error_rate < 2% over 0s", "0s", "a length of time");
        refuse("error_rate < 2% during 5m", "during", "of FLAG");
        refuse("error_rate < 2% over 5m over 5m", "over", "at most once");
        refuse("error_rate < 2% versus yesterday", "yesterday", "control or baseline");
        refuse("error_rate < 2% min_samples many", "many", "a whole number");
        refuse("error_rate < 2% in a/b", "a/b", "1 to 128");
    }

    #[test]
    fn a_threshold_itself_is_on_the_side_that_the_sign_says() {
        for (text, below, at, above) in [
            ("a < 2", true, false, false),
            ("a <= 2", true, true, false),
            ("a > 2", false, false, true),
            ("a >= 2", false, true, true),
        ] {
            let check = MetricCheck::parse(text).unwrap();
            assert_eq!([1.0, 2.0, 3.0].map(|value| check.is_true_of(value)), [below, at, above], "{text}");
        }
    }
}
