//! Whom a change would concern: what the recently seen contexts get now, and what they would get.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};

/// What a change means for one flag in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ImpactView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    /// How many contexts were looked at.
    pub(crate) seen: u32,
    /// How many of them would get something else.
    pub(crate) changed: u32,
    pub(crate) moves: Vec<MoveView>,
    pub(crate) services: Vec<ServiceCountView>,
    /// The flags that have this one as a prerequisite and change with it.
    pub(crate) dependents: Vec<String>,
}

/// So many contexts that get one variant would get another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MoveView {
    /// Empty when they get nothing.
    pub(crate) from: String,
    /// Empty when they would get nothing.
    pub(crate) to: String,
    pub(crate) contexts: u32,
}

/// So many contexts of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceCountView {
    /// Empty when it is not known.
    pub(crate) service: String,
    pub(crate) contexts: u32,
}

impl ImpactView {
    pub(crate) fn of(impact: &v1::FlagImpact) -> Self {
        let moves = impact.moves.iter().map(|moved| MoveView {
            from: moved.before.clone(),
            to: moved.after.clone(),
            contexts: moved.contexts,
        });
        let services = impact
            .services
            .iter()
            .map(|counted| ServiceCountView { service: counted.service.clone(), contexts: counted.contexts });
        Self {
            environment: impact.environment.clone(),
            flag: impact.flag.clone(),
            seen: impact.seen,
            changed: impact.changed,
            moves: moves.collect(),
            services: services.collect(),
            dependents: impact.dependents.clone(),
        }
    }

    /// `of 1,843 recently seen contexts: 212 turn on, 0 turn off (ui 120, runner 92); also changes: whispers.max`.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("of {} recently seen contexts: {}", grouped(self.seen), self.moved());
        if !self.services.is_empty() {
            let services = self.services.iter();
            let services: Vec<_> = services
                .map(|counted| match counted.service.as_str() {
                    "" => format!("no service {}", grouped(counted.contexts)),
                    service => format!("{service} {}", grouped(counted.contexts)),
                })
                .collect();
            words = format!("{words} ({})", services.join(", "));
        }
        if !self.dependents.is_empty() {
            words = format!("{words}; also changes: {}", self.dependents.join(", "));
        }
        words
    }

    fn moved(&self) -> String {
        let is_switch = |moved: &MoveView| {
            matches!((moved.from.as_str(), moved.to.as_str()), ("on", "off") | ("off", "on"))
        };
        if self.moves.iter().all(is_switch) {
            let to = |wanted: &str| {
                let moves = self.moves.iter().filter(|moved| moved.to == wanted);
                grouped(moves.map(|moved| moved.contexts).sum())
            };
            return format!("{} turn on, {} turn off", to("on"), to("off"));
        }
        let name = |variant: &str| if variant.is_empty() { "nothing" } else { variant }.to_owned();
        let moves = self.moves.iter();
        let moves: Vec<_> = moves
            .map(|moved| {
                let contexts = grouped(moved.contexts);
                format!("{contexts} go from {} to {}", name(&moved.from), name(&moved.to))
            })
            .collect();
        moves.join(", ")
    }
}

/// Adds a line for each flag that somebody would get something else of, or says that nobody would.
pub(crate) fn describe(impacts: &[ImpactView], sampled: u32, page: &mut Page) {
    let note = |text: &str, page: &mut Page| page.line([Span::new(text, Tone::Faint)]);
    match impacts {
        _ if sampled == 0 => {
            note("no context was seen lately: whom it concerns is not known", page);
        }
        [] => {
            note(&format!("of {} recently seen contexts: none gets anything else", grouped(sampled)), page);
        }
        [only] => page.line([Span::from(only.words())]),
        several => {
            for impact in several {
                let (flag, environment) = (&impact.flag, &impact.environment);
                page.line([Span::from(format!("{flag} in {environment}: {}", impact.words()))]);
            }
        }
    }
}

/// `1,843`.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn impact(moves: &[(&str, &str, u32)]) -> v1::FlagImpact {
        let moves = moves.iter().map(|(before, after, contexts)| v1::VariantMove {
            before: (*before).to_owned(),
            after: (*after).to_owned(),
            contexts: *contexts,
        });
        let count = |service: &str, contexts| v1::ServiceCount { service: service.to_owned(), contexts };
        v1::FlagImpact {
            environment: "production".to_owned(),
            flag: "whispers.enabled".to_owned(),
            seen: 1_843,
            changed: 212,
            moves: moves.collect(),
            services: vec![count("ui", 120), count("runner", 92)],
            dependents: vec!["whispers.max".to_owned()],
        }
    }

    #[track_caller]
    fn check(moves: &[(&str, &str, u32)], expected: &str) {
        let around = format!(
            "of 1,843 recently seen contexts: {expected} (ui 120, runner 92); also changes: whispers.max"
        );
        assert_eq!(ImpactView::of(&impact(moves)).words(), around);
    }

    #[test]
    fn switches_turn_on_and_off_and_other_variants_are_named() {
        check(&[("off", "on", 212)], "212 turn on, 0 turn off");
        check(&[("off", "on", 200), ("on", "off", 12)], "200 turn on, 12 turn off");
        check(
            &[("small", "large", 200), ("", "large", 12)],
            "200 go from small to large, 12 go from nothing to large",
        );
    }

    #[track_caller]
    fn check_page(impacts: &[ImpactView], sampled: u32, expected: &str) {
        let mut page = Page::default();
        describe(impacts, sampled, &mut page);
        assert_eq!(page.render(false), expected);
    }

    #[test]
    fn a_sample_that_is_empty_is_no_answer() {
        check_page(&[], 0, "no context was seen lately: whom it concerns is not known\n");
        check_page(&[], 1_000, "of 1,000 recently seen contexts: none gets anything else\n");
    }

    #[test]
    fn several_flags_are_told_apart() {
        let plain =
            v1::FlagImpact { services: Vec::new(), dependents: Vec::new(), ..impact(&[("off", "on", 1)]) };
        let one = ImpactView::of(&plain);
        let line = "of 1,843 recently seen contexts: 1 turn on, 0 turn off\n";
        check_page(std::slice::from_ref(&one), 5, line);
        let prefix = "whispers.enabled in production: ";
        check_page(&[one.clone(), one], 5, &format!("{prefix}{line}{prefix}{line}"));
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
