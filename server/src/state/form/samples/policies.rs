//! Policies and change requests.

use std::sync::Arc;

use mycelia_flags_core::change::Change;
use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::key::{EnvironmentKey, FlagKey};
use mycelia_flags_core::policy::freeze::{FreezePeriod, FreezeWindow, Weekday, WeeklyPeriod};
use mycelia_flags_core::policy::{AskedPolicy, DriftPolicy, Policy};
use mycelia_flags_core::request::{ChangeRequest, RequestState};
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::entities::switched;
use super::{changes, moment, text};

fn revision() -> impl Strategy<Value = Revision> {
    any::<u64>().prop_map(Revision::new)
}

pub(super) fn change() -> BoxedStrategy<Change> {
    prop_oneof![
        (text(), asked()).prop_map(|(environment, policy)| Change::SetPolicy { environment, policy }),
        vec(changes::simple(), 0..3).prop_map(|changes| Change::RequestApproval { changes }),
        revision().prop_map(|request| Change::ApproveRequest { request }),
        revision().prop_map(|request| Change::RejectRequest { request }),
        revision().prop_map(|request| Change::WithdrawRequest { request }),
    ]
    .boxed()
}

pub(super) fn write() -> BoxedStrategy<Write> {
    prop_oneof![
        (text(), option::of(policy())).prop_map(|(environment, policy)| Write {
            id: EntityId::Policy(EnvironmentKey::new(&environment)),
            value: policy.map(|policy| Entity::Policy(Arc::new(policy))),
        }),
        (request(), any::<bool>()).prop_map(|(request, there)| Write {
            id: EntityId::ChangeRequest(request.id),
            value: there.then(|| Entity::ChangeRequest(Arc::new(request))),
        }),
    ]
    .boxed()
}

fn policy() -> impl Strategy<Value = Policy> {
    (asked(), option::of(any::<u32>())).prop_map(|(asked, largest_step)| Policy {
        reason_required: asked.reason_required,
        largest_step,
        smallest_interval_seconds: asked.smallest_interval_seconds,
        freeze_windows: asked.freeze_windows,
        approvals: asked.approvals,
        protected_flags: asked.protected_flags.iter().map(|flag| FlagKey::new(flag)).collect(),
        drift: asked.drift,
        break_glass: asked.break_glass,
    })
}

fn asked() -> impl Strategy<Value = AskedPolicy> {
    let limits = (option::of(0.0..200.0), option::of(any::<u64>()), any::<u32>());
    let drift = prop_oneof![Just(DriftPolicy::Accept), Just(DriftPolicy::Refuse)];
    (any::<[bool; 2]>(), limits, vec(window(), 0..3), vec(text(), 0..3), drift).prop_map(
        |([reason_required, break_glass], limits, freeze_windows, protected_flags, drift)| {
            let (largest_step_percent, smallest_interval_seconds, approvals) = limits;
            AskedPolicy {
                reason_required,
                largest_step_percent,
                smallest_interval_seconds,
                freeze_windows,
                approvals,
                protected_flags,
                drift,
                break_glass,
            }
        },
    )
}

fn window() -> impl Strategy<Value = FreezeWindow> {
    let weekdays = vec(proptest::sample::select(&Weekday::ALL[..]), 0..4);
    let weekly = (weekdays, any::<u32>(), any::<u32>(), any::<i32>()).prop_map(
        |(weekdays, from_minute, lasts_minutes, utc_offset_minutes)| {
            FreezePeriod::Weekly(WeeklyPeriod { weekdays, from_minute, lasts_minutes, utc_offset_minutes })
        },
    );
    let once = (moment(), moment()).prop_map(|(from, to)| FreezePeriod::Once { from, to });
    (text(), prop_oneof![weekly, once]).prop_map(|(name, period)| FreezeWindow { name: name.into(), period })
}

fn request() -> impl Strategy<Value = ChangeRequest> {
    let state = prop_oneof![
        Just(RequestState::Open),
        switched().prop_map(RequestState::Applied),
        switched().prop_map(RequestState::Rejected),
        switched().prop_map(RequestState::Withdrawn),
    ];
    let said = (text(), text(), vec(text(), 0..3));
    let approved = (any::<u32>(), vec(switched(), 0..3), state);
    (revision(), said, moment(), vec(changes::simple(), 0..3), approved).prop_map(
        |(id, (author, reason, environments), requested_at, changes, (needed, approvals, state))| {
            ChangeRequest {
                id,
                author: author.into(),
                reason: reason.into(),
                requested_at,
                changes: changes.into(),
                environments: environments.iter().map(|key| EnvironmentKey::new(key)).collect(),
                needed,
                approvals,
                state,
            }
        },
    )
}
