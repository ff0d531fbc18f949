//! Variants: names, weights and payloads.

use super::super::names::{name_of, unique};
use super::super::node::Node;
use super::super::report::Report;
use super::super::variants::typed;
use super::strategy::one_of;
use crate::condition::Condition;
use crate::json;
use crate::value::{FlagType, Value};

/// The variant that a feature is off with; Unleash's SDKs call it so.
const DISABLED: &str = "disabled";

/// The variants of a feature: those of the feature and of its strategies.
pub(super) struct Variants {
    pub(super) flag_type: FlagType,
    /// Ours, the off variant last.
    pub(super) values: Vec<(String, Value)>,
    pub(super) on: Vec<String>,
    pub(super) off: String,
    /// Ours, by the names of theirs.
    names: Vec<(String, String)>,
}

const KNOWN: &[&str] = &[
    "name",
    "weight",
    "weightType",
    "payload",
    "overrides",
    "stickiness",
    "feature_enabled",
    "featureEnabled",
];

impl Variants {
    /// A feature without variants.
    pub(super) fn boolean() -> Self {
        let values = vec![("on".to_owned(), Value::Boolean(true)), ("off".to_owned(), Value::Boolean(false))];
        let (on, off) = (vec!["on".to_owned()], "off".to_owned());
        Self { flag_type: FlagType::Boolean, values, on, off, names: Vec::new() }
    }

    /// All variants of one feature; those of one name are one, and must have one payload.
    pub(super) fn of(feature: &Node<'_>, all: &[Node<'_>], report: &mut Report<'_>) -> Option<Self> {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut payloads: Vec<Option<(String, String)>> = Vec::new();
        for variant in all {
            report.strangers(variant, KNOWN);
            let theirs = variant.text("name");
            let payload = variant.get("payload").map(|payload| {
                let kind = payload.text("type").to_owned();
                (kind, payload.get("value").map(|value| value.words()).unwrap_or_default())
            });
            if let Some(at) = names.iter().position(|(known, _)| known == theirs) {
                if payloads.get(at) != Some(&payload) {
                    let text = format!(
                        "variant {theirs} has another payload elsewhere; give one of them another name"
                    );
                    return report.unmapped(variant, text);
                }
                continue;
            }
            let Some(name) = name_of(theirs) else {
                return report.unmapped(
                    variant,
                    "the name of the variant leaves nothing of a name here; rename it there",
                );
            };
            let ours = unique(&name, |name| names.iter().any(|(_, known)| known == name));
            if ours != theirs {
                report.noted(variant, format!("variant {theirs} is called {ours} here"));
            }
            names.push((theirs.to_owned(), ours));
            payloads.push(payload);
        }
        let (flag_type, values) = match values(&names, &payloads) {
            Ok(values) => values,
            Err(why) => return report.unmapped(feature, why),
        };
        let on: Vec<String> = names.iter().map(|(_, ours)| ours.clone()).collect();
        let off = unique(DISABLED, |name| on.iter().any(|known| known == name));
        let nothing = match flag_type {
            FlagType::Boolean => Value::Boolean(false),
            FlagType::String => Value::string(""),
            FlagType::Integer => Value::Integer(0),
            FlagType::Float => Value::Float(0.0),
            FlagType::Object => Value::Object(std::collections::BTreeMap::new()),
        };
        let text = format!(
            "a flag of type {flag_type}: ask for its value instead of asking whether it is on; who has no variant gets \
             {off}, which is {nothing}"
        );
        report.approximate(feature, text);
        let values = on.iter().cloned().zip(values).chain([(off.clone(), nothing)]).collect();
        Some(Self { flag_type, values, on, off, names })
    }

    /// Our name for a variant of theirs.
    pub(super) fn name<'n>(&'n self, theirs: &'n str) -> &'n str {
        self.names.iter().find(|(known, _)| known == theirs).map_or(theirs, |(_, ours)| ours)
    }

    /// Weights as they have them.
    pub(super) fn weights(&self, variants: &[Node<'_>]) -> Vec<(String, u64)> {
        let weight =
            |variant: &Node<'_>| variant.index("weight").and_then(|weight| u64::try_from(weight).ok());
        variants
            .iter()
            .map(|variant| (self.name(variant.text("name")).to_owned(), weight(variant).unwrap_or(0)))
            .collect()
    }
}

/// Payloads are texts there, with a word for what they hold.
fn values(
    names: &[(String, String)],
    payloads: &[Option<(String, String)>],
) -> Result<(FlagType, Vec<Value>), String> {
    if payloads.iter().all(Option::is_none) {
        // There is only the name to tell them apart.
        return typed(names.iter().map(|(theirs, _)| Value::string(theirs)).collect());
    }
    let kinds = |wanted: &str| payloads.iter().flatten().all(|(kind, _)| kind == wanted);
    let parsed = payloads.iter().map(|payload| match payload {
        Some((kind, text)) if kind == "json" || kind == "number" => json::parse(text).ok(),
        _ => None,
    });
    if (kinds("json") || kinds("number")) && payloads.iter().all(Option::is_some) {
        let values: Option<Vec<Value>> = parsed.collect();
        let Some(values) = values else {
            return Err("a payload of type json or number does not hold any; mend it there".to_owned());
        };
        return typed(values);
    }
    let text = |payload: &Option<(String, String)>| {
        payload.as_ref().map_or("", |(_, text)| text.as_str()).to_owned()
    };
    typed(payloads.iter().map(|payload| Value::string(&text(payload))).collect())
}

/// Who gets a variant whatever their bucket is, in the order in which that is looked at.
pub(super) fn overrides(variants: &[Node<'_>]) -> Vec<(Condition, String)> {
    let of = |variant: &Node<'_>| {
        let name = variant.text("name").to_owned();
        let overrides = variant.list("overrides").into_iter().map(move |one| {
            let values = one.list("values").iter().map(Node::words).collect();
            (one_of(super::constraint::attribute(one.text("contextName")), values), name.clone())
        });
        overrides.collect::<Vec<_>>()
    };
    variants.iter().flat_map(of).collect()
}
