//! How much a schema is once its references are written out.
//!
//! A few lines of references to references are a number of subschemas with more digits than the lines, and one that
//! refers to itself may never end. Either would hold up every commit of the store.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::state::limits::{SCHEMA_DEPTH_MAX, SCHEMA_PARTS_MAX, SCHEMA_PATTERNS_MAX, SCHEMA_UNEVALUATED_MAX};

/// Why a schema is not judged by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "at {path}: {reference:?} is not fetched; a schema holds everything that it refers to, as in \"#/$defs/name\""
    )]
    Remote { path: String, reference: String },
    #[error(
        "at {path}: {reference:?} is not there; a reference is a path within the schema, as in \"#/$defs/name\""
    )]
    Dangling { path: String, reference: String },
    #[error("at {path}: {reference:?} leads back to itself; a schema says how deep a value may be")]
    Circular { path: String, reference: String },
    #[error("at {path}: {keyword} is not supported; refer to a path within the schema with $ref")]
    Keyword { path: String, keyword: &'static str },
    #[error("it has more than {SCHEMA_PARTS_MAX} parts once its references are written out")]
    Parts,
    #[error("it is more than {SCHEMA_DEPTH_MAX} levels deep once its references are written out")]
    Depth,
    #[error(
        "it has unevaluatedItems and unevaluatedProperties more than {SCHEMA_UNEVALUATED_MAX} times once its references \
         are written out"
    )]
    Unevaluated,
    #[error("it has more than {SCHEMA_PATTERNS_MAX} patterns once its references are written out")]
    Patterns,
}

/// The keywords that give a part of the schema another name than its path, or refer to such a name.
const NAMING: [&str; 4] = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor"];

/// Refuses a schema that cannot be judged by on its own and with a bounded amount of work.
pub(super) fn check(schema: &Value) -> Result<(), Refusal> {
    let mut survey = Survey { root: schema, known: BTreeMap::new() };
    survey.part(schema, "", true)?;
    Ok(())
}

#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    parts: usize,
    levels: usize,
    unevaluated: usize,
    patterns: usize,
}

impl Extent {
    fn join(&mut self, other: Self) -> Result<(), Refusal> {
        self.parts = self.parts.saturating_add(other.parts);
        self.levels = self.levels.max(other.levels);
        self.unevaluated = self.unevaluated.saturating_add(other.unevaluated);
        if self.parts > SCHEMA_PARTS_MAX {
            return Err(Refusal::Parts);
        }
        if self.unevaluated > SCHEMA_UNEVALUATED_MAX {
            return Err(Refusal::Unevaluated);
        }
        self.patterns = self.patterns.saturating_add(other.patterns);
        if self.patterns > SCHEMA_PATTERNS_MAX {
            return Err(Refusal::Patterns);
        }
        Ok(())
    }
}

struct Survey<'s> {
    root: &'s Value,
    /// By path: the extent of what stands there; none while it is being surveyed.
    known: BTreeMap<String, Option<Extent>>,
}

impl<'s> Survey<'s> {
    fn part(&mut self, value: &'s Value, path: &str, is_root: bool) -> Result<Extent, Refusal> {
        // What is plain data, below `const` or `enum`, is surveyed as well: a property may have such a name, and a
        // reference may lead there.
        let mut extent = Extent { parts: 1, ..Extent::default() };
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                    extent.join(self.field(name, field, &path, is_root)?)?;
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    extent.join(self.part(value, &format!("{path}/{index}"), false)?)?;
                }
            }
            _ => return Ok(Extent::default()),
        }
        extent.levels += 1;
        if extent.levels > SCHEMA_DEPTH_MAX {
            return Err(Refusal::Depth);
        }
        Ok(extent)
    }

    fn field(&mut self, name: &str, field: &'s Value, path: &str, is_root: bool) -> Result<Extent, Refusal> {
        match field {
            Value::String(reference) if name == "$ref" => return self.reference(reference, path),
            Value::String(_) if matches!(name, "$id" | "id") && !is_root => {
                return Err(Refusal::Keyword { path: path.to_owned(), keyword: "an inner $id" });
            }
            Value::String(_) | Value::Bool(_) => {
                if let Some(keyword) = NAMING.into_iter().find(|keyword| *keyword == name) {
                    return Err(Refusal::Keyword { path: path.to_owned(), keyword });
                }
            }
            _ => {}
        }
        let mut extent = self.part(field, path, false)?;
        if name.starts_with("unevaluated") {
            extent.join(Extent { unevaluated: 1, ..Extent::default() })?;
        }
        let patterns = match (name, field) {
            ("pattern", Value::String(_)) => 1,
            ("patternProperties", Value::Object(fields)) => fields.len(),
            _ => 0,
        };
        extent.join(Extent { patterns, ..Extent::default() })?;
        Ok(extent)
    }

    fn reference(&mut self, reference: &str, path: &str) -> Result<Extent, Refusal> {
        let (at, named) = (path.to_owned(), reference.to_owned());
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(Refusal::Remote { path: at, reference: named });
        };
        // A path that holds what a URI has to escape is not read the way the validator reads it; such names are rare.
        let target = Some(pointer).filter(|pointer| !pointer.contains('%'));
        let Some(target) = target.and_then(|pointer| self.root.pointer(pointer)) else {
            return Err(Refusal::Dangling { path: at, reference: named });
        };
        // A reference to a place that encloses it is on its way as well.
        let encloses = path.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
        match self.known.get(pointer) {
            Some(None) => return Err(Refusal::Circular { path: at, reference: named }),
            _ if encloses => return Err(Refusal::Circular { path: at, reference: named }),
            Some(Some(known)) => return Ok(*known),
            None => {}
        }
        self.known.insert(pointer.to_owned(), None);
        let extent = self.part(target, pointer, pointer.is_empty())?;
        self.known.insert(pointer.to_owned(), Some(extent));
        Ok(extent)
    }
}
