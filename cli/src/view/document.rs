//! flagd documents, in and out: what became of each flag.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// What became of a flag of a document that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LineView {
    /// Empty when it is said of the whole document.
    pub(crate) flag: String,
    /// `imported`, `changed` or `skipped`.
    pub(crate) outcome: &'static str,
    /// Why, or what is different; empty when there is nothing to say.
    pub(crate) text: String,
}

/// What the document calls a flag that is left out.
pub(crate) const SKIPPED: &str = "skipped";

impl LineView {
    pub(crate) fn of(line: &v1::ImportLine) -> Self {
        let outcome = match line.outcome() {
            v1::ImportOutcome::Imported => "imported",
            v1::ImportOutcome::Changed => "changed",
            v1::ImportOutcome::Skipped => SKIPPED,
            v1::ImportOutcome::Unspecified => "unknown",
        };
        Self { flag: line.flag.clone(), outcome, text: line.text.clone() }
    }

    /// Adds a line for each.
    pub(crate) fn describe(lines: &[Self], page: &mut Page) {
        let row = |line: &Self| {
            let tone = match line.outcome {
                "imported" => Tone::Good,
                SKIPPED => Tone::Loud,
                _ => Tone::Partial,
            };
            vec![
                Span::new(line.outcome, tone),
                Span::from(if line.flag.is_empty() { "-" } else { line.flag.as_str() }),
                Span::new(&line.text, Tone::Faint),
            ]
        };
        page.table(0, lines.iter().map(row).collect());
    }
}

/// The answer of `export` to a file.
#[derive(Debug, Serialize)]
pub(crate) struct ExportView {
    pub(crate) file: String,
    /// How many flags are in the file.
    pub(crate) flags: usize,
    /// The flags that are not.
    pub(crate) omissions: Vec<OmissionView>,
    pub(crate) revision: u64,
}

/// A flag that cannot be said in the document's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OmissionView {
    pub(crate) flag: String,
    pub(crate) reason: String,
}

impl OmissionView {
    pub(crate) fn of(omission: &v1::ExportOmission) -> Self {
        Self { flag: omission.flag.clone(), reason: omission.reason.clone() }
    }

    /// For the standard error.
    pub(crate) fn words(&self) -> String {
        format!("{} is left out: {}", self.flag, self.reason)
    }
}

impl View for ExportView {
    fn page(&self) -> Page {
        let word = if self.flags == 1 { "flag" } else { "flags" };
        Page::of_line(format!(
            "exported {} {word} of revision {} to {}",
            self.flags, self.revision, self.file
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_each_flag_is_a_line() {
        let line = |flag: &str, outcome: v1::ImportOutcome, text: &str| {
            let (flag, text) = (flag.to_owned(), text.to_owned());
            LineView::of(&v1::ImportLine { flag, outcome: outcome.into(), text })
        };
        let lines = [
            line("dreams", v1::ImportOutcome::Imported, ""),
            line("voice", v1::ImportOutcome::Changed, "its state was DISABLED"),
            line("", v1::ImportOutcome::Skipped, "no flags"),
        ];
        let mut page = Page::default();
        LineView::describe(&lines, &mut page);
        assert_eq!(
            page.render(false),
            "imported  dreams\n\
             changed   voice   its state was DISABLED\n\
             skipped   -       no flags\n"
        );
    }
}
