//! What is served at the end of a walk, and the bucket of whoever it is served to.

use super::Bucket;
use crate::bucketing::{self, Cumulative, Generation};
use crate::compiled::bucket_text::bucket_text;
use crate::context::{Context, Found, Path, TARGETING_KEY};
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::flag::{EffectiveFlag, Serve, Split};
use crate::key::{EnvironmentKey, FoldedKey, VariantName};
use crate::limits::WEIGHT_TOTAL;
use crate::snapshot::Snapshot;
use crate::text;

/// What serving came to.
pub(super) struct Served {
    pub(super) variant: VariantName,
    pub(super) reason: ResolutionReason,
    pub(super) error: Option<ErrorCode>,
    pub(super) bucket: Option<Bucket>,
    pub(super) text: String,
}

/// Serves a variant for the given reason, or what a split has for the subject.
pub(super) fn serve(
    flag: &EffectiveFlag,
    generation: Generation,
    context: &Context,
    serve: &Serve,
    reason: ResolutionReason,
) -> Served {
    let plain = |variant: &VariantName, text: String| Served {
        variant: variant.clone(),
        reason,
        error: None,
        bucket: None,
        text,
    };
    let split = match serve {
        Serve::Variant(variant) => return plain(variant, variant.to_string()),
        Serve::Split(split) => split,
    };
    if let Some(sole) = split.sole_variant() {
        return plain(sole, format!("{}, which is {sole} for everybody", text::split(split)));
    }
    let bucket = split_bucket(flag, generation, context, split);
    let found = bucket.as_ref().and_then(|bucket| Some((bucket.clone(), bucket.variant()?.clone())));
    let Some((bucket, variant)) = found else {
        let wanted = split.bucket_by.as_deref().filter(|name| *name != TARGETING_KEY);
        let wanted = wanted.map_or_else(|| "targeting key".to_owned(), |name| format!("{name} to bucket by"));
        let default = &flag.default_variant;
        return Served {
            variant: default.clone(),
            reason: ResolutionReason::Default,
            error: Some(ErrorCode::TargetingKeyMissing),
            bucket: None,
            text: format!(
                "{}; there is no {wanted}, so the default variant {default} stands in",
                text::split(split)
            ),
        };
    };
    let text = format!("{}; {}: {variant}", text::split(split), place(&bucket));
    Served { variant, reason: ResolutionReason::Split, error: None, bucket: Some(bucket), text }
}

/// Where a bucket lies: `bucket 37.412 of 50.000` in the first share, `bucket 37.412 is not below 25.000` in the last.
fn place(bucket: &Bucket) -> String {
    let shown = text::thousandths(bucket.bucket);
    let below =
        bucket.ends.iter().map(|(_, end)| *end).filter(|end| *end <= bucket.bucket).max().unwrap_or(0);
    let end = bucket.ends.iter().map(|(_, end)| *end).find(|end| bucket.bucket < *end).unwrap_or(0);
    let total = bucket.ends.last().map_or(0, |(_, end)| *end);
    let (below_shown, end_shown) = (text::thousandths(below), text::thousandths(end));
    if below == 0 {
        format!("bucket {shown} of {end_shown}")
    } else if end == total {
        format!("bucket {shown} is not below {below_shown}")
    } else {
        format!("bucket {shown} is not below {below_shown} but below {end_shown}")
    }
}

/// The bucket of a subject in a split; none without what it buckets by.
fn split_bucket(
    flag: &EffectiveFlag,
    generation: Generation,
    context: &Context,
    split: &Split,
) -> Option<Bucket> {
    let weights = Cumulative::new(split.weights.iter().map(|weighted| weighted.weight))?;
    let (hash, hashed) = hash(flag, generation, context, split.bucket_by.as_deref())?;
    let names = split.weights.iter().map(|weighted| weighted.variant.clone());
    Some(Bucket {
        hash,
        bucket: bucketing::bucket(hash, weights.total()),
        hashed,
        ends: names.zip(weights.ends()).collect(),
    })
}

/// What is hashed for a subject, and what that gives.
fn hash(
    flag: &EffectiveFlag,
    generation: Generation,
    context: &Context,
    bucket_by: Option<&str>,
) -> Option<(u32, String)> {
    let attribute = bucket_by.filter(|name| *name != TARGETING_KEY);
    if flag.salt.is_none() && attribute.is_none() {
        let key = context.targeting_key()?;
        let hash = bucketing::hash_flag_key(generation, flag.key.as_str(), key);
        let flag = text::quoted(flag.key.as_str());
        return Some((hash, format!("flag key {flag} and targeting key {}", text::quoted(key))));
    }
    let path = attribute.map_or(Path::TargetingKey, Path::parse);
    let value = match path.find(context)? {
        Found::Text("") => return None,
        Found::Text(text) => text.to_owned(),
        Found::Value(value) => bucket_text(value)?,
    };
    let hash = |salt: &str| bucketing::hash_salted(generation, salt, &value);
    let name = attribute.unwrap_or("targeting key");
    let shown = text::quoted(&value);
    Some(match &flag.salt {
        Some(salt) => (hash(salt), format!("salt {} followed by {name} {shown}", text::quoted(salt))),
        None => {
            let key = flag.key.as_str();
            (hash(key), format!("flag key {} followed by {name} {shown}", text::quoted(key)))
        }
    })
}

/// Where a subject falls in a flag's default split. A flag that serves one variant by default is taken for a split that
/// is all of it: what is hashed is what a split would hash. None without such a flag, or without what it buckets by.
#[must_use]
pub fn bucket(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    flag: &str,
    context: &Context,
) -> Option<Bucket> {
    let flag = snapshot.effective(environment, &FoldedKey::of(flag))?;
    let generation = snapshot.settings().bucketing;
    match &flag.default_serve {
        Serve::Split(split) => split_bucket(&flag, generation, context, split),
        Serve::Variant(variant) => {
            let (hash, hashed) = hash(&flag, generation, context, None)?;
            let ends = vec![(variant.clone(), WEIGHT_TOTAL)];
            Some(Bucket { hash, bucket: bucketing::bucket(hash, WEIGHT_TOTAL), hashed, ends })
        }
    }
}
