//! Setting guards, removing them, and acknowledging what they did.

use std::sync::Arc;

use super::Draft;
use crate::change::{AcknowledgeGuard, SetGuard};
use crate::entity::{Entity, EntityId};
use crate::guard::state::{GuardPhase, GuardState};
use crate::guard::{Guard, GuardTarget, RECOVERY_AFTER_SECONDS};
use crate::key::{EnvironmentKey, FeatureKey, FlagKey, FoldedKey, GuardKey, PlanKey, SegmentKey};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, GUARD_FLAGS_MAX, GUARD_NOTIFY_MAX, GUARD_SECONDS_MAX, GUARDS_MAX, TEXT_BYTES_MAX,
};
use crate::plan::duration_text::Length;
use crate::plan::progress::{PlanState, Progress};
use crate::plan::timetable::after;
use crate::plan::{GuardAction, RollbackKind};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_guard(&mut self, field: &str, asked: &SetGuard) {
        let faults = self.findings.violations.len();
        let key = self.findings.name(&format!("{field}.guard"), &asked.guard, GuardKey::parse);
        let environment = self.environment(&format!("{field}.environment"), &asked.environment);
        let target = self.guard_target(field, asked);
        self.guard_condition(&format!("{field}.when"), asked);
        let recovery_after_seconds = asked.recovery_after_seconds.unwrap_or(RECOVERY_AFTER_SECONDS);
        self.guard_seconds(&format!("{field}.recovery_after"), recovery_after_seconds);
        self.findings.text(&format!("{field}.description"), &asked.description, DESCRIPTION_BYTES_MAX);
        self.findings.text(&format!("{field}.owner"), &asked.owner, TEXT_BYTES_MAX);
        self.guard_notify(&format!("{field}.notify"), &asked.notify);
        let (Some(key), Some(environment), Some(target)) = (key, environment, target) else {
            return;
        };
        self.guard_action(&format!("{field}.action"), &key, &environment, &asked.action);
        if self.work.guard(&key).is_none() && self.work.guards().count() >= GUARDS_MAX {
            let allowed = format!("at most {GUARDS_MAX} guards in a store");
            self.findings.note(Reason::TooLarge, field, &GUARDS_MAX.to_string(), allowed);
        }
        self.guard_may_change(&format!("{field}.guard"), &key, &environment);
        if self.findings.violations.len() > faults {
            return;
        }
        let guard = Guard {
            key: key.clone(),
            environment,
            target,
            when: asked.when.clone(),
            severity: asked.severity,
            action: asked.action.clone(),
            recovery_after_seconds,
            description: Box::from(asked.description.as_str()),
            owner: Box::from(asked.owner.as_str()),
            notify: asked.notify.iter().map(|name| Box::from(name.as_str())).collect(),
            set: self.who(),
        };
        if guard.takes_back() && recovery_after_seconds < guard.looks_back_seconds() {
            self.findings.warnings.push(format!(
                "{} after a trip {} still holds what was before it: what is said about the recovery will be too dark",
                Length(recovery_after_seconds),
                guard.when
            ));
        }
        self.put_guard(key, guard);
    }

    /// Asking for what is already so is no change; anything else is a new beginning, unless it holds flags down.
    fn put_guard(&mut self, key: GuardKey, guard: Guard) {
        if let Some(known) = self.work.guard(&key)
            && **known == (Guard { set: known.set.clone(), ..guard.clone() })
        {
            return;
        }
        let is_held = self.work.guard_state(&key).is_some_and(|state| state.is_latched());
        if self.work.guard_state(&key).is_some() && !is_held {
            self.write(EntityId::GuardState(key.clone()), None);
        }
        self.write(EntityId::Guard(key), Some(Entity::Guard(Arc::new(guard))));
    }

    /// What holds flags down in one environment cannot be moved to another one.
    fn guard_may_change(&mut self, field: &str, key: &GuardKey, environment: &EnvironmentKey) {
        let known = self.work.guard(key).map(|guard| guard.environment.clone());
        let is_latched = self.work.guard_state(key).is_some_and(|state| state.is_latched());
        if let Some(known) = known.filter(|known| known != environment && is_latched) {
            let allowed =
                format!("a guard that holds nothing down; it does in {known}: {}", how_to_acknowledge(key));
            self.findings.note(Reason::GuardState, field, key.as_str(), allowed);
        }
    }

    fn guard_target(&mut self, field: &str, asked: &SetGuard) -> Option<GuardTarget> {
        let flags_field = format!("{field}.flags");
        if !asked.feature.is_empty() {
            let feature_field = format!("{field}.feature");
            if !asked.flags.is_empty() {
                let allowed = "flags, or a feature, and not both";
                self.findings.note(Reason::NotApplicable, &feature_field, &asked.feature, allowed);
            }
            let feature = self.feature(&feature_field, &asked.feature)?;
            return Some(GuardTarget::Feature(feature.key.clone()));
        }
        if asked.flags.is_empty() {
            let allowed = format!("1 to {GUARD_FLAGS_MAX} flags, or a feature");
            self.findings.note(Reason::Required, &flags_field, "0", allowed);
            return None;
        }
        if !self.findings.count(&flags_field, asked.flags.len(), GUARD_FLAGS_MAX) {
            return None;
        }
        let mut flags: Vec<FlagKey> = Vec::new();
        for (index, flag) in asked.flags.iter().enumerate() {
            let field = format!("{flags_field}[{index}]");
            let Some(definition) = self.live_flag(&field, flag) else {
                continue;
            };
            if flags.contains(&definition.key) {
                let allowed = "each flag once, in one of its spellings";
                self.findings.note(Reason::Duplicate, &field, flag, allowed);
            } else {
                flags.push(definition.key.clone());
            }
        }
        Some(GuardTarget::Flags(flags))
    }

    fn guard_condition(&mut self, field: &str, asked: &SetGuard) {
        if let Some(flag) = &asked.when.flag {
            self.flag(&format!("{field}.flag"), flag.as_str());
        }
        for (name, seconds) in
            [("window", asked.when.window_seconds), ("sustained", asked.when.sustained_seconds)]
        {
            if seconds > 0 {
                self.guard_seconds(&format!("{field}.{name}"), seconds);
            }
        }
    }

    fn guard_seconds(&mut self, field: &str, seconds: u64) {
        if !(1..=GUARD_SECONDS_MAX).contains(&seconds) {
            let allowed = "1 second to a week";
            self.findings.note(Reason::OutOfRange, field, &format!("{seconds}s"), allowed);
        }
    }

    fn guard_notify(&mut self, field: &str, names: &[String]) {
        if !self.findings.count(field, names.len(), GUARD_NOTIFY_MAX) {
            return;
        }
        for (index, name) in names.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.findings.name(&field, name, GuardKey::parse);
            if names.iter().take(index).any(|known| known == name) {
                self.findings.note(Reason::Duplicate, &field, name, "each target once");
            }
        }
    }

    fn guard_action(
        &mut self,
        field: &str,
        key: &GuardKey,
        environment: &EnvironmentKey,
        action: &GuardAction,
    ) {
        match action {
            GuardAction::Rollback(RollbackKind::Gradual(ladder)) => {
                self.plan_ladder(field, ladder);
                if PlanKey::parse(&format!("rollback.{key}")).is_err() {
                    let allowed = "a shorter key: its gradual rollback is the plan rollback.KEY";
                    self.findings.note(
                        Reason::InvalidName,
                        &field.replace(".action", ".guard"),
                        key.as_str(),
                        allowed,
                    );
                }
            }
            GuardAction::Rollback(RollbackKind::Segments(segments)) => {
                let field = format!("{field}.segments");
                if segments.is_empty() {
                    self.findings.note(Reason::Required, &field, "0", "the segments that lose the flag");
                }
                for (index, segment) in segments.iter().enumerate() {
                    self.has_segment(&format!("{field}[{index}]"), environment, segment);
                }
            }
            GuardAction::Alert
            | GuardAction::Pause
            | GuardAction::Rollback(RollbackKind::Disable | RollbackKind::ToZero | RollbackKind::CanaryOff) =>
                {}
        }
    }

    /// A guard, and what came of it; notes that there is none.
    pub(super) fn guard(&mut self, field: &str, name: &str) -> Option<(Arc<Guard>, GuardState)> {
        let key = self.findings.name(field, name, GuardKey::parse)?;
        let state = self.work.guard_state(&key).map(|state| GuardState::clone(state)).unwrap_or_default();
        let found = self.work.guard(&key).cloned();
        if found.is_none() {
            self.findings.note(Reason::UnknownGuard, field, name, "the key of a guard that exists");
        }
        found.map(|guard| (guard, state))
    }

    pub(super) fn delete_guard(&mut self, field: &str, guard: &str, force: bool) {
        let field = &format!("{field}.guard");
        let Some((guard, state)) = self.guard(field, guard) else {
            return;
        };
        if state.is_latched() && !force {
            let allowed = format!(
                "a guard that holds nothing down; it took {} back: {}, or delete it by force",
                taken_in_words(&state),
                how_to_acknowledge(&guard.key)
            );
            self.findings.note(Reason::GuardState, field, guard.key.as_str(), allowed);
            return;
        }
        if state.is_latched() && self.reason.trim().is_empty() {
            self.findings.note(Reason::Required, "reason", "", "why what it took back may be raised again");
            return;
        }
        self.write(EntityId::Guard(guard.key.clone()), None);
        if self.work.guard_state(&guard.key).is_some() {
            self.write(EntityId::GuardState(guard.key.clone()), None);
        }
    }

    pub(super) fn acknowledge_guard(&mut self, field: &str, what: &AcknowledgeGuard) {
        let held: Vec<(Arc<Guard>, GuardState)> = match what {
            AcknowledgeGuard::Guard(guard) => {
                let field = &format!("{field}.guard");
                let Some((guard, state)) = self.guard(field, guard) else {
                    return;
                };
                if !state.is_latched() {
                    let allowed = format!("a guard that holds flags down; it is {}", state.phase.as_str());
                    self.findings.note(Reason::GuardState, field, guard.key.as_str(), allowed);
                    return;
                }
                vec![(guard, state)]
            }
            AcknowledgeGuard::OfFlag { environment, flag } => self.guards_that_hold(field, environment, flag),
        };
        if self.reason.trim().is_empty() {
            self.findings.note(Reason::Required, "reason", "", "the cause of what the guard did");
            return;
        }
        for (guard, state) in held {
            self.acknowledge_one(field, &guard, state);
        }
    }

    fn guards_that_hold(
        &mut self,
        field: &str,
        environment: &str,
        flag: &str,
    ) -> Vec<(Arc<Guard>, GuardState)> {
        let environment = self.environment(&format!("{field}.environment"), environment);
        let flag = self.flag(&format!("{field}.flag"), flag);
        let (Some(environment), Some(flag)) = (environment, flag) else {
            return Vec::new();
        };
        let folded = flag.key.folded();
        let held: Vec<(Arc<Guard>, GuardState)> = self
            .work
            .latches(&environment, &folded)
            .map(|(guard, state)| (Arc::clone(guard), state.clone()))
            .collect();
        if held.is_empty() {
            let allowed = format!("a flag that a guard holds down in {environment}");
            self.findings.note(Reason::GuardState, &format!("{field}.flag"), flag.key.as_str(), allowed);
        }
        held
    }

    /// One cause for what the guard did, and for the plans that it took back with it.
    fn acknowledge_one(&mut self, field: &str, guard: &Guard, mut state: GuardState) {
        let plans = state.trip.as_ref().map(|trip| trip.plans.clone()).unwrap_or_default();
        for plan in plans {
            let Some((_, progress)) = self.work.plan(&plan) else {
                continue;
            };
            if progress.state == PlanState::RollingBack {
                let allowed = format!(
                    "a rollback that is over; plan {plan} is on its way down: wait, or stop it where it is with \
                     mycelia-flags plan go {plan}"
                );
                self.findings.note(Reason::GuardState, field, guard.key.as_str(), allowed);
                return;
            }
            if progress.state == PlanState::Latched && progress.acknowledged.is_none() {
                let acknowledged = Some(self.who());
                let progress = Progress { acknowledged, ..Progress::clone(progress) };
                self.write(EntityId::Progress(plan), Some(Entity::Progress(Arc::new(progress))));
            }
        }
        let now = self.circumstances.at;
        state.phase = GuardPhase::Acknowledged;
        state.since = now;
        state.acknowledged = Some(self.who());
        // What the window holds from before says nothing about what is raised from now on.
        state.armed_from = Some(after(now, guard.looks_back_seconds()));
        self.put_guard_state(guard, state);
    }

    pub(super) fn put_guard_state(&mut self, guard: &Guard, state: GuardState) {
        let id = EntityId::GuardState(guard.key.clone());
        self.write(id, Some(Entity::GuardState(Arc::new(state))));
    }

    /// A guard that an undo or another spelling left behind names what is there, and holds nothing down unseen.
    pub(super) fn guard_names_what_is_there(&mut self, field: &str, key: &GuardKey) {
        let Some(guard) = self.work.guard(key).cloned() else {
            if self.work.guard_state(key).is_some_and(|state| state.is_latched()) {
                let allowed = format!("a guard that holds nothing down: {}", how_to_acknowledge(key));
                self.findings.note(Reason::GuardState, field, key.as_str(), allowed);
            }
            return;
        };
        match &guard.target {
            GuardTarget::Flags(flags) => {
                for flag in flags {
                    if self.work.flag(&flag.folded()).is_none() {
                        self.findings.note(Reason::UnknownFlag, field, flag.as_str(), "a flag that exists");
                    }
                }
            }
            GuardTarget::Feature(feature) => {
                if self.work.feature(feature).is_none() {
                    let allowed = "the key of a feature that exists";
                    self.findings.note(Reason::UnknownFeature, field, feature.as_str(), allowed);
                }
            }
        }
        if let GuardAction::Rollback(RollbackKind::Segments(segments)) = &guard.action {
            for segment in segments {
                self.has_segment(field, &guard.environment, segment);
            }
        }
    }

    pub(super) fn flag_is_free_of_guards(&mut self, field: &str, flag: &FoldedKey) {
        let names = |guard: &Guard| {
            let is_it = |named: &FlagKey| named.folded() == *flag;
            matches!(&guard.target, GuardTarget::Flags(flags) if flags.iter().any(is_it))
                || guard.when.flag.as_ref().is_some_and(is_it)
        };
        let guards = self.guards_where(names);
        if !guards.is_empty() {
            let allowed =
                format!("a flag that no guard names; {guards} does: set it anew or delete it first");
            self.findings.note(Reason::FlagInUse, field, flag.as_str(), allowed);
        }
    }

    pub(super) fn feature_is_free_of_guards(&mut self, field: &str, feature: &FeatureKey) {
        if self.work.feature(feature).is_some() {
            return;
        }
        let guards = self
            .guards_where(|guard| matches!(&guard.target, GuardTarget::Feature(named) if named == feature));
        if !guards.is_empty() {
            let allowed =
                format!("a feature that no guard names; {guards} does: set it anew or delete it first");
            self.findings.note(Reason::FeatureInUse, field, feature.as_str(), allowed);
        }
    }

    pub(super) fn segment_is_free_of_guards(
        &mut self,
        field: &str,
        environment: &EnvironmentKey,
        segment: &SegmentKey,
    ) {
        let guards = self.guards_where(|guard| {
            guard.environment == *environment
                && matches!(&guard.action, GuardAction::Rollback(RollbackKind::Segments(named)) if named.contains(segment))
        });
        if !guards.is_empty() {
            let allowed =
                format!("a segment that no guard names; {guards} does: set it anew or delete it first");
            self.findings.note(Reason::SegmentInUse, field, segment.as_str(), allowed);
        }
    }

    /// The keys of the guards that are so, in words.
    fn guards_where(&self, is_so: impl Fn(&Guard) -> bool) -> String {
        let guards = self.work.guards().filter(|(guard, _)| is_so(guard));
        guards.map(|(guard, _)| guard.key.to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// What is to be done about a latch, in words.
pub(super) fn how_to_acknowledge(guard: &GuardKey) -> String {
    format!("acknowledge the cause first: mycelia-flags guard ack {guard} --cause ...")
}

/// The flags that were taken back, in words.
pub(super) fn taken_in_words(state: &GuardState) -> String {
    let taken = state.trip.iter().flat_map(|trip| &trip.taken);
    taken.map(|taken| taken.flag.to_string()).collect::<Vec<_>>().join(", ")
}
