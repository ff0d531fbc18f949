//! What an environment allows, and changes that wait for approval, as people read them.

use mycelia_flags_core::change::ChangeSet;
use mycelia_flags_core::policy::freeze::{FreezePeriod, FreezeWindow, Weekday};
use mycelia_flags_core::policy::{DriftPolicy, Policy};
use mycelia_flags_core::request::{ChangeRequest, RequestState};

use super::change::change_set_to_wire;
use super::fault::WireError;
use super::flag::switched_to_wire;
use super::same_names;
use super::time::timestamp_to_wire;
use crate::v1;
use crate::v1::freeze_window::Window;

same_names!(drift_to_wire, drift_from_wire, DriftPolicy, unknown_drift, [Accept, Refuse]);
same_names!(
    weekday_to_wire,
    weekday_from_wire,
    Weekday,
    unknown_weekday,
    [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]
);

const fn unknown_drift(field: String, number: i32) -> WireError {
    WireError::UnknownNumber { field, number, allowed: "accept (1) or refuse (2)" }
}

const fn unknown_weekday(field: String, number: i32) -> WireError {
    WireError::UnknownNumber { field, number, allowed: WEEKDAYS }
}

/// Says in words what a weekday is.
pub(super) const WEEKDAYS: &str = "a day of the week, monday (1) to sunday (7)";

/// The wire's policy.
#[must_use]
pub fn policy_to_wire(policy: &Policy) -> v1::Policy {
    v1::Policy {
        reason_required: policy.reason_required,
        largest_step_percent: policy.largest_step.map(|step| f64::from(step) / 1_000.0),
        smallest_interval_seconds: policy.smallest_interval_seconds,
        freeze_windows: policy.freeze_windows.iter().map(window_to_wire).collect(),
        approvals: policy.approvals,
        protected_flags: policy.protected_flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
        drift: drift_to_wire(policy.drift).into(),
        break_glass: policy.break_glass,
    }
}

pub(super) fn window_to_wire(window: &FreezeWindow) -> v1::FreezeWindow {
    let period = match &window.period {
        FreezePeriod::Weekly(weekly) => Window::Weekly(v1::WeeklyWindow {
            weekdays: weekly.weekdays.iter().map(|weekday| weekday_to_wire(*weekday).into()).collect(),
            from_minute: weekly.from_minute,
            lasts_minutes: weekly.lasts_minutes,
            utc_offset_minutes: weekly.utc_offset_minutes,
        }),
        FreezePeriod::Once { from, to } => Window::Once(v1::OnceWindow {
            from: Some(timestamp_to_wire(*from)),
            to: Some(timestamp_to_wire(*to)),
        }),
    };
    v1::FreezeWindow { name: window.name.to_string(), window: Some(period) }
}

/// The wire's change request.
#[must_use]
pub fn request_to_wire(request: &ChangeRequest) -> v1::ChangeRequest {
    let change_set = ChangeSet {
        actor: request.author.to_string(),
        reason: request.reason.to_string(),
        changes: request.changes.to_vec(),
    };
    let state = match &request.state {
        RequestState::Open => v1::RequestState::Open,
        RequestState::Applied(_) => v1::RequestState::Applied,
        RequestState::Rejected(_) => v1::RequestState::Rejected,
        RequestState::Withdrawn(_) => v1::RequestState::Withdrawn,
    };
    v1::ChangeRequest {
        id: request.id.get(),
        change_set: Some(change_set_to_wire(&change_set)),
        requested_at: Some(timestamp_to_wire(request.requested_at)),
        environments: request.environments.iter().map(ToString::to_string).collect(),
        approvals_needed: request.needed,
        approvals: request.approvals.iter().map(switched_to_wire).collect(),
        state: state.into(),
        closed: request.state.closed().map(switched_to_wire),
    }
}
