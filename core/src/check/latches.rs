//! What a guard took back stays back: nothing raises it, whoever asks and over whatever API, until somebody acknowledges.
//!
//! Judged by what a change set really writes, and not by what its changes are called: a plan's step, an undo, a
//! promotion and an approved request meet the same rule as `rollout`. A latch that begins or ends in the change set does
//! not bind it: a trip lowers, and whoever acknowledges has said why.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Draft;
use super::guards::how_to_acknowledge;
use super::raises::held;
use crate::entity::EntityId;
use crate::flag::{Canary, CanaryPart};
use crate::guard::Guard;
use crate::guard::state::GuardState;
use crate::key::{EnvironmentKey, FoldedKey};
use crate::plan::{GuardAction, RollbackKind};
use crate::policy::safety::is_flag_safer;
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn hold_latches(&mut self) {
        let is_any = self.base.guards().any(|(_, state)| state.is_some_and(GuardState::is_latched));
        if !self.findings.violations.is_empty() || !is_any {
            return;
        }
        let touched: Vec<(EntityId, Arc<str>)> =
            self.touched.iter().map(|(id, field)| (id.clone(), Arc::clone(field))).collect();
        self.hold_audiences(&touched);
        // A flag whose definition is touched as well is judged once.
        let mut places: BTreeMap<(EnvironmentKey, FoldedKey), Arc<str>> = BTreeMap::new();
        for (id, field) in touched {
            match &id {
                EntityId::Configuration(environment, flag) => {
                    places.insert((environment.clone(), flag.clone()), field);
                }
                EntityId::Flag(flag) => {
                    let environments = self.work.environments();
                    places.extend(environments.map(|of| ((of.clone(), flag.clone()), Arc::clone(&field))));
                }
                EntityId::Canary(environment) => self.hold_canary(&field, environment),
                _ => {}
            }
        }
        for ((environment, flag), field) in places {
            self.hold_latch_of(&field, &environment, &flag);
        }
    }

    fn hold_latch_of(&mut self, field: &str, environment: &EnvironmentKey, flag: &FoldedKey) {
        let (before, after) = (held(self.base, environment, flag), held(&self.work, environment, flag));
        if is_flag_safer(before, after) {
            return;
        }
        let Some(words) =
            self.latch_in_words(|guard, state| guard.environment == *environment && state.holds(flag))
        else {
            return;
        };
        let name = self.base.flag(flag).map_or_else(|| flag.to_string(), |flag| flag.key.to_string());
        self.findings.note(Reason::FlagLatched, field, &name, words);
    }

    /// What a guard holds is disabled, as a rule: whoever raises it has to hear of the guard, and not that it may be enabled.
    pub(super) fn name_latch(&mut self, noted: usize, environment: &EnvironmentKey, flag: &FoldedKey) {
        let mut news = self.findings.violations.iter().skip(noted);
        if !news.any(|violation| violation.reason == Reason::FlagDisabled) {
            return;
        }
        let latch =
            self.latch_in_words(|guard, state| guard.environment == *environment && state.holds(flag));
        let Some(words) = latch else {
            return;
        };
        for violation in self.findings.violations.iter_mut().skip(noted) {
            if violation.reason == Reason::FlagDisabled {
                violation.reason = Reason::FlagLatched;
                violation.allowed.clone_from(&words);
            }
        }
    }

    /// Canary mode gives whoever is on the allowlist every flag that takes part.
    fn hold_canary(&mut self, field: &str, environment: &EnvironmentKey) {
        let is_on = |canary: Canary| canary.on;
        if is_on(self.base.canary(environment)) || !is_on(self.work.canary(environment)) {
            return;
        }
        let work = self.work.clone();
        let takes_part = |flag: &FoldedKey| {
            let configuration = work.configuration(environment, flag);
            configuration.is_some_and(|found| found.enabled && found.canary != CanaryPart::Out)
        };
        let binds = |guard: &Guard, state: &GuardState| {
            guard.environment == *environment
                && (guard.action == GuardAction::Rollback(RollbackKind::CanaryOff)
                    || state
                        .trip
                        .iter()
                        .flat_map(|trip| &trip.taken)
                        .any(|taken| takes_part(&taken.flag.folded())))
        };
        if let Some(words) = self.latch_in_words(binds) {
            self.findings.note(Reason::FlagLatched, field, environment.as_str(), words);
        }
    }

    /// Why something is held, by the first latch that binds: one that was there before, and is there still.
    pub(super) fn latch_in_words(&self, binds: impl Fn(&Guard, &GuardState) -> bool) -> Option<String> {
        let latched = self.base.guards().filter_map(|(guard, state)| {
            let state = state.filter(|state| state.is_latched() && binds(guard, state))?;
            let still = self.work.guard_state(&guard.key).is_some_and(|state| state.is_latched());
            still.then_some((guard, state))
        });
        let (guard, state) = latched.into_iter().next()?;
        let trip = state.trip.as_ref()?;
        Some(format!(
            "only what makes it safer: guard {} took it back at {} (revision {}) because of {}; {}",
            guard.key,
            trip.deed.at,
            trip.deed.revision,
            trip.evidence.in_words(),
            how_to_acknowledge(&guard.key)
        ))
    }
}
