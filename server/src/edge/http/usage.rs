//! `GET /api/services/usage`: how much flags are used, and by which services.

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::v1;
use serde::Serialize;

use super::HttpEdge;
use super::lines::Lines;
use super::query::Query;
use crate::edge::limits::USAGE_HOURS_MAX;
use crate::edge::problem::{Fault, Faults, Problem};

#[derive(Serialize)]
struct Head<'a> {
    environment: &'a str,
    from: String,
    until: String,
    /// There are more rows than are shown: ask for one flag, or for less time.
    truncated: bool,
}

#[derive(Serialize)]
struct Row<'r> {
    /// None is the service as such.
    flag: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'r str>,
    service: &'r str,
    evaluations: u64,
    /// Those of them that the server made for whoever asked it.
    evaluations_on_server: u64,
    requests: u64,
    errors: u64,
    users: u64,
    impressions: u64,
    clicks: u64,
    ctr: Option<f64>,
    error_rate: Option<f64>,
    latency_p95_ms: Option<f64>,
}

/// Answers the usage.
pub(crate) async fn usage(State(edge): State<HttpEdge>, uri: Uri) -> Response<Body> {
    edge.usage(&uri).unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    fn usage(&self, uri: &Uri) -> Result<Response<Body>, Problem> {
        const WORDS: [&str; 4] = ["minute", "hour", "day", "whole"];
        let snapshot = self.intake.store.snapshot();
        let mut faults = Faults::default();
        let query = Query::read(uri, &["env", "flag", "service", "by", "variants", "hours"], &mut faults);
        let environment = query.environment(&snapshot, &mut faults);
        let flag = query.flag(&mut faults).map(|flag| flag.to_string()).unwrap_or_default();
        let service = query.text("service").unwrap_or_default().to_owned();
        let by = query.one_of("by", &WORDS, &mut faults).unwrap_or("whole");
        let by_variant = query.one_of("variants", &["true", "false"], &mut faults) == Some("true");
        let hours = query.number("hours", 1, USAGE_HOURS_MAX, &mut faults);
        faults.refuse()?;
        let granularity = match by {
            "minute" => v1::UsageGranularity::Minute,
            "hour" => v1::UsageGranularity::Hour,
            "day" => v1::UsageGranularity::Day,
            _ => v1::UsageGranularity::Whole,
        };
        let environment = environment.unwrap_or_else(|| self.intake.default_environment.clone());
        let back = hours.map_or(0, |hours| i64::try_from(hours * 3_600).unwrap_or(i64::MAX));
        let now = self.clock.now().unix_seconds();
        let request = v1::GetUsageRequest {
            environment: environment.to_string(),
            flag,
            service,
            from_seconds: if back == 0 { 0 } else { now.saturating_sub(back) },
            until_seconds: 0,
            granularity: granularity.into(),
            by_variant,
            by_service: true,
        };
        let found = self.hearing.usage_of(&request);
        let found = found
            .map_err(|rejection| Problem::of_rejection(&rejection, |violation| Fault::from(violation)))?;
        let head = Head {
            environment: environment.as_str(),
            from: moment(found.from_seconds),
            until: moment(found.until_seconds),
            truncated: found.truncated,
        };
        let mut lines = Lines::begin(&head, "usage");
        for row in &found.rows {
            lines.add(&Row::of(row, granularity != v1::UsageGranularity::Whole, by_variant));
        }
        Ok(lines.into_response())
    }
}

impl<'r> Row<'r> {
    fn of(row: &'r v1::UsageRow, with_begin: bool, with_variant: bool) -> Self {
        Self {
            flag: (!row.flag.is_empty()).then_some(&row.flag),
            begin: with_begin.then(|| moment(row.begin_seconds)),
            variant: with_variant.then_some(&row.variant),
            service: &row.service,
            evaluations: row.evaluations,
            evaluations_on_server: row.evaluations_on_server,
            requests: row.requests,
            errors: row.errors,
            users: row.users,
            impressions: row.impressions,
            clicks: row.clicks,
            ctr: row.click_through_percent,
            error_rate: row.error_percent,
            latency_p95_ms: row.latency_p95_ms,
        }
    }
}

fn moment(seconds: i64) -> String {
    Timestamp::from_unix_micros(seconds.saturating_mul(1_000_000)).to_string()
}
