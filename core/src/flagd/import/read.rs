//! What a flag's JSON says, or why it cannot be ours.

use std::collections::BTreeMap;

use super::super::CLIENT_VISIBLE;
use super::super::evaluators::substitute;
use super::Around;
use crate::json;
use crate::key::{FlagKey, NAME_GRAMMAR, VariantName};
use crate::limits::{DESCRIPTION_BYTES_MAX, TAGS_MAX, TEXT_BYTES_MAX};
use crate::targeting::CompiledTargeting;
use crate::value::{FlagType, Value};

/// A flag of flagd's, in our words.
pub(super) struct Flag {
    pub(super) key: String,
    pub(super) flag_type: FlagType,
    pub(super) variants: Vec<(String, Value)>,
    pub(super) enabled: bool,
    pub(super) default_variant: String,
    /// The false variant of a boolean flag, else the default one.
    pub(super) off_variant: String,
    /// Empty means none.
    pub(super) targeting: String,
    pub(super) description: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    /// None where the document does not say.
    pub(super) client_visible: Option<bool>,
    /// What is not as it was.
    pub(super) remarks: Vec<String>,
}

type Fields = BTreeMap<Box<str>, Value>;

impl Around<'_> {
    pub(super) fn read(&self, key: &str, flag: &Value) -> Result<Flag, String> {
        let Value::Object(fields) = flag else {
            return Err("expected an object".to_owned());
        };
        FlagKey::parse(key).map_err(|_named_below| format!("the key is no name of ours: {NAME_GRAMMAR}"))?;
        let (flag_type, variants) = variants(fields)?;
        let default_variant = default_variant(fields, &variants)?;
        let enabled = is_enabled(fields)?;
        let is_off = |(_, value): &&(String, Value)| *value == Value::Boolean(false);
        let off_variant = variants.iter().find(is_off).map_or(&default_variant, |(name, _)| name).clone();
        let mut flag = Flag {
            key: key.to_owned(),
            flag_type,
            enabled,
            targeting: self.targeting(fields, &variants)?,
            variants,
            default_variant,
            off_variant,
            description: None,
            owner: None,
            tags: None,
            client_visible: None,
            remarks: Vec::new(),
        };
        if !enabled {
            flag.remarks.push(format!(
                "flagd leaves a disabled flag to the caller's default; here it serves its off variant {}",
                flag.off_variant
            ));
        }
        self.metadata(fields, &mut flag);
        Ok(flag)
    }

    fn targeting(&self, fields: &Fields, variants: &[(String, Value)]) -> Result<String, String> {
        let expression = match fields.get("targeting") {
            None | Some(Value::Null) => return Ok(String::new()),
            Some(Value::Object(expression)) if expression.is_empty() => return Ok(String::new()),
            Some(expression) => expression,
        };
        let whole = substitute(expression, self.evaluators).map_err(|why| format!("targeting: {why}"))?;
        let text = json::print(&whole);
        let compiled = CompiledTargeting::compile(&text, self.generation);
        let compiled = compiled.map_err(|why| format!("targeting: {why}"))?;
        let is_known = |name: &str| variants.iter().any(|(known, _)| known == name);
        match compiled.named_variants().into_iter().find(|name| !is_known(name)) {
            Some(name) => Err(format!("targeting: it names variant {name}, which the flag does not have")),
            None => Ok(text),
        }
    }

    /// What of the set's and the flag's metadata has a place with us.
    fn metadata(&self, fields: &Fields, flag: &mut Flag) {
        let mut metadata = self.metadata.clone();
        match fields.get("metadata") {
            Some(Value::Object(own)) => metadata.extend(own.clone()),
            None | Some(Value::Null) => {}
            Some(_) => flag.remarks.push("metadata is no object and is dropped".to_owned()),
        }
        let mut dropped = Vec::new();
        for (name, value) in metadata {
            match (&*name, value) {
                // The set is the environment.
                ("flagSetId", _) => {}
                ("description", Value::String(text)) if fits(&text, DESCRIPTION_BYTES_MAX) => {
                    flag.description = Some(text.into());
                }
                ("owner", Value::String(text)) if fits(&text, TEXT_BYTES_MAX) => {
                    flag.owner = Some(text.into())
                }
                ("tags", Value::String(text)) if tags(&text).is_some() => flag.tags = tags(&text),
                (CLIENT_VISIBLE, Value::Boolean(visible)) => flag.client_visible = Some(visible),
                _ => dropped.push(name),
            }
        }
        if !dropped.is_empty() {
            flag.remarks.push(format!("metadata that has no place here is dropped: {}", dropped.join(", ")));
        }
    }
}

fn is_enabled(fields: &Fields) -> Result<bool, String> {
    match fields.get("state") {
        Some(Value::String(state)) if **state == *"ENABLED" => Ok(true),
        Some(Value::String(state)) if **state == *"DISABLED" => Ok(false),
        _ => Err("state: expected ENABLED or DISABLED".to_owned()),
    }
}

fn variants(fields: &Fields) -> Result<(FlagType, Vec<(String, Value)>), String> {
    let variants = match fields.get("variants") {
        Some(Value::Object(variants)) if !variants.is_empty() => variants,
        _ => return Err("variants: expected an object with at least one".to_owned()),
    };
    if let Some(name) = variants.keys().find(|name| VariantName::parse(name).is_err()) {
        return Err(format!("variant {name:?} is no name of ours: {NAME_GRAMMAR}"));
    }
    let mut types: Vec<FlagType> = Vec::new();
    for (name, value) in variants {
        let Some(flag_type) = value.flag_type() else {
            return Err(format!("variant {name}: expected text, a number, a boolean or an object"));
        };
        if !types.contains(&flag_type) {
            types.push(flag_type);
        }
    }
    types.sort_unstable();
    let flag_type = match types.as_slice() {
        [flag_type] => *flag_type,
        [FlagType::Integer, FlagType::Float] => FlagType::Float,
        _ => return Err("variants: expected values of one type".to_owned()),
    };
    let value = |value: &Value| match value {
        Value::Integer(number) if flag_type == FlagType::Float => Value::Float(float(*number)),
        other => other.clone(),
    };
    Ok((flag_type, variants.iter().map(|(name, found)| (name.to_string(), value(found))).collect()))
}

#[expect(clippy::cast_precision_loss, reason = "JSON numbers are doubles everywhere else in the field")]
const fn float(number: i64) -> f64 {
    number as f64
}

fn default_variant(fields: &Fields, variants: &[(String, Value)]) -> Result<String, String> {
    match fields.get("defaultVariant") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.is_empty() => {}
        Some(Value::String(name)) if variants.iter().any(|(known, _)| **known == **name) => {
            return Ok(name.to_string());
        }
        Some(_) => return Err("defaultVariant: expected one of the variants".to_owned()),
    }
    Err("the flag leaves its default to the caller, and a flag of ours always serves a variant; name a \
         defaultVariant"
        .to_owned())
}

fn fits(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max
        && !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// Tags between commas.
fn tags(text: &str) -> Option<Vec<String>> {
    let mut tags: Vec<String> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort_unstable();
    tags.dedup();
    (tags.len() <= TAGS_MAX && tags.iter().all(|tag| fits(tag, TEXT_BYTES_MAX))).then_some(tags)
}
