//! A feature as a flag.

use super::super::flag::{Decision, Foreign, Meets, Need};
use super::super::names::{description, tags};
use super::super::node::Node;
use super::super::report::Report;
use super::super::serve::{one, percent, split};
use super::super::{Source, names};
use super::strategy::{self, Strategy};
use super::variant::{Variants, overrides};
use super::{Found, Segments};
use crate::change::{SegmentShare, SetSegment};
use crate::condition::Condition;
use crate::flag::{Lifetime, Rule, Serve};
use crate::key::SegmentKey;
use crate::limits::{TEXT_BYTES_MAX, WEIGHT_TOTAL};

const KNOWN: &[&str] = &[
    "name",
    "description",
    "type",
    "project",
    "enabled",
    "stale",
    "impressionData",
    "archived",
    "archivedAt",
    "createdAt",
    "lastSeenAt",
    "strategies",
    "variants",
    "environments",
    "tags",
    "dependencies",
    "children",
    "favorite",
    "createdBy",
    "createdByUserId",
    "lifecycle",
    "collaborators",
    "links",
    "environment",
];

pub(super) fn read<'d>(
    source: &Source<'d>,
    found: Found<'d>,
    segments: &Segments<'d>,
    around: &Report<'d>,
) -> Foreign<'d> {
    let key = found.node.text("name").to_owned();
    let mut report = around.about(&key);
    report.strangers(&found.node, KNOWN);
    let decision = if found.node.is("archived") {
        report.noted(&found.node, "it is archived there, and not imported");
        None
    } else {
        decision(source, &key, &found, segments, &mut report)
    };
    Foreign { node: found.node, key, report, decision }
}

fn decision<'d>(
    source: &Source<'d>,
    key: &str,
    found: &Found<'d>,
    segments: &Segments<'d>,
    report: &mut Report<'d>,
) -> Option<Decision<'d>> {
    let mut made = Vec::new();
    let (dormant, awake): (Vec<&Node<'d>>, Vec<&Node<'d>>) =
        found.strategies.iter().partition(|strategy| strategy.is("disabled"));
    for strategy in &dormant {
        report.noted(strategy, "the strategy is switched off there, and not imported");
    }
    if awake.is_empty() && !dormant.is_empty() {
        let text = "all its strategies are switched off, and what is served then depends on the version of Unleash; \
                    switch one on, or the feature off";
        return report.unmapped(&found.node, text);
    }
    let strategies: Vec<Option<Strategy<'d>>> = awake
        .iter()
        .map(|strategy| strategy::read(source, strategy, key, segments, &mut made, report))
        .collect();
    let all: Vec<Node<'d>> = awake
        .iter()
        .flat_map(|strategy| strategy.list("variants"))
        .chain(found.variants.iter().cloned())
        .collect();
    let variants =
        if all.is_empty() { Some(Variants::boolean()) } else { Variants::of(&found.node, &all, report) };
    let needs = needs(found, report);
    let (strategies, variants) = (strategies.into_iter().collect::<Option<Vec<_>>>()?, variants?);
    let mut building =
        Building { source, key, found, variants, made, rules: Vec::new(), salt: String::new() };
    let default_serve = building.serve(strategies, report)?;
    let lifetime = lifetime(&found.node, report);
    let Building { variants, made, rules, salt, .. } = building;
    Some(Decision {
        flag_type: variants.flag_type,
        variants: variants.values,
        off_variant: variants.off.clone(),
        default_variant: variants.off,
        enabled: found.enabled,
        rules,
        default_serve,
        salt,
        needs,
        segments: made,
        description: description(found.node.text("description")),
        owner: String::new(),
        tags: tags(found.tags.iter().cloned()),
        lifetime,
        // Its tokens say who may ask, and not its features.
        client_visible: None,
    })
}

fn needs<'d>(found: &Found<'d>, report: &mut Report<'_>) -> Vec<Need<'d>> {
    let mut needs = Vec::new();
    for node in &found.needs {
        let flag = node.text("feature").to_owned();
        let named: Vec<String> =
            node.list("variants").iter().filter_map(|name| names::name_of(&name.words())).collect();
        let is_on = node.get("enabled").is_none() || node.is("enabled");
        let meets = match (is_on, named.is_empty()) {
            (false, _) => Meets::Off,
            (true, true) => Meets::On,
            (true, false) => Meets::Names(named),
        };
        report.exact(node, format!("flag {flag} is a prerequisite"));
        needs.push(Need { node: node.clone(), flag, meets });
    }
    needs
}

fn lifetime(node: &Node<'_>, report: &mut Report<'_>) -> Lifetime {
    if node.is("stale")
        && let Some(field) = node.get("stale")
    {
        report.noted(&field, "it is marked stale there; here `stale` finds out which flags are");
    }
    if node.is("impressionData")
        && let Some(field) = node.get("impressionData")
    {
        report.noted(
            &field,
            "impression data has no counterpart: here the server counts evaluations by itself",
        );
    }
    match node.text("type") {
        "kill-switch" | "permission" => Lifetime::Permanent,
        _ => Lifetime::Temporary,
    }
}

/// A flag on its way from strategies to rules.
struct Building<'s, 'd> {
    source: &'s Source<'d>,
    key: &'s str,
    found: &'s Found<'d>,
    variants: Variants,
    made: Vec<(Node<'d>, SetSegment)>,
    rules: Vec<Rule>,
    salt: String,
}

impl<'d> Building<'_, 'd> {
    /// Makes the rules; answers what is served when none of them matches.
    fn serve(&mut self, mut strategies: Vec<Strategy<'d>>, report: &mut Report<'_>) -> Option<Serve> {
        if strategies.is_empty() {
            report.exact(&self.found.node, "it has no strategies: everybody while it is on");
            return self.target(None, WEIGHT_TOTAL, None, report);
        }
        if strategies.iter().all(|strategy| strategy.variants.is_empty()) {
            // Whoever one of them is for gets the same: the order is ours, and nobody's share hides another strategy.
            strategies.sort_by_key(|strategy| strategy.share < WEIGHT_TOTAL);
        }
        strategies.retain(|strategy| strategy.share > 0);
        let gradual = |strategy: &&Strategy<'_>| strategy.share < WEIGHT_TOTAL;
        if let Some(last) = strategies.iter().rev().find(gradual)
            && (last.group != self.key || strategies.iter().filter(gradual).count() > 1)
        {
            self.salt = names::clean(&last.group, TEXT_BYTES_MAX);
        }
        let count = strategies.len();
        let mut default_serve = one(&self.variants.off);
        for (number, strategy) in (1..).zip(strategies) {
            if number == count && strategy.conditions.is_empty() && self.overrides(&strategy).is_empty() {
                let bucket_by = strategy.bucket_by.clone();
                default_serve = self.target(Some(&strategy), strategy.share, bucket_by, report)?;
                continue;
            }
            self.rule(&strategy, number, number == count, report)?;
        }
        Some(default_serve)
    }

    fn rule(
        &mut self,
        strategy: &Strategy<'d>,
        number: usize,
        is_last: bool,
        report: &mut Report<'_>,
    ) -> Option<()> {
        let name = names::clean(strategy.node.text("title"), TEXT_BYTES_MAX);
        let mut conditions = strategy.conditions.clone();
        let mut share = strategy.share;
        if share < WEIGHT_TOTAL && !is_last {
            // Whoever is not in the share comes to the next strategy, and a split would end there.
            let key = self.share_segment(strategy, number, report)?;
            conditions.push(Condition::Segment(key));
            share = WEIGHT_TOTAL;
        }
        let overrides = self.overrides(strategy);
        if share < WEIGHT_TOTAL && !overrides.is_empty() {
            let text = "overrides of variants within a share of the users have no counterpart; make them a strategy of \
                        their own";
            return report.unmapped(&strategy.node, text);
        }
        for (condition, variant) in overrides {
            let condition = Condition::All(conditions.iter().cloned().chain([condition]).collect());
            let serve = one(self.variants.name(&variant));
            self.rules.push(Rule { name: Box::from(name.as_str()), condition, serve });
        }
        let bucket_by = strategy.bucket_by.clone();
        let serve = self.target(Some(strategy), share, bucket_by, report)?;
        let condition = Condition::All(conditions);
        self.rules.push(Rule { name: Box::from(name), condition, serve });
        Some(())
    }

    /// A segment of everybody who is in a strategy's share.
    fn share_segment(
        &mut self,
        strategy: &Strategy<'d>,
        number: usize,
        report: &mut Report<'_>,
    ) -> Option<SegmentKey> {
        if let Some(attribute) = &strategy.bucket_by {
            let text = format!(
                "only the last strategy of a flag can be gradual by {attribute} here; make the others gradual by user, \
                 or split the flag"
            );
            return report.unmapped(&strategy.node, text);
        }
        let key = format!("{}.strategy-{number}", self.key);
        let share = SegmentShare {
            salt: names::clean(&strategy.group, TEXT_BYTES_MAX),
            from_percent: 0.0,
            to_percent: f64::from(strategy.share) / 1_000.0,
        };
        let text = format!(
            "{} as segment {key}, so that the others come to the next strategy",
            percent(strategy.share)
        );
        report.approximate(&strategy.node, text);
        let segment = SetSegment {
            environment: self.source.environment.as_str().to_owned(),
            segment: key.clone(),
            description: format!("the share of a strategy of flag {}", self.key),
            condition: None,
            share: Some(share),
        };
        self.made.push((strategy.node.clone(), segment));
        Some(SegmentKey::new(&key))
    }

    /// The variants that a strategy serves: its own, or the feature's.
    fn of_strategy(&self, strategy: Option<&Strategy<'d>>) -> Vec<Node<'d>> {
        match strategy {
            Some(strategy) if !strategy.variants.is_empty() => strategy.variants.clone(),
            _ => self.found.variants.clone(),
        }
    }

    fn overrides(&self, strategy: &Strategy<'d>) -> Vec<(Condition, String)> {
        overrides(&self.of_strategy(Some(strategy)))
    }

    /// What is served to a share of those who come here; the others get the off variant.
    fn target(
        &self,
        strategy: Option<&Strategy<'d>>,
        share: u32,
        bucket_by: Option<String>,
        report: &mut Report<'_>,
    ) -> Option<Serve> {
        let variants = self.of_strategy(strategy);
        let off = self.variants.off.as_str();
        let (weights, bucket_by) = if variants.is_empty() {
            match self.variants.on.as_slice() {
                [on] if self.variants.flag_type == crate::value::FlagType::Boolean => {
                    (vec![(on.clone(), 1)], bucket_by)
                }
                // Some strategies have variants and this one has none: its users are on, and have no variant.
                _ => (vec![(off.to_owned(), 1)], bucket_by),
            }
        } else {
            let stickiness = variants.first().map(|variant| variant.text("stickiness")).unwrap_or("");
            let own =
                (!matches!(stickiness, "" | "default" | "userId" | "random")).then(|| stickiness.to_owned());
            (self.variants.weights(&variants), bucket_by.or(own))
        };
        let at = variants.first().or(strategy.map(|strategy| &strategy.node)).unwrap_or(&self.found.node);
        let Some(serve) = split(&weights, share, off, bucket_by.as_deref()) else {
            return report.unmapped(at, "its variants have no weights; give at least one of them some");
        };
        if matches!(serve, Serve::Split(_)) && !variants.is_empty() {
            report.approximate(
                at,
                "OTHER PEOPLE get each of the variants: the hash is another one, the weights are the same",
            );
        }
        Some(serve)
    }
}
