//! What a change did.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::convergence::ConvergenceView;
use crate::view::difference::{self, DifferenceView};
use crate::view::document::LineView;
use crate::view::impact::{self, ImpactView};
use crate::view::moment;
use crate::view::plan::RollbackLengthView;
use crate::view::plan::settled::SettledView;

/// What a change is about; in the document it stands under the name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    Flag(String),
    /// Several flags that went back together.
    Flags(Vec<String>),
    /// A rollout plan.
    Plan(String),
    Segment(String),
    Feature(String),
    /// As the wire names it.
    List(String),
    /// The revision that is taken back.
    Undone(u64),
    /// The file that was read.
    Document(String),
    /// The state of canary mode that was asked for.
    Canary(&'static str),
    /// The command.
    Policy(&'static str),
    /// The revision in which it was made.
    Request(u64),
    /// An incident, by the revision that opened it.
    Incident(u64),
    /// Something about promotions, in words.
    Promotion(String),
}

impl Default for Subject {
    fn default() -> Self {
        Self::Flag(String::new())
    }
}

impl Subject {
    /// The subject of a sentence.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Flag(key) => key.clone(),
            Self::Flags(keys) => keys.join(", "),
            Self::Plan(key) => format!("plan {key}"),
            Self::Segment(key) => format!("segment {key}"),
            Self::Feature(key) => format!("feature {key}"),
            Self::Undone(revision) => format!("what revision {revision} wrote"),
            Self::Document(file) => file.clone(),
            Self::List(list) if list == "canary" => "the canary allowlist".to_owned(),
            Self::List(list) => match list.strip_prefix("segment/").and_then(|list| list.rsplit_once('/')) {
                Some((segment, list)) => format!("the {list} list of segment {segment}"),
                None => list.clone(),
            },
            Self::Canary(_) => "canary mode".to_owned(),
            Self::Policy(_) => "the policy".to_owned(),
            Self::Request(request) => format!("request {request}"),
            Self::Incident(id) => format!("incident #{id}"),
            Self::Promotion(words) => words.clone(),
        }
    }
}

/// The answer of every command that changes something.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AppliedView {
    /// The command.
    pub(crate) action: &'static str,
    #[serde(flatten)]
    pub(crate) subject: Subject,
    /// Null when the change concerns all environments.
    pub(crate) environment: Option<String>,
    /// The revision that holds the change; for a dry run, the one that was looked at.
    pub(crate) revision: u64,
    /// False when everything was already as asked.
    pub(crate) changed: bool,
    pub(crate) dry_run: bool,
    /// The request repeated an earlier one.
    pub(crate) replayed: bool,
    /// The entities that were written.
    pub(crate) entities: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) committed_at: Option<String>,
    /// What became of each flag of a document; only of `import`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) report: Vec<LineView>,
    /// With `--dry-run`.
    #[serde(flatten)]
    pub(crate) outlook: Option<OutlookView>,
    /// With `--wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) convergence: Option<ConvergenceView>,
    /// With `--wait`, of what was done to a plan: where it has come to rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settled: Option<SettledView>,
    /// With `--wait`, of a plan's rollback: to the last acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rollback_length: Option<RollbackLengthView>,
    /// With `--request`: nothing has changed yet, and `revision` names the request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) requested: bool,
    #[serde(skip)]
    pub(crate) deed: String,
}

/// What a change would do.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OutlookView {
    /// What would be written, field by field.
    pub(crate) differences: Vec<DifferenceView>,
    /// What it would mean for the recently seen contexts; only the flags that change for somebody.
    pub(crate) impacts: Vec<ImpactView>,
    /// How many recently seen contexts were looked at.
    pub(crate) sampled: u32,
}

impl OutlookView {
    fn of(answer: &v1::ApplyResponse) -> Self {
        Self {
            differences: answer.differences.iter().cloned().map(DifferenceView::of).collect(),
            impacts: answer.impacts.iter().map(ImpactView::of).collect(),
            sampled: answer.sampled,
        }
    }
}

impl AppliedView {
    /// Of an answer; what was asked is filled in by the caller.
    pub(crate) fn of(answer: v1::ApplyResponse, dry_run: bool) -> Self {
        Self {
            revision: answer.revision,
            changed: !answer.writes.is_empty(),
            dry_run,
            replayed: answer.replayed,
            committed_at: moment::exactly(answer.committed_at.as_ref()),
            outlook: dry_run.then(|| OutlookView::of(&answer)),
            entities: answer.writes.into_iter().map(|write| write.entity).collect(),
            warnings: answer.warnings,
            ..Self::default()
        }
    }
}

impl View for AppliedView {
    fn page(&self) -> Page {
        let deed = match &self.environment {
            Some(environment) => format!("{} in {environment}", self.deed),
            None => self.deed.clone(),
        };
        if self.requested && self.changed && !self.dry_run {
            let mut page = Page::of_line(format!("request {} waits for approval: {deed}", self.revision));
            let hint = format!("somebody else says `mycelia-flags request approve {}`", self.revision);
            page.line([Span::new(&hint, Tone::Faint)]);
            return page;
        }
        let text = match (self.changed, self.dry_run) {
            (false, _) => {
                let place = self.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
                format!(
                    "unchanged: {} is already as asked{place}, still at revision {}",
                    self.subject.words(),
                    self.revision
                )
            }
            (true, true) => {
                format!("would have {deed} (dry run at revision {}, nothing changed)", self.revision)
            }
            (true, false) => format!("{deed} at revision {}", self.revision),
        };
        let replayed = if self.replayed { " (replayed: an earlier request had done this)" } else { "" };
        let mut page = Page::default();
        LineView::describe(&self.report, &mut page);
        page.line([Span::from(text), Span::new(replayed, Tone::Faint)]);
        if let Some(outlook) = self.outlook.as_ref().filter(|_| self.changed) {
            difference::describe(&outlook.differences, &mut page);
            impact::describe(&outlook.impacts, outlook.sampled, &mut page);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::impact::tests::impact;

    #[track_caller]
    fn check(writes: usize, dry_run: bool, replayed: bool, environment: Option<&str>, expected: &str) {
        let answer = v1::ApplyResponse {
            revision: 7,
            writes: vec![v1::Write::default(); writes],
            replayed,
            ..v1::ApplyResponse::default()
        };
        let mut view = AppliedView::of(answer, dry_run);
        view.subject = Subject::Flag("dreams".to_owned());
        view.deed = "enabled dreams".to_owned();
        view.environment = environment.map(str::to_owned);
        assert_eq!(view.page().render(false), format!("{expected}\n"));
    }

    #[test]
    fn the_environment_that_changed_is_named() {
        check(1, false, false, Some("production"), "enabled dreams in production at revision 7");
        check(1, false, false, None, "enabled dreams at revision 7");
        check(
            1,
            true,
            false,
            Some("staging"),
            "would have enabled dreams in staging (dry run at revision 7, nothing changed)\n\
             no context was seen lately: whom it concerns is not known",
        );
        check(
            1,
            false,
            true,
            Some("staging"),
            "enabled dreams in staging at revision 7 (replayed: an earlier request had done this)",
        );
        check(
            0,
            false,
            false,
            Some("production"),
            "unchanged: dreams is already as asked in production, still at revision 7",
        );
    }

    #[test]
    fn a_dry_run_shows_what_would_be_different_and_for_whom() {
        let difference = v1::FieldChange {
            entity: "configuration/production/dreams".to_owned(),
            field: "enabled".to_owned(),
            before: Some("no".to_owned()),
            after: Some("yes".to_owned()),
        };
        let answer = v1::ApplyResponse {
            revision: 7,
            writes: vec![v1::Write::default()],
            differences: vec![difference],
            impacts: vec![impact(&[("off", "on", 212)])],
            sampled: 1_843,
            ..v1::ApplyResponse::default()
        };
        let view = |dry_run| {
            let mut view = AppliedView::of(answer.clone(), dry_run);
            view.deed = "enabled dreams".to_owned();
            view
        };
        assert_eq!(
            view(true).page().render(false),
            "would have enabled dreams (dry run at revision 7, nothing changed)\n\
             configuration/production/dreams\n\
             \x20 - enabled: no\n\
             \x20 + enabled: yes\n\
             of 1,843 recently seen contexts: 212 turn on, 0 turn off (ui 120, runner 92); \
             also changes: whispers.max\n"
        );
        let document = serde_json::to_value(view(true)).unwrap();
        assert_eq!(document["differences"][0]["to"], "yes");
        assert_eq!(document["impacts"][0]["moves"][0]["contexts"], 212);
        assert_eq!(document["sampled"], 1_843);
        assert!(serde_json::to_value(view(false)).unwrap().get("sampled").is_none());
    }

    #[test]
    fn what_a_change_is_about_stands_under_its_name() {
        let check = |subject: Subject, name: &str, value: &str, words: &str| {
            assert_eq!(subject.words(), words);
            let view = AppliedView { subject, ..AppliedView::default() };
            assert_eq!(serde_json::to_value(&view).unwrap()[name], value);
        };
        check(Subject::Flag("dreams".to_owned()), "flag", "dreams", "dreams");
        check(Subject::Segment("A".to_owned()), "segment", "A", "segment A");
        check(Subject::Feature("voice".to_owned()), "feature", "voice", "feature voice");
        check(Subject::Plan("whispers".to_owned()), "plan", "whispers", "plan whispers");
        check(Subject::Canary("on"), "canary", "on", "canary mode");
        check(Subject::List("canary".to_owned()), "list", "canary", "the canary allowlist");
        let list = "segment/A/excluded";
        check(Subject::List(list.to_owned()), "list", list, "the excluded list of segment A");
    }
}
