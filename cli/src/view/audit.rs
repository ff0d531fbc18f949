//! What is not as it is required to be.

use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// The answer of `audit features`.
#[derive(Debug, Serialize)]
pub(crate) struct AuditView {
    /// How many flags are required.
    pub(crate) required: usize,
    pub(crate) findings: Vec<FindingView>,
    pub(crate) revision: u64,
}

/// A flag that is not as required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FindingView {
    pub(crate) flag: String,
    /// `missing`, `mistyped` or `archived`.
    pub(crate) finding: &'static str,
    /// Null: any.
    pub(crate) required_type: Option<String>,
    /// The type that the flag has; null when it is missing.
    pub(crate) found: Option<String>,
}

impl View for AuditView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if !self.findings.is_empty() {
            let headings = ["FLAG", "FINDING", "REQUIRED", "FOUND"];
            let mut rows: Vec<Vec<Span>> =
                vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
            rows.extend(self.findings.iter().map(|finding| {
                vec![
                    Span::from(finding.flag.as_str()),
                    Span::new(finding.finding, Tone::Loud),
                    Span::from(finding.required_type.as_deref().unwrap_or("any")),
                    Span::from(finding.found.as_deref().unwrap_or("-")),
                ]
            }));
            page.table(0, rows);
        }
        let good = self.required.saturating_sub(self.findings.len());
        let verb = if good == 1 { "is" } else { "are" };
        let sum = format!("{good} of {} required flags {verb} as required", self.required);
        page.line([Span::new(&sum, if self.findings.is_empty() { Tone::Good } else { Tone::Faint })]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_row() {
        let finding = |flag: &str, finding, required: Option<&str>, found: Option<&str>| FindingView {
            flag: flag.to_owned(),
            finding,
            required_type: required.map(str::to_owned),
            found: found.map(str::to_owned),
        };
        let findings = vec![
            finding("dreams", "missing", None, None),
            finding("voice", "mistyped", Some("boolean"), Some("string")),
        ];
        assert_eq!(
            AuditView { required: 3, findings, revision: 7 }.page().render(false),
            "FLAG    FINDING   REQUIRED  FOUND\n\
             dreams  missing   any       -\n\
             voice   mistyped  boolean   string\n\
             1 of 3 required flags is as required\n"
        );
        let good = AuditView { required: 3, findings: Vec::new(), revision: 7 };
        assert_eq!(good.page().render(false), "3 of 3 required flags are as required\n");
    }
}
