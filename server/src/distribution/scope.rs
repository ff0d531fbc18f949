//! What a subscriber may see.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::digest::MemberHash;
use mycelia_flags_core::entity::{EntityId, Write};
use mycelia_flags_core::flag::EffectiveFlag;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, SegmentKey, ServiceName};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::update::{EntryKey, Member};

use super::encode::Encode;
use super::reach::Looked;

/// An environment, as one service may see it. Subscribers of one scope share every frame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The environment.
    pub environment: EnvironmentKey,
    /// The service; none sees only flags that are for all services.
    pub service: Option<ServiceName>,
}

impl Scope {
    fn sees(&self, services: &[ServiceName]) -> bool {
        services.is_empty() || self.service.as_ref().is_some_and(|service| services.contains(service))
    }
}

/// A flag of an environment, encoded, who may see it, and what it names.
#[derive(Debug, Clone)]
struct Projected {
    member: Member<Bytes>,
    services: Vec<ServiceName>,
    names: Arc<[EntryKey]>,
}

/// Encodes each flag and each segment of each environment once, however many scopes look at it, now or later.
#[derive(Debug, Default)]
pub struct Projector {
    flags: BTreeMap<FoldedKey, BTreeMap<EnvironmentKey, Option<Projected>>>,
    segments: BTreeMap<(EnvironmentKey, SegmentKey), Option<Member<Bytes>>>,
}

impl Projector {
    /// Forgets what a record has changed. Every record goes through here before anybody looks at the snapshot after it.
    pub fn forget(&mut self, writes: &[Write]) {
        for write in writes {
            match &write.id {
                EntityId::Flag(flag) => {
                    self.flags.remove(flag);
                }
                EntityId::Configuration(environment, flag) => {
                    if let Some(known) = self.flags.get_mut(flag) {
                        known.remove(environment);
                    }
                }
                EntityId::Segment(environment, segment) => {
                    self.segments.remove(&(environment.clone(), segment.clone()));
                }
                EntityId::Canary(_)
                | EntityId::Listed(..)
                | EntityId::Feature(_)
                | EntityId::Settings
                | EntityId::Environment(_)
                | EntityId::Plan(_)
                | EntityId::Progress(_)
                | EntityId::Policy(_)
                | EntityId::ChangeRequest(_)
                | EntityId::Incident(_)
                | EntityId::PromotionRules(_)
                | EntityId::Promotion(..)
                | EntityId::Drill(..)
                | EntityId::Guard(_)
                | EntityId::GuardState(_) => {}
            }
        }
    }

    /// A flag as it matters to what a scope needs; none when there is no such flag.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        scope: &Scope,
        flag: &FoldedKey,
        encode: &dyn Encode,
    ) -> Option<Looked> {
        let projected = self.flag(snapshot, &scope.environment, flag, encode)?;
        Some(Looked { visible: scope.sees(&projected.services), names: Arc::clone(&projected.names) })
    }

    /// An entry of an environment; none when there is no such entry.
    pub fn member(
        &mut self,
        snapshot: &Snapshot,
        environment: &EnvironmentKey,
        entry: &EntryKey,
        encode: &dyn Encode,
    ) -> Option<Member<Bytes>> {
        match entry {
            EntryKey::Flag(flag) => {
                self.flag(snapshot, environment, flag, encode).map(|projected| projected.member.clone())
            }
            EntryKey::Segment(segment) => {
                let known = self.segments.entry((environment.clone(), segment.clone()));
                let project = || {
                    let content = encode.segment(snapshot.segment(environment, segment)?);
                    Some(member(entry, content))
                };
                known.or_insert_with(project).clone()
            }
            EntryKey::Canary => Some(member(entry, encode.canary(snapshot.canary(environment).on))),
        }
    }

    fn flag(
        &mut self,
        snapshot: &Snapshot,
        environment: &EnvironmentKey,
        flag: &FoldedKey,
        encode: &dyn Encode,
    ) -> Option<&Projected> {
        let known = self.flags.entry(flag.clone()).or_default().entry(environment.clone());
        known.or_insert_with(|| project(snapshot, environment, flag, encode)).as_ref()
    }
}

fn project(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flag: &FoldedKey,
    encode: &dyn Encode,
) -> Option<Projected> {
    let effective = snapshot.effective(environment, flag)?;
    let member = member(&EntryKey::Flag(flag.clone()), encode.flag(&effective));
    Some(Projected { member, names: names(&effective), services: effective.services })
}

fn member(key: &EntryKey, content: Bytes) -> Member<Bytes> {
    Member { key: key.clone(), hash: MemberHash::of(&content), content: Arc::new(content) }
}

/// What a flag names, each once.
fn names(flag: &EffectiveFlag) -> Arc<[EntryKey]> {
    let prerequisites = flag.prerequisites.iter().map(|needed| EntryKey::Flag(needed.flag.folded()));
    let segments = flag.rules.iter().flat_map(|rule| rule.condition.segments());
    let mut names: Vec<EntryKey> = prerequisites.chain(segments.cloned().map(EntryKey::Segment)).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}
