//! Changes on their way: sent, answered, said in words, and followed until everybody has it.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::convergence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::view::applied::{AppliedView, Subject};
use crate::view::convergence::ConvergenceView;
use crate::view::document::LineView;

/// How long to wait before a request is sent a second time.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Where a change happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In one environment.
    Environment,
    /// In all of them.
    Everywhere,
}

/// What is to be changed, and its words.
#[derive(Debug)]
pub(crate) struct Submission {
    /// They happen together or not at all.
    pub(crate) changes: Vec<Change>,
    pub(crate) told: Told,
}

/// The words of a change.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) reach: Reach,
    pub(crate) subject: Subject,
    /// `enable`, `rollout` …, for the document.
    pub(crate) action: &'static str,
    /// What was done, such as `enabled checkout`.
    pub(crate) deed: String,
    /// What became of each flag of a document.
    pub(crate) report: Vec<LineView>,
    /// The environment that was meant, where the writes do not tell.
    pub(crate) environment: Option<String>,
}

impl Submission {
    /// One change.
    pub(crate) fn of(change: Change, told: Told) -> Self {
        Self { changes: vec![change], told }
    }
}

impl Told {
    /// Of a change in one environment.
    pub(crate) fn here(subject: Subject, action: &'static str, deed: String) -> Self {
        Self { reach: Reach::Environment, subject, action, deed, report: Vec::new(), environment: None }
    }

    /// Of a change in all of them.
    pub(crate) fn everywhere(subject: Subject, action: &'static str, deed: String) -> Self {
        Self { reach: Reach::Everywhere, subject, action, deed, report: Vec::new(), environment: None }
    }
}

/// Sends the changes and shows what came of them.
pub(crate) async fn submit(
    submission: Submission,
    args: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = send(submission.changes, &args, &connection, session).await?;
    present(answer, submission.told, args, &connection, session).await
}

/// Sends changes as one change set.
pub(crate) async fn send(
    changes: Vec<Change>,
    args: &WriteArgs,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<v1::ApplyResponse, Failure> {
    let mut changes: Vec<v1::Change> =
        changes.into_iter().map(|change| v1::Change { change: Some(change) }).collect();
    if args.request {
        let request = Change::RequestApproval(v1::RequestApproval { changes });
        changes = vec![v1::Change { change: Some(request) }];
    }
    let request = v1::ApplyRequest {
        change_set: Some(v1::ChangeSet {
            changes,
            actor: session.settings.actor.clone(),
            reason: args.reason.clone().unwrap_or_default(),
        }),
        dry_run: args.dry_run,
        expected_revision: args.expect_revision,
        idempotency_key: uuid::Uuid::new_v4().to_string(),
    };
    apply(connection, request).await
}

/// A change that was made: what is shown of it, and how its spread is followed.
pub(crate) struct Made {
    pub(crate) view: AppliedView,
    pub(crate) wait: v1::WaitConvergedRequest,
}

/// Says in words what an answer means.
pub(crate) async fn made(
    answer: v1::ApplyResponse,
    told: Told,
    args: &WriteArgs,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<Made, Failure> {
    let environment = match told.reach {
        Reach::Everywhere => None,
        Reach::Environment if told.environment.is_some() => told.environment,
        Reach::Environment => {
            Some(changed_environment(connection, &answer, &session.settings.environment).await?)
        }
    };
    let wait = v1::WaitConvergedRequest {
        // Nothing was written: then everybody is to have everything, for whatever made it so came earlier.
        revision: if answer.writes.is_empty() { 0 } else { answer.revision },
        environment: environment.clone().unwrap_or_default(),
        min_instances: 0,
    };
    for warning in &answer.warnings {
        session.terminal.warn(warning);
    }
    let mut view = AppliedView::of(answer, args.dry_run);
    view.requested = args.request;
    view.subject = told.subject;
    view.action = told.action;
    view.deed = told.deed;
    view.report = told.report;
    view.environment = environment;
    Ok(Made { view, wait })
}

/// Shows an answer, and with `--wait` how it spreads.
pub(crate) async fn present(
    answer: v1::ApplyResponse,
    told: Told,
    args: WriteArgs,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let Made { mut view, wait } = made(answer, told, &args, connection, session).await?;
    if !args.wait {
        session.show(&view)?;
        return Ok(Exit::Done);
    }
    // People see the change at once and its spread afterwards; a program gets one document with both.
    if session.terminal.is_for_people() {
        session.show(&view)?;
    }
    let course = convergence::follow(connection, wait, args.wait_timeout, session.terminal).await;
    let convergence = course.last.as_ref().map(ConvergenceView::of);
    if session.terminal.is_for_people() {
        if let Some(convergence) = convergence.filter(|_| course.end.is_ok()) {
            session.show(&convergence)?;
        }
    } else {
        view.convergence = convergence;
        session.show(&view)?;
    }
    course.end.map(|()| Exit::Done)
}

/// The idempotency key makes it safe to ask a second time when the first answer was lost.
async fn apply(connection: &Connection, request: v1::ApplyRequest) -> Result<v1::ApplyResponse, Failure> {
    match connection.answer(connection.admin().apply(request.clone())).await {
        Err(failure) if failure.is_unavailable() => {
            tokio::time::sleep(RETRY_AFTER).await;
            connection.answer(connection.admin().apply(request)).await
        }
        answer => answer,
    }
}

/// The environment that a change means when it names none.
pub(crate) async fn meant_environment(connection: &Connection, configured: &str) -> Result<String, Failure> {
    if !configured.is_empty() {
        return Ok(configured.to_owned());
    }
    Ok(session::status(connection).await?.default_environment)
}

/// Which environment was meant, even when nobody said so and nothing was written.
async fn changed_environment(
    connection: &Connection,
    answer: &v1::ApplyResponse,
    configured: &str,
) -> Result<String, Failure> {
    if let Some(environment) = answer.writes.iter().find_map(|write| environment_of(&write.entity)) {
        return Ok(environment.to_owned());
    }
    meant_environment(connection, configured).await
}

/// The environment in `configuration/ENVIRONMENT/KEY` and the like.
pub(crate) fn environment_of(entity: &str) -> Option<&str> {
    let (kind, rest) = entity.split_once('/')?;
    match kind {
        "configuration" | "segment" | "list" => rest.split_once('/').map(|(environment, _key)| environment),
        "canary" | "policy" => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_an_environment_names_it() {
        assert_eq!(environment_of("configuration/staging/oracle.chat"), Some("staging"));
        assert_eq!(environment_of("segment/staging/A"), Some("staging"));
        assert_eq!(environment_of("list/staging/segment/A/included/ada"), Some("staging"));
        assert_eq!(environment_of("canary/staging"), Some("staging"));
        assert_eq!(environment_of("policy/staging"), Some("staging"));
        assert_eq!(environment_of("request/7"), None);
        assert_eq!(environment_of("flag/configuration/x"), None);
        assert_eq!(environment_of("feature/x"), None);
        assert_eq!(environment_of("settings"), None);
    }
}
