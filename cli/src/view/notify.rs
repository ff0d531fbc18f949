//! Notification targets, and what could not be delivered.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `notify list`.
#[derive(Debug, Serialize)]
pub(crate) struct TargetsView {
    pub(crate) targets: Vec<TargetView>,
    pub(crate) revision: u64,
}

/// One target.
#[derive(Debug, Serialize)]
pub(crate) struct TargetView {
    pub(crate) name: String,
    /// `webhook`, `slack` or `email`.
    pub(crate) kind: String,
    /// Scheme, host and port.
    pub(crate) address: String,
    /// Everything up to this revision is told.
    pub(crate) revision: u64,
    pub(crate) delivered: u64,
    pub(crate) dead: u32,
    /// Dead letters that had to go for newer ones.
    pub(crate) dropped: u64,
    /// What is being tried and was not taken; null when all is well.
    pub(crate) trying: Option<TryingView>,
}

/// What does not get through.
#[derive(Debug, Serialize)]
pub(crate) struct TryingView {
    pub(crate) id: String,
    pub(crate) attempts: u32,
    pub(crate) error: String,
}

impl TargetsView {
    pub(crate) fn of(answer: v1::ListNotificationTargetsResponse) -> Self {
        let targets = answer.targets.into_iter().map(|target| TargetView {
            name: target.name,
            kind: target.kind,
            address: target.address,
            revision: target.revision,
            delivered: target.delivered,
            dead: target.dead,
            dropped: target.dropped,
            trying: target.trying.map(|trying| TryingView {
                id: trying.id,
                attempts: trying.attempts,
                error: trying.error,
            }),
        });
        Self { targets: targets.collect(), revision: answer.revision }
    }
}

impl TargetView {
    fn row(&self, head: u64) -> Vec<Span> {
        let behind = head.saturating_sub(self.revision);
        let (state, tone) = match (&self.trying, behind) {
            (Some(trying), _) => {
                (format!("attempt {} failed: {}", trying.attempts, trying.error), Tone::Loud)
            }
            (None, 0) => ("up to date".to_owned(), Tone::Faint),
            (None, behind) => (format!("{behind} revisions behind"), Tone::Partial),
        };
        let dead_tone = if self.dead > 0 { Tone::Loud } else { Tone::Faint };
        vec![
            Span::from(self.name.as_str()),
            Span::from(self.kind.as_str()),
            Span::from(self.address.as_str()),
            Span::from(format!("{} delivered", self.delivered)),
            Span::new(&format!("{} dead", self.dead), dead_tone),
            Span::new(&state, tone),
        ]
    }
}

impl View for TargetsView {
    fn page(&self) -> Page {
        if self.targets.is_empty() {
            return Page::of_line("no notification targets: see serve --notify");
        }
        let mut page = Page::default();
        page.table(0, self.targets.iter().map(|target| target.row(self.revision)).collect());
        page
    }
}

/// The answer of `notify dead`.
#[derive(Debug, Serialize)]
pub(crate) struct DeadView {
    /// The oldest first, target by target.
    pub(crate) letters: Vec<LetterView>,
}

/// One dead letter.
#[derive(Debug, Serialize)]
pub(crate) struct LetterView {
    pub(crate) target: String,
    /// The event's id.
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) words: String,
    pub(crate) attempts: u32,
    pub(crate) failed_at: Option<String>,
    pub(crate) error: String,
}

impl DeadView {
    pub(crate) fn of(letters: Vec<v1::DeadLetter>) -> Self {
        let letters = letters.into_iter().map(|letter| LetterView {
            failed_at: moment::exactly(letter.failed_at.as_ref()),
            target: letter.target,
            id: letter.id,
            kind: letter.r#type,
            severity: letter.severity,
            words: letter.words,
            attempts: letter.attempts,
            error: letter.error,
        });
        Self { letters: letters.collect() }
    }
}

impl View for DeadView {
    fn page(&self) -> Page {
        if self.letters.is_empty() {
            return Page::of_line("everything was delivered");
        }
        let mut page = Page::default();
        let rows = self.letters.iter().map(|letter| {
            vec![
                Span::from(letter.id.as_str()),
                Span::from(letter.target.as_str()),
                Span::from(letter.words.as_str()),
                Span::new(&format!("{} attempts: {}", letter.attempts, letter.error), Tone::Loud),
            ]
        });
        page.table(0, rows.collect());
        page
    }
}

/// The answer of `notify retry` and `notify test`.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptsView {
    pub(crate) attempts: Vec<AttemptView>,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptView {
    pub(crate) target: String,
    pub(crate) delivered: bool,
    /// Why not; null when it was.
    pub(crate) error: Option<String>,
}

impl AttemptsView {
    pub(crate) fn of(attempts: Vec<v1::NotificationAttempt>) -> Self {
        let attempts = attempts.into_iter().map(|attempt| AttemptView {
            target: attempt.target,
            delivered: attempt.delivered,
            error: (!attempt.delivered).then_some(attempt.error),
        });
        Self { attempts: attempts.collect() }
    }

    pub(crate) fn all_delivered(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.delivered)
    }
}

impl View for AttemptsView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let rows = self.attempts.iter().map(|attempt| {
            let outcome = match &attempt.error {
                None => Span::from("delivered"),
                Some(error) => Span::new(&format!("not delivered: {error}"), Tone::Loud),
            };
            vec![Span::from(attempt.target.as_str()), outcome]
        });
        page.table(0, rows.collect());
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_takes_nothing_is_loud() {
        let target = v1::NotificationTarget {
            name: "ops".to_owned(),
            kind: "webhook".to_owned(),
            address: "http://hooks:9".to_owned(),
            revision: 5,
            delivered: 2,
            dead: 1,
            dropped: 0,
            trying: None,
        };
        let page = |target| {
            let answer = v1::ListNotificationTargetsResponse { targets: vec![target], revision: 7 };
            TargetsView::of(answer).page().render(false)
        };
        let behind = "ops  webhook  http://hooks:9  2 delivered  1 dead  2 revisions behind\n";
        assert_eq!(page(target.clone()), behind);
        let trying =
            Some(v1::NotificationTrial { id: "e-6-0".to_owned(), attempts: 3, error: "503".to_owned() });
        let failing = page(v1::NotificationTarget { trying, ..target });
        assert!(failing.ends_with("attempt 3 failed: 503\n"), "{failing}");
    }

    #[test]
    fn one_attempt_that_fails_is_a_failure() {
        let attempt = |target: &str, error: &str| v1::NotificationAttempt {
            target: target.to_owned(),
            delivered: error.is_empty(),
            error: error.to_owned(),
        };
        let view = AttemptsView::of(vec![attempt("ops", ""), attempt("chat", "503")]);
        assert!(!view.all_delivered());
        assert_eq!(view.page().render(false), "ops   delivered\nchat  not delivered: 503\n");
        assert!(AttemptsView::of(vec![attempt("ops", "")]).all_delivered());
    }
}
