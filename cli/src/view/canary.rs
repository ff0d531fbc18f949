//! Canary mode: the switch, who is on the allowlist, and which flags take part.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::switched::SwitchedView;

/// The switch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CanaryView {
    pub(crate) on: bool,
    /// Who switched it last; null while nobody has.
    pub(crate) switched: Option<SwitchedView>,
}

impl CanaryView {
    pub(crate) fn of(canary: &v1::Canary) -> Self {
        Self { on: canary.on, switched: canary.switched.as_ref().map(SwitchedView::of) }
    }
}

/// A flag that takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CanaryFlagView {
    pub(crate) flag: String,
    /// What whoever is on the allowlist gets.
    pub(crate) variant: String,
    /// A disabled flag serves its off variant to them as well.
    pub(crate) enabled: bool,
}

/// The answer of `canary` without more.
#[derive(Debug, Serialize)]
pub(crate) struct CanaryModeView {
    pub(crate) environment: String,
    #[serde(flatten)]
    pub(crate) canary: CanaryView,
    /// Keys on the allowlist.
    pub(crate) allowlist: u32,
    pub(crate) flags: Vec<CanaryFlagView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl CanaryModeView {
    pub(crate) fn of(answer: v1::GetCanaryResponse) -> Self {
        let flag = |flag: v1::CanaryFlag| CanaryFlagView {
            flag: flag.flag,
            variant: flag.variant,
            enabled: flag.enabled,
        };
        Self {
            environment: answer.environment,
            canary: CanaryView::of(&answer.canary.unwrap_or_default()),
            allowlist: answer.allowlist,
            flags: answer.flags.into_iter().map(flag).collect(),
            revision: answer.revision,
        }
    }
}

impl View for CanaryModeView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let (word, tone) = if self.canary.on { ("on", Tone::Good) } else { ("off", Tone::Faint) };
        let by = match &self.canary.switched {
            Some(switched) => format!(" {}", switched.words()),
            None => " (never switched)".to_owned(),
        };
        page.line([
            Span::from(format!("canary mode in {} is ", self.environment)),
            Span::new(word, tone),
            Span::new(&by, Tone::Faint),
        ]);
        let allowlist = match self.allowlist {
            0 => "nobody is on the allowlist (mycelia-flags canary-add USER)".to_owned(),
            count => format!("on the allowlist: {count}"),
        };
        page.line([Span::from(allowlist)]);
        if self.flags.is_empty() {
            page.line([Span::from("no flag takes part")]);
            return page;
        }
        page.blank();
        let headings = ["FLAG", "THEY GET", ""];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.flags.iter().map(CanaryFlagView::row));
        page.table(0, rows);
        page
    }
}

impl CanaryFlagView {
    fn row(&self) -> Vec<Span> {
        let advice = format!("disabled: nobody gets it; `rollout {} 0` lets the allowlist in", self.flag);
        let warning = if self.enabled { Span::from("") } else { Span::new(&advice, Tone::Loud) };
        vec![Span::from(self.flag.as_str()), Span::from(self.variant.as_str()), warning]
    }
}

/// The answer of `canary-list`.
#[derive(Debug, Serialize)]
pub(crate) struct CanaryListView {
    pub(crate) environment: String,
    /// Canary mode is on: who is on the list is served the canary variants.
    pub(crate) on: bool,
    pub(crate) keys: Vec<String>,
}

impl View for CanaryListView {
    fn page(&self) -> Page {
        keys_page(&self.keys)
    }
}

/// The answer of `segment members`.
#[derive(Debug, Serialize)]
pub(crate) struct MembersView {
    pub(crate) environment: String,
    pub(crate) segment: String,
    /// `included` or `excluded`.
    pub(crate) list: &'static str,
    pub(crate) keys: Vec<String>,
}

impl View for MembersView {
    fn page(&self) -> Page {
        keys_page(&self.keys)
    }
}

/// One on each line and nothing else, so that it can be given to `--file` again.
fn keys_page(keys: &[String]) -> Page {
    let mut page = Page::default();
    for key in keys {
        page.line([Span::from(key.as_str())]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_flag_in_the_canary_is_said_loudly() {
        let flag =
            |flag: &str, enabled| v1::CanaryFlag { flag: flag.to_owned(), variant: "on".to_owned(), enabled };
        let view = CanaryModeView::of(v1::GetCanaryResponse {
            environment: "production".to_owned(),
            canary: Some(v1::Canary {
                on: true,
                switched: Some(v1::Switched {
                    actor: "ada".to_owned(),
                    at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
                    revision: 3,
                }),
            }),
            allowlist: 2,
            flags: vec![flag("dreams", false), flag("oracle", true)],
            revision: 7,
        });
        assert_eq!(
            view.page().render(false),
            "canary mode in production is on by ada at 1970-01-01T00:00:00.000Z (revision 3)\n\
             on the allowlist: 2\n\
             \n\
             FLAG    THEY GET\n\
             dreams  on        disabled: nobody gets it; `rollout dreams 0` lets the allowlist in\n\
             oracle  on\n"
        );
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["on"], true);
        assert_eq!(document["flags"][0]["enabled"], false);
    }

    #[test]
    fn a_list_is_one_key_on_each_line() {
        let keys = vec!["ada".to_owned(), "b\x1bob".to_owned()];
        let view = CanaryListView { environment: "production".to_owned(), on: false, keys };
        assert_eq!(view.page().render(false), "ada\nb\\u{1b}ob\n");
    }
}
