//! `guard`: what takes flags back when services report that something is wrong.

use std::path::Path;

use mycelia_flags_core::change::{Change as CoreChange, SetGuard};
use mycelia_flags_core::guard::rehearsal::firings;
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::text::guard_action;
use mycelia_flags_proto::v1::acknowledge_guard::What;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::{convert, v1};

use crate::args::guard::{
    GuardAckArgs, GuardCommand, GuardDeleteArgs, GuardListArgs, GuardReplayArgs, GuardSetArgs,
    GuardStatusArgs, GuardTestArgs,
};
use crate::args::promotion::SeverityArg;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::metrics_trace;
use crate::plan_text;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::guard::rehearsal::{RehearsalView, TestedView};
use crate::view::guard::replay::ReplayView;
use crate::view::guard::{GuardStatusView, GuardView, GuardsView, action_in_words};

pub(crate) async fn run(command: GuardCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        GuardCommand::Set(args) => set(*args, session).await,
        GuardCommand::List(args) => list(args, session).await,
        GuardCommand::Status(args) => status(args, session).await,
        GuardCommand::Ack(args) => acknowledge(args, session).await,
        GuardCommand::Delete(args) => delete(args, session).await,
        GuardCommand::Test(args) => test(args, session).await,
        GuardCommand::Replay(args) => replay(args, session).await,
    }
}

async fn set(args: GuardSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let severity = match args.severity {
        SeverityArg::Critical => Severity::Critical,
        SeverityArg::Warning => Severity::Warning,
        SeverityArg::Info => Severity::Info,
    };
    let key = args.guard.clone();
    let deed = format!("set guard {key}: {}, then {}", args.when, guard_action(&args.action));
    let change = CoreChange::SetGuard(Box::new(SetGuard {
        guard: args.guard,
        environment: session.settings.environment.clone(),
        flags: args.flags,
        feature: args.feature.unwrap_or_default(),
        when: args.when,
        severity,
        action: args.action,
        recovery_after_seconds: Some(args.recovery_after.as_secs()),
        description: args.description.unwrap_or_default(),
        owner: args.owner.unwrap_or_default(),
        notify: args.notify,
    }));
    let changes = convert::change_to_wire(&change).change.into_iter().collect();
    let told = Told::here(Subject::Guard(key), "guard set", deed);
    submit(Submission { changes, told }, args.write, session).await
}

/// Reads guards. A server that knows none has none.
pub(crate) async fn guards(
    connection: &Connection,
    environment: &str,
    flag: &str,
) -> Result<v1::ListGuardsResponse, Failure> {
    let request = v1::ListGuardsRequest { environment: environment.to_owned(), flag: flag.to_owned() };
    match connection.answer(connection.guards().list_guards(request)).await {
        Err(Failure::Refused { code: tonic::Code::Unimplemented, .. }) => {
            Ok(v1::ListGuardsResponse::default())
        }
        answer => answer,
    }
}

/// The guards that hold something down, of one flag or of all, in every environment.
pub(crate) async fn latched(connection: &Connection, flag: &str) -> Result<Vec<GuardView>, Failure> {
    let answer = guards(connection, "", flag).await?;
    Ok(answer.guards.iter().map(GuardView::of).filter(GuardView::is_latched).collect())
}

async fn list(args: GuardListArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let flag = args.flag.unwrap_or_default();
    let answer = guards(&connection, &session.settings.environment, &flag).await?;
    session.show(&GuardsView {
        guards: answer.guards.iter().map(GuardView::of).collect(),
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}

async fn status(args: GuardStatusArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let (reports, revision): (Vec<v1::GuardReport>, u64) = match args.guard {
        Some(guard) => {
            let answer = find(&connection, guard).await?;
            (answer.guard.into_iter().collect(), answer.revision)
        }
        None => {
            let answer = guards(&connection, &session.settings.environment, "").await?;
            let is_up = |report: &v1::GuardReport| {
                let phase = report.state.as_ref().map(v1::GuardState::phase);
                matches!(phase, Some(v1::GuardPhase::Latched | v1::GuardPhase::Firing))
            };
            (answer.guards.into_iter().filter(is_up).collect(), answer.revision)
        }
    };
    let guards = reports.iter().map(GuardView::of).collect();
    session.show(&GuardStatusView { guards, revision })?;
    Ok(Exit::Done)
}

async fn find(connection: &Connection, guard: String) -> Result<v1::GetGuardResponse, Failure> {
    connection.answer(connection.guards().get_guard(v1::GetGuardRequest { guard })).await
}

async fn acknowledge(args: GuardAckArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let (what, told) = match (args.guard, args.flag) {
        (Some(guard), _) => {
            let deed = format!("acknowledged guard {guard}: {}", args.cause);
            (What::Guard(guard.clone()), Told::everywhere(Subject::Guard(guard), "guard ack", deed))
        }
        (None, flag) => {
            let flag = flag.unwrap_or_default();
            let deed = format!("acknowledged what guards did to {flag}: {}", args.cause);
            let there =
                v1::FlagThere { environment: session.settings.environment.clone(), flag: flag.clone() };
            (What::Flag(there), Told::here(Subject::Flag(flag), "guard ack", deed))
        }
    };
    let mut write = args.write;
    write.reason = Some(args.cause);
    let change = Change::AcknowledgeGuard(v1::AcknowledgeGuard { what: Some(what) });
    submit(Submission::of(change, told), write, session).await
}

async fn delete(args: GuardDeleteArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let told = Told::everywhere(
        Subject::Guard(args.guard.clone()),
        "guard delete",
        format!("deleted guard {}", args.guard),
    );
    let change = Change::DeleteGuard(v1::DeleteGuard { guard: args.guard, force: args.force });
    submit(Submission::of(change, told), args.write, session).await
}

/// A file is what looks like one; anything else is a guard's key.
async fn test(args: GuardTestArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let trace = metrics_trace::read(&args.metrics, Timestamp::default())?;
    let path = Path::new(&args.what);
    let is_file = args.what == "-" || path.extension().is_some() && path.exists() || path.is_file();
    let mut tested = Vec::new();
    if is_file {
        for (index, guard) in plan_text::read(path)?.guards.iter().enumerate() {
            let name = format!("guards[{index}]");
            let action = guard_action(&guard.action);
            tested.push(TestedView::of(name, &guard.when, action, &firings(&guard.when, &trace), &trace));
        }
    } else {
        let report = find(&session.connection()?, args.what.clone()).await?.guard.unwrap_or_default();
        let guard = report.guard.unwrap_or_default();
        let when = MetricCheck::parse(&guard.when).map_err(|error| {
            Failure::Usage(format!(
                "the condition of guard {} is newer than this program: {error}",
                guard.key
            ))
        })?;
        let action = action_in_words(guard.action.as_ref());
        tested.push(TestedView::of(guard.key, &when, action, &firings(&when, &trace), &trace));
    }
    session.show(&RehearsalView { guards: tested })?;
    Ok(Exit::Done)
}

async fn replay(args: GuardReplayArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let name = args.guard.clone().unwrap_or_else(|| "the proposed guard".to_owned());
    let environment = match args.guard {
        Some(_) => String::new(),
        None => session.settings.environment.clone(),
    };
    let request = v1::ReplayGuardRequest {
        guard: args.guard.unwrap_or_default(),
        when: args.when.map(|when| when.to_string()).unwrap_or_default(),
        environment,
        flags: args.flags,
        feature: args.feature.unwrap_or_default(),
        since_seconds: args.since.as_secs(),
        confirm_within_seconds: args.within.as_secs(),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.guards().replay_guard(request)).await?;
    session.show(&ReplayView::of(name, &answer))?;
    Ok(Exit::Done)
}
