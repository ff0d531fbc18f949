//! The state in force: what evaluations read, what the replica holds, what goes to disk. Never changed, only replaced.

use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::audiences::CompiledSegment;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::{Around, CompiledSet, Now, Slot};
use mycelia_flags_core::digest::{Digest, MemberHash};
use mycelia_flags_core::key::{FlagKey, FoldedKey, SegmentKey};
use mycelia_flags_core::limits::PREREQUISITE_DEPTH_MAX;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::update::{EntryKey, Member, Update, View};

use crate::clock;

/// Where a state belongs. Revisions are compared within one lineage only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lineage {
    /// The identity of the server's store.
    pub(crate) epoch: Arc<str>,
    /// The environment that is followed: the server's answer, not our question.
    pub(crate) environment: Arc<str>,
}

/// What an entry of the state is.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A flag, ready for evaluation, or one that this version cannot evaluate.
    Flag(Arc<Slot>),
    /// A segment, without its lists.
    Segment(Arc<CompiledSegment>),
    /// A segment that this version cannot read: nobody is in it.
    BrokenSegment {
        /// Its key, as far as it could be read.
        key: SegmentKey,
        /// Why.
        why: Box<str>,
    },
    /// Whether canary mode is on.
    Canary(bool),
}

/// One entry of the state.
#[derive(Debug)]
pub(crate) struct Content {
    /// What it is.
    pub(crate) entry: Entry,
    /// The bytes in which it came; empty unless the state is kept on disk.
    pub(crate) raw: Bytes,
}

impl Content {
    /// The flag, when it is one.
    pub(crate) const fn slot(&self) -> Option<&Arc<Slot>> {
        if let Entry::Flag(slot) = &self.entry { Some(slot) } else { None }
    }

    /// What this version cannot evaluate: its kind, its key, and why not.
    pub(crate) fn broken(&self) -> Option<(&'static str, &str, &str)> {
        match &self.entry {
            Entry::Flag(slot) => match &**slot {
                Slot::Broken { key, why } => Some(("flag", key.as_str(), why)),
                Slot::Flag(_) => None,
            },
            Entry::BrokenSegment { key, why } => Some(("segment", key.as_str(), why)),
            Entry::Segment(_) | Entry::Canary(_) => None,
        }
    }
}

/// All flags of a scope at a revision.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Counts the states of this client. 0 is the one before the first.
    pub(crate) generation: u64,
    /// Where it belongs.
    pub(crate) lineage: Lineage,
    /// How subjects are assigned to buckets.
    pub(crate) bucketing: Generation,
    /// Whose flags these are.
    pub(crate) service: Arc<str>,
    /// The flags as they are compared with the server's.
    pub(crate) view: View<Content>,
    /// The flags as they are evaluated.
    pub(crate) set: CompiledSet,
    /// In which revisions audiences changed last.
    stamps: Stamps,
}

/// In which revisions of the scope audiences changed last.
#[derive(Debug, Clone, Copy, Default)]
struct Stamps {
    canary: u64,
    segments: u64,
}

impl Stamps {
    fn after(self, update: &Update<Content>) -> Self {
        let revision = update.revision.get();
        let members = update.members.keys();
        let canary = members.clone().any(|key| *key == EntryKey::Canary)
            || update.lists.contains_key(&ListKey::Canary);
        let segments = members.clone().any(|key| matches!(key, EntryKey::Segment(_)))
            || update.lists.keys().any(|list| list.segment().is_some());
        Self {
            canary: if canary { revision } else { self.canary },
            segments: if segments { revision } else { self.segments },
        }
    }
}

impl State {
    /// A state of which nothing is known but what it holds.
    pub(crate) fn of(
        lineage: Lineage,
        bucketing: Generation,
        service: Arc<str>,
        view: View<Content>,
    ) -> Self {
        let mut set = CompiledSet::of_service(&service);
        for member in view.members() {
            put(&mut set, &member.key, Some(&member.content));
        }
        for (list, keys) in view.lists() {
            set.audiences_mut().set_list(list, keys.clone());
        }
        let revision = view.revision().get();
        let stamps = Stamps { canary: revision, segments: revision };
        Self { generation: 0, lineage, bucketing, service, view, set, stamps }
    }

    /// The state after an update, which `view` has already gone through.
    pub(crate) fn after(&self, update: &Update<Content>, view: View<Content>) -> Self {
        let mut set = self.set.clone();
        for (key, member) in &update.members {
            put(&mut set, key, member.as_ref().map(|member| &*member.content));
        }
        for list in update.lists.keys() {
            set.audiences_mut().set_list(list, view.list(list));
        }
        Self {
            generation: 0,
            lineage: self.lineage.clone(),
            bucketing: self.bucketing,
            service: Arc::clone(&self.service),
            view,
            set,
            stamps: self.stamps.after(update),
        }
    }

    /// What flags are evaluated in.
    #[inline]
    pub(crate) fn around(&self) -> Around<'_> {
        Around::new(&self.set, &self.service, Now::Read(clock::unix_seconds))
    }

    /// How many flags the service may evaluate.
    pub(crate) fn flags(&self) -> usize {
        self.set.len()
    }

    /// What a flag's answers depend on, in one number; none when there is no such flag for the service.
    pub(crate) fn hash_of(&self, flag: &FoldedKey) -> Option<Digest> {
        self.set.get(flag.as_str())?;
        Some(self.depends_on(flag, Digest::default(), PREREQUISITE_DEPTH_MAX))
    }

    fn depends_on(&self, flag: &FoldedKey, digest: Digest, depth: usize) -> Digest {
        let Some(member) = self.view.member(&EntryKey::Flag(flag.clone())) else {
            return digest;
        };
        let mut digest = digest.with(member.hash);
        let Some(Slot::Flag(compiled)) = member.content.slot().map(|slot| &**slot) else {
            return digest;
        };
        if compiled.takes_part_in_canary() && self.set.audiences().canary().is_some() {
            digest = digest.with(MemberHash::of(&self.stamps.canary.to_be_bytes()));
        }
        if compiled.names_segments() {
            digest = digest.with(MemberHash::of(&self.stamps.segments.to_be_bytes()));
        }
        for needed in compiled.prerequisites() {
            if depth > 0 {
                digest = self.depends_on(needed, digest, depth - 1);
            }
        }
        digest
    }

    /// The newest revision of the scope.
    pub(crate) const fn revision(&self) -> Revision {
        self.view.revision()
    }
}

/// Puts an entry among what is evaluated, or takes it away.
fn put(set: &mut CompiledSet, key: &EntryKey, content: Option<&Content>) {
    match (key, content.map(|content| &content.entry)) {
        (_, Some(Entry::Flag(slot))) => set.insert(Arc::clone(slot)),
        (_, Some(Entry::Segment(segment))) => set.audiences_mut().set_segment(Arc::clone(segment)),
        (_, Some(Entry::Canary(on))) => set.audiences_mut().switch_canary(*on),
        (EntryKey::Flag(flag), _) => set.remove(flag),
        (EntryKey::Segment(segment), _) => set.audiences_mut().remove_segment(segment),
        (EntryKey::Canary, _) => set.audiences_mut().switch_canary(false),
    }
}

/// Which flags may differ between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Whether everything was replaced by a snapshot.
    pub(crate) whole: bool,
    /// The flags, in the order of their folded keys.
    pub(crate) keys: Arc<[FlagKey]>,
}

impl Changed {
    /// What an update changes in the state before it. Whom a segment, a list or the canary is about may matter to any
    /// flag.
    pub(crate) fn of(before: &View<Content>, update: &Update<Content>, after: &State, whole: bool) -> Self {
        let is_flag = |key: &EntryKey| matches!(key, EntryKey::Flag(_));
        if !update.lists.is_empty() || !update.members.keys().all(is_flag) {
            let gone = update.members.iter().filter(|(_, member)| member.is_none());
            let gone = gone.filter_map(|(key, _)| before.member(key)?.content.slot());
            let slots = gone.chain(after.set.slots());
            return Self { whole, keys: slots.map(|slot| slot.key().clone()).collect() };
        }
        let spelled = |(key, member): (&EntryKey, &Option<Member<Content>>)| {
            let slot =
                member.as_ref().or_else(|| before.member(key)).and_then(|member| member.content.slot());
            slot.map_or_else(|| FlagKey::new(&key.to_string()), |slot| slot.key().clone())
        };
        Self { whole, keys: update.members.iter().map(spelled).collect() }
    }
}
