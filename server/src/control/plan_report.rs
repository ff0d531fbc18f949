//! The report of one day of a plan, put together from the log.

use std::sync::Arc;

use mycelia_flags_core::change::Change;
use mycelia_flags_core::entity::{Entity, EntityId};
use mycelia_flags_core::key::PlanKey;
use mycelia_flags_core::plan::gate::Surroundings;
use mycelia_flags_core::plan::report::{Happened, markdown};
use mycelia_flags_core::plan::timetable;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;

use super::measured::Measured;
use crate::state::{HistoryQuery, ReadError, Store};

/// Records that are read at once.
const PAGE: usize = 1_000;

/// Seconds of a plan's day.
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The report of a day.
#[derive(Debug, Clone)]
pub struct Report {
    /// As Markdown.
    pub markdown: String,
    /// Which day.
    pub day: u32,
    /// The last revision of the day.
    pub revision: Revision,
    /// All entities at the end of the day.
    pub then: Arc<Snapshot>,
    /// The moment that it is said of: the end of the day, or now.
    pub moment: Timestamp,
}

/// There is no report.
#[derive(Debug)]
pub enum ReportError {
    /// There is no such plan.
    Unknown,
    /// It has not started.
    NotStarted,
    /// It has no such day.
    Day {
        /// The first one.
        first: u32,
        /// The last one so far.
        today: u32,
        /// The one that was asked for.
        asked: u32,
    },
    /// The log cannot be read.
    Read(ReadError),
}

impl From<ReadError> for ReportError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Writes the report of a day; none is today.
///
/// # Errors
/// When there is none.
pub async fn report(
    store: &Store,
    measured: &Measured,
    key: &PlanKey,
    day: Option<u32>,
    now: Timestamp,
) -> Result<Report, ReportError> {
    let snapshot = store.snapshot();
    let (plan, progress) = snapshot.plan(key).ok_or(ReportError::Unknown)?;
    let started = progress.started.as_ref().ok_or(ReportError::NotStarted)?.at;
    let today = plan.day_at(started, now);
    let day = day.unwrap_or(today);
    if !(plan.first_day..=today).contains(&day) {
        return Err(ReportError::Day { first: plan.first_day, today, asked: day });
    }
    let days = u64::from(day.saturating_sub(plan.first_day));
    let begin = timetable::after(started, days.saturating_mul(DAY_SECONDS));
    let end = timetable::after(begin, DAY_SECONDS).min(now);
    // The moment that ends the day begins the next one.
    let moment = if end < now { Timestamp::from_unix_micros(end.unix_micros() - 1) } else { end };
    let revision = store.revision_at(moment).await?;
    let before = store.revision_at(Timestamp::from_unix_micros(begin.unix_micros() - 1)).await?;
    let then = store.snapshot_at(revision).await?.ok_or(ReportError::Unknown)?;
    let (plan, progress) = then.plan(key).ok_or(ReportError::Unknown)?;
    let happened = happened(store, key, before, revision).await?;
    let around = Surroundings { now: moment, metrics: measured, memory: &*then };
    let markdown = markdown(plan, progress, &then, &around, &happened);
    Ok(Report { markdown, day, revision, then: Arc::clone(&then), moment })
}

/// What happened to a plan after a revision, up to another one.
async fn happened(
    store: &Store,
    key: &PlanKey,
    after: Revision,
    until: Revision,
) -> Result<Vec<Happened>, ReadError> {
    let mut happened = Vec::new();
    let mut scanned = after;
    while scanned < until {
        let before = Some(until.next());
        let query = HistoryQuery { after: scanned, before, limit: PAGE, ..HistoryQuery::default() };
        let page = store.history(query).await?;
        for (record, _) in &page.records {
            happened.extend(told(record, key));
        }
        if !page.more || page.scanned <= scanned {
            break;
        }
        scanned = page.scanned;
    }
    Ok(happened)
}

/// What a record says about a plan.
fn told(record: &Arc<Record>, key: &PlanKey) -> Option<Happened> {
    let id = EntityId::Progress(key.clone());
    let progress =
        record.writes.iter().find(|write| write.id == id).and_then(|write| match &write.value {
            Some(Entity::Progress(progress)) => Some(progress),
            _ => None,
        })?;
    let acts = record.change_set.changes.iter().filter_map(|change| match change {
        Change::ActOnPlan { plan, act } if **plan == *key.as_str() => Some(act.in_words()),
        Change::SetPlan(plan) if plan.key == *key => Some("applied the plan".to_owned()),
        _ => None,
    });
    let acts: Vec<String> = acts.collect();
    let what = match acts.is_empty() {
        true => "changed a flag of the plan by hand".to_owned(),
        false => acts.join(", "),
    };
    let reason = &record.change_set.reason;
    let why = if reason.is_empty() || what.contains(reason.as_str()) {
        String::new()
    } else {
        format!(": {reason}")
    };
    Some(Happened {
        at: record.committed_at,
        by: Box::from(record.change_set.actor.as_str()),
        words: format!("{what}{why} ({})", progress.state.as_str()),
    })
}
