//! Segments: what each says, how long its lists are, and whether somebody is in it.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::percent::Percent;
use crate::terminal::View;
use crate::view::condition::ConditionView;
use crate::view::step::{self, StepView};

/// What a segment says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SegmentView {
    pub(crate) key: String,
    pub(crate) description: String,
    /// Null when there is none.
    pub(crate) condition: Option<ConditionView>,
    /// Null when there is none.
    pub(crate) share: Option<RangeView>,
}

/// A share of everybody.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RangeView {
    /// Segments with the same salt and ranges that do not overlap have no member in common.
    pub(crate) salt: String,
    pub(crate) from_percent: f64,
    pub(crate) to_percent: f64,
    #[serde(skip)]
    words: String,
}

impl SegmentView {
    pub(crate) fn of(segment: &v1::Segment) -> Self {
        Self {
            key: segment.key.clone(),
            description: segment.description.clone(),
            condition: ConditionView::of(segment.condition.as_ref()),
            share: segment.share.as_ref().map(|share| RangeView::of(share, &segment.key)),
        }
    }

    /// `country in "DE", "AT" and 10% to 70%`; who else is in it is said by the lists.
    fn words(&self) -> String {
        let condition = self.condition.as_ref().map(ConditionView::words);
        let share = self.share.as_ref().map(|share| share.words.clone());
        let parts: Vec<_> = condition.into_iter().chain(share).collect();
        if parts.is_empty() { "only its list".to_owned() } else { parts.join(" and ") }
    }
}

impl RangeView {
    fn of(share: &v1::Share, segment: &str) -> Self {
        let (from, to) = (Percent::of_thousandths(share.from), Percent::of_thousandths(share.to));
        let salt = if share.salt == segment { String::new() } else { format!(" by {}", share.salt) };
        let words = if from.is_none() { to.to_string() } else { format!("{from} to {to}") };
        Self {
            salt: share.salt.clone(),
            from_percent: from.as_f64(),
            to_percent: to.as_f64(),
            words: format!("{words}{salt}"),
        }
    }
}

/// A segment and what belongs to it: an element of `segment list`, and most of `segment get`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SegmentSummaryView {
    #[serde(flatten)]
    pub(crate) segment: SegmentView,
    /// Keys on its included list.
    pub(crate) included: u32,
    /// Keys on its excluded list.
    pub(crate) excluded: u32,
    /// The flags whose rules name it.
    pub(crate) flags: Vec<String>,
}

impl SegmentSummaryView {
    pub(crate) fn of(summary: &v1::SegmentSummary) -> Self {
        Self {
            segment: SegmentView::of(&summary.segment.clone().unwrap_or_default()),
            included: summary.included,
            excluded: summary.excluded,
            flags: summary.flags.clone(),
        }
    }
}

/// The answer of `segment list`.
#[derive(Debug, Serialize)]
pub(crate) struct SegmentsView {
    pub(crate) environment: String,
    pub(crate) segments: Vec<SegmentSummaryView>,
    pub(crate) revision: u64,
}

impl View for SegmentsView {
    fn page(&self) -> Page {
        if self.segments.is_empty() {
            let advice = format!("no segments in {} yet (mycelia-flags segment set KEY)", self.environment);
            return Page::of_line(advice);
        }
        let headings = ["SEGMENT", "WHO", "INCLUDED", "EXCLUDED", "FLAGS"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.segments.iter().map(|summary| {
            vec![
                Span::from(summary.segment.key.as_str()),
                Span::from(summary.segment.words()),
                Span::from(summary.included.to_string()),
                Span::from(summary.excluded.to_string()),
                Span::from(summary.flags.join(", ")),
            ]
        }));
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

/// The answer of `segment get`.
#[derive(Debug, Serialize)]
pub(crate) struct SegmentGetView {
    pub(crate) environment: String,
    #[serde(flatten)]
    pub(crate) summary: SegmentSummaryView,
    pub(crate) revision: u64,
}

impl View for SegmentGetView {
    fn page(&self) -> Page {
        let summary = &self.summary;
        let mut page = Page::default();
        page.line([
            Span::from(summary.segment.key.as_str()),
            Span::new(&format!("  a segment of {}", self.environment), Tone::Faint),
        ]);
        let facts = [
            ("description", summary.segment.description.clone()),
            ("who", summary.segment.words()),
            ("included", format!("{} by name", summary.included)),
            ("excluded", format!("{} by name", summary.excluded)),
            ("flags", summary.flags.join(", ")),
        ];
        let said = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
        page.table(2, said.map(|(label, fact)| vec![Span::from(label), Span::from(fact)]).collect());
        page
    }
}

/// The answer of `segment test`.
#[derive(Debug, Serialize)]
pub(crate) struct MembershipView {
    pub(crate) segment: String,
    pub(crate) member: bool,
    /// Why.
    pub(crate) steps: Vec<StepView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for MembershipView {
    fn page(&self) -> Page {
        let (word, tone) = if self.member { ("yes", Tone::Good) } else { ("no", Tone::Partial) };
        let mut page = Page::default();
        page.line([Span::new(word, tone)]);
        step::describe(&self.steps, 1, &mut page);
        page
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::view::condition::tests::test;

    fn summary(key: &str, from: u32, to: u32, salt: &str) -> SegmentSummaryView {
        SegmentSummaryView::of(&v1::SegmentSummary {
            segment: Some(v1::Segment {
                key: key.to_owned(),
                description: String::new(),
                condition: Some(test("plan", v1::Operator::Equals, &["pro"], false)),
                share: Some(v1::Share { salt: salt.to_owned(), from, to }),
            }),
            included: 2,
            excluded: 0,
            flags: vec!["dreams".to_owned()],
        })
    }

    #[test]
    fn the_list_says_who_is_in_each() {
        let mut lists_only = summary("named", 0, 0, "named");
        lists_only.segment.condition = None;
        lists_only.segment.share = None;
        let view = SegmentsView {
            environment: "production".to_owned(),
            segments: vec![summary("A", 0, 10_000, "A"), summary("B", 10_000, 70_000, "people"), lists_only],
            revision: 7,
        };
        assert_eq!(
            view.page().render(false),
            "SEGMENT  WHO                                         INCLUDED  EXCLUDED  FLAGS\n\
             A        plan equals \"pro\" and 10%                   2         0         dreams\n\
             B        plan equals \"pro\" and 10% to 70% by people  2         0         dreams\n\
             named    only its list                               2         0         dreams\n"
        );
    }

    #[test]
    fn the_document_of_a_segment_is_flat() {
        let view = SegmentGetView {
            environment: "production".to_owned(),
            summary: summary("B", 10_000, 70_000, "people"),
            revision: 7,
        };
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["key"], "B");
        assert_eq!(document["share"], json!({"salt": "people", "from_percent": 10.0, "to_percent": 70.0}));
        assert_eq!(document["flags"], json!(["dreams"]));
        assert_eq!(document["included"], 2);
    }

    #[test]
    fn a_test_answers_with_its_reasons() {
        let view = MembershipView {
            segment: "A".to_owned(),
            member: false,
            steps: vec![StepView::of(&v1::ExplainStep {
                text: "not on the included list".to_owned(),
                ..v1::ExplainStep::default()
            })],
            revision: 7,
        };
        assert_eq!(view.page().render(false), "no\n  not on the included list\n");
    }
}
