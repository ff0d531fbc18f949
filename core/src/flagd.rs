//! flagd's format: every flag of ours as flagd's providers evaluate it, and flagd's files as changes of ours.
//!
//! A translation is exact: an evaluation gives the same variant in both forms. The reason may differ. What cannot be said
//! in flagd's language is [left out and named](Untranslatable), never approximated.
//!
//! | ours | flagd's |
//! |---|---|
//! | override, disabled | no targeting, and its variant as the default one |
//! | prerequisite | the other flag's whole decision, compared with the variants that do not meet it |
//! | canary, lists | `in` over the keys |
//! | rules | the branches of one `if` |
//! | split | `fractional`; where the subject has no identity, null, which is the default variant |
//! | share of a segment | `fractional` over three ranges, compared with the one that is in |
//! | a flag's own targeting | itself |
//!
//! Exact means: to our own evaluation of the language, which the property tests hold. The guards are such that flagd's
//! JavaScript core (4.0.1) and Python cores (1.0.0, 2.0.0) agree as well, with what remains of their own: numbers that a
//! flag buckets by are printed by Python as Python prints them (`1e-07`, `5.0`), and JavaScript's second generation
//! hashes what is not ASCII differently.
//!
//! What this does not do: print or send anything, or know of sync streams and files. A [`Document`] is a tree;
//! [`crate::json`] prints it.

mod condition;
mod decision;
mod evaluators;
mod import;
mod logic;
mod segment;

use std::collections::BTreeMap;

use crate::flag::{EffectiveFlag, FlagDefinition};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, SegmentKey, ServiceName};
use crate::snapshot::Snapshot;
use crate::value::Value;

pub use evaluators::{Unresolved, substitute};
pub use import::{Import, Line, Outcome, import};

/// Bytes of one translated flag, roughly. flagd's providers take messages of 4 MiB at most.
pub const FLAG_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of all translated flags of a document together, roughly: inlined lists multiply.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Levels of lists and objects in a translated flag. Many JSON parsers refuse a document of more than 128.
pub const FLAG_DEPTH_MAX: usize = 120;

/// What a file's metadata says of a flag whose values browsers may ask for. flagd has no such mark.
const CLIENT_VISIBLE: &str = "clientVisible";

/// What is translated.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The flags and the audiences.
    pub snapshot: &'s Snapshot,
    /// Of this environment.
    pub environment: &'s EnvironmentKey,
    /// Only the flags that this service may see, with its overrides; none means all flags and no overrides.
    pub service: Option<&'s ServiceName>,
}

/// How an audience stands in what is about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audiences {
    /// By name, once for the whole document: for files.
    Shared,
    /// Written out, as often as it is used: for sync payloads, which have no place for names.
    Inlined,
}

/// A document of flagd's.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The tree.
    pub json: Value,
    /// The flags that are not in it, and why.
    pub untranslatable: Vec<(FlagKey, String)>,
}

/// Why a flag cannot be said in flagd's format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// There is no such flag, it is archived, or the service may not see it.
    #[error("there is no such flag")]
    UnknownFlag,
    /// flagd's language knows no dates.
    #[error("attribute {attribute} is compared with a date, and flagd's language knows none")]
    Date {
        /// The attribute.
        attribute: Box<str>,
    },
    /// flagd finds something else under the name.
    #[error("attribute {attribute} means another thing to flagd: {why}")]
    Attribute {
        /// The attribute.
        attribute: Box<str>,
        /// What else.
        why: &'static str,
    },
    /// A prerequisite's buckets are computed from its own key, which stands for nothing in another flag.
    #[error(
        "flag {flag}, a prerequisite, is split by its own key, which no other flag can do in flagd's language; give \
         {flag} a salt (another salt moves subjects between its buckets)"
    )]
    OwnKey {
        /// The prerequisite.
        flag: FlagKey,
    },
    /// A prerequisite's targeting expression means something else in another flag.
    #[error(
        "flag {flag}, a prerequisite, has a targeting expression that depends on its own key; bucket by a text with \
         `cat`, and do not read $flagd"
    )]
    OwnTargeting {
        /// The prerequisite.
        flag: FlagKey,
    },
    /// The targeting expression is no JSON.
    #[error("the targeting expression of flag {flag} is no JSON object")]
    Targeting {
        /// The flag.
        flag: FlagKey,
    },
    /// A segment names another one. No store holds such a segment.
    #[error("segment {segment} names another segment")]
    Segment {
        /// The segment.
        segment: SegmentKey,
    },
    /// It is nested more deeply than other parsers read.
    #[error("it would be nested in more than {FLAG_DEPTH_MAX} levels; shorten the chain of prerequisites")]
    Depth,
    /// It is larger than a provider takes.
    #[error(
        "it would be larger than {FLAG_BYTES_MAX} bytes; shorten the lists and prerequisites that it is about"
    )]
    Size,
    /// The document is larger than anybody takes.
    #[error("the document would be larger than {DOCUMENT_BYTES_MAX} bytes")]
    DocumentSize,
}

/// All flags of a source.
#[must_use]
pub fn document(source: &Source<'_>, audiences: Audiences) -> Document {
    let mut translator = Translator::new(*source, audiences);
    let mut flags = BTreeMap::new();
    let mut untranslatable = Vec::new();
    for (folded, definition) in source.snapshot.flags() {
        match translator.flag(folded) {
            Ok(flag) => {
                flags.insert(Box::from(definition.key.as_str()), flag);
            }
            Err(Untranslatable::UnknownFlag) => {}
            Err(why) => untranslatable.push((definition.key.clone(), why.to_string())),
        }
    }
    let mut fields = BTreeMap::from([(Box::from("flags"), Value::Object(flags))]);
    if audiences == Audiences::Shared {
        fields.insert(Box::from("$schema"), Value::string("https://flagd.dev/schema/v0/flags.json"));
        fields.insert(Box::from("metadata"), Value::Object(set_metadata(source.environment)));
        if !translator.evaluators.is_empty() {
            fields.insert(Box::from("$evaluators"), Value::Object(translator.evaluators));
        }
    }
    Document { json: Value::Object(fields), untranslatable }
}

/// One flag of a source. With [`Audiences::Shared`] it refers to evaluators that only the whole document has.
///
/// # Errors
/// When there is no such flag, or it cannot be said in flagd's format.
pub fn flag(source: &Source<'_>, key: &FoldedKey, audiences: Audiences) -> Result<Value, Untranslatable> {
    Translator::new(*source, audiences).flag(key)
}

struct Translator<'s> {
    source: Source<'s>,
    audiences: Audiences,
    /// By the name that stands in a `$ref`.
    evaluators: BTreeMap<Box<str>, Value>,
    /// What the flag may still take.
    flag_bytes: usize,
    document_bytes: usize,
}

impl<'s> Translator<'s> {
    fn new(source: Source<'s>, audiences: Audiences) -> Self {
        Self {
            source,
            audiences,
            evaluators: BTreeMap::new(),
            flag_bytes: 0,
            document_bytes: DOCUMENT_BYTES_MAX,
        }
    }

    fn flag(&mut self, key: &FoldedKey) -> Result<Value, Untranslatable> {
        let Source { snapshot, environment, service } = self.source;
        let definition = snapshot.flag(key).ok_or(Untranslatable::UnknownFlag)?;
        let flag = snapshot.effective(environment, key).ok_or(Untranslatable::UnknownFlag)?;
        if service.is_some_and(|service| !flag.is_visible_to(service.as_str())) {
            return Err(Untranslatable::UnknownFlag);
        }
        self.flag_bytes = FLAG_BYTES_MAX;
        let translated = self.described(definition, &flag)?;
        if translated.depth() > FLAG_DEPTH_MAX {
            return Err(Untranslatable::Depth);
        }
        Ok(translated)
    }

    /// Only the fields that every provider knows: some refuse the whole document for another one.
    fn described(
        &mut self,
        definition: &FlagDefinition,
        flag: &EffectiveFlag,
    ) -> Result<Value, Untranslatable> {
        let (default_variant, targeting) = match self.whole_decision(flag)? {
            Value::String(variant) => (variant, None),
            Value::Null => (Box::from(flag.default_variant.as_str()), None),
            targeting => (Box::from(flag.default_variant.as_str()), Some(targeting)),
        };
        let variants = flag.variants.iter();
        let variants = variants.map(|variant| (Box::from(variant.name.as_str()), variant.value.clone()));
        let mut fields: BTreeMap<Box<str>, Value> = BTreeMap::from([
            (Box::from("state"), Value::string("ENABLED")),
            (Box::from("variants"), Value::Object(variants.collect())),
            (Box::from("defaultVariant"), Value::String(default_variant)),
        ]);
        fields.extend(targeting.map(|targeting| (Box::from("targeting"), targeting)));
        let metadata = self.metadata(definition);
        if !metadata.is_empty() {
            fields.insert(Box::from("metadata"), Value::Object(metadata));
        }
        Ok(Value::Object(fields))
    }

    fn metadata(&self, definition: &FlagDefinition) -> BTreeMap<Box<str>, Value> {
        let mut metadata = match self.audiences {
            Audiences::Shared => BTreeMap::new(),
            Audiences::Inlined => set_metadata(self.source.environment),
        };
        for (name, said) in [("description", &definition.description), ("owner", &definition.owner)] {
            if !said.is_empty() {
                metadata.insert(Box::from(name), Value::String(said.clone()));
            }
        }
        // Only in files. Who follows a sync stream evaluates for itself, and is no browser.
        if self.audiences == Audiences::Shared && definition.client_visible {
            metadata.insert(Box::from(CLIENT_VISIBLE), Value::Boolean(true));
        }
        metadata
    }

    /// Takes room from the flag's and the document's.
    fn spend(&mut self, bytes: usize) -> Result<(), Untranslatable> {
        self.flag_bytes = self.flag_bytes.checked_sub(bytes).ok_or(Untranslatable::Size)?;
        self.document_bytes = self.document_bytes.checked_sub(bytes).ok_or(Untranslatable::DocumentSize)?;
        Ok(())
    }
}

/// What is said of all flags: the environment is their set.
fn set_metadata(environment: &EnvironmentKey) -> BTreeMap<Box<str>, Value> {
    BTreeMap::from([(Box::from("flagSetId"), Value::string(environment.as_str()))])
}

#[cfg(test)]
mod tests;
