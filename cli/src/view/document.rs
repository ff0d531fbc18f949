//! Documents of others, in and out: what became of each flag.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// What became of a flag of a document that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LineView {
    /// Empty when it is said of the whole document.
    pub(crate) flag: String,
    /// `imported`, `approximate`, `changed`, `noted` or `skipped`.
    pub(crate) outcome: &'static str,
    /// The part of the document; only of another product's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u32>,
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
            v1::ImportOutcome::Approximate => "approximate",
            v1::ImportOutcome::Noted => "noted",
            v1::ImportOutcome::Unspecified => "unknown",
        };
        Self {
            flag: line.flag.clone(),
            outcome,
            path: line.path.clone(),
            line: line.line,
            column: line.column,
            text: line.text.clone(),
        }
    }

    /// Where the part stands, as editors want it: `12:5`.
    fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => String::new(),
        }
    }

    /// Adds a line for each.
    pub(crate) fn describe(lines: &[Self], page: &mut Page) {
        let has_places = lines.iter().any(|line| line.line.is_some());
        let row = |line: &Self| {
            let tone = match line.outcome {
                "imported" => Tone::Good,
                SKIPPED => Tone::Loud,
                "noted" => Tone::Faint,
                _ => Tone::Partial,
            };
            let mut row = vec![
                Span::new(line.outcome, tone),
                Span::from(if line.flag.is_empty() { "-" } else { line.flag.as_str() }),
            ];
            if has_places {
                row.push(Span::new(&line.place(), Tone::Faint));
                row.push(Span::new(&line.path, Tone::Faint));
            }
            row.push(Span::new(&line.text, Tone::Faint));
            row
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
            let outcome = outcome.into();
            LineView::of(&v1::ImportLine { flag, outcome, text, ..v1::ImportLine::default() })
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
