//! Incidents, soaks, and promotions between environments: what is missing, item by item, and what a promotion does.

mod glass;

use super::{Store, change_set, create, nowhere, place, rule, serve};
use crate::change::{AskedRules, Change, CloseIncident, OpenIncident, Place, Promote, RecordDrill};
use crate::check::{Checked, Circumstances, Undone, check};
use crate::condition::Condition;
use crate::entity::EntityId;
use crate::incident::Severity;
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, PlanKey, SegmentKey};
use crate::plan::gate::Memory;
use crate::plan::{PlanDefinition, Stage, Target};
use crate::promotion::readiness::{Question, readiness, ready_at};
use crate::promotion::soak::{Soak, soak};
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::revision::{Revision, Timestamp};

const HOUR: i64 = 3_600;

/// A store whose clock is the caller's.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) hours: i64,
}

impl World {
    /// With the flag `voice`.
    pub(super) fn new() -> Self {
        Self { store: Store::with(&[create("voice")]), hours: 0 }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros((1_795_251_600 + self.hours * HOUR) * 1_000_000)
    }

    pub(super) fn try_as(&mut self, actor: &str, changes: &[Change]) -> Result<Checked, Rejection> {
        self.try_with(actor, "a test", changes, &[])
    }

    fn try_with(
        &mut self,
        actor: &str,
        reason: &str,
        changes: &[Change],
        undone: &[Undone],
    ) -> Result<Checked, Rejection> {
        let mut change_set = change_set(actor, changes);
        change_set.reason = reason.to_owned();
        let circumstances = Circumstances { at: self.now(), undone, ..nowhere() };
        let checked = check(&self.store.snapshot, &change_set, circumstances)?;
        let record = Record {
            revision: self.store.snapshot.revision().next(),
            committed_at: self.now(),
            change_set,
            writes: checked.writes.clone(),
            idempotency_key: Box::from(""),
        };
        self.store.snapshot.fold(&record).unwrap();
        self.store.records.push(record);
        Ok(checked)
    }

    #[track_caller]
    pub(super) fn does(&mut self, actor: &str, change: Change) -> Checked {
        self.try_as(actor, &[change]).unwrap()
    }

    /// What the promotion of `voice` from staging to production still waits for.
    fn missing(&self) -> Vec<String> {
        let (from, to) = (EnvironmentKey::new("staging"), EnvironmentKey::new("production"));
        let flag = FlagKey::new("voice");
        let question =
            Question { flag: &flag, from: &from, to: &to, requester: Some("ana"), now: self.now() };
        let items = readiness(&self.store.snapshot, &question);
        items.into_iter().filter(|item| !item.done).map(|item| item.words).collect()
    }

    fn soak(&self) -> Soak {
        soak(&self.store.snapshot, &EnvironmentKey::new("staging"), &FoldedKey::of("voice"))
    }

    #[track_caller]
    fn check_missing(&self, expected: &[&str]) {
        assert_eq!(self.missing(), expected);
    }
}

pub(super) fn staged(flag: &str) -> Place {
    Place { environment: "staging".to_owned(), ..place(flag) }
}

pub(super) fn rules(rules: AskedRules) -> Change {
    let rules = AskedRules { from: "staging".to_owned(), ..rules };
    Change::SetPromotionRules { environment: "production".to_owned(), rules: Some(Box::new(rules)) }
}

pub(super) fn incident(severity: Severity) -> Change {
    Change::OpenIncident(OpenIncident {
        environment: "staging".to_owned(),
        flags: vec!["voice".to_owned()],
        severity,
        what: "voice cuts out".to_owned(),
    })
}

fn close() -> Change {
    Change::CloseIncident(CloseIncident::OfFlag {
        environment: "staging".to_owned(),
        flag: "voice".to_owned(),
    })
}

pub(super) fn promote(force: bool) -> Change {
    let (flag, from, to) = ("voice".to_owned(), "staging".to_owned(), "production".to_owned());
    Change::Promote(Promote { flag, from, to, force })
}

fn approve() -> Change {
    Change::ApprovePromotion { flag: "voice".to_owned(), to: "production".to_owned() }
}

fn tick(item: &str) -> Change {
    Change::TickPromotion { flag: "voice".to_owned(), to: "production".to_owned(), item: item.to_owned() }
}

pub(super) fn drill(services: &[(&str, u64)], total_micros: u64) -> Change {
    Change::RecordDrill(RecordDrill {
        environment: "staging".to_owned(),
        flag: "voice".to_owned(),
        services: services.iter().map(|(service, micros)| (service.to_string(), *micros)).collect(),
        total_micros,
    })
}

fn all_of_it() -> AskedRules {
    AskedRules {
        soak_seconds: 48 * 3_600,
        incident_free_seconds: 48 * 3_600,
        approvals: 1,
        checklist: vec!["Security review passed".to_owned(), "Dashboards ready".to_owned()],
        drill_within_seconds: 30 * 24 * 3_600,
        ..AskedRules::default()
    }
}

#[test]
fn each_point_is_missing_until_it_is_done() {
    let mut world = World::new();
    world.does("ana", rules(all_of_it()));
    let people =
        ["0 of 1 approvals", "not ticked off: Security review passed", "not ticked off: Dashboards ready"];
    let no_drill = "no drill of voice in staging within 30d";
    let rest = [&people[..], &[no_drill]].concat();
    world.check_missing(&[&["soak: 0h of 48h; voice is disabled in staging"][..], &rest].concat());
    world.does("ana", Change::Enable(staged("voice")));
    world.hours = 31;
    let soak = "soak: 31h of 48h; ready at 2026-11-23T09:00:00Z";
    world.check_missing(&[&[soak][..], &rest].concat());
    world.hours = 48;
    world.check_missing(&rest);
    world.does("bea", approve());
    world.does("bea", tick("security review passed"));
    world.does("bea", tick("2"));
    world.check_missing(&[no_drill]);
    world.does("bea", drill(&[("ui", 900)], 1_000));
    world.check_missing(&[]);
    world.hours = 48 + 31 * 24;
    world.check_missing(&[
        "no drill of voice in staging within 30d; the last one was at 2026-11-23T09:00:00Z",
    ]);
}

#[test]
fn the_soak_begins_anew_when_it_was_interrupted() {
    let mut world = World::new();
    assert_eq!(world.soak(), Soak::Disabled);
    let rollout = |percent| Change::Rollout { place: staged("voice"), percent, enable: true };
    world.does("ana", rollout(0.0));
    assert_eq!(world.soak(), Soak::ServesNobody);
    world.does("ana", rollout(10.0));
    let enabled = world.now();
    world.hours = 10;
    world.does("ana", rollout(50.0));
    assert_eq!(world.soak(), Soak::Since { at: enabled, after: None });
    world.does("ana", incident(Severity::Warning));
    assert_eq!(world.soak(), Soak::Since { at: enabled, after: None }, "a warning stops nothing");
    let opened = world.store.snapshot.revision().next();
    world.does("ana", incident(Severity::Critical));
    let what: Box<str> = format!("#{opened} voice cuts out").into();
    assert_eq!(world.soak(), Soak::Incident(what.clone()));
    world.hours = 12;
    world.does("ana", close());
    assert_eq!(world.soak(), Soak::Since { at: world.now(), after: Some(what) });
    world.hours = 13;
    world.does("ana", Change::Disable(staged("voice")));
    assert_eq!(world.soak(), Soak::Disabled);
    world.hours = 20;
    world.does("ana", Change::Enable(staged("voice")));
    assert_eq!(world.soak(), Soak::Since { at: world.now(), after: None });
}

#[test]
fn an_incident_is_waited_for_and_then_for_its_quiet_time() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules { incident_free_seconds: 7 * 24 * 3_600, ..AskedRules::default() }));
    world.check_missing(&[]);
    world.does("bea", incident(Severity::Critical));
    world.check_missing(&["an incident is open: #4 voice cuts out (2026-11-21T09:00:00Z, bea in staging)"]);
    world.hours = 2;
    world.does("bea", close());
    world.hours = 26;
    world.check_missing(&[
        "no critical incident for 24h of 7d, since #4 voice cuts out was closed; ready at 2026-11-28T11:00:00Z",
    ]);
    world.hours = 2 + 7 * 24;
    world.check_missing(&[]);
    let there = OpenIncident {
        environment: "production".to_owned(),
        flags: vec!["voice".to_owned()],
        severity: Severity::Critical,
        what: "down".to_owned(),
    };
    world.does("bea", Change::OpenIncident(there));
    world.check_missing(&["an incident is open: #6 down (2026-11-28T11:00:00Z, bea in production)"]);
}

#[test]
fn nobody_approves_their_own_promotion() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules { approvals: 1, ..AskedRules::default() }));
    world.does("ana", approve());
    world.check_missing(&["0 of 1 approvals; the approval of whoever promotes does not count"]);
    let rejection = world.try_as("ana", &[promote(false)]).unwrap_err();
    assert_eq!(rejection.violations.len(), 1);
    let twice = world.try_as("ana", &[approve()]).unwrap_err();
    assert_eq!(twice.violations.first().unwrap().reason, Reason::Duplicate);
    world.does("bea", approve());
    world.check_missing(&[]);
    world.does("ana", promote(false));
    world.check_missing(&["0 of 1 approvals"]);
}

#[test]
fn an_approval_is_void_when_the_source_serves_something_else() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules { approvals: 1, ..AskedRules::default() }));
    world.does("ana", Change::Enable(staged("voice")));
    world.does("bea", approve());
    let rollout = Change::Rollout { place: staged("voice"), percent: 50.0, enable: false };
    let checked = world.does("ana", rollout);
    assert_eq!(
        checked.warnings,
        [
            "staging serves something else of voice now: 1 of the approvals to promote it to production are void"
        ]
    );
    world.check_missing(&["0 of 1 approvals"]);
}

#[test]
fn an_undo_that_brings_back_what_was_approved_brings_back_the_approvals() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules { approvals: 1, ..AskedRules::default() }));
    world.does("ana", Change::Enable(staged("voice")));
    world.does("bea", approve());
    let before = world.store.snapshot.clone();
    let writes = world.does("ana", Change::Disable(staged("voice"))).writes;
    world.check_missing(&["0 of 1 approvals"]);
    let revision = world.store.snapshot.revision();
    let was = |id: &EntityId| crate::entity::Write { id: id.clone(), value: before.entity(id) };
    let before = writes.iter().map(|write| was(&write.id)).collect();
    let undone = Undone { revision, writes, before, since: Default::default() };
    world.try_with("ana", "", &[Change::Undo { revision }], &[undone]).unwrap();
    world.check_missing(&[]);
}

#[test]
fn what_is_missing_is_said_when_it_is_refused() {
    let mut world = World::new();
    world.does("ana", rules(all_of_it()));
    world.does("ana", Change::Enable(staged("voice")));
    world.hours = 31;
    let rejection = world.try_as("ana", &[promote(false)]).unwrap_err();
    let words: Vec<&str> = rejection.violations.iter().map(|violation| &*violation.allowed).collect();
    assert_eq!(words, world.missing());
    let is_so = |violation: &crate::rejection::Violation| {
        violation.reason == Reason::PromotionNotReady
            && violation.field == "changes[0].promote"
            && violation.value == "voice"
    };
    assert!(rejection.violations.iter().all(is_so), "{rejection}");
}

#[test]
fn another_source_than_the_rules_name_is_refused() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules::default()));
    let (flag, from, to) = ("voice".to_owned(), "development".to_owned(), "production".to_owned());
    let change = Change::Promote(Promote { flag, from, to, force: false });
    let rejection = world.try_as("ana", &[change]).unwrap_err();
    assert_eq!(
        rejection.violations.first().unwrap().allowed,
        "development is not what production takes over from: that is staging"
    );
}

#[test]
fn only_time_that_is_missing_gives_a_date() {
    let mut world = World::new();
    let (from, to) = (EnvironmentKey::new("staging"), EnvironmentKey::new("production"));
    let flag = FlagKey::new("voice");
    world.does("ana", Change::Enable(staged("voice")));
    for (asked, expected) in [
        (AskedRules { soak_seconds: 3_600, ..AskedRules::default() }, Some("2026-11-21T10:00:00Z")),
        (AskedRules { soak_seconds: 3_600, approvals: 1, ..AskedRules::default() }, None),
        (AskedRules::default(), None),
    ] {
        world.does("ana", rules(asked));
        let question = Question { flag: &flag, from: &from, to: &to, requester: None, now: world.now() };
        let at = ready_at(&readiness(&world.store.snapshot, &question)).map(|at| at.to_string());
        assert_eq!(at.as_deref(), expected);
    }
}

#[test]
fn a_promotion_takes_over_everything_but_overrides() {
    let mut world = World::new();
    let detached = Change::SetOverride {
        place: place("voice"),
        service: "ui".to_owned(),
        variant: "off".to_owned(),
        seconds: 60,
    };
    let here = rule(Condition::always(), serve("off"));
    world.does("ana", detached);
    world.does("ana", Change::Enable(staged("voice")));
    world.does("ana", Change::SetRules { place: staged("voice"), rules: vec![here] });
    world.does("ana", Change::SetSalt { place: staged("voice"), salt: "july".to_owned() });
    world.does("ana", promote(false));
    let (source, target) =
        (world.store.configuration("staging", "voice"), world.store.configuration("production", "voice"));
    assert_eq!((&source.rules, &source.salt, source.enabled), (&target.rules, &target.salt, target.enabled));
    assert_eq!((source.overrides.len(), target.overrides.len()), (0, 1));
    assert_eq!(target.switched.unwrap().revision, world.store.snapshot.revision());
    assert_eq!(world.does("ana", promote(false)).writes, [], "a second time is no change");
}

#[test]
fn a_segment_that_the_target_lacks_is_named() {
    let mut world = World::new();
    let segment = crate::change::SetSegment {
        environment: "staging".to_owned(),
        segment: "beta".to_owned(),
        ..Default::default()
    };
    world.does("ana", Change::SetSegment(segment));
    let testers = rule(Condition::Segment(SegmentKey::new("beta")), serve("on"));
    world.does("ana", Change::SetRules { place: staged("voice"), rules: vec![testers] });
    let rejection = world.try_as("ana", &[promote(false)]).unwrap_err();
    let [violation] = &rejection.violations[..] else { panic!("{rejection}") };
    assert_eq!(violation.reason, Reason::UnknownSegment);
    assert_eq!((&*violation.field, &*violation.value), ("changes[0].promote.from", "beta"));
    assert_eq!(violation.allowed, "a segment that production has; rule 1 of voice in staging names it");
}

#[test]
fn a_promotion_says_that_it_enables_what_somebody_disabled() {
    let mut world = World::new();
    world.does("ana", Change::Enable(staged("voice")));
    world.does("carla", Change::Disable(place("voice")));
    let warnings = world.does("ana", promote(false)).warnings;
    assert!(warnings.first().unwrap().starts_with("carla disabled voice in production at "), "{warnings:?}");
}

#[test]
fn closed_incidents_are_remembered_up_to_a_bound() {
    let mut world = World::new();
    for _ in 0..1_001 {
        world.does("ana", incident(Severity::Info));
        world.does("ana", close());
    }
    assert_eq!(world.store.snapshot.incidents().count(), 1_001);
    world.does("ana", incident(Severity::Critical));
    let ids: Vec<u64> = world.store.snapshot.incidents().map(|incident| incident.id()).collect();
    assert_eq!((ids.len(), ids.first().copied()), (1_001, Some(5)), "1,000 closed ones and an open one");
}

#[test]
fn a_flag_that_is_created_again_has_no_approvals_and_no_drill() {
    let mut world = World::new();
    world.does("ana", rules(all_of_it()));
    world.does("bea", approve());
    world.does("bea", drill(&[], 0));
    world.does("ana", super::delete("voice"));
    world.does("ana", create("voice"));
    assert!(world.missing().contains(&"0 of 1 approvals".to_owned()));
    assert!(world.missing().contains(&"no drill of voice in staging within 30d".to_owned()));
}

#[test]
fn a_gate_remembers_incidents_and_drills() {
    let mut world = World::new();
    let stage = Stage { set: vec![(FlagKey::new("voice"), Target::Percent(10.0))], ..Stage::default() };
    let mut plan = PlanDefinition::empty(PlanKey::new("week"), EnvironmentKey::new("staging"));
    plan.stages = vec![stage.clone()];
    assert_eq!(world.store.snapshot.last_incident(&plan, &stage), None);
    world.does("ana", incident(Severity::Warning));
    assert_eq!(world.store.snapshot.last_incident(&plan, &stage), None, "only critical ones count");
    world.does("ana", incident(Severity::Critical));
    let what: Box<str> = Box::from("#4 voice cuts out");
    assert_eq!(world.store.snapshot.last_incident(&plan, &stage), Some((what.clone(), None)));
    world.hours = 3;
    world.does("ana", close());
    assert_eq!(world.store.snapshot.last_incident(&plan, &stage), Some((what.clone(), Some(world.now()))));
    let empty = Stage::default();
    let last = world.store.snapshot.last_incident(&plan, &empty);
    assert_eq!(
        last,
        Some((what, Some(world.now()))),
        "a stage that sets nothing stays with the plan's flags"
    );
    assert_eq!(world.store.snapshot.last_drill(&FlagKey::new("voice")), None);
    world.does("ana", drill(&[], 0));
    assert_eq!(world.store.snapshot.last_drill(&FlagKey::new("voice")), Some(world.now()));
    assert_eq!(world.store.snapshot.revision(), Revision::new(6));
}
