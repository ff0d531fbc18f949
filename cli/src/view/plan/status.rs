//! `plan status`: a plan in full.

use mycelia_flags_proto::v1;
use serde::Serialize;

use super::checklist::{self, PointView};
use super::next::{self, NextView};
use super::{DeedView, PlanView, stepper};
use crate::page::{Page, Span, Tone};
use crate::plans::FoundPlan;
use crate::terminal::View;
use crate::view::moment::{self, Now};

/// The answer of `plan status PLAN`.
#[derive(Debug, Serialize)]
pub(crate) struct PlanStatusView {
    #[serde(flatten)]
    pub(crate) plan: PlanView,
    pub(crate) owner: String,
    pub(crate) notes: Vec<String>,
    pub(crate) starts_at: Option<String>,
    pub(crate) applied: Option<DeedView>,
    pub(crate) started: Option<DeedView>,
    /// That the present stage is left.
    pub(crate) approvals: Vec<DeedView>,
    pub(crate) decision: Option<DecisionView>,
    /// Of the present stage.
    pub(crate) checklist: Vec<PointView>,
    pub(crate) reported: Vec<ReportedView>,
    pub(crate) rollback: Option<RollbackView>,
    pub(crate) acknowledged: Option<DeedView>,
    /// What brings the plan further.
    pub(crate) next: Vec<NextView>,
    /// The revision that was read.
    pub(crate) revision: u64,
    #[serde(skip)]
    found: FoundPlan,
    #[serde(skip)]
    now: Now,
}

/// Go or no-go.
#[derive(Debug, Serialize)]
pub(crate) struct DecisionView {
    pub(crate) go: bool,
    pub(crate) deed: Option<DeedView>,
}

/// The value of a metric as somebody reported it.
#[derive(Debug, Serialize)]
pub(crate) struct ReportedView {
    pub(crate) metric: String,
    pub(crate) value: f64,
    pub(crate) deed: Option<DeedView>,
}

/// The rollback that goes on, or the last one.
#[derive(Debug, Serialize)]
pub(crate) struct RollbackView {
    /// In words.
    pub(crate) way: String,
    /// Of a gradual one, from 0 on.
    pub(crate) rung: u32,
    pub(crate) rung_at: Option<String>,
    pub(crate) deed: Option<DeedView>,
    /// The guard's condition that was true; empty when somebody took the plan back.
    pub(crate) cause: String,
    /// When the flags were at their final place; null while they are on their way down.
    pub(crate) ended_at: Option<String>,
}

impl RollbackView {
    fn of(rollback: &v1::RollbackProgress) -> Self {
        let way = rollback.rollback.as_ref().map(super::way_in_words).unwrap_or_default();
        Self {
            way: way.trim_start_matches([':', ' ']).to_owned(),
            rung: rollback.rung,
            rung_at: moment::exactly(rollback.rung_at.as_ref()),
            deed: rollback.deed.as_ref().map(DeedView::of),
            cause: rollback.cause.clone(),
            ended_at: moment::exactly(rollback.ended_at.as_ref()),
        }
    }
}

impl PlanStatusView {
    pub(crate) fn of(found: FoundPlan, now: Now) -> Self {
        let progress = &found.progress;
        let reported = |reported: &v1::ReportedValue| ReportedView {
            metric: reported.subject.clone(),
            value: reported.value,
            deed: reported.deed.as_ref().map(DeedView::of),
        };
        Self {
            plan: PlanView::of(found.status.clone()),
            owner: found.plan.owner.clone(),
            notes: found.plan.notes.clone(),
            starts_at: moment::exactly(found.plan.starts_at.as_ref()),
            applied: progress.applied.as_ref().map(DeedView::of),
            started: progress.started.as_ref().map(DeedView::of),
            approvals: progress.approvals.iter().map(DeedView::of).collect(),
            decision: progress.decision.as_ref().map(|decision| DecisionView {
                go: decision.go,
                deed: decision.deed.as_ref().map(DeedView::of),
            }),
            checklist: checklist::points(&found),
            reported: progress.reported.iter().map(reported).collect(),
            rollback: progress.rollback.as_ref().map(RollbackView::of),
            acknowledged: progress.acknowledged.as_ref().map(DeedView::of),
            next: next::next(&found),
            revision: found.revision,
            found,
            now,
        }
    }

    fn describe(&self, page: &mut Page) {
        stepper::describe(&self.found, self.now, page);
        self.describe_next(page);
    }

    fn describe_next(&self, page: &mut Page) {
        if !self.next.is_empty() {
            let row = |(place, next): (usize, &NextView)| {
                vec![
                    Span::new(if place == 0 { "next" } else { "" }, Tone::Faint),
                    Span::from(next.command.as_str()),
                    Span::new(&next.because, Tone::Faint),
                ]
            };
            page.table(0, self.next.iter().enumerate().map(row).collect());
        }
    }
}

impl View for PlanStatusView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        self.describe(&mut page);
        page
    }
}

/// The answer of `plan status` without a name: every plan that is not over.
#[derive(Debug, Serialize)]
pub(crate) struct PlanStatusesView {
    pub(crate) plans: Vec<PlanStatusView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for PlanStatusesView {
    fn page(&self) -> Page {
        if self.plans.is_empty() {
            return Page::of_line(
                "no plan is to come or under way (mycelia-flags plan list, plan apply FILE)",
            );
        }
        let mut page = Page::default();
        for (place, plan) in self.plans.iter().enumerate() {
            if place > 0 {
                page.blank();
            }
            plan.describe(&mut page);
        }
        page
    }
}

/// Where a plan is after something was done to it: a line for people, and what is next.
#[derive(Debug, Serialize)]
pub(crate) struct ThenView(pub(crate) PlanStatusView);

impl View for ThenView {
    fn page(&self) -> Page {
        let status = &self.0.found.status;
        let mut line = vec![
            Span::from("now "),
            Span::new(&super::words_of(status.state()), super::tone_of(status.state())),
        ];
        if let Some((number, stage)) = super::present(status) {
            line.push(Span::from(format!(" in stage {number} of {}, {}", status.stages.len(), stage.name)));
        }
        let mut page = Page::default();
        page.line(line);
        self.0.describe_next(&mut page);
        page
    }
}
