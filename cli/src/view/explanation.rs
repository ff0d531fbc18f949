//! Why a subject gets what it gets: the verdict, the bucket, and the walk that led there.

use mycelia_flags_core::text::thousandths;
use mycelia_flags_proto::v1;
use serde::Serialize;
use serde_json::Value as Json;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::step::StepView;
use crate::view::{moment, value};

/// The answer of `explain`.
#[derive(Debug, Serialize)]
pub(crate) struct ExplanationView {
    pub(crate) flag: String,
    /// Null when there is none.
    pub(crate) value: Json,
    pub(crate) variant: String,
    /// As OpenFeature names it, or `PREREQUISITE_FAILED`.
    pub(crate) reason: String,
    /// As OpenFeature names it; null when there is no error.
    pub(crate) error_code: Option<String>,
    /// Null when nothing identifies the subject.
    pub(crate) bucket: Option<BucketView>,
    /// In the order in which they were taken.
    pub(crate) steps: Vec<StepView>,
    /// The revision that was looked at.
    pub(crate) revision: u64,
    /// When it was committed; null for the newest one.
    pub(crate) committed_at: Option<String>,
    #[serde(skip)]
    committed_briefly: Option<String>,
}

/// Where a subject falls in a flag's split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct BucketView {
    /// In percent, with three decimals: 0 to 99.999.
    pub(crate) bucket: f64,
    pub(crate) hash: u32,
    /// What was hashed, in words.
    pub(crate) hashed: String,
    /// In order; empty when nothing is split.
    pub(crate) ends: Vec<EndView>,
    #[serde(skip)]
    thousandths: u32,
}

/// Where a variant's share ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct EndView {
    pub(crate) variant: String,
    /// The first bucket that is not its own, in percent.
    pub(crate) end: f64,
    #[serde(skip)]
    thousandths: u32,
}

impl ExplanationView {
    pub(crate) fn of(answer: &v1::ExplainResponse) -> Self {
        let committed_at = answer.committed_at.as_ref();
        Self {
            flag: answer.flag.clone(),
            value: answer.value.as_ref().map_or(Json::Null, value::to_json),
            variant: answer.variant.clone(),
            reason: answer.reason.clone(),
            error_code: (!answer.error_code.is_empty()).then(|| answer.error_code.clone()),
            bucket: answer.bucket.as_ref().map(BucketView::of),
            steps: answer.steps.iter().map(StepView::of).collect(),
            revision: answer.revision,
            committed_at: moment::exactly(committed_at),
            committed_briefly: committed_at.map(|at| moment::briefly(Some(at))),
        }
    }

    fn verdict(&self) -> Vec<Span> {
        let error = self.error_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let served = match self.variant.as_str() {
            "" => Span::new("nothing", Tone::Partial),
            variant => Span::new(variant, Tone::Good),
        };
        let value = if self.variant.is_empty() { String::new() } else { format!(" = {}", self.value) };
        vec![
            Span::from(format!("{} serves ", self.flag)),
            served,
            Span::from(format!("{value}: {}", self.reason)),
            Span::new(&error, Tone::Partial),
        ]
    }
}

impl BucketView {
    pub(crate) fn of(bucket: &v1::Bucket) -> Self {
        let end = |end: &v1::BucketEnd| EndView {
            variant: end.variant.clone(),
            end: percent(end.end),
            thousandths: end.end,
        };
        Self {
            bucket: percent(bucket.bucket),
            hash: bucket.hash,
            hashed: bucket.hashed.clone(),
            ends: bucket.ends.iter().map(end).collect(),
            thousandths: bucket.bucket,
        }
    }

    /// `37.412`.
    pub(crate) fn number(&self) -> String {
        thousandths(self.thousandths)
    }

    /// `bucket 37.412 of flag key "dreams" and targeting key "ada" (on below 25.000, off below 100.000)`.
    fn words(&self) -> String {
        let ends = self.ends.iter();
        let ends: Vec<_> =
            ends.map(|end| format!("{} below {}", end.variant, thousandths(end.thousandths))).collect();
        let ends = if ends.is_empty() { String::new() } else { format!(" ({})", ends.join(", ")) };
        format!("bucket {} of {}{ends}", self.number(), self.hashed)
    }
}

fn percent(thousandths: u32) -> f64 {
    f64::from(thousandths) / 1_000.0
}

impl View for ExplanationView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(self.verdict());
        if let Some(bucket) = &self.bucket {
            page.line([Span::from(bucket.words())]);
        }
        let at = match &self.committed_briefly {
            Some(committed) => format!("at revision {}, committed at {committed}", self.revision),
            None => format!("at revision {}, the newest one", self.revision),
        };
        page.line([Span::new(&at, Tone::Faint)]);
        page.blank();
        walk(&self.steps, "", 1, &mut page);
        page
    }
}

/// The steps with numbers such as `3.1`, each part two columns further in.
fn walk(steps: &[StepView], above: &str, depth: usize, page: &mut Page) {
    for (number, step) in (1..).zip(steps) {
        let number = format!("{above}{number}");
        let (mark, tone) = mark(step);
        page.line([
            Span::from("  ".repeat(depth - 1)),
            Span::new(&format!("{number}."), Tone::Faint),
            Span::from(" "),
            Span::new(mark, tone),
            Span::from(format!(" {}", step.text)),
        ]);
        walk(&step.steps, &format!("{number}."), depth + 1, page);
    }
}

/// The decision, what held, what did not, and what was passed by.
fn mark(step: &StepView) -> (&'static str, Tone) {
    let is_detail = step.kind == "detail";
    if step.decided && !is_detail {
        ("→", Tone::Good)
    } else if step.text.ends_with(": yes") {
        ("✓", Tone::Good)
    } else if step.text.ends_with(": no") || step.text.ends_with(" does not match") {
        ("✗", Tone::Partial)
    } else {
        ("·", Tone::Faint)
    }
}

/// The answer of `bucket`.
#[derive(Debug, Serialize)]
pub(crate) struct BucketAnswerView {
    pub(crate) flag: String,
    pub(crate) user: String,
    #[serde(flatten)]
    pub(crate) bucket: BucketView,
    pub(crate) revision: u64,
}

impl View for BucketAnswerView {
    fn page(&self) -> Page {
        Page::of_line(self.bucket.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: v1::StepKind, decided: bool, text: &str, inner: Vec<v1::ExplainStep>) -> v1::ExplainStep {
        v1::ExplainStep { kind: kind.into(), decided, text: text.to_owned(), inner }
    }

    fn bucket() -> v1::Bucket {
        let end = |variant: &str, end| v1::BucketEnd { variant: variant.to_owned(), end };
        v1::Bucket {
            hash: 7,
            bucket: 3_130,
            hashed: "flag key \"dreams\" and targeting key \"ada\"".to_owned(),
            ends: vec![end("on", 3_000), end("off", 100_000)],
        }
    }

    #[test]
    fn the_verdict_comes_first_and_the_walk_is_numbered() {
        let detail = step(v1::StepKind::Detail, true, "country is \"DE\", not \"AT\": no", Vec::new());
        let answer = v1::ExplainResponse {
            flag: "dreams".to_owned(),
            value: Some(v1::Value { kind: Some(v1::value::Kind::BooleanValue(false)) }),
            variant: "off".to_owned(),
            reason: "SPLIT".to_owned(),
            steps: vec![
                step(v1::StepKind::Switch, false, "enabled by ana", Vec::new()),
                step(v1::StepKind::Prerequisite, false, "whispers must serve on: yes", Vec::new()),
                step(v1::StepKind::Rule, false, "rule 1 does not match", vec![detail]),
                step(v1::StepKind::Default, true, "default serve: off", Vec::new()),
            ],
            bucket: Some(bucket()),
            revision: 7,
            committed_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            ..v1::ExplainResponse::default()
        };
        assert_eq!(
            ExplanationView::of(&answer).page().render(false),
            "dreams serves off = false: SPLIT\n\
             bucket 3.130 of flag key \"dreams\" and targeting key \"ada\" (on below 3.000, off below 100.000)\n\
             at revision 7, committed at 1970-01-01T00:00:01.000Z\n\
             \n\
             1. · enabled by ana\n\
             2. ✓ whispers must serve on: yes\n\
             3. ✗ rule 1 does not match\n\
             \x20 3.1. ✗ country is \"DE\", not \"AT\": no\n\
             4. → default serve: off\n"
        );
    }

    #[test]
    fn nothing_that_is_served_is_said() {
        let answer = v1::ExplainResponse {
            flag: "nobody".to_owned(),
            reason: "ERROR".to_owned(),
            error_code: "FLAG_NOT_FOUND".to_owned(),
            revision: 7,
            ..v1::ExplainResponse::default()
        };
        let page = ExplanationView::of(&answer).page().render(false);
        let expected = "nobody serves nothing: ERROR (FLAG_NOT_FOUND)\nat revision 7, the newest one\n\n";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_bucket_is_a_number_with_three_decimals() {
        let view = BucketAnswerView {
            flag: "dreams".to_owned(),
            user: "ada".to_owned(),
            bucket: BucketView::of(&bucket()),
            revision: 7,
        };
        assert_eq!(view.page().render(false), "3.130\n");
        assert_eq!(
            serde_json::to_value(&view).unwrap(),
            serde_json::json!({
                "flag": "dreams", "user": "ada", "bucket": 3.13, "hash": 7,
                "hashed": "flag key \"dreams\" and targeting key \"ada\"",
                "ends": [{"variant": "on", "end": 3.0}, {"variant": "off", "end": 100.0}], "revision": 7
            })
        );
    }
}
