//! The state of one scope, and what a record changes in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::entity::{EntityId, Write};
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::update::{EntryKey, ListEdit, Member, Update, View};

use crate::distribution::encode::Encode;
use crate::distribution::reach::Reach;
use crate::distribution::scope::{Projector, Scope};

/// What the subscribers of a scope hold when they have everything.
#[derive(Debug)]
pub(super) struct ScopeState {
    scope: Scope,
    view: View<Bytes>,
    reach: Reach,
}

impl ScopeState {
    pub(super) fn begin(
        scope: Scope,
        snapshot: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> Self {
        let mut state = Self { scope, view: View::default(), reach: Reach::default() };
        let view = state.whole(snapshot, projector, encode);
        state.view = view;
        state
    }

    pub(super) const fn view(&self) -> &View<Bytes> {
        &self.view
    }

    /// How many entries and keys there are.
    pub(super) fn len(&self) -> usize {
        self.view.len() + self.view.lists().map(|(_, keys)| keys.len()).sum::<usize>()
    }

    /// Takes in a record; `after` is the snapshot with the record folded in. None when the scope was not touched.
    pub(super) fn advance(
        &mut self,
        record: &Record,
        after: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> Option<Update<Bytes>> {
        let scope = &self.scope;
        let look = |flag: &FoldedKey| projector.look(after, scope, flag, encode);
        let mut affected = self.reach.take_in(written_flags(&record.writes, scope), look);
        let mut edits: BTreeMap<ListKey, ListEdit> = BTreeMap::new();
        for write in record.writes.iter().filter(|write| write.id.environment() == Some(&scope.environment)) {
            match &write.id {
                EntityId::Segment(_, segment) => drop(affected.insert(EntryKey::Segment(segment.clone()))),
                EntityId::Canary(_) => drop(affected.insert(EntryKey::Canary)),
                EntityId::Listed(_, list, key) if self.holds_list(list) => {
                    let edit = edits.entry(list.clone()).or_default();
                    edit.keys.insert(Arc::clone(key), write.value.is_some());
                }
                _ => {}
            }
        }
        let mut members = Vec::new();
        for entry in affected {
            let member = self.member(&entry, after, projector, encode);
            if let EntryKey::Segment(segment) = &entry {
                let was_held = self.view.member(&entry).is_some();
                for list in ListKey::of_segment(segment) {
                    match (was_held, member.is_some()) {
                        (false, true) => {
                            drop(edits.insert(list.clone(), whole_list(after, &self.scope, &list)))
                        }
                        (true, false) => {
                            edits.insert(list, ListEdit { cleared: true, keys: BTreeMap::new() });
                        }
                        _ => {}
                    }
                }
            }
            members.push((entry, member));
        }
        let update = self.view.advance(record.revision, members, edits)?;
        self.apply(update, after)
    }

    /// Goes over to a snapshot; none when the scope has not changed.
    pub(super) fn jump(
        &mut self,
        snapshot: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> Option<Update<Bytes>> {
        let view = self.whole(snapshot, projector, encode);
        if view.digest() == self.view.digest() {
            return None;
        }
        let update = self.view.diff(&view);
        self.apply(update, snapshot)
    }

    fn apply(&mut self, update: Update<Bytes>, after: &Snapshot) -> Option<Update<Bytes>> {
        if let Err(misfit) = self.view.apply(&update) {
            debug_assert!(false, "an update that was made from the view does not fit it: {misfit}");
            return None;
        }
        // A list is as large as its environment's, whoever follows it: all scopes hold the snapshot's.
        for list in update.lists.keys() {
            self.view.share_list(list, &after.list(&self.scope.environment, list));
        }
        Some(update)
    }

    /// Everything that the scope holds at a snapshot.
    fn whole(&mut self, snapshot: &Snapshot, projector: &mut Projector, encode: &dyn Encode) -> View<Bytes> {
        self.reach = Reach::default();
        let scope = &self.scope;
        let look = |flag: &FoldedKey| projector.look(snapshot, scope, flag, encode);
        let mut entries = self.reach.take_in(snapshot.flags().map(|(flag, _)| flag.clone()), look);
        entries.insert(EntryKey::Canary);
        let members: Vec<Member<Bytes>> =
            entries.iter().filter_map(|entry| self.member(entry, snapshot, projector, encode)).collect();
        let lists = snapshot.lists(&self.scope.environment);
        let lists: Vec<(ListKey, KeySet)> = lists
            .filter(|(list, _)| match list.segment() {
                None => true,
                Some(segment) => entries.contains(&EntryKey::Segment(segment.clone())),
            })
            .map(|(list, keys)| (list.clone(), keys.clone()))
            .collect();
        View::of(snapshot.revision(), members, lists)
    }

    /// An entry as the scope holds it; none when it does not.
    fn member(
        &self,
        entry: &EntryKey,
        snapshot: &Snapshot,
        projector: &mut Projector,
        encode: &dyn Encode,
    ) -> Option<Member<Bytes>> {
        let is_in = match entry {
            EntryKey::Flag(flag) => {
                let looked = projector.look(snapshot, &self.scope, flag, encode);
                looked.is_some_and(|looked| looked.visible || self.reach.needs(entry))
            }
            EntryKey::Segment(_) => self.reach.needs(entry),
            EntryKey::Canary => true,
        };
        is_in.then(|| projector.member(snapshot, &self.scope.environment, entry, encode)).flatten()
    }

    fn holds_list(&self, list: &ListKey) -> bool {
        list.segment().is_none_or(|segment| self.reach.needs(&EntryKey::Segment(segment.clone())))
    }
}

fn whole_list(snapshot: &Snapshot, scope: &Scope, list: &ListKey) -> ListEdit {
    let keys = snapshot.list(&scope.environment, list);
    ListEdit { cleared: false, keys: keys.iter().map(|key| (Arc::clone(key), true)).collect() }
}

/// The flags of an environment that the writes may have changed for its subscribers.
fn written_flags(writes: &[Write], scope: &Scope) -> Vec<FoldedKey> {
    let flag = |write: &Write| match &write.id {
        EntityId::Flag(flag) => Some(flag.clone()),
        EntityId::Configuration(of, flag) => (*of == scope.environment).then(|| flag.clone()),
        _ => None,
    };
    let mut flags: Vec<FoldedKey> = writes.iter().filter_map(flag).collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}
