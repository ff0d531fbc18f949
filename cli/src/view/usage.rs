//! How much flags are used.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `usage`.
#[derive(Debug, Serialize)]
pub(crate) struct UsageView {
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// There are more rows: ask for one flag, or for less time.
    pub(crate) truncated: bool,
    pub(crate) usage: Vec<UsageRowView>,
    #[serde(skip)]
    columns: Columns,
}

/// What rows are told apart by, beside the flag.
#[derive(Debug, Clone, Copy)]
struct Columns {
    begin: bool,
    variant: bool,
    service: bool,
}

/// A flag, at a time, where it was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct UsageRowView {
    /// None is the service as such.
    pub(crate) flag: Option<String>,
    pub(crate) begin: Option<String>,
    pub(crate) variant: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) evaluations: u64,
    /// Those of them that the server made for whoever asked it.
    pub(crate) evaluations_on_server: u64,
    pub(crate) fallbacks: u64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) crashes: u64,
    /// About how many.
    pub(crate) users: u64,
    pub(crate) impressions: u64,
    pub(crate) clicks: u64,
    /// Percent.
    pub(crate) ctr: Option<f64>,
    /// Percent.
    pub(crate) error_rate: Option<f64>,
    pub(crate) latency_p95_ms: Option<f64>,
    #[serde(skip)]
    begin_briefly: String,
}

pub(crate) fn seconds(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

impl UsageView {
    pub(crate) fn of(
        answer: &v1::GetUsageResponse,
        granularity: v1::UsageGranularity,
        variant: bool,
        service: bool,
    ) -> Self {
        let columns = Columns { begin: granularity != v1::UsageGranularity::Whole, variant, service };
        Self {
            from: moment::exactly(Some(&seconds(answer.from_seconds))),
            until: moment::exactly(Some(&seconds(answer.until_seconds))),
            truncated: answer.truncated,
            usage: answer.rows.iter().map(|row| UsageRowView::of(row, columns)).collect(),
            columns,
        }
    }
}

impl UsageRowView {
    fn of(row: &v1::UsageRow, columns: Columns) -> Self {
        let begin = seconds(row.begin_seconds);
        Self {
            flag: (!row.flag.is_empty()).then(|| row.flag.clone()),
            begin: moment::exactly(Some(&begin)).filter(|_| columns.begin),
            variant: columns.variant.then(|| row.variant.clone()),
            service: columns.service.then(|| row.service.clone()),
            evaluations: row.evaluations,
            evaluations_on_server: row.evaluations_on_server,
            fallbacks: row.fallbacks,
            requests: row.requests,
            errors: row.errors,
            crashes: row.crashes,
            users: row.users,
            impressions: row.impressions,
            clicks: row.clicks,
            ctr: row.click_through_percent,
            error_rate: row.error_percent,
            latency_p95_ms: row.latency_p95_ms,
            begin_briefly: moment::to_the_minute(Some(&begin)),
        }
    }

    fn cells(&self, columns: Columns) -> Vec<Span> {
        let mut cells = vec![self.flag.clone().unwrap_or_else(|| "-".to_owned())];
        if columns.begin {
            cells.push(self.begin_briefly.clone());
        }
        cells.extend(
            self.variant.clone().map(|variant| if variant.is_empty() { "-".to_owned() } else { variant }),
        );
        cells.extend(self.service.clone());
        let counts = [self.evaluations, self.users, self.requests];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(percent(self.error_rate));
        cells.push(milliseconds(self.latency_p95_ms));
        cells.extend([self.impressions, self.clicks].map(|count| count.to_string()));
        cells.push(percent(self.ctr));
        cells.into_iter().map(Span::from).collect()
    }
}

/// `1.25%`, or `-` when there is none.
pub(crate) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{}%", rounded(value)))
}

/// `12.5ms`, or `-` when there is none.
pub(crate) fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{}ms", rounded(value)))
}

/// Three significant digits, without zeros at the end.
fn rounded(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

impl View for UsageView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let columns = self.columns;
        if !self.usage.is_empty() {
            let mut headings = vec!["FLAG"];
            headings.extend(columns.begin.then_some("FROM"));
            headings.extend(columns.variant.then_some("VARIANT"));
            headings.extend(columns.service.then_some("SERVICE"));
            headings.extend(["EVALUATIONS", "USERS", "REQUESTS", "ERRORS", "P95", "SHOWN", "CLICKS", "CTR"]);
            let mut rows: Vec<Vec<Span>> =
                vec![headings.into_iter().map(|heading| Span::new(heading, Tone::Faint)).collect()];
            rows.extend(self.usage.iter().map(|row| row.cells(columns)));
            page.table(0, rows);
        }
        let moment = |text: &Option<String>| text.clone().unwrap_or_default().replace(".000000", "");
        let more = if self.truncated { "; there are more rows: name a flag, or less time" } else { "" };
        let sum = match self.usage.is_empty() {
            true => format!("nothing was observed from {} to {}", moment(&self.from), moment(&self.until)),
            false => format!("from {} to {}{more}", moment(&self.from), moment(&self.until)),
        };
        page.line([Span::new(&sum, Tone::Faint)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> v1::GetUsageResponse {
        let row = v1::UsageRow {
            flag: "dreams".to_owned(),
            variant: "on".to_owned(),
            service: "ui".to_owned(),
            begin_seconds: 3_600,
            evaluations: 1_200,
            requests: 400,
            errors: 5,
            users: 80,
            impressions: 30,
            clicks: 10,
            click_through_percent: Some(100.0 / 3.0),
            error_percent: Some(1.25),
            latency_p95_ms: Some(812.3),
            ..v1::UsageRow::default()
        };
        let service = v1::UsageRow { begin_seconds: 7_200, ..v1::UsageRow::default() };
        v1::GetUsageResponse {
            rows: vec![row, service],
            truncated: false,
            from_seconds: 0,
            until_seconds: 9_000,
        }
    }

    #[test]
    fn columns_are_those_that_were_asked_for() {
        let view = UsageView::of(&answer(), v1::UsageGranularity::Hour, true, false);
        assert_eq!(
            view.page().render(false),
            "FLAG    FROM               VARIANT  EVALUATIONS  USERS  REQUESTS  ERRORS  P95    SHOWN  CLICKS  CTR\n\
             dreams  1970-01-01 01:00Z  on       1200         80     400       1.25%   812ms  30     10      33.3%\n\
             -       1970-01-01 02:00Z  -        0            0      0         -       -      0      0       -\n\
             from 1970-01-01T00:00:00Z to 1970-01-01T02:30:00Z\n"
        );
        let plain = UsageView::of(&answer(), v1::UsageGranularity::Whole, false, false);
        let rendered = plain.page().render(false);
        assert_eq!(
            rendered.lines().next(),
            Some("FLAG    EVALUATIONS  USERS  REQUESTS  ERRORS  P95    SHOWN  CLICKS  CTR")
        );
        assert_eq!(
            (&plain.usage[0].begin, &plain.usage[0].variant, &plain.usage[0].service),
            (&None, &None, &None)
        );
        let nothing = v1::GetUsageResponse { rows: Vec::new(), ..answer() };
        let nothing = UsageView::of(&nothing, v1::UsageGranularity::Whole, false, false);
        assert!(nothing.page().render(false).starts_with("nothing was observed from 1970"));
    }
}
