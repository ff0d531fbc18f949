//! The changes that give a flag what another product's says.

use super::flag::Decision;
use super::serve::one;
use crate::change::{Change, CreateFlag, Place, UpdateFlag};
use crate::flag::{CanaryPart, FlagConfiguration, FlagDefinition, Serve};
use crate::key::{EnvironmentKey, FoldedKey, VariantName};
use crate::snapshot::Snapshot;
use crate::value::Value;

/// The changes of one flag, and what of the flag that is here is replaced or stays.
pub(super) type Changes = (Vec<Change>, Vec<String>);

/// A flag that is there becomes this one, another one is created.
pub(super) fn of(
    key: &str,
    decision: &Decision<'_>,
    prerequisites: Vec<(String, Vec<String>)>,
    environment: &EnvironmentKey,
    existing: &Snapshot,
) -> Result<Changes, String> {
    let folded = FoldedKey::of(key);
    let place = Place { environment: environment.as_str().to_owned(), flag: key.to_owned() };
    let (mut changes, remarks) = match existing.flag(&folded) {
        None => (vec![create(key, decision)], Vec::new()),
        Some(definition) if definition.archived.is_some() => {
            return Err("a flag of this key is archived here; bring it back, or delete it, first".to_owned());
        }
        Some(definition) if definition.flag_type != decision.flag_type => {
            return Err(format!(
                "a flag of this key is here, of type {}, and this one is of type {}",
                definition.flag_type, decision.flag_type
            ));
        }
        Some(definition) => {
            let configuration = existing.configuration(environment, &folded);
            update(key, decision, definition, configuration.map(|configuration| &**configuration), &place)
        }
    };
    changes.push(Change::SetSalt { place: place.clone(), salt: decision.salt.clone() });
    changes.push(Change::SetRules { place: place.clone(), rules: decision.rules.clone() });
    changes.push(Change::SetOffVariant { place: place.clone(), variant: decision.off_variant.clone() });
    // Whoever cannot be told apart gets the default variant, and only a variant as the default serve says which that is.
    if matches!(decision.default_serve, Serve::Split(_))
        || decision.default_serve != one(&decision.default_variant)
    {
        changes.push(Change::SetDefaultServe { place: place.clone(), serve: one(&decision.default_variant) });
    }
    changes.push(Change::SetDefaultServe { place: place.clone(), serve: decision.default_serve.clone() });
    changes.push(Change::SetPrerequisites { place: place.clone(), prerequisites });
    // A flag that was off there was switched off by somebody, and a rollout must respect it.
    changes.push(if decision.enabled { Change::Enable(place) } else { Change::Disable(place) });
    Ok((changes, remarks))
}

fn create(key: &str, decision: &Decision<'_>) -> Change {
    Change::CreateFlag(CreateFlag {
        flag_type: decision.flag_type,
        variants: decision.variants.clone(),
        default_variant: decision.default_variant.clone(),
        off_variant: decision.off_variant.clone(),
        description: decision.description.clone(),
        owner: decision.owner.clone(),
        tags: decision.tags.clone(),
        lifetime: decision.lifetime,
        client_visible: decision.client_visible.unwrap_or(false),
        ..CreateFlag::boolean(key)
    })
}

fn update(
    key: &str,
    decision: &Decision<'_>,
    definition: &FlagDefinition,
    configuration: Option<&FlagConfiguration>,
    place: &Place,
) -> Changes {
    let mut remarks = Vec::new();
    let said = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut changes = vec![Change::UpdateFlag(UpdateFlag {
        flag: key.to_owned(),
        description: said(&decision.description),
        owner: said(&decision.owner),
        tags: Some(decision.tags.clone()),
        lifetime: Some(decision.lifetime),
        client_visible: decision.client_visible,
        ..UpdateFlag::default()
    })];
    match decision.client_visible {
        Some(true) if !definition.client_visible => {
            remarks.push("browsers may ask for the flag here from now on".to_owned());
        }
        Some(false) if definition.client_visible => {
            remarks.push("browsers may no longer ask for the flag here".to_owned());
        }
        _ => {}
    }
    // What only we have may be served in another environment, so it stays.
    let is_kept = |name: &str| !decision.variants.iter().any(|(known, _)| known == name);
    let kept: Vec<(String, Value)> = definition
        .variants
        .iter()
        .filter(|variant| is_kept(variant.name.as_str()))
        .map(|variant| (variant.name.as_str().to_owned(), variant.value.clone()))
        .collect();
    if !kept.is_empty() {
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        remarks.push(format!("variants that only the flag here has are kept: {}", names.join(", ")));
    }
    let variants: Vec<(String, Value)> = decision.variants.iter().cloned().chain(kept).collect();
    let is_same = |(name, value): &(String, Value)| {
        definition.variant(&VariantName::new(name)).is_some_and(|known| known.value == *value)
    };
    if variants.len() != definition.variants.len() || !variants.iter().all(is_same) {
        changes.push(Change::SetVariants { flag: key.to_owned(), variants });
    }
    let Some(configuration) = configuration else { return (changes, remarks) };
    if configuration.rules != decision.rules && !configuration.rules.is_empty() {
        remarks.push(format!("the rules of the flag here are replaced: {}", configuration.rules.len()));
    }
    if configuration.targeting.is_some() {
        remarks.push("the targeting expression of the flag here is replaced".to_owned());
        changes.push(Change::SetTargeting { place: place.clone(), targeting: String::new() });
    }
    if configuration.canary != CanaryPart::ByType {
        remarks.push("what the canary allowlist gets of the flag here stays".to_owned());
    }
    (changes, remarks)
}
