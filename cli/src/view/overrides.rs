//! Services that are detached from a flag: shown loudly, and with how long they still are.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment::{self, Now};
use crate::view::switched::SwitchedView;

/// What a service is given instead of what the flag decides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OverrideView {
    pub(crate) service: String,
    pub(crate) variant: String,
    pub(crate) expires_at: Option<String>,
    /// Who set it.
    pub(crate) set: Option<SwitchedView>,
    #[serde(skip)]
    expires: Option<prost_types::Timestamp>,
}

impl OverrideView {
    pub(crate) fn of(detached: &v1::ServiceOverride) -> Self {
        Self {
            service: detached.service.clone(),
            variant: detached.variant.clone(),
            expires_at: moment::exactly(detached.expires_at.as_ref()),
            set: detached.set.as_ref().map(SwitchedView::of),
            expires: detached.expires_at,
        }
    }

    /// `42m left, until 2026-11-21T10:02:19.658Z, by ada at … (revision 5)`.
    fn limits(&self, now: Now) -> String {
        let left = moment::left(self.expires.as_ref(), now);
        let by = self.set.as_ref().map(|set| format!(", {}", set.words())).unwrap_or_default();
        format!("{left}, until {}{by}", moment::briefly(self.expires.as_ref()))
    }

    /// `runner gets off: 42m left, until …`.
    pub(crate) fn words(&self, now: Now) -> String {
        format!("{} gets {}: {}", self.service, self.variant, self.limits(now))
    }
}

/// An override and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ActiveOverrideView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    #[serde(flatten)]
    pub(crate) detached: OverrideView,
}

impl ActiveOverrideView {
    pub(crate) fn of(active: &v1::ActiveOverride) -> Self {
        Self {
            environment: active.environment.clone(),
            flag: active.flag.clone(),
            detached: OverrideView::of(&active.r#override.clone().unwrap_or_default()),
        }
    }
}

/// The answer of `override list`.
#[derive(Debug, Serialize)]
pub(crate) struct OverridesView {
    pub(crate) overrides: Vec<ActiveOverrideView>,
    pub(crate) revision: u64,
    #[serde(skip)]
    pub(crate) now: Now,
}

impl View for OverridesView {
    fn page(&self) -> Page {
        if self.overrides.is_empty() {
            return Page::of_line("no overrides: every service gets what the flags decide");
        }
        let mut page = Page::default();
        page.table(0, rows(&self.overrides, self.now));
        page
    }
}

/// One loud row for each, under a heading.
pub(crate) fn rows(overrides: &[ActiveOverrideView], now: Now) -> Vec<Vec<Span>> {
    let headings = ["OVERRIDE", "FLAG", "SERVICE", "GETS", "HOW LONG"];
    let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
    rows.extend(overrides.iter().map(|active| {
        vec![
            Span::new(&active.environment, Tone::Loud),
            Span::new(&active.flag, Tone::Loud),
            Span::new(&active.detached.service, Tone::Loud),
            Span::new(&active.detached.variant, Tone::Loud),
            Span::from(active.detached.limits(now)),
        ]
    }));
    rows
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn detached(service: &str, variant: &str, until: i64) -> v1::ServiceOverride {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        v1::ServiceOverride {
            service: service.to_owned(),
            variant: variant.to_owned(),
            expires_at: at(until),
            set: Some(v1::Switched { actor: "ada".to_owned(), at: at(0), revision: 5 }),
        }
    }

    #[test]
    fn an_override_says_who_set_it_and_how_long_it_stays() {
        let active = v1::ActiveOverride {
            environment: "production".to_owned(),
            flag: "dreams".to_owned(),
            r#override: Some(detached("runner", "off", 3_600)),
        };
        let view = OverridesView {
            overrides: vec![ActiveOverrideView::of(&active)],
            revision: 7,
            now: Now::of_seconds(1_080),
        };
        assert_eq!(
            view.page().render(false),
            "OVERRIDE    FLAG    SERVICE  GETS  HOW LONG\n\
             production  dreams  runner   off   42m left, until 1970-01-01T01:00:00.000Z, by ada at 1970-01-01T00:00:00.000Z (revision 5)\n"
        );
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["overrides"][0]["service"], "runner");
        assert_eq!(document["overrides"][0]["expires_at"], "1970-01-01T01:00:00.000000Z");
        assert_eq!(document["overrides"][0]["set"]["actor"], "ada");
    }
}
