//! flagd's documents as changes of ours.
//!
//! Each flag is taken whole or not at all, and a report says of each which, and what is not as it was. What is proposed
//! passes the check of change sets as far as the flags themselves go; how many flags, variants and bytes a store takes is
//! said there. A document may need more changes than one change set has.

mod changes;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use crate::bucketing::Generation;
use crate::change::Change;
use crate::key::FoldedKey;
use crate::snapshot::Snapshot;
use crate::value::Value;

/// What a document asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Import {
    /// Those of one flag stand together.
    pub changes: Vec<Change>,
    /// At least one line for each flag, in the order of the document.
    pub report: Vec<Line>,
}

/// What became of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its key, or its place in a list where it has none; empty for the document itself.
    pub flag: String,
    /// What became of it.
    pub outcome: Outcome,
    /// In words; empty when there is nothing to say.
    pub text: String,
}

/// See [`Line`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It does what it did.
    Imported,
    /// It is there, but something is not as it was.
    Changed,
    /// It is not there.
    Skipped,
}

/// What has to be changed in a store so that an environment has a document's flags.
///
/// Flags that are there already get what the document says; what it does not speak of stays: overrides, prerequisites,
/// the canary, variants that the document does not have.
#[must_use]
pub fn import(document: &Value, environment: &str, existing: &Snapshot) -> Import {
    let mut import = Import::default();
    let Value::Object(fields) = document else {
        import.line("", Outcome::Skipped, "expected a JSON object with `flags`");
        return import;
    };
    let flags: Vec<(String, &Value)> = match fields.get("flags") {
        Some(Value::Object(flags)) => flags.iter().map(|(key, flag)| (key.to_string(), flag)).collect(),
        Some(Value::List(flags)) => {
            (0..).zip(flags).map(|(index, flag)| (key_of(flag, index), flag)).collect()
        }
        _ => {
            import.line(
                "",
                Outcome::Skipped,
                "expected `flags`: an object, or a list of flags with a `key` each",
            );
            return import;
        }
    };
    let nothing = BTreeMap::new();
    let object = |name: &str| match fields.get(name) {
        Some(Value::Object(fields)) => fields,
        _ => &nothing,
    };
    let around = Around {
        generation: existing.settings().bucketing,
        evaluators: object("$evaluators"),
        metadata: object("metadata"),
    };
    let mut seen = BTreeSet::new();
    for (key, flag) in flags {
        let read = around.read(&key, flag).and_then(|read| {
            let folded = FoldedKey::of(&key);
            if seen.insert(folded.clone()) {
                let changes = changes::of(&read, environment, existing)?;
                Ok((changes, read.remarks))
            } else {
                Err("the document has the flag already, in this or another spelling".to_owned())
            }
        });
        match read {
            Ok(((changes, more), remarks)) => {
                import.changes.extend(changes);
                let remarks: Vec<String> = remarks.into_iter().chain(more).collect();
                if remarks.is_empty() {
                    import.line(&key, Outcome::Imported, "");
                }
                for remark in remarks {
                    import.line(&key, Outcome::Changed, &remark);
                }
            }
            Err(why) => import.line(&key, Outcome::Skipped, &why),
        }
    }
    import
}

impl Import {
    fn line(&mut self, flag: &str, outcome: Outcome, text: &str) {
        self.report.push(Line { flag: flag.to_owned(), outcome, text: text.to_owned() });
    }
}

/// What a flag's JSON is read with.
struct Around<'d> {
    generation: Generation,
    evaluators: &'d BTreeMap<Box<str>, Value>,
    /// Of the whole set.
    metadata: &'d BTreeMap<Box<str>, Value>,
}

/// The key of a flag in a list.
fn key_of(flag: &Value, index: usize) -> String {
    match flag {
        Value::Object(fields) => match fields.get("key") {
            Some(Value::String(key)) if !key.is_empty() => key.to_string(),
            _ => format!("flags[{index}]"),
        },
        _ => format!("flags[{index}]"),
    }
}
