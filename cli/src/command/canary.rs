//! `canary`, `canary-add`, `canary-remove`, `canary-list` and `canary-variant`.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::canary_part::Part;
use mycelia_flags_proto::v1::change::Change;

use crate::args::canary::{CanaryAction, CanaryArgs, CanaryVariantArgs, KeysArgs};
use crate::args::write::WriteArgs;
use crate::command::list_edit::{self, Direction, ListEdit};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::canary::{CanaryListView, CanaryModeView};

/// The allowlist, as the wire names it.
const ALLOWLIST: &str = "canary";

pub(crate) async fn run(args: CanaryArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    match args.action {
        CanaryAction::On => switch(true, args.write, session).await,
        CanaryAction::Off => switch(false, args.write, session).await,
        CanaryAction::Status => {
            let connection = session.connection()?;
            session.show(&CanaryModeView::of(mode(&connection, session).await?))?;
            Ok(Exit::Done)
        }
    }
}

async fn switch(on: bool, write: WriteArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let word = if on { "on" } else { "off" };
    let change = v1::SwitchCanary { environment: session.settings.environment.clone(), on };
    let told = Told::here(Subject::Canary(word), "canary", format!("switched canary mode {word}"));
    submit(Submission::of(Change::SwitchCanary(change), told), write, session).await
}

async fn mode(connection: &Connection, session: &Session<'_>) -> Result<v1::GetCanaryResponse, Failure> {
    let request = v1::GetCanaryRequest { environment: session.settings.environment.clone() };
    connection.answer(connection.admin().get_canary(request)).await
}

pub(crate) async fn add(args: KeysArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let list = ALLOWLIST.to_owned();
    list_edit::run(ListEdit { list, direction: Direction::Add, action: "canary-add" }, args, session).await
}

pub(crate) async fn remove(args: KeysArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let list = ALLOWLIST.to_owned();
    let edit = ListEdit { list, direction: Direction::Remove, action: "canary-remove" };
    list_edit::run(edit, args, session).await
}

pub(crate) async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let mode = mode(&connection, session).await?;
    let all = inventory::keys(&connection, &session.settings.environment, ALLOWLIST).await?;
    let on = mode.canary.is_some_and(|canary| canary.on);
    if session.terminal.is_for_people() {
        let word = if on { "on" } else { "off" };
        let environment = &all.environment;
        session.terminal.note(&format!(
            "{} on the canary allowlist of {environment}; canary mode is {word}",
            all.keys.len()
        ));
    }
    session.show(&CanaryListView { environment: all.environment, on, keys: all.keys })?;
    Ok(Exit::Done)
}

pub(crate) async fn variant(args: CanaryVariantArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let flag = args.flag;
    let (part, deed) = match args.variant {
        Some(variant) => {
            let deed = format!("let {flag} serve {variant} to the canary");
            (Some(Part::Variant(variant)), deed)
        }
        None if args.out => (Some(Part::Out(v1::NoCanary {})), format!("removed {flag} from the canary")),
        None => (None, format!("let the type of {flag} say what the canary gets")),
    };
    let change = v1::SetCanaryPart {
        environment: session.settings.environment.clone(),
        flag: flag.clone(),
        part: part.map(|part| v1::CanaryPart { part: Some(part) }),
    };
    let told = Told::here(Subject::Flag(flag), "canary-variant", deed);
    submit(Submission::of(Change::SetCanaryPart(change), told), args.write, session).await
}
