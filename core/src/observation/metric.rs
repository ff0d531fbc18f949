//! Which metrics there are, and how each is computed from what was observed.

use super::bucket::{Bucket, Spread};
use super::sketch::float;

/// What is asked of what was observed.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// `error_rate`: errors and crashes, in percent of the requests.
    ErrorRate,
    /// `crash_rate`: crashes, in percent of the requests.
    CrashRate,
    /// `fallback_rate`: evaluations that served the caller's default, in percent of the evaluations.
    FallbackRate,
    /// `ctr` and `click_through_rate`: clicks, in percent of the impressions.
    ClickThroughRate,
    /// `latency.mean` and `latency.avg`, `latency.p50`, `latency.p95`, `latency.p99`: milliseconds.
    Latency(Statistic),
    /// `requests`, in the window.
    Requests,
    /// `evaluations`, in the window.
    Evaluations,
    /// `impressions`, in the window.
    Impressions,
    /// `clicks`, in the window.
    Clicks,
    /// `unavailable_seconds`: how long nothing was heard of a service that was heard of before, in seconds.
    UnavailableSeconds,
    /// `uptime`: the share of the window in which a service reported, in percent.
    Uptime,
    /// `ratio(PART, WHOLE)`: one count in percent of another one; it may be more than all of it.
    Ratio {
        /// What is counted.
        part: Box<str>,
        /// Of how many.
        whole: Box<str>,
    },
    /// Any other name: what the service counts or measures itself.
    Custom {
        /// The name of the counter or of the value.
        name: Box<str>,
        /// What of a value; a counter has nothing but its sum.
        statistic: Statistic,
    },
}

/// What of many values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// The mean, and of a counter the sum.
    Mean,
    /// The sum.
    Sum,
    /// How many there are.
    Count,
    /// The value that this share does not exceed.
    Quantile(f64),
}

/// The value of a metric, and how many observations it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Percent, milliseconds, or a plain number.
    pub value: f64,
    /// Requests, evaluations, impressions or values.
    pub samples: u64,
}

/// Observations that a rate, a mean or a quantile needs at least, when the condition does not say: of fewer, one that is
/// bad says nothing.
pub const SAMPLES_MIN: u64 = 20;

impl Statistic {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "mean" | "avg" => Self::Mean,
            "sum" => Self::Sum,
            "count" => Self::Count,
            "p50" => Self::Quantile(0.50),
            "p90" => Self::Quantile(0.90),
            "p95" => Self::Quantile(0.95),
            "p99" => Self::Quantile(0.99),
            _ => return None,
        })
    }

    fn of(self, spread: &Spread) -> Option<f64> {
        match self {
            Self::Mean => spread.mean(),
            Self::Sum => Some(spread.sum),
            Self::Count => Some(float(spread.count)),
            Self::Quantile(share) => spread.sketch.quantile(share),
        }
    }
}

impl Metric {
    /// What a name means. Every name means something: what is not built in is custom.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if let Some((part, whole)) = ratio_of(name) {
            return Self::Ratio { part: Box::from(part), whole: Box::from(whole) };
        }
        let ended = name.rsplit_once('.').and_then(|(stem, end)| Some((stem, Statistic::parse(end)?)));
        match (name, ended) {
            ("error_rate", _) => Self::ErrorRate,
            ("crash_rate", _) => Self::CrashRate,
            ("fallback_rate", _) => Self::FallbackRate,
            ("ctr" | "click_through_rate", _) => Self::ClickThroughRate,
            ("requests", _) => Self::Requests,
            ("evaluations", _) => Self::Evaluations,
            ("impressions", _) => Self::Impressions,
            ("clicks", _) => Self::Clicks,
            ("unavailable_seconds", _) => Self::UnavailableSeconds,
            ("uptime", _) => Self::Uptime,
            ("latency", _) => Self::Latency(Statistic::Mean),
            (_, Some(("latency", statistic))) => Self::Latency(statistic),
            (_, Some((stem, statistic))) => Self::Custom { name: Box::from(stem), statistic },
            (_, None) => Self::Custom { name: Box::from(name), statistic: Statistic::Mean },
        }
    }

    /// Reads it; none when nothing was observed that it is of.
    #[must_use]
    pub fn read(&self, bucket: &Bucket) -> Option<Reading> {
        let counted = |count: u64| (count > 0).then_some(Reading { value: float(count), samples: count });
        match self {
            Self::Latency(statistic) => {
                let value = statistic.of(&bucket.latency).filter(|_| bucket.latency.count > 0)?;
                Some(Reading { value, samples: bucket.latency.count })
            }
            Self::Requests => counted(bucket.requests()),
            Self::Evaluations => counted(bucket.evaluated()),
            Self::Impressions => counted(bucket.impressions),
            Self::Clicks => counted(bucket.clicks),
            Self::UnavailableSeconds | Self::Uptime => None,
            Self::Custom { name, statistic } => read_custom(bucket, name, *statistic),
            _ => {
                let (part, whole) = self.rate(bucket)?;
                let share = 100.0 * float(part) / float(whole);
                (whole > 0).then_some(Reading { value: share, samples: whole })
            }
        }
    }

    /// Adds to a sum what this metric is computed from: a guard asks several times a second, and most ask for counts.
    pub fn add(&self, sum: &mut Bucket, more: &Bucket) {
        match self {
            Self::Custom { .. } | Self::Ratio { .. } => sum.merge(more),
            Self::Latency(_) => {
                sum.merge_counts(more);
                sum.latency.merge(&more.latency);
            }
            _ => sum.merge_counts(more),
        }
    }

    /// What a rate is of: the part and the whole; none of what is no rate.
    #[must_use]
    pub fn rate(&self, bucket: &Bucket) -> Option<(u64, u64)> {
        match self {
            Self::ErrorRate => Some((bucket.errors.saturating_add(bucket.crashes), bucket.requests())),
            Self::CrashRate => Some((bucket.crashes, bucket.requests())),
            Self::FallbackRate => Some((bucket.fallbacks, bucket.evaluations)),
            Self::ClickThroughRate => Some((bucket.clicks, bucket.impressions)),
            Self::Ratio { part, whole } => Some((count_of(bucket, part), count_of(bucket, whole))),
            Self::Custom { name, .. } => rate_of_counter(bucket, name),
            _ => None,
        }
    }

    /// The values that it is a mean or a quantile of, and which; none of what is neither.
    #[must_use]
    pub fn spread<'b>(&self, bucket: &'b Bucket) -> Option<(&'b Spread, Statistic)> {
        match self {
            Self::Latency(statistic) => Some((&bucket.latency, *statistic)),
            Self::Custom { name, statistic } => bucket.values.get(name).map(|spread| (spread, *statistic)),
            _ => None,
        }
    }

    /// How many observations it needs at least, when nobody says: a rate of three is no rate, and a count of one is one.
    #[must_use]
    pub fn samples_min(&self) -> u64 {
        match self {
            Self::ErrorRate
            | Self::CrashRate
            | Self::FallbackRate
            | Self::ClickThroughRate
            | Self::Ratio { .. }
            | Self::Latency(_)
            | Self::Custom { statistic: Statistic::Quantile(_), .. } => SAMPLES_MIN,
            _ => 0,
        }
    }

    /// Whether having seen none of it is a reading: no error was counted, while somebody was listening.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self, Self::Requests | Self::Evaluations | Self::Impressions | Self::Clicks)
    }
}

/// Says in words what [`is_custom_name`] objects to.
pub const CUSTOM_NAME_GRAMMAR: &str =
    "1 to 64 of a-z 0-9 _, beginning with a letter, and not the name of a metric that is computed";

/// Whether a service may report something of its own under a name: one that is computed is taken.
#[must_use]
pub fn is_custom_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 64
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(is_letter)
        && matches!(Metric::of(name), Metric::Custom { .. })
}

/// Says in words what [`is_count_name`] objects to.
pub const COUNT_NAME_GRAMMAR: &str = "requests, evaluations, impressions or clicks, or the name of a counter: 1 to 64 of a-z 0-9 _, beginning with a letter";

/// Whether something is counted under a name, or could be by a service: what a ratio may be of.
#[must_use]
pub fn is_count_name(name: &str) -> bool {
    Metric::of(name).counts() || is_custom_name(name)
}

/// The two names of a ratio as it is printed.
fn ratio_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("ratio(")?.strip_suffix(')')?.split_once(", ")
}

/// What was counted under a name; a counter that nobody moved stands at 0.
fn count_of(bucket: &Bucket, name: &str) -> u64 {
    match Metric::of(name) {
        Metric::Requests => bucket.requests(),
        Metric::Evaluations => bucket.evaluated(),
        Metric::Impressions => bucket.impressions,
        Metric::Clicks => bucket.clicks,
        _ => bucket.counters.get(name).copied().unwrap_or_default(),
    }
}

/// `NAME_rate` of a counter `NAME`: what was counted, in percent of the requests.
fn rate_of_counter(bucket: &Bucket, name: &str) -> Option<(u64, u64)> {
    let counter = bucket.counters.get(name.strip_suffix("_rate")?)?;
    Some((*counter, bucket.requests()))
}

fn read_custom(bucket: &Bucket, name: &str, statistic: Statistic) -> Option<Reading> {
    if let Some(spread) = bucket.values.get(name).filter(|spread| spread.count > 0) {
        return Some(Reading { value: statistic.of(spread)?, samples: spread.count });
    }
    if let Some(count) = bucket.counters.get(name) {
        let is_sum = matches!(statistic, Statistic::Mean | Statistic::Sum);
        return is_sum.then_some(Reading { value: float(*count), samples: (*count).max(1) });
    }
    let (part, whole) = rate_of_counter(bucket, name).filter(|(_, whole)| *whole > 0)?;
    Some(Reading { value: 100.0 * float(part) / float(whole), samples: whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Bucket {
        let mut bucket = Bucket {
            evaluations: 400,
            fallbacks: 4,
            ok: 190,
            errors: 8,
            crashes: 2,
            impressions: 50,
            clicks: 10,
            ..Bucket::default()
        };
        (1..=100).for_each(|latency| bucket.latency.add(f64::from(latency)));
        bucket.counters.insert(Box::from("rls_violations"), 3);
        let mut pages = Spread::default();
        for value in [100.0, 300.0] {
            pages.add(value);
        }
        bucket.values.insert(Box::from("page_load"), pages);
        bucket
    }

    #[track_caller]
    fn check(name: &str, value: f64, samples: u64) {
        let reading = Metric::of(name).read(&bucket()).unwrap();
        assert!((reading.value - value).abs() <= value * 0.01, "{name}: {}", reading.value);
        assert_eq!(reading.samples, samples, "{name}");
    }

    #[test]
    fn each_metric_is_computed_as_it_says() {
        check("error_rate", 5.0, 200);
        check("crash_rate", 1.0, 200);
        check("fallback_rate", 1.0, 400);
        check("ctr", 20.0, 50);
        check("click_through_rate", 20.0, 50);
        check("latency.mean", 50.5, 100);
        check("latency.avg", 50.5, 100);
        check("latency.p50", 50.0, 100);
        check("latency.p95", 95.0, 100);
        check("latency.p99", 99.0, 100);
        check("requests", 200.0, 200);
        check("evaluations", 400.0, 400);
        check("impressions", 50.0, 50);
        check("clicks", 10.0, 10);
        check("rls_violations", 3.0, 3);
        check("rls_violations_rate", 1.5, 200);
        check("ratio(rls_violations, evaluations)", 0.75, 400);
        check("ratio(requests, rls_violations)", 20_000.0 / 3.0, 3);
        check("ratio(nobody_counts, requests)", 0.0, 200);
        check("page_load", 200.0, 2);
        check("page_load.sum", 400.0, 2);
        check("page_load.p95", 100.0, 2);
    }

    #[test]
    fn what_was_not_observed_has_no_value() {
        for name in ["error_rate", "latency.p95", "ctr", "nps", "nps_rate", "nps.p95", "unavailable_seconds"]
        {
            assert_eq!(Metric::of(name).read(&Bucket::default()), None, "{name}");
        }
        let empty = Metric::of("ratio(rls_violations, nobody_counts)");
        assert_eq!(empty.read(&bucket()), None, "of nothing there is no share");
        assert_eq!(Metric::of("rls_violations.p95").read(&bucket()), None, "a counter has no quantiles");
    }

    #[test]
    fn nobody_reports_under_a_name_that_is_taken() {
        for name in ["error_rate", "latency", "uptime", "a.p95", "", "1a", "A", "a b", &"a".repeat(65)] {
            assert!(!is_custom_name(name), "{name}");
        }
        for name in ["nps", "rls_violations", "a1", "errors"] {
            assert!(is_custom_name(name), "{name}");
        }
    }
}
