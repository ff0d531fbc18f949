//! The flags that have outlived their rollout.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `stale`.
#[derive(Debug, Serialize)]
pub(crate) struct StaleView {
    pub(crate) environment: String,
    pub(crate) flags: Vec<StaleFlagView>,
    /// How many flags were looked at.
    pub(crate) looked_at: u32,
    /// Since when evaluations are watched.
    pub(crate) watched_since: Option<String>,
    #[serde(skip)]
    watched_briefly: String,
}

/// One of them.
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
    /// The same in words, with what to do about it.
    pub(crate) text: String,
}

impl StaleView {
    pub(crate) fn of(answer: &v1::ListStaleResponse) -> Self {
        Self {
            environment: answer.environment.clone(),
            flags: answer.flags.iter().map(StaleFlagView::of).collect(),
            looked_at: answer.looked_at,
            watched_since: moment::exactly(answer.watched_since.as_ref()),
            watched_briefly: moment::briefly(answer.watched_since.as_ref()),
        }
    }
}

impl StaleFlagView {
    fn of(flag: &v1::StaleFlag) -> Self {
        let reason = |reason: &v1::StaleReason| StaleReasonView {
            kind: reason.kind().as_str_name().trim_start_matches("STALE_KIND_").to_ascii_lowercase(),
            since: moment::exactly(reason.since.as_ref()),
            text: reason.text.clone(),
        };
        Self {
            flag: flag.flag.clone(),
            owner: flag.owner.clone(),
            reasons: flag.reasons.iter().map(reason).collect(),
        }
    }
}

impl View for StaleView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if !self.flags.is_empty() {
            let headings = ["FLAG", "OWNER", "WHY"];
            let mut rows: Vec<Vec<Span>> =
                vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
            for stale in &self.flags {
                let mut names = [stale.flag.as_str(), stale.owner.as_str()];
                for reason in &stale.reasons {
                    rows.push(names.into_iter().chain([reason.text.as_str()]).map(Span::from).collect());
                    names = ["", ""];
                }
            }
            page.table(0, rows);
        }
        let (found, looked_at) = (self.flags.len(), self.looked_at);
        let verb = if found == 1 { "is" } else { "are" };
        let (environment, since) = (&self.environment, &self.watched_briefly);
        let sum = format!(
            "{found} of {looked_at} flags {verb} stale in {environment}; evaluations are watched since {since}"
        );
        page.line([Span::new(&sum, Tone::Faint)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_row() {
        let reason = |kind: v1::StaleKind, text: &str| v1::StaleReason {
            kind: kind.into(),
            since: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            text: text.to_owned(),
        };
        let answer = v1::ListStaleResponse {
            flags: vec![v1::StaleFlag {
                flag: "dreams".to_owned(),
                owner: "mara".to_owned(),
                reasons: vec![
                    reason(v1::StaleKind::FullyOn, "on for everybody"),
                    reason(v1::StaleKind::PastItsEnd, "past its end"),
                ],
            }],
            environment: "production".to_owned(),
            watched_since: Some(prost_types::Timestamp { seconds: 2, nanos: 0 }),
            looked_at: 4,
        };
        let view = StaleView::of(&answer);
        assert_eq!(
            view.page().render(false),
            "FLAG    OWNER  WHY\n\
             dreams  mara   on for everybody\n\
             \x20              past its end\n\
             1 of 4 flags is stale in production; evaluations are watched since 1970-01-01T00:00:02.000Z\n"
        );
        assert_eq!(view.flags[0].reasons[1].kind, "past_its_end");
    }
}
