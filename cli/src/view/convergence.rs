//! Who has applied a revision, and how long it took.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_micros;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// The answer of `wait`, and `convergence` in the answer of a change with `--wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConvergenceView {
    pub(crate) revision: u64,
    pub(crate) converged: bool,
    pub(crate) services: Vec<ServiceProgressView>,
    /// `service/instance` that was last, or that has not applied the revision yet.
    pub(crate) slowest: String,
    /// From the commit to the last acknowledgement, by the server's clock.
    pub(crate) duration_micros: Option<u64>,
    /// From the first to the last acknowledgement, by the server's clock.
    pub(crate) spread_micros: Option<u64>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceProgressView {
    pub(crate) service: String,
    pub(crate) converged: u32,
    pub(crate) live: u32,
    pub(crate) first_after_micros: Option<u64>,
    pub(crate) last_after_micros: Option<u64>,
}

impl ConvergenceView {
    pub(crate) fn of(report: &v1::WaitConvergedResponse) -> Self {
        let service = |progress: &v1::ServiceProgress| ServiceProgressView {
            service: progress.service.clone(),
            converged: progress.converged,
            live: progress.live,
            first_after_micros: progress.first_after_micros,
            last_after_micros: progress.last_after_micros,
        };
        Self {
            revision: report.revision,
            converged: report.converged,
            services: report.services.iter().map(service).collect(),
            slowest: report.slowest.clone(),
            duration_micros: report.services.iter().filter_map(|service| service.last_after_micros).max(),
            spread_micros: report.spread_micros,
        }
    }
}

impl View for ConvergenceView {
    fn page(&self) -> Page {
        if self.services.is_empty() {
            return Page::of_line(format!(
                "no connected instance is concerned by revision {}",
                self.revision
            ));
        }
        let done = if self.converged { ("converged", Tone::Good) } else { ("not converged", Tone::Partial) };
        let mut details = String::new();
        if let Some(micros) = self.duration_micros {
            details.push_str(&format!(" in {}", print_micros(micros)));
        }
        let instances: u32 = self.services.iter().map(|service| service.converged).sum();
        // One instance is the first and the last.
        if let Some(micros) = self.spread_micros.filter(|_| instances > 1) {
            details.push_str(&format!("; spread {} between first and last", print_micros(micros)));
        }
        if !self.slowest.is_empty() {
            details.push_str(&format!("; slowest {}", self.slowest));
        }
        let mut page = Page::default();
        page.line([Span::new(done.0, done.1), Span::from(details)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_how_long_how_far_apart_and_who() {
        let service = |last_after_micros| v1::ServiceProgress {
            service: "runner".to_owned(),
            converged: 1,
            live: 1,
            first_after_micros: Some(8_200),
            last_after_micros,
        };
        let report = v1::WaitConvergedResponse {
            revision: 7,
            converged: true,
            services: vec![service(Some(8_200)), service(Some(12_345)), service(None)],
            slowest: "runner/runner-7f".to_owned(),
            spread_micros: Some(4_145),
        };
        assert_eq!(
            ConvergenceView::of(&report).page().render(false),
            "converged in 12.3 ms; spread 4.1 ms between first and last; slowest runner/runner-7f\n"
        );
        let nobody = v1::WaitConvergedResponse { revision: 7, converged: true, ..Default::default() };
        assert_eq!(
            ConvergenceView::of(&nobody).page().render(false),
            "no connected instance is concerned by revision 7\n"
        );
    }
}
