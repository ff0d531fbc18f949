//! When guards would have acted, by metrics in a file.

use mycelia_flags_core::guard::rehearsal::Firing;
use mycelia_flags_core::guard::state::rounded;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_core::plan::simulation::Trace;
use mycelia_flags_core::revision::Timestamp;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// The answer of `guard test`.
#[derive(Debug, Serialize)]
pub(crate) struct RehearsalView {
    pub(crate) guards: Vec<TestedView>,
}

/// One guard.
#[derive(Debug, Serialize)]
pub(crate) struct TestedView {
    /// Its key, or its place in the plan file.
    pub(crate) guard: String,
    pub(crate) when: String,
    #[serde(rename = "do")]
    pub(crate) action: String,
    /// False when the trace holds nothing of its metric.
    pub(crate) measured: bool,
    pub(crate) firings: Vec<FiringView>,
}

/// A time in which it would have been true.
#[derive(Debug, Serialize)]
pub(crate) struct FiringView {
    /// Seconds since the beginning of the trace's time, or since 1970 where it holds dates.
    pub(crate) from_seconds: i64,
    /// Null when it still was at the end.
    pub(crate) until_seconds: Option<i64>,
    /// What made it true, in the unit of the condition.
    pub(crate) value: f64,
    #[serde(skip)]
    words: String,
}

/// Traces that count from the beginning stay below this: a year from 1970 on.
const DATES_FROM_SECONDS: i64 = 366 * 86_400;

impl TestedView {
    pub(crate) fn of(
        guard: String,
        when: &MetricCheck,
        action: String,
        firings: &[Firing],
        trace: &Trace,
    ) -> Self {
        let firings = firings.iter().map(|firing| FiringView::of(when, firing)).collect();
        Self { guard, when: when.to_string(), action, measured: trace.knows(when, None), firings }
    }
}

impl FiringView {
    fn of(when: &MetricCheck, firing: &Firing) -> Self {
        let until = firing.until.map_or_else(
            || "until the end".to_owned(),
            |until| {
                let seconds = until.micros_since(firing.from) / 1_000_000;
                format!("until {} ({})", moment(until), print_seconds(seconds))
            },
        );
        Self {
            from_seconds: firing.from.unix_seconds(),
            until_seconds: firing.until.map(Timestamp::unix_seconds),
            value: firing.value,
            words: format!("{} {until}: {}", moment(firing.from), when.show(rounded(firing.value))),
        }
    }
}

/// A time since the beginning, or a date.
fn moment(at: Timestamp) -> String {
    match u64::try_from(at.unix_seconds()) {
        Ok(seconds) if at.unix_seconds() < DATES_FROM_SECONDS => print_seconds(seconds),
        _ => at.to_string(),
    }
}

impl View for RehearsalView {
    fn page(&self) -> Page {
        if self.guards.is_empty() {
            return Page::of_line("the plan has no guards");
        }
        let mut page = Page::default();
        for guard in &self.guards {
            let count = match (guard.measured, guard.firings.len()) {
                (false, _) => "not measured in this file".to_owned(),
                (true, 0) => "never true".to_owned(),
                (true, 1) => "true once".to_owned(),
                (true, count) => format!("true {count} times"),
            };
            let tone = if guard.firings.is_empty() { Tone::Plain } else { Tone::Loud };
            let words = format!("{}: {} → {}: ", guard.guard, guard.when, guard.action);
            page.line([Span::from(words), Span::new(&count, tone)]);
            for firing in &guard.firings {
                page.line([Span::from(format!("  {}", firing.words))]);
            }
        }
        page
    }
}
