//! Changes of what all environments share of a flag.

use mycelia_flags_core::change::{Change, CreateFlag, UpdateFlag};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::value::{FlagType, Value};

use crate::convert::fault::{Faults, Noted, Path, WireError};
use crate::convert::flag::{
    flag_type_from_wire, flag_type_to_wire, lifetime_from_wire, lifetime_to_wire, named_value,
    named_value_to_wire,
};
use crate::convert::time::{timestamp_from_wire, timestamp_to_wire};
use crate::v1;
use crate::v1::change::Change as WireChange;

pub(super) fn create_to_wire(create: &CreateFlag) -> WireChange {
    WireChange::CreateFlag(v1::CreateFlag {
        definition: Some(v1::FlagDefinition {
            key: create.key.clone(),
            r#type: flag_type_to_wire(create.flag_type).into(),
            variants: named_values_to_wire(&create.variants),
            description: create.description.clone(),
            owner: create.owner.clone(),
            tags: create.tags.clone(),
            services: create.services.clone(),
            lifetime: lifetime_to_wire(create.lifetime).into(),
            expected_end: create.expected_end.map(timestamp_to_wire),
            schema: create.schema.clone(),
            archived: None,
            client_visible: create.client_visible,
        }),
        default_variant: create.default_variant.clone(),
        off_variant: create.off_variant.clone(),
    })
}

/// Who archived a flag is not asked but done, and so not read here.
pub(super) fn create(path: &Path<'_>, wire: &v1::CreateFlag, faults: &mut Faults) -> Result<Change, Noted> {
    let path = path.field("definition");
    let Some(definition) = &wire.definition else {
        return Err(faults.missing(&path, "a definition with at least a key"));
    };
    let flag_type = faults.or_note(flag_type_from_wire(path.field("type"), definition.r#type));
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), definition.lifetime));
    let variants = faults.each(&path.field("variants"), &definition.variants, named_value);
    let at = path.field("expected_end");
    let expected_end =
        definition.expected_end.map(|end| faults.or_note(timestamp_from_wire(at, &end))).transpose();
    Ok(Change::CreateFlag(CreateFlag {
        key: definition.key.clone(),
        flag_type: flag_type?.unwrap_or(FlagType::Boolean),
        variants: variants?,
        default_variant: wire.default_variant.clone(),
        off_variant: wire.off_variant.clone(),
        description: definition.description.clone(),
        owner: definition.owner.clone(),
        tags: definition.tags.clone(),
        services: definition.services.clone(),
        lifetime: lifetime?.unwrap_or_default(),
        expected_end: expected_end?,
        schema: definition.schema.clone(),
        client_visible: definition.client_visible,
    }))
}

pub(super) fn delete_to_wire(flag: &str, force: bool) -> WireChange {
    WireChange::DeleteFlag(v1::DeleteFlag { flag: flag.to_owned(), force })
}

pub(super) fn archive_to_wire(flag: &str, force: bool) -> WireChange {
    WireChange::ArchiveFlag(v1::ArchiveFlag { flag: flag.to_owned(), force })
}

pub(super) fn update_to_wire(update: &UpdateFlag) -> WireChange {
    let list = |values: &Option<Vec<String>>| {
        values.as_ref().map(|values| v1::StringList { values: values.clone() })
    };
    WireChange::UpdateFlag(v1::UpdateFlag {
        flag: update.flag.clone(),
        description: update.description.clone(),
        owner: update.owner.clone(),
        tags: list(&update.tags),
        services: list(&update.services),
        lifetime: update.lifetime.map_or(v1::Lifetime::Unspecified, lifetime_to_wire).into(),
        expected_end: update.expected_end.flatten().map(timestamp_to_wire),
        clear_expected_end: update.expected_end == Some(None),
        schema: update.schema.clone(),
        client_visible: update.client_visible,
    })
}

pub(super) fn update(path: &Path<'_>, wire: &v1::UpdateFlag, faults: &mut Faults) -> Result<Change, Noted> {
    let lifetime = faults.or_note(lifetime_from_wire(path.field("lifetime"), wire.lifetime));
    let expected_end = new_end(path, wire, faults);
    Ok(Change::UpdateFlag(UpdateFlag {
        flag: wire.flag.clone(),
        description: wire.description.clone(),
        owner: wire.owner.clone(),
        tags: wire.tags.as_ref().map(|list| list.values.clone()),
        services: wire.services.as_ref().map(|list| list.values.clone()),
        lifetime: lifetime?,
        expected_end: expected_end?,
        schema: wire.schema.clone(),
        client_visible: wire.client_visible,
    }))
}

/// Whoever sets an end and clears it at once means one of the two, and nobody knows which.
fn new_end(
    path: &Path<'_>,
    wire: &v1::UpdateFlag,
    faults: &mut Faults,
) -> Result<Option<Option<Timestamp>>, Noted> {
    match (&wire.expected_end, wire.clear_expected_end) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(None)),
        (Some(end), false) => {
            let end = faults.or_note(timestamp_from_wire(path.field("expected_end"), end))?;
            Ok(Some(Some(end)))
        }
        (Some(_), true) => Err(faults.note(WireError::Contradiction {
            field: path.field("clear_expected_end").to_string(),
            other: "expected_end",
        })),
    }
}

pub(super) fn variants_to_wire(flag: &str, variants: &[(String, Value)]) -> WireChange {
    let variants = named_values_to_wire(variants);
    WireChange::SetVariants(v1::SetVariants { flag: flag.to_owned(), variants })
}

pub(super) fn variants(
    path: &Path<'_>,
    wire: &v1::SetVariants,
    faults: &mut Faults,
) -> Result<Change, Noted> {
    let variants = faults.each(&path.field("variants"), &wire.variants, named_value)?;
    Ok(Change::SetVariants { flag: wire.flag.clone(), variants })
}

fn named_values_to_wire(variants: &[(String, Value)]) -> Vec<v1::Variant> {
    variants.iter().map(|(name, value)| named_value_to_wire(name, value)).collect()
}
