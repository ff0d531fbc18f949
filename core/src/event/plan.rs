//! The events of rollout plans: what the difference between two progresses means.

use super::{Event, EventKind, joined, measured};
use crate::change::PlanAct;
use crate::entity::{Entity, EntityId};
use crate::guard::state::rounded;
use crate::incident::Severity;
use crate::key::{FlagKey, PlanKey};
use crate::plan::progress::{PlanState, Progress};
use crate::plan::runner::Step;
use crate::plan::status::target_in_words;
use crate::plan::{GuardAction, PlanDefinition};
use crate::record::Record;
use crate::snapshot::Snapshot;

/// What an event of a plan is said of.
struct Told<'e> {
    plan: &'e PlanDefinition,
    at: &'e Progress,
}

impl Told<'_> {
    fn event(&self, kind: EventKind, severity: Severity, words: String) -> Event {
        let environment = self.plan.environment_of_progress(self.at);
        let flags = self.plan.flags_in(environment).into_iter().cloned().collect();
        Event {
            kind,
            severity,
            environments: vec![environment.clone()],
            flags,
            plan: Some(self.plan.key.clone()),
            words,
            evidence: Vec::new(),
            notify: Vec::new(),
        }
    }
}

/// A guard of a plan whose condition was true.
pub(super) fn of_act(plan: &str, act: &PlanAct, before: &Snapshot) -> Option<Event> {
    let (guard, value, measurement) = match act {
        PlanAct::Step(Step::Trip { guard, value, measurement }) => (guard, value, measurement.as_ref()),
        PlanAct::Step(Step::Alert { guard, value }) => (guard, value, None),
        _ => return None,
    };
    let (plan, progress) = before.plan(&PlanKey::new(plan))?;
    let guard = plan.guards.get(usize::try_from(*guard).ok()?)?;
    let (severity, does) = match guard.action {
        GuardAction::Alert => (Severity::Warning, "is noted"),
        GuardAction::Pause => (Severity::Warning, "pauses the plan"),
        GuardAction::Rollback(_) => (Severity::Critical, "takes the plan back"),
    };
    let (when, value, evidence) = (
        guard.when.to_string(),
        guard.when.show(rounded(*value)),
        measured::lines(&guard.when, *value, measurement),
    );
    let told = Told { plan, at: progress };
    let mut event = told.event(
        EventKind::GuardFired,
        severity,
        format!("plan {}: {when} is true ({value}), which {does}", plan.key),
    );
    if !guard.flags.is_empty() {
        event.flags.clone_from(&guard.flags);
    }
    event.evidence = evidence;
    Some(event)
}

/// What a new progress means beside the one before it.
pub(super) fn of_progress(key: &PlanKey, after: &Progress, record: &Record, before: &Snapshot) -> Vec<Event> {
    let known = before.plan(key);
    let id = EntityId::Plan(key.clone());
    let written = record.writes.iter().find_map(|write| match &write.value {
        Some(Entity::Plan(plan)) if write.id == id => Some(&**plan),
        _ => None,
    });
    let Some(plan) = written.or_else(|| known.map(|(plan, _)| &**plan)) else {
        return Vec::new();
    };
    let unknown = Progress::default();
    let was = known.map_or(&unknown, |(_, progress)| progress);
    let told = Told { plan, at: after };
    let mut events = Vec::new();
    if was.started.is_none() && after.started.is_some() {
        events.push(told.event(EventKind::PlanStarted, Severity::Info, format!("plan {key} has started")));
    }
    for entry in after.entered.iter().filter(|entry| entry.revision == record.revision) {
        let place = usize::try_from(entry.stage).unwrap_or(usize::MAX);
        if let Some(stage) = plan.stages.get(place) {
            let set: Vec<String> = stage
                .set
                .iter()
                .map(|(flag, target)| format!("{flag} {}", target_in_words(target)))
                .collect();
            let words = format!(
                "plan {key}: stage {} of {} begins: {} ({})",
                place.saturating_add(1),
                plan.stages.len(),
                stage.name,
                if set.is_empty() { "sets nothing".to_owned() } else { set.join(", ") }
            );
            let mut event = told.event(EventKind::PlanStage, Severity::Info, words);
            let flags: Vec<FlagKey> = stage.set.iter().map(|(flag, _)| flag.clone()).collect();
            event.flags = flags;
            events.push(event);
        }
    }
    if was.state != after.state {
        events.extend(of_state(&told, was.state));
    }
    if !after.blocked.is_empty() && after.blocked != was.blocked {
        let words = format!("plan {key}: the next step is refused: {}", after.blocked);
        events.push(told.event(EventKind::PlanBlocked, Severity::Warning, words));
    }
    events
}

fn of_state(told: &Told<'_>, was: PlanState) -> Option<Event> {
    let Told { plan, at } = told;
    let (key, reason) = (&plan.key, &at.reason);
    let with_reason = |words: String| if reason.is_empty() { words } else { format!("{words}: {reason}") };
    let resumed = matches!(was, PlanState::Paused | PlanState::Latched);
    let (kind, severity, words) = match at.state {
        PlanState::WaitingForGate => {
            let stage = plan.stages.get(at.stage_index()).map_or("", |stage| &*stage.name);
            let words = with_reason(format!("plan {key} waits for the gate of {stage}"));
            (EventKind::PlanWaiting, Severity::Warning, words)
        }
        PlanState::Paused => {
            (EventKind::PlanPaused, Severity::Warning, with_reason(format!("plan {key} is paused")))
        }
        PlanState::RollingBack => {
            let words = with_reason(format!("plan {key} rolls back"));
            (EventKind::PlanRollingBack, Severity::Critical, words)
        }
        PlanState::Latched => {
            let environment = plan.environment_of_progress(at);
            let flags = plan.flags_in(environment).into_iter().cloned().collect::<Vec<_>>();
            let flags = match &at.rollback {
                Some(rollback) if !rollback.flags.is_empty() => joined(&rollback.flags),
                _ => joined(&flags),
            };
            let words = with_reason(format!("plan {key} was taken back ({flags}), and waits for a cause"));
            (EventKind::PlanRolledBack, Severity::Critical, words)
        }
        PlanState::Completed => (EventKind::PlanCompleted, Severity::Info, format!("plan {key} is through")),
        PlanState::Cancelled => {
            (EventKind::PlanCancelled, Severity::Warning, with_reason(format!("plan {key} was given up")))
        }
        PlanState::Running | PlanState::Holding if resumed => {
            (EventKind::PlanResumed, Severity::Info, format!("plan {key} goes on"))
        }
        PlanState::Draft | PlanState::Running | PlanState::Holding => return None,
    };
    Some(told.event(kind, severity, words))
}
