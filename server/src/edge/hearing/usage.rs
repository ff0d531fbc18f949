//! Whose usage is asked for, and the rows.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, FoldedKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::observation::usage::{Granularity, Grouping, Row, RowKey, UsageQuery};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;

use super::Hearing;
use crate::edge::limits::USAGE_ROWS_MAX;

const HOUR_SECONDS: i64 = 60 * 60;

impl Hearing {
    /// How much flags are used.
    ///
    /// # Errors
    /// When something about the question is wrong.
    pub fn usage_of(&self, request: &v1::GetUsageRequest) -> Result<v1::GetUsageResponse, Rejection> {
        let snapshot = self.store.snapshot();
        let query = read(request, &snapshot, &self.default_environment, self.clock.now())?;
        let found = self.observations.usage(&query, self.clock.now());
        let truncated = found.len() > USAGE_ROWS_MAX;
        let row =
            |(key, row): (&RowKey, &Row)| convert::usage_row_to_wire(&spelling(&snapshot, key), key, row);
        Ok(v1::GetUsageResponse {
            rows: found.iter().take(USAGE_ROWS_MAX).map(row).collect(),
            truncated,
            from_seconds: query.from.unix_seconds(),
            until_seconds: query.until.unix_seconds(),
        })
    }
}

/// A flag as it was spelled at creation, or as its key is compared when it is not there any more.
fn spelling(snapshot: &Snapshot, key: &RowKey) -> String {
    let Some(folded) = &key.flag else { return String::new() };
    snapshot.flag(folded).map_or_else(|| folded.to_string(), |flag| flag.key.to_string())
}

fn read(
    request: &v1::GetUsageRequest,
    snapshot: &Snapshot,
    default_environment: &EnvironmentKey,
    now: Timestamp,
) -> Result<UsageQuery, Rejection> {
    let mut violations = Vec::new();
    let mut note = |reason, field: &str, value: &str, allowed: &str| {
        let (field, value, allowed) = (field.to_owned(), value.to_owned(), allowed.to_owned());
        violations.push(Violation { reason, field, value, allowed });
    };
    let environment = if request.environment.is_empty() {
        Some(default_environment.clone())
    } else {
        EnvironmentKey::parse(&request.environment).ok().filter(|key| snapshot.has_environment(key))
    };
    if environment.is_none() {
        let allowed = "the key of an environment that exists";
        note(Reason::UnknownEnvironment, "environment", &request.environment, allowed);
    }
    if !request.flag.is_empty() && FlagKey::parse(&request.flag).is_err() {
        note(Reason::InvalidName, "flag", &request.flag, NAME_GRAMMAR);
    }
    if !request.service.is_empty() && ServiceName::parse(&request.service).is_err() {
        note(Reason::InvalidName, "service", &request.service, NAME_GRAMMAR);
    }
    let granularity = convert::granularity_from_wire(request.granularity);
    if granularity.is_none() {
        let allowed = "a granularity that this version knows, 0 to 4";
        note(Reason::OutOfRange, "granularity", &request.granularity.to_string(), allowed);
    }
    let until = if request.until_seconds == 0 { now.unix_seconds() } else { request.until_seconds };
    let back = if granularity == Some(Granularity::Minute) { HOUR_SECONDS } else { 24 * HOUR_SECONDS };
    let from = if request.from_seconds == 0 { until.saturating_sub(back) } else { request.from_seconds };
    if from > until {
        let allowed = format!("at most until_seconds, {until}");
        note(Reason::OutOfRange, "from_seconds", &from.to_string(), &allowed);
    }
    let (Some(environment), Some(granularity), true) = (environment, granularity, violations.is_empty())
    else {
        return Err(Rejection { violations });
    };
    let moment = |seconds: i64| Timestamp::from_unix_micros(seconds.saturating_mul(1_000_000));
    Ok(UsageQuery {
        environment,
        flag: (!request.flag.is_empty()).then(|| FoldedKey::of(&request.flag)),
        service: (!request.service.is_empty()).then(|| ServiceName::new(&request.service)),
        from: moment(from),
        until: moment(until),
        granularity,
        grouping: Grouping { variant: request.by_variant, service: request.by_service },
    })
}
