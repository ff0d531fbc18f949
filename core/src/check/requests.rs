//! Change requests: asked for, approved, rejected and withdrawn.
//!
//! What is requested is tried at once, so that nonsense is refused while its author looks on, and again with every
//! approval, against the state of then. With the last approval it happens, in that very record. A moment that does not
//! suit, in a freeze or too soon after another raise, is no reason to refuse a request: only its last approval.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Draft;
use super::kept::{Judgement, Rule};
use crate::change::Change;
use crate::entity::{Entity, EntityId};
use crate::flag::Switched;
use crate::limits::{CHANGES_MAX, REQUESTS_CLOSED_MAX, REQUESTS_OPEN_MAX};
use crate::rejection::{Reason, Violation};
use crate::request::{ChangeRequest, RequestState, is_same_person};
use crate::revision::Revision;
use crate::validate::Findings;

impl<'s> Draft<'s> {
    pub(super) fn request_approval(&mut self, field: &str, changes: &[Change]) {
        let inner = format!("{field}.changes");
        if !self.is_alone(field) || !self.may_be_requested(&inner, changes) {
            return;
        }
        let trial = self.trial(self.switched.clone(), self.reason);
        let Some((trial, judgement)) = trial.tried(&inner, changes) else {
            return;
        };
        let broken = judgement.broken.iter().filter(|(rule, _)| matters_at_once(*rule));
        let broken = broken.map(|(_, violation)| violation.clone());
        self.findings.violations.extend(trial.findings.violations.into_iter().chain(broken));
        self.findings.warnings.extend(trial.findings.warnings);
        if !self.findings.violations.is_empty() {
            return;
        }
        if trial.touched.is_empty() {
            let allowed = "changes that change something; everything is as asked already";
            self.findings.note(Reason::NotApplicable, &inner, "", allowed);
        }
        let request = ChangeRequest {
            id: self.switched.revision,
            author: self.switched.by.clone(),
            reason: Box::from(self.reason),
            requested_at: self.switched.at,
            changes: Arc::from(changes),
            environments: judgement.environments.into_iter().collect(),
            // Whoever asks for another pair of eyes gets one, even where nobody wants it.
            needed: judgement.approvals.max(1),
            approvals: Vec::new(),
            state: RequestState::Open,
        };
        self.put_request(request);
        self.forget_the_oldest();
    }

    pub(super) fn approve_request(&mut self, field: &str, request: Revision) {
        let field = format!("{field}.request");
        let Some(request) = self.open_request(&field, request) else {
            return;
        };
        let actor = self.switched.by.clone();
        let known = request.approvals.iter().find(|approval| is_same_person(&approval.by, &actor));
        if is_same_person(&request.author, &actor) || known.is_some() {
            let allowed = match known {
                Some(known) => {
                    format!("somebody who has not approved it yet, as {} has at {}", known.by, known.at)
                }
                None => format!("somebody other than {}, who asks for it", request.author),
            };
            self.findings.note(Reason::WrongPerson, &field, &actor, allowed);
            return;
        }
        let author = Switched { by: request.author.clone(), ..self.switched.clone() };
        let tried = self.trial(author, &request.reason).tried(&field, &request.changes);
        let Some((mut trial, judgement)) = tried else {
            return;
        };
        let needed = judgement.approvals.max(1);
        let approvals: Vec<Switched> = request.approvals.iter().chain([&self.switched]).cloned().collect();
        let is_enough = u32::try_from(approvals.len()).unwrap_or(u32::MAX) >= needed;
        let binds = |rule: Rule| matters_at_once(rule) || (is_enough && rule == Rule::Moment);
        let broken = judgement.broken.into_iter().filter(|(rule, _)| binds(*rule));
        let broken: Vec<Violation> = broken.map(|(_, violation)| violation).collect();
        for violation in trial.findings.violations.drain(..).chain(broken) {
            // The approval has no field of what is requested: it is named beside it.
            let place = match violation.field.strip_prefix(&field) {
                Some(place) => format!(": changes{place}"),
                None => String::new(),
            };
            let allowed = format!("{} (request {}{place})", violation.allowed, request.id);
            self.findings.note(violation.reason, &field, &violation.value, allowed);
        }
        if !self.findings.violations.is_empty() {
            return;
        }
        let state = if is_enough { RequestState::Applied(self.switched.clone()) } else { RequestState::Open };
        if is_enough {
            let at: Arc<str> = Arc::from(field.as_str());
            self.findings.warnings.append(&mut trial.findings.warnings);
            self.touched = trial.touched.into_keys().map(|id| (id, Arc::clone(&at))).collect();
            self.work = trial.work;
            self.created = trial.created;
            self.restored = trial.restored;
            self.planned = trial.planned;
            self.switched = trial.switched;
            self.approved = true;
            // Its author has said why.
            self.reason_of_request = Some(request.reason.clone());
        }
        self.put_request(ChangeRequest { needed, approvals, state, ..ChangeRequest::clone(&request) });
    }

    pub(super) fn reject_request(&mut self, field: &str, request: Revision) {
        if let Some(request) = self.open_request(&format!("{field}.request"), request) {
            let state = RequestState::Rejected(self.switched.clone());
            self.put_request(ChangeRequest { state, ..ChangeRequest::clone(&request) });
        }
    }

    pub(super) fn withdraw_request(&mut self, field: &str, request: Revision) {
        let field = format!("{field}.request");
        let Some(request) = self.open_request(&field, request) else {
            return;
        };
        if !is_same_person(&request.author, &self.switched.by) {
            let allowed = format!("{}, who asks for it; anybody else may reject it", request.author);
            self.findings.note(Reason::WrongPerson, &field, &self.switched.by.clone(), allowed);
            return;
        }
        let state = RequestState::Withdrawn(self.switched.clone());
        self.put_request(ChangeRequest { state, ..ChangeRequest::clone(&request) });
    }

    fn open_request(&mut self, field: &str, id: Revision) -> Option<Arc<ChangeRequest>> {
        let change = field.strip_suffix(".request").unwrap_or(field);
        if !self.is_alone(change) {
            return None;
        }
        let Some(request) = self.work.request(id).cloned() else {
            let allowed = "the revision of a change request that is open";
            self.findings.note(Reason::UnknownRequest, field, &id.to_string(), allowed);
            return None;
        };
        let Some(closed) = request.state.closed() else {
            return Some(request);
        };
        let allowed = format!(
            "an open change request; this one was {} by {} at {} (revision {})",
            request.state.as_str(),
            closed.by,
            closed.at,
            closed.revision
        );
        self.findings.note(Reason::RequestClosed, field, &id.to_string(), allowed);
        None
    }

    /// What was approved must be what happens: nothing else stands beside it.
    fn is_alone(&mut self, field: &str) -> bool {
        if !self.is_only_change {
            let allowed = "the only change of its change set";
            self.findings.note(Reason::NotApplicable, field, "", allowed);
        }
        self.is_only_change
    }

    fn may_be_requested(&mut self, field: &str, changes: &[Change]) -> bool {
        if changes.is_empty() {
            self.findings.note(Reason::Required, field, "0", format!("1 to {CHANGES_MAX} changes"));
        }
        if !self.findings.count(field, changes.len(), CHANGES_MAX) {
            return false;
        }
        for (index, change) in changes.iter().enumerate() {
            let is_reserved = matches!(
                change,
                Change::CreateStore { .. }
                    | Change::RestoreStore { .. }
                    | Change::RequestApproval { .. }
                    | Change::ApproveRequest { .. }
                    | Change::RejectRequest { .. }
                    | Change::WithdrawRequest { .. }
            );
            if is_reserved {
                let allowed = "a change that can be requested: none of requests, and none of the store";
                let field = format!("{field}[{index}].{}", change.name());
                self.findings.note(Reason::NotApplicable, &field, "", allowed);
            }
        }
        let open = self.work.requests().filter(|request| request.state == RequestState::Open).count();
        if open >= REQUESTS_OPEN_MAX {
            let allowed = format!("at most {REQUESTS_OPEN_MAX} open requests; reject or withdraw some");
            self.findings.note(Reason::TooLarge, field, &open.to_string(), allowed);
        }
        self.findings.violations.is_empty()
    }

    /// A draft of its own, of which nothing happens unless somebody takes it over.
    fn trial<'t>(&self, switched: Switched, reason: &'t str) -> Draft<'t>
    where
        's: 't,
    {
        Draft {
            base: self.base,
            work: self.base.clone(),
            touched: BTreeMap::new(),
            field: Arc::clone(&self.field),
            planned: BTreeSet::new(),
            failed: BTreeSet::new(),
            created: BTreeSet::new(),
            restored: BTreeSet::new(),
            findings: Findings::default(),
            circumstances: self.circumstances,
            switched,
            approved: false,
            is_only_change: false,
            reason,
            reason_of_request: None,
        }
    }

    /// Tries changes and says what the policies make of them; none when there is nothing to judge.
    fn tried(mut self, field: &str, changes: &[Change]) -> Option<(Self, Judgement)> {
        for (index, change) in changes.iter().enumerate() {
            if self.findings.are_full() {
                break;
            }
            self.change(&format!("{field}[{index}]"), change);
        }
        self.hold_together();
        if !self.findings.violations.is_empty() {
            return Some((self, Judgement::default()));
        }
        let writes = self.writes();
        let written: BTreeSet<EntityId> = writes.iter().map(|write| write.id.clone()).collect();
        let judgement = self.judge(&writes);
        self.touched.retain(|id, _| written.contains(id));
        Some((self, judgement))
    }

    fn put_request(&mut self, request: ChangeRequest) {
        let id = EntityId::ChangeRequest(request.id);
        self.write(id, Some(Entity::ChangeRequest(Arc::new(request))));
    }

    fn forget_the_oldest(&mut self) {
        let closed = self.work.requests().filter(|request| request.state != RequestState::Open);
        let closed: Vec<Revision> = closed.map(|request| request.id).collect();
        let beyond = closed.len().saturating_sub(REQUESTS_CLOSED_MAX);
        for request in closed.into_iter().take(beyond) {
            self.write(EntityId::ChangeRequest(request), None);
        }
    }
}

/// Whether a broken rule is a reason to refuse what is not done yet.
const fn matters_at_once(rule: Rule) -> bool {
    matches!(rule, Rule::Reason | Rule::Step | Rule::Protection)
}
