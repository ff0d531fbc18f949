//! What callers ask for about incidents, promotions and drills.

use crate::incident::Severity;

/// An incident to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenIncident {
    /// The environment's key.
    pub environment: String,
    /// The keys of the flags that it concerns.
    pub flags: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What went wrong.
    pub what: String,
}

/// What is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseIncident {
    /// The incident that this revision opened.
    Numbered(u64),
    /// All open incidents that concern a flag in an environment.
    OfFlag {
        /// The environment's key.
        environment: String,
        /// The flag's key.
        flag: String,
    },
}

/// What an environment asks for before it takes a flag over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedRules {
    /// The key of the environment that flags come from.
    pub from: String,
    /// For how long the flag must have been serving there.
    pub soak_seconds: u64,
    /// For how long there must have been no critical incident.
    pub incident_free_seconds: u64,
    /// How many people must approve.
    pub approvals: u32,
    /// Points that people tick off.
    pub checklist: Vec<String>,
    /// How old the last rollback drill may be; 0 asks for none.
    pub drill_within_seconds: u64,
    /// Whether somebody may promote by force what is not ready.
    pub allow_force: bool,
}

/// A flag that goes from one environment to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promote {
    /// The flag's key.
    pub flag: String,
    /// The key of the environment whose state is taken over.
    pub from: String,
    /// The key of the environment that takes it over.
    pub to: String,
    /// Even though it is not ready: breaks the glass.
    pub force: bool,
}

/// A rollback that was tried out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordDrill {
    /// The environment's key.
    pub environment: String,
    /// The flag's key.
    pub flag: String,
    /// For each service, the microseconds until its last instance had acknowledged.
    pub services: Vec<(String, u64)>,
    /// The microseconds until everybody had.
    pub total_micros: u64,
}
