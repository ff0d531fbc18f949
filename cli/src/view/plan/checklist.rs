//! The checklist of a plan's present stage.

use serde::Serialize;

use super::DeedView;
use crate::page::{Page, Span, Tone};
use crate::plans::FoundPlan;
use crate::terminal::View;

/// The answer of `plan check` that ticks nothing.
#[derive(Debug, Serialize)]
pub(crate) struct ChecklistView {
    pub(crate) plan: String,
    /// Null when the plan is in no stage.
    pub(crate) stage: Option<String>,
    pub(crate) checklist: Vec<PointView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

/// A point of a checklist.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PointView {
    /// From 1 on: what `plan check` takes.
    pub(crate) number: usize,
    pub(crate) item: String,
    /// Null while it is open.
    pub(crate) ticked: Option<DeedView>,
}

impl ChecklistView {
    pub(crate) fn of(found: &FoundPlan) -> Self {
        Self {
            plan: found.status.plan.clone(),
            stage: super::present(&found.status).map(|(_, stage)| stage.name.clone()),
            checklist: points(found),
            revision: found.revision,
        }
    }
}

/// The points of the stage that the plan is in.
pub(crate) fn points(found: &FoundPlan) -> Vec<PointView> {
    if super::present(&found.status).is_none() {
        return Vec::new();
    }
    let stage = usize::try_from(found.progress.stage).ok().and_then(|stage| found.plan.stages.get(stage));
    let checklist = stage.and_then(|stage| stage.gate.as_ref()).map(|gate| gate.checklist.as_slice());
    let points = (1..).zip(checklist.unwrap_or_default()).map(|(number, item)| {
        let tick = found.progress.ticks.iter().find(|tick| tick.item == *item);
        let ticked = tick.and_then(|tick| tick.deed.as_ref()).map(DeedView::of);
        PointView { number, item: item.clone(), ticked }
    });
    points.collect()
}

impl View for ChecklistView {
    fn page(&self) -> Page {
        let Some(stage) = &self.stage else {
            return Page::of_line(format!("plan {} is in no stage", self.plan));
        };
        if self.checklist.is_empty() {
            return Page::of_line(format!("stage {stage} has no checklist"));
        }
        let mut page = Page::of_line(format!("stage {stage}"));
        let row = |point: &PointView| match &point.ticked {
            Some(deed) => vec![
                Span::new("✔", Tone::Good),
                Span::from(point.number.to_string()),
                Span::from(point.item.as_str()),
                Span::new(&deed.by, Tone::Faint),
            ],
            None => vec![
                Span::new("○", Tone::Partial),
                Span::from(point.number.to_string()),
                Span::from(point.item.as_str()),
            ],
        };
        page.table(0, self.checklist.iter().map(row).collect());
        page
    }
}
