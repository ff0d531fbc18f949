//! The steps of a rollout plan that time, metrics and gates bring about.
//!
//! Only the server itself asks for one, and it may ask twice, or late: what counts is where the plan is now.

use std::sync::Arc;

use super::plan_acts::Acting;
use super::{Draft, Origin};
use crate::entity::{Entity, EntityId};
use crate::flag::FlagDefinition;
use crate::plan::gate::is_held_by_people;
use crate::plan::progress::{Alert, Entry, PlanState};
use crate::plan::runner::Step;
use crate::plan::timetable::after;
use crate::plan::{GuardAction, RollbackKind};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn step_plan(&mut self, acting: &mut Acting<'_>, step: &Step) -> bool {
        if self.circumstances.origin != Origin::Control {
            let allowed = "only the server itself may ask for this";
            self.findings.note(Reason::Reserved, &format!("{}.step", acting.field), "", allowed);
            return false;
        }
        let now = self.circumstances.at;
        let state = acting.progress.state;
        match step {
            Step::Start => {
                let is_due = acting.plan.starts_at.is_some_and(|date| date <= now);
                self.plan_allows(acting, state == PlanState::Draft && is_due, "a plan whose date has come")
                    && {
                        acting.progress.started = Some(self.who());
                        self.enter_stage(acting, 0, "its date has come");
                        true
                    }
            }
            Step::Enter { stage } => self.enter_next(acting, *stage),
            Step::AwaitGate { missing } => {
                let is_allowed = matches!(state, PlanState::Holding | PlanState::Running);
                self.rest_in(acting, is_allowed, PlanState::WaitingForGate, missing)
            }
            Step::AwaitDate => {
                let is_gated = is_held_by_people(acting.plan, &acting.progress, now);
                let is_allowed = matches!(state, PlanState::Holding | PlanState::WaitingForGate) && !is_gated;
                let reason = "through with the stage, until the next one's date";
                self.rest_in(acting, is_allowed, PlanState::Running, reason)
            }
            Step::Complete => {
                let is_last = acting.progress.stage_index().saturating_add(1) == acting.plan.stages.len();
                let is_gated = is_held_by_people(acting.plan, &acting.progress, now);
                let is_held = acting.plan.held_until(&acting.progress) > now;
                let is_allowed = state.is_in_stage() && is_last && !is_held && !is_gated;
                self.plan_allows(acting, is_allowed, "a plan that is through with its last stage") && {
                    self.complete_plan(acting);
                    true
                }
            }
            Step::Trip { guard, value } => self.trip(acting, *guard, *value),
            Step::Alert { guard, value } => self.alert(acting, *guard, *value),
            Step::Quiet { guard } => {
                let known = acting.progress.alerts.iter().position(|alert| alert.guard == *guard);
                let is_known = state.is_in_stage() && known.is_some();
                self.plan_allows(acting, is_known, "a guard of a plan that has alerted") && {
                    acting.progress.alerts.retain(|alert| alert.guard != *guard);
                    true
                }
            }
            Step::Descend { rung } => self.descend(acting, *rung),
            Step::Rest { reason } => {
                self.plan_allows(acting, state == PlanState::RollingBack, "a plan on its way down") && {
                    acting.end_ladder(now, reason);
                    true
                }
            }
            Step::ClockWentBack => {
                self.plan_allows(acting, state.is_active(), "a plan that is under way") && {
                    count_anew(acting, now);
                    true
                }
            }
            Step::Block { reason } => {
                self.plan_allows(acting, state.is_in_stage(), "a plan that is in a stage") && {
                    acting.progress.blocked = Box::from(reason.as_str());
                    true
                }
            }
        }
    }

    fn enter_next(&mut self, acting: &mut Acting<'_>, stage: u32) -> bool {
        let now = self.circumstances.at;
        let is_next = stage == acting.progress.stage.saturating_add(1);
        let is_due = acting.plan.next_due(&acting.progress).is_some_and(|due| due <= now);
        let is_gated = is_held_by_people(acting.plan, &acting.progress, now);
        let is_allowed = acting.progress.state.is_in_stage() && is_next && is_due && !is_gated;
        self.plan_allows(acting, is_allowed, "the next stage, when it is due") && {
            let reason = if has_gate(acting) { "the gate is open" } else { "its time has come" };
            self.enter_stage(acting, usize::try_from(stage).unwrap_or(usize::MAX), reason);
            true
        }
    }

    /// Stays in the stage, in another state: its stay is over.
    fn rest_in(&mut self, acting: &mut Acting<'_>, is_allowed: bool, state: PlanState, reason: &str) -> bool {
        let now = self.circumstances.at;
        let is_held = acting.plan.held_until(&acting.progress) > now;
        self.plan_allows(acting, is_allowed && !is_held, "a stage whose stay is over") && {
            acting.become_state(state, now, reason);
            true
        }
    }

    /// Enters a stage, or enters it again: its targets, and a new beginning of everything that people say of it.
    pub(super) fn enter_stage(&mut self, acting: &mut Acting<'_>, stage: usize, reason: &str) {
        let Some(entered) = acting.plan.stages.get(stage) else {
            debug_assert!(false, "stage {stage} is beyond the plan");
            return;
        };
        let environment = acting.plan.environment_of(entered).clone();
        let flags: Vec<_> = entered.set.iter().map(|(flag, _)| flag.clone()).collect();
        self.mark_planned(&environment, &flags);
        self.set_targets(&format!("{}.stages[{stage}]", acting.field), acting.plan, entered);
        let now = self.circumstances.at;
        let place = u32::try_from(stage).unwrap_or(u32::MAX);
        let progress = &mut acting.progress;
        progress.entered.retain(|entry| entry.stage != place);
        progress.entered.push(Entry { stage: place, at: now, revision: self.switched.revision });
        progress.stage = place;
        progress.hold_from = now;
        progress.approvals.clear();
        progress.decision = None;
        progress.ticks.clear();
        progress.reported.clear();
        progress.paused_in = None;
        progress.acknowledged = None;
        progress.blocked = Box::default();
        progress.drift.retain(|drift| {
            drift.environment != environment || !flags.iter().any(|flag| flag.folded() == drift.flag.folded())
        });
        // A stage that begins counts anew, also when the state's name stays.
        progress.since = now;
        let is_last = stage.saturating_add(1) == acting.plan.stages.len();
        let state = match (entered.hold_seconds, entered.gate.is_empty()) {
            (1.., _) => PlanState::Holding,
            (0, false) => PlanState::WaitingForGate,
            (0, true) if is_last => return self.complete_plan(acting),
            (0, true) => PlanState::Running,
        };
        acting.become_state(state, now, reason);
    }

    fn complete_plan(&mut self, acting: &mut Acting<'_>) {
        let now = self.circumstances.at;
        acting.progress.blocked = Box::default();
        acting.become_state(PlanState::Completed, now, "every stage is through");
        if let Some(seconds) = acting.plan.on_complete.remove_flags_after_seconds {
            for (_, flag) in acting.plan.places() {
                if let Some(definition) = self.work.flag(&flag.folded()).cloned() {
                    let expected_end = Some(after(now, seconds));
                    let definition = FlagDefinition { expected_end, ..FlagDefinition::clone(&definition) };
                    let id = EntityId::Flag(flag.folded());
                    self.write(id, Some(Entity::Flag(Arc::new(definition))));
                }
            }
        }
        if acting.plan.on_complete.canary_off
            && let Some(stage) = acting.plan.stages.last()
        {
            let environment = acting.plan.environment_of(stage).to_string();
            self.switch_canary(acting.field, &environment, false);
        }
    }

    fn trip(&mut self, acting: &mut Acting<'_>, guard: u32, value: f64) -> bool {
        let guards = &acting.plan.guards;
        let found = usize::try_from(guard).ok().and_then(|guard| guards.get(guard)).cloned();
        let is_in_stage = acting.progress.state.is_in_stage();
        let Some(guard) = found.filter(|_| is_in_stage) else {
            return self.plan_allows(acting, false, "a guard of a plan that is in a stage");
        };
        let reason = format!("guard: {} ({})", guard.when, guard.when.show(value));
        match &guard.action {
            GuardAction::Alert => return false,
            GuardAction::Pause => {
                acting.progress.paused_in = Some(acting.progress.state);
                acting.become_state(PlanState::Paused, self.circumstances.at, &reason);
            }
            GuardAction::Rollback(kind) => {
                self.begin_rollback(acting, (kind, &guard.flags), Some(guard.when.clone()), &reason);
            }
        }
        true
    }

    /// It is noted, once until it is over.
    fn alert(&mut self, acting: &mut Acting<'_>, guard: u32, value: f64) -> bool {
        let found = usize::try_from(guard).ok().and_then(|guard| acting.plan.guards.get(guard));
        let is_alert = found.is_some_and(|guard| guard.action == GuardAction::Alert);
        let is_told = acting.progress.alerts.iter().any(|alert| alert.guard == guard);
        let is_allowed = acting.progress.state.is_in_stage() && is_alert && !is_told;
        self.plan_allows(acting, is_allowed, "a guard that alerts and has not yet, of a plan in a stage") && {
            let (at, revision) = (self.circumstances.at, self.switched.revision);
            acting.progress.alerts.push(Alert { guard, value, at, revision });
            true
        }
    }

    fn descend(&mut self, acting: &mut Acting<'_>, rung: u32) -> bool {
        let now = self.circumstances.at;
        let next = acting.progress.rollback.as_ref().and_then(|rollback| match &rollback.kind {
            RollbackKind::Gradual(ladder) if rollback.rung.saturating_add(1) == rung => {
                ladder.percents.get(usize::try_from(rung).ok()?).copied()
            }
            _ => None,
        });
        let is_rolling = acting.progress.state == PlanState::RollingBack;
        let Some(percent) = next.filter(|_| is_rolling) else {
            return self.plan_allows(acting, false, "the next rung of a plan on its way down");
        };
        let only = acting.progress.rollback.as_ref().map_or(&[][..], |rollback| &rollback.flags);
        let Some((environment, flags)) = super::plan_acts::flags_in_force(acting, only) else {
            return false;
        };
        self.mark_planned(&environment, &flags);
        for flag in &flags {
            let place = crate::change::Place { environment: environment.to_string(), flag: flag.to_string() };
            self.lower(acting.field, &place, percent);
        }
        if let Some(rollback) = &mut acting.progress.rollback {
            rollback.rung = rung;
            rollback.rung_at = now;
        }
        acting.progress.reason = format!("down to {percent}%").into();
        true
    }
}

/// The clock was set back: what lies ahead of it now begins now.
fn count_anew(acting: &mut Acting<'_>, now: crate::revision::Timestamp) {
    let progress = &mut acting.progress;
    progress.hold_from = progress.hold_from.min(now);
    progress.since = progress.since.min(now);
    if let Some(rollback) = &mut progress.rollback {
        rollback.rung_at = rollback.rung_at.min(now);
    }
}

fn has_gate(acting: &Acting<'_>) -> bool {
    acting.stage().is_some_and(|stage| !stage.gate.is_empty())
}
