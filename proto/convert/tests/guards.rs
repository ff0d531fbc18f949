//! Guards, as they may be asked.

use mycelia_flags_core::change::{AcknowledgeGuard, Change, SetGuard, StepGuard};
use mycelia_flags_core::guard::state::{Observed, RecoveryVerdict, Statement};
use mycelia_flags_core::guard::watch::GuardStep;
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::ServiceName;
use mycelia_flags_core::observation::measurement::{InstanceShare, Measurement, Reference};
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::models::{texts, timestamps};
use super::plans::{checks, rollbacks};
use super::promotion::check_fault;
use crate::v1;
use crate::v1::change::Change as WireChange;

fn set_guards() -> impl Strategy<Value = SetGuard> {
    let action = prop_oneof![
        Just(GuardAction::Alert),
        Just(GuardAction::Pause),
        rollbacks().prop_map(GuardAction::Rollback)
    ];
    let names = (texts(), texts(), vec(texts(), 0..3), texts());
    let words = (texts(), texts(), vec(texts(), 0..3));
    (names, checks(), select(&Severity::ALL[..]), action, option::of(1_u64..), words).prop_map(
        |((guard, environment, flags, feature), when, severity, action, recovery_after_seconds, words)| {
            let (description, owner, notify) = words;
            SetGuard {
                guard,
                environment,
                flags,
                feature,
                when,
                severity,
                action,
                recovery_after_seconds,
                description,
                owner,
                notify,
            }
        },
    )
}

pub(super) fn measurements() -> impl Strategy<Value = Measurement> {
    let reference = (any::<f64>(), any::<f64>(), any::<u64>())
        .prop_map(|(value, compared, samples)| Reference { value, compared, samples });
    let share =
        (texts(), texts(), any::<f64>(), any::<u64>()).prop_map(|(service, instance, value, samples)| {
            InstanceShare { service: ServiceName::new(&service), instance: instance.into(), value, samples }
        });
    (any::<f64>(), any::<u64>(), timestamps(), timestamps(), option::of(reference), vec(share, 0..3))
        .prop_map(|(value, samples, from, until, reference, instances)| Measurement {
            value,
            samples,
            from,
            until,
            reference,
            instances,
        })
}

fn observed() -> impl Strategy<Value = Observed> {
    (any::<f64>(), option::of(measurements()))
        .prop_map(|(value, measurement)| Observed { value, measurement })
}

fn steps() -> impl Strategy<Value = GuardStep> {
    let verdict = select(&RecoveryVerdict::ALL[..]);
    let statement = (verdict, option::of(any::<f64>()), option::of(any::<f64>()))
        .prop_map(|(verdict, value, baseline)| Statement { verdict, value, baseline });
    prop_oneof![
        (any::<u64>(), observed()).prop_map(|(judged_at, observed)| GuardStep::Trip {
            judged_at: Revision::new(judged_at),
            observed
        }),
        observed().prop_map(|observed| GuardStep::Fire { observed }),
        any::<f64>().prop_map(|value| GuardStep::Quiet { value }),
        statement.prop_map(|statement| GuardStep::StateRecovery { statement }),
        Just(GuardStep::ClockWentBack),
        texts().prop_map(|reason| GuardStep::Block { reason }),
    ]
}

pub(super) fn guard_changes() -> BoxedStrategy<Change> {
    prop_oneof![
        set_guards().prop_map(|guard| Change::SetGuard(Box::new(guard))),
        (texts(), any::<bool>()).prop_map(|(guard, force)| Change::DeleteGuard { guard, force }),
        texts().prop_map(|guard| Change::AcknowledgeGuard(AcknowledgeGuard::Guard(guard))),
        (texts(), texts()).prop_map(|(environment, flag)| {
            Change::AcknowledgeGuard(AcknowledgeGuard::OfFlag { environment, flag })
        }),
        (texts(), steps()).prop_map(|(guard, step)| Change::StepGuard(Box::new(StepGuard { guard, step }))),
    ]
    .boxed()
}

#[test]
fn what_a_guard_lacks_is_named() {
    let set = |guard| WireChange::SetGuard(v1::SetGuard { guard });
    let allowed = "a guard with a key, a condition and an action";
    check_fault(set(None), Reason::Required, "changes[0].set_guard.guard", "", allowed);
    let alert = v1::guard::Action::Alert(v1::AlertAction {});
    let good = v1::Guard { when: "error_rate > 5%".to_owned(), action: Some(alert), ..v1::Guard::default() };
    let idle = v1::Guard { action: None, ..good.clone() };
    let field = "changes[0].set_guard.guard.action";
    check_fault(set(Some(idle)), Reason::Required, field, "", "an action: alert, pause or rollback");
    let vague = v1::Guard { severity: 9, ..good };
    let field = "changes[0].set_guard.guard.severity";
    let allowed = "info (1), warning (2) or critical (3)";
    check_fault(set(Some(vague)), Reason::OutOfRange, field, "9", allowed);
    let acknowledge = WireChange::AcknowledgeGuard(v1::AcknowledgeGuard { what: None });
    let field = "changes[0].acknowledge_guard";
    check_fault(acknowledge, Reason::Required, field, "", "the key of a guard, or a flag");
}
