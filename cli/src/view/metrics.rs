//! A flag's metrics over time: as numbers, or drawn, with the limits that guards set to them.

use std::collections::BTreeMap;

use mycelia_flags_core::observation::metric::Metric;
use mycelia_flags_core::plan::metric_check::{MetricCheck, Versus};
use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;
use crate::view::usage::{milliseconds, percent, seconds};

/// Letters of a drawn line: the newest of what is more.
const WIDTH: usize = 72;

/// The answer of `metrics`.
#[derive(Debug, Serialize)]
pub(crate) struct MetricsView {
    pub(crate) flag: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) points: Vec<PointView>,
    /// Conditions of guards that speak of the flag: those of plans, and those that stand.
    pub(crate) limits: Vec<LimitView>,
    #[serde(skip)]
    chart: bool,
}

/// A minute, an hour or a day.
#[derive(Debug, Serialize)]
pub(crate) struct PointView {
    pub(crate) begin: Option<String>,
    pub(crate) requests: u64,
    /// Percent.
    pub(crate) error_rate: Option<f64>,
    /// Percent.
    pub(crate) crash_rate: Option<f64>,
    pub(crate) latency_mean_ms: Option<f64>,
    pub(crate) latency_p50_ms: Option<f64>,
    pub(crate) latency_p95_ms: Option<f64>,
    pub(crate) latency_p99_ms: Option<f64>,
    /// What ratios may be of.
    #[serde(skip)]
    counts: BTreeMap<String, u64>,
    #[serde(skip)]
    begin_briefly: String,
}

/// A condition that a guard watches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LimitView {
    pub(crate) metric: String,
    /// In percent, or in milliseconds.
    pub(crate) threshold: f64,
    /// As it was written.
    pub(crate) condition: String,
}

impl MetricsView {
    pub(crate) fn of(flag: &str, answer: &v1::GetUsageResponse, limits: &[String], chart: bool) -> Self {
        let mut limits: Vec<LimitView> = limits.iter().filter_map(|text| LimitView::of(text)).collect();
        limits.sort_by(|one, other| one.condition.cmp(&other.condition));
        limits.dedup();
        Self {
            flag: answer.rows.first().map_or_else(|| flag.to_owned(), |row| row.flag.clone()),
            from: moment::exactly(Some(&seconds(answer.from_seconds))),
            until: moment::exactly(Some(&seconds(answer.until_seconds))),
            points: answer.rows.iter().map(PointView::of).collect(),
            limits,
            chart,
        }
    }

    fn values(&self, metric: &str) -> Vec<Option<f64>> {
        let ratio = match Metric::of(metric) {
            Metric::Ratio { part, whole } => Some((part, whole)),
            _ => None,
        };
        let value = |point: &PointView| match metric {
            _ if ratio.is_some() => ratio.as_ref().and_then(|(part, whole)| point.ratio(part, whole)),
            "error_rate" => point.error_rate,
            "crash_rate" => point.crash_rate,
            "latency.mean" => point.latency_mean_ms,
            "latency.p50" => point.latency_p50_ms,
            "latency.p99" => point.latency_p99_ms,
            _ => point.latency_p95_ms,
        };
        let skip = self.points.len().saturating_sub(WIDTH);
        self.points.iter().skip(skip).map(value).collect()
    }

    /// Those that are always drawn, and those that a limit speaks of.
    fn drawn(&self) -> Vec<&str> {
        let mut metrics = vec!["error_rate", "latency.p95"];
        let known = ["crash_rate", "latency.mean", "latency.p50", "latency.p99"];
        metrics.extend(
            known.into_iter().filter(|metric| self.limits.iter().any(|limit| limit.metric == *metric)),
        );
        for limit in self.limits.iter().map(|limit| limit.metric.as_str()) {
            if is_ratio(limit) && !metrics.contains(&limit) {
                metrics.push(limit);
            }
        }
        metrics
    }

    fn draw(&self, page: &mut Page) {
        let drawn = self.drawn();
        let width = drawn.iter().map(|metric| metric.len()).fold(13, usize::max);
        for metric in drawn {
            let limits: Vec<&LimitView> = self.limits.iter().filter(|limit| limit.metric == metric).collect();
            let show = if metric.ends_with("_rate") || is_ratio(metric) { percent } else { milliseconds };
            let values = self.values(metric);
            let (newest, top) = (values.iter().flatten().last().copied(), scale(&values, &limits));
            page.line([Span::from(format!("{metric:<width$} {}  now {}", line(&values, top), show(newest)))]);
            for limit in limits {
                let crossed = values.iter().map(|value| value.is_some_and(|value| value > limit.threshold));
                let marks: String = crossed.map(|crossed| if crossed { '^' } else { '-' }).collect();
                let tone = if marks.contains('^') { Tone::Loud } else { Tone::Faint };
                page.line([Span::new(&format!("{:width$} {marks}  limit {}", "", limit.condition), tone)]);
            }
        }
    }
}

impl PointView {
    fn of(row: &v1::UsageRow) -> Self {
        let begin = seconds(row.begin_seconds);
        let counted = [
            ("requests", row.requests),
            ("evaluations", row.evaluations),
            ("impressions", row.impressions),
            ("clicks", row.clicks),
        ];
        let mut counts: BTreeMap<String, u64> =
            row.counters.iter().map(|(name, count)| (name.clone(), *count)).collect();
        counts.extend(counted.map(|(name, count)| (name.to_owned(), count)));
        Self {
            begin: moment::exactly(Some(&begin)),
            requests: row.requests,
            error_rate: row.error_percent,
            crash_rate: in_percent(row.crashes, row.requests),
            latency_mean_ms: row.latency_mean_ms,
            latency_p50_ms: row.latency_p50_ms,
            latency_p95_ms: row.latency_p95_ms,
            latency_p99_ms: row.latency_p99_ms,
            counts,
            begin_briefly: moment::to_the_minute(Some(&begin)),
        }
    }

    fn ratio(&self, part: &str, whole: &str) -> Option<f64> {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or_default();
        in_percent(count(part), count(whole))
    }

    fn cells(&self) -> Vec<Span> {
        let latencies = [self.latency_mean_ms, self.latency_p50_ms, self.latency_p95_ms, self.latency_p99_ms];
        let mut cells = vec![self.begin_briefly.clone(), self.requests.to_string(), percent(self.error_rate)];
        cells.extend(latencies.map(milliseconds));
        cells.into_iter().map(Span::from).collect()
    }
}

impl LimitView {
    /// None of what is no limit of a metric by itself, but a comparison.
    fn of(text: &str) -> Option<Self> {
        let check = MetricCheck::parse(text).ok().filter(|check| check.versus == Versus::Threshold)?;
        Some(Self {
            metric: check.metric.to_string(),
            threshold: check.threshold,
            condition: text.to_owned(),
        })
    }
}

fn is_ratio(metric: &str) -> bool {
    matches!(Metric::of(metric), Metric::Ratio { .. })
}

/// None of nothing.
fn in_percent(part: u64, whole: u64) -> Option<f64> {
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (whole > 0).then(|| 100.0 * number(part) / number(whole))
}

/// What the top of a line means: the largest value, or the largest limit if that is higher.
fn scale(values: &[Option<f64>], limits: &[&LimitView]) -> f64 {
    let limits = limits.iter().map(|limit| limit.threshold);
    values.iter().flatten().copied().chain(limits).fold(0.0, f64::max)
}

/// A letter for each value, as high as it is; `·` where nobody measured.
fn line(values: &[Option<f64>], top: f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |value: &Option<f64>| {
        let Some(value) = value else { return '·' };
        let reached = BARS
            .iter()
            .zip(1u8..)
            .filter(|(_, step)| *value * 8.0 >= top * f64::from(*step - 1) && top > 0.0);
        reached.last().map_or(BARS.first().copied().unwrap_or('▁'), |(bar, _)| *bar)
    };
    values.iter().map(bar).collect()
}

impl View for MetricsView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let span = |text: &Option<String>| text.clone().unwrap_or_default().replace(".000000", "");
        let (from, until) = (span(&self.from), span(&self.until));
        if self.points.is_empty() {
            let text = format!("nothing was observed of {} from {from} to {until}", self.flag);
            return Page::of_line(Span::new(&text, Tone::Faint));
        }
        if self.chart {
            self.draw(&mut page);
        } else {
            let headings = ["FROM", "REQUESTS", "ERRORS", "MEAN", "P50", "P95", "P99"];
            let mut rows: Vec<Vec<Span>> =
                vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
            rows.extend(self.points.iter().map(PointView::cells));
            page.table(0, rows);
        }
        page.line([Span::new(&format!("{}, from {from} to {until}", self.flag), Tone::Faint)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> v1::GetUsageResponse {
        let row = |minute: i64, error: Option<f64>, p95: Option<f64>| v1::UsageRow {
            flag: "dreams".to_owned(),
            begin_seconds: minute * 60,
            requests: 100,
            error_percent: error,
            latency_p95_ms: p95,
            ..v1::UsageRow::default()
        };
        let rows =
            vec![row(0, Some(0.0), Some(100.0)), row(1, Some(4.0), None), row(2, Some(8.0), Some(200.0))];
        v1::GetUsageResponse { rows, truncated: false, from_seconds: 0, until_seconds: 180 }
    }

    #[test]
    fn a_chart_shows_where_a_limit_is_crossed() {
        let limits = ["error_rate > 5% over 5m", "latency.p95 > 800ms", "latency.p95 > 20% versus baseline"];
        let view = MetricsView::of("dreams", &answer(), &limits.map(str::to_owned), true);
        assert_eq!(
            view.page().render(false),
            "error_rate    ▁▅█  now 8%\n\
             \x20             --^  limit error_rate > 5% over 5m\n\
             latency.p95   ▂·▃  now 200ms\n\
             \x20             ---  limit latency.p95 > 800ms\n\
             dreams, from 1970-01-01T00:00:00Z to 1970-01-01T00:03:00Z\n"
        );
        assert_eq!(view.limits.len(), 2, "a comparison is no line");
    }

    #[test]
    fn a_limit_of_a_ratio_has_a_line_of_its_own() {
        let mut answer = answer();
        for (row, saves) in answer.rows.iter_mut().zip([1, 4, 8]) {
            row.counters.insert("saves".to_owned(), saves);
        }
        let limits = ["ratio(saves, requests) > 5% over 5m".to_owned()];
        let text = MetricsView::of("dreams", &answer, &limits, true).page().render(false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "ratio(saves, requests) ▂▅█  now 8%");
        assert_eq!(lines[3], "                       --^  limit ratio(saves, requests) > 5% over 5m");
    }

    #[test]
    fn numbers_are_a_table_and_nothing_is_said_to_be_nothing() {
        let view = MetricsView::of("dreams", &answer(), &[], false);
        let text = view.page().render(false);
        assert_eq!(text.lines().nth(3), Some("1970-01-01 00:02Z  100       8%      -     -    200ms  -"));
        let nothing = v1::GetUsageResponse { rows: Vec::new(), ..answer() };
        let text = MetricsView::of("dreams", &nothing, &[], true).page().render(false);
        assert!(text.starts_with("nothing was observed of dreams"), "{text}");
    }
}
