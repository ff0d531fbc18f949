//! What a policy refuses, with which word, and what passes all the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Store, change_set, create, delete, disable, enable, place, rollout};
use crate::change::{Change, Place, SetSegment};
use crate::check::{Checked, Circumstances, Origin, Undone, check};
use crate::entity::EntityId;
use crate::policy::AskedPolicy;
use crate::policy::freeze::{FreezePeriod, FreezeWindow, Weekday, WeeklyPeriod};
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::revision::{Revision, Timestamp};
use crate::snapshot::Snapshot;

/// A change set, and all that it is checked with.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
    /// Seconds since the store was made.
    pub(super) at: i64,
    pub(super) origin: Origin,
}

pub(super) const ANA: Asked<'_> = Asked { actor: "ana", reason: "why", at: 0, origin: Origin::Caller };

/// 2026-11-26T12:00:00Z, a Thursday.
const THURSDAY_NOON: i64 = 1_795_694_400;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros((THURSDAY_NOON + seconds) * 1_000_000)
}

impl Asked<'_> {
    /// Checks and commits.
    pub(super) fn submit(&self, store: &mut Store, changes: &[Change]) -> Result<Checked, Rejection> {
        let mut change_set = change_set(self.actor, changes);
        self.reason.clone_into(&mut change_set.reason);
        let undone = undone(store, changes);
        let circumstances =
            Circumstances { origin: self.origin, at: at(self.at), undone: &undone, ..super::nowhere() };
        let checked = check(&store.snapshot, &change_set, circumstances)?;
        let record = Record {
            revision: store.snapshot.revision().next(),
            committed_at: at(self.at),
            change_set,
            writes: checked.writes.clone(),
            idempotency_key: Box::from(""),
        };
        store.snapshot.fold(&record).unwrap();
        store.records.push(record);
        Ok(checked)
    }

    #[track_caller]
    fn accepted(&self, store: &Store, changes: &[Change]) {
        self.submit(&mut store.clone(), changes).unwrap();
    }

    /// Refused for this one reason, at this field, and with these words among what is allowed.
    #[track_caller]
    pub(super) fn refused(
        &self,
        store: &Store,
        changes: &[Change],
        expected: (Reason, &str, &str),
        allowed: &str,
    ) {
        let mut tried = store.clone();
        let rejection = self.submit(&mut tried, changes).unwrap_err();
        let [violation] = &rejection.violations[..] else { panic!("{rejection}") };
        let found = (violation.reason, violation.field.as_str(), violation.value.as_str());
        assert_eq!(found, expected);
        assert!(violation.allowed.contains(allowed), "{}", violation.allowed);
        assert_eq!(tried, *store);
    }
}

/// What is to be undone, read back as the server does.
fn undone(store: &Store, changes: &[Change]) -> Vec<Undone> {
    let of = |change: &Change| {
        let Change::Undo { revision } = change else { return None };
        let record = store.records.iter().find(|record| record.revision == *revision)?;
        let mut before = Snapshot::default();
        for earlier in store.records.iter().take_while(|earlier| earlier.revision < *revision) {
            before.fold(earlier).unwrap();
        }
        let was = |write: &crate::entity::Write| crate::entity::Write {
            id: write.id.clone(),
            value: before.entity(&write.id),
        };
        Some(Undone {
            revision: *revision,
            writes: record.writes.clone(),
            before: record.writes.iter().map(was).collect(),
            since: Default::default(),
        })
    };
    changes.iter().filter_map(of).collect()
}

pub(super) fn policy_in(environment: &str, policy: AskedPolicy) -> Change {
    Change::SetPolicy { environment: environment.to_owned(), policy }
}

/// A store with `dreams` at 10 % and `whispers`, which was never switched, and this policy in production.
pub(super) fn governed(policy: AskedPolicy) -> Store {
    let mut store = Store::with(&[create("dreams"), create("whispers"), rollout("dreams", 10.0)]);
    ANA.submit(&mut store, &[policy_in("production", policy)]).unwrap();
    store
}

fn asked() -> AskedPolicy {
    AskedPolicy::default()
}

fn in_staging(flag: &str) -> Change {
    Change::Enable(Place { environment: "staging".to_owned(), flag: flag.to_owned() })
}

const FLAG: &str = "changes[0].rollout";

#[test]
fn a_reason_is_wanted_for_whatever_is_written() {
    let store = governed(AskedPolicy { reason_required: true, ..asked() });
    let silent = Asked { reason: " \t", ..ANA };
    let expected = (Reason::ReasonRequired, "reason", " \t");
    silent.refused(&store, &[rollout("dreams", 20.0)], expected, "the policy of production wants a reason");
    silent.refused(&store, &[disable("dreams")], expected, "production");
    silent.refused(&store, &[create("new")], expected, "production");
    silent.accepted(&store, &[in_staging("dreams")]);
    silent.accepted(&store, &[rollout("dreams", 10.0)]);
    ANA.accepted(&store, &[rollout("dreams", 20.0)]);
    Asked { origin: Origin::Control, ..silent }.accepted(&store, &[disable("dreams")]);
}

#[test]
fn a_policy_changes_only_with_a_reason_and_through_any_freeze() {
    let always = FreezePeriod::Once { from: at(-1_000), to: at(1_000) };
    let frozen = AskedPolicy { freeze_windows: vec![window("launch", always)], ..asked() };
    let store = governed(frozen);
    let silent = Asked { reason: "", ..ANA };
    let change = [policy_in("production", asked())];
    silent.refused(&store, &change, (Reason::ReasonRequired, "reason", ""), "why the policy changes");
    let mut store = store;
    let checked = ANA.submit(&mut store, &change).unwrap();
    assert_eq!(super::ids(&checked.writes), ["-policy/production"]);
    let none = ANA.submit(&mut store, &change).unwrap();
    assert_eq!(none.writes, [], "there was none");
}

#[test]
fn a_raise_is_no_larger_than_a_step_however_it_is_asked_for() {
    let store = governed(AskedPolicy { largest_step_percent: Some(25.0), ..asked() });
    ANA.accepted(&store, &[rollout("dreams", 35.0)]);
    let too_large = |value| (Reason::StepTooLarge, FLAG, value);
    ANA.refused(&store, &[rollout("dreams", 35.001)], too_large("+25.001 points"), "at most 25 points");
    ANA.refused(&store, &[rollout("whispers", 30.0)], too_large("+30 points"), "lowering is always allowed");
    let twice = [rollout("dreams", 30.0), rollout("dreams", 50.0)];
    let second = (Reason::StepTooLarge, "changes[1].rollout", "+40 points");
    ANA.refused(&store, &twice, second, "production");
    let enabled = (Reason::StepTooLarge, "changes[0].enable_flag", "+100 points");
    ANA.refused(&store, &[enable("whispers")], enabled, "production");
    ANA.accepted(&store, &[rollout("dreams", 0.0)]);
    ANA.accepted(&store, &[in_staging("whispers")]);
    let control = Asked { origin: Origin::Control, ..ANA };
    control.refused(&store, &[rollout("dreams", 100.0)], too_large("+90 points"), "production");
    // There and back is no raise.
    ANA.accepted(&store, &[rollout("dreams", 100.0), rollout("dreams", 20.0)]);
}

#[test]
fn two_raises_lie_apart_and_an_undo_does_not_make_one_forgotten() {
    let mut store = governed(AskedPolicy { smallest_interval_seconds: Some(3_600), ..asked() });
    let later = |at| Asked { at, ..ANA };
    later(0).submit(&mut store, &[rollout("dreams", 20.0)]).unwrap();
    let expected = |now: i64| {
        let now = at(now).to_string();
        move |store: &Store, asked: &Asked<'_>| {
            asked.refused(
                store,
                &[rollout("dreams", 30.0)],
                (Reason::StepTooSoon, FLAG, &now),
                "a raise from 2026-11-26T13:00:00Z on: ana raised it at 2026-11-26T12:00:00Z (revision 6)",
            );
        }
    };
    expected(3_599)(&store, &later(3_599));
    later(3_600).accepted(&store, &[rollout("dreams", 30.0)]);
    later(10).accepted(&store, &[rollout("dreams", 5.0)]);
    later(10).accepted(&store, &[disable("dreams")]);
    later(10).accepted(&store, &[rollout("whispers", 30.0)]);
    later(20).submit(&mut store, &[Change::Undo { revision: Revision::new(6) }]).unwrap();
    assert_eq!(
        store.flag("production", "dreams").default_serve,
        super::split(&[("on", 10_000), ("off", 90_000)])
    );
    expected(30)(&store, &later(30));
}

fn window(name: &str, period: FreezePeriod) -> FreezeWindow {
    FreezeWindow { name: Box::from(name), period }
}

#[test]
fn a_frozen_environment_only_becomes_safer() {
    let weekly = FreezePeriod::Weekly(WeeklyPeriod {
        weekdays: vec![Weekday::Thursday],
        from_minute: 12 * 60,
        lasts_minutes: 60,
        utc_offset_minutes: 0,
    });
    let store = governed(AskedPolicy { freeze_windows: vec![window("lunch", weekly)], ..asked() });
    let now = at(0).to_string();
    let until = "until 2026-11-26T13:00:00Z: production is frozen for lunch (thu 12:00 to 13:00 +00:00)";
    ANA.refused(&store, &[rollout("dreams", 20.0)], (Reason::Frozen, FLAG, &now), until);
    let segment =
        SetSegment { environment: "production".to_owned(), segment: "a".to_owned(), ..Default::default() };
    let expected = (Reason::Frozen, "changes[0].set_segment", now.as_str());
    ANA.refused(&store, &[Change::SetSegment(segment)], expected, until);
    let control = Asked { origin: Origin::Control, ..ANA };
    control.refused(&store, &[rollout("dreams", 20.0)], (Reason::Frozen, FLAG, &now), until);
    for safer in [rollout("dreams", 5.0), disable("dreams"), create("new"), in_staging("dreams")] {
        ANA.accepted(&store, &[safer]);
    }
    Asked { at: 3_600, ..ANA }.accepted(&store, &[rollout("dreams", 20.0)]);
    Asked { at: -1, ..ANA }.accepted(&store, &[rollout("dreams", 20.0)]);
}

#[test]
fn what_needs_approval_says_how_to_get_it() {
    let store = governed(AskedPolicy { approvals: 2, ..asked() });
    let expected = (Reason::ApprovalRequired, FLAG, "production");
    ANA.refused(&store, &[rollout("dreams", 20.0)], expected, "what 2 other people approved");
    ANA.refused(&store, &[rollout("dreams", 20.0)], expected, "request_approval");
    let policy = (Reason::ApprovalRequired, "changes[0].set_policy", "production");
    ANA.refused(&store, &[policy_in("production", asked())], policy, "for its own change");
    let described = Change::UpdateFlag(crate::change::UpdateFlag {
        flag: "dreams".to_owned(),
        description: Some("for people".to_owned()),
        ..Default::default()
    });
    let shown = Change::UpdateFlag(crate::change::UpdateFlag {
        flag: "dreams".to_owned(),
        services: Some(vec!["ui".to_owned()]),
        ..Default::default()
    });
    let services = (Reason::ApprovalRequired, "changes[0].update_flag", "production");
    ANA.refused(&store, &[shown], services, "2 other people");
    for free in [described, rollout("dreams", 5.0), disable("dreams"), create("new"), in_staging("dreams")] {
        ANA.accepted(&store, &[free]);
    }
    Asked { origin: Origin::Control, ..ANA }.accepted(&store, &[rollout("dreams", 20.0)]);
}

#[test]
fn a_protected_flag_needs_an_approval_and_stays() {
    let store = governed(AskedPolicy { protected_flags: vec!["DREAMS".to_owned()], ..asked() });
    ANA.accepted(&store, &[rollout("dreams", 20.0)]);
    let store = governed(AskedPolicy { protected_flags: vec!["dreams".to_owned()], ..asked() });
    let expected = (Reason::ApprovalRequired, FLAG, "production");
    ANA.refused(&store, &[rollout("dreams", 20.0)], expected, "what 1 other person approved");
    ANA.accepted(&store, &[rollout("whispers", 20.0)]);
    ANA.accepted(&store, &[rollout("dreams", 5.0)]);
    let control = Asked { origin: Origin::Control, ..ANA };
    let gone = (Reason::FlagProtected, "changes[0].delete_flag", "dreams");
    control.refused(&store, &[delete("dreams")], gone, "the policy of production");
    let archive = Change::ArchiveFlag { flag: "dreams".to_owned(), force: true };
    let gone = (Reason::FlagProtected, "changes[0].archive_flag", "dreams");
    control.refused(&store, &[archive], gone, "the policy of production");
}

#[test]
fn a_policy_is_brought_back_by_an_undo() {
    let mut store = governed(AskedPolicy { reason_required: true, ..asked() });
    let held = store.snapshot.entity(&EntityId::Policy(crate::key::EnvironmentKey::new("production")));
    ANA.submit(&mut store, &[policy_in("production", asked())]).unwrap();
    ANA.submit(&mut store, &[Change::Undo { revision: Revision::new(6) }]).unwrap();
    let back = store.snapshot.entity(&EntityId::Policy(crate::key::EnvironmentKey::new("production")));
    assert!(held.is_some());
    assert_eq!(back, held);
}

#[test]
fn everything_that_is_wrong_with_a_policy_is_said() {
    let weekly = WeeklyPeriod {
        weekdays: vec![Weekday::Monday, Weekday::Monday],
        from_minute: 1_440,
        lasts_minutes: 0,
        utc_offset_minutes: 841,
    };
    let policy = AskedPolicy {
        largest_step_percent: Some(0.0),
        smallest_interval_seconds: Some(0),
        freeze_windows: vec![
            window(" ", FreezePeriod::Weekly(weekly)),
            window("once", FreezePeriod::Once { from: at(0), to: at(0) }),
            window(
                "never",
                FreezePeriod::Weekly(WeeklyPeriod {
                    weekdays: Vec::new(),
                    from_minute: 0,
                    lasts_minutes: 10_081,
                    utc_offset_minutes: 0,
                }),
            ),
        ],
        approvals: 11,
        protected_flags: vec!["oracle.chat".to_owned(), "oracle_chat".to_owned(), "a b".to_owned()],
        ..asked()
    };
    let rejection = Store::new().check(&[policy_in("moon", policy)]).unwrap_err();
    let found: Vec<String> = rejection
        .violations
        .iter()
        .map(|violation| {
            let field = violation.field.strip_prefix("changes[0].set_policy.").unwrap();
            format!("{field} {} {}", violation.value, violation.reason.as_str())
        })
        .collect();
    let expected = [
        "environment moon UNKNOWN_ENVIRONMENT",
        "policy.largest_step_percent 0 OUT_OF_RANGE",
        "policy.smallest_interval_seconds 0 OUT_OF_RANGE",
        "policy.freeze_windows[0].name   REQUIRED",
        "policy.freeze_windows[0].weekly.weekdays[1] mon DUPLICATE",
        "policy.freeze_windows[0].weekly.from_minute 1440 OUT_OF_RANGE",
        "policy.freeze_windows[0].weekly.lasts_minutes 0 OUT_OF_RANGE",
        "policy.freeze_windows[0].weekly.utc_offset_minutes 841 OUT_OF_RANGE",
        "policy.freeze_windows[1].once.to 2026-11-26T12:00:00Z OUT_OF_RANGE",
        "policy.freeze_windows[2].weekly.weekdays 0 REQUIRED",
        "policy.freeze_windows[2].weekly.lasts_minutes 10081 OUT_OF_RANGE",
        "policy.approvals 11 OUT_OF_RANGE",
        "policy.protected_flags[1] oracle_chat DUPLICATE",
        "policy.protected_flags[2] a b INVALID_NAME",
    ];
    assert_eq!(found, expected);
}

fn matrix(shares: &[u32; 2], rest: u32) -> Change {
    let shares =
        ["a", "b"].iter().zip(shares).map(|(segment, share)| ((*segment).to_owned(), f64::from(*share)));
    let (place, shares, rest) = (place("dreams"), shares.collect(), Some(f64::from(rest)));
    Change::SetMatrix { place, shares, rest, enable: false }
}

/// Everything that a policy can demand, at once.
fn strict() -> AskedPolicy {
    AskedPolicy {
        reason_required: true,
        largest_step_percent: Some(0.001),
        smallest_interval_seconds: Some(86_400),
        freeze_windows: vec![window("always", FreezePeriod::Once { from: at(-100_000), to: at(100_000) })],
        approvals: 3,
        protected_flags: vec!["dreams".to_owned()],
        ..asked()
    }
}

proptest! {
    #[test]
    fn what_only_lowers_is_never_refused_by_a_policy(
        shares in any::<[prop::sample::Index; 3]>(),
        lowered in vec((0_usize..5, any::<prop::sample::Index>()), 1..6),
    ) {
        let mut held = shares.map(|share| u32::try_from(share.index(101)).unwrap());
        let mut store = Store::with(&[create("dreams")]);
        for segment in ["a", "b"] {
            let segment = SetSegment { environment: "production".to_owned(), segment: segment.to_owned(), ..Default::default() };
            store.submit(&[Change::SetSegment(segment)]).unwrap();
        }
        let detach = Change::SetOverride { place: place("dreams"), service: "ui".to_owned(), variant: "on".to_owned(), seconds: 60 };
        let list = |add: &[&str], remove: &[&str]| Change::EditList {
            environment: "production".to_owned(),
            list: "canary".to_owned(),
            add: add.iter().map(ToString::to_string).collect(),
            remove: remove.iter().map(ToString::to_string).collect(),
        };
        let canary = |on| Change::SwitchCanary { environment: "production".to_owned(), on };
        store.submit(&[matrix(&[held[0], held[1]], held[2]), detach, list(&["ada"], &[]), canary(true)]).unwrap();
        store.submit(&[policy_in("production", strict())]).unwrap();
        let mut overridden = true;
        for (which, by) in lowered {
            let change = match which {
                index @ 0..=2 => {
                    let share = usize::try_from(held[index]).unwrap() + 1;
                    held[index] = u32::try_from(by.index(share)).unwrap();
                    matrix(&[held[0], held[1]], held[2])
                }
                3 if overridden => {
                    overridden = false;
                    Change::RemoveOverride { place: place("dreams"), service: "ui".to_owned() }
                }
                3 => list(&[], &["ada"]),
                _ => canary(false),
            };
            let checked = ANA.submit(&mut store, std::slice::from_ref(&change));
            prop_assert!(checked.is_ok(), "{:?}: {:?}", change, checked);
        }
        prop_assert!(ANA.submit(&mut store, &[disable("dreams")]).is_ok());
        let mut replayed = Snapshot::default();
        for record in &store.records {
            replayed.fold(record).unwrap();
        }
        prop_assert_eq!(replayed, store.snapshot);
    }
}

#[test]
fn an_undo_that_takes_a_flag_off_is_a_rollback_and_the_same_by_hand_prepares_something() {
    let mut store = Store::with(&[create("dreams")]);
    ANA.submit(&mut store, &[policy_in("production", AskedPolicy { break_glass: true, ..asked() })]).unwrap();
    ANA.submit(&mut store, &[rollout("dreams", 10.0)]).unwrap();
    ANA.submit(&mut store, &[policy_in("production", strict())]).unwrap();
    ANA.accepted(&store, &[Change::Undo { revision: Revision::new(4) }]);
    let all = super::default_serve("dreams", super::serve("on"));
    assert!(ANA.submit(&mut store.clone(), &[disable("dreams"), all.clone()]).is_err());
    // Whatever is changed again after it was given back is judged like anything else.
    assert!(ANA.submit(&mut store, &[Change::Undo { revision: Revision::new(4) }, all]).is_err());
}
