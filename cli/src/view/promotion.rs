//! How far a promotion is: point by point, with what differs between the two environments.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::difference::DifferenceView;
use crate::view::moment;

/// The answer of `promotion status` and `promote --status`.
#[derive(Debug, Serialize)]
pub(crate) struct PromotionsView {
    /// In the order in which the flags were asked for.
    pub(crate) promotions: Vec<PromotionView>,
}

/// One flag.
#[derive(Debug, Serialize)]
pub(crate) struct PromotionView {
    pub(crate) flag: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) ready: bool,
    /// When it will be ready if only time is missing.
    pub(crate) ready_at: Option<String>,
    /// False where the target asks for nothing.
    pub(crate) ruled: bool,
    pub(crate) allow_force: bool,
    pub(crate) items: Vec<ItemView>,
    /// What the target would serve differently.
    pub(crate) differences: Vec<DifferenceView>,
    pub(crate) revision: u64,
    #[serde(skip)]
    ready_briefly: Option<String>,
}

/// One point of the rules.
#[derive(Debug, Serialize)]
pub(crate) struct ItemView {
    /// `source`, `soak`, `incidents`, `approvals`, `checklist` or `drill`.
    pub(crate) point: &'static str,
    pub(crate) done: bool,
    pub(crate) text: String,
    /// When it will be done by itself.
    pub(crate) ready_at: Option<String>,
}

impl ItemView {
    fn of(item: &v1::PromotionItem) -> Self {
        let point = match item.point() {
            v1::PromotionPoint::Source => "source",
            v1::PromotionPoint::Soak => "soak",
            v1::PromotionPoint::Incidents => "incidents",
            v1::PromotionPoint::Approvals => "approvals",
            v1::PromotionPoint::Checklist => "checklist",
            v1::PromotionPoint::Drill => "drill",
            v1::PromotionPoint::Unspecified => "unknown",
        };
        let ready_at = moment::exactly(item.ready_at.as_ref());
        Self { point, done: item.done, text: item.text.clone(), ready_at }
    }

    fn line(&self) -> [Span; 2] {
        let (mark, tone) = if self.done { ("  ✔ ", Tone::Good) } else { ("  ✗ ", Tone::Loud) };
        [Span::new(mark, tone), Span::new(&self.text, if self.done { Tone::Faint } else { Tone::Plain })]
    }
}

impl PromotionView {
    pub(crate) fn of(answer: v1::GetPromotionResponse) -> Self {
        let ready_at = answer.ready_at.as_ref();
        Self {
            ready_at: moment::exactly(ready_at),
            ready_briefly: ready_at.map(|moment| moment::briefly(Some(moment))),
            items: answer.items.iter().map(ItemView::of).collect(),
            differences: answer.differences.into_iter().map(DifferenceView::of).collect(),
            flag: answer.flag,
            from: answer.from,
            to: answer.to,
            ready: answer.ready,
            ruled: answer.ruled,
            allow_force: answer.allow_force,
            revision: answer.revision,
        }
    }

    fn describe(&self, page: &mut Page) {
        let missing = self.items.iter().filter(|item| !item.done).count();
        let verdict = match (self.ready, self.ruled) {
            (true, true) => Span::new("ready", Tone::Good),
            (true, false) => Span::new(&format!("ready: {} asks for nothing", self.to), Tone::Good),
            (false, _) => {
                let when = self.ready_briefly.as_ref();
                let when = when.map(|when| format!(", ready at {when}")).unwrap_or_default();
                Span::new(&format!("not yet: {missing} of {} missing{when}", self.items.len()), Tone::Partial)
            }
        };
        page.line([Span::from(format!("{}: {} → {}  ", self.flag, self.from, self.to)), verdict]);
        for item in &self.items {
            page.line(item.line());
        }
        if self.differences.is_empty() {
            page.line([Span::new("  both serve the same", Tone::Faint)]);
        }
        for difference in &self.differences {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
            let change = format!("{} → {}", side(&difference.from), side(&difference.to));
            page.line([Span::new(&format!("  {}: ", difference.field), Tone::Faint), Span::from(change)]);
        }
    }
}

impl View for PromotionsView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, promotion) in self.promotions.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            promotion.describe(&mut page);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_says_at_a_glance_whether_it_is_done() {
        let item = |point: v1::PromotionPoint, done, text: &str| v1::PromotionItem {
            point: point.into(),
            done,
            text: text.to_owned(),
            ready_at: None,
        };
        let answer = v1::GetPromotionResponse {
            flag: "voice".to_owned(),
            from: "staging".to_owned(),
            to: "production".to_owned(),
            ruled: true,
            ready_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            items: vec![
                item(v1::PromotionPoint::Source, true, "production takes over from staging"),
                item(v1::PromotionPoint::Soak, false, "soak: 31h of 48h"),
            ],
            differences: vec![v1::FieldChange {
                field: "enabled".to_owned(),
                before: Some("no".to_owned()),
                after: Some("yes".to_owned()),
                ..v1::FieldChange::default()
            }],
            ..v1::GetPromotionResponse::default()
        };
        let view = PromotionsView { promotions: vec![PromotionView::of(answer)] };
        assert_eq!(
            view.page().render(false),
            "voice: staging → production  not yet: 1 of 2 missing, ready at 1970-01-01T00:00:01.000Z\n\
             \x20 ✔ production takes over from staging\n\
             \x20 ✗ soak: 31h of 48h\n\
             \x20 enabled: no → yes\n"
        );
    }

    #[test]
    fn a_target_without_rules_asks_for_nothing() {
        let answer = v1::GetPromotionResponse {
            flag: "voice".to_owned(),
            from: "staging".to_owned(),
            to: "production".to_owned(),
            ready: true,
            ..v1::GetPromotionResponse::default()
        };
        let view = PromotionsView { promotions: vec![PromotionView::of(answer)] };
        assert_eq!(
            view.page().render(false),
            "voice: staging → production  ready: production asks for nothing\n  both serve the same\n"
        );
    }
}
