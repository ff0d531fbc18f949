//! Who asks for evaluations, and what they may know of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mycelia_flags_core::entity::EntityId;
use mycelia_flags_core::flag::FlagConfiguration;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, SegmentKey};
use mycelia_flags_core::snapshot::Snapshot;

use super::touched::Touched;
use crate::state::Store;

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum Callers {
    /// Services, tools and people: every environment, and the flags that a service may see.
    #[default]
    Inside,
    /// Pages in browsers: these environments alone, and of the flags those that are marked for them.
    Browsers(Arc<BTreeSet<EnvironmentKey>>),
}

impl Callers {
    /// Whether they may ask in an environment.
    #[must_use]
    pub fn may_ask_in(&self, environment: &EnvironmentKey) -> bool {
        match self {
            Self::Inside => true,
            Self::Browsers(environments) => environments.contains(environment),
        }
    }

    /// Whether they may know that a flag is there.
    #[must_use]
    pub fn may_know(&self, snapshot: &Snapshot, flag: &FoldedKey) -> bool {
        match self {
            Self::Inside => true,
            Self::Browsers(_) => snapshot.flag(flag).is_some_and(|definition| definition.client_visible),
        }
    }

    /// The environments that they may be told of.
    #[must_use]
    pub fn environments<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s str> {
        let all = snapshot.environments().filter(|environment| self.may_ask_in(environment));
        all.map(EnvironmentKey::as_str).collect()
    }

    /// What may decide otherwise than before, as far as they may hear of it.
    ///
    /// A page hears only of flags that it may ask for. What else was written, be it a flag or a segment, concerns it
    /// when one of these asks for it, and is never named.
    #[must_use]
    pub fn touched(
        &self,
        store: &Store,
        environment: &EnvironmentKey,
        before: &Snapshot,
        now: &Snapshot,
    ) -> Touched {
        if let Self::Inside = self {
            return Touched::between(store, environment, before.revision(), now.revision());
        }
        let known = |flag: &FoldedKey| self.may_know(before, flag) || self.may_know(now, flag);
        let Some(written) = Written::between(store, environment, before, now) else {
            let all = before.flags().chain(now.flags()).map(|(flag, _)| flag.clone());
            return Touched::These(all.filter(known).collect());
        };
        let touched = written.reach(environment, now);
        Touched::These(touched.into_iter().filter(known).collect())
    }
}

/// What was written of an environment.
#[derive(Debug, Default)]
struct Written {
    flags: BTreeSet<FoldedKey>,
    segments: BTreeSet<SegmentKey>,
    canary: bool,
}

impl Written {
    fn between(
        store: &Store,
        environment: &EnvironmentKey,
        before: &Snapshot,
        now: &Snapshot,
    ) -> Option<Self> {
        let records = store.records_after(before.revision())?;
        let mut written = Self::default();
        let records = records.iter().filter(|record| record.revision <= now.revision());
        for write in records.flat_map(|record| record.writes.iter()) {
            match &write.id {
                EntityId::Flag(flag) => drop(written.flags.insert(flag.clone())),
                EntityId::Configuration(of, flag) if of == environment => {
                    written.flags.insert(flag.clone());
                }
                EntityId::Segment(of, segment) if of == environment => {
                    written.segments.insert(segment.clone());
                }
                EntityId::Listed(of, list, _) if of == environment => match list.segment() {
                    Some(segment) => drop(written.segments.insert(segment.clone())),
                    None => written.canary = true,
                },
                EntityId::Canary(of) if of == environment => written.canary = true,
                _ => {}
            }
        }
        Some(written)
    }

    /// The flags that were written, and those that ask for something that was: a segment, the canary, one another.
    fn reach(self, environment: &EnvironmentKey, now: &Snapshot) -> BTreeSet<FoldedKey> {
        let mut reached = self.flags.clone();
        if reached.is_empty() && self.segments.is_empty() && !self.canary {
            return reached;
        }
        let mut asked_by: BTreeMap<FoldedKey, Vec<FoldedKey>> = BTreeMap::new();
        for (flag, definition) in now.flags() {
            let Some(configuration) = now.configuration(environment, flag) else { continue };
            let in_canary = self.canary && definition.canary_variant(&configuration.canary).is_some();
            if in_canary || self.names_segment(configuration) {
                reached.insert(flag.clone());
            }
            for needed in &configuration.prerequisites {
                asked_by.entry(needed.flag.folded()).or_default().push(flag.clone());
            }
        }
        let mut waiting: Vec<FoldedKey> = reached.iter().cloned().collect();
        while let Some(flag) = waiting.pop() {
            for asking in asked_by.remove(&flag).into_iter().flatten() {
                if reached.insert(asking.clone()) {
                    waiting.push(asking);
                }
            }
        }
        reached
    }

    fn names_segment(&self, configuration: &FlagConfiguration) -> bool {
        configuration.segments().any(|segment| self.segments.contains(segment))
    }
}
