//! Strategies: whom each is for, and how many of them.

use super::super::names::name_of;
use super::super::node::Node;
use super::super::report::Report;
use super::super::{Source, serve};
use super::{Segments, constraint};
use crate::change::SetSegment;
use crate::condition::{Condition, Operator, Test};
use crate::context::TARGETING_KEY;
use crate::key::SegmentKey;
use crate::limits::WEIGHT_TOTAL;
use crate::value::Value;

/// A strategy that was read.
pub(super) struct Strategy<'d> {
    pub(super) node: Node<'d>,
    /// Met by whoever it is for; empty is everybody.
    pub(super) conditions: Vec<Condition>,
    /// How many of them, in thousandths of a percent.
    pub(super) share: u32,
    /// What is hashed beside whoever it is.
    pub(super) group: String,
    /// None means the targeting key.
    pub(super) bucket_by: Option<String>,
    /// Its own variants.
    pub(super) variants: Vec<Node<'d>>,
}

const KNOWN: &[&str] = &[
    "id",
    "name",
    "title",
    "featureName",
    "parameters",
    "constraints",
    "segments",
    "variants",
    "disabled",
    "sortOrder",
    "environment",
    "projectId",
    "createdAt",
    "milestoneId",
    "strategyName",
    "links",
];

/// Reads a strategy; none when something of it cannot be said here.
pub(super) fn read<'d>(
    source: &Source<'_>,
    strategy: &Node<'d>,
    flag: &str,
    segments: &Segments<'d>,
    made: &mut Vec<(Node<'d>, SetSegment)>,
    report: &mut Report<'_>,
) -> Option<Strategy<'d>> {
    report.strangers(strategy, KNOWN);
    let own = own(strategy, flag, report);
    let mut conditions = Vec::new();
    let mut is_whole = true;
    for id in strategy.list("segments") {
        match segment(source, &id, segments, made, report) {
            Some(condition) => conditions.push(condition),
            None => is_whole = false,
        }
    }
    let constraints = constraint::all(&strategy.list("constraints"), report);
    let mut own = own?;
    conditions.extend(constraints?);
    conditions.append(&mut own.conditions);
    is_whole.then_some(Strategy { conditions, ..own })
}

/// What the strategy itself says, beside segments and constraints.
fn own<'d>(strategy: &Node<'d>, flag: &str, report: &mut Report<'_>) -> Option<Strategy<'d>> {
    let parameters = strategy.get("parameters").unwrap_or_else(|| strategy.clone());
    let mut read = Strategy {
        node: strategy.clone(),
        conditions: Vec::new(),
        share: WEIGHT_TOTAL,
        group: flag.to_owned(),
        bucket_by: None,
        variants: strategy.list("variants"),
    };
    if let Some(group) =
        parameters.get("groupId").map(|group| group.words()).filter(|group| !group.is_empty())
    {
        read.group = group;
    }
    match strategy.text("name") {
        "default" => report.exact(strategy, "everybody who meets its segments and constraints"),
        "userWithId" => {
            read.conditions.push(listed(&parameters, "userIds", TARGETING_KEY));
            report.exact(strategy, "the targeting keys that are listed");
        }
        "remoteAddress" => {
            let ranges = texts(&parameters, "IPs").into_iter().find(|address| address.contains('/'));
            if let Some(range) = ranges {
                let text = format!(
                    "the range {range} has no counterpart: conditions here compare addresses as text; list the \
                     addresses, or send an attribute that says where somebody is"
                );
                return report.unmapped(strategy, text);
            }
            read.conditions.push(listed(&parameters, "IPs", "remoteAddress"));
            report.exact(strategy, "the addresses that are listed, as attribute remoteAddress");
        }
        "applicationHostname" => {
            let names = texts(&parameters, "hostNames").iter().map(|name| name.to_lowercase()).collect();
            read.conditions.push(one_of("hostname", names));
            let text = "Unleash's SDK knows the host that it runs on; here the service has to send it, in small \
                        letters, as attribute hostname";
            report.approximate(strategy, text);
        }
        "flexibleRollout" => {
            read.share = share(&parameters, "rollout", strategy, report)?;
            stickiness(&parameters, &mut read, report);
        }
        "gradualRolloutUserId" => read.share = share(&parameters, "percentage", strategy, report)?,
        "gradualRolloutSessionId" => {
            read.share = share(&parameters, "percentage", strategy, report)?;
            read.bucket_by = Some("sessionId".to_owned());
        }
        "gradualRolloutRandom" => {
            read.share = share(&parameters, "percentage", strategy, report)?;
            at_random(&parameters, report);
        }
        other => {
            let text = format!(
                "strategy {other:?} is one of your own or newer than this program; say what it does with constraints"
            );
            return report.unmapped(strategy, text);
        }
    }
    if read.share > 0 && read.share < WEIGHT_TOTAL {
        let text = format!(
            "OTHER PEOPLE are in these {}: the hash is another one. Raising it keeps them in, and whoever sends no {} \
             is out",
            serve::percent(read.share),
            read.bucket_by.as_deref().unwrap_or("targeting key")
        );
        report.approximate(strategy, text);
    } else if read.share == 0 {
        report.exact(strategy, "nobody: it is at 0 %");
    } else if strategy.text("name").contains("ollout") {
        report.exact(strategy, "everybody who meets its segments and constraints: it is at 100 %");
    }
    Some(read)
}

fn stickiness(parameters: &Node<'_>, read: &mut Strategy<'_>, report: &mut Report<'_>) {
    read.bucket_by = match parameters.text("stickiness") {
        "" | "default" | "userId" => None,
        "random" => {
            if read.share > 0 && read.share < WEIGHT_TOTAL {
                at_random(parameters, report);
            }
            None
        }
        other => Some(other.to_owned()),
    };
}

fn at_random(parameters: &Node<'_>, report: &mut Report<'_>) {
    let text = "Unleash draws anew at each evaluation; here the targeting key decides, so that everybody keeps what \
                they have, and whoever sends none is out";
    report.approximate(parameters, text);
}

/// A percentage, as a number or in a text.
fn share(parameters: &Node<'_>, name: &str, strategy: &Node<'_>, report: &mut Report<'_>) -> Option<u32> {
    let text = parameters.get(name).map(|share| share.words()).unwrap_or_default();
    let percent = text.trim().parse::<u32>().ok().filter(|percent| *percent <= 100);
    match percent {
        Some(percent) => Some(percent * 1_000),
        None => report
            .unmapped(strategy, format!("expected `{name}`: a whole number from 0 to 100, and not {text:?}")),
    }
}

/// What stands between commas, or in a list.
fn texts(parameters: &Node<'_>, name: &str) -> Vec<String> {
    let Some(field) = parameters.get(name) else { return Vec::new() };
    let items = field.items();
    let texts: Vec<String> = if items.is_empty() {
        field.words().split(',').map(|text| text.trim().to_owned()).collect()
    } else {
        items.iter().map(Node::words).collect()
    };
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

fn listed(parameters: &Node<'_>, name: &str, attribute: &str) -> Condition {
    one_of(attribute, texts(parameters, name))
}

pub(super) fn one_of(attribute: &str, values: Vec<String>) -> Condition {
    if values.is_empty() {
        return Condition::Any(Vec::new());
    }
    let operands = values.iter().map(|value| Value::string(value)).collect();
    Condition::Test(Test {
        attribute: Box::from(attribute),
        operator: Operator::In,
        operands,
        negated: false,
    })
}

/// A segment by its id: one of the document's, or, as exports have only their names, one that is here.
fn segment<'d>(
    source: &Source<'_>,
    id: &Node<'d>,
    segments: &Segments<'d>,
    made: &mut Vec<(Node<'d>, SetSegment)>,
    report: &mut Report<'_>,
) -> Option<Condition> {
    let number = id.words();
    let Some(segment) = segments.get(&number) else {
        return report.unmapped(id, format!("the document has no segment with the id {number}"));
    };
    let Some(key) = name_of(segment.text("name")) else {
        return report
            .unmapped(segment, "the name of the segment leaves nothing of a key here; rename it there");
    };
    let condition = Condition::Segment(SegmentKey::new(&key));
    if segment.get("constraints").is_none() {
        if source.existing.segment(source.environment, &SegmentKey::new(&key)).is_some() {
            let text =
                format!("segment {key} is the one that is here: the document does not say who is in it");
            report.approximate(id, text);
            return Some(condition);
        }
        let text = format!(
            "the document does not say who is in segment {key}; create it here first, or import what the client API \
             answers"
        );
        return report.unmapped(id, text);
    }
    let namesake = made.iter().find(|(_, known)| known.segment == key);
    if namesake.is_some_and(|(node, _)| node.path != segment.path) {
        return report.unmapped(
            segment,
            format!("another segment of the document is called {key} here too; rename one"),
        );
    }
    if namesake.is_none() {
        let conditions = constraint::all(&segment.list("constraints"), report)?;
        made.push((
            segment.clone(),
            SetSegment {
                environment: source.environment.as_str().to_owned(),
                segment: key.clone(),
                description: super::super::names::description(segment.text("description")),
                condition: Some(Condition::All(conditions)),
                share: None,
            },
        ));
    }
    report.exact(id, format!("segment {key}"));
    Some(condition)
}
