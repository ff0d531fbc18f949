//! Flags, compiled: names resolved to positions, operands parsed, weights summed up. Compile once, evaluate many times.
//!
//! A split that leaves no choice, because one variant has its whole weight, is compiled to that variant.
//!
//! [`CompiledFlag::evaluate`] never allocates on its plain paths, never fails and cannot panic: whatever could go wrong
//! went wrong in [`CompiledFlag::compile`].

pub(crate) mod bucket_text;
mod extra;
pub mod of_snapshot;
mod serve;
mod set;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use extra::Extra;
use serve::CompiledServe;

use crate::audiences::Audiences;
use crate::bucketing::Generation;
use crate::context::{AttributeName, Context};
use crate::evaluation::{ErrorCode, Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Rule, Variant, is_visible};
use crate::key::{FlagKey, FoldedKey, ServiceName, VariantName};
use crate::matcher::{CompiledCondition, OperandError};
use crate::targeting::TargetingError;
use crate::value::FlagType;

pub use set::{CompiledSet, Slot};

/// A flag does not compile. Validation lets no such flag into a store; a newer server may send one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The flag serves a variant that it does not have.
    #[error("the flag serves variant {0}, which it does not have")]
    UnknownVariant(VariantName),
    /// A rule's operand does not fit.
    #[error("rule {rule}: {error}")]
    Operand {
        /// The rule's position.
        rule: usize,
        /// What is wrong.
        error: OperandError,
    },
    /// A split's weights are nothing or too much.
    #[error("the weights of a split add up to nothing or to more than 2147483647")]
    Weights,
    /// The targeting expression cannot be used.
    #[error("targeting: {0}")]
    Targeting(TargetingError),
}

/// What a flag is evaluated in: the flags and audiences beside it, who asks, and the time, for the rare expression that
/// asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Around<'s> {
    set: &'s CompiledSet,
    service: &'s str,
    now: Now,
    depth: usize,
}

/// The time, in seconds since 1970, for a targeting expression that names `$flagd.timestamp`. Nothing else asks.
#[derive(Debug, Clone, Copy)]
pub enum Now {
    /// This very moment.
    At(i64),
    /// A clock, read when it is asked for.
    Read(fn() -> i64),
}

impl Around<'static> {
    /// Nothing and nobody: no other flags, no audiences, no service.
    #[must_use]
    pub fn nothing() -> Self {
        static NOTHING: LazyLock<CompiledSet> = LazyLock::new(CompiledSet::default);
        Self::new(&NOTHING, "", Now::At(0))
    }
}

impl<'s> Around<'s> {
    /// `service` is empty for whoever is no service.
    #[must_use]
    #[inline]
    pub const fn new(set: &'s CompiledSet, service: &'s str, now: Now) -> Self {
        Self { set, service, now, depth: 0 }
    }
}

/// A flag, ready for evaluation.
///
/// The fields stay in this order: what every evaluation reads comes first and lies together, because a flag that is in
/// no cache costs the lines of memory that it is read from.
#[derive(Debug)]
#[repr(C)]
pub struct CompiledFlag {
    /// Whether somebody has noted an evaluation. Plays no part in any.
    evaluated: AtomicBool,
    default_reason: ResolutionReason,
    flag_type: FlagType,
    /// A number that whoever evaluates may put here, to find what is theirs about the flag's variants.
    place: AtomicU32,
    /// What most flags lack. Apart, so that they stay small, and none of it is asked for where it is not.
    extra: Option<Box<Extra>>,
    /// The conditions of the rules. Without what they serve, because most are looked at and passed by.
    conditions: Box<[CompiledCondition]>,
    default_serve: CompiledServe,
    /// What each rule serves, in the order of the conditions.
    serves: Box<[CompiledServe]>,
    canary: Option<Box<Numbered>>,
    default_variant: Numbered,
    key: FlagKey,
    services: Box<[ServiceName]>,
    variants: usize,
}

/// A variant, and its place among the flag's.
#[derive(Debug)]
struct Numbered {
    ordinal: u32,
    variant: Variant,
}

impl Numbered {
    fn find(flag: &EffectiveFlag, name: &VariantName) -> Result<Self, CompileError> {
        let mut numbered = (0..).zip(flag.variants.iter());
        let found = numbered.find(|(_, variant)| variant.name == *name);
        let numbered = found.map(|(ordinal, variant)| Self { ordinal, variant: variant.clone() });
        numbered.ok_or_else(|| CompileError::UnknownVariant(name.clone()))
    }

    #[inline(always)]
    const fn resolve(&self, reason: ResolutionReason) -> Resolution<'_> {
        Resolution { variant: &self.variant, ordinal: self.ordinal, reason, error: None }
    }

    /// Stands in where nothing could be decided.
    const fn stand_in(&self, error: ErrorCode) -> Resolution<'_> {
        Resolution { error: Some(error), ..self.resolve(ResolutionReason::Default) }
    }
}

impl CompiledFlag {
    /// The place of a flag that was given none.
    pub const UNPLACED: u32 = u32::MAX / 2;

    /// Compiles a flag for a store's generation of bucketing.
    ///
    /// # Errors
    /// When the flag names a variant that it does not have, or a rule or split makes no sense.
    pub fn compile(flag: &EffectiveFlag, generation: Generation) -> Result<Self, CompileError> {
        let extra = Extra::compile(flag, generation)?;
        let (conditions, serves) = match flag.targeting {
            Some(_) => Default::default(),
            None => compile_rules(flag, generation)?,
        };
        let is_plain = conditions.is_empty() && !extra.as_ref().is_some_and(Extra::decides_by_context);
        let canary = flag.canary_variant.as_ref().map(|name| Numbered::find(flag, name).map(Box::new));
        Ok(Self {
            evaluated: AtomicBool::new(false),
            default_reason: if is_plain { ResolutionReason::Static } else { ResolutionReason::Default },
            flag_type: flag.flag_type,
            place: AtomicU32::new(Self::UNPLACED),
            extra: extra.map(Box::new),
            conditions: conditions.into(),
            default_serve: CompiledServe::compile(flag, &flag.default_serve, generation)?,
            serves: serves.into(),
            canary: canary.transpose()?,
            default_variant: Numbered::find(flag, &flag.default_variant)?,
            key: flag.key.clone(),
            services: flag.services.clone().into(),
            variants: flag.variants.len(),
        })
    }

    /// Whether a service may evaluate the flag itself.
    #[must_use]
    pub fn is_visible_to(&self, service: &str) -> bool {
        is_visible(&self.services, service)
    }

    /// The key as it was spelled at creation.
    #[must_use]
    pub const fn key(&self) -> &FlagKey {
        &self.key
    }

    /// The type of whatever is served.
    #[must_use]
    pub const fn flag_type(&self) -> FlagType {
        self.flag_type
    }

    /// Notes that the flag was evaluated, for whoever asks what is still in use; true when it was not noted before.
    #[inline]
    pub fn note_evaluated(&self) -> bool {
        // Read before it is written: what is written again and again travels between the processors' caches.
        let is_first = !self.evaluated.load(Ordering::Relaxed);
        if is_first {
            self.evaluated.store(true, Ordering::Relaxed);
        }
        is_first
    }

    /// Whether an evaluation was noted since this was asked last.
    pub fn take_evaluated(&self) -> bool {
        self.evaluated.swap(false, Ordering::Relaxed)
    }

    /// The number that was put here; [`Self::UNPLACED`] until then.
    #[inline]
    pub fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    /// Puts a number here. Plays no part in any evaluation.
    pub fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// How many variants the flag has.
    #[must_use]
    pub const fn variants(&self) -> usize {
        self.variants
    }

    /// The variants that it can serve, with their places among all of them. Some come more than once.
    pub fn servable(&self) -> impl Iterator<Item = (u32, &VariantName)> {
        let decided = self.serves.iter().chain([&self.default_serve]).flat_map(CompiledServe::servable);
        let extra = self.extra.iter().flat_map(|extra| extra.servable());
        let canary = self.canary.iter().map(|canary| &**canary);
        let numbered = extra.chain(canary).chain([&self.default_variant]);
        decided.chain(numbered.map(|numbered| (numbered.ordinal, &numbered.variant.name)))
    }

    /// What everybody gets, if that is so in this set.
    #[must_use]
    pub fn constant(&self, set: &CompiledSet) -> Option<Resolution<'_>> {
        match &self.default_serve {
            CompiledServe::Variant(numbered) if self.conditions.is_empty() && self.has_rules_alone(set) => {
                Some(numbered.resolve(self.default_reason))
            }
            _ => None,
        }
    }

    /// Whether nothing but its rules and its default decides, as long as this set is in force.
    #[must_use]
    pub fn has_rules_alone(&self, set: &CompiledSet) -> bool {
        self.extra.is_none() && set.audiences().canary().is_none()
    }

    /// What [`Self::evaluate`] answers where [`Self::has_rules_alone`] is true, for whoever has asked before.
    #[must_use]
    #[inline(always)]
    pub fn evaluate_rules(&self, set: &CompiledSet, context: &Context) -> Resolution<'_> {
        self.decide(set.audiences(), self.default_reason, context)
    }

    /// Whether the answer can depend on a top-level attribute.
    #[must_use]
    pub fn names_attribute(&self, name: &AttributeName, text: &str) -> bool {
        let splits = |serve: &CompiledServe| serve.names_attribute(name);
        self.conditions.iter().any(|condition| condition.names_attribute(name))
            || self.extra.as_ref().is_some_and(|extra| extra.names_attribute(text))
            || self.serves.iter().any(splits)
            || splits(&self.default_serve)
    }

    /// The flags that must serve something before this one decides anything.
    pub fn prerequisites(&self) -> impl Iterator<Item = &FoldedKey> {
        self.extra.iter().flat_map(|extra| extra.prerequisites())
    }

    /// Whether whoever is on the canary allowlist gets something of their own.
    #[must_use]
    pub const fn takes_part_in_canary(&self) -> bool {
        self.canary.is_some()
    }

    /// Whether a rule names a segment.
    #[must_use]
    pub fn names_segments(&self) -> bool {
        self.conditions.iter().any(CompiledCondition::names_segments)
    }

    /// Decides, in the order that DESIGN.md section 4 gives: override, switch, prerequisites, canary, rules, default.
    ///
    /// Always part of its caller, which then saves no registers for it: that cost as much as a plain flag's whole decision.
    /// What few flags have is called for. What is around is taken to pieces for that call: whole it would be passed in
    /// memory, and every evaluation would write it there first.
    #[must_use]
    #[inline(always)]
    pub fn evaluate<'f>(&'f self, around: Around<'f>, context: &Context) -> Resolution<'f> {
        let Around { set, service, now, depth } = around;
        let audiences = set.audiences();
        if self.extra.is_some() || audiences.canary().is_some() {
            return self.evaluate_in_full(set, service, now, depth, context);
        }
        self.decide(audiences, self.default_reason, context)
    }

    /// The whole order.
    #[inline(never)]
    fn evaluate_in_full<'f>(
        &'f self,
        set: &'f CompiledSet,
        service: &'f str,
        now: Now,
        depth: usize,
        context: &Context,
    ) -> Resolution<'f> {
        let around = Around { set, service, now, depth };
        if let Some(extra) = &self.extra
            && let Some(resolution) = extra.decide_first(around, context)
        {
            return resolution;
        }
        let mut default_reason = self.default_reason;
        if let (Some(allowlist), Some(variant)) = (set.audiences().canary(), &self.canary) {
            if context.targeting_key().is_some_and(|key| allowlist.contains(key)) {
                return variant.resolve(ResolutionReason::TargetingMatch);
            }
            // Not the same for everybody any more.
            default_reason = ResolutionReason::Default;
        }
        if let Some(extra) = &self.extra
            && let Some(resolution) = extra.decide_in_place_of_rules(self, now, context)
        {
            return resolution;
        }
        self.decide(set.audiences(), default_reason, context)
    }

    /// Rules and default.
    #[inline(always)]
    fn decide(
        &self,
        audiences: &Audiences,
        default_reason: ResolutionReason,
        context: &Context,
    ) -> Resolution<'_> {
        let ruled = if self.conditions.is_empty() { None } else { self.serve_of_rule(audiences, context) };
        let (serve, reason) = match ruled {
            Some(serve) => (serve, ResolutionReason::TargetingMatch),
            None => (&self.default_serve, default_reason),
        };
        match serve {
            CompiledServe::Variant(variant) => variant.resolve(reason),
            CompiledServe::Split(split) => match split.pick(context) {
                Some(resolution) => resolution,
                None => self.default_variant.stand_in(ErrorCode::TargetingKeyMissing),
            },
        }
    }

    /// What the first rule serves that is true of the context. Called: a loop over rules wants the registers for itself.
    #[inline(never)]
    fn serve_of_rule(&self, audiences: &Audiences, context: &Context) -> Option<&CompiledServe> {
        let place = self.conditions.iter().position(|condition| condition.holds(context, audiences))?;
        self.serves.get(place)
    }
}

/// The conditions of the rules, and what each serves.
fn compile_rules(
    flag: &EffectiveFlag,
    generation: Generation,
) -> Result<(Vec<CompiledCondition>, Vec<CompiledServe>), CompileError> {
    let rule = |(index, rule): (usize, &Rule)| {
        let condition = CompiledCondition::compile(&rule.condition)
            .map_err(|error| CompileError::Operand { rule: index, error })?;
        Ok((condition, CompiledServe::compile(flag, &rule.serve, generation)?))
    };
    flag.rules.iter().enumerate().map(rule).collect()
}

#[cfg(test)]
mod tests;
