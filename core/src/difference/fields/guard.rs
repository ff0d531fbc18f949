//! The fields of guards and of what came of them.

use super::super::Fields;
use super::fields;
use crate::guard::state::{GuardState, Recovery, rounded};
use crate::guard::{Guard, GuardTarget};
use crate::plan::duration_text::Length;
use crate::text;

pub(super) fn guard_fields(guard: &Guard) -> Fields {
    let (flags, feature) = match &guard.target {
        GuardTarget::Flags(flags) => {
            (flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>().join(", "), String::new())
        }
        GuardTarget::Feature(feature) => (String::new(), feature.to_string()),
    };
    fields([
        ("environment", guard.environment.to_string()),
        ("flags", flags),
        ("feature", feature),
        ("when", guard.when.to_string()),
        ("severity", guard.severity.as_str().to_owned()),
        ("do", text::guard_action(&guard.action)),
        ("recovery_after", Length(guard.recovery_after_seconds).to_string()),
        ("description", guard.description.to_string()),
        ("owner", guard.owner.to_string()),
        ("notify", guard.notify.join(", ")),
    ])
}

pub(super) fn state_fields(state: &GuardState) -> Fields {
    let trip = state.trip.as_ref();
    let taken = trip.iter().flat_map(|trip| &trip.taken);
    let taken: Vec<String> = taken.map(|taken| format!("{} ({})", taken.flag, taken.before)).collect();
    let plans = trip.iter().flat_map(|trip| &trip.plans).map(ToString::to_string);
    let recovery = match &state.recovery {
        Recovery::None => String::new(),
        Recovery::Pending { until } => format!("looked at again at {until}"),
        Recovery::Stated { statement, .. } => {
            let value = statement.value.map(|value| format!(", {}", rounded(value))).unwrap_or_default();
            format!("{}{value}", statement.verdict.as_str())
        }
    };
    let acknowledged = state.acknowledged.as_ref();
    fields([
        ("phase", state.phase.as_str().to_owned()),
        ("why", trip.map(|trip| trip.evidence.in_words()).unwrap_or_default()),
        ("taken_back", taken.join(", ")),
        ("plans", plans.collect::<Vec<_>>().join(", ")),
        ("acknowledged", acknowledged.map(|deed| format!("{}: {}", deed.by, deed.note)).unwrap_or_default()),
        ("recovery", recovery),
        ("blocked", state.blocked.to_string()),
    ])
}
