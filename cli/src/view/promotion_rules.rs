//! What environments ask for before they take a flag over.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// The answer of `promotion rules show`.
#[derive(Debug, Serialize)]
pub(crate) struct RulesListView {
    pub(crate) rules: Vec<RulesView>,
    pub(crate) revision: u64,
}

/// The rules of one environment.
#[derive(Debug, Serialize)]
pub(crate) struct RulesView {
    pub(crate) environment: String,
    pub(crate) from: String,
    pub(crate) soak_seconds: u64,
    pub(crate) incident_free_seconds: u64,
    pub(crate) approvals: u32,
    pub(crate) checklist: Vec<String>,
    /// Null when no drill is asked for.
    pub(crate) drill_within_seconds: Option<u64>,
    pub(crate) allow_force: bool,
}

impl RulesView {
    pub(crate) fn of(rules: v1::EnvironmentRules) -> Self {
        let asked = rules.rules.unwrap_or_default();
        Self {
            environment: rules.environment,
            from: asked.from,
            soak_seconds: asked.soak_seconds,
            incident_free_seconds: asked.incident_free_seconds,
            approvals: asked.approvals,
            checklist: asked.checklist,
            drill_within_seconds: (asked.drill_within_seconds > 0).then_some(asked.drill_within_seconds),
            allow_force: asked.allow_force,
        }
    }

    fn describe(&self, page: &mut Page) {
        page.line([Span::from(format!("{} takes over from {}", self.environment, self.from))]);
        let mut points = Vec::new();
        if self.soak_seconds > 0 {
            points.push(format!("soak: {}", print_seconds(self.soak_seconds)));
        }
        points.push(match self.incident_free_seconds {
            0 => "no open critical incident".to_owned(),
            seconds => format!("no critical incident for {}", print_seconds(seconds)),
        });
        if self.approvals > 0 {
            points.push(format!("approvals: {}, beside whoever promotes", self.approvals));
        }
        points.extend(
            (1..).zip(&self.checklist).map(|(number, item): (usize, _)| format!("{number} [ ] {item}")),
        );
        if let Some(seconds) = self.drill_within_seconds {
            points.push(format!("a rollback drill within {}", print_seconds(seconds)));
        }
        for point in points {
            page.line([Span::from(format!("  {point}"))]);
        }
        let force = if self.allow_force { "may be forced, with a reason" } else { "cannot be forced" };
        page.line([Span::new(&format!("  {force}"), Tone::Faint)]);
    }
}

impl View for RulesListView {
    fn page(&self) -> Page {
        if self.rules.is_empty() {
            return Page::of_line("no rules: whatever comes is taken over");
        }
        let mut page = Page::default();
        for rules in &self.rules {
            rules.describe(&mut page);
        }
        page
    }
}
