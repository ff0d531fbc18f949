//! What a rule or the default serves, compiled: a variant, or weights over variants.

use super::bucket_text::bucket_text;
use super::{CompileError, variant};
use crate::bucketing::{self, Cumulative, FlagKeyHash, Generation};
use crate::context::{AttributeName, Context, Found, Path, TARGETING_KEY};
use crate::flag::{EffectiveFlag, Serve, Split, Variant, WeightedVariant};

/// See the module.
#[derive(Debug)]
pub(super) enum CompiledServe {
    Variant(Variant),
    Split(CompiledSplit),
}

#[derive(Debug)]
pub(super) struct CompiledSplit {
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
            Serve::Variant(name) => Ok(Self::Variant(variant(flag, name)?)),
            // The whole split is compiled all the same: what is wrong with it is wrong at 100 % too.
            Serve::Split(split) => {
                match (CompiledSplit::compile(flag, split, generation)?, split.sole_variant()) {
                    (_, Some(sole)) => Ok(Self::Variant(variant(flag, sole)?)),
                    (split, None) => Ok(Self::Split(split)),
                }
            }
        }
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
        let entry = |(weighted, end): (&WeightedVariant, u32)| Ok((end, variant(flag, &weighted.variant)?));
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
    pub(super) fn pick(&self, context: &Context) -> Option<&Variant> {
        let hash = match &self.hashed {
            Hashed::FlagKey(begun) => begun.with(context.targeting_key()?),
            Hashed::Salted(salted) => salted.hash(context)?,
        };
        let bucket = bucketing::bucket(hash, self.total);
        self.entries.iter().find(|(end, _)| bucket < *end).map(|(_, variant)| variant)
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
