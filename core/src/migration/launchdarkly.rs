//! LaunchDarkly's JSON: a flag, or a list of flags, as the REST API answers them with all their targeting.
//!
//! Individual targets come first, then the rules in order, then the fallthrough: rules of ours in the same order. What a
//! clause says of an attribute that is not there is false whether it is negated or not, so a negated one becomes two
//! tests. Source of the format: LaunchDarkly's public REST API reference and the documentation of its SDKs' evaluation.

mod clause;
mod decision;
mod variation;

use super::flag::Foreign;
use super::node::Node;
use super::report::Report;
use super::{Source, UnknownEnvironment, chosen};

const DOCUMENT: &[&str] = &["items", "totalCount", "totalCountWithDifferences"];

pub(super) fn read<'d>(
    source: &Source<'d>,
    root: &Node<'d>,
    report: &mut Report<'d>,
) -> Result<Vec<Foreign<'d>>, UnknownEnvironment> {
    let flags = if root.get("items").is_some() {
        report.strangers(root, DOCUMENT);
        root.list("items")
    } else {
        vec![root.clone()]
    };
    if flags.is_empty() {
        report.noted(root, "the document has no flags");
    }
    let environments = flags.iter().filter_map(|flag| flag.get("environments"));
    let mut known: Vec<&str> = environments.flat_map(|environments| environments.names()).collect();
    known.sort_unstable();
    known.dedup();
    let environment = if flags.is_empty() && source.from_environment.is_empty() {
        String::new()
    } else {
        chosen(source, &known)?
    };
    Ok(flags.iter().map(|flag| decision::read(flag, &flags, &environment, report)).collect())
}
