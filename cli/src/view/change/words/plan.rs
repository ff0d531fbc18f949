//! What was done to a rollout plan, in words.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::plan_step::Step;
use mycelia_flags_proto::v1::rollback::Kind;

pub(super) fn of_act(act: &v1::ActOnPlan) -> String {
    let plan = &act.plan;
    match &act.act {
        None => format!("act on plan {plan}"),
        Some(Act::Deed(number)) => of_deed(plan, v1::PlanDeed::try_from(*number).unwrap_or_default()),
        Some(Act::Tick(point)) => format!("tick off {} of plan {plan}", point.item),
        Some(Act::Untick(point)) => format!("reopen {} of plan {plan}", point.item),
        Some(Act::Report(report)) => format!("report {} {} to plan {plan}", report.metric, report.value),
        Some(Act::RollBack(back)) => format!("roll plan {plan} back{}", way_of(Some(back))),
        Some(Act::Step(step)) => of_step(plan, step),
    }
}

fn of_deed(plan: &str, deed: v1::PlanDeed) -> String {
    match deed {
        v1::PlanDeed::Start => format!("start plan {plan}"),
        v1::PlanDeed::Approve => format!("approve a stage of plan {plan}"),
        v1::PlanDeed::Go => format!("go for plan {plan}"),
        v1::PlanDeed::NoGo => format!("no-go for plan {plan}"),
        v1::PlanDeed::Pause => format!("pause plan {plan}"),
        v1::PlanDeed::Resume => format!("resume plan {plan}"),
        v1::PlanDeed::Acknowledge => format!("acknowledge the rollback of plan {plan}"),
        v1::PlanDeed::Cancel => format!("cancel plan {plan}"),
        v1::PlanDeed::Unspecified => format!("act on plan {plan}"),
    }
}

fn of_step(plan: &str, step: &v1::PlanStep) -> String {
    match &step.step {
        Some(Step::Start(_)) => format!("plan {plan} starts"),
        Some(Step::Enter(stage)) => format!("plan {plan} enters stage {}", stage.saturating_add(1)),
        Some(Step::AwaitGate(_)) => format!("plan {plan} waits for a gate"),
        Some(Step::AwaitDate(_)) => format!("plan {plan} waits for a date"),
        Some(Step::Complete(_)) => format!("plan {plan} is through"),
        Some(Step::Trip(trip)) => format!("a guard of plan {plan} trips at {}", trip.value),
        Some(Step::Descend(rung)) => format!("plan {plan} goes down to rung {}", rung.saturating_add(1)),
        Some(Step::Rest(_)) => format!("the ladder of plan {plan} ends"),
        Some(Step::ClockWentBack(_)) => format!("plan {plan} counts anew: the clock went back"),
        Some(Step::Block(_)) => format!("plan {plan} is blocked"),
        Some(Step::Alert(trip)) => {
            format!("guard {} of plan {plan} alerts at {}", trip.guard.saturating_add(1), trip.value)
        }
        Some(Step::Quiet(guard)) => {
            format!("guard {} of plan {plan} is quiet again", guard.saturating_add(1))
        }
        None => format!("plan {plan} goes on"),
    }
}

pub(super) fn of_roll_back(back: &v1::RollBackFlags) -> String {
    format!("roll back {}{}", back.flags.join(", "), way_of(back.rollback.as_ref()))
}

fn way_of(back: Option<&v1::Rollback>) -> String {
    match back.and_then(|back| back.kind.as_ref()) {
        None => String::new(),
        Some(Kind::Disable(_)) => ": disable".to_owned(),
        Some(Kind::ToZero(_)) => " to 0%".to_owned(),
        Some(Kind::Gradual(ladder)) => {
            let rungs: Vec<String> = ladder.percents.iter().map(|percent| format!("{percent}%")).collect();
            format!(" gradually: {}", rungs.join(", "))
        }
        Some(Kind::Segments(segments)) => format!(" for {}", segments.segments.join(", ")),
        Some(Kind::CanaryOff(_)) => ": canary off".to_owned(),
    }
}
