//! `diff`: what differs between two revisions, or between two environments.

use mycelia_flags_proto::v1;

use crate::args::inspect::DiffArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::difference::DiffView;

pub(crate) async fn run(args: DiffArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let request = request(args, &session.settings.environment)?;
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().diff(request.clone())).await?;
    session.show(&DiffView::of(&request, answer))?;
    Ok(Exit::Done)
}

fn request(args: DiffArgs, environment: &str) -> Result<v1::DiffRequest, Failure> {
    let flags = args.flags;
    if let Ok(from_revision) = args.from.parse() {
        let to_revision = match &args.to {
            None => 0,
            Some(to) => to.parse().map_err(|_no_number| {
                Failure::Usage(format!("expected a revision to compare {from_revision} with, not `{to}`"))
            })?,
        };
        return Ok(v1::DiffRequest { from_revision, to_revision, flags, ..Default::default() });
    }
    let (from_environment, to_environment) = match args.to {
        Some(to) => (args.from, to),
        None if !environment.is_empty() => (environment.to_owned(), args.from),
        None => {
            let why = format!("`{}` with which environment? say --env, or name both", args.from);
            return Err(Failure::Usage(why));
        }
    };
    Ok(v1::DiffRequest { from_environment, to_environment, flags, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: Option<&str>, environment: &str) -> Result<v1::DiffRequest, Failure> {
        let args = DiffArgs { from: from.to_owned(), to: to.map(str::to_owned), flags: Vec::new() };
        request(args, environment)
    }

    #[test]
    fn numbers_are_revisions_and_names_are_environments() {
        let revisions = asked("3", Some("9"), "staging").unwrap();
        assert_eq!((revisions.from_revision, revisions.to_revision), (3, 9));
        assert_eq!(asked("3", None, "").unwrap().to_revision, 0);
        let one = asked("production", None, "staging").unwrap();
        assert_eq!((&*one.from_environment, &*one.to_environment), ("staging", "production"));
        let both = asked("staging", Some("production"), "development").unwrap();
        assert_eq!((&*both.from_environment, &*both.to_environment), ("staging", "production"));
        assert_eq!(asked("3", Some("production"), "").unwrap_err().exit(), Exit::Usage);
        assert_eq!(asked("production", None, "").unwrap_err().exit(), Exit::Usage);
    }
}
