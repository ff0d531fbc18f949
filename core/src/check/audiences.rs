//! Changes of who somebody is: segments, lists of keys, and the switch of canary mode.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Draft;
use super::configurations::exact_weight;
use crate::change::{SegmentShare, SetSegment};
use crate::entity::{Entity, EntityId};
use crate::flag::Canary;
use crate::key::{EnvironmentKey, SegmentKey};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, LIST_BYTES_MAX, LIST_EDIT_KEYS_MAX, LIST_KEY_BYTES_MAX, LIST_KEYS_MAX,
    SEGMENTS_MAX, TEXT_BYTES_MAX,
};
use crate::list::ListKey;
use crate::rejection::Reason;
use crate::segment::{Segment, Share};

impl Draft<'_> {
    pub(super) fn set_segment(&mut self, field: &str, set: &SetSegment) {
        let environment = self.environment(&format!("{field}.environment"), &set.environment);
        let key = self.findings.name(&format!("{field}.segment"), &set.segment, SegmentKey::parse);
        self.findings.text(&format!("{field}.description"), &set.description, DESCRIPTION_BYTES_MAX);
        if let Some(condition) = &set.condition {
            self.findings.segment_condition(&format!("{field}.condition"), condition);
        }
        let share =
            set.share.as_ref().map(|share| self.share(&format!("{field}.share"), share, &set.segment));
        let (Some(environment), Some(key)) = (environment, key) else {
            return;
        };
        let is_new = self.work.segment(&environment, &key).is_none();
        if is_new && self.work.segments(&environment).count() >= SEGMENTS_MAX {
            let allowed = format!("at most {SEGMENTS_MAX} segments in an environment");
            self.findings.note(Reason::TooLarge, field, &SEGMENTS_MAX.to_string(), allowed);
        }
        let segment = Segment {
            key: key.clone(),
            description: Box::from(set.description.as_str()),
            condition: set.condition.clone(),
            share,
        };
        self.write(EntityId::Segment(environment, key), Some(Entity::Segment(Arc::new(segment))));
    }

    fn share(&mut self, field: &str, share: &SegmentShare, segment: &str) -> Share {
        self.findings.text(&format!("{field}.salt"), &share.salt, TEXT_BYTES_MAX);
        let mut bound = |name: &str, percent: f64| {
            let weight = exact_weight(percent);
            if weight.is_none() {
                self.findings.percent(&format!("{field}.{name}"), percent);
            }
            weight
        };
        let (from, to) = (bound("from_percent", share.from_percent), bound("to_percent", share.to_percent));
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            let allowed = format!("more than from_percent, which is {}", share.from_percent);
            let field = format!("{field}.to_percent");
            self.findings.note(Reason::OutOfRange, &field, &share.to_percent.to_string(), allowed);
        }
        let salt = if share.salt.is_empty() { segment } else { &share.salt };
        Share { salt: Box::from(salt), from: from.unwrap_or(0), to: to.unwrap_or(0) }
    }

    pub(super) fn delete_segment(&mut self, field: &str, environment: &str, segment: &str) {
        let Some((environment, segment)) = self.segment(field, environment, segment) else {
            return;
        };
        for list in ListKey::of_segment(&segment) {
            for key in self.work.list(&environment, &list).sorted() {
                self.write(EntityId::Listed(environment.clone(), list.clone(), Arc::clone(key)), None);
            }
        }
        self.write(EntityId::Segment(environment, segment), None);
    }

    fn segment(
        &mut self,
        field: &str,
        environment: &str,
        segment: &str,
    ) -> Option<(EnvironmentKey, SegmentKey)> {
        let environment = self.environment(&format!("{field}.environment"), environment);
        let field = format!("{field}.segment");
        let segment = self.findings.name(&field, segment, SegmentKey::parse);
        let (environment, segment) = (environment?, segment?);
        self.has_segment(&field, &environment, &segment).then_some((environment, segment))
    }

    /// Notes a segment that is not there.
    pub(super) fn has_segment(
        &mut self,
        field: &str,
        environment: &EnvironmentKey,
        segment: &SegmentKey,
    ) -> bool {
        let found = self.work.segment(environment, segment).is_some();
        if !found {
            let allowed = format!("the key of a segment of {environment}");
            self.findings.note(Reason::UnknownSegment, field, segment.as_str(), allowed);
        }
        found
    }

    pub(super) fn edit_list(
        &mut self,
        field: &str,
        environment: &str,
        list: &str,
        add: &[String],
        remove: &[String],
    ) {
        let environment = self.environment(&format!("{field}.environment"), environment);
        let list_field = format!("{field}.list");
        let parsed = ListKey::parse(list);
        if parsed.is_none() {
            let allowed = "`canary`, `segment/KEY/included` or `segment/KEY/excluded`";
            self.findings.note(Reason::InvalidName, &list_field, list, allowed);
        }
        let edits = add.len() + remove.len();
        if edits == 0 {
            let allowed = format!("1 to {LIST_EDIT_KEYS_MAX} keys to add or remove");
            self.findings.note(Reason::Required, &format!("{field}.add"), "0", allowed);
        }
        // The list with which they become too many.
        let too_many = if add.len() > LIST_EDIT_KEYS_MAX { "add" } else { "remove" };
        if !self.findings.count(&format!("{field}.{too_many}"), edits, LIST_EDIT_KEYS_MAX) {
            return;
        }
        let added = self.list_keys(&format!("{field}.add"), add);
        let removed = self.list_keys(&format!("{field}.remove"), remove);
        for (index, key) in remove.iter().enumerate().filter(|(_, key)| added.contains(key.as_str())) {
            let allowed = "keys that are not added as well";
            self.findings.note(Reason::Duplicate, &format!("{field}.remove[{index}]"), key, allowed);
        }
        let (Some(environment), Some(list)) = (environment, parsed) else {
            return;
        };
        if let Some(segment) = list.segment()
            && !self.has_segment(&list_field, &environment, segment)
        {
            return;
        }
        let (added, removed) =
            (added.into_iter().map(|key| (key, true)), removed.into_iter().map(|key| (key, false)));
        for (key, on) in added.chain(removed) {
            let id = EntityId::Listed(environment.clone(), list.clone(), key);
            self.write(id, on.then_some(Entity::Listed));
        }
        self.list_fits(&format!("{field}.add"), &environment, &list);
    }

    fn list_keys(&mut self, field: &str, keys: &[String]) -> BTreeSet<Arc<str>> {
        for (index, key) in keys.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.findings.text(&field, key, LIST_KEY_BYTES_MAX);
            if key.is_empty() {
                self.findings.note(Reason::Required, &field, key, "a targeting key");
            }
        }
        keys.iter().map(|key| Arc::from(key.as_str())).collect()
    }

    fn list_fits(&mut self, field: &str, environment: &EnvironmentKey, list: &ListKey) {
        let keys = self.work.list(environment, list).len();
        if keys > LIST_KEYS_MAX {
            let allowed = format!("at most {LIST_KEYS_MAX} keys on a list");
            self.findings.note(Reason::TooLarge, field, &keys.to_string(), allowed);
        }
        let bytes: usize = self.work.lists(environment).map(|(_, keys)| keys.bytes()).sum();
        if bytes > LIST_BYTES_MAX {
            let allowed = format!("at most {LIST_BYTES_MAX} bytes of keys on all lists of an environment");
            self.findings.note(Reason::TooLarge, field, &bytes.to_string(), allowed);
        }
    }

    pub(super) fn switch_canary(&mut self, field: &str, environment: &str, on: bool) {
        let Some(environment) = self.environment(&format!("{field}.environment"), environment) else {
            return;
        };
        let canary = self.work.canary(&environment);
        if canary.on == on {
            return;
        }
        if on && self.work.list(&environment, &ListKey::Canary).is_empty() {
            let warning = format!("the canary allowlist of {environment} is empty: nobody gets anything yet");
            self.findings.warnings.push(warning);
        }
        let canary = Canary { on, switched: Some(self.switched.clone()) };
        self.write(EntityId::Canary(environment), Some(Entity::Canary(canary)));
    }
}
