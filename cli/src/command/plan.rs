//! `plan`: rollout plans, their decisions and their reports.

mod act;
mod apply;
mod settled;
mod watch;

pub(crate) use act::{change_of, submit_act};
pub(crate) use apply::submit_plan;
pub(crate) use settled::Awaited;

use mycelia_flags_proto::v1;

use crate::args::plan::{PlanCommand, PlanReportArgs, PlanStatusArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plans;
use crate::session::Session;
use crate::view::moment::Now;
use crate::view::plan::PlanView;
use crate::view::plan::list::PlansView;
use crate::view::plan::report::ReportView;
use crate::view::plan::status::{PlanStatusView, PlanStatusesView};

pub(crate) async fn run(command: PlanCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    use v1::PlanDeed;
    match command {
        PlanCommand::Apply(args) => apply::run(args, session).await,
        PlanCommand::List => list(session).await,
        PlanCommand::Status(args) => status(args, session).await,
        PlanCommand::Start(args) => act::say(args, PlanDeed::Start, session).await,
        PlanCommand::Go(args) => act::say(args, PlanDeed::Go, session).await,
        PlanCommand::NoGo(args) => act::say(args, PlanDeed::NoGo, session).await,
        PlanCommand::Approve(args) => act::say(args, PlanDeed::Approve, session).await,
        PlanCommand::Check(args) => act::check(args, session).await,
        PlanCommand::ReportValue(args) => act::report_value(args, session).await,
        PlanCommand::Pause(args) => act::say(args, PlanDeed::Pause, session).await,
        PlanCommand::Resume(args) => act::say(args, PlanDeed::Resume, session).await,
        PlanCommand::Rollback(args) => act::roll_back(args, session).await,
        PlanCommand::Acknowledge(args) => act::say(args, PlanDeed::Acknowledge, session).await,
        PlanCommand::Cancel(args) => act::say(args, PlanDeed::Cancel, session).await,
        PlanCommand::Delete(args) => act::delete(args, session).await,
        PlanCommand::Report(args) => report(args, session).await,
        PlanCommand::Watch(args) => watch::run(args, session).await,
        PlanCommand::Validate(_) | PlanCommand::Simulate(_) => {
            Err(Failure::Usage("this command needs no server".to_owned()))
        }
    }
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = plans::all(&connection).await?;
    session.show(&PlansView {
        plans: answer.plans.into_iter().map(PlanView::of).collect(),
        revision: answer.revision,
        now: Now::of_system(),
    })?;
    Ok(Exit::Done)
}

async fn status(args: PlanStatusArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    if let Some(plan) = args.plan {
        let found = plans::find(&connection, &plan).await?;
        session.show(&PlanStatusView::of(found, Now::of_system()))?;
        return Ok(Exit::Done);
    }
    let answer = plans::all(&connection).await?;
    let mut view = PlanStatusesView { plans: Vec::new(), revision: answer.revision };
    for plan in answer.plans.iter().filter(|plan| !plans::is_over(plan.state())) {
        let found = plans::find(&connection, &plan.plan).await?;
        view.plans.push(PlanStatusView::of(found, Now::of_system()));
    }
    session.show(&view)?;
    Ok(Exit::Done)
}

/// Markdown is for people and for whatever it is pasted or piped into: it is written as it is, unless a document is
/// asked for.
async fn report(args: PlanReportArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ReportPlanRequest { plan: args.plan.clone(), day: args.day };
    let answer = connection.answer(connection.plans().report_plan(request)).await?;
    let view = ReportView::of(args.plan, answer);
    if session.terminal.is_json_asked() {
        session.show(&view)?;
    } else if session.terminal.stdout_is_terminal() {
        // A page makes control characters visible, which somebody may have put into a name.
        session.terminal.show_page(&view)?;
    } else {
        session.terminal.print(&view.markdown)?;
    }
    Ok(Exit::Done)
}
