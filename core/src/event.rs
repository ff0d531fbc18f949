//! What a record means to people who are told of it: the events that notifications carry.
//!
//! A function of a record and of the state before it. Each record answers the same events whenever it is asked, in the
//! same order, so that an event has a name of its own: the store's epoch, the revision, and its place among the events of
//! the record. What is deliberately absent: who is told, and how.

mod guard;
mod measured;
mod plan;

use std::fmt;

use crate::change::{Change, Promote};
use crate::entity::{Entity, EntityId, Write};
use crate::incident::{Incident, Severity};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, PlanKey};
use crate::plan::RollbackKind;
use crate::record::Record;
use crate::request::{ChangeRequest, RequestState};
use crate::snapshot::Snapshot;

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A plan has started.
    PlanStarted,
    /// A plan has entered a stage.
    PlanStage,
    /// A plan waits for its gate.
    PlanWaiting,
    /// A plan was paused.
    PlanPaused,
    /// A plan goes on after a pause or a rollback.
    PlanResumed,
    /// A plan's next step is refused.
    PlanBlocked,
    /// A plan goes down its ladder.
    PlanRollingBack,
    /// A plan's flags have gone back, and stay there.
    PlanRolledBack,
    /// A plan is through.
    PlanCompleted,
    /// A plan was given up.
    PlanCancelled,
    /// The report of a plan's day.
    PlanDigest,
    /// A guard's condition was true.
    GuardFired,
    /// A guard has taken flags back, and holds them down.
    GuardTripped,
    /// Somebody has acknowledged what a guard did.
    GuardAcknowledged,
    /// It is said what became of what a guard did.
    GuardRecovery,
    /// What a guard would do is refused.
    GuardBlocked,
    /// Changes wait for approval.
    RequestWaiting,
    /// A change request was applied, rejected or withdrawn.
    RequestClosed,
    /// An incident was opened.
    IncidentOpened,
    /// An incident was closed.
    IncidentClosed,
    /// A promotion was forced.
    GlassBroken,
    /// Flags were taken back that no plan drives.
    FlagRollback,
    /// Live instances have not acknowledged a revision in time.
    ConvergenceFailed,
    /// Live instances serve different states for longer than a while.
    SkewFound,
    /// They do not any more.
    SkewOver,
    /// Somebody tries a target out.
    Test,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::PlanStarted,
        Self::PlanStage,
        Self::PlanWaiting,
        Self::PlanPaused,
        Self::PlanResumed,
        Self::PlanBlocked,
        Self::PlanRollingBack,
        Self::PlanRolledBack,
        Self::PlanCompleted,
        Self::PlanCancelled,
        Self::PlanDigest,
        Self::GuardFired,
        Self::GuardTripped,
        Self::GuardAcknowledged,
        Self::GuardRecovery,
        Self::GuardBlocked,
        Self::RequestWaiting,
        Self::RequestClosed,
        Self::IncidentOpened,
        Self::IncidentClosed,
        Self::GlassBroken,
        Self::FlagRollback,
        Self::ConvergenceFailed,
        Self::SkewFound,
        Self::SkewOver,
        Self::Test,
    ];

    /// The word for it: a group, a dot, and what happened.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlanStarted => "plan.started",
            Self::PlanStage => "plan.stage",
            Self::PlanWaiting => "plan.waiting",
            Self::PlanPaused => "plan.paused",
            Self::PlanResumed => "plan.resumed",
            Self::PlanBlocked => "plan.blocked",
            Self::PlanRollingBack => "plan.rolling_back",
            Self::PlanRolledBack => "plan.rolled_back",
            Self::PlanCompleted => "plan.completed",
            Self::PlanCancelled => "plan.cancelled",
            Self::PlanDigest => "plan.digest",
            Self::GuardFired => "guard.fired",
            Self::GuardTripped => "guard.tripped",
            Self::GuardAcknowledged => "guard.acknowledged",
            Self::GuardRecovery => "guard.recovery",
            Self::GuardBlocked => "guard.blocked",
            Self::RequestWaiting => "request.waiting",
            Self::RequestClosed => "request.closed",
            Self::IncidentOpened => "incident.opened",
            Self::IncidentClosed => "incident.closed",
            Self::GlassBroken => "glass.broken",
            Self::FlagRollback => "flag.rolled_back",
            Self::ConvergenceFailed => "convergence.failed",
            Self::SkewFound => "skew.found",
            Self::SkewOver => "skew.over",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Something that people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What kind it is.
    pub kind: EventKind,
    /// How bad it is.
    pub severity: Severity,
    /// Where; none means everywhere.
    pub environments: Vec<EnvironmentKey>,
    /// The flags that it concerns, as they are spelled.
    pub flags: Vec<FlagKey>,
    /// The plan that it is about.
    pub plan: Option<PlanKey>,
    /// What happened, in one line.
    pub words: String,
    /// What it rests on, a line each; may be empty.
    pub evidence: Vec<String>,
    /// The names of the notification targets that hear of it whatever they have asked for.
    pub notify: Vec<Box<str>>,
}

/// The events of a record, in order. `before` is the state at the revision before it.
#[must_use]
pub fn events_of(record: &Record, before: &Snapshot) -> Vec<Event> {
    let mut events = Vec::new();
    for change in made(record, before) {
        events.extend(of_change(change, before));
    }
    for write in &record.writes {
        events.extend(of_write(write, record, before));
    }
    events
}

/// The changes that a record made: its own, and those of a request that its approval applied.
fn made<'r>(record: &'r Record, before: &'r Snapshot) -> Vec<&'r Change> {
    let mut made = Vec::new();
    for change in &record.change_set.changes {
        match change {
            Change::ApproveRequest { request } => {
                let id = EntityId::ChangeRequest(*request);
                let is_applied = record.writes.iter().any(|write| {
                    write.id == id
                        && matches!(&write.value, Some(Entity::ChangeRequest(request))
                            if matches!(request.state, RequestState::Applied(_)))
                });
                if let Some(request) = before.request(*request).filter(|_| is_applied) {
                    made.extend(request.changes.iter());
                }
            }
            Change::RequestApproval { .. } => {}
            own => made.push(own),
        }
    }
    made
}

/// A flag as it was spelled when it was created.
fn spelled(flag: &str, before: &Snapshot) -> FlagKey {
    let asked = FlagKey::new(flag);
    before.flag(&FoldedKey::of(flag)).map_or(asked, |definition| definition.key.clone())
}

fn of_change(change: &Change, before: &Snapshot) -> Option<Event> {
    match change {
        Change::RollBack { environment, flags, kind } => {
            let flags: Vec<FlagKey> = flags.iter().map(|flag| spelled(flag, before)).collect();
            let words = format!("{} rolled back in {environment}: {}", joined(&flags), how(kind));
            Some(Event {
                kind: EventKind::FlagRollback,
                severity: Severity::Critical,
                environments: vec![EnvironmentKey::new(environment)],
                flags,
                plan: None,
                words,
                evidence: Vec::new(),
                notify: Vec::new(),
            })
        }
        Change::Promote(Promote { flag, from, to, force: true }) => Some(Event {
            kind: EventKind::GlassBroken,
            severity: Severity::Critical,
            environments: vec![EnvironmentKey::new(to)],
            flags: vec![spelled(flag, before)],
            plan: None,
            words: format!("{} was promoted from {from} to {to} by force", spelled(flag, before)),
            evidence: Vec::new(),
            notify: Vec::new(),
        }),
        Change::ActOnPlan { plan, act } => plan::of_act(plan, act, before),
        _ => None,
    }
}

/// How flags go back, in words.
fn how(kind: &RollbackKind) -> String {
    match kind {
        RollbackKind::Disable => "disabled".to_owned(),
        RollbackKind::ToZero => "to 0%".to_owned(),
        RollbackKind::Gradual(ladder) => {
            let rungs: Vec<String> = ladder.percents.iter().map(|percent| format!("{percent}%")).collect();
            format!("down the ladder {}", rungs.join(", "))
        }
        RollbackKind::Segments(segments) => format!("for the segments {}", joined(segments)),
        RollbackKind::CanaryOff => "canary off".to_owned(),
    }
}

fn joined<T: fmt::Display>(parts: &[T]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn of_write(write: &Write, record: &Record, before: &Snapshot) -> Vec<Event> {
    match (&write.id, &write.value) {
        (EntityId::Progress(plan), Some(Entity::Progress(after))) => {
            plan::of_progress(plan, after, record, before)
        }
        (EntityId::GuardState(guard), Some(Entity::GuardState(after))) => {
            guard::of_state(guard, after, record, before)
        }
        (EntityId::Incident(id), Some(Entity::Incident(after))) => {
            let known = before.incident(*id).map(|known| &**known);
            of_incident(after, known).into_iter().collect()
        }
        (EntityId::ChangeRequest(id), Some(Entity::ChangeRequest(after))) => {
            let known = before.request(*id).map(|known| &**known);
            of_request(after, known).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn of_incident(after: &Incident, known: Option<&Incident>) -> Option<Event> {
    let flags = joined(&after.flags);
    let (kind, severity, words) = match (known, &after.closed) {
        (None, None) => {
            let words =
                format!("incident #{} of {flags} in {}: {}", after.id(), after.environment, after.what);
            (EventKind::IncidentOpened, after.severity, words)
        }
        (Some(known), Some(_)) if known.closed.is_none() => {
            let words = format!(
                "incident #{} of {flags} in {} is over: {}",
                after.id(),
                after.environment,
                after.what
            );
            (EventKind::IncidentClosed, Severity::Info, words)
        }
        _ => return None,
    };
    Some(Event {
        kind,
        severity,
        environments: vec![after.environment.clone()],
        flags: after.flags.clone(),
        plan: None,
        words,
        evidence: Vec::new(),
        notify: Vec::new(),
    })
}

fn of_request(after: &ChangeRequest, known: Option<&ChangeRequest>) -> Option<Event> {
    let changes: Vec<&str> = after.changes.iter().map(Change::name).collect();
    let changes = changes.join(", ");
    let (kind, severity, words) = match (known, after.state.closed()) {
        (None, None) => {
            let words =
                format!("request #{} waits for {} approval(s): {changes}", after.id, after.needed.max(1));
            (EventKind::RequestWaiting, Severity::Warning, words)
        }
        (Some(known), Some(by)) if known.state.closed().is_none() => {
            let words = format!("request #{} was {} by {}: {changes}", after.id, after.state.as_str(), by.by);
            (EventKind::RequestClosed, Severity::Info, words)
        }
        _ => return None,
    };
    Some(Event {
        kind,
        severity,
        environments: after.environments.clone(),
        flags: Vec::new(),
        plan: None,
        words,
        evidence: Vec::new(),
        notify: Vec::new(),
    })
}
