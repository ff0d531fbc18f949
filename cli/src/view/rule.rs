//! The rules of a flag in an environment, numbered as they are tried.

use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::configuration::RuleView;
use crate::view::serve::{ServeView, words_of};

/// The answer of `rule list`.
#[derive(Debug, Serialize)]
pub(crate) struct RulesView {
    pub(crate) flag: String,
    pub(crate) environment: String,
    pub(crate) enabled: bool,
    /// In the order in which they are tried.
    pub(crate) rules: Vec<RuleView>,
    pub(crate) default_serve: Option<ServeView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for RulesView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let mut rows: Vec<Vec<Span>> =
            vec![["RULE", "NAME", "SERVES"].map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.rules.iter().enumerate().map(|(index, rule)| {
            let words = rule.words.strip_prefix(&format!("{}: ", rule.name)).unwrap_or(&rule.words);
            vec![Span::from((index + 1).to_string()), Span::from(rule.name.as_str()), Span::from(words)]
        }));
        let otherwise = format!("otherwise {}", words_of(self.default_serve.as_ref()));
        rows.push(vec![Span::from(""), Span::from(""), Span::from(otherwise)]);
        page.table(0, rows);
        if !self.enabled {
            let switch = format!("{} is disabled in {}: none of this applies", self.flag, self.environment);
            page.line([Span::new(&switch, Tone::Loud)]);
        }
        page
    }
}
