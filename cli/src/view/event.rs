//! What `watch` sees.

use std::collections::{BTreeMap, BTreeSet};

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;
use crate::view::serve::ServeView;
use crate::view::state::State;

/// One line of `watch`.
#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    /// `snapshot` (all flags; the first line, and when the server cannot say what changed) or `delta`.
    pub(crate) event: EventKind,
    pub(crate) environment: String,
    pub(crate) revision: u64,
    /// Null for a snapshot.
    pub(crate) previous_revision: Option<u64>,
    /// When the newest change was committed, by the server's clock; null for a snapshot.
    pub(crate) committed_at: Option<String>,
    /// New or changed flags; for a snapshot, all flags.
    pub(crate) flags: Vec<EffectiveFlagView>,
    /// The keys of the flags that are no longer there.
    pub(crate) removed: Vec<String>,
    /// What changed about whom flags are served to; of a snapshot nothing is said.
    pub(crate) audiences: Vec<AudienceChange>,
    #[serde(skip)]
    committed_briefly: String,
}

/// Whom flags are served to, changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct AudienceChange {
    /// `canary`, `segment KEY` or `list NAME`.
    pub(crate) audience: String,
    /// `on`, `off`, `changed`, `removed`, or how many keys came and went: `+2 -1`.
    pub(crate) change: String,
}

fn audiences(delta: &v1::Delta) -> Vec<AudienceChange> {
    let of = |audience: String, change: &str| AudienceChange { audience, change: change.to_owned() };
    let canary = delta.canary.as_ref();
    let canary = canary.map(|canary| of("canary".to_owned(), if canary.on { "on" } else { "off" }));
    let segments = delta.segments.iter().map(|segment| of(format!("segment {}", segment.key), "changed"));
    let removed = delta.removed_segments.iter().map(|key| of(format!("segment {key}"), "removed"));
    let lists = delta.lists.iter().map(|edit| {
        let change = match (edit.cleared, edit.added.len(), edit.removed.len()) {
            (true, 0, _) => "emptied".to_owned(),
            (_, added, 0) => format!("+{added}"),
            (_, 0, removed) => format!("-{removed}"),
            (_, added, removed) => format!("+{added} -{removed}"),
        };
        AudienceChange { audience: format!("list {}", edit.list), change }
    });
    canary.into_iter().chain(segments).chain(removed).chain(lists).collect()
}

/// Which event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    Snapshot,
    Delta,
}

/// A flag as the environment's subscribers get it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct EffectiveFlagView {
    pub(crate) key: String,
    /// At a glance: `off`, `on`, `25%`, `rules+50%`, `variant x`.
    pub(crate) state: String,
    pub(crate) enabled: bool,
    pub(crate) default_serve: Option<ServeView>,
    /// How many.
    pub(crate) rules: usize,
    #[serde(skip)]
    glance: State,
    #[serde(skip)]
    is_news: bool,
}

impl EffectiveFlagView {
    fn of(flag: &v1::EffectiveFlag, is_news: bool) -> Self {
        let glance = State::of_effective(flag);
        Self {
            key: flag.key.clone(),
            state: glance.text.clone(),
            enabled: flag.enabled,
            default_serve: ServeView::of(flag.default_serve.as_ref()),
            rules: flag.rules.len(),
            glance,
            is_news,
        }
    }
}

impl EventView {
    /// Of a snapshot; `before` are the flags that were known, by key, if any state was.
    pub(crate) fn of_snapshot(
        environment: &str,
        snapshot: &v1::Snapshot,
        before: Option<&BTreeMap<String, v1::EffectiveFlag>>,
    ) -> Self {
        let is_news =
            |flag: &v1::EffectiveFlag| before.is_some_and(|before| before.get(&flag.key) != Some(flag));
        let kept: BTreeSet<&str> = snapshot.flags.iter().map(|flag| flag.key.as_str()).collect();
        let known = before.into_iter().flat_map(BTreeMap::keys);
        Self {
            event: EventKind::Snapshot,
            environment: environment.to_owned(),
            revision: snapshot.revision,
            previous_revision: None,
            committed_at: None,
            flags: snapshot.flags.iter().map(|flag| EffectiveFlagView::of(flag, is_news(flag))).collect(),
            removed: known.filter(|key| !kept.contains(key.as_str())).cloned().collect(),
            audiences: Vec::new(),
            committed_briefly: String::new(),
        }
    }

    /// Of a delta.
    pub(crate) fn of_delta(environment: &str, delta: &v1::Delta) -> Self {
        Self {
            event: EventKind::Delta,
            environment: environment.to_owned(),
            revision: delta.revision,
            previous_revision: Some(delta.previous_revision),
            committed_at: moment::exactly(delta.committed_at.as_ref()),
            flags: delta.flags.iter().map(|flag| EffectiveFlagView::of(flag, true)).collect(),
            removed: delta.removed.clone(),
            audiences: audiences(delta),
            committed_briefly: moment::briefly(delta.committed_at.as_ref()),
        }
    }
}

impl View for EventView {
    /// What changed. People look up the whole state with `list`; of a snapshot they see what is new to them.
    fn page(&self) -> Page {
        let mut page = Page::default();
        let faint = |text: String| Span::new(&text, Tone::Faint);
        let when = match self.event {
            EventKind::Snapshot => {
                let count = self.flags.len();
                page.line([faint(format!(
                    "{} at revision {}, flags: {count}",
                    self.environment, self.revision
                ))]);
                format!("meanwhile  {}  ", self.environment)
            }
            EventKind::Delta => {
                format!("{}  revision {}  {}  ", self.committed_briefly, self.revision, self.environment)
            }
        };
        for flag in self.flags.iter().filter(|flag| flag.is_news) {
            page.line([faint(when.clone()), Span::from(format!("{}  ", flag.key)), flag.glance.span()]);
        }
        for key in &self.removed {
            page.line([
                faint(when.clone()),
                Span::from(format!("{key}  ")),
                Span::new("removed", Tone::Partial),
            ]);
        }
        for AudienceChange { audience, change } in &self.audiences {
            page.line([faint(when.clone()), Span::from(format!("{audience}  {change}"))]);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(key: &str, enabled: bool) -> v1::EffectiveFlag {
        v1::EffectiveFlag { key: key.to_owned(), enabled, ..v1::EffectiveFlag::default() }
    }

    #[test]
    fn a_delta_is_one_line_for_each_flag() {
        let delta = v1::Delta {
            revision: 8,
            previous_revision: 7,
            flags: vec![flag("a", false)],
            removed: vec!["b".to_owned()],
            committed_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..v1::Delta::default()
        };
        assert_eq!(
            EventView::of_delta("staging", &delta).page().render(false),
            "1970-01-01T00:00:00.000Z  revision 8  staging  a  off\n\
             1970-01-01T00:00:00.000Z  revision 8  staging  b  removed\n"
        );
    }

    #[test]
    fn a_change_of_whom_it_is_about_is_told_in_a_few_words() {
        let edit = |list: &str, added: &[&str], removed: &[&str]| v1::ListEdit {
            list: list.to_owned(),
            cleared: false,
            added: added.iter().map(ToString::to_string).collect(),
            removed: removed.iter().map(ToString::to_string).collect(),
        };
        let delta = v1::Delta {
            canary: Some(v1::Canary { on: true, switched: None }),
            removed_segments: vec!["beta".to_owned()],
            lists: vec![
                edit("canary", &["ana", "bo"], &["cy"]),
                edit("segment/staff/included", &["ana"], &[]),
            ],
            ..v1::Delta::default()
        };
        let told: Vec<String> =
            audiences(&delta).into_iter().map(|told| format!("{} {}", told.audience, told.change)).collect();
        assert_eq!(
            told,
            ["canary on", "segment beta removed", "list canary +2 -1", "list segment/staff/included +1"]
        );
    }

    #[test]
    fn of_a_later_snapshot_people_see_what_is_new() {
        let snapshot = v1::Snapshot {
            revision: 9,
            flags: vec![flag("a", false), flag("b", false)],
            ..v1::Snapshot::default()
        };
        let first = EventView::of_snapshot("staging", &snapshot, None);
        assert_eq!(first.page().render(false), "staging at revision 9, flags: 2\n");
        let before = [flag("a", false), flag("b", true), flag("c", true)];
        let before = before.into_iter().map(|flag| (flag.key.clone(), flag)).collect();
        let later = EventView::of_snapshot("staging", &snapshot, Some(&before));
        assert_eq!(
            later.page().render(false),
            "staging at revision 9, flags: 2\nmeanwhile  staging  b  off\nmeanwhile  staging  c  removed\n"
        );
        assert_eq!(later.flags.len(), 2);
    }
}
