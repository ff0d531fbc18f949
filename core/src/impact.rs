//! Whom a change concerns: what a sample of subjects gets before it and after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::compiled::{Around, CompiledSet, Now, Slot};
use crate::context::Context;
use crate::entity::{EntityId, Write};
use crate::flag::FlagConfiguration;
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, SegmentKey, VariantName};
use crate::list::ListKey;
use crate::snapshot::Snapshot;

/// A subject that flags were evaluated for.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Who, as far as it is known.
    pub subject: Context,
    /// The service that evaluated; empty when it was none.
    pub service: Box<str>,
}

/// What a change means for one flag in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagImpact {
    /// The flag.
    pub flag: FlagKey,
    /// How many subjects were looked at: those whose service may evaluate the flag, before or after.
    pub seen: usize,
    /// How many of them get something else.
    pub changed: usize,
    /// From which variant to which; none where there is no flag to evaluate.
    pub moves: BTreeMap<(Option<VariantName>, Option<VariantName>), usize>,
    /// How many of those who get something else were seen by each service.
    pub services: BTreeMap<Box<str>, usize>,
    /// The flags that have this one as a prerequisite and change for somebody as well.
    pub dependents: Vec<FlagKey>,
}

/// The flags of an environment whose answers the writes can change.
#[must_use]
pub fn affected(
    before: &Snapshot,
    after: &Snapshot,
    writes: &[Write],
    environment: &EnvironmentKey,
) -> BTreeSet<FoldedKey> {
    let mut affected = BTreeSet::new();
    let mut segments: BTreeSet<&SegmentKey> = BTreeSet::new();
    let mut canary = false;
    for write in writes.iter().filter(|write| write.id.environment().is_none_or(|of| of == environment)) {
        match &write.id {
            EntityId::Flag(flag) | EntityId::Configuration(_, flag) => drop(affected.insert(flag.clone())),
            EntityId::Segment(_, segment) => drop(segments.insert(segment)),
            EntityId::Canary(_) | EntityId::Listed(_, ListKey::Canary, _) => canary = true,
            EntityId::Listed(_, list, _) => segments.extend(list.segment()),
            EntityId::Feature(_)
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
    let snapshots = [before, after];
    for snapshot in snapshots {
        for (flag, configuration) in snapshot.configurations(environment) {
            let named = configuration.segments().any(|segment| segments.contains(segment));
            if named || (canary && takes_part(snapshot, flag, configuration)) {
                affected.insert(flag.clone());
            }
        }
    }
    // A flag that has one of these as a prerequisite may answer differently too, and so on.
    loop {
        let known = affected.len();
        for snapshot in snapshots {
            for (flag, configuration) in snapshot.configurations(environment) {
                if configuration.prerequisites.iter().any(|needed| affected.contains(&needed.flag.folded())) {
                    affected.insert(flag.clone());
                }
            }
        }
        if affected.len() == known {
            return affected;
        }
    }
}

fn takes_part(snapshot: &Snapshot, flag: &FoldedKey, configuration: &FlagConfiguration) -> bool {
    snapshot.flag(flag).is_some_and(|definition| definition.canary_variant(&configuration.canary).is_some())
}

/// What the subjects get of each flag in `before` and in `after`, where that is not the same. Both sets are compiled for
/// nobody's service.
#[must_use]
pub fn impact(
    before: &CompiledSet,
    after: &CompiledSet,
    flags: &BTreeSet<FoldedKey>,
    seen: &[Seen],
    now: Now,
) -> Vec<FlagImpact> {
    let mut impacts: Vec<FlagImpact> =
        flags.iter().filter_map(|flag| of_flag(before, after, flag, seen, now)).collect();
    let changed: BTreeSet<FoldedKey> =
        impacts.iter().filter(|impact| impact.changed > 0).map(|impact| impact.flag.folded()).collect();
    for impact in &mut impacts {
        let folded = impact.flag.folded();
        let dependents =
            changed.iter().filter_map(|other| slot(after, other).or_else(|| slot(before, other)));
        let needs = |slot: &&Slot| match slot {
            Slot::Flag(flag) => flag.prerequisites().any(|needed| *needed == folded),
            Slot::Broken { .. } => false,
        };
        impact.dependents = dependents.filter(needs).map(|slot| slot.key().clone()).collect();
    }
    impacts
}

fn slot<'s>(set: &'s CompiledSet, flag: &FoldedKey) -> Option<&'s Slot> {
    set.get(flag.as_str()).map(|slot| &**slot)
}

fn of_flag(
    before: &CompiledSet,
    after: &CompiledSet,
    flag: &FoldedKey,
    seen: &[Seen],
    now: Now,
) -> Option<FlagImpact> {
    let key = slot(after, flag).or_else(|| slot(before, flag))?.key().clone();
    let mut impact = FlagImpact {
        flag: key,
        seen: 0,
        changed: 0,
        moves: BTreeMap::new(),
        services: BTreeMap::new(),
        dependents: Vec::new(),
    };
    for seen in seen {
        let (was, is) = (served(before, flag, seen, now), served(after, flag, seen, now));
        if was.is_none() && is.is_none() {
            continue;
        }
        impact.seen += 1;
        if was != is {
            impact.changed += 1;
            *impact.moves.entry((was.cloned(), is.cloned())).or_default() += 1;
            *impact.services.entry(seen.service.clone()).or_default() += 1;
        }
    }
    Some(impact)
}

fn served<'s>(set: &'s CompiledSet, flag: &FoldedKey, seen: &'s Seen, now: Now) -> Option<&'s VariantName> {
    let slot = slot(set, flag).filter(|slot| seen.service.is_empty() || slot.is_visible_to(&seen.service))?;
    match slot {
        Slot::Flag(flag) => {
            let around = Around::new(set, &seen.service, now);
            Some(&flag.evaluate(around, &seen.subject).variant.name)
        }
        Slot::Broken { .. } => None,
    }
}

#[cfg(test)]
mod tests;
