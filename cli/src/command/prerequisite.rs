//! `prerequisite`: what other flags must serve before a flag decides anything.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::configure::{FlagArgs, PrerequisiteCommand, PrerequisiteSetArgs};
use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::configuration::PrerequisiteView;
use crate::view::state::boolean;

/// The true variant's usual name; of several true ones it is meant first.
const ON: &str = "on";

pub(crate) async fn run(command: PrerequisiteCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        PrerequisiteCommand::Set(args) => set(args, session).await,
        PrerequisiteCommand::Clear(args) => clear(args, session).await,
    }
}

async fn set(args: PrerequisiteSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let mut prerequisites = Vec::new();
    for text in &args.needs {
        prerequisites.push(prerequisite(text, &connection).await?);
    }
    let needs = prerequisites.iter().map(|needed| PrerequisiteView::of(needed).words());
    let needs = needs.collect::<Vec<_>>().join(" and ");
    let deed = format!("let {} need {needs}", args.flag);
    submit_needs(args.flag, prerequisites, ("prerequisite set", deed), args.write, session).await
}

async fn clear(args: FlagArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("let {} need no other flag", args.flag);
    submit_needs(args.flag, Vec::new(), ("prerequisite clear", deed), args.write, session).await
}

async fn submit_needs(
    flag: String,
    prerequisites: Vec<v1::Prerequisite>,
    (action, deed): (&'static str, String),
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let change = v1::SetPrerequisites {
        environment: session.settings.environment.clone(),
        flag: flag.clone(),
        prerequisites,
    };
    let told = Told::here(Subject::Flag(flag), action, deed);
    submit(Submission::of(Change::SetPrerequisites(change), told), write, session).await
}

/// Reads `OTHER=VARIANT,VARIANT`; without variants the server is asked for the true one.
async fn prerequisite(text: &str, connection: &Connection) -> Result<v1::Prerequisite, Failure> {
    if let Some((flag, variants)) = text.split_once('=') {
        let variants = variants.split(',').map(str::to_owned).collect();
        return Ok(v1::Prerequisite { flag: flag.to_owned(), variants });
    }
    let request = v1::GetFlagRequest { flag: text.to_owned() };
    let answer = connection.answer(connection.admin().get_flag(request)).await?;
    let definition = answer.flag.and_then(|flag| flag.definition).unwrap_or_default();
    let Some(variant) = true_variant(&definition.variants) else {
        return Err(Failure::Usage(format!(
            "{text} is no boolean flag: say which variants it must serve, such as {text}=VARIANT"
        )));
    };
    Ok(v1::Prerequisite { flag: text.to_owned(), variants: vec![variant] })
}

fn true_variant(variants: &[v1::Variant]) -> Option<String> {
    let is_true = |variant: &&v1::Variant| boolean(&variant.name, variants) == Some(true);
    let named = variants.iter().filter(is_true).find(|variant| variant.name == ON);
    named.or_else(|| variants.iter().find(is_true)).map(|variant| variant.name.clone())
}

#[cfg(test)]
mod tests {
    use mycelia_flags_proto::v1::value::Kind;

    use super::*;
    use crate::view::state::tests::{named, on_and_off};

    #[test]
    fn the_true_variant_of_a_boolean_flag_is_meant() {
        assert_eq!(true_variant(&on_and_off()).as_deref(), Some("on"));
        let odd = [named("yes", Kind::BooleanValue(true)), named("no", Kind::BooleanValue(false))];
        assert_eq!(true_variant(&odd).as_deref(), Some("yes"));
        assert_eq!(true_variant(&[named("small", Kind::IntegerValue(1))]), None);
    }
}
