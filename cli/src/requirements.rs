//! A list of the flags that there must be, as teams keep them: lines, YAML or JSON.
//!
//! Three ways to write it are read, whatever the file is called:
//!
//! * lines `KEY` or `KEY TYPE`;
//! * YAML: lists of `- KEY`, `- KEY: TYPE` or `- key: KEY` with `type: TYPE` below it, and maps of `KEY: TYPE` or of
//!   `KEY:` with `type: TYPE` below it. A line `WORD:` with nothing below it that is a type is a heading. This is no
//!   parser of YAML: what it does not understand it refuses;
//! * JSON: a list of keys, or of objects with `key` and `type`; an object of keys and types; either of them as the only
//!   field of an object.

use mycelia_flags_core::key::{FlagKey, NAME_GRAMMAR};
use mycelia_flags_core::value::FlagType;
use serde_json::{Map, Value as Json};

/// A flag that there must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    pub(crate) flag: FlagKey,
    /// None: any.
    pub(crate) flag_type: Option<FlagType>,
}

/// What a list or an object of JSON calls a flag's key.
const KEY_FIELDS: [&str; 3] = ["key", "flag", "name"];

const TYPES: [FlagType; 5] =
    [FlagType::Boolean, FlagType::String, FlagType::Integer, FlagType::Float, FlagType::Object];

/// Reads a list.
///
/// # Errors
/// In words, with the line or the field that is not understood.
pub(crate) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let requirements = match text.trim_start().chars().next() {
        Some('[' | '{') => of_json(&serde_json::from_str(text).map_err(|error| error.to_string())?)?,
        _ => of_lines(text)?,
    };
    if requirements.is_empty() {
        return Err("it names no flag".to_owned());
    }
    Ok(requirements)
}

fn requirement(key: &str, flag_type: Option<&str>) -> Result<Requirement, String> {
    let flag = FlagKey::parse(key).map_err(|_error| format!("`{key}` is no flag key: {NAME_GRAMMAR}"))?;
    Ok(Requirement { flag, flag_type: flag_type.map(type_of).transpose()? })
}

fn type_of(text: &str) -> Result<FlagType, String> {
    let usual = match text {
        "bool" => "boolean",
        "text" => "string",
        "int" => "integer",
        "double" | "number" => "float",
        "json" | "map" => "object",
        other => other,
    };
    let found = TYPES.into_iter().find(|known| known.to_string() == usual);
    found.ok_or_else(|| format!("`{text}` is no type: boolean, string, integer, float or object"))
}

fn of_json(json: &Json) -> Result<Vec<Requirement>, String> {
    match json {
        Json::Array(items) => items.iter().map(of_item).collect(),
        Json::Object(fields) => match fields.values().next() {
            Some(inner @ (Json::Array(_) | Json::Object(_))) if fields.len() == 1 => match item_type(inner) {
                // {"dreams": {"type": "boolean"}} is a flag and no heading.
                Some(_) => of_fields(fields),
                None => of_json(inner),
            },
            _ => of_fields(fields),
        },
        other => Err(format!("expected a list or an object, not {other}")),
    }
}

fn of_fields(fields: &Map<String, Json>) -> Result<Vec<Requirement>, String> {
    let of_field = |(key, said): (&String, &Json)| match said {
        Json::String(flag_type) => requirement(key, Some(flag_type)),
        Json::Null => requirement(key, None),
        Json::Object(_) => requirement(key, item_type(said)),
        other => Err(format!("{key}: expected a type, not {other}")),
    };
    fields.iter().map(of_field).collect()
}

fn of_item(item: &Json) -> Result<Requirement, String> {
    if let Json::String(key) = item {
        return requirement(key, None);
    }
    let key = KEY_FIELDS.iter().find_map(|name| item.get(name)?.as_str());
    let key = key.ok_or_else(|| format!("expected a flag key or an object with `key`, not {item}"))?;
    requirement(key, item_type(item))
}

fn item_type(item: &Json) -> Option<&str> {
    item.get("type")?.as_str()
}

/// A line without its comment, its dash and its quotation marks.
struct Line<'a> {
    number: usize,
    is_inner: bool,
    name: &'a str,
    /// What stands behind the colon, or behind the first blank.
    value: &'a str,
    has_colon: bool,
}

impl<'a> Line<'a> {
    /// None when there is nothing in it.
    fn of(number: usize, text: &'a str) -> Option<Self> {
        let is_inner = text.starts_with([' ', '\t']);
        let text = text.split('#').next().unwrap_or_default().trim();
        let text = text.strip_prefix('-').map_or(text, str::trim_start);
        let (name, value, has_colon) = match text.split_once(':') {
            Some((name, value)) => (name, value, true),
            None => {
                let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
                (name, value, false)
            }
        };
        let (name, value) = (bare(name), bare(value));
        (!text.is_empty() && !text.starts_with("--")).then_some(Self {
            number,
            is_inner,
            name,
            value,
            has_colon,
        })
    }
}

fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(',').trim_matches(['"', '\''])
}

fn of_lines(text: &str) -> Result<Vec<Requirement>, String> {
    let mut requirements: Vec<Requirement> = Vec::new();
    // A `WORD:` is a flag when a type follows, and else a heading.
    let mut pending: Option<&str> = None;
    let lines = (1..).zip(text.lines()).filter_map(|(number, text)| Line::of(number, text));
    for line in lines {
        let at = |why: String| format!("line {}: {why}", line.number);
        if line.has_colon && line.is_inner && line.name == "type" && !line.value.is_empty() {
            if let Some(key) = pending.take() {
                requirements.push(requirement(key, Some(line.value)).map_err(at)?);
            } else if let Some(last) = requirements.last_mut().filter(|last| last.flag_type.is_none()) {
                last.flag_type = Some(type_of(line.value).map_err(at)?);
            } else {
                return Err(at("a type without a flag".to_owned()));
            }
            continue;
        }
        pending = None;
        if line.has_colon && line.value.is_empty() {
            pending = Some(line.name);
        } else if line.has_colon && KEY_FIELDS.contains(&line.name) {
            requirements.push(requirement(line.value, None).map_err(at)?);
        } else {
            let flag_type = Some(line.value).filter(|value| !value.is_empty());
            requirements.push(requirement(line.name, flag_type).map_err(at)?);
        }
    }
    Ok(requirements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = parse(text).map(|found| {
            let words = |found: &Requirement| match &found.flag_type {
                Some(flag_type) => format!("{} {flag_type}", found.flag),
                None => found.flag.to_string(),
            };
            found.iter().map(words).collect::<Vec<_>>()
        });
        assert_eq!(
            found.as_deref(),
            Ok(expected.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice())
        );
    }

    #[test]
    fn plain_lines_are_read() {
        check("# ours\ndreams\n\nwhispers.max integer # a limit\n", &["dreams", "whispers.max integer"]);
        check("dreams bool\r\nvoice\ttext\r\n", &["dreams boolean", "voice string"]);
    }

    #[test]
    fn yaml_as_teams_write_it_is_read() {
        check("---\nrequired:\n  - dreams\n  - \"voice\": boolean\n", &["dreams", "voice boolean"]);
        check(
            "flags:\n  dreams: boolean\n  whispers.max: int\n",
            &["dreams boolean", "whispers.max integer"],
        );
        check("flags:\n- key: dreams\n  type: boolean\n- key: voice\n", &["dreams boolean", "voice"]);
        check("features:\n  dreams:\n    type: boolean\n", &["dreams boolean"]);
    }

    #[test]
    fn json_is_read() {
        check(r#"["dreams", {"key": "voice", "type": "boolean"}]"#, &["dreams", "voice boolean"]);
        check(r#"{"dreams": "boolean", "voice": null}"#, &["dreams boolean", "voice"]);
        check(r#"{"features": ["dreams"]}"#, &["dreams"]);
        check(r#"{"flags": {"dreams": {"type": "boolean"}}}"#, &["dreams boolean"]);
        check(r#"{"dreams": {"type": "boolean"}}"#, &["dreams boolean"]);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let complaint = parse(text).unwrap_err();
        assert!(complaint.contains(expected), "{complaint}");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        check_refused("", "no flag");
        check_refused("# nothing\n", "no flag");
        check_refused("dreams\n/voice\n", "line 2: `/voice` is no flag key");
        check_refused("dreams colour\n", "line 1: `colour` is no type");
        check_refused("dreams boolean\n  type: boolean\n", "line 2: a type without a flag");
        check_refused("[1]", "expected a flag key");
        check_refused("{\"dreams\": 1, \"voice\": 2}", "dreams: expected a type");
        check_refused("[", "EOF");
    }
}
