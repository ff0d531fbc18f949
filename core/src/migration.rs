//! Other products' flags as changes of ours: Unleash's and LaunchDarkly's JSON.
//!
//! Each flag is taken whole or not at all. What decides is either mapped, exactly or approximately, or the flag is left
//! out: a condition is never dropped, because that would show a feature to others than before. A report says of each part
//! which, with its place in the document. Whatever is proposed has passed the check of change sets; what a policy says of
//! it is left to the commit.
//!
//! Percentages are approximate without exception: another hash chooses other people. `flagd.rs` does the same for flagd's
//! files, where they are exact.

mod assemble;
mod changes;
mod flag;
mod format;
mod launchdarkly;
mod names;
mod node;
mod report;
mod serve;
mod unleash;
mod variants;

use crate::change::Change;
use crate::json::Places;
use crate::key::EnvironmentKey;
use crate::snapshot::Snapshot;
use crate::value::Value;

pub use format::{Format, Undetected, detect};
pub use report::{Grade, Line};

use node::Node;
use report::Report;

/// What is imported, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Source<'d> {
    /// The document.
    pub document: &'d Value,
    /// Where its values stand.
    pub places: &'d Places,
    /// The environment of the document that is read; empty means the one called as `environment`, or the only one.
    pub from_environment: &'d str,
    /// The environment of ours that it becomes.
    pub environment: &'d EnvironmentKey,
    /// What is there already.
    pub existing: &'d Snapshot,
}

/// What a document asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Migration {
    /// Those of one flag stand together; a flag stands after those that it needs.
    pub changes: Vec<Change>,
    /// In the order of the document, as far as it is about one flag.
    pub report: Vec<Line>,
}

/// The document has no environment of the name, or several and none was named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of one of the document's environments: {known}")]
pub struct UnknownEnvironment {
    /// What was asked for.
    pub asked: String,
    /// Their names, between commas.
    pub known: String,
}

/// What has to be changed in a store so that an environment has the flags of a document of Unleash's.
///
/// # Errors
/// When it is not clear which of the document's environments is meant.
pub fn unleash(source: &Source<'_>) -> Result<Migration, UnknownEnvironment> {
    let mut report = Report::new(source.places);
    let flags = unleash::read(source, &Node::root(source.document), &mut report)?;
    Ok(assemble::assemble(source, flags, report))
}

/// What has to be changed in a store so that an environment has the flags of a document of LaunchDarkly's.
///
/// # Errors
/// When it is not clear which of the document's environments is meant.
pub fn launchdarkly(source: &Source<'_>) -> Result<Migration, UnknownEnvironment> {
    let mut report = Report::new(source.places);
    let flags = launchdarkly::read(source, &Node::root(source.document), &mut report)?;
    Ok(assemble::assemble(source, flags, report))
}

/// Which environment of a document is read.
fn chosen(source: &Source<'_>, known: &[&str]) -> Result<String, UnknownEnvironment> {
    let asked = source.from_environment;
    let ours = source.environment.as_str();
    match (asked, known) {
        ("", [sole]) => Ok((*sole).to_owned()),
        ("", _) if known.contains(&ours) => Ok(ours.to_owned()),
        (_, _) if !asked.is_empty() && known.contains(&asked) => Ok(asked.to_owned()),
        _ => Err(UnknownEnvironment { asked: asked.to_owned(), known: known.join(", ") }),
    }
}

#[cfg(test)]
mod tests;
