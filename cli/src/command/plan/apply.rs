//! `plan apply`: a plan from a file.

use std::path::Path;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::plan::PlanDefinition;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::{convert, v1};

use super::act::{change_of, submit_act};
use super::settled::Awaited;
use crate::args::plan::PlanApplyArgs;
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file::Places;
use crate::plan_text;
use crate::session::Session;
use crate::submission::{Submission, Told};
use crate::view::applied::Subject;
use crate::view::plan::stages_in_words;

pub(super) async fn run(args: PlanApplyArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let (plan, places) = plan_text::read_with_places(&args.file)?;
    let applied = submit_plan(plan, args.start, "plan apply", args.write, session).await;
    applied.map_err(|failure| placed(failure, &args.file, &places))
}

/// What the server says of the plan, at its line and column of the file.
fn placed(failure: Failure, file: &Path, places: &Places) -> Failure {
    let Failure::Refused { code, reason, message, mut violations } = failure else {
        return failure;
    };
    let mut is_placed = false;
    for violation in &mut violations {
        if let Some((mark, field)) = places.find(&violation.field) {
            let colon = if field.is_empty() { "" } else { ": " };
            violation.field = format!("{}:{}:{}", file.display(), mark.line, mark.column);
            violation.description = format!("{field}{colon}{}", violation.description);
            is_placed = true;
        }
    }
    let message = match is_placed {
        true => format!("the server refuses {}; nothing was changed", file.display()),
        false => message,
    };
    Failure::Refused { code, reason, message, violations }
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
    let deed = format!("{verb} plan {key} of {}", stages_in_words(plan.stages.len()));
    let told = Told::everywhere(Subject::Plan(key.clone()), action, deed);
    submit_act(key, Submission { changes, told }, write, Awaited::Spread, session).await
}
