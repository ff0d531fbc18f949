//! `override`: a service that is detached from a flag for a while.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::configure::{OverrideCommand, OverrideRemoveArgs, OverrideSetArgs};
use crate::duration_text::print_seconds;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::moment::Now;
use crate::view::overrides::{ActiveOverrideView, OverridesView};

pub(crate) async fn run(command: OverrideCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        OverrideCommand::Set(args) => set(args, session).await,
        OverrideCommand::Remove(args) => remove(args, session).await,
        OverrideCommand::List => list(session).await,
    }
}

async fn set(args: OverrideSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let seconds = args.expires.as_secs();
    if seconds == 0 {
        return Err(Failure::Usage("--expires: an override lasts at least 1s".to_owned()));
    }
    let deed = format!(
        "detached {} from {} (it gets {} for {})",
        args.service,
        args.flag,
        args.variant,
        print_seconds(seconds)
    );
    let change = v1::SetOverride {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        service: args.service,
        variant: args.variant,
        seconds,
    };
    let told = Told::here(Subject::Flag(args.flag), "override set", deed);
    submit(Submission::of(Change::SetOverride(change), told), args.write, session).await
}

async fn remove(args: OverrideRemoveArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("ended the override of {} for {}", args.flag, args.service);
    let change = v1::RemoveOverride {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        service: args.service,
    };
    let told = Told::here(Subject::Flag(args.flag), "override remove", deed);
    submit(Submission::of(Change::RemoveOverride(change), told), args.write, session).await
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let status = session::status(&connection).await?;
    let chosen = &session.settings.environment;
    let overrides = status
        .overrides
        .iter()
        .filter(|active| chosen.is_empty() || active.environment == *chosen)
        .map(ActiveOverrideView::of)
        .collect();
    session.show(&OverridesView { overrides, revision: status.revision, now: Now::of_system() })?;
    Ok(Exit::Done)
}
