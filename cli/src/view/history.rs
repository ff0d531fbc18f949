//! The history: what was changed, by whom, when and why.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::write::Value as Written;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::submission::environment_of;
use crate::terminal::View;
use crate::view::canary::CanaryView;
use crate::view::change::ChangeView;
use crate::view::change::words::promotion::BREAK_GLASS;
use crate::view::configuration::ConfigurationView;
use crate::view::definition::DefinitionView;
use crate::view::feature::FeatureView;
use crate::view::moment;
use crate::view::policy::PolicyView;
use crate::view::request::RequestView;
use crate::view::segment::SegmentView;

/// The answer of `history`.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryView {
    /// The newest revision of the store.
    pub(crate) head_revision: u64,
    /// There are older records that match.
    pub(crate) more: bool,
    /// The newest first.
    pub(crate) records: Vec<RecordView>,
}

/// One revision.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView {
    pub(crate) revision: u64,
    pub(crate) committed_at: Option<String>,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) changes: Vec<ChangeView>,
    pub(crate) writes: Vec<WriteView>,
    /// Hexadecimal.
    pub(crate) chain_hash: String,
    pub(crate) idempotency_key: String,
    #[serde(skip)]
    committed_briefly: String,
}

/// What a revision did to one entity.
#[derive(Debug, Serialize)]
pub(crate) struct WriteView {
    /// `flag/KEY`, `configuration/ENVIRONMENT/KEY`, `segment/ENVIRONMENT/KEY`, `canary/ENVIRONMENT`,
    /// `list/ENVIRONMENT/LIST/KEY`, `feature/KEY`, `environment/KEY`, `policy/ENVIRONMENT`, `request/REVISION` or
    /// `settings`.
    pub(crate) entity: String,
    pub(crate) removed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) definition: Option<DefinitionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) configuration: Option<ConfigurationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segment: Option<SegmentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) canary: Option<CanaryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feature: Option<FeatureView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<PolicyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RequestView>,
}

impl RecordView {
    pub(crate) fn of(record: &v1::Record) -> Self {
        let asked = record.change_set.clone().unwrap_or_default();
        let environment = the_only_environment(&record.writes);
        Self {
            revision: record.revision,
            committed_at: moment::exactly(record.committed_at.as_ref()),
            committed_briefly: moment::briefly(record.committed_at.as_ref()),
            actor: asked.actor,
            reason: asked.reason,
            changes: asked.changes.iter().map(|change| ChangeView::of(change, environment)).collect(),
            writes: record.writes.iter().map(WriteView::of).collect(),
            chain_hash: record.chain_hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            idempotency_key: record.idempotency_key.clone(),
        }
    }
}

impl RecordView {
    /// The requests that somebody answered: who asked for what, and who has approved it.
    fn answered(&self) -> impl Iterator<Item = &RequestView> {
        let requests = self.writes.iter().filter_map(|write| write.request.as_ref());
        requests.filter(|request| request.request != self.revision)
    }
}

impl WriteView {
    fn of(write: &v1::Write) -> Self {
        let mut view = Self {
            entity: write.entity.clone(),
            removed: write.value.is_none(),
            definition: None,
            configuration: None,
            segment: None,
            canary: None,
            feature: None,
            policy: None,
            request: None,
        };
        match &write.value {
            Some(Written::Flag(definition)) => view.definition = Some(DefinitionView::of(definition)),
            Some(Written::Configuration(configuration)) => {
                view.configuration = Some(ConfigurationView::of(configuration));
            }
            Some(Written::Segment(segment)) => view.segment = Some(SegmentView::of(segment)),
            Some(Written::Canary(canary)) => view.canary = Some(CanaryView::of(canary)),
            Some(Written::Feature(feature)) => view.feature = Some(FeatureView::of(feature)),
            Some(Written::Policy(policy)) => view.policy = Some(PolicyView::of(policy)),
            Some(Written::Request(request)) => view.request = Some(RequestView::of(request)),
            Some(
                Written::Environment(_)
                | Written::Settings(_)
                | Written::Listed(_)
                | Written::Plan(_)
                | Written::Progress(_)
                | Written::Incident(_)
                | Written::PromotionRules(_)
                | Written::Promotion(_)
                | Written::Drill(_)
                | Written::Guard(_)
                | Written::GuardState(_),
            )
            | None => {}
        }
        view
    }
}

/// A change in words; a glass that was broken stands out.
fn said(words: &str) -> Span {
    Span::new(words, if words.starts_with(BREAK_GLASS) { Tone::Loud } else { Tone::Plain })
}

/// Changes that name no environment meant the one that was written, if it is only one.
fn the_only_environment(writes: &[v1::Write]) -> Option<&str> {
    let mut environments = writes.iter().filter_map(|write| environment_of(&write.entity));
    let first = environments.next()?;
    environments.all(|environment| environment == first).then_some(first)
}

impl View for HistoryView {
    fn page(&self) -> Page {
        if self.records.is_empty() {
            return Page::of_line("no changes");
        }
        let mut rows: Vec<Vec<Span>> = vec![
            ["REVISION", "TIME", "ACTOR", "CHANGE", "REASON"]
                .map(|heading| Span::new(heading, Tone::Faint))
                .into(),
        ];
        for record in &self.records {
            let mut changes = record.changes.iter().map(|change| said(&change.words));
            rows.push(vec![
                Span::from(record.revision.to_string()),
                Span::from(record.committed_briefly.as_str()),
                Span::from(record.actor.as_str()),
                changes.next().unwrap_or_else(|| Span::from("nothing")),
                Span::new(&record.reason, Tone::Faint),
            ]);
            rows.extend(changes.map(|words| vec!["".into(), "".into(), "".into(), words]));
            rows.extend(record.answered().map(|request| {
                vec!["".into(), "".into(), "".into(), Span::new(&request.words(), Tone::Faint)]
            }));
        }
        let mut page = Page::default();
        page.table(0, rows);
        if self.more {
            page.line([Span::new("there are older changes (--limit)", Tone::Faint)]);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_proto::v1::change::Change;

    use super::*;

    #[test]
    fn each_change_of_a_record_has_its_own_line() {
        let enable = |flag: &str| v1::Change {
            change: Some(Change::EnableFlag(v1::EnableFlag {
                environment: String::new(),
                flag: flag.to_owned(),
            })),
        };
        let write = |entity: &str| v1::Write { entity: entity.to_owned(), value: None };
        let record = v1::Record {
            revision: 12,
            committed_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            change_set: Some(v1::ChangeSet {
                changes: vec![enable("a"), enable("b")],
                actor: "ada".to_owned(),
                reason: "launch".to_owned(),
            }),
            writes: vec![write("configuration/staging/a"), write("configuration/staging/b")],
            chain_hash: vec![0xab, 0x01].into(),
            idempotency_key: String::new(),
        };
        let view = HistoryView { head_revision: 12, more: false, records: vec![RecordView::of(&record)] };
        assert_eq!(
            view.page().render(false),
            "REVISION  TIME                      ACTOR  CHANGE               REASON\n\
             12        1970-01-01T00:00:01.000Z  ada    enable a in staging  launch\n\
             \x20                                          enable b in staging\n"
        );
        assert_eq!(view.records[0].chain_hash, "ab01");
        assert!(view.records[0].writes[0].removed);
    }
}
