//! `targeting`: a flagd expression in place of rules.

use std::path::Path;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::configure::{FlagArgs, TargetingCommand, TargetingSetArgs};
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::text_file;
use crate::view::applied::Subject;
use crate::view::targeting::TargetingView;
use crate::view::value::json_of;

pub(crate) async fn run(command: TargetingCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        TargetingCommand::Set(args) => set(args, session).await,
        TargetingCommand::Clear(args) => clear(args, session).await,
        TargetingCommand::Get(args) => get(&args.flag, session).await,
    }
}

async fn set(args: TargetingSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let targeting = read(&args.source)?;
    let deed = format!("set the targeting of {}", args.flag);
    send(args.flag, targeting, ("targeting set", deed), args.write, session).await
}

async fn clear(args: FlagArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("removed the targeting of {}", args.flag);
    send(args.flag, String::new(), ("targeting clear", deed), args.write, session).await
}

async fn send(
    flag: String,
    targeting: String,
    (action, deed): (&'static str, String),
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let change =
        v1::SetTargeting { environment: session.settings.environment.clone(), flag: flag.clone(), targeting };
    let told = Told::here(Subject::Flag(flag), action, deed);
    submit(Submission::of(Change::SetTargeting(change), told), write, session).await
}

/// What begins with a brace is the expression itself; anything else names a file. Nothing is no expression: it would
/// remove the one that is there.
fn read(source: &str) -> Result<String, Failure> {
    let is_inline = source.trim_start().starts_with('{');
    let text = if is_inline { source.to_owned() } else { text_file::read(Path::new(source))? };
    let text = text.trim();
    if text.is_empty() {
        let advice = "to remove the expression use `targeting clear`";
        return Err(Failure::Usage(format!("{source} is empty: {advice}")));
    }
    Ok(text.to_owned())
}

async fn get(flag: &str, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let found = inventory::configured(&connection, flag, &session.settings.environment).await?;
    session.show(&TargetingView {
        flag: found.definition.key,
        environment: found.environment,
        targeting: json_of(&found.configuration.targeting),
        revision: found.revision,
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_typed_or_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("targeting.json");
        let source = file.to_str().unwrap();
        std::fs::write(&file, "{\"if\": []}\n").unwrap();
        assert_eq!(read(r#" {"if": [1]}"#).unwrap(), r#"{"if": [1]}"#);
        assert_eq!(read(source).unwrap(), r#"{"if": []}"#);
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(read(source).unwrap_err().exit(), Exit::Usage);
        assert_eq!(read("/nonexistent").unwrap_err().exit(), Exit::Usage);
    }
}
