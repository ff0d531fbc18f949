//! Changes that wait for approval, or have waited.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::change::ChangeView;
use crate::view::moment;
use crate::view::switched::SwitchedView;

/// A change request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RequestView {
    /// The revision in which it was requested.
    pub(crate) request: u64,
    pub(crate) author: String,
    pub(crate) reason: String,
    pub(crate) requested_at: Option<String>,
    pub(crate) environments: Vec<String>,
    /// `open`, `applied`, `rejected` or `withdrawn`.
    pub(crate) state: &'static str,
    pub(crate) approvals: Vec<SwitchedView>,
    pub(crate) approvals_needed: u32,
    /// Who has closed it; null while it is open.
    pub(crate) closed: Option<SwitchedView>,
    pub(crate) changes: Vec<ChangeView>,
    #[serde(skip)]
    requested_briefly: String,
}

impl RequestView {
    pub(crate) fn of(request: &v1::ChangeRequest) -> Self {
        let asked = request.change_set.clone().unwrap_or_default();
        let state = match request.state() {
            v1::RequestState::Applied => "applied",
            v1::RequestState::Rejected => "rejected",
            v1::RequestState::Withdrawn => "withdrawn",
            v1::RequestState::Open | v1::RequestState::Unspecified => "open",
        };
        Self {
            request: request.id,
            author: asked.actor,
            reason: asked.reason,
            requested_at: moment::exactly(request.requested_at.as_ref()),
            requested_briefly: moment::briefly(request.requested_at.as_ref()),
            environments: request.environments.clone(),
            state,
            approvals: request.approvals.iter().map(SwitchedView::of).collect(),
            approvals_needed: request.approvals_needed,
            closed: request.closed.as_ref().map(SwitchedView::of),
            changes: asked.changes.iter().map(|change| ChangeView::of(change, None)).collect(),
        }
    }

    /// `request 7 of ana: roll out dreams to 50% in production (1 of 2 approvals: ben)`.
    pub(crate) fn words(&self) -> String {
        let changes: Vec<&str> = self.changes.iter().map(|change| change.words.as_str()).collect();
        format!(
            "request {} of {}: {} ({})",
            self.request,
            self.author,
            changes.join(", "),
            self.approvals_in_words()
        )
    }

    fn approvals_in_words(&self) -> String {
        let by: Vec<&str> = self.approvals.iter().map(|approval| approval.actor.as_str()).collect();
        let word = if self.approvals_needed == 1 { "approval" } else { "approvals" };
        let count = format!("{} of {} {word}", by.len(), self.approvals_needed);
        if by.is_empty() { count } else { format!("{count}: {}", by.join(", ")) }
    }

    fn tone(&self) -> Tone {
        match self.state {
            "open" => Tone::Partial,
            "applied" => Tone::Good,
            _ => Tone::Faint,
        }
    }
}

impl View for RequestView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line([
            Span::from(format!("request {}  ", self.request)),
            Span::new(self.state, self.tone()),
            Span::new(&format!("  by {} at {}", self.author, self.requested_briefly), Tone::Faint),
        ]);
        if !self.reason.is_empty() {
            page.line([Span::from(format!("  {}", self.reason))]);
        }
        page.blank();
        for change in &self.changes {
            page.line([Span::from(format!("  {}", change.words))]);
        }
        page.blank();
        page.line([Span::from(self.approvals_in_words())]);
        for approval in &self.approvals {
            page.line([Span::new(&format!("  approved {}", approval.words()), Tone::Faint)]);
        }
        match &self.closed {
            Some(closed) => {
                page.line([Span::new(&format!("{} {}", self.state, closed.words()), Tone::Faint)])
            }
            None => {
                let hint = format!("somebody else says `mycelia-flags request approve {}`", self.request);
                page.line([Span::new(&hint, Tone::Faint)]);
            }
        }
        page
    }
}

/// The answer of `request list`.
#[derive(Debug, Serialize)]
pub(crate) struct RequestsView {
    /// The newest first.
    pub(crate) requests: Vec<RequestView>,
    /// The revision that was read.
    pub(crate) revision: u64,
    #[serde(skip)]
    all: bool,
}

impl RequestsView {
    pub(crate) fn of(answer: v1::ListChangeRequestsResponse, all: bool) -> Self {
        let requests = answer.requests.iter().map(RequestView::of).collect();
        Self { requests, revision: answer.revision, all }
    }
}

impl View for RequestsView {
    fn page(&self) -> Page {
        if self.requests.is_empty() {
            return Page::of_line(if self.all { "no requests" } else { "no request waits for approval" });
        }
        let headings = ["REQUEST", "STATE", "BY", "CHANGE", "APPROVALS", "REASON"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        for request in &self.requests {
            let mut changes = request.changes.iter().map(|change| change.words.as_str());
            rows.push(vec![
                Span::from(request.request.to_string()),
                Span::new(request.state, request.tone()),
                Span::from(request.author.as_str()),
                Span::from(changes.next().unwrap_or("nothing")),
                Span::from(format!("{} of {}", request.approvals.len(), request.approvals_needed)),
                Span::new(&request.reason, Tone::Faint),
            ]);
            rows.extend(changes.map(|words| vec!["".into(), "".into(), "".into(), Span::from(words)]));
        }
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_proto::v1::change::Change;

    use super::*;

    fn request() -> v1::ChangeRequest {
        let enable = v1::EnableFlag { environment: "production".to_owned(), flag: "dreams".to_owned() };
        let switched = |actor: &str, revision| v1::Switched {
            actor: actor.to_owned(),
            at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            revision,
        };
        v1::ChangeRequest {
            id: 7,
            change_set: Some(v1::ChangeSet {
                changes: vec![v1::Change { change: Some(Change::EnableFlag(enable)) }],
                actor: "ana".to_owned(),
                reason: "day 1".to_owned(),
            }),
            requested_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            environments: vec!["production".to_owned()],
            approvals_needed: 1,
            approvals: vec![switched("ben", 8)],
            state: v1::RequestState::Applied.into(),
            closed: Some(switched("ben", 8)),
        }
    }

    #[test]
    fn a_request_says_who_asked_and_who_approved() {
        let view = RequestView::of(&request());
        assert_eq!(view.words(), "request 7 of ana: enable dreams in production (1 of 1 approval: ben)");
        assert_eq!(
            view.page().render(false),
            "request 7  applied  by ana at 1970-01-01T00:00:00.000Z\n  day 1\n\n  enable dreams in production\n\n\
             1 of 1 approval: ben\n  approved by ben at 1970-01-01T00:00:01.000Z (revision 8)\n\
             applied by ben at 1970-01-01T00:00:01.000Z (revision 8)\n"
        );
    }

    #[test]
    fn requests_are_a_table() {
        let answer = v1::ListChangeRequestsResponse { requests: vec![request()], ..Default::default() };
        assert_eq!(
            RequestsView::of(answer, true).page().render(false),
            "REQUEST  STATE    BY   CHANGE                       APPROVALS  REASON\n\
             7        applied  ana  enable dreams in production  1 of 1     day 1\n"
        );
        let none = RequestsView::of(v1::ListChangeRequestsResponse::default(), false);
        assert_eq!(none.page().render(false), "no request waits for approval\n");
    }
}
