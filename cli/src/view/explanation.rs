//! Why somebody gets what they get, step by step; and the number that decides.

use mycelia_flags_proto::v1;
use serde::Serialize;
use serde_json::Value as Json;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::step::{self, StepView};
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
    /// In the order in which they were taken.
    pub(crate) steps: Vec<StepView>,
    /// Null when nothing identifies the subject.
    pub(crate) bucket: Option<BucketView>,
    /// The revision that was looked at.
    pub(crate) revision: u64,
    /// When it was committed; null for the newest one.
    pub(crate) committed_at: Option<String>,
}

impl ExplanationView {
    pub(crate) fn of(answer: &v1::ExplainResponse) -> Self {
        let bucket = answer.bucket.as_ref();
        Self {
            flag: answer.flag.clone(),
            value: answer.value.as_ref().map_or(Json::Null, value::to_json),
            variant: answer.variant.clone(),
            reason: answer.reason.clone(),
            error_code: (!answer.error_code.is_empty()).then(|| answer.error_code.clone()),
            steps: answer.steps.iter().map(StepView::of).collect(),
            bucket: bucket.map(|bucket| BucketView::of(&answer.flag, "", bucket)),
            revision: answer.revision,
            committed_at: moment::exactly(answer.committed_at.as_ref()),
        }
    }
}

impl View for ExplanationView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let verdict = match (&self.error_code, self.variant.is_empty()) {
            (Some(code), true) => format!("{}: {code}", self.flag),
            (Some(code), false) => {
                format!("{}: {} ({}, {}: {code})", self.flag, self.value, self.variant, self.reason)
            }
            (None, _) => format!("{}: {} ({}, {})", self.flag, self.value, self.variant, self.reason),
        };
        let when = match &self.committed_at {
            Some(committed_at) => format!("  as of revision {}, committed {committed_at}", self.revision),
            None => format!("  at revision {}", self.revision),
        };
        page.line([Span::new(&verdict, Tone::Good), Span::new(&when, Tone::Faint)]);
        step::describe(&self.steps, 1, &mut page);
        if let Some(bucket) = &self.bucket {
            page.line([Span::new(&bucket.in_words(), Tone::Faint)]);
        }
        page
    }
}

/// The answer of `bucket`, and a part of `explain`'s.
#[derive(Debug, Serialize)]
pub(crate) struct BucketView {
    #[serde(skip)]
    flag: String,
    /// The subject; not said again within an explanation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) user: String,
    /// In thousandths of a percent: 0 to 99999.
    pub(crate) bucket: u32,
    pub(crate) hash: u32,
    /// What was hashed, in words.
    pub(crate) hashed: String,
    /// The shares of the flag's default serve, in order.
    pub(crate) ends: Vec<EndView>,
}

/// Where a variant's share ends.
#[derive(Debug, Serialize)]
pub(crate) struct EndView {
    pub(crate) variant: String,
    /// The first bucket that is not its own, in thousandths of a percent.
    pub(crate) end: u32,
}

impl BucketView {
    pub(crate) fn of(flag: &str, user: &str, bucket: &v1::Bucket) -> Self {
        let end = |end: &v1::BucketEnd| EndView { variant: end.variant.clone(), end: end.end };
        Self {
            flag: flag.to_owned(),
            user: user.to_owned(),
            bucket: bucket.bucket,
            hash: bucket.hash,
            hashed: bucket.hashed.clone(),
            ends: bucket.ends.iter().map(end).collect(),
        }
    }

    fn in_words(&self) -> String {
        let ends: Vec<String> =
            self.ends.iter().map(|end| format!("{} below {}", end.variant, thousandths(end.end))).collect();
        let ends = if ends.is_empty() { String::new() } else { format!("; {}", ends.join(", ")) };
        format!(
            "bucket {} of {}{ends} (hash {} of {})",
            thousandths(self.bucket),
            self.flag,
            self.hash,
            self.hashed
        )
    }
}

impl View for BucketView {
    fn page(&self) -> Page {
        let mut page = Page::of_line(thousandths(self.bucket));
        page.line([Span::new(&self.in_words(), Tone::Faint)]);
        page
    }
}

/// Thousandths of a percent as percent: `37.412`.
fn thousandths(number: u32) -> String {
    format!("{}.{:03}", number / 1_000, number % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> v1::Bucket {
        let end = |variant: &str, end| v1::BucketEnd { variant: variant.to_owned(), end };
        v1::Bucket {
            hash: 7,
            bucket: 37_412,
            hashed: "flag key \"dreams\" and targeting key \"ana\"".to_owned(),
            ends: vec![end("on", 50_000), end("off", 100_000)],
        }
    }

    #[test]
    fn a_bucket_is_a_number_that_people_can_compare() {
        assert_eq!(
            BucketView::of("dreams", "ana", &bucket()).page().render(false),
            "37.412\nbucket 37.412 of dreams; on below 50.000, off below 100.000 (hash 7 of flag key \"dreams\" and \
             targeting key \"ana\")\n"
        );
    }

    #[test]
    fn the_verdict_comes_first_and_then_how_it_came_about() {
        let step =
            |text: &str, decided| v1::ExplainStep { text: text.to_owned(), decided, ..Default::default() };
        let answer = v1::ExplainResponse {
            flag: "dreams".to_owned(),
            value: Some(v1::Value { kind: Some(v1::value::Kind::BooleanValue(true)) }),
            variant: "on".to_owned(),
            reason: "SPLIT".to_owned(),
            steps: vec![step("the flag is enabled", false), step("the default serve decides", true)],
            revision: 4,
            ..v1::ExplainResponse::default()
        };
        let shown = ExplanationView::of(&answer).page().render(false);
        assert!(shown.starts_with("dreams: true (on, SPLIT)  at revision 4\n"), "{shown}");
        assert!(shown.contains("the default serve decides"), "{shown}");
        let missing = v1::ExplainResponse {
            flag: "nothing".to_owned(),
            error_code: "FLAG_NOT_FOUND".to_owned(),
            ..v1::ExplainResponse::default()
        };
        let shown = ExplanationView::of(&missing).page().render(false);
        assert!(shown.starts_with("nothing: FLAG_NOT_FOUND"), "{shown}");
    }
}
