//! `diff`: what differs between two revisions, or between two environments.

use mycelia_flags_proto::v1;

use crate::args::inspect::DiffArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::difference::{Between, DiffView};

pub(crate) async fn run(args: DiffArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let (between, flags) = (between(&args, &session.settings.environment)?, args.flags);
    let request = match &between {
        Between::Revisions { from_revision, to_revision } => v1::DiffRequest {
            from_revision: *from_revision,
            to_revision: to_revision.unwrap_or_default(),
            flags,
            ..v1::DiffRequest::default()
        },
        Between::Environments { from_environment, to_environment } => v1::DiffRequest {
            from_environment: from_environment.clone(),
            to_environment: to_environment.clone(),
            flags,
            ..v1::DiffRequest::default()
        },
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().diff(request)).await?;
    session.show(&DiffView::of(between, answer))?;
    Ok(Exit::Done)
}

/// What is not a number is an environment: `diff staging production`, or `diff --env staging production`.
fn between(args: &DiffArgs, environment: &str) -> Result<Between, Failure> {
    if let Some([from, to]) = args.environments.as_deref() {
        return Ok(Between::Environments { from_environment: from.clone(), to_environment: to.clone() });
    }
    let typed = args.from.as_deref().unwrap_or_default();
    if let Ok(from_revision) = typed.parse() {
        let to_revision = args.to.as_deref().map(str::parse).transpose().map_err(|_no_number| {
            let to = args.to.as_deref().unwrap_or_default();
            Failure::Usage(format!("expected a revision to compare {from_revision} with, not `{to}`"))
        })?;
        return Ok(Between::Revisions { from_revision, to_revision });
    }
    let (from, to) = match args.to.as_deref() {
        Some(to) => (typed, to),
        None if !environment.is_empty() => (environment, typed),
        None => {
            let why =
                format!("`{typed}` is no revision; as an environment it needs another one: diff ONE OTHER");
            return Err(Failure::Usage(why));
        }
    };
    Ok(Between::Environments { from_environment: from.to_owned(), to_environment: to.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(from: &str, to: Option<&str>) -> DiffArgs {
        let to = to.map(str::to_owned);
        let from = (!from.is_empty()).then(|| from.to_owned());
        DiffArgs { from, to, environments: None, flags: Vec::new() }
    }

    fn environments(from: &str, to: &str) -> Between {
        Between::Environments { from_environment: from.to_owned(), to_environment: to.to_owned() }
    }

    #[test]
    fn numbers_are_revisions_and_names_are_environments() {
        let revisions = |from_revision, to_revision| Between::Revisions { from_revision, to_revision };
        assert_eq!(between(&args("3", None), "").unwrap(), revisions(3, None));
        assert_eq!(between(&args("3", Some("7")), "staging").unwrap(), revisions(3, Some(7)));
        let two = between(&args("production", None), "staging").unwrap();
        assert_eq!(two, environments("staging", "production"));
        let two = between(&args("development", Some("production")), "staging").unwrap();
        assert_eq!(two, environments("development", "production"));
        let names = DiffArgs { environments: Some(vec!["1".to_owned(), "2".to_owned()]), ..args("", None) };
        assert_eq!(between(&names, "staging").unwrap(), environments("1", "2"));
    }

    #[test]
    fn one_name_alone_is_a_usage_error() {
        assert_eq!(between(&args("production", None), "").unwrap_err().exit(), Exit::Usage);
        assert_eq!(between(&args("3", Some("production")), "staging").unwrap_err().exit(), Exit::Usage);
    }
}
