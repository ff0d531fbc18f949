//! What a deed brings about: the step that it opens, made by the server in a revision of its own, and its spread.
//!
//! A go opens the next stage, and the server enters it a moment later. Whoever waits means that, and not the revision in
//! which the go was noted. So the plan is asked again and again until no step of it is due, and then the revision of the
//! stage that it has entered is followed. A plan that waits for somebody else, or for a date, has no step due.

use std::time::Duration;

use mycelia_flags_proto::v1;

use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::convergence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plans::{self, FoundPlan};
use crate::session::Session;
use crate::submission::{self, Submission};
use crate::view::convergence::ConvergenceView;
use crate::view::moment::Now;
use crate::view::plan::settled::{RolledBackView, SettledView};
use crate::view::plan::status::{PlanStatusView, ThenView};

/// How often the plan is asked: a step takes the server a few milliseconds.
const PACE: Duration = Duration::from_millis(50);

/// What somebody waits for, who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// That the plan leaves its stage: whether it did is the answer.
    Stage,
    /// That its flags are back.
    Rollback,
    /// That everybody has what came of it.
    Spread,
}

/// Sends what is done to a plan, and waits for what it brings about.
pub(super) async fn submit_and_wait(
    plan: &str,
    submission: Submission,
    write: WriteArgs,
    awaited: Awaited,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let terminal = session.terminal;
    let answer = submission::send(submission.changes, &write, &connection, session).await?;
    let begun = begun();
    let revision = answer.revision;
    let mut made = submission::made(answer, submission.told, &write, &connection, session).await?;
    if terminal.is_for_people() {
        session.show(&made.view)?;
    }
    let found = match settle(&connection, plan, write.wait_timeout).await {
        Ok(found) => found,
        Err(failure) => {
            // What was done is told to a program all the same.
            if !terminal.is_for_people() {
                session.show(&made.view)?;
            }
            return Err(failure);
        }
    };
    let settled = SettledView::of(&found, revision);
    if made.wait.revision > 0 {
        made.wait.revision = settled.revision;
    }
    let patience = write.wait_timeout.saturating_sub(begun.elapsed());
    let course = convergence::follow(&connection, made.wait, patience, terminal).await;
    let convergence = course.last.as_ref().map(ConvergenceView::of);
    let is_back = awaited == Awaited::Rollback && course.end.is_ok();
    let rolled_back = RolledBackView::of(&found, convergence.as_ref()).filter(|_| is_back);
    let is_stuck = awaited == Awaited::Stage && settled.is_stuck();
    if terminal.is_for_people() {
        if let Some(convergence) = convergence.filter(|_| course.end.is_ok()) {
            session.show(&convergence)?;
        }
        if let Some(rolled_back) = rolled_back {
            session.show(&rolled_back)?;
        }
        if is_stuck {
            session.show(&settled)?;
        }
        session.show(&ThenView(PlanStatusView::of(found, Now::of_system())))?;
    } else {
        made.view.convergence = convergence;
        made.view.rollback_length = rolled_back.map(|back| back.length);
        made.view.settled = Some(settled);
        session.show(&made.view)?;
    }
    course.end.map(|()| if is_stuck { Exit::No } else { Exit::Done })
}

#[expect(clippy::disallowed_methods, reason = "patience is spent on two things, one after the other")]
fn begun() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Asks until no step of the plan is due.
async fn settle(connection: &Connection, plan: &str, patience: Duration) -> Result<FoundPlan, Failure> {
    let mut last = None;
    let settling = async {
        loop {
            let found = plans::find(connection, plan).await?;
            if !found.status.step_due {
                return Ok(found);
            }
            last = Some(found.status);
            tokio::time::sleep(PACE).await;
        }
    };
    let settled = tokio::time::timeout(patience, settling).await;
    settled.unwrap_or_else(|_elapsed| Err(Failure::TimedOut(complaint(plan, patience, last.as_ref()))))
}

fn complaint(plan: &str, patience: Duration, last: Option<&v1::PlanStatus>) -> String {
    let why = match last {
        Some(status) if !status.blocked.is_empty() => format!("blocked: {}", status.blocked),
        Some(_) => "the server has not made it".to_owned(),
        None => "no answer from the server".to_owned(),
    };
    format!("timed out after {patience:?} waiting for the next step of plan {plan}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_says_why_the_plan_does_not_go_on() {
        let patience = Duration::from_secs(30);
        let blocked = v1::PlanStatus { blocked: "FREEZE: no".to_owned(), ..v1::PlanStatus::default() };
        let begins = "timed out after 30s waiting for the next step of plan dreams: ";
        for (last, why) in [
            (Some(&blocked), "blocked: FREEZE: no"),
            (Some(&v1::PlanStatus::default()), "the server has not made it"),
            (None, "no answer from the server"),
        ] {
            assert_eq!(complaint("dreams", patience, last), format!("{begins}{why}"));
        }
    }
}
