//! `plan apply`: a plan from a file.

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::plan::PlanDefinition;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::{convert, v1};

use super::act::{change_of, submit_act};
use crate::args::plan::PlanApplyArgs;
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file;
use crate::session::Session;
use crate::submission::{Submission, Told};
use crate::text_file;
use crate::view::applied::Subject;

pub(super) async fn run(args: PlanApplyArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let text = text_file::read(&args.file)?;
    let plan = plan_file::read(&text).map_err(|_faults| Failure::Usage("no plan".to_owned()))?;
    submit_plan(plan, args.start, "plan apply", args.write, session).await
}

/// Applies a plan and, if that is asked for, starts it in the same revision.
pub(crate) async fn submit_plan(
    mut plan: PlanDefinition,
    start: bool,
    action: &'static str,
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    // What the file says counts more than what is configured.
    if plan.environment.as_str().is_empty() {
        plan.environment = EnvironmentKey::new(&session.settings.environment);
    }
    let key = plan.key.to_string();
    let mut changes = vec![Change::SetPlan(v1::SetPlan { plan: Some(convert::plan_to_wire(&plan)) })];
    if start {
        changes.push(change_of(&key, Act::Deed(v1::PlanDeed::Start.into())));
    }
    let verb = if start { "applied and started" } else { "applied" };
    let deed = format!("{verb} plan {key} of {} stages", plan.stages.len());
    let told = Told::everywhere(Subject::Plan(key.clone()), action, deed);
    submit_act(key, Submission { changes, told }, write, session).await
}
