//! A subscriber's part of the state, and how it changes.
//!
//! The laws that everything above rests on, held by properties at the end of this file:
//! `apply(diff(a, b), a) = b`, and applying a merge of two updates is applying the one and then the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;

use crate::digest::{Digest, MemberHash};
use crate::key::FoldedKey;
use crate::revision::Revision;

/// One flag as it travels: opaque content and the hash of it. What the content is, is up to who encodes it: the hub
/// holds the bytes of a frame, a replica holds a compiled flag beside them.
#[derive(Debug, PartialEq, Eq)]
pub struct Member<C> {
    /// The flag's folded key.
    pub key: FoldedKey,
    /// The hash of the bytes in which it travels.
    pub hash: MemberHash,
    /// The flag.
    pub content: Arc<C>,
}

impl<C> Clone for Member<C> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), hash: self.hash, content: Arc::clone(&self.content) }
    }
}

/// The flags that a subscriber may see, at a revision of its scope.
#[derive(Debug)]
pub struct View<C> {
    revision: Revision,
    digest: Digest,
    members: OrdMap<FoldedKey, Member<C>>,
}

impl<C> Clone for View<C> {
    fn clone(&self) -> Self {
        Self { revision: self.revision, digest: self.digest, members: self.members.clone() }
    }
}

impl<C> Default for View<C> {
    fn default() -> Self {
        Self { revision: Revision::ZERO, digest: Digest::default(), members: OrdMap::default() }
    }
}

/// A change of a [`View`].
#[derive(Debug)]
pub struct Update<C> {
    /// The revision that the view must be at.
    pub previous: Revision,
    /// The revision that it is at afterwards.
    pub revision: Revision,
    /// New or changed flags; none means that the flag left.
    pub members: BTreeMap<FoldedKey, Option<Member<C>>>,
    /// The digest of the view afterwards.
    pub digest: Digest,
}

impl<C> Clone for Update<C> {
    fn clone(&self) -> Self {
        Self {
            previous: self.previous,
            revision: self.revision,
            members: self.members.clone(),
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
    pub fn of(revision: Revision, members: impl IntoIterator<Item = Member<C>>) -> Self {
        let mut view = Self { revision, ..Self::default() };
        for member in members {
            view.put(&member.key.clone(), Some(member));
        }
        view
    }

    /// The newest revision of the scope.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The digest of all members.
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
    pub fn member(&self, key: &FoldedKey) -> Option<&Member<C>> {
        self.members.get(key)
    }

    /// All members, in the order of their keys.
    pub fn members(&self) -> impl Iterator<Item = &Member<C>> {
        self.members.values()
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
        Update { previous: self.revision, revision: other.revision, members, digest: other.digest }
    }

    /// The update that brings the view to `revision` by replacing the given members; none when nothing would change.
    #[must_use]
    pub fn advance(
        &self,
        revision: Revision,
        members: impl IntoIterator<Item = (FoldedKey, Option<Member<C>>)>,
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
        if changed.is_empty() {
            return None;
        }
        Some(Update { previous: self.revision, revision, members: changed, digest })
    }

    fn put(&mut self, key: &FoldedKey, member: Option<Member<C>>) {
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
        Some(Self { previous: self.previous, revision: next.revision, members, digest: next.digest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn member(key: &FoldedKey, content: u8) -> Member<u8> {
        Member { key: key.clone(), hash: MemberHash::of(&[content]), content: Arc::new(content) }
    }

    fn view(revision: u64, contents: &BTreeMap<u8, u8>) -> View<u8> {
        let members =
            contents.iter().map(|(key, content)| member(&FoldedKey::of(&format!("f{key}")), *content));
        View::of(Revision::new(revision), members)
    }

    fn contents(view: &View<u8>) -> Vec<(String, u8)> {
        view.members().map(|member| (member.key.to_string(), *member.content)).collect()
    }

    prop_compose! {
        fn any_view(revision: u64)(contents in btree_map(0_u8..12, 0_u8..4, 0..12)) -> View<u8> {
            view(revision, &contents)
        }
    }

    proptest! {
        #[test]
        fn applying_a_difference_gives_the_other_view(a in any_view(1), b in any_view(2)) {
            let mut applied = a.clone();
            applied.apply(&a.diff(&b)).unwrap();
            prop_assert_eq!(contents(&applied), contents(&b));
            prop_assert_eq!(applied.digest(), b.digest());
            prop_assert_eq!(applied.revision(), b.revision());
        }

        #[test]
        fn merging_is_applying_each(a in any_view(1), b in any_view(2), c in any_view(3)) {
            let merged = a.diff(&b).merge(&b.diff(&c)).unwrap();
            let mut applied = a.clone();
            applied.apply(&merged).unwrap();
            prop_assert_eq!(contents(&applied), contents(&c));
            prop_assert_eq!(applied.digest(), c.digest());
        }

        #[test]
        fn an_update_that_does_not_fit_changes_nothing(a in any_view(1), b in any_view(2), c in any_view(3)) {
            let mut held = a.clone();
            prop_assert!(held.apply(&b.diff(&c)).is_err());
            prop_assert_eq!(contents(&held), contents(&a));
            prop_assert_eq!(held.digest(), a.digest());
        }
    }

    #[test]
    fn a_gap_is_noticed() {
        let a = view(1, &BTreeMap::from([(1, 1)]));
        let b = view(2, &BTreeMap::from([(1, 2)]));
        let mut held = view(0, &BTreeMap::new());
        let refused = held.apply(&a.diff(&b));
        assert_eq!(refused, Err(MisfitError::Gap { previous: Revision::new(1), held: Revision::ZERO }));
        assert!(a.diff(&b).merge(&a.diff(&b)).is_none());
    }

    #[test]
    fn a_divergence_is_noticed() {
        let a = view(1, &BTreeMap::from([(1, 1)]));
        let b = view(2, &BTreeMap::from([(1, 2)]));
        let mut update = a.diff(&b);
        update.digest = Digest::default();
        assert_eq!(a.clone().apply(&update), Err(MisfitError::Diverged { revision: Revision::new(2) }));
    }

    #[test]
    fn a_change_to_the_same_content_is_no_update() {
        let held = view(1, &BTreeMap::from([(1, 1)]));
        let key = FoldedKey::of("f1");
        assert!(held.advance(Revision::new(2), [(key.clone(), Some(member(&key, 1)))]).is_none());
        assert!(held.advance(Revision::new(2), [(FoldedKey::of("f9"), None)]).is_none());
        assert!(held.advance(Revision::new(2), [(key, None)]).is_some());
    }
}
