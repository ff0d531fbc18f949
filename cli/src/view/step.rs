//! The steps of a decision, as an indented tree.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StepView {
    /// What it looked at: `flag`, `override`, `switch`, `prerequisite`, `canary`, `rule`, `targeting`, `default` or
    /// `detail`.
    pub(crate) kind: String,
    /// The decision was made here.
    pub(crate) decided: bool,
    /// One sentence.
    pub(crate) text: String,
    /// The parts of it.
    pub(crate) steps: Vec<StepView>,
}

impl StepView {
    pub(crate) fn of(step: &v1::ExplainStep) -> Self {
        Self {
            kind: step.kind().as_str_name().trim_start_matches("STEP_KIND_").to_ascii_lowercase(),
            decided: step.decided,
            text: step.text.clone(),
            steps: step.inner.iter().map(Self::of).collect(),
        }
    }
}

/// Adds the steps, each part two columns further in; what decided stands out.
pub(crate) fn describe(steps: &[StepView], depth: usize, page: &mut Page) {
    for step in steps {
        let tone = if step.decided { Tone::Good } else { Tone::Plain };
        page.line([Span::from("  ".repeat(depth)), Span::new(&step.text, tone)]);
        describe(&step.steps, depth + 1, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_further_in() {
        let step = |text: &str, inner| v1::ExplainStep {
            kind: v1::StepKind::Rule.into(),
            decided: false,
            text: text.to_owned(),
            inner,
        };
        let steps = [StepView::of(&step("rule 1 matches", vec![step("plan is pro", Vec::new())]))];
        let mut page = Page::default();
        describe(&steps, 0, &mut page);
        assert_eq!(page.render(false), "rule 1 matches\n  plan is pro\n");
        assert_eq!(steps[0].kind, "rule");
    }
}
