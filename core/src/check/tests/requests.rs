//! The life of a change request.

use super::policies::{ANA, Asked, governed, policy_in};
use super::{Store, create, disable, enable, rollout};
use crate::change::{Change, Place};
use crate::check::Origin;
use crate::limits::{REQUESTS_CLOSED_MAX, REQUESTS_OPEN_MAX};
use crate::policy::AskedPolicy;
use crate::policy::freeze::{FreezePeriod, FreezeWindow};
use crate::rejection::Reason;
use crate::request::RequestState;
use crate::revision::Revision;
use crate::snapshot::Snapshot;

const BEN: Asked<'_> = Asked { actor: "ben", reason: "looks right", at: 10, origin: Origin::Caller };
const CLEO: Asked<'_> = Asked { actor: "cleo", reason: "", at: 20, origin: Origin::Caller };

fn request(changes: &[Change]) -> Change {
    Change::RequestApproval { changes: changes.to_vec() }
}

fn approve(request: u64) -> Change {
    Change::ApproveRequest { request: Revision::new(request) }
}

fn reject(request: u64) -> Change {
    Change::RejectRequest { request: Revision::new(request) }
}

fn withdraw(request: u64) -> Change {
    Change::WithdrawRequest { request: Revision::new(request) }
}

/// The store is at revision 5.
fn reviewed(approvals: u32) -> Store {
    governed(AskedPolicy { approvals, ..AskedPolicy::default() })
}

const APPROVAL: &str = "changes[0].approve_request.request";

#[test]
fn the_last_approval_makes_the_changes_in_its_own_revision() {
    let mut store = reviewed(2);
    let asked = ANA.submit(&mut store, &[request(&[rollout("dreams", 50.0)])]).unwrap();
    assert_eq!(super::ids(&asked.writes), ["request/6"]);
    ANA.refused(&store, &[approve(6)], (Reason::WrongPerson, APPROVAL, "ana"), "other than ana");
    let shouting = Asked { actor: " ANA ", ..ANA };
    shouting.refused(&store, &[approve(6)], (Reason::WrongPerson, APPROVAL, " ANA "), "other than ana");
    BEN.submit(&mut store, &[approve(6)]).unwrap();
    assert_eq!(
        store.flag("production", "dreams").default_serve,
        super::split(&[("on", 10_000), ("off", 90_000)])
    );
    BEN.refused(&store, &[approve(6)], (Reason::WrongPerson, APPROVAL, "ben"), "as ben has at");
    let applied = CLEO.submit(&mut store, &[approve(6)]).unwrap();
    assert_eq!(super::ids(&applied.writes), ["configuration/production/dreams", "request/6"]);
    let held = store.snapshot.request(Revision::new(6)).unwrap();
    let by: Vec<&str> = held.approvals.iter().map(|approval| &*approval.by).collect();
    assert_eq!((&*held.author, &by[..], held.needed), ("ana", &["ben", "cleo"][..], 2));
    assert!(matches!(&held.state, RequestState::Applied(by) if by.revision == Revision::new(8)));
    let raised = store.configuration("production", "dreams").raised.unwrap();
    assert_eq!((&*raised.by, raised.revision), ("ana", Revision::new(8)));
    let closed = (Reason::RequestClosed, APPROVAL, "6");
    Asked { actor: "dan", ..ANA }.refused(&store, &[approve(6)], closed, "was applied by cleo at");
    let mut replayed = Snapshot::default();
    for record in &store.records {
        replayed.fold(record).unwrap();
    }
    assert_eq!(replayed, store.snapshot);
}

#[test]
fn what_can_never_happen_is_refused_before_anybody_is_asked() {
    let store = governed(AskedPolicy {
        approvals: 1,
        largest_step_percent: Some(25.0),
        reason_required: true,
        ..AskedPolicy::default()
    });
    let inner = "changes[0].request_approval.changes";
    let unknown = (Reason::UnknownFlag, &*format!("{inner}[0].enable_flag.flag"), "nowhere");
    ANA.refused(&store, &[request(&[enable("nowhere")])], unknown, "a flag that exists");
    let large = (Reason::StepTooLarge, &*format!("{inner}[0].rollout"), "+80 points");
    ANA.refused(&store, &[request(&[rollout("dreams", 90.0)])], large, "at most 25 points");
    let silent = Asked { reason: "", ..ANA };
    silent.refused(
        &store,
        &[request(&[rollout("dreams", 20.0)])],
        (Reason::ReasonRequired, "reason", ""),
        "production",
    );
    ANA.refused(&store, &[request(&[])], (Reason::Required, inner, "0"), "1 to 1000");
    ANA.refused(
        &store,
        &[request(&[rollout("dreams", 10.0)])],
        (Reason::NotApplicable, inner, ""),
        "as asked already",
    );
    let nested = request(&[request(&[enable("dreams")])]);
    let field = format!("{inner}[0].request_approval");
    ANA.refused(&store, &[nested], (Reason::NotApplicable, &field, ""), "none of requests");
    let store_change = request(&[super::create_store(Default::default(), &["a"])]);
    let field = format!("{inner}[0].create_store");
    ANA.refused(&store, &[store_change], (Reason::NotApplicable, &field, ""), "none of the store");
    let beside = [request(&[rollout("dreams", 20.0)]), disable("dreams")];
    let alone = (Reason::NotApplicable, "changes[0].request_approval", "");
    ANA.refused(&store, &beside, alone, "the only change");
}

#[test]
fn a_request_that_no_longer_fits_stays_open() {
    let mut store = reviewed(1);
    ANA.submit(&mut store, &[create("new")]).unwrap();
    ANA.submit(&mut store, &[request(&[rollout("new", 50.0)])]).unwrap();
    let control = Asked { origin: Origin::Control, ..ANA };
    control.submit(&mut store, &[super::delete("new")]).unwrap();
    let allowed = "the key of a flag that exists (request 7: changes[0].rollout.flag)";
    BEN.refused(&store, &[approve(7)], (Reason::UnknownFlag, APPROVAL, "new"), allowed);
    assert_eq!(store.snapshot.request(Revision::new(7)).unwrap().state, RequestState::Open);
    control.submit(&mut store, &[create("new")]).unwrap();
    BEN.submit(&mut store, &[approve(7)]).unwrap();
    assert!(store.flag("production", "new").enabled);
}

#[test]
fn a_freeze_holds_up_the_last_approval_and_no_other() {
    let launch = FreezeWindow {
        name: Box::from("launch"),
        period: FreezePeriod::Once { from: super::policies::at(0), to: super::policies::at(100) },
    };
    let mut store =
        governed(AskedPolicy { approvals: 2, freeze_windows: vec![launch], ..AskedPolicy::default() });
    ANA.submit(&mut store, &[request(&[rollout("dreams", 50.0)])]).unwrap();
    BEN.submit(&mut store, &[approve(6)]).unwrap();
    let now = super::policies::at(20).to_string();
    CLEO.refused(&store, &[approve(6)], (Reason::Frozen, APPROVAL, &now), "production is frozen for launch");
    Asked { at: 100, ..CLEO }.submit(&mut store, &[approve(6)]).unwrap();
}

#[test]
fn a_request_asks_for_as_many_as_the_policy_wants_when_it_is_approved() {
    let mut store = Store::with(&[create("dreams")]);
    let changed = ANA.submit(&mut store, &[request(&[enable("dreams")])]).unwrap();
    assert_eq!(
        super::ids(&changed.writes),
        ["request/3"],
        "whoever asks for another look gets it without a policy"
    );
    let policy = policy_in("production", AskedPolicy { approvals: 2, ..AskedPolicy::default() });
    ANA.submit(&mut store, &[policy]).unwrap();
    BEN.submit(&mut store, &[approve(3)]).unwrap();
    assert!(!store.flag("production", "dreams").enabled);
    CLEO.submit(&mut store, &[approve(3)]).unwrap();
    assert!(store.flag("production", "dreams").enabled);
}

#[test]
fn a_policy_that_wants_approvals_is_changed_by_one() {
    let mut store = reviewed(1);
    ANA.submit(&mut store, &[request(&[policy_in("production", AskedPolicy::default())])]).unwrap();
    CLEO.submit(&mut store, &[approve(6)]).unwrap();
    assert_eq!(store.snapshot.policies().count(), 0);
}

#[test]
fn only_its_author_withdraws_a_request_and_anybody_rejects_it() {
    let mut store = reviewed(1);
    for _ in 0..2 {
        ANA.submit(&mut store, &[request(&[rollout("dreams", 50.0)])]).unwrap();
    }
    let field = "changes[0].withdraw_request.request";
    BEN.refused(&store, &[withdraw(6)], (Reason::WrongPerson, field, "ben"), "anybody else may reject it");
    ANA.submit(&mut store, &[withdraw(6)]).unwrap();
    BEN.submit(&mut store, &[reject(7)]).unwrap();
    BEN.refused(&store, &[approve(6)], (Reason::RequestClosed, APPROVAL, "6"), "withdrawn by ana");
    BEN.refused(&store, &[approve(7)], (Reason::RequestClosed, APPROVAL, "7"), "rejected by ben");
    BEN.refused(&store, &[approve(5)], (Reason::UnknownRequest, APPROVAL, "5"), "a change request");
}

#[test]
fn an_undo_takes_back_what_was_done_and_not_what_was_said() {
    let mut store = reviewed(1);
    ANA.submit(&mut store, &[request(&[rollout("dreams", 50.0)])]).unwrap();
    BEN.submit(&mut store, &[approve(6)]).unwrap();
    let undo = |revision| Change::Undo { revision: Revision::new(revision) };
    let said = (Reason::NotApplicable, "changes[0].undo.revision", "6");
    ANA.refused(&store, &[undo(6)], said, "a revision that changed flags");
    let undone = ANA.submit(&mut store, &[undo(7)]).unwrap();
    assert_eq!(super::ids(&undone.writes), ["configuration/production/dreams"]);
    // What is undone can be asked for again, with as many eyes.
    let again = (Reason::ApprovalRequired, "changes[0].undo", "production");
    ANA.refused(&store, &[undo(8)], again, "1 other person");
}

#[test]
fn so_many_requests_are_open_and_so_many_closed_ones_are_kept() {
    let mut store = Store::with(&[create("dreams")]);
    let staging = Place { environment: "staging".to_owned(), flag: "dreams".to_owned() };
    let asked = request(&[Change::Enable(staging)]);
    for _ in 0..REQUESTS_OPEN_MAX {
        ANA.submit(&mut store, std::slice::from_ref(&asked)).unwrap();
    }
    let full = (Reason::TooLarge, "changes[0].request_approval.changes", "200");
    ANA.refused(&store, std::slice::from_ref(&asked), full, "at most 200 open requests");
    let last = store.snapshot.revision().get();
    let all: Vec<u64> = store.snapshot.requests().map(|request| request.id.get()).collect();
    for id in &all {
        ANA.submit(&mut store, &[withdraw(*id)]).unwrap();
    }
    ANA.submit(&mut store, std::slice::from_ref(&asked)).unwrap();
    let id = store.snapshot.revision().get();
    assert!(id > last);
    ANA.submit(&mut store, &[withdraw(id)]).unwrap();
    ANA.submit(&mut store, &[asked]).unwrap();
    assert_eq!(store.snapshot.requests().count(), REQUESTS_CLOSED_MAX + 1);
    assert!(store.snapshot.request(Revision::new(all[0])).is_none(), "the oldest has gone");
}
