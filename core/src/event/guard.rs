//! The events of standing guards: what the difference between two states means.

use super::{Event, EventKind, joined, measured};
use crate::entity::{Entity, EntityId};
use crate::guard::Guard;
use crate::guard::state::{Evidence, GuardPhase, GuardState, Recovery, RecoveryVerdict, Trip, rounded};
use crate::incident::Severity;
use crate::key::{FlagKey, GuardKey};
use crate::record::Record;
use crate::snapshot::Snapshot;

/// What a new state means beside the one before it.
pub(super) fn of_state(key: &GuardKey, after: &GuardState, record: &Record, before: &Snapshot) -> Vec<Event> {
    let id = EntityId::Guard(key.clone());
    let written = record.writes.iter().find_map(|write| match &write.value {
        Some(Entity::Guard(guard)) if write.id == id => Some(&**guard),
        _ => None,
    });
    let Some(guard) = written.or_else(|| before.guard(key).map(|guard| &**guard)) else {
        return Vec::new();
    };
    let unknown = GuardState::default();
    let was = before.guard_state(key).map_or(&unknown, |state| &**state);
    let told = |kind, severity, words: String, evidence| Event {
        kind,
        severity,
        environments: vec![guard.environment.clone()],
        flags: flags(guard, after, before),
        plan: None,
        words,
        evidence,
        notify: guard.notify.clone(),
    };
    let mut events = Vec::new();
    let tripped = after.trip.as_ref().filter(|trip| trip.deed.revision == record.revision);
    if let Some(trip) = tripped {
        let kind =
            if after.phase == GuardPhase::Latched { EventKind::GuardTripped } else { EventKind::GuardFired };
        let words = format!("guard {key}: {}: {}", trip.evidence.in_words(), trip.deed.note);
        events.push(told(kind, guard.severity, words, evidence_of(trip)));
    }
    if let (false, Some(deed)) = (was.acknowledged == after.acknowledged, &after.acknowledged) {
        let words = format!("guard {key} was acknowledged by {}: {}", deed.by, deed.note);
        events.push(told(EventKind::GuardAcknowledged, Severity::Info, words, Vec::new()));
    }
    if let (false, Recovery::Stated { statement, .. }) = (was.recovery == after.recovery, &after.recovery) {
        let severity = match statement.verdict {
            RecoveryVerdict::Recovered => Severity::Info,
            RecoveryVerdict::NotCaused | RecoveryVerdict::InsufficientData => Severity::Warning,
        };
        let shown = |value: f64| guard.when.show(rounded(value));
        let evidence = statement.value.map(|value| format!("{} = {}", guard.when.subject(), shown(value)));
        let words = format!("guard {key}, after it acted: {}", statement.verdict.as_str());
        events.push(told(EventKind::GuardRecovery, severity, words, evidence.into_iter().collect()));
    }
    if (was.phase, after.phase) == (GuardPhase::Firing, GuardPhase::Quiet) {
        let words = format!("guard {key} is quiet again: {}", guard.when);
        events.push(told(EventKind::GuardRecovery, Severity::Info, words, Vec::new()));
    }
    if !after.blocked.is_empty() && after.blocked != was.blocked {
        let words = format!("guard {key} cannot act: {}", after.blocked);
        events.push(told(EventKind::GuardBlocked, guard.severity.max(Severity::Warning), words, Vec::new()));
    }
    events
}

/// The flags that it took back, or else those that it watches over.
fn flags(guard: &Guard, after: &GuardState, before: &Snapshot) -> Vec<FlagKey> {
    let taken: Vec<FlagKey> =
        after.trip.iter().flat_map(|trip| &trip.taken).map(|taken| taken.flag.clone()).collect();
    if taken.is_empty() { guard.flags(before) } else { taken }
}

fn evidence_of(trip: &Trip) -> Vec<String> {
    let Evidence { condition, observed } = &trip.evidence;
    let mut lines = measured::lines(condition, observed.value, observed.measurement.as_ref());
    if !trip.taken.is_empty() {
        let taken: Vec<String> =
            trip.taken.iter().map(|taken| format!("{} ({})", taken.flag, taken.before)).collect();
        lines.push(format!("taken back: {}", joined(&taken)));
    }
    lines
}
