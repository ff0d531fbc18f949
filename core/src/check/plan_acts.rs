//! What people do to a rollout plan.

use super::Draft;
use crate::change::{Place, PlanAct};
use crate::entity::{Entity, EntityId};
use crate::key::{EnvironmentKey, FlagKey};
use crate::limits::{PLAN_REPORTS_MAX, STAGE_FLAGS_MAX};
use crate::plan::metric_check::{MetricCheck, Unit, parse_value};
use crate::plan::progress::{Decision, PlanState, Progress, Reported, RollingBack, Tick};
use crate::plan::{PlanDefinition, RollbackKind, Stage};
use crate::rejection::Reason;
use crate::request::is_same_person;

/// A plan that something is done to, and the field of the change that does it.
pub(super) struct Acting<'a> {
    pub(super) field: &'a str,
    pub(super) plan: &'a PlanDefinition,
    pub(super) progress: Progress,
}

impl Acting<'_> {
    pub(super) fn stage(&self) -> Option<&Stage> {
        self.plan.stages.get(self.progress.stage_index())
    }

    /// Moves to another state, or says anew why it is in this one.
    pub(super) fn become_state(&mut self, state: PlanState, now: crate::revision::Timestamp, reason: &str) {
        if self.progress.state != state {
            self.progress.since = now;
        }
        self.progress.state = state;
        self.progress.reason = Box::from(reason);
    }

    /// The ladder ends here: the flags are at their final place.
    pub(super) fn end_ladder(&mut self, now: crate::revision::Timestamp, reason: &str) {
        if let Some(rollback) = &mut self.progress.rollback {
            rollback.ended_at = Some(now);
        }
        self.become_state(PlanState::Latched, now, reason);
    }
}

impl Draft<'_> {
    pub(super) fn act_on_plan(&mut self, field: &str, plan: &str, act: &PlanAct) {
        let Some((plan, progress)) = self.plan(&format!("{field}.plan"), plan) else {
            return;
        };
        let mut acting = Acting { field, plan: &plan, progress };
        let done = match act {
            PlanAct::Start => self.start_plan(&mut acting),
            PlanAct::Approve => self.approve_stage(&mut acting),
            PlanAct::Go => self.decide(&mut acting, true),
            PlanAct::NoGo => self.decide(&mut acting, false),
            PlanAct::Tick { item } => self.tick(&mut acting, item, true),
            PlanAct::Untick { item } => self.tick(&mut acting, item, false),
            PlanAct::Report { metric, value } => self.report_value(&mut acting, metric, value),
            PlanAct::Pause => self.pause_plan(&mut acting),
            PlanAct::Resume => self.resume_plan(&mut acting),
            PlanAct::RollBack(kind) => self.roll_plan_back(&mut acting, kind),
            PlanAct::Acknowledge => self.acknowledge(&mut acting),
            PlanAct::Cancel => self.cancel_plan(&mut acting),
            PlanAct::Step(step) => self.step_plan(&mut acting, step),
        };
        if done {
            self.write_progress(&acting);
        }
    }

    pub(super) fn write_progress(&mut self, acting: &Acting<'_>) {
        let id = EntityId::Progress(acting.plan.key.clone());
        self.write(id, Some(Entity::Progress(std::sync::Arc::new(acting.progress.clone()))));
    }

    /// Notes that the plan's state does not allow it; answers whether it does.
    pub(super) fn plan_allows(&mut self, acting: &Acting<'_>, is_allowed: bool, allowed: &str) -> bool {
        if !is_allowed {
            let field = format!("{}.plan", acting.field);
            let Progress { state, reason, .. } = &acting.progress;
            let allowed = format!("{allowed}; it is {}: {reason}", state.as_str());
            self.findings.note(Reason::PlanState, &field, acting.plan.key.as_str(), allowed);
        }
        is_allowed
    }

    fn start_plan(&mut self, acting: &mut Acting<'_>) -> bool {
        let is_draft = acting.progress.state == PlanState::Draft;
        self.plan_allows(acting, is_draft, "a plan that has not started") && {
            acting.progress.started = Some(self.who());
            let reason = format!("started by {}", self.switched.by);
            self.enter_stage(acting, 0, &reason);
            true
        }
    }

    fn approve_stage(&mut self, acting: &mut Acting<'_>) -> bool {
        let is_in_stage = acting.progress.state.is_in_stage();
        if !self.plan_allows(acting, is_in_stage, "a plan that is in a stage") {
            return false;
        }
        if acting.stage().is_none_or(|stage| stage.gate.approvals == 0) {
            let allowed = "a stage whose gate asks for approvals";
            let name = acting.stage().map_or("", |stage| &stage.name);
            self.findings.note(Reason::NotApplicable, &format!("{}.deed", acting.field), name, allowed);
            return false;
        }
        if let Some(given) =
            acting.progress.approvals.iter().find(|given| is_same_person(&given.by, &self.switched.by))
        {
            let allowed = format!("each person once; {} approved at {}", given.by, given.at);
            self.findings.note(Reason::Duplicate, "actor", &self.switched.by, allowed);
            return false;
        }
        acting.progress.approvals.push(self.who());
        true
    }

    fn decide(&mut self, acting: &mut Acting<'_>, go: bool) -> bool {
        // On the way down a go means that health has returned.
        if go && acting.progress.state == PlanState::RollingBack {
            let reason = format!("stopped by {}", self.switched.by);
            acting.end_ladder(self.circumstances.at, &reason);
            return true;
        }
        let is_in_stage = acting.progress.state.is_in_stage();
        if !self.plan_allows(acting, is_in_stage, "a plan that is in a stage") {
            return false;
        }
        acting.progress.decision = Some(Decision { go, deed: self.who() });
        true
    }

    fn tick(&mut self, acting: &mut Acting<'_>, item: &str, ticked: bool) -> bool {
        let is_in_stage = acting.progress.state.is_in_stage() || acting.progress.state == PlanState::Paused;
        if !self.plan_allows(acting, is_in_stage, "a plan that is in a stage") {
            return false;
        }
        let checklist = acting.stage().map_or(&[][..], |stage| &stage.gate.checklist);
        let number = item.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let found = checklist
            .iter()
            .find(|known| known.trim().eq_ignore_ascii_case(item.trim()))
            .or_else(|| checklist.get(number?))
            .cloned();
        let Some(found) = found else {
            let numbered = checklist.iter().enumerate().map(|(index, item)| format!("{} {item}", index + 1));
            let numbered: Vec<String> = numbered.collect();
            let allowed = match numbered.is_empty() {
                true => "a stage with a checklist".to_owned(),
                false => format!("a point of the stage's checklist, or its number: {}", numbered.join("; ")),
            };
            let verb = if ticked { "tick" } else { "untick" };
            self.findings.note(
                Reason::NotApplicable,
                &format!("{}.{verb}.item", acting.field),
                item,
                allowed,
            );
            return false;
        };
        let ticks = &mut acting.progress.ticks;
        let known = ticks.iter().position(|tick| tick.item == found);
        match (known, ticked) {
            // Whoever ticked it first is remembered.
            (Some(_), true) | (None, false) => return false,
            (Some(known), false) => drop(ticks.remove(known)),
            (None, true) => ticks.push(Tick { item: found, deed: self.who() }),
        }
        true
    }

    fn report_value(&mut self, acting: &mut Acting<'_>, metric: &str, value: &str) -> bool {
        let is_live = acting.progress.state.is_active();
        if !self.plan_allows(acting, is_live, "a plan that is under way") {
            return false;
        }
        let gate = acting.stage().map_or(&[][..], |stage| &stage.gate.checks);
        let guards = acting.plan.guards.iter().map(|guard| &guard.when);
        let known: Vec<&MetricCheck> = gate.iter().chain(guards).collect();
        let Some(check) = known.iter().find(|check| check.subject() == metric.trim()) else {
            let mut subjects: Vec<String> = known.iter().map(|check| check.subject()).collect();
            subjects.sort();
            subjects.dedup();
            let allowed = format!("a metric that the stage or a guard asks for: {}", subjects.join(", "));
            self.findings.note(
                Reason::NotApplicable,
                &format!("{}.report.metric", acting.field),
                metric,
                allowed,
            );
            return false;
        };
        let unit = match check.unit {
            Unit::Plain => "a number",
            Unit::Percent => "a number of percent",
            Unit::Milliseconds => "a number with ms or s",
        };
        let parsed =
            parse_value(value.trim()).filter(|(_, found)| *found == check.unit || *found == Unit::Plain);
        let Some((value, _)) = parsed else {
            self.findings.note(Reason::WrongType, &format!("{}.report.value", acting.field), value, unit);
            return false;
        };
        let reported = Reported { subject: Box::from(metric.trim()), value, deed: self.who() };
        acting.progress.reported.retain(|known| known.subject != reported.subject);
        self.findings.count(
            &format!("{}.report.metric", acting.field),
            acting.progress.reported.len() + 1,
            PLAN_REPORTS_MAX,
        );
        acting.progress.reported.push(reported);
        true
    }

    fn pause_plan(&mut self, acting: &mut Acting<'_>) -> bool {
        let state = acting.progress.state;
        let reason = if self.reason.is_empty() {
            format!("paused by {}", self.switched.by)
        } else {
            format!("paused by {}: {}", self.switched.by, self.reason)
        };
        if state == PlanState::RollingBack {
            acting.end_ladder(self.circumstances.at, &reason);
            return true;
        }
        if !self.plan_allows(acting, state.is_in_stage(), "a plan that is in a stage") {
            return false;
        }
        acting.progress.paused_in = Some(state);
        acting.become_state(PlanState::Paused, self.circumstances.at, &reason);
        true
    }

    /// What was paused goes on where it was, and what drifted is set anew. What was rolled back enters its stage again.
    fn resume_plan(&mut self, acting: &mut Acting<'_>) -> bool {
        let now = self.circumstances.at;
        let reason = format!("resumed by {}", self.switched.by);
        match acting.progress.state {
            PlanState::Latched => {
                let is_known = acting.progress.acknowledged.is_some();
                self.plan_allows(
                    acting,
                    is_known,
                    "a plan whose rollback somebody has acknowledged, with the cause",
                ) && {
                    self.set_earlier_stages(acting);
                    self.enter_stage(acting, acting.progress.stage_index(), &reason);
                    true
                }
            }
            PlanState::Paused => {
                let paused = now.micros_since(acting.progress.since);
                let paused = i64::try_from(paused).unwrap_or(i64::MAX);
                let hold_from = acting.progress.hold_from.unix_micros().saturating_add(paused);
                acting.progress.hold_from = crate::revision::Timestamp::from_unix_micros(hold_from);
                let state = acting.progress.paused_in.take().unwrap_or(PlanState::Holding);
                acting.become_state(state, now, &reason);
                self.set_what_drifted(acting);
                true
            }
            _ => self.plan_allows(acting, false, "a plan that is paused, or latched and acknowledged"),
        }
    }

    /// What the stages before the present one have set in its environment, in their order: a rollback took that as well.
    fn set_earlier_stages(&mut self, acting: &Acting<'_>) {
        let Some((environment, flags)) = flags_in_force(acting, &[]) else {
            return;
        };
        self.mark_planned(&environment, &flags);
        for (index, stage) in acting.plan.stages.iter().enumerate().take(acting.progress.stage_index()) {
            if *acting.plan.environment_of(stage) == environment {
                self.set_targets(&format!("{}.stages[{index}]", acting.field), acting.plan, stage);
            }
        }
    }

    fn acknowledge(&mut self, acting: &mut Acting<'_>) -> bool {
        let is_latched = acting.progress.state == PlanState::Latched;
        if !self.plan_allows(acting, is_latched, "a plan that was rolled back") {
            return false;
        }
        if self.reason.trim().is_empty() {
            self.findings.note(Reason::Required, "reason", "", "the cause of the rollback");
            return false;
        }
        acting.progress.acknowledged = Some(self.who());
        true
    }

    fn cancel_plan(&mut self, acting: &mut Acting<'_>) -> bool {
        let is_to_come = !acting.progress.state.is_over();
        self.plan_allows(acting, is_to_come, "a plan that is not over") && {
            let reason = match self.reason.is_empty() {
                true => format!("cancelled by {}", self.switched.by),
                false => format!("cancelled by {}: {}", self.switched.by, self.reason),
            };
            acting.become_state(PlanState::Cancelled, self.circumstances.at, &reason);
            true
        }
    }

    fn roll_plan_back(&mut self, acting: &mut Acting<'_>, kind: &RollbackKind) -> bool {
        let state = acting.progress.state;
        let is_started = state.is_active() || state == PlanState::Completed;
        if !self.plan_allows(acting, is_started, "a plan that is under way or through") {
            return false;
        }
        let faults = self.findings.violations.len();
        self.plan_rollback(&format!("{}.roll_back", acting.field), acting.plan, kind);
        if self.findings.violations.len() > faults {
            return false;
        }
        let reason = match self.reason.is_empty() {
            true => format!("rolled back by {}", self.switched.by),
            false => format!("rolled back by {}: {}", self.switched.by, self.reason),
        };
        self.begin_rollback(acting, (kind, &[]), None, &reason);
        true
    }

    /// The flags that the plan moves in the environment of its present stage go back.
    pub(super) fn begin_rollback(
        &mut self,
        acting: &mut Acting<'_>,
        (kind, only): (&RollbackKind, &[FlagKey]),
        cause: Option<MetricCheck>,
        reason: &str,
    ) {
        let Some((environment, flags)) = flags_in_force(acting, only) else {
            return;
        };
        self.mark_planned(&environment, &flags);
        let rung = match kind {
            RollbackKind::Gradual(ladder) => self.first_rung(&environment, &flags, ladder),
            _ => 0,
        };
        match kind {
            RollbackKind::Gradual(ladder) => {
                let percent = ladder.percents.get(rung).copied().unwrap_or(0.0);
                for flag in &flags {
                    let place = Place { environment: environment.to_string(), flag: flag.to_string() };
                    self.lower(acting.field, &place, percent);
                }
            }
            _ => self.roll_back_flags(acting.field, &environment, &flags, kind),
        }
        let now = self.circumstances.at;
        let is_gradual = matches!(kind, RollbackKind::Gradual(_));
        acting.progress.acknowledged = None;
        acting.progress.paused_in = None;
        acting.progress.rollback = Some(RollingBack {
            kind: kind.clone(),
            flags: only.to_vec(),
            rung: u32::try_from(rung).unwrap_or(u32::MAX),
            rung_at: now,
            deed: self.who(),
            cause,
            ended_at: (!is_gradual).then_some(now),
            within_seconds: acting.stage().and_then(|stage| stage.rollback_within_seconds),
        });
        let state = if is_gradual { PlanState::RollingBack } else { PlanState::Latched };
        acting.become_state(state, now, reason);
    }

    /// Takes flags back, and the plan with them that drives one.
    pub(super) fn roll_back(
        &mut self,
        field: &str,
        environment: &str,
        flags: &[String],
        kind: &RollbackKind,
    ) {
        let known = self.environment(&format!("{field}.environment"), environment);
        if flags.is_empty() && *kind != RollbackKind::CanaryOff {
            self.findings.note(Reason::Required, &format!("{field}.flags"), "0", "the flags that go back");
        }
        if !self.findings.count(&format!("{field}.flags"), flags.len(), STAGE_FLAGS_MAX) {
            return;
        }
        if let RollbackKind::Gradual(_) = kind {
            let allowed = "disable, to_zero, segments or canary_off; a gradual rollback is a plan's";
            self.findings.note(Reason::NotApplicable, &format!("{field}.rollback"), "gradual", allowed);
            return;
        }
        let found: Vec<Option<FlagKey>> = (0..)
            .zip(flags)
            .map(|(index, flag): (usize, _)| {
                self.live_flag(&format!("{field}.flags[{index}]"), flag).map(|flag| flag.key.clone())
            })
            .collect();
        let flags: Vec<FlagKey> = found.into_iter().flatten().collect();
        if let Some(environment) = known {
            self.take_plans_back(field, &environment, &flags, kind);
            self.roll_back_flags(field, &environment, &flags, kind);
        }
    }

    pub(super) fn mark_planned(&mut self, environment: &EnvironmentKey, flags: &[FlagKey]) {
        let ids = flags.iter().map(|flag| EntityId::Configuration(environment.clone(), flag.folded()));
        self.planned.extend(ids);
    }
}

/// The environment of the present stage, and the flags that the plan has set in it so far: of these only some, if some are
/// named.
pub(super) fn flags_in_force(
    acting: &Acting<'_>,
    only: &[FlagKey],
) -> Option<(EnvironmentKey, Vec<FlagKey>)> {
    let environment = acting.plan.environment_of(acting.stage()?).clone();
    let mut flags: Vec<FlagKey> = Vec::new();
    for stage in acting.plan.stages.iter().take(acting.progress.stage_index().saturating_add(1)) {
        if *acting.plan.environment_of(stage) == environment {
            for (flag, _) in &stage.set {
                let is_meant = only.is_empty() || only.iter().any(|named| named.folded() == flag.folded());
                if is_meant && !flags.iter().any(|known| known.folded() == flag.folded()) {
                    flags.push(flag.clone());
                }
            }
        }
    }
    Some((environment, flags))
}
