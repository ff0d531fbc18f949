//! Whom a change would concern.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};

/// What a change would mean for one flag in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ImpactView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    /// How many recently seen contexts were looked at.
    pub(crate) seen: u32,
    /// How many of them would get something else.
    pub(crate) changed: u32,
    pub(crate) moves: Vec<MoveView>,
    pub(crate) services: Vec<ServiceView>,
    /// Flags that have this one as a prerequisite and change with it.
    pub(crate) dependents: Vec<String>,
}

/// From one variant to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MoveView {
    /// Empty when there is none.
    pub(crate) before: String,
    /// Empty when there is none.
    pub(crate) after: String,
    pub(crate) contexts: u32,
}

/// How many of a service's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ServiceView {
    /// Empty when it is not known.
    pub(crate) service: String,
    pub(crate) contexts: u32,
}

impl ImpactView {
    pub(crate) fn of(impact: v1::FlagImpact) -> Self {
        let moved = |moved: v1::VariantMove| MoveView {
            before: moved.before,
            after: moved.after,
            contexts: moved.contexts,
        };
        let service =
            |count: v1::ServiceCount| ServiceView { service: count.service, contexts: count.contexts };
        Self {
            environment: impact.environment,
            flag: impact.flag,
            seen: impact.seen,
            changed: impact.changed,
            moves: impact.moves.into_iter().map(moved).collect(),
            services: impact.services.into_iter().map(service).collect(),
            dependents: impact.dependents,
        }
    }

    fn in_words(&self) -> String {
        let name = |variant: &str| if variant.is_empty() { "nothing" } else { variant }.to_owned();
        let moves: Vec<String> = self
            .moves
            .iter()
            .map(|moved| format!("{} from {} to {}", moved.contexts, name(&moved.before), name(&moved.after)))
            .collect();
        let known = self.services.iter().filter(|count| !count.service.is_empty());
        let services: Vec<String> =
            known.map(|count| format!("{} {}", count.service, count.contexts)).collect();
        let services =
            if services.is_empty() { String::new() } else { format!(" ({})", services.join(", ")) };
        let dependents = match &self.dependents[..] {
            [] => String::new(),
            others => format!("; with it {}", others.join(", ")),
        };
        format!(
            "{} in {}: of {} recently seen contexts {}{services}{dependents}",
            self.flag,
            self.environment,
            self.seen,
            moves.join(", ")
        )
    }
}

/// What the dry run found, or that there was nothing to look at.
pub(crate) fn lines(page: &mut Page, impacts: &[ImpactView], sampled: u32) {
    if sampled == 0 {
        page.line([Span::new(
            "no contexts were seen recently, so whom it concerns is not known",
            Tone::Faint,
        )]);
        return;
    }
    if impacts.is_empty() {
        let text = format!("none of {sampled} recently seen contexts would get anything else");
        page.line([Span::new(&text, Tone::Faint)]);
    }
    for impact in impacts {
        page.line([Span::new(&impact.in_words(), Tone::Partial)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_who_turns_on_and_who_turns_off() {
        let moved = |before: &str, after: &str, contexts| v1::VariantMove {
            before: before.to_owned(),
            after: after.to_owned(),
            contexts,
        };
        let service = |service: &str, contexts| v1::ServiceCount { service: service.to_owned(), contexts };
        let impact = ImpactView::of(v1::FlagImpact {
            environment: "production".to_owned(),
            flag: "dreams".to_owned(),
            seen: 1_843,
            changed: 212,
            moves: vec![moved("off", "on", 210), moved("on", "", 2)],
            services: vec![service("", 1), service("runner", 92), service("ui", 120)],
            dependents: vec!["whispers".to_owned()],
        });
        let mut page = Page::default();
        lines(&mut page, &[impact], 1_843);
        assert_eq!(
            page.render(false),
            "dreams in production: of 1843 recently seen contexts 210 from off to on, 2 from on to nothing \
             (runner 92, ui 120); with it whispers\n"
        );
        let mut page = Page::default();
        lines(&mut page, &[], 0);
        lines(&mut page, &[], 5);
        assert_eq!(
            page.render(false),
            "no contexts were seen recently, so whom it concerns is not known\n\
             none of 5 recently seen contexts would get anything else\n"
        );
    }
}
