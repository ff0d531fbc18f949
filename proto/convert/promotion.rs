//! Incidents, promotion rules, promotions and drills to the wire: nobody sends them back.

use mycelia_flags_core::incident::{Incident, Severity};
use mycelia_flags_core::key::ServiceName;
use mycelia_flags_core::promotion::readiness::{Item, Point};
use mycelia_flags_core::promotion::{Drill, Promotion, PromotionRules};

use super::fault::WireError;
use super::progress::{deed_to_wire, tick_to_wire};
use super::time::timestamp_to_wire;
use crate::v1;

/// The wire's severity.
#[must_use]
pub const fn severity_to_wire(severity: Severity) -> v1::IncidentSeverity {
    match severity {
        Severity::Info => v1::IncidentSeverity::Info,
        Severity::Warning => v1::IncidentSeverity::Warning,
        Severity::Critical => v1::IncidentSeverity::Critical,
    }
}

/// The core's severity; not set is a warning.
///
/// # Errors
/// When this version does not know the number.
pub(super) fn severity_from_wire(field: impl std::fmt::Display, number: i32) -> Result<Severity, WireError> {
    match v1::IncidentSeverity::try_from(number) {
        Ok(v1::IncidentSeverity::Info) => Ok(Severity::Info),
        Ok(v1::IncidentSeverity::Warning | v1::IncidentSeverity::Unspecified) => Ok(Severity::Warning),
        Ok(v1::IncidentSeverity::Critical) => Ok(Severity::Critical),
        Err(prost::UnknownEnumValue(number)) => {
            let allowed = "info (1), warning (2) or critical (3)";
            Err(WireError::UnknownNumber { field: field.to_string(), number, allowed })
        }
    }
}

/// The wire's incident.
#[must_use]
pub fn incident_to_wire(incident: &Incident) -> v1::Incident {
    v1::Incident {
        id: incident.id(),
        environment: incident.environment.to_string(),
        flags: incident.flags.iter().map(ToString::to_string).collect(),
        severity: severity_to_wire(incident.severity).into(),
        what: incident.what.to_string(),
        opened: Some(deed_to_wire(&incident.opened)),
        closed: incident.closed.as_ref().map(deed_to_wire),
    }
}

/// The wire's rules.
#[must_use]
pub fn promotion_rules_to_wire(rules: &PromotionRules) -> v1::PromotionRules {
    v1::PromotionRules {
        from: rules.from.to_string(),
        soak_seconds: rules.soak_seconds,
        incident_free_seconds: rules.incident_free_seconds,
        approvals: rules.approvals,
        checklist: rules.checklist.iter().map(ToString::to_string).collect(),
        drill_within_seconds: rules.drill_within_seconds.unwrap_or(0),
        allow_force: rules.allow_force,
    }
}

/// The wire's promotion.
#[must_use]
pub fn promotion_to_wire(promotion: &Promotion) -> v1::Promotion {
    v1::Promotion {
        approvals: promotion.approvals.iter().map(deed_to_wire).collect(),
        ticks: promotion.ticks.iter().map(tick_to_wire).collect(),
    }
}

/// The wire's drill.
#[must_use]
pub fn drill_to_wire(drill: &Drill) -> v1::Drill {
    let time = |(service, micros): &(ServiceName, u64)| v1::ServiceTime {
        service: service.to_string(),
        micros: *micros,
    };
    v1::Drill {
        flag: drill.flag.to_string(),
        deed: Some(deed_to_wire(&drill.deed)),
        services: drill.services.iter().map(time).collect(),
        total_micros: drill.total_micros,
    }
}

/// The wire's point of the rules.
#[must_use]
pub fn promotion_item_to_wire(item: &Item) -> v1::PromotionItem {
    let point = match item.point {
        Point::Source => v1::PromotionPoint::Source,
        Point::Soak => v1::PromotionPoint::Soak,
        Point::Incidents => v1::PromotionPoint::Incidents,
        Point::Approvals => v1::PromotionPoint::Approvals,
        Point::Checklist => v1::PromotionPoint::Checklist,
        Point::Drill => v1::PromotionPoint::Drill,
    };
    v1::PromotionItem {
        point: point.into(),
        done: item.done,
        text: item.words.clone(),
        ready_at: item.ready_at.map(timestamp_to_wire),
    }
}
