//! Changes of what an environment allows.

use mycelia_flags_core::change::Change;
use mycelia_flags_core::limits::FREEZE_WINDOWS_MAX;
use mycelia_flags_core::policy::AskedPolicy;
use mycelia_flags_core::policy::freeze::{FreezePeriod, FreezeWindow, Weekday, WeeklyPeriod};
use mycelia_flags_core::revision::Revision;

use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::policy::{WEEKDAYS, drift_from_wire, drift_to_wire, weekday_from_wire, window_to_wire};
use crate::convert::time::timestamp;
use crate::v1;
use crate::v1::change::Change as WireChange;
use crate::v1::freeze_window::Window;

pub(super) fn to_wire(environment: &str, policy: &AskedPolicy) -> WireChange {
    WireChange::SetPolicy(v1::SetPolicy {
        environment: environment.to_owned(),
        policy: Some(v1::Policy {
            reason_required: policy.reason_required,
            largest_step_percent: policy.largest_step_percent,
            smallest_interval_seconds: policy.smallest_interval_seconds,
            freeze_windows: policy.freeze_windows.iter().map(window_to_wire).collect(),
            approvals: policy.approvals,
            protected_flags: policy.protected_flags.clone(),
            drift: drift_to_wire(policy.drift).into(),
            break_glass: policy.break_glass,
        }),
    })
}

pub(super) fn from_wire(path: &Path<'_>, wire: &v1::SetPolicy, faults: &mut Faults) -> Result<Change, Noted> {
    let environment = wire.environment.clone();
    let Some(wire) = &wire.policy else {
        return Ok(Change::SetPolicy { environment, policy: AskedPolicy::default() });
    };
    let path = path.field("policy");
    let at = path.field("freeze_windows");
    let windows = faults
        .count(&at, wire.freeze_windows.len(), FREEZE_WINDOWS_MAX)
        .and_then(|()| faults.each(&at, &wire.freeze_windows, window));
    let drift = faults.or_note(drift_from_wire(path.field("drift"), wire.drift));
    let policy = AskedPolicy {
        reason_required: wire.reason_required,
        largest_step_percent: wire.largest_step_percent,
        smallest_interval_seconds: wire.smallest_interval_seconds,
        freeze_windows: windows?,
        approvals: wire.approvals,
        protected_flags: wire.protected_flags.clone(),
        drift: drift?.unwrap_or_default(),
        break_glass: wire.break_glass,
    };
    Ok(Change::SetPolicy { environment, policy })
}

fn window(path: &Path<'_>, wire: &v1::FreezeWindow, faults: &mut Faults) -> Result<FreezeWindow, Noted> {
    let period = match &wire.window {
        None => return Err(faults.missing(path, "one of weekly or once")),
        Some(Window::Weekly(wire)) => FreezePeriod::Weekly(weekly(&path.field("weekly"), wire, faults)?),
        Some(Window::Once(wire)) => {
            let path = path.field("once");
            let from = timestamp(&path.field("from"), wire.from.as_ref(), faults);
            let to = timestamp(&path.field("to"), wire.to.as_ref(), faults);
            FreezePeriod::Once { from: from?, to: to? }
        }
    };
    Ok(FreezeWindow { name: Box::from(wire.name.as_str()), period })
}

fn weekly(path: &Path<'_>, wire: &v1::WeeklyWindow, faults: &mut Faults) -> Result<WeeklyPeriod, Noted> {
    let at = path.field("weekdays");
    faults.count(&at, wire.weekdays.len(), Weekday::ALL.len())?;
    let weekdays = faults.each(&at, &wire.weekdays, |path, number, faults| {
        faults.set(path, weekday_from_wire(path, *number), WEEKDAYS)
    })?;
    Ok(WeeklyPeriod {
        weekdays,
        from_minute: wire.from_minute,
        lasts_minutes: wire.lasts_minutes,
        utc_offset_minutes: wire.utc_offset_minutes,
    })
}

pub(super) fn approval_to_wire(request: Revision) -> WireChange {
    WireChange::ApproveRequest(v1::ApproveRequest { request: request.get() })
}

pub(super) fn rejection_to_wire(request: Revision) -> WireChange {
    WireChange::RejectRequest(v1::RejectRequest { request: request.get() })
}

pub(super) fn withdrawal_to_wire(request: Revision) -> WireChange {
    WireChange::WithdrawRequest(v1::WithdrawRequest { request: request.get() })
}
