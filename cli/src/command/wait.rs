//! `wait`: until every connected instance has applied a revision.

use std::time::Duration;

use mycelia_flags_proto::v1;

use crate::args::follow::WaitArgs;
use crate::convergence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::convergence::ConvergenceView;

const PATIENCE_DEFAULT: Duration = Duration::from_secs(30);

pub(crate) async fn run(args: WaitArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::WaitConvergedRequest {
        revision: args.revision.unwrap_or_default(),
        environment: session.settings.environment.clone(),
        min_instances: args.min_instances,
    };
    let patience = session.settings.timeout.unwrap_or(PATIENCE_DEFAULT);
    let course = convergence::follow(&connection, request, patience, session.terminal).await;
    let last = course.last.as_ref().filter(|_| course.end.is_ok() || !session.terminal.is_for_people());
    if let Some(report) = last {
        session.show(&ConvergenceView::of(report))?;
    }
    course.end.map(|()| Exit::Done)
}
