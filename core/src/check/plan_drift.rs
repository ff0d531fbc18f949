//! What people do to flags that a rollout plan drives, beside the plan.
//!
//! It happens, and the plan says so: it is drift until the plan sets the flag again or somebody brings it back. Three
//! things are more than drift. Taking a flag back takes its plan back: an emergency is never refused, and no stage raises
//! the flag again before the cause is known. Disabling a flag pauses its plan, so that no stage enables it again by
//! itself. And nothing raises a flag that a plan has taken back, or is taking back.

use std::sync::Arc;

use super::Draft;
use super::plan_acts::Acting;
use crate::change::Place;
use crate::entity::EntityId;
use crate::flag::{FlagConfiguration, FlagDefinition};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, SegmentKey};
use crate::plan::progress::{Drift, PlanState, Progress, RollingBack};
use crate::plan::status::{agrees, serves_in_words, target_in_words};
use crate::plan::{PlanDefinition, RollbackKind, Target};
use crate::policy::DriftPolicy;
use crate::policy::exposure::Held;
use crate::policy::safety::is_flag_safer;
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn note_drift(&mut self) {
        if !self.findings.violations.is_empty() || self.work.plans().next().is_none() {
            return;
        }
        let touched: Vec<(EntityId, Arc<str>)> =
            self.touched.iter().map(|(id, field)| (id.clone(), Arc::clone(field))).collect();
        for (id, field) in touched {
            match &id {
                EntityId::Configuration(environment, flag) if !self.planned.contains(&id) => {
                    self.note_drift_of(&field, environment, flag);
                }
                EntityId::Flag(flag) => self.flag_is_free_of_plans(&field, flag),
                _ => {}
            }
        }
    }

    fn note_drift_of(&mut self, field: &str, environment: &EnvironmentKey, flag: &FoldedKey) {
        let (Some(before), Some(after)) = (
            self.base.configuration(environment, flag).cloned(),
            self.work.configuration(environment, flag).cloned(),
        ) else {
            return;
        };
        let Some(definition) = self.work.flag(flag).cloned().filter(|_| before != after) else {
            return;
        };
        let driving = self.work.plans().find(|(plan, progress)| {
            progress.state.is_active() && plan.target(progress.stage_index(), environment, flag).is_some()
        });
        let Some((plan, progress)) =
            driving.map(|(plan, progress)| (Arc::clone(plan), Progress::clone(progress)))
        else {
            return;
        };
        let was = Held { definition: &definition, configuration: &before };
        let is = Held { definition: &definition, configuration: &after };
        let is_safer = is_flag_safer(Some(was), Some(is));
        let is_back = matches!(progress.state, PlanState::Latched | PlanState::RollingBack);
        if is_back && progress.acknowledged.is_none() {
            if !is_safer {
                let allowed = format!(
                    "only what makes it safer: plan {} is {}: {}; acknowledge the cause and resume it",
                    plan.key,
                    progress.state.as_str(),
                    progress.reason
                );
                self.findings.note(Reason::FlagUnderPlan, field, definition.key.as_str(), allowed);
            }
            return;
        }
        let policy = self.base.policy(environment).map(|policy| policy.drift).unwrap_or_default();
        if policy == DriftPolicy::Refuse && !is_safer {
            let allowed = format!(
                "only what makes it safer: plan {} drives the flag, and the policy of {environment} refuses changes beside \
                 a plan",
                plan.key
            );
            self.findings.note(Reason::FlagUnderPlan, field, definition.key.as_str(), allowed);
            return;
        }
        let Some(target) = plan.target(progress.stage_index(), environment, flag).cloned() else {
            return;
        };
        let mut acting = Acting { field, plan: &plan, progress };
        self.take_drift(&mut acting, (environment, &definition), &after, &target);
        self.write_progress(&acting);
    }

    fn take_drift(
        &mut self,
        acting: &mut Acting<'_>,
        (environment, definition): (&EnvironmentKey, &FlagDefinition),
        configuration: &FlagConfiguration,
        target: &Target,
    ) {
        let flag = definition.key.folded();
        acting
            .progress
            .drift
            .retain(|known| known.environment != *environment || known.flag.folded() != flag);
        if agrees(definition, configuration, target) {
            return;
        }
        let (actual, target) = (serves_in_words(definition, configuration), target_in_words(target));
        self.findings.warnings.push(format!(
            "plan {} drives {} in {environment}: it wants {target}, now it is {actual}",
            acting.plan.key, definition.key
        ));
        acting.progress.drift.push(Drift {
            environment: environment.clone(),
            flag: definition.key.clone(),
            actual: actual.into(),
            target: target.into(),
            deed: self.who(),
        });
        if !configuration.enabled && acting.progress.state.is_in_stage() {
            acting.progress.paused_in = Some(acting.progress.state);
            let reason = format!("{} disabled {}", self.switched.by, definition.key);
            acting.become_state(PlanState::Paused, self.circumstances.at, &reason);
        }
    }

    /// Flags of a plan's present environment that go back take the plan back with them. A plan that is on its way down
    /// goes on, and one that is taken back already keeps the cause that nobody has acknowledged yet.
    pub(super) fn take_plans_back(
        &mut self,
        field: &str,
        environment: &EnvironmentKey,
        flags: &[FlagKey],
        kind: &RollbackKind,
    ) {
        let driven = |plan: &PlanDefinition, progress: &Progress| -> Vec<FlagKey> {
            let is_here = plan.environment_of_progress(progress) == environment;
            let is_driven = |flag: &&FlagKey| {
                is_here && plan.target(progress.stage_index(), environment, &flag.folded()).is_some()
            };
            flags.iter().filter(is_driven).cloned().collect()
        };
        let plans: Vec<_> = self
            .work
            .plans()
            .filter(|(_, progress)| progress.state.is_active())
            .map(|(plan, progress)| (Arc::clone(plan), Progress::clone(progress), driven(plan, progress)))
            .filter(|(_, _, driven)| !driven.is_empty())
            .collect();
        for (plan, progress, driven) in plans {
            self.mark_planned(environment, &driven);
            let names: Vec<&str> = driven.iter().map(FlagKey::as_str).collect();
            let names = names.join(", ");
            let is_back = match progress.state {
                PlanState::RollingBack => true,
                state => state == PlanState::Latched && progress.acknowledged.is_none(),
            };
            if is_back {
                let state = progress.state.as_str();
                self.findings
                    .warnings
                    .push(format!("plan {} drives {names}; it is {state} already", plan.key));
                continue;
            }
            let mut acting = Acting { field, plan: &plan, progress };
            let why = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
            let reason = format!("{} rolled {names} back beside the plan{why}", self.switched.by);
            self.latch(&mut acting, kind, driven, &reason);
            self.write_progress(&acting);
            self.findings.warnings.push(format!(
                "plan {} drives {names} and is taken back too: nothing raises them until somebody acknowledges the cause \
                 and resumes it",
                plan.key
            ));
        }
    }

    /// The plan is taken back: its flags go with the same change.
    fn latch(&self, acting: &mut Acting<'_>, kind: &RollbackKind, flags: Vec<FlagKey>, reason: &str) {
        let now = self.circumstances.at;
        acting.progress.drift.retain(|drift| !flags.iter().any(|flag| flag.folded() == drift.flag.folded()));
        acting.progress.acknowledged = None;
        acting.progress.paused_in = None;
        acting.progress.rollback = Some(RollingBack {
            kind: kind.clone(),
            flags,
            rung: 0,
            rung_at: now,
            deed: self.who(),
            cause: None,
            ended_at: Some(now),
            within_seconds: acting.stage().and_then(|stage| stage.rollback_within_seconds),
        });
        acting.become_state(PlanState::Latched, now, reason);
    }

    /// Sets what drifted to what the plan wants.
    pub(super) fn set_what_drifted(&mut self, acting: &mut Acting<'_>) {
        for drift in std::mem::take(&mut acting.progress.drift) {
            let flag = drift.flag.folded();
            let target = acting.plan.target(acting.progress.stage_index(), &drift.environment, &flag);
            if let Some(target) = target {
                self.mark_planned(&drift.environment, std::slice::from_ref(&drift.flag));
                let place =
                    Place { environment: drift.environment.to_string(), flag: drift.flag.to_string() };
                self.set_target(acting.field, &place, target);
            }
        }
    }

    /// The plans that are not over and set shares of a segment.
    pub(super) fn plans_with_segment(
        &self,
        environment: &EnvironmentKey,
        segment: &SegmentKey,
    ) -> Vec<String> {
        let names = |plan: &PlanDefinition| {
            let stages = plan.stages.iter().filter(|stage| plan.environment_of(stage) == environment);
            stages.flat_map(|stage| &stage.set).any(|(_, target)| match target {
                Target::Matrix { shares, .. } => shares.iter().any(|(named, _)| named == segment),
                _ => false,
            })
        };
        let plans = self.work.plans().filter(|(plan, progress)| !progress.state.is_over() && names(plan));
        plans.map(|(plan, _)| plan.key.to_string()).collect()
    }

    fn flag_is_free_of_plans(&mut self, field: &str, flag: &FoldedKey) {
        if self.work.flag(flag).is_some_and(|definition| definition.archived.is_none()) {
            return;
        }
        let names = |plan: &PlanDefinition| plan.places().iter().any(|(_, known)| known.folded() == *flag);
        let plans: Vec<String> = self
            .work
            .plans()
            .filter(|(plan, progress)| !progress.state.is_over() && names(plan))
            .map(|(plan, _)| plan.key.to_string())
            .collect();
        if !plans.is_empty() {
            let allowed = format!("a flag that no plan moves; {} does: cancel it first", plans.join(", "));
            self.findings.note(Reason::FlagUnderPlan, field, flag.as_str(), allowed);
        }
    }
}
