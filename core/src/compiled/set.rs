//! All flags of a scope, and whom their rules are about.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::CompiledFlag;
use crate::audiences::Audiences;
use crate::context::AttributeName;
use crate::key::{FlagKey, FoldedKey};

/// All flags of a scope, ready for evaluation.
///
/// A flag is found by any of its spellings; the one that was given at creation is found first.
#[derive(Debug, Clone, Default)]
pub struct CompiledSet {
    /// A clone shares the keys: an update of a large set copies pointers and no text.
    spelled: HashMap<FlagKey, Arc<Slot>, FixedState>,
    /// Only flags whose folded key is not their spelling.
    folded: HashMap<FoldedKey, FlagKey, FixedState>,
    /// What the service may not evaluate itself: there for the flags that have it as a prerequisite.
    hidden: HashMap<FoldedKey, Arc<Slot>, FixedState>,
    /// Whose flags these are; none when they are everybody's.
    service: Option<Box<str>>,
    audiences: Audiences,
}

/// A place in a [`CompiledSet`].
#[derive(Debug)]
pub enum Slot {
    /// A flag that can be evaluated.
    Flag(CompiledFlag),
    /// A flag that cannot: it answers PARSE_ERROR, and the others are none the worse for it.
    Broken {
        /// The key as it was spelled at creation.
        key: FlagKey,
        /// Why.
        why: Box<str>,
    },
}

impl Slot {
    /// Whether a service may evaluate it.
    #[must_use]
    pub fn is_visible_to(&self, service: &str) -> bool {
        match self {
            Self::Flag(flag) => flag.is_visible_to(service),
            Self::Broken { .. } => true,
        }
    }

    /// The flag, if it can be evaluated.
    #[must_use]
    pub const fn flag(&self) -> Option<&CompiledFlag> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Broken { .. } => None,
        }
    }

    /// The key as it was spelled at creation.
    #[must_use]
    pub const fn key(&self) -> &FlagKey {
        match self {
            Self::Flag(flag) => flag.key(),
            Self::Broken { key, .. } => key,
        }
    }
}

impl CompiledSet {
    /// No flags yet, for a service.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        Self { service: Some(Box::from(service)), ..Self::default() }
    }

    /// Flags that everybody may evaluate.
    #[must_use]
    pub fn of(slots: impl IntoIterator<Item = Arc<Slot>>) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }

    /// Adds a flag, or replaces the one of the same key in any spelling.
    pub fn insert(&mut self, slot: Arc<Slot>) {
        let spelled = slot.key().clone();
        let folded = spelled.folded();
        self.remove(&folded);
        if self.service.as_deref().is_some_and(|service| !slot.is_visible_to(service)) {
            self.hidden.insert(folded, slot);
            return;
        }
        if folded.as_str() != spelled.as_str() {
            self.folded.insert(folded, spelled.clone());
        }
        self.spelled.insert(spelled, slot);
    }

    /// Removes a flag.
    pub fn remove(&mut self, key: &FoldedKey) {
        self.hidden.remove(key);
        match self.folded.remove(key) {
            Some(spelled) => self.spelled.remove(&spelled),
            None => self.spelled.remove(key.as_str()),
        };
    }

    /// Finds a flag by any of its spellings.
    #[must_use]
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Arc<Slot>> {
        match self.spelled.get(key) {
            Some(slot) => Some(slot),
            None => self.get_folded(key),
        }
    }

    #[cold]
    fn get_folded(&self, key: &str) -> Option<&Arc<Slot>> {
        let folded = FoldedKey::of(key);
        match self.folded.get(&folded) {
            Some(spelled) => self.spelled.get(spelled),
            None => self.spelled.get(folded.as_str()),
        }
    }

    /// Finds a flag that another one has as a prerequisite, whether the service may evaluate it or not.
    pub(super) fn prerequisite(&self, key: &FoldedKey) -> Option<&Slot> {
        let spelled = self.folded.get(key).map_or(key.as_str(), FlagKey::as_str);
        self.spelled.get(spelled).or_else(|| self.hidden.get(key)).map(|slot| &**slot)
    }

    /// Whether an answer can depend on a top-level attribute.
    #[must_use]
    pub fn names_attribute(&self, name: &str) -> bool {
        let attribute = AttributeName::new(name);
        let flag = |slot: &Arc<Slot>| match &**slot {
            Slot::Flag(flag) => flag.names_attribute(&attribute, name),
            Slot::Broken { .. } => false,
        };
        self.audiences.names_attribute(&attribute)
            || self.spelled.values().any(flag)
            || self.hidden.values().any(flag)
    }

    /// Whom rules are about.
    #[must_use]
    #[inline]
    pub const fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// The same, to change it.
    pub const fn audiences_mut(&mut self) -> &mut Audiences {
        &mut self.audiences
    }

    /// How many flags can be evaluated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spelled.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spelled.is_empty()
    }

    /// All flags, in the order of their keys.
    #[must_use]
    pub fn slots(&self) -> Vec<&Arc<Slot>> {
        let mut slots: Vec<&Arc<Slot>> = self.spelled.values().collect();
        slots.sort_by_key(|slot| slot.key());
        slots
    }
}
