//! The flagd targeting expression of a flag.

use serde::Serialize;
use serde_json::Value as Json;

use crate::page::Page;
use crate::page::Span;
use crate::terminal::View;

/// The answer of `targeting get`.
#[derive(Debug, Serialize)]
pub(crate) struct TargetingView {
    pub(crate) flag: String,
    pub(crate) environment: String,
    /// Null when there is none.
    pub(crate) targeting: Option<Json>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for TargetingView {
    fn page(&self) -> Page {
        let Some(targeting) = &self.targeting else {
            return Page::of_line(format!("{} has no targeting in {}", self.flag, self.environment));
        };
        let text = serde_json::to_string_pretty(targeting).unwrap_or_else(|_error| targeting.to_string());
        let mut page = Page::default();
        for line in text.lines() {
            page.line([Span::from(line)]);
        }
        page
    }
}
