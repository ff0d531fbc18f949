//! What came of something that was done to a plan, for whoever waited for it.

use mycelia_flags_core::plan::rollback_length::RollbackLength;
use mycelia_flags_proto::v1;
use serde::Serialize;

use super::{RollbackLengthView, present, rollback_length};
use crate::page::{Page, Span, Tone};
use crate::plans::FoundPlan;
use crate::terminal::View;
use crate::view::convergence::ConvergenceView;
use crate::view::moment;

/// Where a plan has come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SettledView {
    /// As in `plan list`.
    pub(crate) state: String,
    /// The stage that it is in; null when it is in none.
    pub(crate) stage: Option<String>,
    /// Whether it has entered a stage since, or is through.
    pub(crate) went_on: bool,
    /// The revision whose spread was waited for: that of the stage it has entered last, or of the deed.
    pub(crate) revision: u64,
    /// What the gate of its stage still waits for, in words.
    pub(crate) waits_for: Vec<String>,
    /// Until when it waits with nobody doing anything.
    pub(crate) waits_until: Option<String>,
    #[serde(skip)]
    is_in_stage: bool,
}

impl SettledView {
    /// Of a plan to which something was done in a revision.
    pub(crate) fn of(found: &FoundPlan, revision: u64) -> Self {
        use v1::PlanState::{Completed, Holding, Running, WaitingForGate};
        let state = found.status.state();
        let entered = found.progress.entered.iter().map(|entry| entry.revision).max();
        let entered = entered.filter(|entered| *entered >= revision);
        // A plan that is through has done more than enter its last stage.
        let revision = match state {
            Completed => found.revision,
            _ => entered.unwrap_or(revision),
        };
        Self {
            state: super::name_of(state),
            stage: present(&found.status).map(|(_, stage)| stage.name.clone()),
            went_on: entered.is_some() || state == Completed,
            revision,
            waits_for: found.status.missing.clone(),
            waits_until: moment::exactly(found.status.waits_until.as_ref()),
            is_in_stage: matches!(state, Holding | Running | WaitingForGate),
        }
    }

    /// Whether it is still in the stage that somebody wanted it to leave.
    pub(crate) const fn is_stuck(&self) -> bool {
        self.is_in_stage && !self.went_on
    }
}

impl View for SettledView {
    fn page(&self) -> Page {
        let missing = self.waits_for.join("; ");
        let why = match (&self.waits_until, self.waits_for.is_empty()) {
            (_, false) => missing,
            (Some(until), true) => format!("{until}, when the stay is over and the next stage is due"),
            (None, true) => "somebody".to_owned(),
        };
        let mut page = Page::default();
        page.line([Span::new(&format!("still waits for: {why}"), Tone::Partial)]);
        page
    }
}

/// A rollback that everybody has.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RolledBackView {
    /// From the deed to the last acknowledgement.
    pub(crate) length: RollbackLengthView,
    acknowledged: u32,
    live: u32,
    #[serde(skip)]
    known: RollbackLength,
}

impl RolledBackView {
    /// None when nothing was taken back.
    pub(crate) fn of(found: &FoundPlan, convergence: Option<&ConvergenceView>) -> Option<Self> {
        let convergence = convergence?;
        let known = rollback_length(&found.status)?.longer_by(convergence.duration_micros.unwrap_or(0));
        let count = |of: fn(&crate::view::convergence::ServiceProgressView) -> u32| {
            convergence.services.iter().map(of).sum()
        };
        Some(Self {
            length: RollbackLengthView::of(known),
            acknowledged: count(|service| service.converged),
            live: count(|service| service.live),
            known,
        })
    }
}

impl View for RolledBackView {
    fn page(&self) -> Page {
        if !self.known.is_over {
            // The rest of the ladder is not waited for: it takes its time, and `plan watch` follows it.
            return Page::of_line(self.known.to_string());
        }
        let Self { known, acknowledged, live, .. } = self;
        let who = match live {
            0 => "nobody connected sees it".to_owned(),
            _ => format!("{acknowledged} of {live} acknowledged"),
        };
        let tone = if known.is_kept() == Some(false) { Tone::Loud } else { Tone::Good };
        let words = format!("rolled back in {}, {who}{}", known.taken(), known.allowance());
        let mut page = Page::default();
        page.line([Span::new(&words, tone)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::plan::tests::waiting;

    fn entered(found: &mut FoundPlan, revision: u64) {
        found.progress.entered.push(v1::StageEntry { revision, ..v1::StageEntry::default() });
    }

    #[test]
    fn a_plan_that_still_waits_says_for_what() {
        let mut found = waiting();
        entered(&mut found, 4);
        let settled = SettledView::of(&found, 7);
        assert!(settled.is_stuck() && settled.revision == 7);
        let page = settled.page().render(false);
        assert!(page.starts_with("still waits for: nobody has said go; 1 of 2 approvals; "), "{page}");
        found.status.missing.clear();
        found.status.waits_until = Some(prost_types::Timestamp { seconds: 60, nanos: 0 });
        let page = SettledView::of(&found, 7).page().render(false);
        assert_eq!(
            page,
            "still waits for: 1970-01-01T00:01:00.000000Z, when the stay is over and the next stage is due\n"
        );
    }

    #[test]
    fn what_a_plan_has_entered_since_is_what_spreads() {
        let mut found = waiting();
        entered(&mut found, 4);
        entered(&mut found, 8);
        let settled = SettledView::of(&found, 7);
        assert!((settled.went_on, settled.revision) == (true, 8) && !settled.is_stuck(), "{settled:?}");
        found.status.state = v1::PlanState::Completed.into();
        found.revision = 9;
        assert_eq!(SettledView::of(&found, 7).revision, 9);
    }

    #[track_caller]
    fn rolled_back(over: bool, micros: Option<u64>, live: u32, expected: &str) {
        let mut found = waiting();
        let length = v1::RollbackLength { over, within_seconds: Some(300), ..v1::RollbackLength::default() };
        found.status.rollback = Some(length);
        let service = v1::ServiceProgress {
            service: "ui".to_owned(),
            converged: live,
            live,
            last_after_micros: micros,
            ..v1::ServiceProgress::default()
        };
        let services = if live == 0 { Vec::new() } else { vec![service] };
        let report = v1::WaitConvergedResponse { converged: true, services, ..Default::default() };
        let view = RolledBackView::of(&found, Some(&ConvergenceView::of(&report))).unwrap();
        assert_eq!(view.page().render(false), format!("{expected}\n"));
    }

    #[test]
    fn a_rollback_is_measured_to_the_last_acknowledgement() {
        rolled_back(
            true,
            Some(12_345),
            3,
            "rolled back in 0.012 s, 3 of 3 acknowledged; the plan allows 5m: kept",
        );
        let late = "rolled back in 6m 40s, 3 of 3 acknowledged; the plan allows 5m: NOT kept";
        rolled_back(true, Some(400_000_000), 3, late);
        rolled_back(
            true,
            None,
            0,
            "rolled back in 0.000 s, nobody connected sees it; the plan allows 5m: kept",
        );
        rolled_back(false, Some(12_345), 3, "on its way down for 0.012 s; the plan allows 5m");
    }
}
