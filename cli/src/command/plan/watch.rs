//! `plan watch`: prints each transition of a plan as it comes.
//!
//! A plan's transitions are records of the log, so the log is asked what came after the last revision that was seen,
//! again and again: nothing is missed between two looks, and what is printed is what the history says. A lost
//! connection is a look that failed; the next one goes on from the same revision.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::write::Value as Written;

use crate::args::plan::PlanWatchArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plans;
use crate::session::Session;
use crate::view::plan::transition::TransitionView;

/// How often the log is looked at: soon enough for somebody who looks on, and one small question for the server.
const PACE: Duration = Duration::from_millis(500);
/// How long to wait before a server that is away is asked again.
const PACE_AWAY: Duration = Duration::from_secs(2);
/// Records for each look.
const PAGE_SIZE: i32 = 200;

/// The plan as far as the log was read.
struct Watched {
    plan: v1::Plan,
    seen: u64,
}

pub(super) async fn run(args: PlanWatchArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let found = plans::find(&connection, &args.plan).await?;
    let first = TransitionView::of_status(&found.plan, &found.progress, found.revision);
    session.terminal.show_next(&first)?;
    let mut watched = Watched { plan: found.plan, seen: found.revision };
    if let Some(exit) = end_of(found.progress.state()) {
        return Ok(exit);
    }
    let mut is_away = false;
    loop {
        let pace = match watched.look(&connection, session).await {
            Ok(Look { exit: Some(exit), .. }) => return Ok(exit),
            Ok(Look { more, .. }) => {
                is_away = false;
                if more { Duration::ZERO } else { PACE }
            }
            Err(failure) if failure.is_unavailable() => {
                if !is_away {
                    session.terminal.note(&format!("{}; asking again", failure.message()));
                }
                is_away = true;
                PACE_AWAY
            }
            Err(failure) => return Err(failure),
        };
        tokio::time::sleep(pace).await;
    }
}

/// What a look at the log found out.
struct Look {
    exit: Option<Exit>,
    more: bool,
}

impl Watched {
    async fn look(&mut self, connection: &Connection, session: &Session<'_>) -> Result<Look, Failure> {
        let request = v1::ListRecordsRequest {
            after_revision: self.seen,
            page_size: PAGE_SIZE,
            ..v1::ListRecordsRequest::default()
        };
        let answer = connection.answer(connection.admin().list_records(request)).await?;
        for record in &answer.records {
            self.seen = self.seen.max(record.revision);
            if let Some(exit) = self.take(record, session)? {
                return Ok(Look { exit: Some(exit), more: false });
            }
        }
        let moved = answer.scanned_revision > self.seen;
        self.seen = self.seen.max(answer.scanned_revision);
        Ok(Look { exit: None, more: answer.more && (moved || !answer.records.is_empty()) })
    }

    /// Prints what a record says of the plan; answers how to end when that was the last of it.
    fn take(&mut self, record: &v1::Record, session: &Session<'_>) -> Result<Option<Exit>, Failure> {
        let (definition, progress) =
            (format!("plan/{}", self.plan.key), format!("progress/{}", self.plan.key));
        if let Some(write) = record.writes.iter().find(|write| write.entity == definition) {
            match &write.value {
                Some(Written::Plan(plan)) => self.plan = plan.clone(),
                _ => {
                    let who =
                        record.change_set.as_ref().map(|asked| asked.actor.as_str()).unwrap_or_default();
                    let gone =
                        format!("{who} deleted plan {} at revision {}", self.plan.key, record.revision);
                    return Err(Failure::not_found(gone));
                }
            }
        }
        let written = record.writes.iter().find(|write| write.entity == progress);
        let Some(Written::Progress(progress)) = written.and_then(|write| write.value.as_ref()) else {
            return Ok(None);
        };
        session.terminal.show_next(&TransitionView::of_record(&self.plan, progress, record))?;
        Ok(end_of(progress.state()))
    }
}

/// How a plan that is over ends the command.
const fn end_of(state: v1::PlanState) -> Option<Exit> {
    match state {
        v1::PlanState::Completed => Some(Exit::Done),
        v1::PlanState::Cancelled => Some(Exit::No),
        _ => None,
    }
}
