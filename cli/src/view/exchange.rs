//! What became of an import's flags, and of an export.

use std::path::Path;

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::applied::AppliedView;

/// The answer of `import`.
#[derive(Debug, Serialize)]
pub(crate) struct ImportView {
    pub(crate) dry_run: bool,
    /// Whether anything was, or would be, written.
    pub(crate) changed: bool,
    /// The revision of the last change set; for a dry run, the one that was looked at.
    pub(crate) revision: u64,
    /// How many flags were taken as they are, taken with a difference, and left out.
    pub(crate) imported: usize,
    pub(crate) with_differences: usize,
    pub(crate) skipped: usize,
    /// In the order of the document's keys.
    pub(crate) report: Vec<ImportLineView>,
}

/// What became of a flag.
#[derive(Debug, Serialize)]
pub(crate) struct ImportLineView {
    /// Empty for what is said of the whole document.
    pub(crate) flag: String,
    /// `imported`, `changed` or `skipped`.
    pub(crate) outcome: String,
    pub(crate) text: String,
}

impl ImportView {
    pub(crate) fn of(report: &[v1::ImportLine], dry_run: bool, revision: u64) -> Self {
        let count =
            |outcome: v1::ImportOutcome| report.iter().filter(|line| line.outcome() == outcome).count();
        let line = |line: &v1::ImportLine| ImportLineView {
            flag: line.flag.clone(),
            outcome: line.outcome().as_str_name().trim_start_matches("IMPORT_OUTCOME_").to_ascii_lowercase(),
            text: line.text.clone(),
        };
        Self {
            dry_run,
            changed: false,
            revision,
            imported: count(v1::ImportOutcome::Imported),
            with_differences: count(v1::ImportOutcome::Changed),
            skipped: count(v1::ImportOutcome::Skipped),
            report: report.iter().map(line).collect(),
        }
    }

    /// Adds what a change set did.
    pub(crate) fn take(&mut self, applied: AppliedView) {
        self.changed |= applied.changed;
        self.revision = applied.revision;
    }
}

impl View for ImportView {
    fn page(&self) -> Page {
        let mut rows = Vec::new();
        for line in self.report.iter().filter(|line| !line.text.is_empty()) {
            let tone = if line.outcome == "skipped" { Tone::Loud } else { Tone::Partial };
            rows.push(vec![
                Span::from(line.flag.as_str()),
                Span::new(&line.outcome, tone),
                Span::from(line.text.as_str()),
            ]);
        }
        let mut page = Page::default();
        page.table(0, rows);
        let did = match (self.dry_run, self.changed) {
            (true, _) => format!("dry run at revision {}, nothing changed", self.revision),
            (false, true) => format!("at revision {}", self.revision),
            (false, false) => format!("everything was so already, at revision {}", self.revision),
        };
        page.line([Span::from(format!(
            "imported {}, with differences {}, skipped {} ({did})",
            self.imported, self.with_differences, self.skipped
        ))]);
        page
    }
}

/// The answer of `export` into a file.
#[derive(Debug, Serialize)]
pub(crate) struct ExportView {
    pub(crate) file: String,
    /// The flags that are not in it, and why.
    pub(crate) omissions: Vec<OmissionView>,
    pub(crate) revision: u64,
}

/// A flag that cannot be said in the document's language.
#[derive(Debug, Serialize)]
pub(crate) struct OmissionView {
    pub(crate) flag: String,
    pub(crate) reason: String,
}

impl ExportView {
    pub(crate) fn of(file: &Path, answer: &v1::ExportResponse) -> Self {
        let omission = |omission: &v1::ExportOmission| OmissionView {
            flag: omission.flag.clone(),
            reason: omission.reason.clone(),
        };
        Self {
            file: file.display().to_string(),
            omissions: answer.omissions.iter().map(omission).collect(),
            revision: answer.revision,
        }
    }
}

impl View for ExportView {
    fn page(&self) -> Page {
        Page::of_line(format!("wrote {} at revision {}", self.file, self.revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_is_not_as_it_was() {
        let line = |flag: &str, outcome: v1::ImportOutcome, text: &str| v1::ImportLine {
            flag: flag.to_owned(),
            outcome: outcome.into(),
            text: text.to_owned(),
        };
        let report = [
            line("a", v1::ImportOutcome::Imported, ""),
            line("b", v1::ImportOutcome::Changed, "the off variant is served"),
            line("c", v1::ImportOutcome::Skipped, "it has no default variant"),
        ];
        let mut view = ImportView::of(&report, false, 4);
        view.take(AppliedView { changed: true, revision: 5, ..AppliedView::default() });
        assert_eq!(
            view.page().render(false),
            "b  changed  the off variant is served\n\
             c  skipped  it has no default variant\n\
             imported 1, with differences 1, skipped 1 (at revision 5)\n"
        );
    }
}
