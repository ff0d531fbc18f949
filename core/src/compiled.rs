//! Flags, compiled: names resolved to positions, operands parsed, weights summed up. Compile once, evaluate many times.
//!
//! A split that leaves no choice, because one variant has its whole weight, is compiled to that variant.
//!
//! [`CompiledFlag::evaluate`] never allocates on its plain paths, never fails and cannot panic: whatever could go wrong
//! went wrong in [`CompiledFlag::compile`].

pub(crate) mod bucket_text;
mod extra;
pub mod of_snapshot;
mod set;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bucket_text::bucket_text;
use extra::{Extra, Targeting};

use crate::bucketing::{self, Cumulative, FlagKeyHash, Generation};
use crate::context::{AttributeName, Context, Found, Path, TARGETING_KEY};
use crate::evaluation::{ErrorCode, Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Rule, Serve, Split, Variant, WeightedVariant};
use crate::key::{FlagKey, FoldedKey, VariantName};
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
#[derive(Debug)]
pub struct CompiledFlag {
    key: FlagKey,
    flag_type: FlagType,
    off: Option<Variant>,
    default_variant: Variant,
    /// What most flags lack; apart, so that they stay small.
    extra: Option<Box<Extra>>,
    canary: Option<Box<Variant>>,
    rules: Decider,
    default_serve: CompiledServe,
    default_reason: ResolutionReason,
    /// Whether somebody has noted an evaluation. Plays no part in any.
    evaluated: AtomicBool,
    /// A number that whoever evaluates may put here, to find what is theirs about the flag.
    place: AtomicU32,
}

/// What decides before the default serve.
#[derive(Debug)]
enum Decider {
    Rules(Box<[CompiledRule]>),
    Targeting(Box<Targeting>),
}

impl Decider {
    /// Whether it leaves everything to the default serve.
    fn is_empty(&self) -> bool {
        match self {
            Self::Rules(rules) => rules.is_empty(),
            Self::Targeting(targeting) => targeting.is_empty(),
        }
    }
}

#[derive(Debug)]
struct CompiledRule {
    condition: CompiledCondition,
    serve: CompiledServe,
}

#[derive(Debug)]
enum CompiledServe {
    Variant(Variant),
    Split(CompiledSplit),
}

#[derive(Debug)]
struct CompiledSplit {
    total: u32,
    /// The bucket that each variant ends before, and the variant: side by side, so that picking one touches one place.
    entries: Box<[(u32, Variant)]>,
    hashed: Hashed,
}

/// What a subject's bucket is computed from.
#[derive(Debug)]
enum Hashed {
    /// The flag's own key and the targeting key, as a pair.
    FlagKey(FlagKeyHash),
    /// A salt and an attribute, as one text.
    Salted(Salted),
}

#[derive(Debug)]
struct Salted {
    generation: Generation,
    salt: Box<str>,
    attribute: Path,
}

impl CompiledFlag {
    /// Compiles a flag for a store's generation of bucketing.
    ///
    /// # Errors
    /// When the flag names a variant that it does not have, or a rule or split makes no sense.
    pub fn compile(flag: &EffectiveFlag, generation: Generation) -> Result<Self, CompileError> {
        let off = variant(flag, &flag.off_variant)?;
        let canary = flag.canary_variant.as_ref().map(|name| variant(flag, name).map(Box::new));
        let rules = decider(flag, generation)?;
        let is_plain = rules.is_empty() && flag.prerequisites.is_empty();
        Ok(Self {
            key: flag.key.clone(),
            flag_type: flag.flag_type,
            extra: Extra::compile(flag)?.map(Box::new),
            off: (!flag.enabled).then_some(off),
            default_variant: variant(flag, &flag.default_variant)?,
            canary: canary.transpose()?,
            rules,
            default_serve: compile_serve(flag, &flag.default_serve, generation)?,
            default_reason: if is_plain { ResolutionReason::Static } else { ResolutionReason::Default },
            evaluated: AtomicBool::new(false),
            place: AtomicU32::new(0),
        })
    }

    /// Whether a service may evaluate the flag itself.
    #[must_use]
    pub fn is_visible_to(&self, service: &str) -> bool {
        self.extra.as_ref().is_none_or(|extra| extra.is_visible_to(service))
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

    /// The number that was put here; 0 until then.
    #[inline]
    pub fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    /// Puts a number here. Plays no part in any evaluation.
    pub fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// Whether the answer can depend on a top-level attribute.
    #[must_use]
    pub fn names_attribute(&self, name: &AttributeName, text: &str) -> bool {
        let splits =
            |serve: &CompiledServe| matches!(serve, CompiledServe::Split(split) if split.names(name));
        let decides = match &self.rules {
            Decider::Rules(rules) => {
                rules.iter().any(|rule| rule.condition.names_attribute(name) || splits(&rule.serve))
            }
            Decider::Targeting(targeting) => targeting.names_attribute(text),
        };
        decides || splits(&self.default_serve)
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
        match &self.rules {
            Decider::Rules(rules) => rules.iter().any(|rule| rule.condition.names_segments()),
            Decider::Targeting(_) => false,
        }
    }

    /// Decides, in the order that DESIGN.md section 4 gives: override, switch, prerequisites, canary, rules, default.
    #[must_use]
    #[inline]
    pub fn evaluate<'f>(&'f self, around: Around<'f>, context: &Context) -> Resolution<'f> {
        if let Some(extra) = &self.extra
            && let Some(resolution) = extra.decide(self.off.is_some(), around, context)
        {
            return resolution;
        }
        if let Some(off) = &self.off {
            return Resolution { variant: off, reason: ResolutionReason::Disabled, error: None };
        }
        let mut default_reason = self.default_reason;
        if let (Some(allowlist), Some(variant)) = (around.set.audiences().canary(), &self.canary) {
            if context.targeting_key().is_some_and(|key| allowlist.contains(key)) {
                return Resolution { variant, reason: ResolutionReason::TargetingMatch, error: None };
            }
            // Not the same for everybody any more.
            default_reason = ResolutionReason::Default;
        }
        match &self.rules {
            Decider::Rules(rules) => {
                for rule in rules {
                    if rule.condition.holds(context, around.set.audiences()) {
                        return self.serve(&rule.serve, ResolutionReason::TargetingMatch, context);
                    }
                }
            }
            Decider::Targeting(targeting) => {
                if let Some(resolution) = targeting.decide(self, around.now, context) {
                    return resolution;
                }
            }
        }
        self.serve(&self.default_serve, default_reason, context)
    }

    #[inline]
    fn serve<'f>(
        &'f self,
        serve: &'f CompiledServe,
        reason: ResolutionReason,
        context: &Context,
    ) -> Resolution<'f> {
        match serve {
            CompiledServe::Variant(variant) => Resolution { variant, reason, error: None },
            CompiledServe::Split(split) => match split.pick(context) {
                Some(variant) => Resolution { variant, reason: ResolutionReason::Split, error: None },
                None => Resolution {
                    variant: &self.default_variant,
                    reason: ResolutionReason::Default,
                    error: Some(ErrorCode::TargetingKeyMissing),
                },
            },
        }
    }
}

impl CompiledSplit {
    #[inline]
    fn pick(&self, context: &Context) -> Option<&Variant> {
        let hash = match &self.hashed {
            Hashed::FlagKey(begun) => begun.with(context.targeting_key()?),
            Hashed::Salted(salted) => salted.hash(context)?,
        };
        let bucket = bucketing::bucket(hash, self.total);
        self.entries.iter().find(|(end, _)| bucket < *end).map(|(_, variant)| variant)
    }
}

impl CompiledSplit {
    fn names(&self, name: &AttributeName) -> bool {
        matches!(&self.hashed, Hashed::Salted(salted) if salted.attribute.begins_with(name))
    }
}

impl Salted {
    fn hash(&self, context: &Context) -> Option<u32> {
        let text = |text: &str| bucketing::hash_salted(self.generation, &self.salt, text);
        match self.attribute.find(context)? {
            Found::Text("") => None,
            Found::Text(found) => Some(text(found)),
            Found::Value(value) => bucket_text(value).as_deref().map(text),
        }
    }
}

fn decider(flag: &EffectiveFlag, generation: Generation) -> Result<Decider, CompileError> {
    if let Some(targeting) = &flag.targeting {
        return Targeting::compile(flag, targeting, generation)
            .map(|targeting| Decider::Targeting(Box::new(targeting)));
    }
    let rule = |(index, rule): (usize, &Rule)| {
        let condition = CompiledCondition::compile(&rule.condition)
            .map_err(|error| CompileError::Operand { rule: index, error })?;
        Ok(CompiledRule { condition, serve: compile_serve(flag, &rule.serve, generation)? })
    };
    flag.rules.iter().enumerate().map(rule).collect::<Result<_, _>>().map(Decider::Rules)
}

fn variant(flag: &EffectiveFlag, name: &VariantName) -> Result<Variant, CompileError> {
    let found = flag.variants.iter().find(|variant| variant.name == *name);
    found.cloned().ok_or_else(|| CompileError::UnknownVariant(name.clone()))
}

fn compile_serve(
    flag: &EffectiveFlag,
    serve: &Serve,
    generation: Generation,
) -> Result<CompiledServe, CompileError> {
    match serve {
        Serve::Variant(name) => Ok(CompiledServe::Variant(variant(flag, name)?)),
        // The whole split is compiled all the same: what is wrong with it is wrong at 100 % too.
        Serve::Split(split) => match (compile_split(flag, split, generation)?, split.sole_variant()) {
            (_, Some(sole)) => Ok(CompiledServe::Variant(variant(flag, sole)?)),
            (split, None) => Ok(CompiledServe::Split(split)),
        },
    }
}

fn compile_split(
    flag: &EffectiveFlag,
    split: &Split,
    generation: Generation,
) -> Result<CompiledSplit, CompileError> {
    let weights = split.weights.iter().map(|weighted| weighted.weight);
    let weights = Cumulative::new(weights).ok_or(CompileError::Weights)?;
    let entry = |(weighted, end): (&WeightedVariant, u32)| Ok((end, variant(flag, &weighted.variant)?));
    // Naming the targeting key says what is so already, and must not move anybody.
    let attribute = split.bucket_by.as_ref().filter(|name| ***name != *TARGETING_KEY);
    let hashed = match (&flag.salt, attribute) {
        (None, None) => Hashed::FlagKey(FlagKeyHash::begin(generation, flag.key.as_str())),
        (salt, attribute) => Hashed::Salted(Salted {
            generation,
            salt: salt.clone().unwrap_or_else(|| Box::from(flag.key.as_str())),
            attribute: attribute.map_or(Path::TargetingKey, |name| Path::parse(name)),
        }),
    };
    Ok(CompiledSplit {
        total: weights.total(),
        entries: split.weights.iter().zip(weights.ends()).map(entry).collect::<Result<_, _>>()?,
        hashed,
    })
}

#[cfg(test)]
mod tests;
