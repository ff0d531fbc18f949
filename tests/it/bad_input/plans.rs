//! Rollout plans, promotions, incidents and drills.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::act_on_plan::Act;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::plan_service_client::PlanServiceClient;
use mycelia_flags_proto::v1::rollback::Kind as Way;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::stage::Stage;
use super::{A_FLAG, Case, invalid, not_found, precondition};
use crate::server::create;

const ENVIRONMENTS: &str = "one of development, staging, production";
const A_PLAN: &str = "the key of a plan that exists";

/// A plan of two stages over a flag of its own, held for an hour and with a gate.
fn plan(key: &str) -> v1::Plan {
    let stage = |name: &str, percent: f64| v1::Stage {
        name: name.to_owned(),
        set: vec![set("woken", percent)],
        hold_seconds: 3_600,
        gate: Some(v1::Gate {
            approvals: 1,
            checks: vec!["error_rate < 2%".to_owned()],
            checklist: vec!["zero bugs".to_owned()],
            ..v1::Gate::default()
        }),
        ..v1::Stage::default()
    };
    v1::Plan {
        key: key.to_owned(),
        environment: "production".to_owned(),
        first_day: 1,
        stages: vec![stage("first", 10.0), stage("second", 50.0)],
        ladder: Some(ladder(&[50.0, 0.0])),
        ..v1::Plan::default()
    }
}

fn set(flag: &str, percent: f64) -> v1::StageTarget {
    v1::StageTarget { flag: flag.to_owned(), target: Some(v1::stage_target::Target::Percent(percent)) }
}

fn ladder(percents: &[f64]) -> v1::Ladder {
    v1::Ladder { percents: percents.to_vec(), every_seconds: 600 }
}

fn set_plan(plan: v1::Plan) -> Kind {
    Kind::SetPlan(v1::SetPlan { plan: Some(plan) })
}

fn act(plan: &str, act: Act) -> Kind {
    Kind::ActOnPlan(v1::ActOnPlan { plan: plan.to_owned(), act: Some(act) })
}

fn deed(plan: &str, deed: v1::PlanDeed) -> Kind {
    act(plan, Act::Deed(deed.into()))
}

fn way(kind: Way) -> v1::Rollback {
    v1::Rollback { kind: Some(kind) }
}

/// One plan that is held in its first stage, and one that nobody has started.
pub(super) async fn set_up(stage: &mut Stage) {
    let mut draft = plan("draft");
    draft.stages =
        vec![v1::Stage { name: "only".to_owned(), set: vec![set("drafted", 5.0)], ..v1::Stage::default() }];
    let rules = v1::PromotionRules {
        from: "staging".to_owned(),
        soak_seconds: 3_600,
        checklist: vec!["tested".to_owned()],
        ..v1::PromotionRules::default()
    };
    let rules = v1::SetPromotionRules { environment: "production".to_owned(), rules: Some(rules) };
    let changes = vec![
        create("woken"),
        create("drafted"),
        set_plan(plan("awake")),
        set_plan(draft),
        deed("awake", v1::PlanDeed::Start),
        Kind::SetPromotionRules(rules),
    ];
    stage.admin.apply(changes).await;
}

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    [definitions(), acts(), rollbacks(stage), promotions(), incidents()].into_iter().flatten().collect()
}

/// Reports that there are none of; answers what was asked and how it was refused.
pub(super) async fn reports(stage: &Stage) -> Vec<(Code, String)> {
    let mut plans = PlanServiceClient::new(stage.channel().await);
    let mut refusals = Vec::new();
    for (plan, day) in [("gone", None), ("draft", None), ("awake", Some(0)), ("awake", Some(2))] {
        let request = v1::ReportPlanRequest { plan: plan.to_owned(), day };
        let status = plans.report_plan(request).await.unwrap_err();
        let details = status.get_details_bad_request().unwrap();
        let said = details.field_violations.iter();
        let said = said.map(|violation| format!("{}: {}", violation.field, violation.description));
        refusals.push((status.code(), said.collect::<Vec<_>>().join("; ")));
    }
    refusals
}

fn definitions() -> Vec<Case> {
    let with = |edit: &dyn Fn(&mut v1::Plan)| {
        let mut plan = plan("new");
        plan.stages.truncate(1);
        plan.stages[0].set = vec![set("base", 5.0)];
        edit(&mut plan);
        set_plan(plan)
    };
    let staged = |flag: &'static str| with(&move |plan| plan.stages[0].set[0].flag = flag.to_owned());
    let day = v1::stage::Start::Day;
    vec![
        not_found(
            staged("nowhere"),
            "UNKNOWN_FLAG",
            "set_plan.plan.stages[0].set[0].flag",
            "nowhere",
            A_FLAG,
        ),
        precondition(
            staged("woken"),
            "PLAN_CONFLICT",
            "set_plan.plan.stages[0].set[0].flag",
            "woken",
            "a flag that no other plan moves in production; plan awake does",
        ),
        invalid(
            with(&|plan| plan.stages[0].set = vec![set("base", 120.0)]),
            "OUT_OF_RANGE",
            "set_plan.plan.stages[0].set[0].percent",
            "120",
            "0 to 100 with at most three decimals",
        ),
        invalid(
            with(&|plan| plan.ladder = Some(ladder(&[25.0, 50.0]))),
            "OUT_OF_RANGE",
            "set_plan.plan.ladder.percents[1]",
            "50",
            "a percentage below the one before it",
        ),
        invalid(
            with(&|plan| plan.stages[0].start = Some(day(0))),
            "OUT_OF_RANGE",
            "set_plan.plan.stages[0].at",
            "0",
            "day 1 to 732",
        ),
        invalid(
            with(&|plan| plan.stages.clear()),
            "REQUIRED",
            "set_plan.plan.stages",
            "0",
            "1 to 100 stages",
        ),
        precondition(
            set_plan(plan("awake")),
            "PLAN_STATE",
            "set_plan.plan.key",
            "awake",
            "a plan that is not under way; it is holding: cancel it first",
        ),
        precondition(
            Kind::DeletePlan(v1::DeletePlan { plan: "awake".to_owned() }),
            "PLAN_STATE",
            "delete_plan.plan",
            "awake",
            "a plan that is not under way; it is holding: cancel it first",
        ),
        not_found(
            Kind::DeletePlan(v1::DeletePlan { plan: "gone".to_owned() }),
            "UNKNOWN_PLAN",
            "delete_plan.plan",
            "gone",
            A_PLAN,
        ),
    ]
}

fn acts() -> Vec<Case> {
    let state = |change: Kind, plan: &str, allowed: &str| {
        precondition(change, "PLAN_STATE", "act_on_plan.plan", plan, allowed)
    };
    let tick = |item: &str| act("awake", Act::Tick(v1::ChecklistPoint { item: item.to_owned() }));
    let report = |metric: &str, value: &str| {
        act("awake", Act::Report(v1::MetricReport { metric: metric.to_owned(), value: value.to_owned() }))
    };
    let step = v1::PlanStep { step: Some(v1::plan_step::Step::Enter(1)) };
    let known = "a known deed: start, approve, go, no-go, pause, resume, acknowledge or cancel (1 to 8)";
    vec![
        not_found(deed("gone", v1::PlanDeed::Go), "UNKNOWN_PLAN", "act_on_plan.plan", "gone", A_PLAN),
        invalid(act("awake", Act::Deed(99)), "OUT_OF_RANGE", "act_on_plan.deed", "99", known),
        state(deed("draft", v1::PlanDeed::Go), "draft", "a plan that is in a stage; it is draft: applied"),
        state(
            deed("awake", v1::PlanDeed::Start),
            "awake",
            "a plan that has not started; it is holding: started by test",
        ),
        state(
            deed("awake", v1::PlanDeed::Resume),
            "awake",
            "a plan that is paused, or latched and acknowledged; it is holding: started by test",
        ),
        state(
            deed("awake", v1::PlanDeed::Acknowledge),
            "awake",
            "a plan that was rolled back; it is holding: started by test",
        ),
        invalid(
            tick("seven"),
            "NOT_APPLICABLE",
            "act_on_plan.tick.item",
            "seven",
            "a point of the stage's checklist, or its number: 1 zero bugs",
        ),
        invalid(
            report("weather", "3"),
            "NOT_APPLICABLE",
            "act_on_plan.report.metric",
            "weather",
            "a metric that the stage or a guard asks for: error_rate",
        ),
        invalid(
            report("error_rate", "lots"),
            "WRONG_TYPE",
            "act_on_plan.report.value",
            "lots",
            "a number of percent",
        ),
        invalid(
            report("error_rate", "80ms"),
            "WRONG_TYPE",
            "act_on_plan.report.value",
            "80ms",
            "a number of percent",
        ),
        invalid(
            act("awake", Act::Step(step)),
            "RESERVED",
            "act_on_plan.step",
            "",
            "only the server itself may ask for this",
        ),
    ]
}

fn rollbacks(stage: &Stage) -> Vec<Case> {
    let flags = |environment: &str, flags: &[&str], kind: Way| {
        let (environment, rollback) = (environment.to_owned(), Some(way(kind)));
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        Kind::RollBack(v1::RollBackFlags { environment, flags, rollback })
    };
    let zero = || Way::ToZero(v1::RollbackToZero {});
    vec![
        invalid(
            act("awake", Act::RollBack(way(Way::Gradual(ladder(&[10.0, 10.0]))))),
            "OUT_OF_RANGE",
            "act_on_plan.roll_back.gradual.percents[1]",
            "10",
            "a percentage below the one before it",
        ),
        invalid(
            flags("production", &[], zero()),
            "REQUIRED",
            "roll_back.flags",
            "0",
            "the flags that go back",
        ),
        invalid(
            flags("production", &["dreams"], Way::Gradual(ladder(&[0.0]))),
            "NOT_APPLICABLE",
            "roll_back.rollback",
            "gradual",
            "disable, to_zero, segments or canary_off; a gradual rollback is a plan's",
        ),
        not_found(
            flags("production", &["dreams", "nowhere"], zero()),
            "UNKNOWN_FLAG",
            "roll_back.flags[1]",
            "nowhere",
            A_FLAG,
        ),
        not_found(
            flags("mars", &["dreams"], zero()),
            "UNKNOWN_ENVIRONMENT",
            "roll_back.environment",
            "mars",
            ENVIRONMENTS,
        ),
        precondition(
            flags("production", &["archived"], zero()),
            "FLAG_ARCHIVED",
            "roll_back.flags[0]",
            "archived",
            stage.archived(),
        ),
    ]
}

fn promotions() -> Vec<Case> {
    let promote = |flag: &str, from: &str, to: &str| {
        let (flag, from, to) = (flag.to_owned(), from.to_owned(), to.to_owned());
        Kind::Promote(v1::Promote { flag, from, to, force: false })
    };
    let approve = |to: &str| {
        Kind::ApprovePromotion(v1::ApprovePromotion { flag: "dreams".to_owned(), to: to.to_owned() })
    };
    let tick = |item: &str| {
        let (flag, to) = ("dreams".to_owned(), "production".to_owned());
        Kind::TickPromotion(v1::TickPromotion { flag, to, item: item.to_owned() })
    };
    vec![
        not_found(
            promote("dreams", "staging", "mars"),
            "UNKNOWN_ENVIRONMENT",
            "promote.to",
            "mars",
            ENVIRONMENTS,
        ),
        invalid(
            promote("dreams", "staging", "staging"),
            "NOT_APPLICABLE",
            "promote.to",
            "staging",
            "another environment than staging",
        ),
        precondition(
            promote("dreams", "staging", "production"),
            "PROMOTION_NOT_READY",
            "promote",
            "dreams",
            "soak: 0h of 1h; dreams is disabled in staging",
        )
        .and("PROMOTION_NOT_READY", "promote", "dreams", "not ticked off: tested"),
        invalid(
            approve("staging"),
            "NOT_APPLICABLE",
            "approve_promotion.to",
            "staging",
            "an environment with promotion rules; staging has none and takes over whatever comes",
        ),
        invalid(
            approve("production"),
            "NOT_APPLICABLE",
            "approve_promotion.to",
            "production",
            "an environment whose rules ask for approvals; those of production ask for none",
        ),
        invalid(
            tick("2"),
            "NOT_APPLICABLE",
            "tick_promotion.item",
            "2",
            "a point of the checklist of production, or its number: 1 tested",
        ),
    ]
}

fn incidents() -> Vec<Case> {
    let open = |flags: &[&str], severity: i32, what: &str| {
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        let environment = "production".to_owned();
        Kind::OpenIncident(v1::OpenIncident { environment, flags, severity, what: what.to_owned() })
    };
    let critical: i32 = v1::IncidentSeverity::Critical.into();
    let close = |what| Kind::CloseIncident(v1::CloseIncident { what: Some(what) });
    vec![
        invalid(
            open(&["dreams"], 9, "voice cuts out"),
            "OUT_OF_RANGE",
            "open_incident.severity",
            "9",
            "info (1), warning (2) or critical (3)",
        ),
        invalid(
            open(&[], critical, "voice cuts out"),
            "REQUIRED",
            "open_incident.flags",
            "0",
            "1 to 200 flags",
        ),
        invalid(
            open(&["dreams"], critical, " "),
            "REQUIRED",
            "open_incident.what",
            " ",
            "what went wrong, in words",
        ),
        not_found(
            close(v1::close_incident::What::Incident(3)),
            "UNKNOWN_INCIDENT",
            "close_incident.incident",
            "3",
            "the number of an open incident: the revision that opened it",
        ),
    ]
}
