//! Rollout plans, where they are, and what is done to them.

use mycelia_flags_core::change::PlanAct;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, PlanKey, SegmentKey, ServiceName};
use mycelia_flags_core::plan::metric_check::{Comparison, MetricCheck, Unit, Versus};
use mycelia_flags_core::plan::progress::{
    Alert, Decision, Deed, Drift, Entry, PlanState, Progress, Reported, RollingBack, Tick,
};
use mycelia_flags_core::plan::runner::Step;
use mycelia_flags_core::plan::{
    Gate, GuardAction, Ladder, OnComplete, PlanDefinition, PlanGuard, RollbackKind, Stage, StageCanary,
    StageStart, Target,
};
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{moment, name, text, value};

fn boxed() -> impl Strategy<Value = Box<str>> {
    text().prop_map(Box::from)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), -1e9..1e9]
}

fn check() -> BoxedStrategy<MetricCheck> {
    let unit = select(vec![Unit::Plain, Unit::Percent, Unit::Milliseconds]);
    let versus = select(vec![Versus::Threshold, Versus::Control, Versus::Baseline]);
    let of = (option::of(text()), option::of(text()));
    let numbers = (number(), any::<u64>(), any::<u64>(), any::<u64>());
    (boxed(), select(&Comparison::ALL[..]), unit, versus, of, numbers)
        .prop_map(|(metric, comparison, unit, versus, (flag, service), numbers)| MetricCheck {
            metric,
            comparison,
            threshold: numbers.0,
            unit,
            flag: flag.as_deref().map(FlagKey::new),
            service: service.as_deref().map(ServiceName::new),
            window_seconds: numbers.1,
            sustained_seconds: numbers.2,
            versus,
            samples_min: numbers.3,
        })
        .boxed()
}

fn ladder() -> BoxedStrategy<Ladder> {
    (vec(number(), 0..3), any::<u64>())
        .prop_map(|(percents, every_seconds)| Ladder { percents, every_seconds })
        .boxed()
}

pub(super) fn rollback() -> BoxedStrategy<RollbackKind> {
    let segments = vec(text().prop_map(|key| SegmentKey::new(&key)), 0..3);
    prop_oneof![
        Just(RollbackKind::Disable),
        Just(RollbackKind::ToZero),
        ladder().prop_map(RollbackKind::Gradual),
        segments.prop_map(RollbackKind::Segments),
        Just(RollbackKind::CanaryOff),
    ]
    .boxed()
}

fn target() -> BoxedStrategy<Target> {
    let share = (text().prop_map(|key| SegmentKey::new(&key)), number());
    prop_oneof![
        number().prop_map(Target::Percent),
        (number(), number()).prop_map(|(from, to)| Target::Band { from, to }),
        (vec(share, 0..3), option::of(number())).prop_map(|(shares, rest)| Target::Matrix { shares, rest }),
        name().prop_map(Target::Variant),
        value().prop_map(Target::Value),
        Just(Target::Disabled),
    ]
    .boxed()
}

fn gate() -> BoxedStrategy<Gate> {
    let lists = (vec(check(), 0..2), vec(boxed(), 0..3));
    (any::<u32>(), any::<bool>(), lists, any::<u64>(), option::of(any::<u64>()))
        .prop_map(|(approvals, go, (checks, checklist), soak_seconds, drill_within_seconds)| Gate {
            approvals,
            go,
            checks,
            checklist,
            soak_seconds,
            drill_within_seconds,
        })
        .boxed()
}

fn stage() -> BoxedStrategy<Stage> {
    let start = prop_oneof![
        Just(StageStart::Next),
        any::<u32>().prop_map(StageStart::Day),
        moment().prop_map(StageStart::At),
    ];
    let set = vec((text().prop_map(|key| FlagKey::new(&key)), target()), 0..3);
    let canary = (option::of(any::<bool>()), vec(boxed(), 0..2), vec(boxed(), 0..2))
        .prop_map(|(on, add, remove)| StageCanary { on, add, remove });
    let words = (boxed(), boxed(), option::of(text()));
    (words, start, set, canary, any::<u64>(), gate(), option::of(any::<u64>()))
        .prop_map(|((name, description, environment), start, set, canary, hold_seconds, gate, within)| {
            Stage {
                name,
                description,
                environment: environment.as_deref().map(EnvironmentKey::new),
                start,
                set,
                canary,
                hold_seconds,
                gate,
                rollback_within_seconds: within,
            }
        })
        .boxed()
}

pub(super) fn definition() -> BoxedStrategy<PlanDefinition> {
    let action = prop_oneof![
        Just(GuardAction::Alert),
        Just(GuardAction::Pause),
        rollback().prop_map(GuardAction::Rollback),
    ];
    let flags = || vec(text().prop_map(|key| FlagKey::new(&key)), 0..2);
    let guard =
        (check(), flags(), action).prop_map(|(when, flags, action)| PlanGuard { when, flags, action });
    let on_complete = (option::of(any::<u64>()), any::<bool>(), vec(boxed(), 0..2)).prop_map(
        |(remove_flags_after_seconds, canary_off, notes)| OnComplete {
            remove_flags_after_seconds,
            canary_off,
            notes,
        },
    );
    let words = (text(), boxed(), boxed(), text());
    let lists = (vec(stage(), 0..3), vec(guard, 0..2), vec(boxed(), 0..2));
    (words, option::of(moment()), any::<u32>(), lists, ladder(), on_complete)
        .prop_map(
            |(
                (key, description, owner, environment),
                starts_at,
                first_day,
                (stages, guards, notes),
                ladder,
                end,
            )| {
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
                    on_complete: end,
                    notes,
                }
            },
        )
        .boxed()
}

fn deed() -> BoxedStrategy<Deed> {
    (boxed(), moment(), any::<u64>(), boxed())
        .prop_map(|(by, at, revision, note)| Deed { by, at, revision: Revision::new(revision), note })
        .boxed()
}

fn state() -> impl Strategy<Value = PlanState> {
    select(&PlanState::ALL[..])
}

fn rolling_back() -> BoxedStrategy<RollingBack> {
    let flags = vec(text().prop_map(|key| FlagKey::new(&key)), 0..2);
    let length = (option::of(moment()), option::of(any::<u64>()));
    (rollback(), flags, any::<u32>(), moment(), deed(), option::of(check()), length)
        .prop_map(|(kind, flags, rung, rung_at, deed, cause, (ended_at, within_seconds))| RollingBack {
            kind,
            flags,
            rung,
            rung_at,
            deed,
            cause,
            ended_at,
            within_seconds,
        })
        .boxed()
}

pub(super) fn progress() -> BoxedStrategy<Progress> {
    let entry = (any::<u32>(), moment(), any::<u64>()).prop_map(|(stage, at, revision)| Entry {
        stage,
        at,
        revision: Revision::new(revision),
    });
    let decision = (any::<bool>(), deed()).prop_map(|(go, deed)| Decision { go, deed });
    let tick = (boxed(), deed()).prop_map(|(item, deed)| Tick { item, deed });
    let reported =
        (boxed(), number(), deed()).prop_map(|(subject, value, deed)| Reported { subject, value, deed });
    let drift =
        (text(), text(), boxed(), boxed(), deed()).prop_map(|(environment, flag, actual, target, deed)| {
            Drift {
                environment: EnvironmentKey::new(&environment),
                flag: FlagKey::new(&flag),
                actual,
                target,
                deed,
            }
        });
    let moments = (moment(), moment(), any::<u32>());
    let deeds = (option::of(deed()), option::of(deed()), option::of(deed()), vec(deed(), 0..2));
    let alert = (any::<u32>(), number(), moment(), any::<u64>()).prop_map(|(guard, value, at, revision)| {
        Alert { guard, value, at, revision: Revision::new(revision) }
    });
    let said =
        (option::of(decision), vec(tick, 0..2), vec(reported, 0..2), vec(drift, 0..2), vec(alert, 0..2));
    let back = (option::of(state()), option::of(rolling_back()));
    (state(), (boxed(), boxed()), moments, deeds, (vec(entry, 0..3), said), back)
        .prop_map(
            |(
                state,
                (reason, blocked),
                (since, hold_from, stage),
                deeds,
                (entered, said),
                (paused_in, rollback),
            )| {
                let (applied, started, acknowledged, approvals) = deeds;
                let (decision, ticks, reported, drift, alerts) = said;
                Progress {
                    state,
                    since,
                    reason,
                    applied,
                    started,
                    stage,
                    hold_from,
                    entered,
                    approvals,
                    decision,
                    ticks,
                    reported,
                    drift,
                    paused_in,
                    rollback,
                    acknowledged,
                    blocked,
                    alerts,
                }
            },
        )
        .boxed()
}

pub(super) fn act() -> BoxedStrategy<PlanAct> {
    let step = prop_oneof![
        Just(Step::Start),
        any::<u32>().prop_map(|stage| Step::Enter { stage }),
        text().prop_map(|missing| Step::AwaitGate { missing }),
        Just(Step::AwaitDate),
        Just(Step::Complete),
        (any::<u32>(), number()).prop_map(|(guard, value)| Step::Trip { guard, value }),
        any::<u32>().prop_map(|rung| Step::Descend { rung }),
        text().prop_map(|reason| Step::Rest { reason }),
        Just(Step::ClockWentBack),
        text().prop_map(|reason| Step::Block { reason }),
        (any::<u32>(), number()).prop_map(|(guard, value)| Step::Alert { guard, value }),
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
        text().prop_map(|item| PlanAct::Tick { item }),
        text().prop_map(|item| PlanAct::Untick { item }),
        (text(), text()).prop_map(|(metric, value)| PlanAct::Report { metric, value }),
        rollback().prop_map(PlanAct::RollBack),
        step.prop_map(PlanAct::Step),
    ]
    .boxed()
}
