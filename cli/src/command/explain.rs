//! `explain` and `bucket`: why somebody gets what they get, now or then.

use jiff::Timestamp;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::explain_request::At;

use crate::args::inspect::{BucketArgs, ExplainArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::explanation::{BucketView, ExplanationView};

pub(crate) async fn run(args: ExplainArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let request = v1::ExplainRequest {
        context: Some(args.subject.context()?),
        at: args.at.as_deref().map(moment).transpose()?,
        flag: args.flag,
        environment: session.settings.environment.clone(),
        service: args.service.unwrap_or_default(),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().explain(request)).await?;
    let is_there = answer.error_code != "FLAG_NOT_FOUND";
    session.show(&ExplanationView::of(&answer))?;
    Ok(if is_there { Exit::Done } else { Exit::NotFound })
}

pub(crate) async fn bucket(args: BucketArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let context = v1::EvaluationContext { targeting_key: args.user.clone(), ..Default::default() };
    let request = v1::ExplainRequest {
        flag: args.flag.clone(),
        environment: session.settings.environment.clone(),
        context: Some(context),
        ..Default::default()
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().explain(request)).await?;
    if answer.error_code == "FLAG_NOT_FOUND" {
        session.terminal.warn(&format!("there is no flag {}", args.flag));
        return Ok(Exit::NotFound);
    }
    let Some(bucket) = &answer.bucket else {
        return Err(Failure::Usage("nothing identifies the subject: the user must not be empty".to_owned()));
    };
    session.show(&BucketView::of(&answer.flag, &args.user, bucket))?;
    Ok(Exit::Done)
}

fn moment(text: &str) -> Result<At, Failure> {
    if let Ok(revision) = text.parse() {
        return Ok(At::AtRevision(revision));
    }
    let moment: Timestamp = text.parse().map_err(|_no_moment| {
        Failure::Usage(format!("--at {text}: expected a revision, or a moment such as 2026-11-27T09:30:00Z"))
    })?;
    let nanos = moment.subsec_nanosecond();
    Ok(At::AtTime(prost_types::Timestamp { seconds: moment.as_second(), nanos }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_revision_or_a_time() {
        assert_eq!(moment("12").unwrap(), At::AtRevision(12));
        let time = prost_types::Timestamp { seconds: 1_795_251_600, nanos: 0 };
        assert_eq!(moment("2026-11-21T09:00:00Z").unwrap(), At::AtTime(time));
        assert_eq!(moment("yesterday").unwrap_err().exit(), Exit::Usage);
    }
}
