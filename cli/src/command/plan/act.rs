//! What people say and do to a plan, in a revision each.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::change::Change;

use super::settled::{Awaited, submit_and_wait};
use crate::args::plan::{PlanArgs, PlanCheckArgs, PlanReportValueArgs, PlanRollbackArgs};
use crate::args::rollback::usual_ladder;
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plans;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::moment::Now;
use crate::view::plan::checklist::ChecklistView;
use crate::view::plan::status::{PlanStatusView, ThenView};
use crate::view::plan::way_in_words;

/// A change of a plan.
pub(crate) fn change_of(plan: &str, act: Act) -> Change {
    Change::ActOnPlan(v1::ActOnPlan { plan: plan.to_owned(), act: Some(act) })
}

/// What is said in a word.
pub(super) async fn say(args: PlanArgs, deed: v1::PlanDeed, session: &Session<'_>) -> Result<Exit, Failure> {
    let plan = &args.plan;
    let (action, words) = match deed {
        v1::PlanDeed::Start => ("plan start", format!("started plan {plan}")),
        v1::PlanDeed::Approve => ("plan approve", format!("approved the stage of plan {plan}")),
        v1::PlanDeed::Go => ("plan go", format!("said go for plan {plan}")),
        v1::PlanDeed::NoGo => ("plan no-go", format!("said no-go for plan {plan}")),
        v1::PlanDeed::Pause => ("plan pause", format!("paused plan {plan}")),
        v1::PlanDeed::Resume => ("plan resume", format!("resumed plan {plan}")),
        v1::PlanDeed::Acknowledge => {
            ("plan acknowledge", format!("acknowledged the rollback of plan {plan}"))
        }
        v1::PlanDeed::Cancel => {
            ("plan cancel", format!("cancelled plan {plan} (its flags stay as they are)"))
        }
        v1::PlanDeed::Unspecified => return Err(Failure::Usage("this says nothing to a plan".to_owned())),
    };
    let awaited = match deed {
        v1::PlanDeed::Approve | v1::PlanDeed::Go => Awaited::Stage,
        _ => Awaited::Spread,
    };
    let change = change_of(plan, Act::Deed(deed.into()));
    let told = Told::everywhere(Subject::Plan(plan.clone()), action, words);
    submit_act(plan.clone(), Submission::of(change, told), args.write, awaited, session).await
}

/// Without points the checklist is shown.
pub(super) async fn check(args: PlanCheckArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    if args.items.is_empty() {
        let found = plans::find(&session.connection()?, &args.plan).await?;
        session.show(&ChecklistView::of(&found))?;
        return Ok(Exit::Done);
    }
    let act = |item: &String| {
        let point = v1::ChecklistPoint { item: item.clone() };
        change_of(&args.plan, if args.undo { Act::Untick(point) } else { Act::Tick(point) })
    };
    let changes = args.items.iter().map(act).collect();
    let verb = if args.undo { "opened again" } else { "ticked off" };
    let deed = format!("{verb} {} of plan {}", args.items.join(", "), args.plan);
    let told = Told::everywhere(Subject::Plan(args.plan.clone()), "plan check", deed);
    submit_act(args.plan, Submission { changes, told }, args.write, Awaited::Spread, session).await
}

pub(super) async fn report_value(args: PlanReportValueArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("reported {} {} to plan {}", args.metric, args.value, args.plan);
    let told = Told::everywhere(Subject::Plan(args.plan.clone()), "plan report-value", deed);
    let act = Act::Report(v1::MetricReport { metric: args.metric, value: args.value });
    let submission = Submission::of(change_of(&args.plan, act), told);
    submit_act(args.plan, submission, args.write, Awaited::Spread, session).await
}

pub(super) async fn roll_back(args: PlanRollbackArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let ladder = if args.way.is_gradual() {
        plans::find(&session.connection()?, &args.plan).await?.plan.ladder
    } else {
        None
    };
    let way = args.way.meant(&ladder.unwrap_or_else(usual_ladder));
    let deed = format!("rolled plan {} back{}", args.plan, way_in_words(&way));
    let told = Told::everywhere(Subject::Plan(args.plan.clone()), "plan rollback", deed);
    let change = change_of(&args.plan, Act::RollBack(way));
    submit_act(args.plan, Submission::of(change, told), args.write, Awaited::Rollback, session).await
}

pub(super) async fn delete(args: PlanArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("deleted plan {} (its flags stay as they are)", args.plan);
    let told = Told::everywhere(Subject::Plan(args.plan.clone()), "plan delete", deed);
    let change = Change::DeletePlan(v1::DeletePlan { plan: args.plan });
    submit(Submission::of(change, told), args.write, session).await
}

/// Tells people afterwards where the plan is and what is next. What was only asked for has changed nothing yet, and a
/// change that was made is not undone by a question that fails.
pub(crate) async fn submit_act(
    plan: String,
    submission: Submission,
    write: WriteArgs,
    awaited: Awaited,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    if write.wait {
        return submit_and_wait(&plan, submission, write, awaited, session).await;
    }
    let is_told = session.terminal.is_for_people() && !write.dry_run && !write.request;
    let exit = submit(submission, write, session).await?;
    if is_told && let Ok(found) = plans::find(&session.connection()?, &plan).await {
        session.show(&ThenView(PlanStatusView::of(found, Now::of_system())))?;
    }
    Ok(exit)
}
