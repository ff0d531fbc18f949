//! Who belongs to a segment or to the canary allowlist, while a guard holds down a flag of which some is still served.
//!
//! A rollback for some segments leaves others what they had, and one to 0 % leaves it to the canary. Whoever is added to
//! those would get what the guard took back. Taking somebody out always passes, but where a rule serves nothing to a
//! segment, or names it with `not`: whoever leaves it would gain.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Draft;
use crate::condition::Condition;
use crate::entity::EntityId;
use crate::flag::{CanaryPart, FlagConfiguration, Serve};
use crate::key::{EnvironmentKey, FlagKey, SegmentKey};
use crate::list::ListKey;
use crate::rejection::Reason;
use crate::segment::Segment;

/// What is edited of whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Edit {
    /// Somebody comes into the segment.
    Into(SegmentKey),
    /// Somebody leaves it.
    OutOf(SegmentKey),
    /// Nobody can say: its condition or its share changes.
    Of(SegmentKey),
    /// Somebody comes onto the allowlist.
    Canary,
}

impl Draft<'_> {
    /// Reports each edit once, however many keys it has.
    pub(super) fn hold_audiences(&mut self, touched: &[(EntityId, Arc<str>)]) {
        let mut seen: BTreeSet<(EnvironmentKey, Edit)> = BTreeSet::new();
        for (id, field) in touched {
            let Some((environment, edit)) = self.edit(id) else { continue };
            if !seen.insert((environment.clone(), edit.clone())) {
                continue;
            }
            let name = match &edit {
                Edit::Into(segment) | Edit::OutOf(segment) | Edit::Of(segment) => segment.to_string(),
                Edit::Canary => "canary".to_owned(),
            };
            let held = self.held_flags(&environment);
            let gains = held.into_iter().find(|flag| self.gains(&environment, flag, &edit));
            let Some(flag) = gains else { continue };
            let folded = flag.folded();
            let latch =
                self.latch_in_words(|guard, state| guard.environment == environment && state.holds(&folded));
            if let Some(words) = latch {
                let words = format!("what gives nobody {flag}: {words}");
                self.findings.note(Reason::FlagLatched, field, &name, words);
            }
        }
    }

    fn edit(&self, id: &EntityId) -> Option<(EnvironmentKey, Edit)> {
        let is_there = self.work.entity(id).is_some();
        let (environment, edit) = match id {
            EntityId::Segment(environment, segment) => {
                let was = self.base.segment(environment, segment);
                let is = self.work.segment(environment, segment);
                let parts = |segment: &Arc<Segment>| (segment.condition.clone(), segment.share.clone());
                // Of a new one no rule can have been.
                if was.is_none() || was.map(parts) == is.map(parts) {
                    return None;
                }
                (environment, Edit::Of(segment.clone()))
            }
            EntityId::Listed(environment, list, _) if self.base.entity(id).is_some() != is_there => {
                let edit = match (list, is_there) {
                    (ListKey::Canary, true) => Edit::Canary,
                    (ListKey::Canary, false) => return None,
                    (ListKey::Included(segment), true) | (ListKey::Excluded(segment), false) => {
                        Edit::Into(segment.clone())
                    }
                    (ListKey::Included(segment), false) | (ListKey::Excluded(segment), true) => {
                        Edit::OutOf(segment.clone())
                    }
                };
                (environment, edit)
            }
            _ => return None,
        };
        Some((environment.clone(), edit))
    }

    fn held_flags(&self, environment: &EnvironmentKey) -> Vec<FlagKey> {
        let guards = self.base.guards().filter(|(guard, _)| guard.environment == *environment);
        let states = guards.filter_map(|(_, state)| state.filter(|state| state.is_latched()));
        let taken = states.flat_map(|state| state.trip.iter().flat_map(|trip| &trip.taken));
        taken.map(|taken| taken.flag.clone()).collect()
    }

    /// Whether an edit may give somebody a flag.
    fn gains(&self, environment: &EnvironmentKey, flag: &FlagKey, edit: &Edit) -> bool {
        let Some(found) = self.work.configuration(environment, &flag.folded()).filter(|found| found.enabled)
        else {
            return false;
        };
        if *edit == Edit::Canary {
            return self.work.canary(environment).on && found.canary != CanaryPart::Out;
        }
        found.rules.iter().any(|rule| match edit {
            Edit::Into(segment) => gives_by(&rule.condition, segment, !serves_nothing(found, &rule.serve)),
            Edit::OutOf(segment) => gives_by(&rule.condition, segment, serves_nothing(found, &rule.serve)),
            Edit::Of(segment) => rule.condition.segments().contains(&segment),
            Edit::Canary => false,
        })
    }
}

fn serves_nothing(configuration: &FlagConfiguration, serve: &Serve) -> bool {
    serve.variants().all(|variant| *variant == configuration.off_variant)
}

/// Whether a condition names a segment so that being in it (or, where `by_members` is false, not being in it) gives more.
fn gives_by(condition: &Condition, segment: &SegmentKey, by_members: bool) -> bool {
    match condition {
        Condition::Segment(named) => by_members && named == segment,
        Condition::Test(_) => false,
        Condition::Not(inner) => gives_by(inner, segment, !by_members),
        Condition::All(inner) | Condition::Any(inner) => {
            inner.iter().any(|inner| gives_by(inner, segment, by_members))
        }
    }
}
