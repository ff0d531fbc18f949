//! How much more of a flag people get than before.
//!
//! Each rule is an audience, and whoever no rule matches is one. What an audience gets is a range of buckets, so that a
//! raise that only adds people can be told from one that exchanges them. An audience is held against the *least* that
//! anybody in it may have had before: whom a rule takes over from another one cannot be told without knowing everybody.
//! What cannot be known at all, a targeting expression, counts as everybody afterwards and as nobody before.

use std::ops::Range;

use crate::condition::Condition;
use crate::flag::{FlagConfiguration, FlagDefinition, Prerequisite, Serve};
use crate::key::VariantName;
use crate::limits::WEIGHT_TOTAL;
use crate::value::{FlagType, Value};

/// A flag as an environment has it.
#[derive(Debug, Clone, Copy)]
pub struct Held<'s> {
    /// What all environments share.
    pub definition: &'s FlagDefinition,
    /// What this one decides.
    pub configuration: &'s FlagConfiguration,
}

impl Held<'_> {
    /// Whether a variant is a true one.
    #[must_use]
    pub fn is_on(&self, variant: &VariantName) -> bool {
        self.definition.variant(variant).is_some_and(|variant| variant.value == Value::Boolean(true))
    }
}

/// By how much the share of the true variant rises, in thousandths of a percent: the most that any audience gains. 0 for
/// a flag that is not boolean. Who is served by an override or the canary allowlist is named one by one and no share.
#[must_use]
pub fn rise(before: Option<Held<'_>>, after: Option<Held<'_>>) -> u32 {
    let Some(after) = after.filter(|after| after.definition.flag_type == FlagType::Boolean) else {
        return 0;
    };
    let before =
        before.map_or_else(Served::nobody, |before| Served::now(before, |variant| before.is_on(variant)));
    Served::now(after, |variant| after.is_on(variant)).gain_since(&before)
}

/// What each audience gets of the variants that count.
#[derive(Debug, Clone)]
pub(super) struct Served<'s> {
    rules: Vec<(&'s Condition, Portion<'s>)>,
    rest: Portion<'s>,
    targeting: Option<&'s str>,
    prerequisites: &'s [Prerequisite],
}

impl<'s> Served<'s> {
    const fn nobody() -> Self {
        Self { rules: Vec::new(), rest: Portion::nobody(), targeting: None, prerequisites: &[] }
    }

    /// What is served now.
    fn now(held: Held<'s>, counts: impl Fn(&VariantName) -> bool) -> Self {
        if held.definition.archived.is_some() {
            return Self::nobody();
        }
        if !held.configuration.enabled {
            let rest = if counts(&held.configuration.off_variant) {
                Portion::everybody()
            } else {
                Portion::nobody()
            };
            return Self { rest, ..Self::nobody() };
        }
        Self::once_enabled(held, counts)
    }

    /// What is served while the flag is enabled.
    pub(super) fn once_enabled(held: Held<'s>, counts: impl Fn(&VariantName) -> bool) -> Self {
        let configuration = held.configuration;
        let portion = |serve| Portion::of(serve, configuration, &counts);
        Self {
            rules: configuration.rules.iter().map(|rule| (&rule.condition, portion(&rule.serve))).collect(),
            rest: portion(&configuration.default_serve),
            targeting: configuration.targeting.as_deref(),
            prerequisites: &configuration.prerequisites,
        }
    }

    /// The most that an audience gains.
    pub(super) fn gain_since(&self, before: &Self) -> u32 {
        if before.is_everybody() {
            return 0;
        }
        let unknown = self.targeting != before.targeting;
        if unknown && self.targeting.is_some() {
            return WEIGHT_TOTAL;
        }
        let from_nobody = unknown || !keeps(before.prerequisites, self.prerequisites);
        let gained = (0..=self.rules.len()).map(|index| {
            let Some((portion, candidates)) = self.audience(index, before) else {
                return 0;
            };
            if from_nobody {
                return portion.beyond(&Portion::nobody());
            }
            candidates.into_iter().map(|candidate| portion.beyond(candidate)).max().unwrap_or(0)
        });
        gained.max().unwrap_or(0)
    }

    /// What the audience at an index gets, and all that anybody in it may have got before. The last one is the rest.
    fn audience<'b>(
        &self,
        index: usize,
        before: &'b Served<'s>,
    ) -> Option<(&Portion<'s>, Vec<&'b Portion<'s>>)> {
        let earlier = self.rules.get(..index)?;
        let is_passed = |condition: &Condition| earlier.iter().any(|(passed, _)| *passed == condition);
        let (portion, last) = match self.rules.get(index) {
            // Whoever a rule of before matches came no further than to it.
            Some((condition, portion)) => {
                (portion, before.rules.iter().position(|(known, _)| known == condition))
            }
            None => (&self.rest, None),
        };
        let reached = before.rules.iter().take(last.map_or(before.rules.len(), |last| last + 1));
        let rest = last.is_none().then_some(&before.rest);
        let candidates = reached.filter(|(condition, _)| !is_passed(condition)).map(|(_, portion)| portion);
        Some((portion, candidates.chain(rest).collect()))
    }

    fn is_everybody(&self) -> bool {
        self.targeting.is_none()
            && self.prerequisites.is_empty()
            && self.rest.is_everybody()
            && self.rules.iter().all(|(_, portion)| portion.is_everybody())
    }
}

/// Whether each prerequisite of before is still there, and asks for no less.
pub(super) fn keeps(before: &[Prerequisite], after: &[Prerequisite]) -> bool {
    let asks = |needed: &Prerequisite, held: &Prerequisite| {
        held.flag.folded() == needed.flag.folded()
            && held.variants.iter().all(|variant| needed.variants.contains(variant))
    };
    before.iter().all(|needed| after.iter().any(|held| asks(needed, held)))
}

/// Buckets that get a variant that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Portion<'s> {
    /// What the buckets are computed from: the same ranges of others are other people.
    salt: Option<&'s str>,
    bucket_by: Option<&'s str>,
    ranges: Vec<Range<u32>>,
}

impl<'s> Portion<'s> {
    const fn nobody() -> Self {
        Self { salt: None, bucket_by: None, ranges: Vec::new() }
    }

    fn everybody() -> Self {
        Self { ranges: vec![0..WEIGHT_TOTAL; 1], ..Self::nobody() }
    }

    fn of(
        serve: &'s Serve,
        configuration: &'s FlagConfiguration,
        counts: impl Fn(&VariantName) -> bool,
    ) -> Self {
        let split = match serve {
            Serve::Variant(variant) => {
                return if counts(variant) { Self::everybody() } else { Self::nobody() };
            }
            Serve::Split(split) => split,
        };
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let mut begin = 0_u32;
        for weighted in &split.weights {
            let end = begin.saturating_add(weighted.weight);
            if counts(&weighted.variant) && begin < end {
                match ranges.last_mut().filter(|last| last.end == begin) {
                    Some(last) => last.end = end,
                    None => ranges.push(begin..end),
                }
            }
            begin = end;
        }
        Self { salt: configuration.salt.as_deref(), bucket_by: split.bucket_by.as_deref(), ranges }
    }

    fn weight(&self) -> u32 {
        self.ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum()
    }

    fn is_everybody(&self) -> bool {
        self.weight() >= WEIGHT_TOTAL
    }

    /// How much of everybody is in here and was not in the other one.
    fn beyond(&self, before: &Self) -> u32 {
        if before.is_everybody() {
            return 0;
        }
        if self.is_everybody() {
            return WEIGHT_TOTAL.saturating_sub(before.weight());
        }
        if (self.salt, self.bucket_by) != (before.salt, before.bucket_by) {
            return self.weight();
        }
        let overlap = |one: &Range<u32>, other: &Range<u32>| {
            one.end.min(other.end).saturating_sub(one.start.max(other.start))
        };
        let kept: u32 = self
            .ranges
            .iter()
            .flat_map(|one| before.ranges.iter().map(move |other| overlap(one, other)))
            .sum();
        self.weight().saturating_sub(kept)
    }
}
