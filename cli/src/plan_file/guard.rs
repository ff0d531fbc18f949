//! Conditions that take a plan back, how they do it, and ladders.

use mycelia_flags_core::key::{NAME_GRAMMAR, SegmentKey};
use mycelia_flags_core::plan::{GuardAction, Ladder, PlanGuard, RollbackKind, duration_text};
use mycelia_flags_core::rejection::Reason;

use super::fault::INVALID_FORM;
use super::reading::{Reading, Spot};

const LADDER: &str =
    "percentages, each lower than the one before, and the stay on each: 50% 25% 0% every 10m";
const ACTIONS: &str = "alert, pause, rollback, rollback to 0%, rollback gradually [50% 25% 0% every 10m], rollback \
                       segments [B, C], or canary off";

impl Reading {
    /// Guards; one that cannot be read is left out.
    pub(crate) fn guards(&mut self, spot: &Spot<'_>, ladder: &Ladder) -> Vec<PlanGuard> {
        let mut guards = Vec::new();
        for item in self.items(spot, "a list of guards: {when: …, do: …, flags: [the ones that go back]}")
        {
            let path = format!("guards[{}]", guards.len());
            let Some(fields) = self.fields(&item, &["when", "do", "flags"]) else {
                continue;
            };
            let when = match fields.get("when") {
                Some(when) => self.condition(when),
                None => {
                    self.missing(&fields, "when", "a condition such as `error_rate > 5% for 10m`");
                    None
                }
            };
            let action = match fields.get("do") {
                Some(action) => {
                    self.place(format!("{path}.action"), action.mark, &action.field, action.node.shown());
                    self.action(action, ladder)
                }
                None => {
                    self.missing(&fields, "do", ACTIONS);
                    None
                }
            };
            let flags = fields.get("flags").map(|flags| self.flag_names(flags)).unwrap_or_default();
            for (place, (spot, flag)) in flags.iter().enumerate() {
                self.place(format!("{path}.flags[{place}]"), spot.mark, &spot.field, flag.to_string());
            }
            if let (Some(when), Some(action)) = (when, action) {
                let flags = flags.into_iter().map(|(_, flag)| flag).collect();
                guards.push(PlanGuard { when, flags, action });
            }
        }
        guards
    }

    /// What a guard does. Brackets and commas are for the eye.
    pub(super) fn action(&mut self, spot: &Spot<'_>, ladder: &Ladder) -> Option<GuardAction> {
        let (text, _) = self.scalar(spot, ACTIONS)?;
        let words = words(text);
        let words: Vec<&str> = words.split_whitespace().collect();
        let kind = match words.as_slice() {
            ["alert"] => return Some(GuardAction::Alert),
            ["pause"] => return Some(GuardAction::Pause),
            ["rollback"] => RollbackKind::Disable,
            ["rollback", "to", "0%"] => RollbackKind::ToZero,
            ["rollback", "gradually"] => RollbackKind::Gradual(ladder.clone()),
            ["rollback", "gradually", rungs @ ..] => RollbackKind::Gradual(self.rungs(spot, rungs)?),
            ["rollback", "segments", segments @ ..] => RollbackKind::Segments(self.segments(spot, segments)?),
            ["canary", "off"] => RollbackKind::CanaryOff,
            _ => {
                self.fault(spot, INVALID_FORM, ACTIONS);
                return None;
            }
        };
        Some(GuardAction::Rollback(kind))
    }

    fn segments(&mut self, spot: &Spot<'_>, names: &[&str]) -> Option<Vec<SegmentKey>> {
        let mut segments = Vec::new();
        for name in names {
            match SegmentKey::parse(name) {
                Ok(segment) => segments.push(segment),
                Err(_) => self.fault_of(spot, name, Reason::InvalidName.as_str(), NAME_GRAMMAR),
            }
        }
        if names.is_empty() {
            self.fault(
                spot,
                Reason::Required.as_str(),
                "the segments that lose the flag: rollback segments [B, C]",
            );
        }
        (!names.is_empty() && segments.len() == names.len()).then_some(segments)
    }

    /// How a gradual rollback goes.
    pub(crate) fn ladder(&mut self, spot: &Spot<'_>) -> Option<Ladder> {
        let (text, _) = self.scalar(spot, LADDER)?;
        let words = words(text);
        self.rungs(spot, &words.split_whitespace().collect::<Vec<_>>())
    }

    fn rungs(&mut self, spot: &Spot<'_>, words: &[&str]) -> Option<Ladder> {
        let (percents, every) = match words {
            [percents @ .., "every", length] if !percents.is_empty() => (percents, length),
            _ => {
                self.fault(spot, INVALID_FORM, LADDER);
                return None;
            }
        };
        let every_seconds = duration_text::parse(every);
        if every_seconds.is_none() {
            self.fault_of(spot, every, INVALID_FORM, duration_text::GRAMMAR);
        }
        let percents: Vec<f64> =
            percents.iter().map_while(|percent| self.percent_of(spot, percent, percent)).collect();
        let is_falling = percents.iter().zip(percents.iter().skip(1)).all(|(above, below)| above > below);
        if !is_falling {
            self.fault(spot, Reason::OutOfRange.as_str(), LADDER);
        }
        // Only what was read in full: the words before "every", and its length.
        let is_whole = percents.len() + 2 == words.len() && is_falling;
        every_seconds.filter(|_| is_whole).map(|every_seconds| Ladder { percents, every_seconds })
    }
}

/// The words of a phrase, without what only separates them.
fn words(text: &str) -> String {
    text.replace(['[', ']', ',', '→'], " ").replace("->", " ")
}
