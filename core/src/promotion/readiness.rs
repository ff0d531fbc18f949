//! Whether a flag may be promoted, and why not yet: point by point, in words.

use super::{Promotion, PromotionRules};
use crate::incident::{last_critical, quiet_since};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::plan::duration_text::Length;
use crate::plan::progress::Deed;
use crate::plan::timetable::after;
use crate::promotion::soak::{Soak, soak};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The flag, as it was spelled at creation.
    pub flag: &'q FlagKey,
    /// The environment whose state is taken over.
    pub from: &'q EnvironmentKey,
    /// The environment that takes it over.
    pub to: &'q EnvironmentKey,
    /// Who promotes, whose own approval does not count; none when nobody in particular.
    pub requester: Option<&'q str>,
    /// The moment.
    pub now: Timestamp,
}

/// What a point is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The environment that flags come from.
    Source,
    /// For how long the flag has been serving.
    Soak,
    /// For how long it has been quiet.
    Incidents,
    /// What people approved.
    Approvals,
    /// A point of the checklist.
    Checklist,
    /// A rollback that was tried out.
    Drill,
}

/// One point of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub point: Point,
    /// Whether it is done.
    pub done: bool,
    /// How it stands, in words.
    pub words: String,
    /// When it will be done by itself, if only time is missing.
    pub ready_at: Option<Timestamp>,
}

/// How each point of the target's rules stands. An environment without rules asks for nothing.
#[must_use]
pub fn readiness(snapshot: &Snapshot, question: &Question<'_>) -> Vec<Item> {
    let Some(rules) = snapshot.promotion_rules(question.to) else {
        return Vec::new();
    };
    let folded = question.flag.folded();
    let collected = snapshot.promotion(question.to, &folded).cloned().unwrap_or_default();
    let mut items = vec![source(rules, question)];
    if rules.soak_seconds > 0 {
        items.push(soaked(snapshot, &folded, rules, question));
    }
    items.push(quiet(snapshot, &folded, rules, question));
    if rules.approvals > 0 {
        items.push(approved(&collected, rules, question));
    }
    items.extend(rules.checklist.iter().map(|item| ticked(&collected, item)));
    if let Some(within) = rules.drill_within_seconds {
        items.push(drilled(snapshot, &folded, within, question));
    }
    items
}

/// When all that is missing will be done by itself; none when nothing is missing or somebody has to do something.
#[must_use]
pub fn ready_at(items: &[Item]) -> Option<Timestamp> {
    let missing = items.iter().filter(|item| !item.done);
    let moments: Option<Vec<Timestamp>> = missing.map(|item| item.ready_at).collect();
    moments?.into_iter().max()
}

fn source(rules: &PromotionRules, question: &Question<'_>) -> Item {
    let Question { from, to, .. } = question;
    let done = rules.from == **from;
    let words = match done {
        true => format!("{to} takes over from {from}"),
        false => format!("{from} is not what {to} takes over from: that is {}", rules.from),
    };
    Item { point: Point::Source, done, words, ready_at: None }
}

fn soaked(snapshot: &Snapshot, flag: &FoldedKey, rules: &PromotionRules, question: &Question<'_>) -> Item {
    let needed = rules.soak_seconds;
    let (from, name) = (question.from, question.flag);
    let still = |why: String| Item {
        point: Point::Soak,
        done: false,
        words: format!("soak: 0h of {}; {why}", Span(needed)),
        ready_at: None,
    };
    let (since, incident) = match soak(snapshot, from, flag) {
        Soak::Disabled => return still(format!("{name} is disabled in {from}")),
        Soak::ServesNobody => return still(format!("{name} serves nobody in {from}")),
        Soak::Incident(incident) => return still(format!("it starts when incident {incident} is closed")),
        Soak::Since { at, after } => (at, after),
    };
    let ready = after(since, needed);
    let why = incident.map(|incident| format!(" (since incident {incident} was closed)")).unwrap_or_default();
    if ready <= question.now {
        let words = format!("soak: {} of {}{why}", Span(seconds(since, question.now)), Span(needed));
        return Item { point: Point::Soak, done: true, words, ready_at: None };
    }
    let soaked = Span(seconds(since, question.now));
    let words = format!("soak: {soaked} of {}{why}; ready at {ready}", Span(needed));
    Item { point: Point::Soak, done: false, words, ready_at: Some(ready) }
}

fn quiet(snapshot: &Snapshot, flag: &FoldedKey, rules: &PromotionRules, question: &Question<'_>) -> Item {
    let item = |done, words, ready_at| Item { point: Point::Incidents, done, words, ready_at };
    let flags = std::slice::from_ref(flag);
    let last = last_critical(snapshot, question.from, flags);
    // What is wrong where it goes to is no better for it.
    let grave = last.filter(|incident| incident.is_grave());
    let there = || last_critical(snapshot, question.to, flags).filter(|incident| incident.is_grave());
    if let Some(incident) = grave.or_else(there) {
        let words = format!(
            "an incident is open: {incident} ({}, {} in {})",
            incident.opened.at, incident.opened.by, incident.environment
        );
        return item(false, words, None);
    }
    let needed = rules.incident_free_seconds;
    let Some((incident, since)) = last.and_then(|incident| Some((incident, quiet_since(incident)?))) else {
        let words = match needed {
            0 => "no critical incident is open".to_owned(),
            _ => format!("no critical incident in {}", question.from),
        };
        return item(true, words, None);
    };
    let ready = after(since, needed);
    let so_far = Span(seconds(since, question.now));
    if ready <= question.now {
        return item(true, format!("no critical incident for {so_far}; the last one was {incident}"), None);
    }
    let words = format!(
        "no critical incident for {so_far} of {}, since {incident} was closed; ready at {ready}",
        Span(needed)
    );
    item(false, words, Some(ready))
}

fn approved(collected: &Promotion, rules: &PromotionRules, question: &Question<'_>) -> Item {
    let counts = |deed: &&Deed| question.requester.is_none_or(|requester| *deed.by != *requester);
    let given: Vec<&str> = collected.approvals.iter().filter(counts).map(|deed| &*deed.by).collect();
    let own = given.len() < collected.approvals.len();
    let needed = rules.approvals;
    let done = u32::try_from(given.len()).unwrap_or(u32::MAX) >= needed;
    let mut words = format!("{} of {needed} approvals", given.len());
    if !given.is_empty() {
        words.push_str(&format!(": {}", given.join(", ")));
    }
    if own && !done {
        words.push_str("; the approval of whoever promotes does not count");
    }
    Item { point: Point::Approvals, done, words, ready_at: None }
}

fn ticked(collected: &Promotion, item: &str) -> Item {
    let tick = collected.ticks.iter().find(|tick| *tick.item == *item);
    let words = match tick {
        Some(tick) => format!("ticked off: {item} ({})", tick.deed.by),
        None => format!("not ticked off: {item}"),
    };
    Item { point: Point::Checklist, done: tick.is_some(), words, ready_at: None }
}

fn drilled(snapshot: &Snapshot, flag: &FoldedKey, within: u64, question: &Question<'_>) -> Item {
    let drill = snapshot.drill(question.from, flag);
    let (name, from, now) = (question.flag, question.from, question.now);
    let recent = drill.filter(|drill| after(drill.deed.at, within) >= now);
    let words = match (recent, drill) {
        (Some(drill), _) => {
            format!("drill of {name} in {from} {} ago", Span(seconds(drill.deed.at, now)))
        }
        (None, Some(drill)) => {
            format!(
                "no drill of {name} in {from} within {}; the last one was at {}",
                Span(within),
                drill.deed.at
            )
        }
        (None, None) => format!("no drill of {name} in {from} within {}", Span(within)),
    };
    Item { point: Point::Drill, done: recent.is_some(), words, ready_at: None }
}

fn seconds(since: Timestamp, now: Timestamp) -> u64 {
    now.micros_since(since) / 1_000_000
}

/// A length of time as people say it of a soak: hours up to three days, then days.
#[derive(Debug, Clone, Copy)]
struct Span(u64);

impl std::fmt::Display for Span {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const HOUR: u64 = 3_600;
        match self.0 {
            HOUR..=259_200 => write!(formatter, "{}h", self.0 / HOUR),
            other => Length(other).fmt(formatter),
        }
    }
}
