//! Features: flags that are shown, switched and compared together.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::flag::{FlagView, at_a_glance};

/// What a feature is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FeatureView {
    pub(crate) key: String,
    pub(crate) description: String,
    /// The keys of its flags.
    pub(crate) flags: Vec<String>,
}

impl FeatureView {
    pub(crate) fn of(feature: &v1::Feature) -> Self {
        Self {
            key: feature.key.clone(),
            description: feature.description.clone(),
            flags: feature.flags.clone(),
        }
    }
}

/// The answer of `feature list`.
#[derive(Debug, Serialize)]
pub(crate) struct FeaturesView {
    pub(crate) features: Vec<FeatureView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for FeaturesView {
    fn page(&self) -> Page {
        if self.features.is_empty() {
            return Page::of_line("no features yet (mycelia-flags feature set KEY --flag FLAG)");
        }
        let headings = ["FEATURE", "FLAGS", "DESCRIPTION"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.features.iter().map(|feature| {
            vec![
                Span::from(feature.key.as_str()),
                Span::from(feature.flags.join(", ")),
                Span::new(&feature.description, Tone::Faint),
            ]
        }));
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

/// The answer of `feature get`.
#[derive(Debug, Serialize)]
pub(crate) struct FeatureGetView {
    pub(crate) key: String,
    pub(crate) description: String,
    pub(crate) environments: Vec<String>,
    /// Each as `get` shows it.
    pub(crate) flags: Vec<FlagView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for FeatureGetView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line([
            Span::from(self.key.as_str()),
            Span::new(&format!("  a feature of {} flags", self.flags.len()), Tone::Faint),
        ]);
        if !self.description.is_empty() {
            page.line([Span::from(format!("  {}", self.description))]);
        }
        page.blank();
        page.table(0, at_a_glance(&self.environments, self.flags.iter()));
        page
    }
}
