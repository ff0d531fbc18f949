//! `eval`: what a subject gets, decided by the server.

use mycelia_flags_proto::v1;

use crate::args::read::EvalArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::evaluation::EvaluationView;

pub(crate) async fn run(args: EvalArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let context = args.subject.context()?;
    let connection = session.connection()?;
    let request = v1::EvaluateRequest {
        flag: args.flag,
        environment: session.settings.environment.clone(),
        context: Some(context),
        service: args.service.unwrap_or_default(),
        trial: true,
    };
    let answer = connection.answer(connection.evaluation().evaluate(request)).await?;
    let evaluation = answer.evaluation.unwrap_or_default();
    session.show(&EvaluationView::of(&evaluation, answer.revision))?;
    Ok(exit_of(&evaluation))
}

/// A default that stood in is still a value; only without one the evaluation has failed.
fn exit_of(evaluation: &v1::Evaluation) -> Exit {
    match evaluation.error_code() {
        v1::ErrorCode::FlagNotFound => Exit::NotFound,
        _ if evaluation.value.is_none() => Exit::Failed,
        _ => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_is_not_there_is_not_found() {
        let evaluation = |code: v1::ErrorCode, value| v1::Evaluation {
            error_code: code.into(),
            value,
            ..v1::Evaluation::default()
        };
        let value = Some(v1::Value::default());
        assert_eq!(exit_of(&evaluation(v1::ErrorCode::FlagNotFound, None)), Exit::NotFound);
        assert_eq!(exit_of(&evaluation(v1::ErrorCode::ParseError, None)), Exit::Failed);
        assert_eq!(exit_of(&evaluation(v1::ErrorCode::TargetingKeyMissing, value.clone())), Exit::Done);
        assert_eq!(exit_of(&evaluation(v1::ErrorCode::Unspecified, value)), Exit::Done);
    }
}
