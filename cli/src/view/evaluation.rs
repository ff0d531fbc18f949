//! What a subject gets, and why.

use mycelia_flags_proto::v1;
use serde::Serialize;
use serde_json::Value as Json;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::value;

/// The answer of `eval`.
#[derive(Debug, Serialize)]
pub(crate) struct EvaluationView {
    pub(crate) flag: String,
    /// Null when there is none.
    pub(crate) value: Json,
    pub(crate) variant: String,
    /// As OpenFeature names it.
    pub(crate) reason: String,
    /// As OpenFeature names it; null when there is no error.
    pub(crate) error_code: Option<String>,
    pub(crate) error_message: String,
    /// The revision that was evaluated.
    pub(crate) revision: u64,
}

impl EvaluationView {
    pub(crate) fn of(evaluation: &v1::Evaluation, revision: u64) -> Self {
        let reason = evaluation.reason().as_str_name().trim_start_matches("REASON_");
        let error_code = match evaluation.error_code() {
            v1::ErrorCode::Unspecified => None,
            code => Some(code.as_str_name().trim_start_matches("ERROR_CODE_").to_owned()),
        };
        Self {
            flag: evaluation.flag.clone(),
            value: evaluation.value.as_ref().map_or(Json::Null, value::to_json),
            variant: evaluation.variant.clone(),
            reason: reason.to_owned(),
            error_code,
            error_message: evaluation.error_message.clone(),
            revision,
        }
    }
}

impl View for EvaluationView {
    fn page(&self) -> Page {
        let mut rows = vec![
            ("value", Span::from(self.value.to_string())),
            ("variant", Span::from(self.variant.as_str())),
            ("reason", Span::from(self.reason.as_str())),
        ];
        if let Some(code) = &self.error_code {
            rows.push(("error", Span::new(&format!("{code} {}", self.error_message), Tone::Partial)));
        }
        let mut page = Page::default();
        page.table(
            0,
            rows.into_iter().map(|(label, fact)| vec![Span::new(label, Tone::Faint), fact]).collect(),
        );
        page
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_proto::v1::value::Kind;

    use super::*;

    #[test]
    fn openfeature_names_are_kept() {
        let evaluation = v1::Evaluation {
            flag: "dreams".to_owned(),
            value: Some(v1::Value { kind: Some(Kind::BooleanValue(true)) }),
            variant: "on".to_owned(),
            reason: v1::Reason::TargetingMatch.into(),
            error_code: v1::ErrorCode::TargetingKeyMissing.into(),
            error_message: "the split needs one".to_owned(),
        };
        let view = EvaluationView::of(&evaluation, 7);
        assert_eq!(view.reason, "TARGETING_MATCH");
        assert_eq!(view.error_code.as_deref(), Some("TARGETING_KEY_MISSING"));
        assert_eq!(
            view.page().render(false),
            "value    true\nvariant  on\nreason   TARGETING_MATCH\n\
             error    TARGETING_KEY_MISSING the split needs one\n"
        );
    }
}
