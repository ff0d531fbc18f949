//! How the flags of a feature differ between two environments.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::difference::DifferenceView;

/// The answer of `feature compare`.
#[derive(Debug, Serialize)]
pub(crate) struct ComparisonView {
    pub(crate) feature: String,
    pub(crate) from_environment: String,
    pub(crate) to_environment: String,
    pub(crate) differences: Vec<DifferenceView>,
    /// The newest revision that was looked at.
    pub(crate) revision: u64,
}

impl ComparisonView {
    pub(crate) fn of(feature: &str, environments: (&str, &str), answer: v1::DiffResponse) -> Self {
        Self {
            feature: feature.to_owned(),
            from_environment: environments.0.to_owned(),
            to_environment: environments.1.to_owned(),
            differences: answer.changes.into_iter().map(DifferenceView::of).collect(),
            revision: answer.revision,
        }
    }
}

impl View for ComparisonView {
    fn page(&self) -> Page {
        if self.differences.is_empty() {
            let (from, to) = (&self.from_environment, &self.to_environment);
            return Page::of_line(format!("{} is the same in {from} and {to}", self.feature));
        }
        let (from, to) = (self.from_environment.to_uppercase(), self.to_environment.to_uppercase());
        let headings = ["WHAT", "FIELD", from.as_str(), to.as_str()];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.differences.iter().map(|difference| {
            vec![
                Span::from(self.subject(&difference.entity)),
                Span::from(difference.field.as_str()),
                Span::from(difference.from.as_deref().unwrap_or("-")),
                Span::from(difference.to.as_deref().unwrap_or("-")),
            ]
        }));
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

impl ComparisonView {
    /// The columns name the environments already, and it is all about flags.
    fn subject<'a>(&self, entity: &'a str) -> &'a str {
        let (from, to) = (&self.from_environment, &self.to_environment);
        let Some(rest) = entity.strip_prefix("configuration/") else {
            return entity.strip_prefix("flag/").unwrap_or(entity);
        };
        let key = [from, to].into_iter().find_map(|name| rest.strip_prefix(name.as_str())?.strip_prefix('/'));
        key.unwrap_or(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_a_row() {
        let change = |entity: &str| v1::FieldChange {
            entity: entity.to_owned(),
            field: "enabled".to_owned(),
            before: Some("yes".to_owned()),
            after: None,
        };
        let changes = vec![change("flag/dreams"), change("configuration/staging/oracle")];
        let answer = v1::DiffResponse { changes, revision: 7 };
        let view = ComparisonView::of("voice", ("staging", "production"), answer);
        assert_eq!(
            view.page().render(false),
            "WHAT    FIELD    STAGING  PRODUCTION\n\
             dreams  enabled  yes      -\n\
             oracle  enabled  yes      -\n"
        );
        let same = ComparisonView::of("voice", ("staging", "production"), v1::DiffResponse::default());
        assert_eq!(same.page().render(false), "voice is the same in staging and production\n");
    }
}
