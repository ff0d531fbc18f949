//! What was and what is, field by field.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// One field that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DifferenceView {
    /// As the log names it.
    pub(crate) entity: String,
    /// Empty for the whole of it.
    pub(crate) field: String,
    /// Null when it is not there.
    pub(crate) from: Option<String>,
    /// Null when it is not there.
    pub(crate) to: Option<String>,
}

impl DifferenceView {
    pub(crate) fn of(change: v1::FieldChange) -> Self {
        Self { entity: change.entity, field: change.field, from: change.before, to: change.after }
    }
}

/// Adds what was as `-` and what is as `+`, below the entity that it belongs to.
pub(crate) fn describe(differences: &[DifferenceView], page: &mut Page) {
    let mut entity = "";
    for difference in differences {
        if difference.entity != entity {
            entity = &difference.entity;
            page.line([Span::from(entity)]);
        }
        let field = match difference.field.as_str() {
            "" => String::new(),
            field => format!("{field}: "),
        };
        let sides = [("-", &difference.from, Tone::Partial), ("+", &difference.to, Tone::Good)];
        for (sign, text, tone) in sides {
            // An empty text says no more than a field that is not there.
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                page.line([Span::new(&format!("  {sign} {field}{text}"), tone)]);
            }
        }
    }
}

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Between {
    Revisions {
        from_revision: u64,
        /// Null: the newest.
        to_revision: Option<u64>,
    },
    Environments {
        from_environment: String,
        to_environment: String,
    },
}

/// The answer of `diff`.
#[derive(Debug, Serialize)]
pub(crate) struct DiffView {
    #[serde(flatten)]
    pub(crate) between: Between,
    pub(crate) differences: Vec<DifferenceView>,
    /// The newest revision that was looked at.
    pub(crate) revision: u64,
}

impl DiffView {
    pub(crate) fn of(between: Between, answer: v1::DiffResponse) -> Self {
        let differences = answer.changes.into_iter().map(DifferenceView::of).collect();
        Self { between, differences, revision: answer.revision }
    }

    fn sides(&self) -> (String, String) {
        match &self.between {
            Between::Revisions { from_revision, .. } => {
                (format!("revision {from_revision}"), format!("revision {}", self.revision))
            }
            Between::Environments { from_environment, to_environment } => {
                (from_environment.clone(), to_environment.clone())
            }
        }
    }
}

impl View for DiffView {
    fn page(&self) -> Page {
        let (from, to) = self.sides();
        if self.differences.is_empty() {
            return Page::of_line(format!("{from} and {to} are the same"));
        }
        let mut page = Page::default();
        page.line([Span::new(&format!("- {from}"), Tone::Partial)]);
        page.line([Span::new(&format!("+ {to}"), Tone::Good)]);
        page.blank();
        describe(&self.differences, &mut page);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> v1::FieldChange {
        v1::FieldChange {
            entity: "configuration/production/dreams".to_owned(),
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn what_was_stands_above_what_is() {
        let answer = v1::DiffResponse {
            changes: vec![
                change("default_serve", Some("on"), Some("25% on, 75% off")),
                change("salt", Some(""), Some("s")),
            ],
            revision: 9,
        };
        let between = Between::Revisions { from_revision: 3, to_revision: None };
        assert_eq!(
            DiffView::of(between, answer).page().render(false),
            "- revision 3\n\
             + revision 9\n\
             \n\
             configuration/production/dreams\n\
             \x20 - default_serve: on\n\
             \x20 + default_serve: 25% on, 75% off\n\
             \x20 + salt: s\n"
        );
    }

    #[test]
    fn nothing_that_differs_is_said_too() {
        let between = Between::Environments {
            from_environment: "staging".to_owned(),
            to_environment: "production".to_owned(),
        };
        let view = DiffView::of(between, v1::DiffResponse { revision: 9, ..v1::DiffResponse::default() });
        assert_eq!(view.page().render(false), "staging and production are the same\n");
        assert_eq!(
            serde_json::to_value(&view).unwrap(),
            serde_json::json!({
                "from_environment": "staging", "to_environment": "production",
                "differences": [], "revision": 9
            })
        );
    }
}
