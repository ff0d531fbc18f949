//! Flags that have outlived their rollout, and what to do about them.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `stale`.
#[derive(Debug, Serialize)]
pub(crate) struct StaleView {
    pub(crate) environment: String,
    /// Since when evaluations are heard of: when the server was started.
    pub(crate) watched_since: Option<String>,
    /// How many flags were looked at.
    pub(crate) looked_at: u32,
    pub(crate) flags: Vec<StaleFlagView>,
}

/// A stale flag.
#[derive(Debug, Serialize)]
pub(crate) struct StaleFlagView {
    pub(crate) flag: String,
    pub(crate) owner: String,
    pub(crate) reasons: Vec<StaleReasonView>,
}

/// Why.
#[derive(Debug, Serialize)]
pub(crate) struct StaleReasonView {
    /// `fully_on`, `fully_off`, `never_evaluated` or `past_its_end`.
    pub(crate) kind: String,
    pub(crate) since: Option<String>,
    /// With what to do about it.
    pub(crate) text: String,
}

impl StaleView {
    pub(crate) fn of(answer: v1::ListStaleResponse) -> Self {
        let reason = |reason: v1::StaleReason| StaleReasonView {
            kind: reason.kind().as_str_name().trim_start_matches("STALE_KIND_").to_ascii_lowercase(),
            since: moment::exactly(reason.since.as_ref()),
            text: reason.text,
        };
        let flag = |flag: v1::StaleFlag| StaleFlagView {
            flag: flag.flag,
            owner: flag.owner,
            reasons: flag.reasons.into_iter().map(reason).collect(),
        };
        Self {
            environment: answer.environment,
            watched_since: moment::exactly(answer.watched_since.as_ref()),
            looked_at: answer.looked_at,
            flags: answer.flags.into_iter().map(flag).collect(),
        }
    }
}

impl View for StaleView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if self.flags.is_empty() {
            page.line([Span::from(format!(
                "none of {} flags is stale in {}",
                self.looked_at, self.environment
            ))]);
        }
        let mut rows = Vec::new();
        for stale in &self.flags {
            for (index, reason) in stale.reasons.iter().enumerate() {
                let named = |text: &str| if index == 0 { text.to_owned() } else { String::new() };
                rows.push(vec![
                    Span::from(named(&stale.flag)),
                    Span::new(&named(&stale.owner), Tone::Faint),
                    Span::from(reason.text.as_str()),
                ]);
            }
        }
        if !rows.is_empty() {
            let headings = ["FLAG", "OWNER", "WHY, AND WHAT TO DO"].map(|text| Span::new(text, Tone::Faint));
            rows.insert(0, headings.into());
        }
        page.table(0, rows);
        if let Some(since) = &self.watched_since {
            page.line([Span::new(&format!("evaluations are heard of since {since}"), Tone::Faint)]);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_line_and_the_flag_is_named_once() {
        let reason = |kind: v1::StaleKind, text: &str| v1::StaleReason {
            kind: kind.into(),
            since: None,
            text: text.to_owned(),
        };
        let flag = v1::StaleFlag {
            flag: "dreams".to_owned(),
            owner: "mara".to_owned(),
            reasons: vec![
                reason(v1::StaleKind::FullyOn, "everybody has had it"),
                reason(v1::StaleKind::NeverEvaluated, "nobody has evaluated it"),
            ],
        };
        let answer = v1::ListStaleResponse {
            flags: vec![flag],
            environment: "production".to_owned(),
            watched_since: None,
            looked_at: 3,
        };
        let view = StaleView::of(answer);
        assert_eq!(
            view.page().render(false),
            "FLAG    OWNER  WHY, AND WHAT TO DO\n\
             dreams  mara   everybody has had it\n\
             \x20              nobody has evaluated it\n"
        );
        assert_eq!(view.flags[0].reasons[0].kind, "fully_on");
        let none = StaleView::of(v1::ListStaleResponse { looked_at: 3, ..Default::default() });
        assert!(none.page().render(false).starts_with("none of 3 flags is stale"));
    }
}
