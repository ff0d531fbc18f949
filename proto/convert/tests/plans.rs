//! Rollout plans and what is done to them, as the wire may carry them.

use mycelia_flags_core::change::{Change, PlanAct};
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, PlanKey, SegmentKey, VariantName};
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_core::plan::runner::Step;
use mycelia_flags_core::plan::{
    Gate, GuardAction, Ladder, OnComplete, PlanDefinition, PlanGuard, RollbackKind, Stage, StageCanary,
    StageStart, Target,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::models::{boxed_texts, texts, timestamps, values};

/// What a check's text says is its own test; here are some that use every clause.
fn checks() -> impl Strategy<Value = MetricCheck> {
    let texts = select(vec![
        "error_rate < 2% over 1h",
        "latency.p95 > 5000ms for 10m",
        "requests >= 10 of maya.voice in ui over 1d1h1m1s",
        "latency.mean <= 20% versus control min_samples 500",
        "user_satisfaction > -4.25 versus baseline",
    ]);
    texts.prop_map(|text| MetricCheck::parse(text).unwrap())
}

fn ladders() -> impl Strategy<Value = Ladder> {
    (vec(any::<f64>(), 0..3), any::<u64>())
        .prop_map(|(percents, every_seconds)| Ladder { percents, every_seconds })
}

fn rollbacks() -> impl Strategy<Value = RollbackKind> {
    let segments = vec(texts().prop_map(|key| SegmentKey::new(&key)), 0..3);
    prop_oneof![
        Just(RollbackKind::Disable),
        Just(RollbackKind::ToZero),
        ladders().prop_map(RollbackKind::Gradual),
        segments.prop_map(RollbackKind::Segments),
        Just(RollbackKind::CanaryOff),
    ]
}

fn targets() -> impl Strategy<Value = Target> {
    let share = (texts().prop_map(|key| SegmentKey::new(&key)), any::<f64>());
    prop_oneof![
        any::<f64>().prop_map(Target::Percent),
        (any::<f64>(), any::<f64>()).prop_map(|(from, to)| Target::Band { from, to }),
        (vec(share, 0..3), option::of(any::<f64>()))
            .prop_map(|(shares, rest)| Target::Matrix { shares, rest }),
        texts().prop_map(|name| Target::Variant(VariantName::new(&name))),
        values().prop_map(Target::Value),
        Just(Target::Disabled),
    ]
}

fn stages() -> impl Strategy<Value = Stage> {
    let start = prop_oneof![
        Just(StageStart::Next),
        any::<u32>().prop_map(StageStart::Day),
        timestamps().prop_map(StageStart::At),
    ];
    let set = vec((texts().prop_map(|key| FlagKey::new(&key)), targets()), 0..3);
    let canary = (option::of(any::<bool>()), vec(boxed_texts(), 0..2), vec(boxed_texts(), 0..2))
        .prop_map(|(on, add, remove)| StageCanary { on, add, remove });
    let gate = (any::<u32>(), any::<bool>(), vec(checks(), 0..2), vec(boxed_texts(), 0..2)).prop_map(
        |(approvals, go, checks, checklist)| Gate { approvals, go, checks, checklist, ..Gate::default() },
    );
    let lengths = (any::<u64>(), any::<u64>(), option::of(any::<u64>()), option::of(any::<u64>()));
    let words = (boxed_texts(), boxed_texts(), option::of("[a-z]{1,6}"));
    (words, start, set, canary, gate, lengths).prop_map(
        |((name, description, environment), start, set, canary, gate, lengths)| Stage {
            name,
            description,
            environment: environment.as_deref().map(EnvironmentKey::new),
            start,
            set,
            canary,
            hold_seconds: lengths.0,
            gate: Gate { soak_seconds: lengths.1, drill_within_seconds: lengths.2, ..gate },
            rollback_within_seconds: lengths.3,
        },
    )
}

pub(super) fn plans() -> impl Strategy<Value = PlanDefinition> {
    let action = prop_oneof![
        Just(GuardAction::Alert),
        Just(GuardAction::Pause),
        rollbacks().prop_map(GuardAction::Rollback),
    ];
    let flags = vec(texts().prop_map(|key| FlagKey::new(&key)), 0..2);
    let guard = (checks(), flags, action).prop_map(|(when, flags, action)| PlanGuard { when, flags, action });
    let on_complete = (option::of(any::<u64>()), any::<bool>(), vec(boxed_texts(), 0..2)).prop_map(
        |(remove_flags_after_seconds, canary_off, notes)| OnComplete {
            remove_flags_after_seconds,
            canary_off,
            notes,
        },
    );
    let words = (texts(), boxed_texts(), boxed_texts(), texts());
    let lists = (vec(stages(), 0..3), vec(guard, 0..2), vec(boxed_texts(), 0..2));
    let times = (option::of(timestamps()), any::<u32>());
    (words, times, lists, ladders(), on_complete).prop_map(
        |((key, description, owner, environment), (starts_at, first_day), lists, ladder, on_complete)| {
            let (stages, guards, notes) = lists;
            PlanDefinition {
                key: PlanKey::new(&key),
                description,
                owner,
                environment: EnvironmentKey::new(&environment),
                starts_at,
                first_day,
                stages,
                guards,
                ladder,
                on_complete,
                notes,
            }
        },
    )
}

fn acts() -> impl Strategy<Value = PlanAct> {
    let step = prop_oneof![
        Just(Step::Start),
        any::<u32>().prop_map(|stage| Step::Enter { stage }),
        texts().prop_map(|missing| Step::AwaitGate { missing }),
        Just(Step::AwaitDate),
        Just(Step::Complete),
        (any::<u32>(), any::<f64>()).prop_map(|(guard, value)| Step::Trip { guard, value }),
        any::<u32>().prop_map(|rung| Step::Descend { rung }),
        texts().prop_map(|reason| Step::Rest { reason }),
        Just(Step::ClockWentBack),
        texts().prop_map(|reason| Step::Block { reason }),
        (any::<u32>(), any::<f64>()).prop_map(|(guard, value)| Step::Alert { guard, value }),
        any::<u32>().prop_map(|guard| Step::Quiet { guard }),
    ];
    let plain = select(vec![
        PlanAct::Start,
        PlanAct::Approve,
        PlanAct::Go,
        PlanAct::NoGo,
        PlanAct::Pause,
        PlanAct::Resume,
        PlanAct::Acknowledge,
        PlanAct::Cancel,
    ]);
    prop_oneof![
        plain,
        texts().prop_map(|item| PlanAct::Tick { item }),
        texts().prop_map(|item| PlanAct::Untick { item }),
        (texts(), texts()).prop_map(|(metric, value)| PlanAct::Report { metric, value }),
        rollbacks().prop_map(PlanAct::RollBack),
        step.prop_map(PlanAct::Step),
    ]
}

pub(super) fn plan_changes() -> BoxedStrategy<Change> {
    prop_oneof![
        plans().prop_map(|plan| Change::SetPlan(Box::new(plan))),
        texts().prop_map(|plan| Change::DeletePlan { plan }),
        (texts(), acts()).prop_map(|(plan, act)| Change::ActOnPlan { plan, act }),
        (texts(), vec(texts(), 0..3), rollbacks()).prop_map(|(environment, flags, kind)| Change::RollBack {
            environment,
            flags,
            kind
        }),
    ]
    .boxed()
}
