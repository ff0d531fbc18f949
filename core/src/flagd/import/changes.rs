//! The changes that give a flag what its JSON says.

use super::read::Flag;
use crate::change::{Change, CreateFlag, Place, UpdateFlag};
use crate::flag::{FlagConfiguration, FlagDefinition, Serve};
use crate::key::{EnvironmentKey, FoldedKey, VariantName};
use crate::snapshot::Snapshot;
use crate::value::Value;

/// The changes of one flag, and what is not as it was.
pub(super) type Changes = (Vec<Change>, Vec<String>);

/// A flag that is there becomes this one, another one is created.
pub(super) fn of(flag: &Flag, environment: &str, existing: &Snapshot) -> Result<Changes, String> {
    let folded = FoldedKey::of(&flag.key);
    let place = Place { environment: environment.to_owned(), flag: flag.key.clone() };
    let Some(definition) = existing.flag(&folded) else {
        return Ok((create(flag, place), Vec::new()));
    };
    if definition.archived.is_some() {
        return Err("a flag of this key is archived; bring it back first".to_owned());
    }
    if definition.flag_type != flag.flag_type {
        return Err(format!(
            "a flag of this key is there, of type {}, and this one is of type {}",
            definition.flag_type, flag.flag_type
        ));
    }
    let environment = EnvironmentKey::new(environment);
    let Some(configuration) = existing.configuration(&environment, &folded) else {
        return Err(format!("there is no environment {environment}"));
    };
    Ok(update(flag, place, definition, configuration))
}

fn create(flag: &Flag, place: Place) -> Vec<Change> {
    let created = CreateFlag {
        flag_type: flag.flag_type,
        variants: flag.variants.clone(),
        default_variant: flag.default_variant.clone(),
        off_variant: flag.off_variant.clone(),
        description: flag.description.clone().unwrap_or_default(),
        owner: flag.owner.clone().unwrap_or_default(),
        tags: flag.tags.clone().unwrap_or_default(),
        client_visible: flag.client_visible.unwrap_or(false),
        ..CreateFlag::boolean(&flag.key)
    };
    let mut changes = vec![Change::CreateFlag(created)];
    if !flag.targeting.is_empty() {
        changes.push(Change::SetTargeting { place: place.clone(), targeting: flag.targeting.clone() });
    }
    // A flag that was disabled there was disabled by somebody, and a rollout must respect it.
    changes.push(if flag.enabled { Change::Enable(place) } else { Change::Disable(place) });
    changes
}

fn update(
    flag: &Flag,
    place: Place,
    definition: &FlagDefinition,
    configuration: &FlagConfiguration,
) -> Changes {
    let mut changes = Vec::new();
    let mut remarks = Vec::new();
    let described = UpdateFlag {
        flag: flag.key.clone(),
        description: flag.description.clone(),
        owner: flag.owner.clone(),
        tags: flag.tags.clone(),
        client_visible: flag.client_visible,
        ..UpdateFlag::default()
    };
    if described != (UpdateFlag { flag: flag.key.clone(), ..UpdateFlag::default() }) {
        changes.push(Change::UpdateFlag(described));
    }
    // What only we have may be served in another environment, so it stays.
    let kept = definition.variants.iter();
    let kept = kept.map(|variant| (variant.name.as_str().to_owned(), variant.value.clone()));
    let kept: Vec<(String, Value)> =
        kept.filter(|(name, _)| !flag.variants.iter().any(|(known, _)| known == name)).collect();
    if !kept.is_empty() {
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        remarks.push(format!("variants that only the flag here has are kept: {}", names.join(", ")));
    }
    let variants: Vec<(String, Value)> = flag.variants.iter().cloned().chain(kept).collect();
    let is_same = |(name, value): &(String, Value)| {
        definition.variant(&VariantName::new(name)).is_some_and(|known| known.value == *value)
    };
    if variants.len() != definition.variants.len() || !variants.iter().all(is_same) {
        changes.push(Change::SetVariants { flag: flag.key.clone(), variants });
    }
    if !configuration.rules.is_empty() {
        remarks.push(format!("the rules of the flag here are replaced: {}", configuration.rules.len()));
        changes.push(Change::SetRules { place: place.clone(), rules: Vec::new() });
    }
    if !configuration.prerequisites.is_empty() {
        remarks.push("the prerequisites of the flag here stay, and come before its targeting".to_owned());
    }
    changes.push(Change::SetTargeting { place: place.clone(), targeting: flag.targeting.clone() });
    let serve = Serve::Variant(VariantName::new(&flag.default_variant));
    changes.push(Change::SetDefaultServe { place: place.clone(), serve });
    if flag.enabled {
        changes.push(Change::Enable(place));
    } else {
        changes.push(Change::SetOffVariant { place: place.clone(), variant: flag.off_variant.clone() });
        changes.push(Change::Disable(place));
    }
    (changes, remarks)
}
