//! Incidents, promotion rules, promotions and drills.

use mycelia_flags_core::incident;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, ServiceName};
use mycelia_flags_core::plan::progress as core;
use mycelia_flags_core::promotion;

use super::number::Numbered;
use super::progress::{Deed, Tick};
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Incident {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, repeated, tag = "2")]
    flags: Vec<String>,
    #[prost(uint32, tag = "3")]
    severity: u32,
    #[prost(string, tag = "4")]
    what: String,
    #[prost(message, optional, tag = "5")]
    opened: Option<Deed>,
    #[prost(message, optional, tag = "6")]
    closed: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Rules {
    #[prost(string, tag = "1")]
    from: String,
    #[prost(uint64, tag = "2")]
    soak_seconds: u64,
    #[prost(uint64, tag = "3")]
    incident_free_seconds: u64,
    #[prost(uint32, tag = "4")]
    approvals: u32,
    #[prost(string, repeated, tag = "5")]
    checklist: Vec<String>,
    #[prost(uint64, optional, tag = "6")]
    drill_within_seconds: Option<u64>,
    #[prost(bool, tag = "7")]
    allow_force: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Promotion {
    #[prost(message, repeated, tag = "1")]
    approvals: Vec<Deed>,
    #[prost(message, repeated, tag = "2")]
    ticks: Vec<Tick>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Drill {
    #[prost(string, tag = "1")]
    flag: String,
    #[prost(message, optional, tag = "2")]
    deed: Option<Deed>,
    #[prost(message, repeated, tag = "3")]
    services: Vec<Measured>,
    #[prost(uint64, tag = "4")]
    total_micros: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Measured {
    #[prost(string, tag = "1")]
    pub(super) service: String,
    #[prost(uint64, tag = "2")]
    pub(super) micros: u64,
}

impl From<&incident::Incident> for Incident {
    fn from(incident: &incident::Incident) -> Self {
        Self {
            environment: incident.environment.to_string(),
            flags: incident.flags.iter().map(ToString::to_string).collect(),
            severity: incident.severity.number(),
            what: incident.what.to_string(),
            opened: Some(Deed::from(&incident.opened)),
            closed: incident.closed.as_ref().map(Deed::from),
        }
    }
}

impl TryFrom<Incident> for incident::Incident {
    type Error = FormError;

    fn try_from(stored: Incident) -> Result<Self, FormError> {
        Ok(Self {
            environment: EnvironmentKey::new(&stored.environment),
            flags: stored.flags.iter().map(|flag| FlagKey::new(flag)).collect(),
            severity: Numbered::numbered(stored.severity)?,
            what: stored.what.into(),
            opened: required("who opened an incident", stored.opened)?.into(),
            closed: stored.closed.map(Into::into),
        })
    }
}

impl From<&promotion::PromotionRules> for Rules {
    fn from(rules: &promotion::PromotionRules) -> Self {
        Self {
            from: rules.from.to_string(),
            soak_seconds: rules.soak_seconds,
            incident_free_seconds: rules.incident_free_seconds,
            approvals: rules.approvals,
            checklist: rules.checklist.iter().map(ToString::to_string).collect(),
            drill_within_seconds: rules.drill_within_seconds,
            allow_force: rules.allow_force,
        }
    }
}

impl From<Rules> for promotion::PromotionRules {
    fn from(stored: Rules) -> Self {
        Self {
            from: EnvironmentKey::new(&stored.from),
            soak_seconds: stored.soak_seconds,
            incident_free_seconds: stored.incident_free_seconds,
            approvals: stored.approvals,
            checklist: stored.checklist.into_iter().map(Into::into).collect(),
            drill_within_seconds: stored.drill_within_seconds,
            allow_force: stored.allow_force,
        }
    }
}

impl From<&promotion::Promotion> for Promotion {
    fn from(promotion: &promotion::Promotion) -> Self {
        Self {
            approvals: promotion.approvals.iter().map(Deed::from).collect(),
            ticks: promotion.ticks.iter().map(Tick::from).collect(),
        }
    }
}

impl TryFrom<Promotion> for promotion::Promotion {
    type Error = FormError;

    fn try_from(stored: Promotion) -> Result<Self, FormError> {
        Ok(Self {
            approvals: stored.approvals.into_iter().map(Into::into).collect(),
            ticks: stored.ticks.into_iter().map(core::Tick::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&promotion::Drill> for Drill {
    fn from(drill: &promotion::Drill) -> Self {
        let measured = |(service, micros): &(ServiceName, u64)| Measured {
            service: service.to_string(),
            micros: *micros,
        };
        Self {
            flag: drill.flag.to_string(),
            deed: Some(Deed::from(&drill.deed)),
            services: drill.services.iter().map(measured).collect(),
            total_micros: drill.total_micros,
        }
    }
}

impl TryFrom<Drill> for promotion::Drill {
    type Error = FormError;

    fn try_from(stored: Drill) -> Result<Self, FormError> {
        let measured = |measured: Measured| (ServiceName::new(&measured.service), measured.micros);
        Ok(Self {
            flag: FlagKey::new(&stored.flag),
            deed: required("who did a drill", stored.deed)?.into(),
            services: stored.services.into_iter().map(measured).collect(),
            total_micros: stored.total_micros,
        })
    }
}
