//! Changes of incidents, promotions and drills.

use mycelia_flags_core::change::{AskedRules, Change, CloseIncident, OpenIncident, Promote, RecordDrill};

use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::promotion::{severity_from_wire, severity_to_wire};
use crate::v1;
use crate::v1::change::Change as WireChange;
use crate::v1::close_incident::What;

/// The wire's change.
pub(super) fn to_wire(change: &Change) -> Option<WireChange> {
    Some(match change {
        Change::OpenIncident(open) => WireChange::OpenIncident(v1::OpenIncident {
            environment: open.environment.clone(),
            flags: open.flags.clone(),
            severity: severity_to_wire(open.severity).into(),
            what: open.what.clone(),
        }),
        Change::CloseIncident(close) => WireChange::CloseIncident(close_to_wire(close)),
        Change::SetPromotionRules { environment, rules } => {
            WireChange::SetPromotionRules(v1::SetPromotionRules {
                environment: environment.clone(),
                rules: rules.as_deref().map(rules_to_wire),
            })
        }
        Change::ApprovePromotion { flag, to } => {
            WireChange::ApprovePromotion(v1::ApprovePromotion { flag: flag.clone(), to: to.clone() })
        }
        Change::TickPromotion { flag, to, item } => {
            let (flag, to, item) = (flag.clone(), to.clone(), item.clone());
            WireChange::TickPromotion(v1::TickPromotion { flag, to, item })
        }
        Change::Promote(promote) => {
            let Promote { flag, from, to, force } = promote.clone();
            WireChange::Promote(v1::Promote { flag, from, to, force })
        }
        Change::RecordDrill(drill) => WireChange::RecordDrill(drill_to_wire(drill)),
        _ => return None,
    })
}

fn close_to_wire(close: &CloseIncident) -> v1::CloseIncident {
    let what = match close {
        CloseIncident::Numbered(id) => What::Incident(*id),
        CloseIncident::OfFlag { environment, flag } => {
            What::Flag(v1::FlagThere { environment: environment.clone(), flag: flag.clone() })
        }
    };
    v1::CloseIncident { what: Some(what) }
}

fn rules_to_wire(rules: &AskedRules) -> v1::PromotionRules {
    v1::PromotionRules {
        from: rules.from.clone(),
        soak_seconds: rules.soak_seconds,
        incident_free_seconds: rules.incident_free_seconds,
        approvals: rules.approvals,
        checklist: rules.checklist.clone(),
        drill_within_seconds: rules.drill_within_seconds,
        allow_force: rules.allow_force,
    }
}

fn drill_to_wire(drill: &RecordDrill) -> v1::RecordDrill {
    let time =
        |(service, micros): &(String, u64)| v1::ServiceTime { service: service.clone(), micros: *micros };
    v1::RecordDrill {
        environment: drill.environment.clone(),
        flag: drill.flag.clone(),
        services: drill.services.iter().map(time).collect(),
        total_micros: drill.total_micros,
    }
}

pub(super) fn open(path: &Path<'_>, wire: &v1::OpenIncident, faults: &mut Faults) -> Result<Change, Noted> {
    Ok(Change::OpenIncident(OpenIncident {
        environment: wire.environment.clone(),
        flags: wire.flags.clone(),
        severity: faults.or_note(severity_from_wire(path.field("severity"), wire.severity))?,
        what: wire.what.clone(),
    }))
}

pub(super) fn close(path: &Path<'_>, wire: &v1::CloseIncident, faults: &mut Faults) -> Result<Change, Noted> {
    Ok(Change::CloseIncident(match &wire.what {
        Some(What::Incident(id)) => CloseIncident::Numbered(*id),
        Some(What::Flag(there)) => {
            CloseIncident::OfFlag { environment: there.environment.clone(), flag: there.flag.clone() }
        }
        None => return Err(faults.missing(path, "the number of an incident, or a flag")),
    }))
}

pub(super) fn rules(wire: &v1::SetPromotionRules) -> Change {
    let rules = wire.rules.clone().map(|rules| {
        Box::new(AskedRules {
            from: rules.from,
            soak_seconds: rules.soak_seconds,
            incident_free_seconds: rules.incident_free_seconds,
            approvals: rules.approvals,
            checklist: rules.checklist,
            drill_within_seconds: rules.drill_within_seconds,
            allow_force: rules.allow_force,
        })
    });
    Change::SetPromotionRules { environment: wire.environment.clone(), rules }
}

pub(super) fn tick(wire: &v1::TickPromotion) -> Change {
    let v1::TickPromotion { flag, to, item } = wire.clone();
    Change::TickPromotion { flag, to, item }
}

pub(super) fn promote(wire: &v1::Promote) -> Change {
    let v1::Promote { flag, from, to, force } = wire.clone();
    Change::Promote(Promote { flag, from, to, force })
}

pub(super) fn drill(wire: &v1::RecordDrill) -> Change {
    Change::RecordDrill(RecordDrill {
        environment: wire.environment.clone(),
        flag: wire.flag.clone(),
        services: wire.services.iter().map(|time| (time.service.clone(), time.micros)).collect(),
        total_micros: wire.total_micros,
    })
}
