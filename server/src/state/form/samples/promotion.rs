//! Incidents, promotions and drills: what was asked, and what is kept.

use std::sync::Arc;

use mycelia_flags_core::change::{AskedRules, Change, CloseIncident, OpenIncident, Promote, RecordDrill};
use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::incident::{Incident, Severity};
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, FoldedKey, ServiceName};
use mycelia_flags_core::plan::progress::{Deed, Tick};
use mycelia_flags_core::promotion::{Drill, Promotion, PromotionRules};
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{moment, text};

pub(super) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (text(), vec(text(), 0..3), severity(), text()).prop_map(|(environment, flags, severity, what)| {
            Change::OpenIncident(OpenIncident { environment, flags, severity, what })
        }),
        any::<u64>().prop_map(|id| Change::CloseIncident(CloseIncident::Numbered(id))),
        (text(), text()).prop_map(|(environment, flag)| {
            Change::CloseIncident(CloseIncident::OfFlag { environment, flag })
        }),
        (text(), option::of(asked())).prop_map(|(environment, rules)| Change::SetPromotionRules {
            environment,
            rules: rules.map(Box::new)
        }),
        (text(), text()).prop_map(|(flag, to)| Change::ApprovePromotion { flag, to }),
        (text(), text(), text()).prop_map(|(flag, to, item)| Change::TickPromotion { flag, to, item }),
        (text(), text(), text(), any::<bool>())
            .prop_map(|(flag, from, to, force)| Change::Promote(Promote { flag, from, to, force })),
        (text(), text(), vec((text(), any::<u64>()), 0..3), any::<u64>()).prop_map(
            |(environment, flag, services, total_micros)| {
                Change::RecordDrill(RecordDrill { environment, flag, services, total_micros })
            }
        ),
    ]
}

pub(super) fn write() -> impl Strategy<Value = Write> {
    let environment = || text().prop_map(|key| EnvironmentKey::new(&key));
    prop_oneof![
        any::<u64>().prop_map(|id| Write { id: EntityId::Incident(id), value: None }),
        incident().prop_map(|incident| Write {
            id: EntityId::Incident(incident.id()),
            value: Some(Entity::Incident(Arc::new(incident))),
        }),
        (environment(), option::of(rules())).prop_map(|(environment, rules)| Write {
            id: EntityId::PromotionRules(environment),
            value: rules.map(|rules| Entity::PromotionRules(Arc::new(rules))),
        }),
        (environment(), text(), option::of(promotion())).prop_map(|(to, flag, value)| Write {
            id: EntityId::Promotion(to, FoldedKey::of(&flag)),
            value: value.map(|value| Entity::Promotion(Arc::new(value))),
        }),
        (environment(), text(), option::of(drill())).prop_map(|(environment, flag, value)| Write {
            id: EntityId::Drill(environment, FoldedKey::of(&flag)),
            value: value.map(|value| Entity::Drill(Arc::new(value))),
        }),
    ]
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(&Severity::ALL[..])
}

fn asked() -> impl Strategy<Value = AskedRules> {
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    (text(), times, any::<u32>(), vec(text(), 0..3), any::<bool>()).prop_map(
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

fn rules() -> impl Strategy<Value = PromotionRules> {
    (asked(), option::of(any::<u64>())).prop_map(|(asked, drill_within_seconds)| PromotionRules {
        from: EnvironmentKey::new(&asked.from),
        soak_seconds: asked.soak_seconds,
        incident_free_seconds: asked.incident_free_seconds,
        approvals: asked.approvals,
        checklist: asked.checklist.into_iter().map(Box::from).collect(),
        drill_within_seconds,
        allow_force: asked.allow_force,
    })
}

pub(super) fn deed() -> impl Strategy<Value = Deed> {
    (text(), moment(), any::<u64>(), text()).prop_map(|(by, at, revision, note)| Deed {
        by: by.into(),
        at,
        revision: Revision::new(revision),
        note: note.into(),
    })
}

fn incident() -> impl Strategy<Value = Incident> {
    (text(), vec(text(), 0..3), severity(), text(), (deed(), option::of(deed()))).prop_map(
        |(environment, flags, severity, what, (opened, closed))| Incident {
            environment: EnvironmentKey::new(&environment),
            flags: flags.iter().map(|flag| FlagKey::new(flag)).collect(),
            severity,
            what: what.into(),
            opened,
            closed,
        },
    )
}

fn promotion() -> impl Strategy<Value = Promotion> {
    let tick = (text(), deed()).prop_map(|(item, deed)| Tick { item: item.into(), deed });
    (vec(deed(), 0..3), vec(tick, 0..3)).prop_map(|(approvals, ticks)| Promotion { approvals, ticks })
}

fn drill() -> impl Strategy<Value = Drill> {
    let service = (text(), any::<u64>()).prop_map(|(service, micros)| (ServiceName::new(&service), micros));
    (text(), deed(), vec(service, 0..3), any::<u64>()).prop_map(|(flag, deed, services, total_micros)| {
        Drill { flag: FlagKey::new(&flag), deed, services, total_micros }
    })
}
