//! `GET /api/admin/features/history`: the log, the newest first, one record on a line.

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Revision;
use serde::Serialize;

use super::HttpEdge;
use super::change_words::words_of;
use super::lines::{Lines, json};
use super::query::Query;
use crate::edge::limits::{HISTORY_ITEMS_MAX, HISTORY_PAGES_MAX, RECORDS_PAGE, RECORDS_PAGE_MAX};
use crate::edge::problem::{Faults, Problem};
use crate::state::HistoryQuery;

#[derive(Serialize)]
struct Head {
    head_revision: u64,
    /// What to give as `before` to go on; none when there is nothing further.
    next_before: Option<u64>,
}

/// One record.
#[derive(Serialize)]
struct RecordLine<'r> {
    revision: u64,
    at: String,
    actor: &'r str,
    reason: &'r str,
    /// What was asked for, in words.
    changes: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    changes_left_out: usize,
    /// What it wrote.
    entities: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    entities_left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Answers the history.
pub(crate) async fn history(State(edge): State<HttpEdge>, uri: Uri) -> Response<Body> {
    edge.history(&uri).await.unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    async fn history(&self, uri: &Uri) -> Result<Response<Body>, Problem> {
        let store = &self.intake.store;
        let mut faults = Faults::default();
        let query = Query::read(uri, &["limit", "before", "flag", "env"], &mut faults);
        let max = u64::try_from(RECORDS_PAGE_MAX).unwrap_or(u64::MAX);
        let limit = query.number("limit", 1, max, &mut faults);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(RECORDS_PAGE);
        let mut before = query.number("before", 1, u64::MAX, &mut faults).map(Revision::new);
        let flag = query.flag(&mut faults);
        let environment = query.environment(&store.snapshot(), &mut faults);
        faults.refuse()?;

        let mut records = Vec::new();
        let mut more = true;
        for _page in 0..HISTORY_PAGES_MAX {
            let asked = HistoryQuery {
                after: Revision::ZERO,
                before,
                limit: limit.saturating_sub(records.len()),
                flag: flag.clone(),
                newest_first: true,
            };
            let page = store.history(asked).await.map_err(|failure| Problem::of_read(&failure))?;
            (more, before) = (page.more, Some(page.scanned));
            for (record, _) in page.records {
                if environment.as_ref().is_none_or(|environment| concerns(&record, environment)) {
                    records.push(json(&RecordLine::of(&record)));
                }
                // A record may be as large as a change set: others are let in between.
                tokio::task::yield_now().await;
            }
            if !more || records.len() >= limit {
                break;
            }
        }
        let next_before = before.filter(|_| more).map(Revision::get);
        let head = Head { head_revision: store.snapshot().revision().get(), next_before };
        let mut lines = Lines::begin(&head, "records");
        records.iter().for_each(|record| lines.add_text(record));
        Ok(lines.into_response())
    }
}

/// Whether a record wrote something of an environment, or something that all of them share.
fn concerns(record: &Record, environment: &EnvironmentKey) -> bool {
    record.writes.iter().any(|write| write.id.environment().is_none_or(|of| of == environment))
}

impl<'r> RecordLine<'r> {
    fn of(record: &'r Record) -> Self {
        let (set, writes) = (&record.change_set, &record.writes);
        let shown = set.changes.get(..HISTORY_ITEMS_MAX).unwrap_or(&set.changes);
        Self {
            revision: record.revision.get(),
            at: record.committed_at.to_string(),
            actor: &set.actor,
            reason: &set.reason,
            changes: words_of(shown),
            changes_left_out: set.changes.len().saturating_sub(HISTORY_ITEMS_MAX),
            entities: writes.iter().take(HISTORY_ITEMS_MAX).map(|write| write.id.to_string()).collect(),
            entities_left_out: writes.len().saturating_sub(HISTORY_ITEMS_MAX),
        }
    }
}
