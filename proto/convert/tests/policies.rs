//! Policies and change requests, as they may be asked for and as they are in force.

use std::sync::Arc;

use mycelia_flags_core::change::Change;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey};
use mycelia_flags_core::policy::freeze::{FreezePeriod, FreezeWindow, Weekday, WeeklyPeriod};
use mycelia_flags_core::policy::{AskedPolicy, DriftPolicy, Policy};
use mycelia_flags_core::request::{ChangeRequest, RequestState};
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::models::{boxed_texts, switched, texts, timestamps};
use super::*;

fn windows() -> impl Strategy<Value = FreezeWindow> {
    let weekdays = vec(select(&Weekday::ALL[..]), 0..7);
    let weekly = (weekdays, any::<u32>(), any::<u32>(), any::<i32>()).prop_map(
        |(weekdays, from_minute, lasts_minutes, utc_offset_minutes)| {
            FreezePeriod::Weekly(WeeklyPeriod { weekdays, from_minute, lasts_minutes, utc_offset_minutes })
        },
    );
    let once = (timestamps(), timestamps()).prop_map(|(from, to)| FreezePeriod::Once { from, to });
    (boxed_texts(), prop_oneof![weekly, once]).prop_map(|(name, period)| FreezeWindow { name, period })
}

pub(super) fn asked_policies() -> impl Strategy<Value = AskedPolicy> {
    let numbers = (option::of(any::<f64>()), option::of(any::<u64>()), any::<u32>());
    let drift = prop_oneof![Just(DriftPolicy::Accept), Just(DriftPolicy::Refuse)];
    (any::<[bool; 2]>(), numbers, vec(windows(), 0..3), vec(texts(), 0..3), drift).prop_map(
        |([reason_required, break_glass], numbers, freeze_windows, protected_flags, drift)| {
            let (largest_step_percent, smallest_interval_seconds, approvals) = numbers;
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

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    (asked_policies(), option::of(1_u32..=100_000)).prop_map(|(asked, largest_step)| Policy {
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

pub(super) fn requests() -> impl Strategy<Value = ChangeRequest> {
    let state = prop_oneof![
        Just(RequestState::Open),
        switched().prop_map(RequestState::Applied),
        switched().prop_map(RequestState::Rejected),
        switched().prop_map(RequestState::Withdrawn),
    ];
    let said = (boxed_texts(), boxed_texts(), timestamps());
    (any::<u64>(), said, any::<u32>(), vec(switched(), 0..3), state).prop_map(
        |(id, (author, reason, requested_at), needed, approvals, state)| ChangeRequest {
            id: Revision::new(id),
            author,
            reason,
            requested_at,
            changes: Arc::from([Change::Undo { revision: Revision::new(1) }]),
            environments: vec![EnvironmentKey::new("production")],
            needed,
            approvals,
            state,
        },
    )
}

#[test]
fn a_request_shows_who_asked_for_what_and_who_has_closed_it() {
    let by = mycelia_flags_core::flag::Switched {
        by: Box::from("ben"),
        at: Timestamp::from_unix_micros(1_000_000),
        revision: Revision::new(8),
    };
    let request = ChangeRequest {
        id: Revision::new(7),
        author: Box::from("ana"),
        reason: Box::from("day 1"),
        requested_at: Timestamp::default(),
        changes: Arc::from([Change::Undo { revision: Revision::new(3) }]),
        environments: vec![EnvironmentKey::new("production")],
        needed: 1,
        approvals: vec![by.clone()],
        state: RequestState::Rejected(by),
    };
    let wire = request_to_wire(&request);
    let asked = wire.change_set.clone().unwrap();
    assert_eq!((asked.actor.as_str(), asked.reason.as_str(), asked.changes.len()), ("ana", "day 1", 1));
    assert_eq!((wire.id, wire.state(), wire.approvals.len()), (7, v1::RequestState::Rejected, 1));
    assert_eq!(wire.closed.unwrap().actor, "ben");
}

#[test]
fn everything_that_is_wrong_with_the_shape_of_a_policy_is_said() {
    use crate::v1::freeze_window::Window;

    let window = |window| v1::FreezeWindow { name: "x".to_owned(), window };
    let weekly = v1::WeeklyWindow { weekdays: vec![0, 8, 1], ..v1::WeeklyWindow::default() };
    let policy = v1::Policy {
        freeze_windows: vec![
            window(None),
            window(Some(Window::Weekly(weekly))),
            window(Some(Window::Once(v1::OnceWindow::default()))),
        ],
        drift: 9,
        ..v1::Policy::default()
    };
    let set = v1::SetPolicy { environment: String::new(), policy: Some(policy) };
    let change = v1::Change { change: Some(v1::change::Change::SetPolicy(set)) };
    let wire = v1::ChangeSet { changes: vec![change], ..v1::ChangeSet::default() };
    let rejection = change_set_from_wire(&wire).unwrap_err();
    let found: Vec<(&str, &str)> = rejection
        .violations
        .iter()
        .map(|violation| {
            let field = violation.field.strip_prefix("changes[0].set_policy.policy.").unwrap();
            (field, violation.allowed.as_str())
        })
        .collect();
    let day = "a day of the week, monday (1) to sunday (7)";
    assert_eq!(
        found,
        [
            ("freeze_windows[0]", "one of weekly or once"),
            ("freeze_windows[1].weekly.weekdays[0]", day),
            ("freeze_windows[1].weekly.weekdays[1]", day),
            ("freeze_windows[2].once.from", "a point in time"),
            ("freeze_windows[2].once.to", "a point in time"),
            ("drift", "accept (1) or refuse (2)"),
        ]
    );
}

/// Decoders give up beyond 100 levels, and one record that a client cannot read would hide the whole history from it.
#[test]
fn the_deepest_change_within_a_request_can_be_read() {
    use mycelia_flags_core::change::SetSegment;
    use mycelia_flags_core::condition::{Condition, Operator, Test};
    use mycelia_flags_core::limits::{CONDITION_DEPTH_MAX, VALUE_DEPTH_MAX};
    use mycelia_flags_core::value::Value;

    let deepest =
        (0..VALUE_DEPTH_MAX).fold(Value::Null, |value, _| Value::Object([(Box::from("name"), value)].into()));
    let test = Condition::Test(Test {
        attribute: Box::from("plan"),
        operator: Operator::In,
        operands: vec![deepest],
        negated: false,
    });
    let condition = (0..CONDITION_DEPTH_MAX).fold(test, |condition, _| Condition::All(vec![condition]));
    let changes = vec![Change::SetSegment(SetSegment { condition: Some(condition), ..Default::default() })];
    let request = ChangeRequest {
        id: Revision::new(1),
        author: Box::default(),
        reason: Box::default(),
        requested_at: Timestamp::default(),
        changes: changes.clone().into(),
        environments: Vec::new(),
        needed: 1,
        approvals: Vec::new(),
        state: RequestState::Open,
    };
    let id = EntityId::ChangeRequest(request.id);
    let record = Record {
        revision: Revision::new(1),
        committed_at: Timestamp::default(),
        change_set: ChangeSet { changes: vec![Change::RequestApproval { changes }], ..Default::default() },
        writes: vec![Write { id, value: Some(Entity::ChangeRequest(Arc::new(request))) }],
        idempotency_key: Box::default(),
    };
    let wire = record_to_wire(&record, bytes::Bytes::new());
    let answer = v1::ListRecordsResponse { records: vec![wire], ..Default::default() };
    assert_eq!(v1::ListRecordsResponse::decode(answer.encode_to_vec().as_slice()), Ok(answer));
}
