//! `segment`: reusable audiences.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::segment::{
    SegmentCommand, SegmentDeleteArgs, SegmentKeysArgs, SegmentMembersArgs, SegmentSetArgs, SegmentTestArgs,
};
use crate::command::list_edit::{self, Direction, ListEdit};
use crate::condition_text;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::canary::MembersView;
use crate::view::segment::{MembershipView, SegmentGetView, SegmentSummaryView, SegmentsView};
use crate::view::step::StepView;

const INCLUDED: &str = "included";
const EXCLUDED: &str = "excluded";

pub(crate) async fn run(command: SegmentCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        SegmentCommand::Set(args) => set(args, session).await,
        SegmentCommand::Delete(args) => delete(args, session).await,
        SegmentCommand::List => list(session).await,
        SegmentCommand::Get(args) => get(&args.key, session).await,
        SegmentCommand::Add(args) => edit(args, INCLUDED, Direction::Add, "segment add", session).await,
        SegmentCommand::Remove(args) => {
            edit(args, INCLUDED, Direction::Remove, "segment remove", session).await
        }
        SegmentCommand::Exclude(args) => {
            edit(args, EXCLUDED, Direction::Add, "segment exclude", session).await
        }
        SegmentCommand::Unexclude(args) => {
            edit(args, EXCLUDED, Direction::Remove, "segment unexclude", session).await
        }
        SegmentCommand::Members(args) => members(args, session).await,
        SegmentCommand::Test(args) => test(args, session).await,
    }
}

async fn set(args: SegmentSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let salt = args.salt.unwrap_or_default();
    let change = v1::SetSegment {
        environment: session.settings.environment.clone(),
        segment: args.key.clone(),
        description: args.description.unwrap_or_default(),
        condition: condition_text::all(args.conditions),
        share: args.percent.map(|percent| v1::SegmentShare {
            salt,
            from_percent: percent.from.as_f64(),
            to_percent: percent.to.as_f64(),
        }),
    };
    let deed = format!("set segment {}", args.key);
    let told = Told::here(Subject::Segment(args.key), "segment set", deed);
    submit(Submission::of(Change::SetSegment(change), told), args.write, session).await
}

async fn delete(args: SegmentDeleteArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change =
        v1::DeleteSegment { environment: session.settings.environment.clone(), segment: args.key.clone() };
    let deed = format!("deleted segment {}", args.key);
    let told = Told::here(Subject::Segment(args.key), "segment delete", deed);
    submit(Submission::of(Change::DeleteSegment(change), told), args.write, session).await
}

async fn all(connection: &Connection, session: &Session<'_>) -> Result<v1::ListSegmentsResponse, Failure> {
    let request = v1::ListSegmentsRequest { environment: session.settings.environment.clone() };
    connection.answer(connection.admin().list_segments(request)).await
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = all(&connection, session).await?;
    session.show(&SegmentsView {
        segments: answer.segments.iter().map(SegmentSummaryView::of).collect(),
        environment: answer.environment,
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}

async fn get(key: &str, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = all(&connection, session).await?;
    let is_it =
        |summary: &&v1::SegmentSummary| summary.segment.as_ref().is_some_and(|segment| segment.key == key);
    let Some(summary) = answer.segments.iter().find(is_it) else {
        return Err(Failure::not_found(format!("no segment `{key}` in {}", answer.environment)));
    };
    session.show(&SegmentGetView {
        summary: SegmentSummaryView::of(summary),
        environment: answer.environment,
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}

fn list_of(segment: &str, list: &str) -> String {
    format!("segment/{segment}/{list}")
}

async fn edit(
    args: SegmentKeysArgs,
    list: &str,
    direction: Direction,
    action: &'static str,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let edit = ListEdit { list: list_of(&args.key, list), direction, action };
    list_edit::run(edit, args.keys, session).await
}

async fn members(args: SegmentMembersArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let list = if args.excluded { EXCLUDED } else { INCLUDED };
    let environment = &session.settings.environment;
    let all = inventory::keys(&connection, environment, &list_of(&args.key, list)).await?;
    if session.terminal.is_for_people() {
        let (count, key, environment) = (all.keys.len(), &args.key, &all.environment);
        session.terminal.note(&format!("{count} on the {list} list of segment {key} in {environment}"));
    }
    session.show(&MembersView { environment: all.environment, segment: args.key, list, keys: all.keys })?;
    Ok(Exit::Done)
}

async fn test(args: SegmentTestArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let context = args.subject.context()?;
    let connection = session.connection()?;
    let request = v1::TestSegmentRequest {
        environment: session.settings.environment.clone(),
        segment: args.key.clone(),
        context: Some(context),
    };
    let answer = connection.answer(connection.admin().test_segment(request)).await?;
    session.show(&MembershipView {
        segment: args.key,
        member: answer.member,
        steps: answer.steps.iter().map(StepView::of).collect(),
        revision: answer.revision,
    })?;
    Ok(if answer.member { Exit::Done } else { Exit::No })
}
