//! Guards to the wire, and what came of them. What is sent back is a change.

use mycelia_flags_core::guard::replay::{Firing, Judgement};
use mycelia_flags_core::guard::state::{
    GuardPhase, GuardState, Observed, Recovery, RecoveryVerdict, Statement, Trip,
};
use mycelia_flags_core::guard::{Guard, GuardTarget};
use mycelia_flags_core::key::ServiceName;
use mycelia_flags_core::observation::measurement::{InstanceShare, Measurement, Reference};
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::plan::metric_check::Verdict;

use super::fault::{Faults, Noted, Path, WireError};
use super::plan::rollback_to_wire;
use super::progress::deed_to_wire;
use super::promotion::severity_to_wire;
use super::time::{timestamp_from_wire, timestamp_to_wire};
use crate::v1;

/// The wire's guard.
#[must_use]
pub fn guard_to_wire(guard: &Guard) -> v1::Guard {
    let (flags, feature) = match &guard.target {
        GuardTarget::Flags(flags) => (flags.iter().map(ToString::to_string).collect(), String::new()),
        GuardTarget::Feature(feature) => (Vec::new(), feature.to_string()),
    };
    v1::Guard {
        key: guard.key.to_string(),
        environment: guard.environment.to_string(),
        flags,
        feature,
        when: guard.when.to_string(),
        severity: severity_to_wire(guard.severity).into(),
        action: Some(action_to_wire(&guard.action)),
        recovery_after_seconds: guard.recovery_after_seconds,
        description: guard.description.to_string(),
        owner: guard.owner.to_string(),
        notify: guard.notify.iter().map(ToString::to_string).collect(),
        set: Some(deed_to_wire(&guard.set)),
    }
}

pub(super) fn action_to_wire(action: &GuardAction) -> v1::guard::Action {
    match action {
        GuardAction::Alert => v1::guard::Action::Alert(v1::AlertAction {}),
        GuardAction::Pause => v1::guard::Action::Pause(v1::PauseAction {}),
        GuardAction::Rollback(kind) => v1::guard::Action::Rollback(rollback_to_wire(kind)),
    }
}

/// The wire's phase.
#[must_use]
pub const fn guard_phase_to_wire(phase: GuardPhase) -> v1::GuardPhase {
    match phase {
        GuardPhase::Quiet => v1::GuardPhase::Quiet,
        GuardPhase::Firing => v1::GuardPhase::Firing,
        GuardPhase::Latched => v1::GuardPhase::Latched,
        GuardPhase::Acknowledged => v1::GuardPhase::Acknowledged,
    }
}

/// The wire's verdict about a condition.
#[must_use]
pub const fn guard_verdict_to_wire(verdict: Verdict) -> v1::GuardVerdict {
    match verdict {
        Verdict::Met { .. } => v1::GuardVerdict::Met,
        Verdict::NotMet { .. } => v1::GuardVerdict::NotMet,
        Verdict::InsufficientData => v1::GuardVerdict::InsufficientData,
    }
}

/// The wire's state of a guard.
#[must_use]
pub fn guard_state_to_wire(state: &GuardState) -> v1::GuardState {
    let (due, stated) = match state.recovery {
        Recovery::None => (None, None),
        Recovery::Pending { until } => (Some(until), None),
        Recovery::Stated { statement, at } => (None, Some((statement, at))),
    };
    v1::GuardState {
        phase: guard_phase_to_wire(state.phase).into(),
        since: Some(timestamp_to_wire(state.since)),
        trip: state.trip.as_ref().map(trip_to_wire),
        trips: state.trips,
        acknowledged: state.acknowledged.as_ref().map(deed_to_wire),
        armed_from: state.armed_from.map(timestamp_to_wire),
        recovery_due: due.map(timestamp_to_wire),
        recovery: stated.as_ref().map(|(statement, _)| statement_to_wire(statement)),
        recovery_at: stated.map(|(_, at)| timestamp_to_wire(at)),
        blocked: state.blocked.to_string(),
    }
}

fn trip_to_wire(trip: &Trip) -> v1::GuardDeed {
    let taken = trip
        .taken
        .iter()
        .map(|taken| v1::GuardTaken { flag: taken.flag.to_string(), before: taken.before.to_string() });
    v1::GuardDeed {
        deed: Some(deed_to_wire(&trip.deed)),
        evidence: Some(v1::GuardEvidence {
            condition: trip.evidence.condition.to_string(),
            observed: Some(observed_to_wire(&trip.evidence.observed)),
        }),
        taken: taken.collect(),
        plans: trip.plans.iter().map(ToString::to_string).collect(),
        changed_at: trip.changed_at.map(timestamp_to_wire),
    }
}

/// The wire's statement about a recovery.
pub(super) fn statement_to_wire(statement: &Statement) -> v1::RecoveryStatement {
    let verdict = match statement.verdict {
        RecoveryVerdict::Recovered => v1::RecoveryVerdict::Recovered,
        RecoveryVerdict::NotCaused => v1::RecoveryVerdict::NotCaused,
        RecoveryVerdict::InsufficientData => v1::RecoveryVerdict::InsufficientData,
    };
    v1::RecoveryStatement { verdict: verdict.into(), value: statement.value, baseline: statement.baseline }
}

/// The core's statement.
pub(super) fn statement(
    path: &Path<'_>,
    wire: &v1::RecoveryStatement,
    faults: &mut Faults,
) -> Result<Statement, Noted> {
    let verdict = match v1::RecoveryVerdict::try_from(wire.verdict) {
        Ok(v1::RecoveryVerdict::Recovered) => Ok(RecoveryVerdict::Recovered),
        Ok(v1::RecoveryVerdict::NotCaused) => Ok(RecoveryVerdict::NotCaused),
        Ok(v1::RecoveryVerdict::InsufficientData) => Ok(RecoveryVerdict::InsufficientData),
        Ok(v1::RecoveryVerdict::Unspecified) | Err(_) => {
            let allowed = "recovered (1), not caused (2) or insufficient data (3)";
            let field = path.field("verdict").to_string();
            faults.or_note(Err(WireError::UnknownNumber { field, number: wire.verdict, allowed }))
        }
    };
    Ok(Statement { verdict: verdict?, value: wire.value, baseline: wire.baseline })
}

/// The wire's observed value.
#[must_use]
pub fn observed_to_wire(observed: &Observed) -> v1::GuardObserved {
    v1::GuardObserved {
        value: observed.value,
        measurement: observed.measurement.as_ref().map(measurement_to_wire),
    }
}

/// The core's observed value.
pub(super) fn observed(
    path: &Path<'_>,
    wire: &v1::GuardObserved,
    faults: &mut Faults,
) -> Result<Observed, Noted> {
    let path = path.field("measurement");
    let measurement = wire.measurement.as_ref().map(|wire| measurement(&path, wire, faults)).transpose()?;
    Ok(Observed { value: wire.value, measurement })
}

/// The wire's firing, of a guard that was replayed.
#[must_use]
pub fn firing_to_wire(firing: &Firing) -> v1::GuardFiring {
    let (judgement, because) = match &firing.judgement {
        Judgement::Confirmed(because) => (v1::GuardFiringJudgement::Confirmed, because.clone()),
        Judgement::FalseAlarm => (v1::GuardFiringJudgement::FalseAlarm, String::new()),
        Judgement::Open(because) => (v1::GuardFiringJudgement::Open, because.clone()),
        Judgement::NobodyHadIt => (v1::GuardFiringJudgement::NobodyHadIt, String::new()),
    };
    v1::GuardFiring {
        from: Some(timestamp_to_wire(firing.from)),
        until: firing.until.map(timestamp_to_wire),
        observed: Some(observed_to_wire(&firing.observed)),
        judgement: judgement.into(),
        because,
    }
}

/// The wire's measurement.
#[must_use]
pub fn measurement_to_wire(measurement: &Measurement) -> v1::GuardMeasurement {
    let instances = measurement.instances.iter().map(|share| v1::GuardInstance {
        service: share.service.to_string(),
        instance: share.instance.to_string(),
        value: share.value,
        samples: share.samples,
    });
    v1::GuardMeasurement {
        value: measurement.value,
        samples: measurement.samples,
        from: Some(timestamp_to_wire(measurement.from)),
        until: Some(timestamp_to_wire(measurement.until)),
        reference: measurement.reference.map(|reference| v1::GuardReference {
            value: reference.value,
            compared: reference.compared,
            samples: reference.samples,
        }),
        instances: instances.collect(),
    }
}

/// The core's measurement.
pub(super) fn measurement(
    path: &Path<'_>,
    wire: &v1::GuardMeasurement,
    faults: &mut Faults,
) -> Result<Measurement, Noted> {
    let mut moment = |name: &'static str, at: Option<&prost_types::Timestamp>| {
        let path = path.field(name);
        match at {
            Some(at) => faults.or_note(timestamp_from_wire(path, at)),
            None => Err(faults.missing(&path, "a moment")),
        }
    };
    let (from, until) = (moment("from", wire.from.as_ref()), moment("until", wire.until.as_ref()));
    let instances = wire.instances.iter().map(|share| InstanceShare {
        service: ServiceName::new(&share.service),
        instance: Box::from(share.instance.as_str()),
        value: share.value,
        samples: share.samples,
    });
    Ok(Measurement {
        value: wire.value,
        samples: wire.samples,
        from: from?,
        until: until?,
        reference: wire.reference.map(|reference| Reference {
            value: reference.value,
            compared: reference.compared,
            samples: reference.samples,
        }),
        instances: instances.collect(),
    })
}
