//! Guards: what was asked, what was set, and what came of them.

use std::sync::Arc;

use mycelia_flags_core::change::{AcknowledgeGuard, Change, SetGuard, StepGuard};
use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::guard::state::{
    Evidence, GuardPhase, GuardState, Observed, Recovery, RecoveryVerdict, Statement, Taken, Trip,
};
use mycelia_flags_core::guard::watch::GuardStep;
use mycelia_flags_core::guard::{Guard, GuardKey, GuardTarget};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::{EnvironmentKey, FeatureKey, FlagKey, PlanKey, ServiceName};
use mycelia_flags_core::observation::measurement::{InstanceShare, Measurement, Reference};
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::plans::{check, number, rollback};
use super::promotion::deed;
use super::{moment, text};

pub(super) fn change() -> BoxedStrategy<Change> {
    let set = (set_guard(), option::of(any::<u64>())).prop_map(|(guard, recovery_after_seconds)| {
        Change::SetGuard(Box::new(SetGuard { recovery_after_seconds, ..guard }))
    });
    prop_oneof![
        set,
        (text(), any::<bool>()).prop_map(|(guard, force)| Change::DeleteGuard { guard, force }),
        text().prop_map(|guard| Change::AcknowledgeGuard(AcknowledgeGuard::Guard(guard))),
        (text(), text()).prop_map(|(environment, flag)| {
            Change::AcknowledgeGuard(AcknowledgeGuard::OfFlag { environment, flag })
        }),
        (text(), step()).prop_map(|(guard, step)| Change::StepGuard(Box::new(StepGuard { guard, step }))),
    ]
    .boxed()
}

pub(super) fn write() -> BoxedStrategy<Write> {
    prop_oneof![
        text().prop_map(|key| Write { id: EntityId::Guard(GuardKey::new(&key)), value: None }),
        (set_guard(), any::<u64>(), deed()).prop_map(|(asked, recovery_after_seconds, set)| {
            let guard = guard(&asked, recovery_after_seconds, set);
            Write { id: EntityId::Guard(guard.key.clone()), value: Some(Entity::Guard(Arc::new(guard))) }
        }),
        (text(), option::of(state())).prop_map(|(key, state)| Write {
            id: EntityId::GuardState(GuardKey::new(&key)),
            value: state.map(|state| Entity::GuardState(Arc::new(state))),
        }),
    ]
    .boxed()
}

fn set_guard() -> BoxedStrategy<SetGuard> {
    let action = prop_oneof![
        Just(GuardAction::Alert),
        Just(GuardAction::Pause),
        rollback().prop_map(GuardAction::Rollback)
    ];
    let target = prop_oneof![
        vec(text(), 0..3).prop_map(|flags| (flags, String::new())),
        text().prop_map(|feature| (Vec::new(), feature)),
    ];
    let words = (text(), text(), vec(text(), 0..3));
    (text(), text(), target, check(), select(&Severity::ALL[..]), action, words)
        .prop_map(|(guard, environment, (flags, feature), when, severity, action, words)| {
            let (description, owner, notify) = words;
            SetGuard {
                guard,
                environment,
                flags,
                feature,
                when,
                severity,
                action,
                recovery_after_seconds: None,
                description,
                owner,
                notify,
            }
        })
        .boxed()
}

fn guard(
    asked: &SetGuard,
    recovery_after_seconds: u64,
    set: mycelia_flags_core::plan::progress::Deed,
) -> Guard {
    let target = if asked.feature.is_empty() {
        GuardTarget::Flags(asked.flags.iter().map(|flag| FlagKey::new(flag)).collect())
    } else {
        GuardTarget::Feature(FeatureKey::new(&asked.feature))
    };
    Guard {
        key: GuardKey::new(&asked.guard),
        environment: EnvironmentKey::new(&asked.environment),
        target,
        when: asked.when.clone(),
        severity: asked.severity,
        action: asked.action.clone(),
        recovery_after_seconds,
        description: Box::from(asked.description.as_str()),
        owner: Box::from(asked.owner.as_str()),
        notify: asked.notify.iter().map(|name| Box::from(name.as_str())).collect(),
        set,
    }
}

fn state() -> BoxedStrategy<GuardState> {
    let recovery = prop_oneof![
        Just(Recovery::None),
        moment().prop_map(|until| Recovery::Pending { until }),
        (statement(), moment()).prop_map(|(statement, at)| Recovery::Stated { statement, at }),
    ];
    let acknowledged = (option::of(deed()), option::of(moment()));
    (select(&GuardPhase::ALL[..]), moment(), option::of(trip()), any::<u64>(), acknowledged, recovery, text())
        .prop_map(|(phase, since, trip, trips, (acknowledged, armed_from), recovery, blocked)| GuardState {
            phase,
            since,
            trip,
            trips,
            acknowledged,
            armed_from,
            recovery,
            blocked: blocked.into(),
        })
        .boxed()
}

fn trip() -> BoxedStrategy<Trip> {
    let taken = (text(), text())
        .prop_map(|(flag, before)| Taken { flag: FlagKey::new(&flag), before: before.into() });
    let plans = vec(text().prop_map(|plan| PlanKey::new(&plan)), 0..2);
    (deed(), check(), observed(), vec(taken, 0..3), plans, option::of(moment()))
        .prop_map(|(deed, condition, observed, taken, plans, changed_at)| Trip {
            deed,
            evidence: Evidence { condition, observed },
            taken,
            plans,
            changed_at,
        })
        .boxed()
}

fn statement() -> impl Strategy<Value = Statement> {
    (select(&RecoveryVerdict::ALL[..]), option::of(number()), option::of(number()))
        .prop_map(|(verdict, value, baseline)| Statement { verdict, value, baseline })
}

fn observed() -> impl Strategy<Value = Observed> {
    (number(), option::of(measurement())).prop_map(|(value, measurement)| Observed { value, measurement })
}

/// What a metric was measured to be.
pub(super) fn measurement() -> BoxedStrategy<Measurement> {
    let reference = (number(), number(), any::<u64>()).prop_map(|(value, compared, samples)| Reference {
        value,
        compared,
        samples,
    });
    let share = (text(), text(), number(), any::<u64>()).prop_map(|(service, instance, value, samples)| {
        InstanceShare { service: ServiceName::new(&service), instance: instance.into(), value, samples }
    });
    (number(), any::<u64>(), moment(), moment(), option::of(reference), vec(share, 0..3))
        .prop_map(|(value, samples, from, until, reference, instances)| Measurement {
            value,
            samples,
            from,
            until,
            reference,
            instances,
        })
        .boxed()
}

fn step() -> BoxedStrategy<GuardStep> {
    prop_oneof![
        (any::<u64>(), observed()).prop_map(|(judged_at, observed)| GuardStep::Trip {
            judged_at: Revision::new(judged_at),
            observed
        }),
        observed().prop_map(|observed| GuardStep::Fire { observed }),
        number().prop_map(|value| GuardStep::Quiet { value }),
        statement().prop_map(|statement| GuardStep::StateRecovery { statement }),
        Just(GuardStep::ClockWentBack),
        text().prop_map(|reason| GuardStep::Block { reason }),
    ]
    .boxed()
}
