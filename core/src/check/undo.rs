//! Undoing a revision: each entity that it wrote gets the value that it had before, unless somebody has changed it since.

use std::collections::BTreeMap;

use super::Draft;
use crate::entity::{EntityId, Write};
use crate::rejection::Reason;
use crate::revision::Revision;

/// A revision as whoever undoes it needs it, read back from the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone {
    /// The revision.
    pub revision: Revision,
    /// What it wrote.
    pub writes: Vec<Write>,
    /// What the same entities were before, in the same order.
    pub before: Vec<Write>,
    /// Who wrote each of them last, after the revision; only those that somebody did.
    pub since: BTreeMap<EntityId, (Revision, Box<str>)>,
}

impl Draft<'_> {
    pub(super) fn undo(&mut self, field: &str, revision: Revision) {
        let field = format!("{field}.revision");
        let shown = revision.to_string();
        let undone = self.circumstances.undone;
        let Some(undone) = undone.iter().find(|undone| undone.revision == revision) else {
            let allowed = format!("a revision of this store, up to {}", self.base.revision());
            self.findings.note(Reason::UnknownRevision, &field, &shown, allowed);
            return;
        };
        let is_foundation = |write: &Write| matches!(write.id, EntityId::Settings | EntityId::Environment(_));
        // Who has asked and who has approved is not taken back: it was said.
        let is_said = |write: &Write| matches!(write.id, EntityId::ChangeRequest(_));
        if undone.writes.iter().all(is_said) || undone.writes.iter().any(is_foundation) {
            let allowed = "a revision that changed flags, and not the store itself";
            self.findings.note(Reason::NotApplicable, &field, &shown, allowed);
            return;
        }
        // A plan does not go back in time: that its flags did is drift, and it says so.
        // Nor does what came of a guard: what it took back stays latched.
        let is_of_flags =
            |write: &&Write| !matches!(write.id, EntityId::Progress(_) | EntityId::GuardState(_));
        let is_of_plan = |write: &Write| matches!(write.id, EntityId::Plan(_));
        if undone.writes.iter().any(is_of_plan) || !undone.writes.iter().any(|write| is_of_flags(&write)) {
            let allowed =
                "a revision that changed flags, and not a rollout plan or what came of a guard alone";
            self.findings.note(Reason::NotApplicable, &field, &shown, allowed);
            return;
        }
        let pairs = undone.writes.iter().zip(&undone.before);
        for (write, before) in pairs.filter(|(write, _)| is_of_flags(write) && !is_said(write)) {
            if self.work.entity(&write.id) == write.value {
                self.write(before.id.clone(), before.value.clone());
                self.restored.insert(before.id.clone());
                continue;
            }
            let who = match undone.since.get(&write.id) {
                Some((revision, actor)) => format!("{actor} changed it again in revision {revision}"),
                None => "it was changed again since".to_owned(),
            };
            let allowed = format!("what nobody has changed since; {who}: undo that first");
            self.findings.note(Reason::ChangedSince, &field, &write.id.to_string(), allowed);
        }
    }
}
