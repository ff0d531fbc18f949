//! What a subscriber may see.

use std::collections::BTreeMap;

use bytes::Bytes;
use mycelia_flags_core::digest::MemberHash;
use mycelia_flags_core::entity::{EntityId, Write};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, ServiceName};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::update::{Member, View};

use super::encode::Encode;

/// An environment, as one service may see it. Subscribers of one scope share every frame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The environment.
    pub environment: EnvironmentKey,
    /// The service; none sees only flags that are for all services.
    pub service: Option<ServiceName>,
}

/// A flag of an environment, encoded, and who may see it.
#[derive(Debug, Clone)]
struct Projected {
    member: Member<Bytes>,
    services: Vec<ServiceName>,
}

/// Encodes each flag of each environment once, however many scopes look at it, now or later.
#[derive(Debug, Default)]
pub struct Projector {
    known: BTreeMap<FoldedKey, BTreeMap<EnvironmentKey, Option<Projected>>>,
}

impl Projector {
    /// Forgets what a record has changed. Every record goes through here before anybody looks at the snapshot after it.
    pub fn forget(&mut self, writes: &[Write]) {
        for write in writes {
            match &write.id {
                EntityId::Flag(flag) => {
                    self.known.remove(flag);
                }
                EntityId::Configuration(environment, flag) => {
                    if let Some(known) = self.known.get_mut(flag) {
                        known.remove(environment);
                    }
                }
                EntityId::Settings | EntityId::Environment(_) => {}
            }
        }
    }

    /// A flag as a scope sees it; none when there is no such flag, or the scope may not see it.
    pub fn member(
        &mut self,
        snapshot: &Snapshot,
        scope: &Scope,
        flag: &FoldedKey,
        encode: &dyn Encode,
    ) -> Option<Member<Bytes>> {
        let projected = self
            .known
            .entry(flag.clone())
            .or_default()
            .entry(scope.environment.clone())
            .or_insert_with(|| project(snapshot, &scope.environment, flag, encode))
            .as_ref()?;
        let visible = projected.services.is_empty()
            || scope.service.as_ref().is_some_and(|service| projected.services.contains(service));
        visible.then(|| projected.member.clone())
    }

    /// Everything that a scope sees.
    pub fn view(&mut self, snapshot: &Snapshot, scope: &Scope, encode: &dyn Encode) -> View<Bytes> {
        let members = snapshot.flags().filter_map(|(flag, _)| self.member(snapshot, scope, flag, encode));
        View::of(snapshot.revision(), members)
    }
}

fn project(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flag: &FoldedKey,
    encode: &dyn Encode,
) -> Option<Projected> {
    let effective = snapshot.effective(environment, flag)?;
    let services = snapshot.flag(flag)?.services.clone();
    let content = encode.flag(&effective);
    let member = Member { key: flag.clone(), hash: MemberHash::of(&content), content: content.into() };
    Some(Projected { member, services })
}

/// The flags of an environment that a write may have changed for its subscribers.
pub fn touched<'w>(writes: &'w [Write], environment: &EnvironmentKey) -> impl Iterator<Item = &'w FoldedKey> {
    writes.iter().filter_map(move |write| match &write.id {
        EntityId::Flag(flag) => Some(flag),
        EntityId::Configuration(of, flag) => (of == environment).then_some(flag),
        EntityId::Settings | EntityId::Environment(_) => None,
    })
}
