//! `rollback`: flags go back.
//!
//! A flag that a plan drives takes its plan back with it, in the same revision, and the answer says which. A gradual
//! rollback is a plan's: it takes time, and somebody must be able to stop it. So a flag without one gets the plan
//! `rollback.FLAG`, which holds what the flag serves now, and is started and taken back in the same revision; a flag with
//! one goes down with it.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::change::Change;
use tonic::Code;

use crate::args::rollback::{RollbackArgs, usual_ladder, usual_ladder_below};
use crate::command::feature;
use crate::command::plan::{Awaited, change_of, submit_act};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory::{self, Configured};
use crate::plans;
use crate::rollback_plan::{highest_percent, holding, holds_something};
use crate::session::Session;
use crate::submission::{Submission, Told, meant_environment, submit};
use crate::view::applied::Subject;
use crate::view::plan::way_in_words;

pub(crate) async fn run(args: RollbackArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let environment = meant_environment(&connection, &session.settings.environment).await?;
    let flags = match &args.feature {
        Some(key) => feature::find(&connection, key).await?.flags,
        None => args.flags.clone(),
    };
    if args.way.is_gradual() {
        refuse_driven(&args, &flags, &environment, &connection).await?;
        return gradually(args, flags, environment, &connection, session).await;
    }
    let way = args.way.meant(&usual_ladder());
    let what = match (&args.feature, flags.as_slice()) {
        (Some(feature), _) => format!("feature {feature}"),
        (None, []) => "the canary".to_owned(),
        (None, flags) => flags.join(", "),
    };
    let deed = format!("rolled {what} back{}", way_in_words(&way));
    let subject = match (args.feature, flags.as_slice()) {
        (Some(feature), _) => Subject::Feature(feature),
        (None, []) => Subject::Canary("off"),
        (None, [flag]) => Subject::Flag(flag.clone()),
        (None, flags) => Subject::Flags(flags.to_vec()),
    };
    let mut told = Told::here(subject, "rollback", deed);
    told.environment = Some(environment.clone());
    let change = v1::RollBackFlags { environment, flags, rollback: Some(way) };
    submit(Submission::of(Change::RollBack(change), told), args.write, session).await
}

/// Two plans never move the same flag: a ladder of its own is for flags that no plan drives.
async fn refuse_driven(
    args: &RollbackArgs,
    flags: &[String],
    environment: &str,
    connection: &Connection,
) -> Result<(), Failure> {
    let under_way = plans::under_way(connection).await?;
    let mut words = Vec::new();
    for plan in &under_way {
        let driven: Vec<&str> = flags
            .iter()
            .filter(|flag| plans::drives(plan, environment, flag).is_some())
            .map(String::as_str)
            .collect();
        if !driven.is_empty() {
            let (driven, key, way) = (driven.join(", "), &plan.plan, args.way.typed());
            words.push(format!(
                "plan {key} drives {driven} in {environment}: mycelia-flags plan rollback {key}{way}"
            ));
        }
    }
    if words.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused {
        code: Code::FailedPrecondition,
        reason: Some("FLAG_UNDER_PLAN".to_owned()),
        message: words.join("; "),
        violations: Vec::new(),
    })
}

/// A plan for each flag, or one for a feature.
async fn gradually(
    args: RollbackArgs,
    flags: Vec<String>,
    environment: String,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let mut configured = Vec::new();
    for flag in &flags {
        let found = inventory::configured(connection, flag, &environment).await?;
        // A feature goes back with whatever of it somebody gets; a flag that is named is to be there.
        if args.feature.is_none() || holds_something(&found) {
            configured.push(found);
        }
    }
    let highest = configured.iter().map(highest_percent).fold(0.0, f64::max);
    let way = args.way.meant(&usual_ladder_below(highest));
    let groups: Vec<(String, Vec<Configured>)> = match &args.feature {
        Some(feature) => vec![(feature.clone(), configured)],
        None => configured.into_iter().map(|found| (found.definition.key.clone(), vec![found])).collect(),
    };
    let (mut changes, mut keys) = (Vec::new(), Vec::new());
    for (name, flags) in groups {
        let plan = holding(&name, &environment, &flags, &way)?;
        let key = plan.key.clone();
        changes.push(Change::SetPlan(v1::SetPlan { plan: Some(plan) }));
        changes.push(change_of(&key, Act::Deed(v1::PlanDeed::Start.into())));
        changes.push(change_of(&key, Act::RollBack(way.clone())));
        keys.push(key);
    }
    let deed = format!("rolled {} back{} (plan {})", flags.join(", "), way_in_words(&way), keys.join(", "));
    let subject = match keys.as_slice() {
        [key] => Subject::Plan(key.clone()),
        _ => Subject::Flags(flags),
    };
    let mut told = Told::here(subject, "rollback", deed);
    told.environment = Some(environment);
    let submission = Submission { changes, told };
    match keys.as_slice() {
        [key] => submit_act(key.clone(), submission, args.write, Awaited::Rollback, session).await,
        _ => submit(submission, args.write, session).await,
    }
}
