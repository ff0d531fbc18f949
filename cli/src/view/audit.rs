//! Whether required flags are there.

use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// The answer of `audit features`.
#[derive(Debug, Serialize)]
pub(crate) struct AuditView {
    /// Nothing is wrong.
    pub(crate) fine: bool,
    /// One for each required flag, in their order.
    pub(crate) findings: Vec<FindingView>,
}

/// What was found of a required flag.
#[derive(Debug, Serialize)]
pub(crate) struct FindingView {
    pub(crate) flag: String,
    pub(crate) verdict: Verdict,
    /// The type that is required; null when any will do.
    pub(crate) wanted: Option<String>,
    /// The type that it has; null when it is not there.
    pub(crate) found: Option<String>,
}

/// How it stands with a required flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Fine,
    Missing,
    Mistyped,
    Archived,
}

impl View for AuditView {
    fn page(&self) -> Page {
        let mut rows = Vec::new();
        for finding in &self.findings {
            let (tone, text) = match finding.verdict {
                Verdict::Fine => (Tone::Good, "fine".to_owned()),
                Verdict::Missing => (Tone::Loud, "missing".to_owned()),
                Verdict::Archived => (Tone::Loud, "archived".to_owned()),
                Verdict::Mistyped => {
                    let (found, wanted) = (finding.found.as_deref(), finding.wanted.as_deref());
                    let text = format!("is {}, not {}", found.unwrap_or("?"), wanted.unwrap_or("?"));
                    (Tone::Loud, text)
                }
            };
            rows.push(vec![Span::from(finding.flag.as_str()), Span::new(&text, tone)]);
        }
        let mut page = Page::default();
        page.table(0, rows);
        let wrong = self.findings.iter().filter(|finding| finding.verdict != Verdict::Fine).count();
        let (required, tone) = (self.findings.len(), if wrong == 0 { Tone::Good } else { Tone::Loud });
        page.line([Span::new(&format!("{wrong} of {required} required flags are not as required"), tone)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_beside_the_flag() {
        let finding = |flag: &str, verdict| FindingView {
            flag: flag.to_owned(),
            verdict,
            wanted: Some("integer".to_owned()),
            found: Some("boolean".to_owned()),
        };
        let findings = vec![
            finding("dreams", Verdict::Fine),
            finding("whispers.max", Verdict::Mistyped),
            finding("voice", Verdict::Missing),
        ];
        assert_eq!(
            AuditView { fine: false, findings }.page().render(false),
            "dreams        fine\n\
             whispers.max  is boolean, not integer\n\
             voice         missing\n\
             2 of 3 required flags are not as required\n"
        );
    }
}
