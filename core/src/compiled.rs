//! Flags, compiled: names resolved to positions, operands parsed, weights summed up. Compile once, evaluate many times.
//!
//! A split that leaves no choice, because one variant has its whole weight, is compiled to that variant.
//!
//! [`CompiledFlag::evaluate`] never allocates on its plain paths, never fails and cannot panic: whatever could go wrong
//! went wrong in [`CompiledFlag::compile`].

mod bucket_text;

use std::collections::HashMap;
use std::sync::Arc;

use bucket_text::bucket_text;
use foldhash::fast::FixedState;

use crate::bucketing::{self, Cumulative, FlagKeyHash, Generation};
use crate::context::{Context, Found, Path, TARGETING_KEY};
use crate::evaluation::{ErrorCode, Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Serve, Split, Variant, WeightedVariant};
use crate::key::{FlagKey, FoldedKey, VariantName};
use crate::matcher::{CompiledCondition, OperandError};
use crate::value::FlagType;

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
}

/// A flag, ready for evaluation.
#[derive(Debug)]
pub struct CompiledFlag {
    key: FlagKey,
    flag_type: FlagType,
    off: Option<Variant>,
    default_variant: Variant,
    rules: Box<[CompiledRule]>,
    default_serve: CompiledServe,
    default_reason: ResolutionReason,
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
        let rule = |(index, rule): (usize, &crate::flag::Rule)| {
            let condition = CompiledCondition::compile(&rule.condition)
                .map_err(|error| CompileError::Operand { rule: index, error })?;
            Ok(CompiledRule { condition, serve: compile_serve(flag, &rule.serve, generation)? })
        };
        let off = variant(flag, &flag.off_variant)?;
        Ok(Self {
            key: flag.key.clone(),
            flag_type: flag.flag_type,
            off: (!flag.enabled).then_some(off),
            default_variant: variant(flag, &flag.default_variant)?,
            rules: flag.rules.iter().enumerate().map(rule).collect::<Result<_, _>>()?,
            default_serve: compile_serve(flag, &flag.default_serve, generation)?,
            default_reason: if flag.rules.is_empty() {
                ResolutionReason::Static
            } else {
                ResolutionReason::Default
            },
        })
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

    /// Decides.
    #[must_use]
    #[inline]
    pub fn evaluate(&self, context: &Context) -> Resolution<'_> {
        if let Some(off) = &self.off {
            return Resolution { variant: off, reason: ResolutionReason::Disabled, error: None };
        }
        for rule in &self.rules {
            if rule.condition.holds(context) {
                return self.serve(&rule.serve, ResolutionReason::TargetingMatch, context);
            }
        }
        self.serve(&self.default_serve, self.default_reason, context)
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

/// All flags of a scope, ready for evaluation.
///
/// A flag is found by any of its spellings; the one that was given at creation is found first.
#[derive(Debug, Clone, Default)]
pub struct CompiledSet {
    /// A clone shares the keys: an update of a large set copies pointers and no text.
    spelled: HashMap<FlagKey, Arc<Slot>, FixedState>,
    /// Only flags whose folded key is not their spelling.
    folded: HashMap<FoldedKey, FlagKey, FixedState>,
}

/// A place in a [`CompiledSet`].
#[derive(Debug)]
pub enum Slot {
    /// A flag that can be evaluated.
    Flag(CompiledFlag),
    /// A flag that cannot: it answers PARSE_ERROR, and the others are none the worse for it.
    Broken {
        /// The key as it was spelled at creation.
        key: FlagKey,
        /// Why.
        why: Box<str>,
    },
}

impl Slot {
    /// The key as it was spelled at creation.
    #[must_use]
    pub const fn key(&self) -> &FlagKey {
        match self {
            Self::Flag(flag) => flag.key(),
            Self::Broken { key, .. } => key,
        }
    }
}

impl CompiledSet {
    /// Compiles flags.
    #[must_use]
    pub fn of(slots: impl IntoIterator<Item = Arc<Slot>>) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }

    /// Adds a flag, or replaces the one of the same key in any spelling.
    pub fn insert(&mut self, slot: Arc<Slot>) {
        let spelled = slot.key().clone();
        let folded = spelled.folded();
        self.remove(&folded);
        if folded.as_str() != spelled.as_str() {
            self.folded.insert(folded, spelled.clone());
        }
        self.spelled.insert(spelled, slot);
    }

    /// Removes a flag.
    pub fn remove(&mut self, key: &FoldedKey) {
        match self.folded.remove(key) {
            Some(spelled) => self.spelled.remove(&spelled),
            None => self.spelled.remove(key.as_str()),
        };
    }

    /// Finds a flag by any of its spellings.
    #[must_use]
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Arc<Slot>> {
        match self.spelled.get(key) {
            Some(slot) => Some(slot),
            None => self.get_folded(key),
        }
    }

    #[cold]
    fn get_folded(&self, key: &str) -> Option<&Arc<Slot>> {
        let folded = FoldedKey::of(key);
        match self.folded.get(&folded) {
            Some(spelled) => self.spelled.get(spelled),
            None => self.spelled.get(folded.as_str()),
        }
    }

    /// How many flags there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spelled.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spelled.is_empty()
    }

    /// All flags, in the order of their keys.
    #[must_use]
    pub fn slots(&self) -> Vec<&Arc<Slot>> {
        let mut slots: Vec<&Arc<Slot>> = self.spelled.values().collect();
        slots.sort_by_key(|slot| slot.key());
        slots
    }
}

#[cfg(test)]
mod tests;
