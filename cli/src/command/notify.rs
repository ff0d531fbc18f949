//! `notify`: who is told what happens, and what could not be delivered.

use mycelia_flags_proto::v1;

use crate::args::notify::{DeadArgs, NotifyCommand, RetryArgs, TestArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::notify::{AttemptsView, DeadView, TargetsView};

pub(crate) async fn run(command: NotifyCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        NotifyCommand::List => list(session).await,
        NotifyCommand::Dead(args) => dead(args, session).await,
        NotifyCommand::Retry(args) => retry(args, session).await,
        NotifyCommand::Test(args) => test(args, session).await,
    }
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListNotificationTargetsRequest {};
    let answer = connection.answer(connection.notifications().list_notification_targets(request)).await?;
    session.show(&TargetsView::of(answer))?;
    Ok(Exit::Done)
}

async fn dead(args: DeadArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListDeadLettersRequest { target: args.target.unwrap_or_default() };
    let answer = connection.answer(connection.notifications().list_dead_letters(request)).await?;
    session.show(&DeadView::of(answer.letters))?;
    Ok(Exit::Done)
}

async fn retry(args: RetryArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::RetryDeadLetterRequest { id: args.id, target: args.target.unwrap_or_default() };
    let answer = connection.answer(connection.notifications().retry_dead_letter(request)).await?;
    show(&AttemptsView::of(answer.attempts), session)
}

async fn test(args: TestArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::TestNotificationTargetRequest { target: args.target };
    let answer = connection.answer(connection.notifications().test_notification_target(request)).await?;
    show(&AttemptsView::of(answer.attempt.into_iter().collect()), session)
}

fn show(view: &AttemptsView, session: &Session<'_>) -> Result<Exit, Failure> {
    session.show(view)?;
    Ok(if view.all_delivered() { Exit::Done } else { Exit::Failed })
}
