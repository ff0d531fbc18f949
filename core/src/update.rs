//! A subscriber's part of the state, and how it changes.
//!
//! The laws that everything above rests on, held by properties at the end of this file:
//! `apply(diff(a, b), a) = b`, and applying a merge of two updates is applying the one and then the other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;

use crate::digest::{Digest, MemberHash};
use crate::key::{FoldedKey, SegmentKey};
use crate::key_set::KeySet;
use crate::list::ListKey;
use crate::revision::Revision;

/// Names what travels as a whole. Lists of keys travel key by key, beside these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKey {
    /// A flag.
    Flag(FoldedKey),
    /// A segment, without its lists.
    Segment(SegmentKey),
    /// The switch of canary mode.
    Canary,
}

impl fmt::Display for EntryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => fmt::Display::fmt(flag, formatter),
            Self::Segment(segment) => write!(formatter, "segment/{segment}"),
            Self::Canary => formatter.write_str("canary"),
        }
    }
}

/// One entry as it travels: opaque content and the hash of it. What the content is, is up to who encodes it: the hub
/// holds the bytes of a frame, a replica holds a compiled flag beside them.
#[derive(Debug, PartialEq, Eq)]
pub struct Member<C> {
    /// Which entry.
    pub key: EntryKey,
    /// The hash of the bytes in which it travels.
    pub hash: MemberHash,
    /// What it is.
    pub content: Arc<C>,
}

impl<C> Clone for Member<C> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), hash: self.hash, content: Arc::clone(&self.content) }
    }
}

/// A change of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListEdit {
    /// Whether the list is emptied first: it left the scope.
    pub cleared: bool,
    /// Keys that are on the list afterwards (true) or not (false).
    pub keys: BTreeMap<Arc<str>, bool>,
}

/// What a subscriber may see, at a revision of its scope.
#[derive(Debug)]
pub struct View<C> {
    revision: Revision,
    digest: Digest,
    members: OrdMap<EntryKey, Member<C>>,
    /// Only lists that hold a key.
    lists: OrdMap<ListKey, KeySet>,
}

impl<C> Clone for View<C> {
    fn clone(&self) -> Self {
        Self {
            revision: self.revision,
            digest: self.digest,
            members: self.members.clone(),
            lists: self.lists.clone(),
        }
    }
}

impl<C> Default for View<C> {
    fn default() -> Self {
        Self {
            revision: Revision::ZERO,
            digest: Digest::default(),
            members: OrdMap::default(),
            lists: OrdMap::default(),
        }
    }
}

/// A change of a [`View`].
#[derive(Debug)]
pub struct Update<C> {
    /// The revision that the view must be at.
    pub previous: Revision,
    /// The revision that it is at afterwards.
    pub revision: Revision,
    /// New or changed entries; none means that the entry left.
    pub members: BTreeMap<EntryKey, Option<Member<C>>>,
    /// Changed lists.
    pub lists: BTreeMap<ListKey, ListEdit>,
    /// The digest of the view afterwards.
    pub digest: Digest,
}

impl<C> Clone for Update<C> {
    fn clone(&self) -> Self {
        Self {
            previous: self.previous,
            revision: self.revision,
            members: self.members.clone(),
            lists: self.lists.clone(),
            digest: self.digest,
        }
    }
}

/// An update does not fit the view. The view is unchanged; whoever holds it must ask for everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MisfitError {
    /// The update builds on another revision.
    #[error("the update builds on revision {previous}, but revision {held} is held")]
    Gap {
        /// What the update builds on.
        previous: Revision,
        /// What is held.
        held: Revision,
    },
    /// The state afterwards would not be the sender's.
    #[error("the state at revision {revision} would have another digest than the sender's")]
    Diverged {
        /// The revision that the update leads to.
        revision: Revision,
    },
}

impl<C> View<C> {
    /// A whole state, as a snapshot brings it. Checks nothing; compare [`View::digest`] with the sender's.
    #[must_use]
    pub fn of(
        revision: Revision,
        members: impl IntoIterator<Item = Member<C>>,
        lists: impl IntoIterator<Item = (ListKey, KeySet)>,
    ) -> Self {
        let mut view = Self { revision, ..Self::default() };
        for member in members {
            view.put(&member.key.clone(), Some(member));
        }
        for (list, keys) in lists {
            view.digest = keys.iter().fold(view.digest, |digest, key| digest.with(listed(&list, key)));
            if !keys.is_empty() {
                view.lists.insert(list, keys);
            }
        }
        view
    }

    /// The newest revision of the scope.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The digest of all members and of all keys on lists.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// One member.
    #[must_use]
    pub fn member(&self, key: &EntryKey) -> Option<&Member<C>> {
        self.members.get(key)
    }

    /// All members, in the order of their keys.
    pub fn members(&self) -> impl Iterator<Item = &Member<C>> {
        self.members.values()
    }

    /// A list; empty when there is none.
    #[must_use]
    pub fn list(&self, list: &ListKey) -> KeySet {
        self.lists.get(list).cloned().unwrap_or_default()
    }

    /// All lists that hold a key.
    pub fn lists(&self) -> impl Iterator<Item = (&ListKey, &KeySet)> {
        self.lists.iter()
    }

    /// Holds a list as somebody else holds it: the same keys, and the memory of one of the two.
    pub fn share_list(&mut self, list: &ListKey, keys: &KeySet) {
        if let Some(held) = self.lists.get_mut(list) {
            debug_assert_eq!(held.len(), keys.len(), "a list is shared with what it is");
            *held = keys.clone();
        }
    }

    /// Applies an update as a whole, or not at all.
    ///
    /// # Errors
    /// When the update builds on another revision, or the result is not what the sender holds.
    pub fn apply(&mut self, update: &Update<C>) -> Result<(), MisfitError> {
        if update.previous != self.revision {
            return Err(MisfitError::Gap { previous: update.previous, held: self.revision });
        }
        let mut next = self.clone();
        for (key, member) in &update.members {
            next.put(key, member.clone());
        }
        for (list, edit) in &update.lists {
            next.edit(list, edit);
        }
        if next.digest != update.digest {
            return Err(MisfitError::Diverged { revision: update.revision });
        }
        next.revision = update.revision;
        *self = next;
        Ok(())
    }

    /// What turns this view into the other one.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Update<C> {
        let mut members = BTreeMap::new();
        for member in other.members.values() {
            if self.members.get(&member.key).is_none_or(|held| held.hash != member.hash) {
                members.insert(member.key.clone(), Some(member.clone()));
            }
        }
        for key in self.members.keys().filter(|key| !other.members.contains_key(*key)) {
            members.insert(key.clone(), None);
        }
        let mut lists = BTreeMap::new();
        for (list, keys) in &other.lists {
            let held = self.list(list);
            if held != *keys {
                let added = keys.iter().filter(|key| !held.contains(key)).map(|key| (Arc::clone(key), true));
                let removed =
                    held.iter().filter(|key| !keys.contains(key)).map(|key| (Arc::clone(key), false));
                lists.insert(list.clone(), ListEdit { cleared: false, keys: added.chain(removed).collect() });
            }
        }
        for list in self.lists.keys().filter(|list| !other.lists.contains_key(*list)) {
            lists.insert(list.clone(), ListEdit { cleared: true, keys: BTreeMap::new() });
        }
        Update { previous: self.revision, revision: other.revision, members, lists, digest: other.digest }
    }

    /// The update that brings the view to `revision` by replacing the given members and editing the given lists; none
    /// when nothing would change.
    #[must_use]
    pub fn advance(
        &self,
        revision: Revision,
        members: impl IntoIterator<Item = (EntryKey, Option<Member<C>>)>,
        lists: impl IntoIterator<Item = (ListKey, ListEdit)>,
    ) -> Option<Update<C>> {
        let mut digest = self.digest;
        let mut changed = BTreeMap::new();
        for (key, member) in members {
            let held = self.members.get(&key);
            if held.map(|held| held.hash) == member.as_ref().map(|member| member.hash) {
                continue;
            }
            digest = held.map_or(digest, |held| digest.without(held.hash));
            digest = member.as_ref().map_or(digest, |member| digest.with(member.hash));
            changed.insert(key, member);
        }
        let mut edited = BTreeMap::new();
        for (list, mut edit) in lists {
            let held = if edit.cleared { KeySet::default() } else { self.list(&list) };
            edit.keys.retain(|key, on| held.contains(key) != *on);
            let was_held = edit.cleared && self.lists.contains_key(&list);
            if was_held || !edit.keys.is_empty() {
                digest = edited_digest(digest, &list, &self.list(&list), &edit);
                edited.insert(list, edit);
            }
        }
        if changed.is_empty() && edited.is_empty() {
            return None;
        }
        Some(Update { previous: self.revision, revision, members: changed, lists: edited, digest })
    }

    fn put(&mut self, key: &EntryKey, member: Option<Member<C>>) {
        let held = match member {
            Some(member) => {
                self.digest = self.digest.with(member.hash);
                self.members.insert(key.clone(), member)
            }
            None => self.members.remove(key),
        };
        if let Some(held) = held {
            self.digest = self.digest.without(held.hash);
        }
    }

    fn edit(&mut self, list: &ListKey, edit: &ListEdit) {
        let mut keys = self.list(list);
        self.digest = edited_digest(self.digest, list, &keys, edit);
        if edit.cleared {
            keys = KeySet::default();
        }
        for (key, on) in &edit.keys {
            if *on {
                keys.insert(key)
            } else {
                keys.remove(key)
            };
        }
        if keys.is_empty() {
            self.lists.remove(list);
        } else {
            self.lists.insert(list.clone(), keys);
        }
    }
}

/// The digest after a list was edited.
fn edited_digest(mut digest: Digest, list: &ListKey, held: &KeySet, edit: &ListEdit) -> Digest {
    if edit.cleared {
        digest = held.iter().fold(digest, |digest, key| digest.without(listed(list, key)));
    }
    for (key, on) in &edit.keys {
        let was_on = !edit.cleared && held.contains(key);
        digest = match (was_on, *on) {
            (false, true) => digest.with(listed(list, key)),
            (true, false) => digest.without(listed(list, key)),
            _ => digest,
        };
    }
    digest
}

/// A key on a list is a member of its own: the list's name, a zero byte, and the key.
fn listed(list: &ListKey, key: &str) -> MemberHash {
    let list = list.to_string();
    MemberHash::of(&[list.as_bytes(), &[0], key.as_bytes()].concat())
}

impl<C> Update<C> {
    /// One update that does what this one and then `next` do. None when `next` does not follow this one.
    #[must_use]
    pub fn merge(&self, next: &Self) -> Option<Self> {
        if next.previous != self.revision {
            return None;
        }
        let mut members = self.members.clone();
        members.extend(next.members.iter().map(|(key, member)| (key.clone(), member.clone())));
        let mut lists = self.lists.clone();
        for (list, edit) in &next.lists {
            let merged = lists.entry(list.clone()).or_default();
            if edit.cleared {
                *merged = edit.clone();
            } else {
                merged.keys.extend(edit.keys.iter().map(|(key, on)| (Arc::clone(key), *on)));
            }
        }
        Some(Self { previous: self.previous, revision: next.revision, members, lists, digest: next.digest })
    }

    /// How many entries and keys it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len() + self.lists.values().map(|edit| edit.keys.len()).sum::<usize>()
    }

    /// Whether it changes nothing but the revision.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.lists.is_empty()
    }
}

#[cfg(test)]
mod tests;
