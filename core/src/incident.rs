//! Incidents: what went wrong with flags in an environment, and from when to when.
//!
//! An incident is named by the revision that opened it. Those that are closed stay, up to a bound: gates, soaks and
//! promotions ask how long it has been quiet.

use std::fmt;

use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::plan::progress::Deed;
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

/// How bad an incident is. Only critical ones stop anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    #[default]
    Warning,
    /// People are hurt by it: soaks begin anew, promotions and gates wait.
    Critical,
}

impl Severity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The severity in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Where.
    pub environment: EnvironmentKey,
    /// The flags that it concerns, as they were spelled at creation; at least one.
    pub flags: Vec<FlagKey>,
    /// How bad it is.
    pub severity: Severity,
    /// In the words of whoever opened it.
    pub what: Box<str>,
    /// Who opened it, when and in which revision.
    pub opened: Deed,
    /// Who closed it; none while it is open.
    pub closed: Option<Deed>,
}

impl Incident {
    /// The number that names it: the revision that opened it.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.opened.revision.get()
    }

    /// Whether it concerns a flag in an environment.
    #[must_use]
    pub fn concerns(&self, environment: &EnvironmentKey, flag: &FoldedKey) -> bool {
        self.environment == *environment && self.flags.iter().any(|known| known.folded() == *flag)
    }

    /// Whether it is critical and open.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.severity == Severity::Critical && self.closed.is_none()
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{} {}", self.id(), self.what)
    }
}

/// The critical incident of one of the flags in the environment that was open last: one that is open now, or else the
/// one that was closed last.
#[must_use]
pub fn last_critical<'s>(
    snapshot: &'s Snapshot,
    environment: &EnvironmentKey,
    flags: &[FoldedKey],
) -> Option<&'s Incident> {
    let concerns = |incident: &&Incident| {
        incident.severity == Severity::Critical
            && flags.iter().any(|flag| incident.concerns(environment, flag))
    };
    let end = |incident: &&Incident| match &incident.closed {
        None => (true, incident.opened.at, incident.id()),
        Some(closed) => (false, closed.at, incident.id()),
    };
    snapshot.incidents().map(|incident| &**incident).filter(concerns).max_by_key(end)
}

/// Since when it is quiet again; none while the incident is open.
#[must_use]
pub fn quiet_since(incident: &Incident) -> Option<Timestamp> {
    incident.closed.as_ref().map(|closed| closed.at)
}
