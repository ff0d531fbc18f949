//! What all environments share of a flag.

use mycelia_flags_proto::v1;
use serde::Serialize;
use serde_json::Value as Json;

use crate::view::moment;
use crate::view::switched::SwitchedView;
use crate::view::value::{self, json_of};

/// A flag's definition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DefinitionView {
    pub(crate) key: String,
    /// `boolean`, `string`, `integer`, `float` or `object`.
    #[serde(rename = "type")]
    pub(crate) flag_type: &'static str,
    pub(crate) variants: Vec<VariantView>,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) tags: Vec<String>,
    /// Empty: every service may see the flag.
    pub(crate) services: Vec<String>,
    /// `temporary` or `permanent`.
    pub(crate) lifetime: &'static str,
    /// When it should be gone; null when nobody said.
    pub(crate) expected_end: Option<String>,
    /// The JSON Schema that the value of every variant satisfies; null when there is none.
    pub(crate) schema: Option<Json>,
    /// Who archived it; null while it is not archived.
    pub(crate) archived: Option<SwitchedView>,
    /// Whether browsers may ask for its values.
    pub(crate) client_visible: bool,
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct VariantView {
    pub(crate) name: String,
    pub(crate) value: Json,
}

impl DefinitionView {
    pub(crate) fn of(definition: &v1::FlagDefinition) -> Self {
        Self {
            key: definition.key.clone(),
            flag_type: type_name(definition.r#type()),
            variants: variants(&definition.variants),
            description: definition.description.clone(),
            owner: definition.owner.clone(),
            tags: definition.tags.clone(),
            services: definition.services.clone(),
            lifetime: match definition.lifetime() {
                v1::Lifetime::Permanent => "permanent",
                v1::Lifetime::Unspecified | v1::Lifetime::Temporary => "temporary",
            },
            expected_end: moment::exactly(definition.expected_end.as_ref()),
            schema: json_of(&definition.schema),
            archived: definition.archived.as_ref().map(SwitchedView::of),
            client_visible: definition.client_visible,
        }
    }
}

/// The wire's type in our word.
pub(crate) const fn type_name(flag_type: v1::FlagType) -> &'static str {
    match flag_type {
        v1::FlagType::Unspecified | v1::FlagType::Boolean => "boolean",
        v1::FlagType::String => "string",
        v1::FlagType::Integer => "integer",
        v1::FlagType::Float => "float",
        v1::FlagType::Object => "object",
    }
}

fn variants(variants: &[v1::Variant]) -> Vec<VariantView> {
    let view = |variant: &v1::Variant| VariantView {
        name: variant.name.clone(),
        value: variant.value.as_ref().map_or(Json::Null, value::to_json),
    };
    variants.iter().map(view).collect()
}
