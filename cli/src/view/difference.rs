//! What differs, field by field; and what a change would mean.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// What a field was and is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FieldChangeView {
    /// As the log names it.
    pub(crate) entity: String,
    /// Empty for the whole of it.
    pub(crate) field: String,
    /// Null when it was not there.
    pub(crate) before: Option<String>,
    /// Null when it is not there.
    pub(crate) after: Option<String>,
}

impl FieldChangeView {
    pub(crate) fn of(change: v1::FieldChange) -> Self {
        let v1::FieldChange { entity, field, before, after } = change;
        Self { entity, field, before, after }
    }
}

/// Lines like those of a patch, under the name of each entity.
pub(crate) fn lines(page: &mut Page, changes: &[FieldChangeView]) {
    let mut entity = None;
    for change in changes {
        if entity != Some(&change.entity) {
            page.line([Span::from(change.entity.as_str())]);
            entity = Some(&change.entity);
        }
        let name = if change.field.is_empty() { String::new() } else { format!("{}: ", change.field) };
        if let Some(before) = &change.before {
            page.line([Span::new(&format!("  - {name}{before}"), Tone::Partial)]);
        }
        if let Some(after) = &change.after {
            page.line([Span::new(&format!("  + {name}{after}"), Tone::Good)]);
        }
    }
}

/// The answer of `diff`.
#[derive(Debug, Serialize)]
pub(crate) struct DiffView {
    /// A revision or an environment.
    pub(crate) from: String,
    /// A revision or an environment.
    pub(crate) to: String,
    pub(crate) changes: Vec<FieldChangeView>,
    /// The newest revision that was looked at.
    pub(crate) revision: u64,
}

impl DiffView {
    pub(crate) fn of(request: &v1::DiffRequest, answer: v1::DiffResponse) -> Self {
        let (from, to) = match request.from_revision {
            0 => (request.from_environment.clone(), request.to_environment.clone()),
            from => (from.to_string(), answer.revision.to_string()),
        };
        let changes = answer.changes.into_iter().map(FieldChangeView::of).collect();
        Self { from, to, changes, revision: answer.revision }
    }
}

impl View for DiffView {
    fn page(&self) -> Page {
        if self.changes.is_empty() {
            return Page::of_line(format!("nothing differs between {} and {}", self.from, self.to));
        }
        let mut page = Page::default();
        page.line([Span::new(&format!("- {}\n+ {}", self.from, self.to).replace('\n', "  "), Tone::Faint)]);
        lines(&mut page, &self.changes);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_reads_like_a_patch() {
        let change = |entity: &str, field: &str, before: Option<&str>, after: Option<&str>| v1::FieldChange {
            entity: entity.to_owned(),
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let request = v1::DiffRequest { from_revision: 3, ..Default::default() };
        let changes = vec![
            change("configuration/production/dreams", "enabled", Some("no"), Some("yes")),
            change("configuration/production/dreams", "rules[0]", None, Some("when always serve on")),
            change("list/production/canary", "", Some("1 key: ana"), None),
        ];
        let view = DiffView::of(&request, v1::DiffResponse { changes, revision: 9 });
        assert_eq!(
            view.page().render(false),
            "- 3  + 9\n\
             configuration/production/dreams\n\
             \x20 - enabled: no\n\
             \x20 + enabled: yes\n\
             \x20 + rules[0]: when always serve on\n\
             list/production/canary\n\
             \x20 - 1 key: ana\n"
        );
        let same = DiffView::of(&request, v1::DiffResponse { changes: Vec::new(), revision: 9 });
        assert_eq!(same.page().render(false), "nothing differs between 3 and 9\n");
    }
}
