//! What happened to a plan, as `plan watch` prints it.

use mycelia_flags_proto::v1;
use serde::Serialize;

use super::{name_of, tone_of, words_of};
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::change::ChangeView;
use crate::view::moment;

/// One line of `plan watch`.
#[derive(Debug, Serialize)]
pub(crate) struct TransitionView {
    /// `status` for where the plan was at the beginning, then `transition`.
    pub(crate) event: &'static str,
    pub(crate) plan: String,
    pub(crate) revision: u64,
    /// When the revision was committed; for `status`, since when the plan is in its state.
    pub(crate) at: Option<String>,
    /// Null for `status`.
    pub(crate) actor: Option<String>,
    /// What was asked, in words; null for `status`.
    pub(crate) what: Option<String>,
    /// The conditions that only alert and are true from then on, as the plan words them.
    pub(crate) alerts: Vec<String>,
    /// Where the plan is from then on, as in `plan status`.
    pub(crate) state: String,
    /// The stage that it is in; null when it is in none.
    pub(crate) stage: Option<String>,
    /// Why it is in the state, in words.
    pub(crate) reason: String,
    #[serde(skip)]
    at_briefly: String,
    #[serde(skip)]
    tone: Tone,
    #[serde(skip)]
    state_in_words: String,
}

impl TransitionView {
    /// Where a plan is at the beginning.
    pub(crate) fn of_status(plan: &v1::Plan, progress: &v1::PlanProgress, revision: u64) -> Self {
        Self::new("status", plan, progress, (revision, progress.since.as_ref()))
    }

    /// What a record did.
    pub(crate) fn of_record(plan: &v1::Plan, progress: &v1::PlanProgress, record: &v1::Record) -> Self {
        let asked = record.change_set.clone().unwrap_or_default();
        let words: Vec<String> =
            asked.changes.iter().map(|change| ChangeView::of(change, None).words).collect();
        let mut view =
            Self::new("transition", plan, progress, (record.revision, record.committed_at.as_ref()));
        view.actor = Some(asked.actor);
        view.what = Some(words.join(", "));
        view
    }

    fn new(
        event: &'static str,
        plan: &v1::Plan,
        progress: &v1::PlanProgress,
        (revision, at): (u64, Option<&prost_types::Timestamp>),
    ) -> Self {
        let state = progress.state();
        let is_in_one = progress.started.is_some() && state != v1::PlanState::Completed;
        let stage = usize::try_from(progress.stage).ok().and_then(|stage| plan.stages.get(stage));
        Self {
            event,
            plan: plan.key.clone(),
            revision,
            at: moment::exactly(at),
            actor: None,
            what: None,
            alerts: progress.alerts.iter().map(|alert| condition_of(plan, alert.guard)).collect(),
            state: name_of(state),
            stage: stage.filter(|_| is_in_one).map(|stage| stage.name.clone()),
            reason: progress.reason.clone(),
            at_briefly: moment::briefly(at),
            tone: tone_of(state),
            state_in_words: words_of(state),
        }
    }
}

/// The condition of a guard.
fn condition_of(plan: &v1::Plan, guard: u32) -> String {
    let guard = usize::try_from(guard).ok().and_then(|guard| plan.guards.get(guard));
    guard.map(|guard| guard.when.clone()).unwrap_or_default()
}

impl View for TransitionView {
    fn page(&self) -> Page {
        let mut line = vec![Span::new(&self.at_briefly, Tone::Faint), Span::from("  ")];
        if let (Some(actor), Some(what)) = (&self.actor, &self.what) {
            line.push(Span::from(format!("{actor}: {what} → ")));
        }
        line.push(Span::new(&self.state_in_words, self.tone));
        if let Some(stage) = &self.stage {
            line.push(Span::from(format!(" in {stage}")));
        }
        if !self.reason.is_empty() {
            line.push(Span::new(&format!(" ({})", self.reason), Tone::Faint));
        }
        if !self.alerts.is_empty() {
            line.push(Span::new(&format!("; alert: {}", self.alerts.join(", ")), Tone::Loud));
        }
        let mut page = Page::default();
        page.line(line);
        page
    }
}
