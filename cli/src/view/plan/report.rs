//! The report of a day, for programs; people get the Markdown as it is.

use mycelia_flags_proto::v1;
use serde::Serialize;

use super::PlanView;
use crate::page::Page;
use crate::terminal::View;

/// The answer of `plan report --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ReportView {
    pub(crate) plan: String,
    pub(crate) day: u32,
    pub(crate) markdown: String,
    /// Where the plan was at the end of the day.
    pub(crate) status: PlanView,
    /// The last revision of the day.
    pub(crate) revision: u64,
}

impl ReportView {
    pub(crate) fn of(plan: String, answer: v1::ReportPlanResponse) -> Self {
        Self {
            plan,
            day: answer.day,
            markdown: answer.markdown,
            status: PlanView::of(answer.status.unwrap_or_default()),
            revision: answer.revision,
        }
    }
}

impl View for ReportView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for line in self.markdown.lines() {
            page.line([line.into()]);
        }
        page
    }
}
