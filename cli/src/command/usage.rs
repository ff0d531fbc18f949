//! `usage` and `metrics`: how much flags are used, and how it went.

use std::time::Duration;

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_proto::v1;

use crate::args::usage::{By, MetricsArgs, UsageArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::view::metrics::MetricsView;
use crate::view::moment::Now;
use crate::view::usage::UsageView;

/// Shows how much flags are used.
pub(crate) async fn usage(args: UsageArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let granularity = args.by.map_or(v1::UsageGranularity::Whole, granularity);
    let request = v1::GetUsageRequest {
        environment: session.settings.environment.clone(),
        flag: args.flag.unwrap_or_default(),
        service: args.service.unwrap_or_default(),
        from_seconds: from(args.since),
        until_seconds: 0,
        granularity: granularity.into(),
        by_variant: args.variants,
        by_service: args.services,
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.telemetry().get_usage(request)).await?;
    session.show(&UsageView::of(&answer, granularity, args.variants, args.services))?;
    Ok(Exit::Done)
}

/// Shows a flag's metrics over time.
pub(crate) async fn metrics(args: MetricsArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let request = v1::GetUsageRequest {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        service: args.service.unwrap_or_default(),
        from_seconds: from(args.since),
        until_seconds: 0,
        granularity: granularity(args.by).into(),
        by_variant: false,
        by_service: false,
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.telemetry().get_usage(request)).await?;
    let plans = connection.answer(connection.plans().list_plans(v1::ListPlansRequest {})).await?;
    let mut limits = Vec::new();
    // A store has few plans, and a guard's limit stands in the plan alone.
    for status in &plans.plans {
        let request = v1::GetPlanRequest { plan: status.plan.clone() };
        let found = connection.answer(connection.plans().get_plan(request)).await?;
        limits.extend(found.plan.iter().flat_map(|plan| limits_of(plan, &args.flag)));
    }
    let environment = match session.settings.environment.as_str() {
        "" => session::status(&connection).await?.default_environment,
        named => named.to_owned(),
    };
    let standing = super::guard::guards(&connection, &environment, &args.flag).await?;
    limits.extend(standing.guards.iter().filter_map(|report| limit_of(report, &args.flag)));
    session.show(&MetricsView::of(&args.flag, &answer, &limits, args.chart))?;
    Ok(Exit::Done)
}

/// The conditions of a plan's guards that speak of a flag, as they were written.
fn limits_of(plan: &v1::Plan, flag: &str) -> Vec<String> {
    let folded = |key: &str| FoldedKey::of(key);
    let mut targets = plan.stages.iter().flat_map(|stage| &stage.set);
    let is_about = targets.any(|target| folded(&target.flag) == folded(flag));
    plan.guards.iter().filter(|_| is_about).map(|guard| guard.when.clone()).collect()
}

/// The condition of a standing guard; none when it speaks of another flag.
fn limit_of(report: &v1::GuardReport, flag: &str) -> Option<String> {
    let guard = report.guard.as_ref()?;
    let check = MetricCheck::parse(&guard.when).ok()?;
    let is_about = check.flag.is_none_or(|named| named.folded() == FoldedKey::of(flag));
    is_about.then(|| guard.when.clone())
}

fn granularity(by: By) -> v1::UsageGranularity {
    match by {
        By::Minute => v1::UsageGranularity::Minute,
        By::Hour => v1::UsageGranularity::Hour,
        By::Day => v1::UsageGranularity::Day,
    }
}

/// The moment that lies so far back; 0 leaves it to the server.
fn from(since: Option<Duration>) -> i64 {
    since.map_or(0, |since| Now::of_system().ago(since).max(1))
}
