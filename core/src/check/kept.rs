//! Whether the policies of the environments are kept, judged by what a change set really writes.
//!
//! The names of its changes do not matter: an undo, a feature's rollout and a raise that is split over several changes
//! meet the same rules. What makes things safer passes all of them but the one that wants a reason.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::raises::held;
use super::{Draft, Origin};
use crate::entity::{Entity, EntityId, Write};
use crate::flag::FlagDefinition;
use crate::key::{EnvironmentKey, FoldedKey};
use crate::policy::Policy;
use crate::policy::exposure::rise;
use crate::policy::safety::{is_entity_safer, is_flag_safer, is_taken_off, means_the_same};
use crate::rejection::{Reason, Violation};
use crate::revision::Timestamp;
use crate::text::percent;

/// Which rule of a policy is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A reason is missing.
    Reason,
    /// A raise is too large.
    Step,
    /// A flag is protected.
    Protection,
    /// Another moment would do.
    Moment,
    /// Other people must approve.
    Approval,
}

/// What the policies say of some writes.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) broken: Vec<(Rule, Violation)>,
    /// How many approvals are needed.
    pub(super) approvals: u32,
    /// The environments in which something changes.
    pub(super) environments: BTreeSet<EnvironmentKey>,
}

/// What a change set does to one environment.
struct Place<'p> {
    environment: &'p EnvironmentKey,
    policy: &'p Policy,
}

/// Something that is written in an environment and does not make it safer.
struct Deed<'d> {
    field: Arc<str>,
    flag: Option<&'d FoldedKey>,
    /// By how much a share rises.
    rise: u32,
}

impl Judgement {
    /// Says each thing once for each field.
    fn note(&mut self, rule: Rule, violation: Violation) {
        let is_known = |(_, known): &(Rule, Violation)| {
            known.reason == violation.reason
                && known.field == violation.field
                && known.allowed == violation.allowed
        };
        if !self.broken.iter().any(is_known) {
            self.broken.push((rule, violation));
        }
    }
}

impl Draft<'_> {
    /// Notes every rule that is broken and binds whoever submits the change set.
    pub(super) fn keep_policies(&mut self, writes: &[Write]) {
        let binds = |rule: Rule| match (self.circumstances.origin, rule) {
            (Origin::Store, _) | (Origin::Control, Rule::Reason | Rule::Approval) => false,
            (_, Rule::Approval) => !self.approved,
            _ => true,
        };
        let broken = self.judge(writes).broken.into_iter().filter(|(rule, _)| binds(*rule));
        let broken: Vec<Violation> = broken.map(|(_, violation)| violation).collect();
        for violation in broken {
            self.findings.note(violation.reason, &violation.field, &violation.value, violation.allowed);
        }
    }

    /// What the policies that are in force say of the writes. A policy that the change set sets binds only later ones.
    pub(super) fn judge(&self, writes: &[Write]) -> Judgement {
        let mut judgement = Judgement::default();
        for environment in self.work.environments() {
            let written: Vec<&Write> =
                writes.iter().filter(|write| self.touches(write, environment)).collect();
            if written.is_empty() {
                continue;
            }
            judgement.environments.insert(environment.clone());
            let none = Policy::default();
            let policy = self.base.policy(environment).map_or(&none, |policy| policy);
            let place = Place { environment, policy };
            self.judge_reason(&place, &written, &mut judgement);
            self.judge_change_of_policy(&place, &written, &mut judgement);
            if *policy == Policy::default() {
                continue;
            }
            self.judge_plans(&place, &written, &mut judgement);
            let deeds: Vec<Deed<'_>> =
                written.iter().filter_map(|write| self.deed(write, environment)).collect();
            self.judge_deeds(&place, &deeds, &mut judgement);
            self.judge_protection(&place, &written, &mut judgement);
        }
        judgement
    }

    /// Whether a write changes something in an environment. What is said about a flag to people does not.
    fn touches(&self, write: &Write, environment: &EnvironmentKey) -> bool {
        if let Some(of) = write.id.environment() {
            return of == environment;
        }
        if let Some(Entity::Plan(plan)) = &write.value {
            return plan.stages.iter().any(|stage| plan.environment_of(stage) == environment);
        }
        if let EntityId::Guard(guard) = &write.id {
            let guards = [self.base.guard(guard), self.work.guard(guard)];
            return guards.into_iter().flatten().any(|guard| guard.environment == *environment);
        }
        let EntityId::Flag(flag) = &write.id else {
            return false;
        };
        match (self.base.flag(flag), self.work.flag(flag)) {
            (Some(before), Some(after)) => !means_the_same(before, after),
            // A flag that comes or goes is judged by its configuration, which comes or goes with it.
            _ => false,
        }
    }

    /// What of a write does not make the environment safer; none when nothing does.
    fn deed<'w>(&self, write: &'w Write, environment: &EnvironmentKey) -> Option<Deed<'w>> {
        let field = self.field_of(&write.id);
        if let Some(flag) = write.id.flag() {
            let (before, after) = (held(self.base, environment, flag), held(&self.work, environment, flag));
            let is_rolled_back = self.restored.contains(&write.id) && is_taken_off(before, after);
            let is_safer = is_rolled_back || is_flag_safer(before, after);
            return (!is_safer).then(|| Deed { field, flag: Some(flag), rise: rise(before, after) });
        }
        if matches!(write.id, EntityId::Policy(_) | EntityId::Plan(_)) {
            return None;
        }
        let before = self.base.entity(&write.id);
        let is_safer = is_entity_safer(&write.id, before.as_ref(), write.value.as_ref());
        (!is_safer).then_some(Deed { field, flag: None, rise: 0 })
    }

    fn field_of(&self, id: &EntityId) -> Arc<str> {
        self.touched.get(id).map_or_else(|| Arc::clone(&self.field), Arc::clone)
    }

    fn judge_reason(&self, place: &Place<'_>, written: &[&Write], judgement: &mut Judgement) {
        let is_policy = written.iter().any(|write| matches!(write.id, EntityId::Policy(_)));
        let why = self.reason_of_request.as_deref().unwrap_or(self.reason);
        if !why.trim().is_empty() || !(place.policy.reason_required || is_policy) {
            return;
        }
        let allowed = if is_policy {
            "why the policy changes; that is always said".to_owned()
        } else {
            format!("why; the policy of {} wants a reason for every change", place.environment)
        };
        let violation = violation(Reason::ReasonRequired, "reason", why, allowed);
        // Nobody needs to be told for each environment: one reason does for all of them.
        if judgement.broken.iter().all(|(rule, _)| *rule != Rule::Reason) {
            judgement.note(Rule::Reason, violation);
        }
    }

    /// A policy that wants approvals is changed by approval, or it would want none for long.
    fn judge_change_of_policy(&self, place: &Place<'_>, written: &[&Write], judgement: &mut Judgement) {
        let changed = written.iter().find(|write| matches!(write.id, EntityId::Policy(_)));
        if let Some(changed) = changed.filter(|_| place.policy.approvals > 0) {
            let field = self.field_of(&changed.id);
            judgement.approvals = judgement.approvals.max(place.policy.approvals);
            let violation = unapproved(&field, place.environment, place.policy.approvals, "its own change");
            judgement.note(Rule::Approval, violation);
        }
    }

    /// A plan is approved when it is applied: what its stages do later is the server's deed, and asks nobody.
    fn judge_plans(&self, place: &Place<'_>, written: &[&Write], judgement: &mut Judgement) {
        let Place { environment, policy } = place;
        for write in written {
            let Some(Entity::Plan(plan)) = &write.value else {
                continue;
            };
            let places = plan.places();
            let mut flags = places.iter().filter(|(of, _)| of == environment).map(|(_, flag)| flag.folded());
            let needed = policy.approvals.max(u32::from(flags.any(|flag| policy.protects(&flag))));
            if needed > 0 {
                judgement.approvals = judgement.approvals.max(needed);
                let field = self.field_of(&write.id);
                judgement.note(Rule::Approval, unapproved(&field, environment, needed, "a plan"));
            }
        }
    }

    fn judge_deeds(&self, place: &Place<'_>, deeds: &[Deed<'_>], judgement: &mut Judgement) {
        let Place { environment, policy } = place;
        for deed in deeds {
            let largest = policy.largest_step.unwrap_or(u32::MAX);
            if deed.rise > largest {
                let allowed = format!(
                    "a raise of at most {} at a time: the policy of {environment}; lowering is always allowed",
                    points(largest)
                );
                let value = format!("+{}", points(deed.rise));
                judgement.note(Rule::Step, violation(Reason::StepTooLarge, &deed.field, &value, allowed));
            }
            if let Some(violation) = self.too_soon(place, deed) {
                judgement.note(Rule::Moment, violation);
            }
            if let Some(violation) = self.frozen(place, deed) {
                judgement.note(Rule::Moment, violation);
            }
            let is_protected = deed.flag.is_some_and(|flag| policy.protects(flag));
            let needed = policy.approvals.max(u32::from(is_protected));
            if needed > 0 {
                judgement.approvals = judgement.approvals.max(needed);
                let what = if policy.approvals > 0 {
                    "whatever does not make it safer"
                } else {
                    "this protected flag"
                };
                judgement.note(Rule::Approval, unapproved(&deed.field, environment, needed, what));
            }
        }
    }

    fn too_soon(&self, place: &Place<'_>, deed: &Deed<'_>) -> Option<Violation> {
        let seconds = place.policy.smallest_interval_seconds?;
        let flag = deed.flag.filter(|_| deed.rise > 0)?;
        let raised = self.base.configuration(place.environment, flag)?.raised.as_ref()?;
        let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        let from = Timestamp::from_unix_micros(raised.at.unix_micros().saturating_add(micros));
        let now = self.circumstances.at;
        let allowed = format!(
            "a raise from {from} on: {} raised it at {} (revision {}), and the policy of {} wants {seconds} s between \
             two raises; lowering is always allowed",
            raised.by, raised.at, raised.revision, place.environment
        );
        (now < from).then(|| violation(Reason::StepTooSoon, &deed.field, &now.to_string(), allowed))
    }

    fn frozen(&self, place: &Place<'_>, deed: &Deed<'_>) -> Option<Violation> {
        let now = self.circumstances.at;
        let windows = place.policy.freeze_windows.iter();
        let on = windows.filter_map(|window| Some((window.ends(now)?, window)));
        let (end, window) = on.max_by_key(|(end, _)| *end)?;
        let allowed = format!(
            "only what makes it safer until {end}: {} is frozen for {} ({})",
            place.environment, window.name, window.period
        );
        Some(violation(Reason::Frozen, &deed.field, &now.to_string(), allowed))
    }

    fn judge_protection(&self, place: &Place<'_>, written: &[&Write], judgement: &mut Judgement) {
        for flag in written.iter().filter_map(|write| Some((&write.id, write.id.flag()?))) {
            let (id, flag) = flag;
            let Some(before) = self.base.flag(flag).filter(|_| place.policy.protects(flag)) else {
                continue;
            };
            let is_gone = |after: Option<&Arc<FlagDefinition>>| {
                after.is_none_or(|after| after.archived.is_some() && before.archived.is_none())
            };
            if is_gone(self.work.flag(flag)) {
                let allowed = format!(
                    "a flag that the policy of {} does not protect from being archived or deleted",
                    place.environment
                );
                let field = self.field_of(id);
                let violation = violation(Reason::FlagProtected, &field, before.key.as_str(), allowed);
                judgement.note(Rule::Protection, violation);
            }
        }
    }
}

fn violation(reason: Reason, field: &str, value: &str, allowed: String) -> Violation {
    Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed }
}

fn unapproved(field: &str, environment: &EnvironmentKey, needed: u32, what: &str) -> Violation {
    let people = if needed == 1 { "person" } else { "people" };
    let allowed = format!(
        "what {needed} other {people} approved: the policy of {environment} wants that for {what}; ask with \
         request_approval, on the command line with --request"
    );
    violation(Reason::ApprovalRequired, field, environment.as_str(), allowed)
}

/// Percentage points.
fn points(thousandths: u32) -> String {
    format!("{} points", percent(thousandths).trim_end_matches('%').trim_end())
}
