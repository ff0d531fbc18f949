//! The steps of guards: what a condition that became true brings about.
//!
//! Only the server itself asks for one, and it may ask twice, or late: what counts is what has come of the guard by now,
//! and whether the flags still are what they were when they were looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan_acts::Acting;
use super::{Circumstances, Draft, Origin, check};
use crate::change::{Change, ChangeSet, StepGuard};
use crate::entity::{Entity, EntityId, Write};
use crate::guard::Guard;
use crate::guard::state::{Evidence, GuardPhase, GuardState, Observed, Recovery, Statement, Taken, Trip};
use crate::guard::watch::{GuardStep, changed_at};
use crate::key::{EnvironmentKey, FlagKey, PlanKey};
use crate::plan::progress::{Deed, Entry, PlanState, Progress};
use crate::plan::rollback::{highest_share, holding, present};
use crate::plan::status::serves_in_words;
use crate::plan::timetable::after;
use crate::plan::{GuardAction, Ladder, RollbackKind};
use crate::policy::exposure::rise;
use crate::rejection::Reason;
use crate::revision::{Revision, Timestamp};
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;

/// A guard that does something, and the field of the change that lets it.
struct Stepping<'a> {
    field: &'a str,
    guard: &'a Guard,
    state: GuardState,
}

impl Draft<'_> {
    pub(super) fn step_guard(&mut self, field: &str, step: &StepGuard) {
        if self.circumstances.origin != Origin::Control {
            let allowed = "only the server itself may ask for this";
            self.findings.note(Reason::Reserved, field, "", allowed);
            return;
        }
        let Some((guard, state)) = self.guard(&format!("{field}.guard"), &step.guard) else {
            return;
        };
        let mut stepping = Stepping { field, guard: &guard, state };
        let done = match &step.step {
            GuardStep::Trip { judged_at, observed } => self.trip_guard(&mut stepping, *judged_at, observed),
            GuardStep::Fire { observed } => self.fire(&mut stepping, observed),
            GuardStep::Quiet { .. } => self.calm(&mut stepping),
            GuardStep::StateRecovery { statement } => self.state_recovery(&mut stepping, *statement),
            GuardStep::ClockWentBack => self.count_guard_anew(&mut stepping),
            GuardStep::Block { reason } => {
                stepping.state.blocked = Box::from(reason.as_str());
                true
            }
        };
        if done {
            self.put_guard_state(&guard, stepping.state);
        }
    }

    /// Notes that what came of the guard does not allow it; answers whether it does.
    fn guard_allows(&mut self, stepping: &Stepping<'_>, is_allowed: bool, allowed: &str) -> bool {
        if !is_allowed {
            let allowed = format!("{allowed}; it is {}", stepping.state.phase.as_str());
            let field = format!("{}.guard", stepping.field);
            self.findings.note(Reason::GuardState, &field, stepping.guard.key.as_str(), allowed);
        }
        is_allowed
    }

    fn fire(&mut self, stepping: &mut Stepping<'_>, observed: &Observed) -> bool {
        let phase = stepping.state.phase;
        let is_allowed = phase == GuardPhase::Quiet && stepping.guard.action == GuardAction::Alert;
        self.guard_allows(stepping, is_allowed, "a quiet guard that alerts") && {
            let trip = self.trip_of(stepping.guard, observed, "alert");
            self.enter_phase(stepping, GuardPhase::Firing, trip);
            true
        }
    }

    fn calm(&mut self, stepping: &mut Stepping<'_>) -> bool {
        let is_allowed = matches!(stepping.state.phase, GuardPhase::Firing | GuardPhase::Acknowledged);
        self.guard_allows(stepping, is_allowed, "a guard that fires or was acknowledged") && {
            stepping.state.phase = GuardPhase::Quiet;
            stepping.state.since = self.circumstances.at;
            stepping.state.armed_from = None;
            stepping.state.blocked = Box::default();
            true
        }
    }

    fn state_recovery(&mut self, stepping: &mut Stepping<'_>, statement: Statement) -> bool {
        let now = self.circumstances.at;
        let is_due = matches!(stepping.state.recovery, Recovery::Pending { until } if until <= now);
        self.guard_allows(stepping, is_due, "a guard of whose trip it is time to say what became of it") && {
            stepping.state.recovery = Recovery::Stated { statement, at: now };
            true
        }
    }

    fn count_guard_anew(&mut self, stepping: &mut Stepping<'_>) -> bool {
        let now = self.circumstances.at;
        let state = &mut stepping.state;
        let was_ahead = state.since > now;
        state.since = state.since.min(now);
        if let Recovery::Pending { until } = &mut state.recovery {
            *until = (*until).min(after(now, stepping.guard.recovery_after_seconds));
        }
        let looks_back = stepping.guard.looks_back_seconds();
        state.armed_from = state.armed_from.map(|from| from.min(after(now, looks_back)));
        self.guard_allows(stepping, was_ahead, "a guard that waits for a moment ahead of the clock")
    }

    fn trip_guard(&mut self, stepping: &mut Stepping<'_>, judged_at: Revision, observed: &Observed) -> bool {
        let guard = stepping.guard;
        let is_armed = matches!(stepping.state.phase, GuardPhase::Quiet | GuardPhase::Acknowledged);
        if !self.guard_allows(
            stepping,
            is_armed && guard.action != GuardAction::Alert,
            "a guard that watches",
        ) {
            return false;
        }
        let flags = self.flags_to_take(guard);
        if !self.is_as_judged(stepping, &flags, judged_at) {
            return false;
        }
        let mut trip = self.trip_of(guard, observed, "");
        match &guard.action {
            GuardAction::Alert => return false,
            GuardAction::Pause => {
                trip.plans = self.pause_plans_of(stepping.field, guard, &flags, &trip.evidence.in_words());
                trip.deed.note = named("paused", &trip.plans, "alert: no plan under way drives its flags");
                self.enter_phase(stepping, GuardPhase::Firing, trip);
            }
            GuardAction::Rollback(kind) => {
                trip.taken = self.taken(&guard.environment, &flags);
                trip.plans = self.take_back(stepping.field, guard, &flags, kind, &trip);
                trip.deed.note = crate::text::guard_action(&guard.action).into();
                self.enter_phase(stepping, GuardPhase::Latched, trip);
                let until = after(self.circumstances.at, guard.recovery_after_seconds);
                stepping.state.recovery = Recovery::Pending { until };
            }
        }
        true
    }

    /// The flags of a guard that can go back: an archived one serves nobody.
    fn flags_to_take(&self, guard: &Guard) -> Vec<FlagKey> {
        let mut flags = guard.flags(&self.work);
        flags.retain(|flag| {
            self.work.flag(&flag.folded()).is_some_and(|definition| definition.archived.is_none())
        });
        flags
    }

    /// Whether the guard and its flags are what they were when they were judged.
    fn is_as_judged(&mut self, stepping: &Stepping<'_>, flags: &[FlagKey], judged_at: Revision) -> bool {
        let environment = &stepping.guard.environment;
        let written = flags.iter().filter_map(|flag| {
            let written = self.base.written(environment, &flag.folded())?;
            Some((flag.to_string(), written.revision))
        });
        let changed = written
            .chain([(stepping.guard.key.to_string(), stepping.guard.set.revision)])
            .find(|(_, revision)| *revision > judged_at);
        let Some((what, revision)) = changed else {
            return true;
        };
        let allowed = format!("a trip that knows revision {revision}, in which {what} was changed");
        self.findings.note(
            Reason::GuardState,
            &format!("{}.judged_at", stepping.field),
            &judged_at.to_string(),
            allowed,
        );
        false
    }

    fn trip_of(&self, guard: &Guard, observed: &Observed, note: &str) -> Trip {
        let flags = guard.flags(&self.work);
        let flags: Vec<&FlagKey> = flags.iter().collect();
        Trip {
            deed: Deed { note: Box::from(note), ..self.who() },
            evidence: Evidence { condition: guard.when.clone(), observed: observed.clone() },
            taken: Vec::new(),
            plans: Vec::new(),
            changed_at: changed_at(guard, &flags, self.base),
        }
    }

    fn enter_phase(&self, stepping: &mut Stepping<'_>, phase: GuardPhase, trip: Trip) {
        let state = &mut stepping.state;
        *state = GuardState {
            phase,
            since: self.circumstances.at,
            trip: Some(trip),
            trips: state.trips.saturating_add(1),
            ..GuardState::default()
        };
    }

    /// Each flag, with what it serves now.
    fn taken(&self, environment: &EnvironmentKey, flags: &[FlagKey]) -> Vec<Taken> {
        let taken = flags.iter().filter_map(|flag| {
            let definition = self.work.flag(&flag.folded())?;
            let configuration = self.work.configuration(environment, &flag.folded())?;
            let before = serves_in_words(definition, configuration).into();
            Some(Taken { flag: definition.key.clone(), before })
        });
        taken.collect()
    }

    /// Pauses the plans that drive the flags; answers which.
    fn pause_plans_of(&mut self, field: &str, guard: &Guard, flags: &[FlagKey], why: &str) -> Vec<PlanKey> {
        let mut paused = Vec::new();
        for (key, _) in self.driven(&guard.environment, flags, false) {
            let Some((plan, progress)) = self.work.plan(&key) else {
                continue;
            };
            let (plan, mut progress) = (Arc::clone(plan), Progress::clone(progress));
            if !progress.state.is_in_stage() {
                continue;
            }
            progress.paused_in = Some(progress.state);
            let mut acting = Acting { field, plan: &plan, progress };
            let reason = format!("guard {}: {why}", guard.key);
            acting.become_state(PlanState::Paused, self.circumstances.at, &reason);
            self.write_progress(&acting);
            paused.push(key);
        }
        paused
    }

    /// Takes flags back: those that a plan drives with their plan, and the others by themselves. Answers the plans.
    fn take_back(
        &mut self,
        field: &str,
        guard: &Guard,
        flags: &[FlagKey],
        kind: &RollbackKind,
        trip: &Trip,
    ) -> Vec<PlanKey> {
        let driven = self.driven(&guard.environment, flags, true);
        let reason = format!("guard {}: {}", guard.key, trip.evidence.in_words());
        let mut plans: Vec<PlanKey> = Vec::new();
        for (key, flags) in &driven {
            let Some((plan, progress)) = self.work.plan(key) else {
                continue;
            };
            let (plan, progress) = (Arc::clone(plan), Progress::clone(progress));
            let mut acting = Acting { field, plan: &plan, progress };
            self.begin_rollback(&mut acting, (kind, flags), Some(guard.when.clone()), &reason);
            acting.keep_evidence(trip.evidence.observed.measurement.as_ref());
            self.write_progress(&acting);
            plans.push(key.clone());
        }
        let is_driven = |flag: &FlagKey| driven.values().flatten().any(|known| known == flag);
        let rest: Vec<FlagKey> = flags.iter().filter(|flag| !is_driven(flag)).cloned().collect();
        match kind {
            RollbackKind::Gradual(ladder) => {
                plans.extend(self.begin_ladder(field, guard, &rest, ladder, trip, &reason));
            }
            RollbackKind::CanaryOff if !plans.is_empty() => {}
            _ => self.roll_back_flags(field, &guard.environment, &rest, kind),
        }
        plans
    }

    /// The plans under way that drive some of the flags, each with these. `now`: only what their present stage's
    /// environment is, since a plan takes back nothing elsewhere.
    fn driven(
        &self,
        environment: &EnvironmentKey,
        flags: &[FlagKey],
        now: bool,
    ) -> BTreeMap<PlanKey, Vec<FlagKey>> {
        let mut driven: BTreeMap<PlanKey, Vec<FlagKey>> = BTreeMap::new();
        for flag in flags {
            let drives = self.work.plans().find(|(plan, progress)| {
                progress.state.is_active()
                    && (!now || plan.environment_of_progress(progress) == environment)
                    && plan.target(progress.stage_index(), environment, &flag.folded()).is_some()
            });
            if let Some((plan, _)) = drives {
                driven.entry(plan.key.clone()).or_default().push(flag.clone());
            }
        }
        driven
    }

    /// Takes flags down a ladder by a plan of the guard's own, which began when they were changed last. What has no
    /// percentage cannot stand on a rung: it goes at once.
    fn begin_ladder(
        &mut self,
        field: &str,
        guard: &Guard,
        flags: &[FlagKey],
        ladder: &Ladder,
        trip: &Trip,
        reason: &str,
    ) -> Option<PlanKey> {
        let environment = &guard.environment;
        let (mut set, mut at_once) = (Vec::new(), Vec::new());
        for flag in flags {
            let definition = self.work.flag(&flag.folded())?;
            let configuration = self.work.configuration(environment, &flag.folded())?;
            if !configuration.enabled {
                continue;
            }
            match present(definition, configuration) {
                Some(target) => set.push((flag.clone(), target)),
                None => at_once.push(flag.clone()),
            }
        }
        self.roll_back_flags(field, environment, &at_once, &RollbackKind::Disable);
        if set.is_empty() {
            return None;
        }
        let plan = holding(guard.key.as_str(), environment, set, Some(ladder.clone()));
        let now = self.circumstances.at;
        let began = trip.changed_at.unwrap_or(now);
        let progress = Progress {
            state: PlanState::Completed,
            since: now,
            applied: Some(self.who()),
            started: Some(Deed { at: began, ..self.who() }),
            hold_from: began,
            entered: vec![Entry { stage: 0, at: began, revision: self.switched.revision }],
            ..Progress::default()
        };
        self.write(EntityId::Plan(plan.key.clone()), Some(Entity::Plan(Arc::new(plan.clone()))));
        let mut acting = Acting { field, plan: &plan, progress };
        let kind = RollbackKind::Gradual(ladder.clone());
        self.begin_rollback(&mut acting, (&kind, &[]), Some(guard.when.clone()), reason);
        acting.keep_evidence(trip.evidence.observed.measurement.as_ref());
        self.write_progress(&acting);
        Some(plan.key)
    }
}

fn named(deed: &str, plans: &[PlanKey], none: &str) -> Box<str> {
    if plans.is_empty() {
        return Box::from(none);
    }
    let plans: Vec<&str> = plans.iter().map(PlanKey::as_str).collect();
    format!("{deed} {}", plans.join(", ")).into()
}

/// Whether taking flags back this way would take anything from anybody. A guard has nothing to do where nobody has the
/// feature, whatever the metric says.
#[must_use]
pub fn would_take_back(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flags: &[FlagKey],
    kind: &RollbackKind,
) -> bool {
    match kind {
        RollbackKind::Disable => flags.iter().any(|flag| gives(snapshot, environment, flag, 0, true)),
        RollbackKind::ToZero => flags.iter().any(|flag| gives(snapshot, environment, flag, 0, false)),
        RollbackKind::Gradual(ladder) => {
            let foot = ladder.percents.last().copied().unwrap_or(0.0);
            let foot = super::configurations::exact_weight(foot).unwrap_or(0);
            flags.iter().any(|flag| gives(snapshot, environment, flag, foot, false))
        }
        RollbackKind::CanaryOff => snapshot.canary(environment).on,
        RollbackKind::Segments(_) => changes_anything(snapshot, environment, flags, kind),
    }
}

/// Whether somebody has more of a flag than a share. Who is named one by one, on the canary allowlist or by a service
/// that is detached, counts where all is taken.
fn gives(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flag: &FlagKey,
    share: u32,
    with_named: bool,
) -> bool {
    let Some(held) = super::raises::held(snapshot, environment, &flag.folded()) else {
        return false;
    };
    let configuration = held.configuration;
    if held.definition.archived.is_some() || !configuration.enabled {
        return false;
    }
    if held.definition.true_and_false().is_none() {
        return true;
    }
    let is_named = with_named
        && (!configuration.overrides.is_empty()
            || (snapshot.canary(environment).on && configuration.canary != crate::flag::CanaryPart::Out));
    // A targeting expression, or a rule that is no share, counts as everybody that it may be.
    let most = rise(None, Some(held)).max(highest_share(held.definition, configuration));
    is_named || most > share
}

fn changes_anything(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flags: &[FlagKey],
    kind: &RollbackKind,
) -> bool {
    let is_on = |flag: &&FlagKey| gives(snapshot, environment, flag, 0, false);
    let flags: Vec<String> = flags.iter().filter(is_on).map(ToString::to_string).collect();
    if flags.is_empty() {
        return false;
    }
    let change = Change::RollBack { environment: environment.to_string(), flags, kind: kind.clone() };
    let change_set = ChangeSet { actor: "mycelia".to_owned(), reason: String::new(), changes: vec![change] };
    let circumstances =
        Circumstances { origin: Origin::Control, at: Timestamp::default(), schemas: &AnyValue, undone: &[] };
    let checked = check(snapshot, &change_set, circumstances);
    // What is refused is for the trip itself to say.
    let is_of_flags = |write: &Write| matches!(write.id, EntityId::Configuration(..));
    checked.map_or(true, |checked| checked.writes.iter().any(is_of_flags))
}
