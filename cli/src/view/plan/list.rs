//! Plans in short: `plan list`, and the part of `status` that shows those under way.

use mycelia_flags_proto::v1;
use serde::Serialize;

use super::{PlanView, alarms, present, stages_in_words, state_span};
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment::Now;

/// The answer of `plan list`.
#[derive(Debug, Serialize)]
pub(crate) struct PlansView {
    pub(crate) plans: Vec<PlanView>,
    /// The revision that was read.
    pub(crate) revision: u64,
    #[serde(skip)]
    pub(crate) now: Now,
}

impl View for PlansView {
    fn page(&self) -> Page {
        if self.plans.is_empty() {
            return Page::of_line("no plans yet (mycelia-flags plan apply FILE)");
        }
        let mut page = Page::default();
        describe(&self.plans, self.now, &mut page);
        page
    }
}

/// Adds a row for each plan, and below them what somebody should know.
pub(crate) fn describe(plans: &[PlanView], now: Now, page: &mut Page) {
    let headings = ["PLAN", "ENVIRONMENT", "STATE", "STAGE"];
    let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
    rows.extend(plans.iter().map(|plan| row(&plan.status, now)));
    page.table(0, rows);
    for plan in plans {
        for alarm in alarms(&plan.status) {
            page.line([Span::new(&format!("! {}: {alarm}", plan.plan), Tone::Loud)]);
        }
    }
}

fn row(status: &v1::PlanStatus, now: Now) -> Vec<Span> {
    let count = status.stages.len();
    let stage = match present(status) {
        Some((number, stage)) => format!("{number} of {count}: {}", stage.name),
        None => stages_in_words(count),
    };
    vec![
        Span::from(status.plan.as_str()),
        Span::from(status.environment.as_str()),
        state_span(status, now),
        Span::from(stage),
    ]
}

/// A plan that drives a flag.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DrivingView {
    pub(crate) plan: String,
    pub(crate) environment: String,
    /// The plan's, as in `plan status`.
    pub(crate) state: String,
    /// What the plan wants of the flag, in words.
    pub(crate) target: String,
    pub(crate) agrees: bool,
    #[serde(skip)]
    words: String,
}

impl DrivingView {
    pub(crate) fn of(plan: &v1::PlanStatus, driven: &v1::PlanFlagStatus) -> Self {
        let target = driven.target.clone().unwrap_or_default();
        let stage = present(plan).map(|(_, stage)| format!(" in stage {}", stage.name)).unwrap_or_default();
        let words = format!(
            "driven in {} by plan {}, {}{stage}: it wants {target}",
            driven.environment,
            plan.plan,
            super::words_of(plan.state())
        );
        Self {
            plan: plan.plan.clone(),
            environment: driven.environment.clone(),
            state: super::name_of(plan.state()),
            agrees: driven.agrees,
            target,
            words,
        }
    }

    /// In one line.
    pub(crate) fn span(&self) -> Span {
        let tone = if self.agrees { Tone::Plain } else { Tone::Loud };
        Span::new(&self.words, tone)
    }
}
