//! Unleash's JSON: an export of an environment, a feature of the administration API, and what the client API answers.
//!
//! A feature is on for whoever one of its strategies is for; a strategy is for whoever meets all its segments and
//! constraints and falls into its share. That is rules in any order, as long as they serve the same.
//! Source of the format: Unleash's public OpenAPI description and its client specification.

mod constraint;
mod feature;
mod strategy;
mod variant;

use std::collections::BTreeMap;

use super::flag::Foreign;
use super::node::Node;
use super::report::Report;
use super::{Source, UnknownEnvironment, chosen};

/// The documents' parts, found where each of the formats has them.
pub(super) struct Found<'d> {
    node: Node<'d>,
    enabled: bool,
    strategies: Vec<Node<'d>>,
    variants: Vec<Node<'d>>,
    needs: Vec<Node<'d>>,
    tags: Vec<String>,
}

/// Segments by the text of their id.
pub(super) type Segments<'d> = BTreeMap<String, Node<'d>>;

const DOCUMENT: &[&str] = &[
    "version",
    "features",
    "segments",
    "query",
    "meta",
    "featureStrategies",
    "featureEnvironments",
    "featureTags",
    "contextFields",
    "tagTypes",
    "dependencies",
    "links",
];

pub(super) fn read<'d>(
    source: &Source<'d>,
    root: &Node<'d>,
    report: &mut Report<'d>,
) -> Result<Vec<Foreign<'d>>, UnknownEnvironment> {
    let segments: Segments<'d> = root
        .list("segments")
        .into_iter()
        .filter_map(|segment| segment.get("id").map(|id| (id.words(), segment)))
        .collect();
    let features = if root.get("features").is_some() {
        report.strangers(root, DOCUMENT);
        root.list("features")
    } else {
        vec![root.clone()]
    };
    if features.is_empty() {
        report.noted(root, "the document has no features");
    }
    let environment = environment(source, root, &features)?;
    let mut flags = Vec::new();
    for feature in features {
        let found = found(root, &feature, environment.as_deref());
        flags.push(feature::read(source, found, &segments, report));
    }
    Ok(flags)
}

/// The environment that is read; the client API's answers have none, because a token is of one.
fn environment<'d>(
    source: &Source<'_>,
    root: &Node<'d>,
    features: &[Node<'d>],
) -> Result<Option<String>, UnknownEnvironment> {
    let of_export = root.list("featureEnvironments").into_iter().map(|one| one.text("environment"));
    let of_features = features.iter().flat_map(|feature| feature.list("environments"));
    let mut known: Vec<&str> = of_export.chain(of_features.map(|one| one.text("name"))).collect();
    known.retain(|name| !name.is_empty());
    known.sort_unstable();
    known.dedup();
    if known.is_empty() && source.from_environment.is_empty() {
        return Ok(None);
    }
    chosen(source, &known).map(Some)
}

fn found<'d>(root: &Node<'d>, feature: &Node<'d>, environment: Option<&str>) -> Found<'d> {
    let name = feature.text("name");
    let is_of = |one: &Node<'d>| one.text("featureName") == name;
    let is_here = |one: &Node<'d>, field: &str| environment.is_none_or(|known| one.text(field) == known);
    let tag = |tag: &Node<'_>, kind: &str, value: &str| match tag.text(kind) {
        "" | "simple" => tag.text(value).to_owned(),
        kind => format!("{kind}:{}", tag.text(value)),
    };
    let own_tags = feature.list("tags");
    let tags: Vec<String> = own_tags.iter().map(|one| tag(one, "type", "value")).collect();
    if root.get("featureStrategies").is_some() {
        let mut strategies: Vec<Node<'d>> =
            root.list("featureStrategies").into_iter().filter(is_of).collect();
        strategies.retain(|one| one.get("environment").is_none() || is_here(one, "environment"));
        strategies.sort_by_key(|one| one.index("sortOrder").unwrap_or(0));
        let environments = root.list("featureEnvironments");
        let here = environments.into_iter().find(|one| is_of(one) && is_here(one, "environment"));
        let needs = root.list("dependencies").into_iter().filter(|one| one.text("feature") == name);
        let of_export = root.list("featureTags").into_iter().filter(is_of);
        return Found {
            node: feature.clone(),
            enabled: here.as_ref().is_some_and(|here| here.is("enabled")),
            strategies,
            variants: here.map(|here| here.list("variants")).unwrap_or_default(),
            needs: needs.flat_map(|one| one.list("dependencies")).collect(),
            tags: tags.into_iter().chain(of_export.map(|one| tag(&one, "tagType", "tagValue"))).collect(),
        };
    }
    let mut environments = feature.list("environments").into_iter();
    let here = environments.find(|one| is_here(one, "name")).unwrap_or_else(|| feature.clone());
    let variants = here.list("variants");
    Found {
        node: feature.clone(),
        enabled: here.is("enabled"),
        strategies: here.list("strategies"),
        variants: if variants.is_empty() { feature.list("variants") } else { variants },
        needs: feature.list("dependencies"),
        tags,
    }
}
