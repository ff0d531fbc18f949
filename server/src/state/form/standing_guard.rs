//! Guards, as they were set, and what came of them.

use mycelia_flags_core::guard as core;
use mycelia_flags_core::guard::state;
use mycelia_flags_core::key::{EnvironmentKey, FeatureKey, FlagKey, GuardKey, PlanKey};
use mycelia_flags_core::revision::Timestamp;

use super::guard::{Action, Check};
use super::measurement::Measurement;
use super::number::Numbered;
use super::progress::Deed;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StandingGuard {
    #[prost(message, optional, tag = "1")]
    when: Option<Check>,
    #[prost(oneof = "Action", tags = "2, 3, 4")]
    action: Option<Action>,
    #[prost(string, tag = "5")]
    environment: String,
    #[prost(string, repeated, tag = "6")]
    flags: Vec<String>,
    /// Empty when it watches over flags.
    #[prost(string, tag = "7")]
    feature: String,
    #[prost(uint32, tag = "8")]
    severity: u32,
    #[prost(uint64, tag = "9")]
    recovery_after_seconds: u64,
    #[prost(string, tag = "10")]
    description: String,
    #[prost(string, tag = "11")]
    owner: String,
    #[prost(string, repeated, tag = "12")]
    notify: Vec<String>,
    #[prost(message, optional, tag = "13")]
    set: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GuardState {
    #[prost(uint32, tag = "1")]
    phase: u32,
    #[prost(sint64, tag = "2")]
    since_micros: i64,
    #[prost(message, optional, tag = "3")]
    trip: Option<Trip>,
    #[prost(uint64, tag = "4")]
    trips: u64,
    #[prost(message, optional, tag = "5")]
    acknowledged: Option<Deed>,
    #[prost(sint64, optional, tag = "6")]
    armed_from_micros: Option<i64>,
    /// None of both: there is nothing to say.
    #[prost(oneof = "Recovery", tags = "7, 8")]
    recovery: Option<Recovery>,
    #[prost(string, tag = "9")]
    blocked: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Recovery {
    #[prost(sint64, tag = "7")]
    PendingUntilMicros(i64),
    #[prost(message, tag = "8")]
    Stated(Stated),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stated {
    #[prost(message, optional, tag = "1")]
    statement: Option<Statement>,
    #[prost(sint64, tag = "2")]
    at_micros: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Statement {
    #[prost(uint32, tag = "1")]
    verdict: u32,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
    #[prost(double, optional, tag = "3")]
    baseline: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Trip {
    #[prost(message, optional, tag = "1")]
    deed: Option<Deed>,
    #[prost(message, optional, tag = "2")]
    condition: Option<Check>,
    #[prost(message, optional, tag = "3")]
    observed: Option<Observed>,
    #[prost(message, repeated, tag = "4")]
    taken: Vec<Taken>,
    #[prost(string, repeated, tag = "5")]
    plans: Vec<String>,
    #[prost(sint64, optional, tag = "6")]
    changed_at_micros: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Observed {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "2")]
    measurement: Option<Measurement>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Taken {
    #[prost(string, tag = "1")]
    flag: String,
    #[prost(string, tag = "2")]
    before: String,
}

impl From<&core::Guard> for StandingGuard {
    fn from(guard: &core::Guard) -> Self {
        let (flags, feature) = match &guard.target {
            core::GuardTarget::Flags(flags) => {
                (flags.iter().map(ToString::to_string).collect(), String::new())
            }
            core::GuardTarget::Feature(feature) => (Vec::new(), feature.to_string()),
        };
        Self {
            when: Some(Check::from(&guard.when)),
            action: Some(Action::from(&guard.action)),
            environment: guard.environment.to_string(),
            flags,
            feature,
            severity: guard.severity.number(),
            recovery_after_seconds: guard.recovery_after_seconds,
            description: guard.description.to_string(),
            owner: guard.owner.to_string(),
            notify: guard.notify.iter().map(ToString::to_string).collect(),
            set: Some(Deed::from(&guard.set)),
        }
    }
}

impl StandingGuard {
    /// The guard of this key.
    pub(super) fn guard(self, key: GuardKey) -> Result<core::Guard, FormError> {
        let target = if self.feature.is_empty() {
            core::GuardTarget::Flags(self.flags.iter().map(|flag| FlagKey::new(flag)).collect())
        } else {
            core::GuardTarget::Feature(FeatureKey::new(&self.feature))
        };
        Ok(core::Guard {
            key,
            environment: EnvironmentKey::new(&self.environment),
            target,
            when: required("a guard's condition", self.when)?.try_into()?,
            severity: Numbered::numbered(self.severity)?,
            action: required("what a guard does", self.action)?.try_into()?,
            recovery_after_seconds: self.recovery_after_seconds,
            description: self.description.into(),
            owner: self.owner.into(),
            notify: self.notify.into_iter().map(Into::into).collect(),
            set: required("who set a guard", self.set)?.into(),
        })
    }
}

impl From<&state::GuardState> for GuardState {
    fn from(of: &state::GuardState) -> Self {
        let recovery = match &of.recovery {
            state::Recovery::None => None,
            state::Recovery::Pending { until } => Some(Recovery::PendingUntilMicros(until.unix_micros())),
            state::Recovery::Stated { statement, at } => Some(Recovery::Stated(Stated {
                statement: Some(Statement::from(statement)),
                at_micros: at.unix_micros(),
            })),
        };
        Self {
            phase: of.phase.number(),
            since_micros: of.since.unix_micros(),
            trip: of.trip.as_ref().map(Trip::from),
            trips: of.trips,
            acknowledged: of.acknowledged.as_ref().map(Deed::from),
            armed_from_micros: of.armed_from.map(Timestamp::unix_micros),
            recovery,
            blocked: of.blocked.to_string(),
        }
    }
}

impl TryFrom<GuardState> for state::GuardState {
    type Error = FormError;

    fn try_from(stored: GuardState) -> Result<Self, FormError> {
        let recovery = match stored.recovery {
            None => state::Recovery::None,
            Some(Recovery::PendingUntilMicros(until)) => {
                state::Recovery::Pending { until: Timestamp::from_unix_micros(until) }
            }
            Some(Recovery::Stated(Stated { statement, at_micros })) => state::Recovery::Stated {
                statement: required("what became of a trip", statement)?.try_into()?,
                at: Timestamp::from_unix_micros(at_micros),
            },
        };
        Ok(Self {
            phase: Numbered::numbered(stored.phase)?,
            since: Timestamp::from_unix_micros(stored.since_micros),
            trip: stored.trip.map(state::Trip::try_from).transpose()?,
            trips: stored.trips,
            acknowledged: stored.acknowledged.map(Into::into),
            armed_from: stored.armed_from_micros.map(Timestamp::from_unix_micros),
            recovery,
            blocked: stored.blocked.into(),
        })
    }
}

impl From<&state::Trip> for Trip {
    fn from(trip: &state::Trip) -> Self {
        let taken = trip
            .taken
            .iter()
            .map(|taken| Taken { flag: taken.flag.to_string(), before: taken.before.to_string() });
        Self {
            deed: Some(Deed::from(&trip.deed)),
            condition: Some(Check::from(&trip.evidence.condition)),
            observed: Some(Observed::from(&trip.evidence.observed)),
            taken: taken.collect(),
            plans: trip.plans.iter().map(ToString::to_string).collect(),
            changed_at_micros: trip.changed_at.map(Timestamp::unix_micros),
        }
    }
}

impl TryFrom<Trip> for state::Trip {
    type Error = FormError;

    fn try_from(stored: Trip) -> Result<Self, FormError> {
        let taken = stored
            .taken
            .into_iter()
            .map(|taken| state::Taken { flag: FlagKey::new(&taken.flag), before: taken.before.into() });
        Ok(Self {
            deed: required("when a guard acted", stored.deed)?.into(),
            evidence: state::Evidence {
                condition: required("why a guard acted", stored.condition)?.try_into()?,
                observed: required("what a guard saw", stored.observed)?.into(),
            },
            taken: taken.collect(),
            plans: stored.plans.iter().map(|plan| PlanKey::new(plan)).collect(),
            changed_at: stored.changed_at_micros.map(Timestamp::from_unix_micros),
        })
    }
}

impl From<&state::Observed> for Observed {
    fn from(observed: &state::Observed) -> Self {
        Self { value: observed.value, measurement: observed.measurement.as_ref().map(Measurement::from) }
    }
}

impl From<Observed> for state::Observed {
    fn from(stored: Observed) -> Self {
        Self { value: stored.value, measurement: stored.measurement.map(Into::into) }
    }
}

impl From<&state::Statement> for Statement {
    fn from(statement: &state::Statement) -> Self {
        Self { verdict: statement.verdict.number(), value: statement.value, baseline: statement.baseline }
    }
}

impl TryFrom<Statement> for state::Statement {
    type Error = FormError;

    fn try_from(stored: Statement) -> Result<Self, FormError> {
        Ok(Self {
            verdict: Numbered::numbered(stored.verdict)?,
            value: stored.value,
            baseline: stored.baseline,
        })
    }
}
