//! `promotion` and `promote`: from one environment to the next, when it is ready.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::promotion::{
    ApproveArgs, CheckArgs, PromoteArgs, PromotionCommand, PromotionStatusArgs, RulesCommand, RulesSetArgs,
};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, present, send, submit};
use crate::view::applied::Subject;
use crate::view::promotion::{PromotionView, PromotionsView};
use crate::view::promotion_rules::{RulesListView, RulesView};

pub(crate) async fn run(command: PromotionCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        PromotionCommand::Rules(RulesCommand::Show) => show_rules(session).await,
        PromotionCommand::Rules(RulesCommand::Set(args)) => set_rules(args, session).await,
        PromotionCommand::Rules(RulesCommand::Clear(args)) => {
            let told = Told::here(
                Subject::Promotion("the rules for promotions".to_owned()),
                "promotion rules clear",
                "cleared the rules for promotions".to_owned(),
            );
            let environment = session.settings.environment.clone();
            let change = Change::SetPromotionRules(v1::SetPromotionRules { environment, rules: None });
            submit(Submission::of(change, told), args.write, session).await
        }
        PromotionCommand::Status(args) => status(args, session).await,
        PromotionCommand::Approve(args) => approve(args, session).await,
        PromotionCommand::Check(args) => check(args, session).await,
    }
}

async fn show_rules(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListPromotionRulesRequest {};
    let answer = connection.answer(connection.promotions().list_promotion_rules(request)).await?;
    let meant = &session.settings.environment;
    let rules = answer.rules.into_iter().filter(|rules| meant.is_empty() || rules.environment == *meant);
    session.show(&RulesListView { rules: rules.map(RulesView::of).collect(), revision: answer.revision })?;
    Ok(Exit::Done)
}

async fn set_rules(args: RulesSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let seconds = |length: Option<Duration>| length.map_or(0, |length| length.as_secs());
    let rules = v1::PromotionRules {
        from: args.from,
        soak_seconds: seconds(args.soak),
        incident_free_seconds: seconds(args.incident_free),
        approvals: args.approvals,
        checklist: args.checks,
        drill_within_seconds: seconds(args.drill_within),
        allow_force: args.allow_force,
    };
    let environment = session.settings.environment.clone();
    let change = Change::SetPromotionRules(v1::SetPromotionRules { environment, rules: Some(rules) });
    let told = Told::here(
        Subject::Promotion("the rules for promotions".to_owned()),
        "promotion rules set",
        "set the rules for promotions".to_owned(),
    );
    submit(Submission::of(change, told), args.write, session).await
}

async fn approve(args: ApproveArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("approved {} for use", args.flag);
    let mut told = Told::here(Subject::Flag(args.flag.clone()), "promotion approve", deed);
    told.environment = Some(args.to.clone());
    let change = Change::ApprovePromotion(v1::ApprovePromotion { flag: args.flag, to: args.to });
    submit(Submission::of(change, told), args.write, session).await
}

async fn check(args: CheckArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let CheckArgs { flag, item, to, write } = args;
    let deed = format!("ticked off `{item}` of {flag} for use");
    let mut told = Told::here(Subject::Flag(flag.clone()), "promotion check", deed);
    told.environment = Some(to.clone());
    let change = Change::TickPromotion(v1::TickPromotion { flag, to, item });
    submit(Submission::of(change, told), write, session).await
}

async fn status(args: PromotionStatusArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let from = args.from.unwrap_or_default();
    let view = ask(&connection, session, &args.flags, (&from, &args.to)).await?;
    session.show(&view)?;
    Ok(if view.promotions.iter().all(|promotion| promotion.ready) { Exit::Done } else { Exit::No })
}

/// How far each of the flags is.
async fn ask(
    connection: &Connection,
    session: &Session<'_>,
    flags: &[String],
    (from, to): (&str, &str),
) -> Result<PromotionsView, Failure> {
    let mut promotions = Vec::new();
    for flag in flags {
        let request = v1::GetPromotionRequest {
            flag: flag.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
            requester: session.settings.actor.clone(),
        };
        let answer = connection.answer(connection.promotions().get_promotion(request)).await?;
        promotions.push(PromotionView::of(answer));
    }
    Ok(PromotionsView { promotions })
}

pub(crate) async fn promote(args: PromoteArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let PromoteArgs { flags, from, to, force, status: only_status, write } = args;
    if only_status {
        return status(PromotionStatusArgs { flags, from, to }, session).await;
    }
    let connection = session.connection()?;
    let from = match from {
        Some(from) => from,
        None => {
            let first = flags.get(..1).unwrap_or_default();
            let asked = ask(&connection, session, first, ("", &to)).await?;
            asked.promotions.into_iter().next().map(|promotion| promotion.from).unwrap_or_default()
        }
    };
    let promotion = |flag: &String| {
        Change::Promote(v1::Promote { flag: flag.clone(), from: from.clone(), to: to.clone(), force })
    };
    let changes = flags.iter().map(promotion).collect();
    let answer = match send(changes, &write, &connection, session).await {
        Err(failure) if is_not_ready(&failure) && session.terminal.is_for_people() => {
            session.show(&ask(&connection, session, &flags, (&from, &to)).await?)?;
            return Err(failure);
        }
        answer => answer?,
    };
    let subject = flags.join(", ");
    let verb = if force { "BREAK GLASS: promoted" } else { "promoted" };
    let deed = format!("{verb} {subject} from {from}, now");
    let mut told = Told::here(Subject::Flag(subject), "promote", deed);
    told.environment = Some(to);
    present(answer, told, write, &connection, session).await
}

fn is_not_ready(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { reason: Some(reason), .. } if reason == "PROMOTION_NOT_READY")
}
