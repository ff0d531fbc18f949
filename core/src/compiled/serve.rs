//! What a rule or the default serves, compiled: a variant, or weights over variants.

use super::bucket_text::bucket_text;
use super::{CompileError, Numbered};
use crate::bucketing::{self, Cumulative, FlagKeyHash, Generation};
use crate::context::{AttributeName, Context, Found, Path, TARGETING_KEY};
use crate::evaluation::{Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Serve, Split, Variant, WeightedVariant};
use crate::key::VariantName;

/// See the module.
#[derive(Debug)]
pub(super) enum CompiledServe {
    Variant(Numbered),
    Split(CompiledSplit),
}

#[derive(Debug)]
pub(super) struct CompiledSplit {
    total: u32,
    entries: Box<[Entry]>,
    hashed: Hashed,
}

/// A variant of a split. All in one place, so that picking one touches no other.
#[derive(Debug)]
struct Entry {
    /// The bucket that the variant ends before.
    end: u32,
    /// The variant's place among the flag's.
    ordinal: u32,
    variant: Variant,
}

/// What a subject's bucket is computed from.
#[derive(Debug)]
enum Hashed {
    /// The flag's own key and the targeting key, as a pair.
    FlagKey(FlagKeyHash),
    /// A salt and an attribute, as one text. Apart, because it is rare and large.
    Salted(Box<Salted>),
}

#[derive(Debug)]
struct Salted {
    generation: Generation,
    salt: Box<str>,
    attribute: Path,
}

impl CompiledServe {
    pub(super) fn compile(
        flag: &EffectiveFlag,
        serve: &Serve,
        generation: Generation,
    ) -> Result<Self, CompileError> {
        match serve {
            Serve::Variant(name) => Ok(Self::Variant(Numbered::find(flag, name)?)),
            // The whole split is compiled all the same: what is wrong with it is wrong at 100 % too.
            Serve::Split(split) => {
                match (CompiledSplit::compile(flag, split, generation)?, split.sole_variant()) {
                    (_, Some(sole)) => Ok(Self::Variant(Numbered::find(flag, sole)?)),
                    (split, None) => Ok(Self::Split(split)),
                }
            }
        }
    }

    /// What it can serve.
    pub(super) fn servable(&self) -> impl Iterator<Item = (u32, &VariantName)> {
        let (sole, entries) = match self {
            Self::Variant(sole) => (Some((sole.ordinal, &sole.variant.name)), Default::default()),
            Self::Split(split) => (None, &*split.entries),
        };
        sole.into_iter().chain(entries.iter().map(|entry| (entry.ordinal, &entry.variant.name)))
    }

    /// Whether somebody's bucket depends on a top-level attribute.
    pub(super) fn names_attribute(&self, name: &AttributeName) -> bool {
        let Self::Split(CompiledSplit { hashed: Hashed::Salted(salted), .. }) = self else {
            return false;
        };
        salted.attribute.begins_with(name)
    }
}

impl CompiledSplit {
    fn compile(flag: &EffectiveFlag, split: &Split, generation: Generation) -> Result<Self, CompileError> {
        let weights = split.weights.iter().map(|weighted| weighted.weight);
        let weights = Cumulative::new(weights).ok_or(CompileError::Weights)?;
        let entry = |(weighted, end): (&WeightedVariant, u32)| {
            let Numbered { ordinal, variant } = Numbered::find(flag, &weighted.variant)?;
            Ok(Entry { end, ordinal, variant })
        };
        // Naming the targeting key says what is so already, and must not move anybody.
        let attribute = split.bucket_by.as_ref().filter(|name| ***name != *TARGETING_KEY);
        let hashed = match (&flag.salt, attribute) {
            (None, None) => Hashed::FlagKey(FlagKeyHash::begin(generation, flag.key.as_str())),
            (salt, attribute) => Hashed::Salted(Box::new(Salted {
                generation,
                salt: salt.clone().unwrap_or_else(|| Box::from(flag.key.as_str())),
                attribute: attribute.map_or(Path::TargetingKey, |name| Path::parse(name)),
            })),
        };
        Ok(Self {
            total: weights.total(),
            entries: split.weights.iter().zip(weights.ends()).map(entry).collect::<Result<_, _>>()?,
            hashed,
        })
    }

    /// The variant of the bucket that the context is in; none when it lacks what identifies somebody.
    #[inline(always)]
    pub(super) fn pick(&self, context: &Context) -> Option<Resolution<'_>> {
        let hash = match &self.hashed {
            Hashed::FlagKey(begun) => begun.with(context.targeting_key()?),
            Hashed::Salted(salted) => salted.hash(context)?,
        };
        let bucket = bucketing::bucket(hash, self.total);
        let Entry { ordinal, variant, .. } = self.entries.iter().find(|entry| bucket < entry.end)?;
        Some(Resolution { variant, ordinal: *ordinal, reason: ResolutionReason::Split, error: None })
    }
}

impl Salted {
    #[inline(never)]
    fn hash(&self, context: &Context) -> Option<u32> {
        let text = |text: &str| bucketing::hash_salted(self.generation, &self.salt, text);
        match self.attribute.find(context)? {
            Found::Text("") => None,
            Found::Text(found) => Some(text(found)),
            Found::Value(value) => bucket_text(value).as_deref().map(text),
        }
    }
}
