//! Applying a rollout plan, and removing one.
//!
//! What a plan's stages set is tried on the spot, one stage after the other, on a copy that is thrown away: whatever a
//! stage could be refused for later is refused now, with the stage's field.

use std::sync::Arc;

use super::Draft;
use crate::entity::{Entity, EntityId};
use crate::key::{EnvironmentKey, FlagKey, PlanKey};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, GATE_APPROVALS_MAX, PLAN_BYTES_MAX, PLAN_DAY_MAX, PLAN_ITEMS_MAX,
    PLAN_SECONDS_MAX, PLANS_MAX, REASON_BYTES_MAX, STAGE_CANARY_KEYS_MAX, STAGE_FLAGS_MAX, STAGES_MAX,
    TEXT_BYTES_MAX,
};
use crate::plan::progress::{Deed, PlanState, Progress};
use crate::plan::{Gate, GuardAction, Ladder, PlanDefinition, RollbackKind, Stage, StageStart, Target};
use crate::rejection::Reason;
use crate::revision::Timestamp;

impl Draft<'_> {
    pub(super) fn set_plan(&mut self, field: &str, plan: &PlanDefinition) {
        let field = &format!("{field}.plan");
        let faults = self.findings.violations.len();
        let key = self.findings.name(&format!("{field}.key"), plan.key.as_str(), PlanKey::parse);
        self.environment(&format!("{field}.environment"), plan.environment.as_str());
        self.plan_texts(field, plan);
        self.plan_ladder(&format!("{field}.ladder"), &plan.ladder);
        if self.findings.count(&format!("{field}.guards"), plan.guards.len(), PLAN_ITEMS_MAX) {
            for (index, guard) in plan.guards.iter().enumerate() {
                self.guard_flags(&format!("{field}.guards[{index}].flags"), plan, &guard.flags);
                if let GuardAction::Rollback(kind) = &guard.action {
                    self.plan_rollback(&format!("{field}.guards[{index}].action"), plan, kind);
                }
            }
        }
        if plan.stages.is_empty() {
            let allowed = format!("1 to {STAGES_MAX} stages");
            self.findings.note(Reason::Required, &format!("{field}.stages"), "0", allowed);
        }
        if self.findings.count(&format!("{field}.stages"), plan.stages.len(), STAGES_MAX) {
            self.plan_stages(field, plan);
        }
        let Some(key) = key else {
            return;
        };
        self.plan_may_be_set(field, &key);
        self.plan_conflicts(field, plan);
        if self.findings.violations.len() > faults {
            return;
        }
        let progress = Progress {
            state: PlanState::Draft,
            since: self.circumstances.at,
            reason: Box::from("applied"),
            applied: Some(self.who()),
            ..Progress::default()
        };
        self.write(EntityId::Plan(key.clone()), Some(Entity::Plan(Arc::new(plan.clone()))));
        self.write(EntityId::Progress(key), Some(Entity::Progress(Arc::new(progress))));
    }

    pub(super) fn delete_plan(&mut self, field: &str, plan: &str) {
        let field = &format!("{field}.plan");
        let Some((definition, progress)) = self.plan(field, plan) else {
            return;
        };
        if progress.state.is_active() {
            let allowed =
                format!("a plan that is not under way; it is {}: cancel it first", progress.state.as_str());
            self.findings.note(Reason::PlanState, field, plan, allowed);
            return;
        }
        self.write(EntityId::Plan(definition.key.clone()), None);
        self.write(EntityId::Progress(definition.key.clone()), None);
    }

    /// A plan and where it is; notes that there is none.
    pub(super) fn plan(&mut self, field: &str, name: &str) -> Option<(Arc<PlanDefinition>, Progress)> {
        let key = self.findings.name(field, name, PlanKey::parse)?;
        let found =
            self.work.plan(&key).map(|(plan, progress)| (Arc::clone(plan), Progress::clone(progress)));
        if found.is_none() {
            self.findings.note(Reason::UnknownPlan, field, name, "the key of a plan that exists");
        }
        found
    }

    /// Who does it, when and why.
    pub(super) fn who(&self) -> Deed {
        Deed {
            by: self.switched.by.clone(),
            at: self.switched.at,
            revision: self.switched.revision,
            note: Box::from(self.reason),
        }
    }

    fn plan_may_be_set(&mut self, field: &str, key: &PlanKey) {
        let there = self.work.plan(key).map(|(_, progress)| progress.state);
        if let Some(state) = there.filter(|state| state.is_active()) {
            let allowed = format!("a plan that is not under way; it is {}: cancel it first", state.as_str());
            self.findings.note(Reason::PlanState, &format!("{field}.key"), key.as_str(), allowed);
        }
        if there.is_none() && self.work.plans().count() >= PLANS_MAX {
            let allowed = format!("at most {PLANS_MAX} plans in a store; delete one that is over");
            self.findings.note(Reason::TooLarge, field, &PLANS_MAX.to_string(), allowed);
        }
    }

    /// Two plans that are to come or under way never move the same flag in the same environment.
    fn plan_conflicts(&mut self, field: &str, plan: &PlanDefinition) {
        let others: Vec<Arc<PlanDefinition>> = self
            .work
            .plans()
            .filter(|(other, progress)| other.key != plan.key && !progress.state.is_over())
            .map(|(other, _)| Arc::clone(other))
            .collect();
        for (index, stage) in plan.stages.iter().enumerate() {
            let environment = plan.environment_of(stage);
            for (place, (flag, _)) in stage.set.iter().enumerate() {
                let moves = |other: &&Arc<PlanDefinition>| {
                    other
                        .places()
                        .iter()
                        .any(|(of, known)| *of == environment && known.folded() == flag.folded())
                };
                if let Some(other) = others.iter().find(moves) {
                    let field = format!("{field}.stages[{index}].set[{place}].flag");
                    let allowed =
                        format!("a flag that no other plan moves in {environment}; plan {} does", other.key);
                    self.findings.note(Reason::PlanConflict, &field, flag.as_str(), allowed);
                }
            }
        }
    }

    fn plan_texts(&mut self, field: &str, plan: &PlanDefinition) {
        self.findings.text(&format!("{field}.description"), &plan.description, DESCRIPTION_BYTES_MAX);
        self.findings.text(&format!("{field}.owner"), &plan.owner, TEXT_BYTES_MAX);
        for (name, notes) in [("notes", &plan.notes), ("on_complete.notes", &plan.on_complete.notes)] {
            self.plan_items(&format!("{field}.{name}"), notes);
        }
        if plan.first_day > 1 {
            let (field, day) = (format!("{field}.first_day"), plan.first_day.to_string());
            self.findings.note(Reason::OutOfRange, &field, &day, "0 or 1");
        }
        if let Some(seconds) = plan.on_complete.remove_flags_after_seconds {
            self.plan_seconds(&format!("{field}.on_complete.remove_flags_after"), seconds);
        }
        let bytes = plan_bytes(plan);
        if bytes > PLAN_BYTES_MAX {
            let allowed = format!("at most {PLAN_BYTES_MAX} bytes of text in a plan");
            self.findings.note(Reason::TooLarge, field, &bytes.to_string(), allowed);
        }
    }

    /// Points of a checklist, or notes: texts that are not empty, each once.
    fn plan_items(&mut self, field: &str, items: &[Box<str>]) {
        if !self.findings.count(field, items.len(), PLAN_ITEMS_MAX) {
            return;
        }
        for (index, item) in items.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.findings.text(&field, item, REASON_BYTES_MAX);
            if item.trim().is_empty() {
                self.findings.note(Reason::Required, &field, item, "a text that is not empty");
            } else if items.iter().take(index).any(|known| known == item) {
                self.findings.note(Reason::Duplicate, &field, item, "each text once");
            }
        }
    }

    fn plan_seconds(&mut self, field: &str, seconds: u64) {
        if seconds > PLAN_SECONDS_MAX {
            let allowed = "at most two years";
            self.findings.note(Reason::OutOfRange, field, &format!("{seconds}s"), allowed);
        }
    }

    fn plan_ladder(&mut self, field: &str, ladder: &Ladder) {
        self.plan_seconds(&format!("{field}.every"), ladder.every_seconds);
        let field = format!("{field}.percents");
        if ladder.percents.is_empty() {
            self.findings.note(Reason::Required, &field, "0", "at least one percentage");
        }
        if !self.findings.count(&field, ladder.percents.len(), crate::limits::LADDER_RUNGS_MAX) {
            return;
        }
        let mut above = f64::INFINITY;
        for (index, percent) in ladder.percents.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if super::configurations::exact_weight(*percent).is_none() {
                self.findings.percent(&field, *percent);
            } else if *percent >= above {
                let allowed = "a percentage below the one before it";
                self.findings.note(Reason::OutOfRange, &field, &percent.to_string(), allowed);
            }
            above = *percent;
        }
    }

    pub(super) fn plan_rollback(&mut self, field: &str, plan: &PlanDefinition, kind: &RollbackKind) {
        match kind {
            RollbackKind::Gradual(ladder) => self.plan_ladder(&format!("{field}.gradual"), ladder),
            RollbackKind::Segments(segments) if segments.is_empty() => {
                self.findings.note(Reason::Required, field, "0", "the segments that lose the flag");
            }
            RollbackKind::Segments(segments) => {
                let places: Vec<EnvironmentKey> =
                    plan.places().into_iter().map(|(of, _)| of.clone()).collect();
                for (index, segment) in segments.iter().enumerate() {
                    for environment in &places {
                        if self.work.has_environment(environment)
                            && !self.has_segment(&format!("{field}.segments[{index}]"), environment, segment)
                        {
                            break;
                        }
                    }
                }
            }
            RollbackKind::Disable | RollbackKind::ToZero | RollbackKind::CanaryOff => {}
        }
    }

    /// A guard takes back what the plan moves, and nothing else.
    fn guard_flags(&mut self, field: &str, plan: &PlanDefinition, flags: &[FlagKey]) {
        if !self.findings.count(field, flags.len(), STAGE_FLAGS_MAX) {
            return;
        }
        let places = plan.places();
        for (index, flag) in flags.iter().enumerate() {
            if !places.iter().any(|(_, known)| known.folded() == flag.folded()) {
                let allowed = "a flag that a stage of the plan sets";
                self.findings.note(
                    Reason::NotApplicable,
                    &format!("{field}[{index}]"),
                    flag.as_str(),
                    allowed,
                );
            }
        }
    }

    fn plan_stages(&mut self, field: &str, plan: &PlanDefinition) {
        let (work, touched) = (self.work.clone(), self.touched.clone());
        let mut latest: Option<Timestamp> = None;
        for (index, stage) in plan.stages.iter().enumerate() {
            if self.findings.are_full() {
                break;
            }
            let field = format!("{field}.stages[{index}]");
            self.plan_stage(&field, plan, index, stage);
            // Days and moments are compared among themselves: where the first day lies is not known yet.
            let date = match stage.start {
                StageStart::Next => None,
                StageStart::At(moment) => Some(moment),
                StageStart::Day(_) => plan.date_of(index, Timestamp::default()),
            };
            let is_mixed = plan.stages.iter().any(|other| matches!(other.start, StageStart::At(_)))
                && plan.stages.iter().any(|other| matches!(other.start, StageStart::Day(_)));
            if let (Some(date), Some(before), false) = (date, latest, is_mixed)
                && date < before
            {
                let allowed = "a date that is not before that of an earlier stage";
                self.findings.note(
                    Reason::OutOfRange,
                    &format!("{field}.at"),
                    &start_in_words(stage),
                    allowed,
                );
            }
            latest = date.or(latest);
        }
        (self.work, self.touched) = (work, touched);
    }

    fn plan_stage(&mut self, field: &str, plan: &PlanDefinition, index: usize, stage: &Stage) {
        self.findings.text(&format!("{field}.name"), &stage.name, TEXT_BYTES_MAX);
        if stage.name.trim().is_empty() {
            self.findings.note(
                Reason::Required,
                &format!("{field}.name"),
                "",
                "what the stage is, in a few words",
            );
        } else if plan.stages.iter().take(index).any(|known| known.name == stage.name) {
            self.findings.note(Reason::Duplicate, &format!("{field}.name"), &stage.name, "each name once");
        }
        self.findings.text(&format!("{field}.description"), &stage.description, DESCRIPTION_BYTES_MAX);
        self.plan_seconds(&format!("{field}.hold"), stage.hold_seconds);
        if let Some(seconds) = stage.rollback_within_seconds {
            self.plan_seconds(&format!("{field}.rollback_within"), seconds);
        }
        if let StageStart::Day(day) = stage.start
            && !(plan.first_day..=PLAN_DAY_MAX).contains(&day)
        {
            let allowed = format!("day {} to {PLAN_DAY_MAX}", plan.first_day);
            self.findings.note(Reason::OutOfRange, &format!("{field}.at"), &day.to_string(), allowed);
        }
        self.plan_gate(&format!("{field}.gate"), &stage.gate);
        let keys = stage.canary.add.len() + stage.canary.remove.len();
        self.findings.count(&format!("{field}.canary"), keys, STAGE_CANARY_KEYS_MAX);
        if let Some(environment) = &stage.environment
            && self.environment(&format!("{field}.environment"), environment.as_str()).is_none()
        {
            return;
        }
        if !self.work.has_environment(plan.environment_of(stage)) {
            return;
        }
        if !self.findings.count(&format!("{field}.set"), stage.set.len(), STAGE_FLAGS_MAX) {
            return;
        }
        for (place, (flag, target)) in stage.set.iter().enumerate() {
            let known = stage.set.iter().take(place).any(|(known, _)| known.folded() == flag.folded());
            let field = format!("{field}.set[{place}]");
            if known {
                self.findings.note(
                    Reason::Duplicate,
                    &format!("{field}.flag"),
                    flag.as_str(),
                    "each flag once",
                );
            }
            if let Target::Band { from, to } = target
                && (super::configurations::exact_weight(*to).is_none() || to < from)
            {
                let allowed = "a percentage from the first one of the band to 100";
                self.findings.note(Reason::OutOfRange, &format!("{field}.to"), &to.to_string(), allowed);
            }
        }
        self.set_targets(field, plan, stage);
    }

    fn plan_gate(&mut self, field: &str, gate: &Gate) {
        if gate.approvals > GATE_APPROVALS_MAX {
            let (field, count) = (format!("{field}.approvals"), gate.approvals.to_string());
            self.findings.note(Reason::OutOfRange, &field, &count, format!("0 to {GATE_APPROVALS_MAX}"));
        }
        self.plan_items(&format!("{field}.checklist"), &gate.checklist);
        self.findings.count(&format!("{field}.checks"), gate.checks.len(), PLAN_ITEMS_MAX);
        self.plan_seconds(&format!("{field}.soak"), gate.soak_seconds);
        if let Some(seconds) = gate.drill_within_seconds {
            self.plan_seconds(&format!("{field}.drill_within"), seconds);
        }
    }
}

fn start_in_words(stage: &Stage) -> String {
    match stage.start {
        StageStart::Next => String::new(),
        StageStart::Day(day) => format!("day {day}"),
        StageStart::At(moment) => moment.to_string(),
    }
}

/// Bytes of all texts.
fn plan_bytes(plan: &PlanDefinition) -> usize {
    let texts = |texts: &[Box<str>]| texts.iter().map(|text| text.len()).sum::<usize>();
    let stage = |stage: &Stage| {
        let targets = stage.set.iter().map(|(flag, target)| {
            flag.as_str().len()
                + match target {
                    Target::Matrix { shares, .. } => shares.iter().map(|(of, _)| of.as_str().len() + 8).sum(),
                    Target::Value(value) => value.size(),
                    Target::Percent(_) | Target::Band { .. } | Target::Variant(_) | Target::Disabled => 16,
                }
        });
        stage.name.len()
            + stage.description.len()
            + targets.sum::<usize>()
            + texts(&stage.gate.checklist)
            + texts(&stage.canary.add)
            + texts(&stage.canary.remove)
    };
    plan.description.len()
        + texts(&plan.notes)
        + texts(&plan.on_complete.notes)
        + plan.stages.iter().map(stage).sum::<usize>()
}
