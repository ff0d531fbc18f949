//! Incidents, promotions and drills, as they may be asked.

use mycelia_flags_core::change::{AskedRules, Change, CloseIncident, OpenIncident, Promote, RecordDrill};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::rejection::Reason;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::models::texts;
use crate::convert::change_set_from_wire;
use crate::v1;
use crate::v1::change::Change as WireChange;

fn asked() -> impl Strategy<Value = AskedRules> {
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    (texts(), times, any::<u32>(), vec(texts(), 0..3), any::<bool>()).prop_map(
        |(from, (soak_seconds, incident_free_seconds, drill_within_seconds), approvals, checklist, force)| {
            AskedRules {
                from,
                soak_seconds,
                incident_free_seconds,
                approvals,
                checklist,
                drill_within_seconds,
                allow_force: force,
            }
        },
    )
}

pub(super) fn promotion_changes() -> BoxedStrategy<Change> {
    prop_oneof![
        (texts(), vec(texts(), 0..3), select(&Severity::ALL[..]), texts()).prop_map(
            |(environment, flags, severity, what)| {
                Change::OpenIncident(OpenIncident { environment, flags, severity, what })
            }
        ),
        any::<u64>().prop_map(|id| Change::CloseIncident(CloseIncident::Numbered(id))),
        (texts(), texts()).prop_map(|(environment, flag)| {
            Change::CloseIncident(CloseIncident::OfFlag { environment, flag })
        }),
        (texts(), option::of(asked())).prop_map(|(environment, rules)| Change::SetPromotionRules {
            environment,
            rules: rules.map(Box::new)
        }),
        (texts(), texts()).prop_map(|(flag, to)| Change::ApprovePromotion { flag, to }),
        (texts(), texts(), texts()).prop_map(|(flag, to, item)| Change::TickPromotion { flag, to, item }),
        (texts(), texts(), texts(), any::<bool>())
            .prop_map(|(flag, from, to, force)| Change::Promote(Promote { flag, from, to, force })),
        (texts(), texts(), vec((texts(), any::<u64>()), 0..3), any::<u64>()).prop_map(
            |(environment, flag, services, total_micros)| {
                Change::RecordDrill(RecordDrill { environment, flag, services, total_micros })
            }
        ),
    ]
    .boxed()
}

#[track_caller]
pub(super) fn check_fault(change: WireChange, reason: Reason, field: &str, value: &str, allowed: &str) {
    let changes = vec![v1::Change { change: Some(change) }];
    let set = v1::ChangeSet { changes, ..v1::ChangeSet::default() };
    let rejection = change_set_from_wire(&set).unwrap_err();
    let found: Vec<_> = rejection
        .violations
        .iter()
        .map(|fault| (fault.reason, &*fault.field, &*fault.value, &*fault.allowed))
        .collect();
    assert_eq!(found, [(reason, field, value, allowed)]);
}

#[test]
fn what_an_incident_lacks_is_named() {
    let open = v1::OpenIncident { severity: 9, ..v1::OpenIncident::default() };
    let allowed = "info (1), warning (2) or critical (3)";
    let field = "changes[0].open_incident.severity";
    check_fault(WireChange::OpenIncident(open), Reason::OutOfRange, field, "9", allowed);
    let close = v1::CloseIncident { what: None };
    let allowed = "the number of an incident, or a flag";
    let field = "changes[0].close_incident";
    check_fault(WireChange::CloseIncident(close), Reason::Required, field, "", allowed);
}

#[test]
fn an_incident_of_no_severity_is_a_warning() {
    let open = WireChange::OpenIncident(v1::OpenIncident::default());
    let changes = vec![v1::Change { change: Some(open) }];
    let set = change_set_from_wire(&v1::ChangeSet { changes, ..v1::ChangeSet::default() }).unwrap();
    assert_eq!(set.changes, [Change::OpenIncident(OpenIncident::default())]);
    assert_eq!(OpenIncident::default().severity, Severity::Warning);
}
