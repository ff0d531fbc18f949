//! What is wrong with plan files.

use mycelia_flags_core::plan::PlanDefinition;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::plan_file::Fault;
use crate::terminal::View;

/// The answer of `plan validate`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PlanValidationView {
    pub(crate) files: Vec<PlanFileView>,
    pub(crate) errors: Vec<PlanErrorView>,
}

/// One file.
#[derive(Debug, Serialize)]
pub(crate) struct PlanFileView {
    pub(crate) file: String,
    pub(crate) valid: bool,
    /// The plan's key; null when the file is not valid.
    pub(crate) plan: Option<String>,
    pub(crate) stages: usize,
    pub(crate) flags: usize,
    pub(crate) errors: usize,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
pub(crate) struct PlanErrorView {
    pub(crate) file: String,
    /// Both count from 1; columns count letters.
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// As the file names it; empty for the file as a whole.
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) allowed: String,
    /// A word of docs/errors.md, or `INVALID_YAML`, `UNKNOWN_FIELD`, `INVALID_FORM`.
    pub(crate) reason: &'static str,
    #[serde(skip)]
    words: String,
}

impl PlanValidationView {
    /// A file that is right.
    pub(crate) fn accept(&mut self, file: String, plan: &PlanDefinition) {
        let mut flags: Vec<_> = plan.places().into_iter().map(|(_, flag)| flag.folded()).collect();
        flags.sort();
        flags.dedup();
        let (plan, stages, flags) = (Some(plan.key.to_string()), plan.stages.len(), flags.len());
        self.files.push(PlanFileView { file, valid: true, plan, stages, flags, errors: 0 });
    }

    /// A file that is wrong.
    pub(crate) fn refuse(&mut self, file: String, faults: Vec<Fault>) {
        let errors = faults.len();
        self.errors.extend(faults.into_iter().map(|fault| PlanErrorView {
            file: file.clone(),
            line: fault.mark.line,
            column: fault.mark.column,
            words: fault.to_string(),
            field: fault.field,
            value: fault.value,
            allowed: fault.allowed,
            reason: fault.reason,
        }));
        self.files.push(PlanFileView { file, valid: false, plan: None, stages: 0, flags: 0, errors });
    }
}

/// `1 stage`, `2 stages`.
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

impl View for PlanValidationView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for error in &self.errors {
            let place = format!("{}:{}:{}: ", error.file, error.line, error.column);
            page.line([Span::new(&place, Tone::Loud), Span::from(error.words.as_str())]);
        }
        for file in &self.files {
            let (tone, words) = match &file.plan {
                Some(plan) => {
                    let (stages, flags) = (count(file.stages, "stage"), count(file.flags, "flag"));
                    (Tone::Good, format!("valid; plan {plan}, {stages}, {flags}"))
                }
                None => (Tone::Loud, format!("not valid; {}", count(file.errors, "error"))),
            };
            page.line([Span::from(format!("{}: ", file.file)), Span::new(&words, tone)]);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan_file;

    #[test]
    fn errors_come_before_the_sum_of_each_file() {
        let mut view = PlanValidationView::default();
        let good = "plan: whispers\nstages:\n  - name: a\n    set: { dreams: 100% }\n";
        view.accept("good.yaml".to_owned(), &plan_file::read(good).unwrap());
        let bad = good.replace("100%", "120%").replace("name: a", "gaet: {}");
        view.refuse("bad.yaml".to_owned(), plan_file::read(&bad).unwrap_err());
        assert_eq!(
            view.page().render(false),
            "bad.yaml:3:5: stages[0].gaet: \"gaet\": gate? the fields here are: name, description, environment, \
             at, set, canary, hold, gate, rollback_within\n\
             bad.yaml:3:5: stages[0].name: what the stage is, in a few words\n\
             bad.yaml:4:20: stages[0].set.dreams: \"120%\": a percentage such as 25% or 12.5%: 0% to 100%, at \
             most three decimals\n\
             good.yaml: valid; plan whispers, 1 stage, 1 flag\n\
             bad.yaml: not valid; 3 errors\n"
        );
        let json = serde_json::to_value(&view).unwrap();
        let expected = serde_json::json!({
            "file": "bad.yaml", "line": 4, "column": 20, "field": "stages[0].set.dreams", "value": "120%",
            "allowed": "a percentage such as 25% or 12.5%: 0% to 100%, at most three decimals",
            "reason": "OUT_OF_RANGE",
        });
        assert_eq!(json["errors"][2], expected);
    }
}
