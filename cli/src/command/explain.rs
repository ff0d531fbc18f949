//! `explain` and `bucket`: why a subject gets what it gets, and where it falls.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::explain_request::At;

use crate::args::inspect::{BucketArgs, ExplainArgs, PastArg};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::subject::SubjectArgs;
use crate::view::explanation::{BucketAnswerView, BucketView, ExplanationView};

/// What the server says of a flag that is not there.
const FLAG_NOT_FOUND: &str = "FLAG_NOT_FOUND";

pub(crate) async fn run(args: ExplainArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let request = v1::ExplainRequest {
        flag: args.flag,
        environment: session.settings.environment.clone(),
        context: Some(args.subject.context()?),
        service: args.service.unwrap_or_default(),
        at: args.at.map(|at| match at {
            PastArg::Revision(revision) => At::AtRevision(revision),
            PastArg::Moment(moment) => At::AtTime(moment),
        }),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().explain(request)).await?;
    session.show(&ExplanationView::of(&answer))?;
    Ok(exit_of(&answer))
}

/// As `eval` ends: a default that stood in is still a value.
fn exit_of(answer: &v1::ExplainResponse) -> Exit {
    match answer.error_code.as_str() {
        FLAG_NOT_FOUND => Exit::NotFound,
        _ if answer.value.is_none() => Exit::Failed,
        _ => Exit::Done,
    }
}

pub(crate) async fn bucket(args: BucketArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let subject =
        SubjectArgs { user: Some(args.user.clone()), attributes: args.attributes, ..SubjectArgs::default() };
    let request = v1::ExplainRequest {
        flag: args.flag.clone(),
        environment: session.settings.environment.clone(),
        context: Some(subject.context()?),
        ..v1::ExplainRequest::default()
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().explain(request)).await?;
    let Some(bucket) = &answer.bucket else {
        return Err(match answer.error_code.as_str() {
            FLAG_NOT_FOUND => Failure::not_found(format!("no flag `{}`", args.flag)),
            _ => Failure::Failed(anyhow::anyhow!(
                "{} is in no bucket of {}: what the flag buckets by is missing (--attr NAME=VALUE)",
                args.user,
                answer.flag
            )),
        });
    };
    session.show(&BucketAnswerView {
        flag: answer.flag,
        user: args.user,
        bucket: BucketView::of(bucket),
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_ends_as_the_evaluation_would() {
        let answer = |code: &str, value| v1::ExplainResponse {
            error_code: code.to_owned(),
            value,
            ..v1::ExplainResponse::default()
        };
        let value = Some(v1::Value::default());
        assert_eq!(exit_of(&answer("", value.clone())), Exit::Done);
        assert_eq!(exit_of(&answer("TARGETING_KEY_MISSING", value)), Exit::Done);
        assert_eq!(exit_of(&answer("FLAG_NOT_FOUND", None)), Exit::NotFound);
        assert_eq!(exit_of(&answer("PARSE_ERROR", None)), Exit::Failed);
    }
}
