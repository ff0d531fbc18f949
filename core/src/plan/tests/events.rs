//! What people are told of: the events of whole stories, record by record.

use super::{HOUR, World, check_of, gated, key, percent, plan};
use crate::change::{Change, CloseIncident, OpenIncident, PlanAct, Promote};
use crate::check::Origin;
use crate::event::{Event, EventKind, events_of};
use crate::incident::Severity;
use crate::key::EnvironmentKey;
use crate::plan::gate::NoMemory;
use crate::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use crate::plan::{Gate, GuardAction, Ladder, PlanGuard, RollbackKind};
use crate::record::Record;
use crate::revision::Revision;
use crate::snapshot::Snapshot;

/// Whoever measures this value always does.
struct Always(f64);

impl Metrics for Always {
    fn judge(&self, check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        match check.is_true_of(self.0) {
            true => Verdict::Met { value: self.0 },
            false => Verdict::NotMet { value: self.0 },
        }
    }
}

/// All events of a log from a revision on, folded from its beginning.
fn all(records: &[Record], after: u64) -> Vec<Event> {
    let mut snapshot = Snapshot::default();
    let mut events = Vec::new();
    for record in records {
        if record.revision > Revision::new(after) {
            events.extend(events_of(record, &snapshot));
        }
        snapshot.fold(record).unwrap();
    }
    events
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// What happened since a revision.
#[track_caller]
fn told(world: &World, after: u64, expected: &[&str]) -> Vec<Event> {
    let events = all(&world.records, after);
    assert_eq!(kinds(&events), expected, "{events:#?}");
    events
}

fn head(world: &World) -> u64 {
    world.snapshot.revision().get()
}

#[test]
fn a_plan_tells_its_way_once_each() {
    let mut world = World::with(plan(vec![gated(Gate { go: true, ..Gate::default() }), percent(50.0)]));
    let before = head(&world);
    world.act("ana", PlanAct::Start);
    world.pass(HOUR);
    world.act("ben", PlanAct::Go);
    let expected = ["plan.started", "plan.stage", "plan.waiting", "plan.stage"];
    let events = told(&world, before, &expected);
    assert!(events[1].words.contains("stage 1 of 2 begins: 10% (dreams 10%)"), "{}", events[1].words);
    assert_eq!(events[1].environments, [EnvironmentKey::new("production")]);
    assert_eq!((events[1].flags[0].as_str(), events[1].plan.as_ref()), ("dreams", Some(&key())));
    assert!(events[2].words.contains("nobody has said go"), "{}", events[2].words);
    assert_eq!(events[2].severity, Severity::Warning);
    let before = head(&world);
    world.act("ana", PlanAct::Pause);
    world.act("ana", PlanAct::Resume);
    world.pass(HOUR);
    told(&world, before, &["plan.paused", "plan.resumed", "plan.completed"]);
}

#[test]
fn what_changes_no_state_is_told_nobody() {
    let checklist = vec![Box::from("support is informed")];
    let mut world = World::with(plan(vec![gated(Gate { checklist, approvals: 2, ..Gate::default() })]));
    world.act("ana", PlanAct::Start);
    let before = head(&world);
    world.act("ana", PlanAct::Approve);
    world.act("ana", PlanAct::Tick { item: "1".to_owned() });
    world.act("ana", PlanAct::Untick { item: "1".to_owned() });
    told(&world, before, &[]);
    assert_eq!(kinds(&all(&world.records, 0))[..2], ["plan.started", "plan.stage"]);
}

#[test]
fn a_guard_that_takes_a_plan_back_tells_what_it_saw() {
    let ladder = Ladder { percents: vec![5.0, 0.0], every_seconds: 600 };
    let guard = PlanGuard {
        when: check_of("error_rate > 5% for 10m"),
        flags: Vec::new(),
        action: GuardAction::Rollback(RollbackKind::Gradual(ladder)),
    };
    let mut definition = plan(vec![percent(10.0)]);
    definition.guards = vec![guard];
    let mut world = World::with(definition);
    let before = head(&world);
    world.act("ana", PlanAct::Start);
    world.go_on_with(&Always(7.5), &NoMemory);
    let expected = ["plan.started", "plan.stage", "guard.fired", "plan.rolling_back"];
    let events = told(&world, before, &expected);
    assert_eq!(events[2].severity, Severity::Critical);
    assert_eq!(events[2].evidence, ["error_rate = 7.5%", "condition: error_rate > 5% for 10m"]);
    let before = head(&world);
    world.jump(600);
    world.go_on_with(&Always(7.5), &NoMemory);
    let events = told(&world, before, &["plan.rolled_back"]);
    assert!(events[0].words.contains("(dreams)"), "{}", events[0].words);
    let before = head(&world);
    world.act("ana", PlanAct::Acknowledge);
    world.act("ana", PlanAct::Cancel);
    assert_eq!(kinds(&all(&world.records, before)).last(), Some(&"plan.cancelled"));
}

#[test]
fn incidents_are_told_when_they_open_and_when_they_close() {
    let mut world = World::new();
    let before = head(&world);
    let open = OpenIncident {
        environment: "staging".to_owned(),
        flags: vec!["maya_voice".to_owned()],
        severity: Severity::Critical,
        what: "voice cuts out".to_owned(),
    };
    world.ask(vec![Change::OpenIncident(open)]);
    let id = head(&world);
    world.ask(vec![Change::CloseIncident(CloseIncident::Numbered(id))]);
    let events = told(&world, before, &["incident.opened", "incident.closed"]);
    assert_eq!(events[0].severity, Severity::Critical);
    assert_eq!(events[0].words, format!("incident #{id} of maya.voice in staging: voice cuts out"));
    assert_eq!(events[0].environments, [EnvironmentKey::new("staging")]);
    assert_eq!(events[1].severity, Severity::Info);
}

fn force() -> Change {
    Change::Promote(Promote {
        flag: "dreams".to_owned(),
        from: "staging".to_owned(),
        to: "production".to_owned(),
        force: true,
    })
}

#[test]
fn rollbacks_and_broken_glass_are_critical() {
    let mut world = World::new();
    let before = head(&world);
    let back = Change::RollBack {
        environment: "production".to_owned(),
        flags: vec!["maya_voice".to_owned(), "dreams".to_owned()],
        kind: RollbackKind::Disable,
    };
    world.ask(vec![super::rollout("maya.voice", 50.0), super::rollout("dreams", 50.0)]);
    world.ask(vec![back]);
    world.commit(Origin::Caller, "ana", "it is on fire", vec![force()]).unwrap();
    let events = told(&world, before, &["flag.rolled_back", "glass.broken"]);
    assert!(events.iter().all(|event| event.severity == Severity::Critical));
    assert_eq!(events[0].words, "maya.voice, dreams rolled back in production: disabled");
    assert_eq!(events[1].words, "dreams was promoted from staging to production by force");
}

#[test]
fn what_is_only_requested_has_not_happened_until_it_is_approved() {
    let mut world = World::new();
    let before = head(&world);
    let asked = Change::RequestApproval { changes: vec![force()] };
    world.commit(Origin::Caller, "ana", "it is on fire", vec![asked]).unwrap();
    let events = told(&world, before, &["request.waiting"]);
    let request = head(&world);
    assert_eq!(events[0].words, format!("request #{request} waits for 1 approval(s): promote"));
    let approve = Change::ApproveRequest { request: Revision::new(request) };
    world.commit(Origin::Caller, "ben", "", vec![approve]).unwrap();
    let events = told(&world, request, &["glass.broken", "request.closed"]);
    assert!(events[1].words.contains("was applied by ben"), "{}", events[1].words);
}

#[test]
fn kinds_have_one_word_each() {
    let mut words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), EventKind::ALL.len());
}
