//! What a flag decides in one environment.

use super::super::flag::{Decision, Foreign, Meets, Need};
use super::super::names::{clean, description, tags};
use super::super::node::Node;
use super::super::report::Report;
use super::super::serve::{one, percent, split};
use super::clause;
use super::variation::Variations;
use crate::condition::{Condition, Operator, Test};
use crate::flag::{Lifetime, Rule, Serve};
use crate::limits::{TEXT_BYTES_MAX, WEIGHT_TOTAL};
use crate::value::Value;

const FLAG: &[&str] = &[
    "name",
    "kind",
    "description",
    "key",
    "creationDate",
    "includeInSnippet",
    "clientSideAvailability",
    "variations",
    "variationJsonSchema",
    "defaults",
    "temporary",
    "tags",
    "maintainerId",
    "maintainerTeamKey",
    "archived",
    "archivedDate",
    "deprecated",
    "deprecatedDate",
    "environments",
    "experiments",
    "goalIds",
    "customProperties",
    "maintainer",
];
const ENVIRONMENT: &[&str] = &[
    "on",
    "archived",
    "salt",
    "sel",
    "lastModified",
    "version",
    "targets",
    "contextTargets",
    "rules",
    "fallthrough",
    "offVariation",
    "prerequisites",
    "trackEvents",
    "trackEventsFallthrough",
    "debugEventsUntilDate",
];
const RULE: &[&str] =
    &["_id", "id", "ref", "description", "clauses", "variation", "rollout", "trackEvents", "disabled"];
const ROLLOUT: &[&str] = &["variations", "bucketBy", "contextKind", "kind", "seed", "experimentAllocation"];

pub(super) fn read<'d>(
    flag: &Node<'d>,
    all: &[Node<'d>],
    environment: &str,
    around: &Report<'d>,
) -> Foreign<'d> {
    let key = flag.text("key").to_owned();
    let mut report = around.about(&key);
    report.strangers(flag, FLAG);
    let decision = if flag.is("archived") {
        report.noted(flag, "it is archived there, and not imported");
        None
    } else {
        decision(flag, all, environment, &mut report)
    };
    Foreign { node: flag.clone(), key, report, decision }
}

fn decision<'d>(
    flag: &Node<'d>,
    all: &[Node<'d>],
    environment: &str,
    report: &mut Report<'d>,
) -> Option<Decision<'d>> {
    let here = flag.get("environments").and_then(|environments| environments.get(environment));
    let Some(here) = here else {
        return report
            .unmapped(flag, format!("the flag does not say what it does in environment {environment}"));
    };
    report.strangers(&here, ENVIRONMENT);
    let variations = Variations::read(flag, report)?;
    let mut reading = Reading { variations, environment, report };
    let off_variant = reading.off_variant(&here);
    let targets = reading.targets(&here);
    let rules: Vec<Option<Rule>> = here.list("rules").iter().map(|rule| reading.rule(rule)).collect();
    let default_serve = match here.get("fallthrough") {
        Some(fallthrough) => reading.serve(&fallthrough),
        None => reading.report.unmapped(&here, "expected `fallthrough`: what is served when no rule matches"),
    };
    let needs = reading.needs(&here, all);
    let client_visible = reading.client_visible(flag);
    reading.about_the_flag(flag);
    let (rules, off_variant, default_serve) =
        (rules.into_iter().collect::<Option<Vec<_>>>()?, off_variant?, default_serve?);
    let mut rules: Vec<Rule> = targets?.into_iter().chain(rules).collect();
    let default_variant = match &default_serve {
        Serve::Variant(name) => name.as_str().to_owned(),
        Serve::Split(_) => reading.variations.off().to_owned(),
    };
    rules.retain(|rule| rule.condition != Condition::Any(Vec::new()));
    Some(Decision {
        flag_type: reading.variations.flag_type,
        variants: reading.variations.variants,
        off_variant,
        default_variant,
        enabled: here.is("on"),
        rules,
        default_serve,
        salt: String::new(),
        needs: needs?,
        segments: Vec::new(),
        description: said(flag),
        owner: clean(owner(flag), TEXT_BYTES_MAX),
        tags: tags(flag.list("tags").iter().map(Node::words)),
        lifetime: if flag.is("temporary") { Lifetime::Temporary } else { Lifetime::Permanent },
        client_visible,
    })
}

fn said(flag: &Node<'_>) -> String {
    let (name, text) = (flag.text("name"), flag.text("description"));
    match (name.is_empty() || name == flag.text("key"), text.is_empty()) {
        (true, _) => description(text),
        (false, true) => description(name),
        (false, false) => description(&format!("{name}: {text}")),
    }
}

fn owner<'d>(flag: &Node<'d>) -> &'d str {
    let email = flag.get("_maintainer").map(|maintainer| maintainer.text("email")).unwrap_or("");
    if email.is_empty() { flag.text("maintainerTeamKey") } else { email }
}

/// Individual targets in the order in which they are tried. An empty one of users stands for those of users that have its
/// variation, which are listed apart.
fn individual<'d>(here: &Node<'d>) -> Vec<Node<'d>> {
    let mut of_users = here.list("targets");
    let mut ordered = Vec::new();
    for target in here.list("contextTargets") {
        if target.text("contextKind") == "user" && target.list("values").is_empty() {
            let is_meant = |user: &Node<'_>| user.index("variation") == target.index("variation");
            ordered.extend(of_users.extract_if(.., |user| is_meant(user)));
        } else {
            ordered.push(target);
        }
    }
    ordered.append(&mut of_users);
    ordered
}

struct Reading<'r, 'd> {
    variations: Variations,
    environment: &'r str,
    report: &'r mut Report<'d>,
}

impl<'d> Reading<'_, 'd> {
    fn variant(&mut self, at: &Node<'_>, index: Option<usize>) -> Option<String> {
        let found = self.variations.at(index).map(str::to_owned);
        if found.is_none() {
            let count = self.variations.variants.len();
            return self.report.unmapped(at, format!("expected the index of one of its {count} variations"));
        }
        found
    }

    fn off_variant(&mut self, here: &Node<'_>) -> Option<String> {
        let Some(off) = here.get("offVariation") else {
            let off = self.variations.off().to_owned();
            let text = format!("while it is off, its callers' own default is served there; here it is {off}");
            self.report.approximate(here, text);
            return Some(off);
        };
        self.variant(&off, here.index("offVariation"))
    }

    /// Individual targets, as rules before all others.
    fn targets(&mut self, here: &Node<'_>) -> Option<Vec<Rule>> {
        let mut rules = Vec::new();
        for target in &individual(here) {
            let values: Vec<Value> = target.list("values").iter().map(|value| value.value.clone()).collect();
            if values.is_empty() {
                continue;
            }
            let variant = self.variant(target, target.index("variation"));
            let attribute = clause::attribute(target, "key", target.text("contextKind"), self.report);
            let (variant, attribute) = (variant?, attribute?);
            self.report.exact(target, format!("a rule for {} keys: {variant}", values.len()));
            let test = Test {
                attribute: attribute.into(),
                operator: Operator::In,
                operands: values,
                negated: false,
            };
            rules.push(Rule {
                name: Box::from("individual targets"),
                condition: Condition::Test(test),
                serve: one(&variant),
            });
        }
        Some(rules)
    }

    fn rule(&mut self, rule: &Node<'_>) -> Option<Rule> {
        self.report.strangers(rule, RULE);
        let condition = clause::all(&rule.list("clauses"), self.report);
        let serve = self.serve(rule);
        let name = clean(rule.text("description"), TEXT_BYTES_MAX);
        let rule_is_off = rule.is("disabled");
        if rule_is_off {
            self.report.noted(rule, "the rule is switched off there, and matches nobody here");
        }
        let (condition, serve) = (condition?, serve?);
        let condition = if rule_is_off { Condition::Any(Vec::new()) } else { condition };
        Some(Rule { name: name.into(), condition, serve })
    }

    /// A variation, or weights over variations.
    fn serve(&mut self, node: &Node<'_>) -> Option<Serve> {
        let Some(rollout) = node.get("rollout") else {
            let variant = self.variant(node, node.index("variation"))?;
            self.report.exact(node, format!("serves {variant}"));
            return Some(one(&variant));
        };
        self.report.strangers(&rollout, ROLLOUT);
        let mut weights = Vec::new();
        for weighted in rollout.list("variations") {
            let variant = self.variant(&weighted, weighted.index("variation"))?;
            let weight = weighted.index("weight").and_then(|weight| u64::try_from(weight).ok()).unwrap_or(0);
            weights.push((variant, weight));
        }
        let name = match rollout.text("bucketBy") {
            "" => "key",
            name => name,
        };
        let attribute = clause::attribute(&rollout, name, rollout.text("contextKind"), self.report)?;
        let bucket_by = (attribute != crate::context::TARGETING_KEY).then_some(attribute.as_str());
        let off = self.variations.off().to_owned();
        let Some(serve) = split(&weights, WEIGHT_TOTAL, &off, bucket_by) else {
            return self
                .report
                .unmapped(&rollout, "its variations have no weights; give at least one of them some");
        };
        if rollout.text("kind") == "experiment" {
            let text = "an experiment is served like any other rollout: nobody is counted as untracked here";
            self.report.approximate(&rollout, text);
        }
        match &serve {
            Serve::Variant(name) => self.report.exact(&rollout, format!("everybody gets {name}")),
            Serve::Split(split) => {
                let shares: Vec<String> = split
                    .weights
                    .iter()
                    .map(|one| format!("{} {}", one.variant, percent(one.weight)))
                    .collect();
                let text = format!(
                    "OTHER PEOPLE get each of {}: the hash is another one, the weights are the same. Whoever sends no {} \
                     gets {off}",
                    shares.join(", "),
                    bucket_by.unwrap_or("targeting key"),
                );
                self.report.approximate(&rollout, text);
            }
        }
        Some(serve)
    }

    fn needs(&mut self, here: &Node<'d>, all: &[Node<'d>]) -> Option<Vec<Need<'d>>> {
        let mut needs = Vec::new();
        for node in here.list("prerequisites") {
            let flag = node.text("key").to_owned();
            let Some(index) = node.index("variation") else {
                return self.report.unmapped(&node, "expected the index of a variation of the other flag");
            };
            let other = all.iter().find(|other| other.text("key") == flag);
            let other_here = other
                .and_then(|other| other.get("environments"))
                .and_then(|environments| environments.get(self.environment));
            match other_here {
                Some(other) if other.index("offVariation") != Some(index) => {
                    self.report.exact(&node, format!("flag {flag} is a prerequisite"));
                }
                Some(_) => {
                    let text = format!(
                        "flag {flag} is a prerequisite; while it is off it serves what is wanted of it, which is \
                         enough here and not there"
                    );
                    self.report.approximate(&node, text);
                }
                None => {
                    let text = format!(
                        "flag {flag}, a prerequisite, is not in the document: the variant at place {index} of the flag \
                         that is here is meant"
                    );
                    self.report.approximate(&node, text);
                }
            }
            needs.push(Need { node, flag, meets: Meets::Index(index) });
        }
        Some(needs)
    }

    /// Whether pages may ask for its values; None when the document does not say. A flag that only apps may ask for there is
    /// not shown to pages by an import: both ask the same listener here, so somebody has to say so.
    fn client_visible(&mut self, flag: &Node<'_>) -> Option<bool> {
        let (at, pages) = match flag.get("clientSideAvailability") {
            Some(available) => {
                let pages = available.is("usingEnvironmentId");
                (available, pages)
            }
            // The word of older documents, which is true of the same flags.
            None => (flag.get("includeInSnippet")?, flag.is("includeInSnippet")),
        };
        if pages {
            self.report.exact(&at, "browsers may ask for its values");
        } else if at.is("usingMobileKey") {
            let text = "apps may ask for its values there, and pages may not; here both ask the listener for browsers: \
                        say `update --client-visible true` if everybody may know them";
            self.report.noted(&at, text);
        }
        Some(pages)
    }

    /// What decides nothing.
    fn about_the_flag(&mut self, flag: &Node<'_>) {
        if let Some(schema) = flag.get("variationJsonSchema") {
            self.report
                .noted(&schema, "the schema is not imported; give it to the flag with `update --schema`");
        }
        if let Some(maintainer) = flag.get("maintainerId").filter(|_| owner(flag).is_empty()) {
            self.report.noted(
                &maintainer,
                "the document has only the number of who maintains it; name an owner with `update --owner`",
            );
        }
    }
}
