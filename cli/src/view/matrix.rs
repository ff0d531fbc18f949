//! A percentage for each of several segments.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::condition::Condition;
use mycelia_flags_proto::v1::serve::Serve;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::percent::Percent;
use crate::terminal::View;
use crate::view::serve::{ServeView, words_of};
use crate::view::state::boolean;

/// The rules of a flag, read as a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Matrix {
    /// In their order: whoever is in two segments gets the share of the first.
    pub(crate) shares: Vec<SegmentShareView>,
    /// What whoever is in none of them gets.
    pub(crate) rest: Option<ServeView>,
    /// How many other rules there are.
    pub(crate) other_rules: usize,
}

/// The share of one segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SegmentShareView {
    pub(crate) segment: String,
    pub(crate) percent: f64,
    #[serde(skip)]
    share: Percent,
}

impl Matrix {
    /// The server makes one rule for each segment: a split of a boolean flag over true and false.
    pub(crate) fn of(configuration: &v1::FlagConfiguration, variants: &[v1::Variant]) -> Self {
        let shares: Vec<_> =
            configuration.rules.iter().filter_map(|rule| SegmentShareView::of(rule, variants)).collect();
        Self {
            rest: ServeView::of(configuration.default_serve.as_ref()),
            other_rules: configuration.rules.len() - shares.len(),
            shares,
        }
    }

    /// Has the flag this and nothing else?
    pub(crate) const fn is_all(&self) -> bool {
        !self.shares.is_empty() && self.other_rules == 0
    }

    /// `A 100%, B 75%, everybody else 0%`; the last word is the caller's.
    pub(crate) fn words(&self, rest: &str) -> String {
        let shares = self.shares.iter().map(|share| format!("{} {}", share.segment, share.share));
        shares.chain([format!("everybody else {rest}")]).collect::<Vec<_>>().join(", ")
    }
}

impl SegmentShareView {
    fn of(rule: &v1::Rule, variants: &[v1::Variant]) -> Option<Self> {
        let Some(Condition::Segment(segment)) = rule.condition.as_ref()?.condition.as_ref() else {
            return None;
        };
        let Some(Serve::Split(split)) = rule.serve.as_ref()?.serve.as_ref() else {
            return None;
        };
        let mut on = 0;
        for weighted in &split.weights {
            on += if boolean(&weighted.variant, variants)? { weighted.weight } else { 0 };
        }
        let share = Percent::of_thousandths(on);
        Some(Self { segment: segment.clone(), percent: share.as_f64(), share })
    }
}

/// The answer of `matrix` that changes nothing.
#[derive(Debug, Serialize)]
pub(crate) struct MatrixView {
    pub(crate) flag: String,
    pub(crate) environment: String,
    pub(crate) enabled: bool,
    #[serde(flatten)]
    pub(crate) matrix: Matrix,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl View for MatrixView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let switch =
            if self.enabled { Span::new("enabled", Tone::Good) } else { Span::new("disabled", Tone::Loud) };
        page.line([Span::from(format!("{} in {}  ", self.flag, self.environment)), switch]);
        let row = |who: &str, what: &str| vec![Span::from(who), Span::from(what)];
        let mut rows = vec![vec![Span::new("SEGMENT", Tone::Faint), Span::new("GETS IT", Tone::Faint)]];
        rows.extend(self.matrix.shares.iter().map(|share| row(&share.segment, &share.share.to_string())));
        if self.matrix.other_rules > 0 {
            let count = format!("{} (mycelia-flags rule list {})", self.matrix.other_rules, self.flag);
            rows.push(row("other rules", &count));
        }
        rows.push(row("everybody else", &words_of(self.matrix.rest.as_ref())));
        page.table(2, rows);
        page
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::view::condition::tests::test;
    use crate::view::serve::tests::{split, variant};
    use crate::view::state::tests::on_and_off;

    pub(crate) fn segment_rule(segment: &str, on: u32) -> v1::Rule {
        v1::Rule {
            name: String::new(),
            condition: Some(v1::Condition { condition: Some(Condition::Segment(segment.to_owned())) }),
            serve: Some(split(&[("on", on), ("off", 100_000 - on)])),
        }
    }

    #[test]
    fn a_rule_for_each_segment_is_a_matrix() {
        let mut configuration = v1::FlagConfiguration {
            enabled: true,
            rules: vec![segment_rule("A", 100_000), segment_rule("B", 12_500)],
            default_serve: Some(split(&[("on", 0), ("off", 100_000)])),
            ..v1::FlagConfiguration::default()
        };
        let matrix = Matrix::of(&configuration, &on_and_off());
        assert!(matrix.is_all());
        assert_eq!(matrix.words("0%"), "A 100%, B 12.5%, everybody else 0%");
        let by_country = v1::Rule {
            condition: Some(test("country", v1::Operator::Equals, &["DE"], false)),
            serve: Some(variant("on")),
            ..v1::Rule::default()
        };
        configuration.rules.push(by_country);
        let matrix = Matrix::of(&configuration, &on_and_off());
        assert!(!matrix.is_all());
        let view = MatrixView {
            flag: "dreams".to_owned(),
            environment: "production".to_owned(),
            enabled: true,
            matrix,
            revision: 7,
        };
        assert_eq!(
            view.page().render(false),
            "dreams in production  enabled\n\
             \x20 SEGMENT         GETS IT\n\
             \x20 A               100%\n\
             \x20 B               12.5%\n\
             \x20 other rules     1 (mycelia-flags rule list dreams)\n\
             \x20 everybody else  0% on, 100% off\n"
        );
        assert_eq!(serde_json::to_value(&view).unwrap()["shares"][1]["percent"], 12.5);
    }
}
