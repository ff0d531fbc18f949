//! What differs between two states, field by field, in words.
//!
//! Who switched a flag last, and when, is no difference: it says how a state came about and not what it does.

mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fields::{configuration_fields, entity_fields, segment_fields};

use crate::entity::{Entity, EntityId, Write};
use crate::key::{EnvironmentKey, FoldedKey};
use crate::key_set::KeySet;
use crate::list::ListKey;
use crate::snapshot::Snapshot;

/// What a field was and is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The entity. Of a list it is the list, as `list/ENVIRONMENT/LIST`.
    pub entity: String,
    /// The field within the entity; empty for the whole of it.
    pub field: String,
    /// As text; none: it was not there.
    pub before: Option<String>,
    /// As text; none: it is not there.
    pub after: Option<String>,
}

/// How many keys of a list are named.
const KEYS_SHOWN: usize = 10;

/// Keys that came to a list, and keys that left it.
type Edit<'w> = (Vec<&'w Arc<str>>, Vec<&'w Arc<str>>);

/// What a field is called, and what stands in it.
type Fields = BTreeMap<String, String>;

/// What writes would change in a snapshot.
#[must_use]
pub fn of_writes(before: &Snapshot, writes: &[Write]) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let mut lists: BTreeMap<(&EnvironmentKey, &ListKey), Edit<'_>> = BTreeMap::new();
    for write in writes {
        if let EntityId::Listed(environment, list, key) = &write.id {
            let (added, removed) = lists.entry((environment, list)).or_default();
            if write.value.is_some() {
                added.push(key)
            } else {
                removed.push(key)
            }
            continue;
        }
        changes.extend(of_entities(&write.id, before.entity(&write.id).as_ref(), write.value.as_ref()));
    }
    changes.extend(
        lists
            .into_iter()
            .map(|((environment, list), (added, removed))| list_change(environment, list, &added, &removed)),
    );
    changes
}

/// What differs between two values of one entity.
#[must_use]
pub fn of_entities(id: &EntityId, before: Option<&Entity>, after: Option<&Entity>) -> Vec<FieldChange> {
    of_fields(&id.to_string(), before.map(entity_fields), after.map(entity_fields))
}

/// What differs between two snapshots.
#[must_use]
pub fn of_snapshots(before: &Snapshot, after: &Snapshot) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for id in entities_that_differ(before, after) {
        changes.extend(of_entities(&id, before.entity(&id).as_ref(), after.entity(&id).as_ref()));
    }
    for environment in environments(before, after) {
        changes.extend(of_lists(&environment, before, &environment, after));
    }
    changes
}

/// What differs of one flag between two environments of a snapshot.
#[must_use]
pub fn of_flag(
    snapshot: &Snapshot,
    flag: &FoldedKey,
    a: &EnvironmentKey,
    b: &EnvironmentKey,
) -> Vec<FieldChange> {
    let fields =
        |environment| snapshot.configuration(environment, flag).map(|found| configuration_fields(found));
    of_fields(&EntityId::Flag(flag.clone()).to_string(), fields(a), fields(b))
}

/// What differs between two environments of a snapshot. The flags are called as entities of all environments.
#[must_use]
pub fn of_environments(snapshot: &Snapshot, a: &EnvironmentKey, b: &EnvironmentKey) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for (flag, _) in snapshot.flags() {
        changes.extend(of_flag(snapshot, flag, a, b));
    }
    let segments: BTreeSet<_> =
        snapshot.segments(a).chain(snapshot.segments(b)).map(|segment| segment.key.clone()).collect();
    for segment in segments {
        let fields = |environment| snapshot.segment(environment, &segment).map(|found| segment_fields(found));
        changes.extend(of_fields(&format!("segment/{segment}"), fields(a), fields(b)));
    }
    let canary = |environment| Some(entity_fields(&Entity::Canary(snapshot.canary(environment))));
    changes.extend(of_fields("canary", canary(a), canary(b)));
    let policy = |environment| {
        let policy = snapshot.policy(environment).cloned();
        policy.map(|policy| entity_fields(&Entity::Policy(policy)))
    };
    changes.extend(of_fields("policy", policy(a), policy(b)));
    changes.extend(of_lists(a, snapshot, b, snapshot));
    changes
}

fn environments(before: &Snapshot, after: &Snapshot) -> BTreeSet<EnvironmentKey> {
    before.environments().chain(after.environments()).cloned().collect()
}

/// Entities whose values are not the same; lists are looked at elsewhere.
fn entities_that_differ(before: &Snapshot, after: &Snapshot) -> BTreeSet<EntityId> {
    let mut ids: BTreeSet<EntityId> = BTreeSet::new();
    let same = |a: Option<&Arc<_>>, b: Option<&Arc<_>>| match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    for (flag, _) in before.flags().chain(after.flags()) {
        if !same(before.flag(flag), after.flag(flag)) {
            ids.insert(EntityId::Flag(flag.clone()));
        }
    }
    for environment in &environments(before, after) {
        ids.insert(EntityId::Environment(environment.clone()));
        ids.insert(EntityId::Canary(environment.clone()));
        let configured = before.configurations(environment).chain(after.configurations(environment));
        for (flag, _) in configured {
            let unchanged =
                match (before.configuration(environment, flag), after.configuration(environment, flag)) {
                    (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                    _ => false,
                };
            if !unchanged {
                ids.insert(EntityId::Configuration(environment.clone(), flag.clone()));
            }
        }
        for segment in before.segments(environment).chain(after.segments(environment)) {
            ids.insert(EntityId::Segment(environment.clone(), segment.key.clone()));
        }
    }
    ids.insert(EntityId::Settings);
    ids.extend(
        before.features().chain(after.features()).map(|feature| EntityId::Feature(feature.key.clone())),
    );
    let policies = before.policies().chain(after.policies());
    ids.extend(policies.map(|(environment, _)| EntityId::Policy(environment.clone())));
    let requests = before.requests().chain(after.requests());
    ids.extend(requests.map(|request| EntityId::ChangeRequest(request.id)));
    ids
}

fn of_fields(entity: &str, before: Option<Fields>, after: Option<Fields>) -> Vec<FieldChange> {
    let whole = |before: Option<String>, after: Option<String>| {
        vec![FieldChange { entity: entity.to_owned(), field: String::new(), before, after }]
    };
    let (before, after) = match (before, after) {
        (None, None) => return Vec::new(),
        (Some(before), None) => return whole(Some(in_one_line(&before)), None),
        (None, Some(after)) => return whole(None, Some(in_one_line(&after))),
        (Some(before), Some(after)) => (before, after),
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let change = |name: &String| FieldChange {
        entity: entity.to_owned(),
        field: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    differ.map(change).collect()
}

fn in_one_line(fields: &Fields) -> String {
    let parts: Vec<String> = fields.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    parts.join("; ")
}

fn of_lists(a: &EnvironmentKey, before: &Snapshot, b: &EnvironmentKey, after: &Snapshot) -> Vec<FieldChange> {
    let lists: BTreeSet<ListKey> =
        before.lists(a).chain(after.lists(b)).map(|(list, _)| list.clone()).collect();
    let mut changes = Vec::new();
    for list in lists {
        let (was, is): (KeySet, KeySet) = (before.list(a, &list), after.list(b, &list));
        if was == is {
            continue;
        }
        let mut added: Vec<&Arc<str>> = is.iter().filter(|key| !was.contains(key)).collect();
        let mut removed: Vec<&Arc<str>> = was.iter().filter(|key| !is.contains(key)).collect();
        added.sort_unstable();
        removed.sort_unstable();
        changes.push(list_change(b, &list, &added, &removed));
    }
    changes
}

fn list_change(
    environment: &EnvironmentKey,
    list: &ListKey,
    added: &[&Arc<str>],
    removed: &[&Arc<str>],
) -> FieldChange {
    FieldChange {
        entity: format!("list/{environment}/{list}"),
        field: String::new(),
        before: (!removed.is_empty()).then(|| keys(removed)),
        after: (!added.is_empty()).then(|| keys(added)),
    }
}

/// `3 keys: a, b, c`, or the first few of them.
fn keys(keys: &[&Arc<str>]) -> String {
    let shown: Vec<&str> = keys.iter().take(KEYS_SHOWN).map(|key| &***key).collect();
    let more = if keys.len() > KEYS_SHOWN { ", …" } else { "" };
    let word = if keys.len() == 1 { "key" } else { "keys" };
    format!("{} {word}: {}{more}", keys.len(), shown.join(", "))
}

/// Only what belongs to these flags: their definitions and configurations.
#[must_use]
pub fn is_of(change: &FieldChange, flags: &BTreeSet<FoldedKey>) -> bool {
    let parts: Vec<&str> = change.entity.split('/').collect();
    match parts[..] {
        ["flag", flag] | ["configuration", _, flag] => flags.contains(flag),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
