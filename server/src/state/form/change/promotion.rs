//! What was asked about incidents, promotions and drills.

use mycelia_flags_core::change as core;

use super::super::number::Numbered;
use super::super::promotion::Measured;
use super::super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct OpenIncident {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, repeated, tag = "2")]
    flags: Vec<String>,
    #[prost(uint32, tag = "3")]
    severity: u32,
    #[prost(string, tag = "4")]
    what: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct CloseIncident {
    #[prost(oneof = "Closed", tags = "1, 2")]
    what: Option<Closed>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Closed {
    /// The revision that opened it.
    #[prost(uint64, tag = "1")]
    Numbered(u64),
    #[prost(message, tag = "2")]
    OfFlag(FlagThere),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FlagThere {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, tag = "2")]
    flag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SetPromotionRules {
    #[prost(string, tag = "1")]
    environment: String,
    /// None cleared them.
    #[prost(message, optional, tag = "2")]
    rules: Option<AskedRules>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AskedRules {
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
    #[prost(uint64, tag = "6")]
    drill_within_seconds: u64,
    #[prost(bool, tag = "7")]
    allow_force: bool,
}

/// An approval, or with an item a tick: each is a kind of its own.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct SayPromotion {
    #[prost(string, tag = "1")]
    pub(super) flag: String,
    #[prost(string, tag = "2")]
    pub(super) to: String,
    #[prost(string, tag = "3")]
    pub(super) item: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct Promote {
    #[prost(string, tag = "1")]
    flag: String,
    #[prost(string, tag = "2")]
    from: String,
    #[prost(string, tag = "3")]
    to: String,
    #[prost(bool, tag = "4")]
    force: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct RecordDrill {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, tag = "2")]
    flag: String,
    #[prost(message, repeated, tag = "3")]
    services: Vec<Measured>,
    #[prost(uint64, tag = "4")]
    total_micros: u64,
}

impl From<&core::OpenIncident> for OpenIncident {
    fn from(open: &core::OpenIncident) -> Self {
        Self {
            environment: open.environment.clone(),
            flags: open.flags.clone(),
            severity: open.severity.number(),
            what: open.what.clone(),
        }
    }
}

impl TryFrom<OpenIncident> for core::Change {
    type Error = FormError;

    fn try_from(stored: OpenIncident) -> Result<Self, FormError> {
        let OpenIncident { environment, flags, severity, what } = stored;
        let severity = Numbered::numbered(severity)?;
        Ok(Self::OpenIncident(core::OpenIncident { environment, flags, severity, what }))
    }
}

impl From<&core::CloseIncident> for CloseIncident {
    fn from(close: &core::CloseIncident) -> Self {
        let what = match close {
            core::CloseIncident::Numbered(id) => Closed::Numbered(*id),
            core::CloseIncident::OfFlag { environment, flag } => {
                Closed::OfFlag(FlagThere { environment: environment.clone(), flag: flag.clone() })
            }
        };
        Self { what: Some(what) }
    }
}

impl TryFrom<CloseIncident> for core::Change {
    type Error = FormError;

    fn try_from(stored: CloseIncident) -> Result<Self, FormError> {
        Ok(Self::CloseIncident(match required("which incident was closed", stored.what)? {
            Closed::Numbered(id) => core::CloseIncident::Numbered(id),
            Closed::OfFlag(FlagThere { environment, flag }) => {
                core::CloseIncident::OfFlag { environment, flag }
            }
        }))
    }
}

impl SetPromotionRules {
    pub(super) fn of(environment: &str, rules: Option<&core::AskedRules>) -> Self {
        let rules = rules.map(|rules| AskedRules {
            from: rules.from.clone(),
            soak_seconds: rules.soak_seconds,
            incident_free_seconds: rules.incident_free_seconds,
            approvals: rules.approvals,
            checklist: rules.checklist.clone(),
            drill_within_seconds: rules.drill_within_seconds,
            allow_force: rules.allow_force,
        });
        Self { environment: environment.to_owned(), rules }
    }
}

impl From<SetPromotionRules> for core::Change {
    fn from(stored: SetPromotionRules) -> Self {
        let rules = stored.rules.map(|rules| {
            Box::new(core::AskedRules {
                from: rules.from,
                soak_seconds: rules.soak_seconds,
                incident_free_seconds: rules.incident_free_seconds,
                approvals: rules.approvals,
                checklist: rules.checklist,
                drill_within_seconds: rules.drill_within_seconds,
                allow_force: rules.allow_force,
            })
        });
        Self::SetPromotionRules { environment: stored.environment, rules }
    }
}

impl SayPromotion {
    pub(super) fn of(flag: &str, to: &str, item: &str) -> Self {
        Self { flag: flag.to_owned(), to: to.to_owned(), item: item.to_owned() }
    }
}

impl From<&core::Promote> for Promote {
    fn from(promote: &core::Promote) -> Self {
        let core::Promote { flag, from, to, force } = promote.clone();
        Self { flag, from, to, force }
    }
}

impl From<Promote> for core::Change {
    fn from(stored: Promote) -> Self {
        let Promote { flag, from, to, force } = stored;
        Self::Promote(core::Promote { flag, from, to, force })
    }
}

impl From<&core::RecordDrill> for RecordDrill {
    fn from(drill: &core::RecordDrill) -> Self {
        let measured =
            |(service, micros): &(String, u64)| Measured { service: service.clone(), micros: *micros };
        Self {
            environment: drill.environment.clone(),
            flag: drill.flag.clone(),
            services: drill.services.iter().map(measured).collect(),
            total_micros: drill.total_micros,
        }
    }
}

impl From<RecordDrill> for core::Change {
    fn from(stored: RecordDrill) -> Self {
        Self::RecordDrill(core::RecordDrill {
            environment: stored.environment,
            flag: stored.flag,
            services: stored.services.into_iter().map(|one| (one.service, one.micros)).collect(),
            total_micros: stored.total_micros,
        })
    }
}
