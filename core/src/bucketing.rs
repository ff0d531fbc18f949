//! Which entry of a split somebody falls into: integers over a stable hash, without floats, clock or chance.
//!
//! The algorithm is not ours. It is flagd's `fractional` operator since its decision record on high-precision
//! bucketing: `MurmurHash3` x86 32-bit with seed 0, scaled to the sum of the weights by a multiplication and
//! a shift. Everybody therefore lands in the same bucket here and in every flagd provider of the same
//! [`Generation`]. The vectors in `tests/vectors` hold that against other people's implementations.
//!
//! What follows from the arithmetic, and what the properties below check: raising the weight of the first
//! entry only adds people to it, lowering it only removes people, and the same weights always bring back the
//! same people, because nothing but the key, the salt and the weights goes in.
//!
//! This module does not decide *what* is hashed when a key is missing, nor what happens then: it is given
//! text.

use crate::murmur3::X86_32;

/// The seed that every flagd implementation uses.
const SEED: u32 = 0;

/// The first byte of a CBOR array of two items (RFC 8949, major type 4).
const CBOR_ARRAY_OF_TWO: u8 = 0x82;

/// The largest sum of weights that flagd accepts, `i32::MAX`; beyond it a provider serves the default.
pub const TOTAL_MAX: u32 = 2_147_483_647;

/// What exactly is hashed. flagd has changed it over time, and changing it moves everybody, so a store keeps
/// to one generation for its whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Generation {
    /// flagd 0.15 and 0.16 and the providers of that time: the UTF-8 of the texts, one after the other.
    V2,
    /// The providers since October 2026: deterministic CBOR (RFC 8949 §4.2.1), so that `("ab", "c")` and
    /// `("a", "bc")` are different people.
    #[default]
    V3,
}

impl Generation {
    /// The word that names this generation in options, the log and the vectors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }

    /// Reads what [`as_str`](Self::as_str) prints; anything else is no generation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v2" => Some(Self::V2),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }
}

/// The hash of a flag's own key and the targeting key: what `fractional` uses when it names no expression.
#[inline]
#[must_use]
pub fn hash_flag_key(generation: Generation, flag_key: &str, targeting_key: &str) -> u32 {
    FlagKeyHash::begin(generation, flag_key).with(targeting_key)
}

/// [`hash_flag_key`] up to the targeting key: the same for everybody, so that it is hashed once for each flag.
#[derive(Clone, Debug)]
pub struct FlagKeyHash {
    generation: Generation,
    begun: X86_32,
}

impl FlagKeyHash {
    /// Hashes what comes before the targeting key.
    #[must_use]
    pub fn begin(generation: Generation, flag_key: &str) -> Self {
        let mut begun = X86_32::new(SEED);
        if generation == Generation::V3 {
            begun.update(&[CBOR_ARRAY_OF_TWO]);
            cbor_text_header(&mut begun, flag_key.len());
        }
        begun.update(flag_key.as_bytes());
        Self { generation, begun }
    }

    /// The hash for a subject.
    #[inline]
    #[must_use]
    pub fn with(&self, targeting_key: &str) -> u32 {
        let mut hasher = self.begun.clone();
        if self.generation == Generation::V3 {
            cbor_text_header(&mut hasher, targeting_key.len());
        }
        hasher.update(targeting_key.as_bytes());
        hasher.finish()
    }
}

/// The hash of the one text `salt ‖ value`: what `{"fractional": [{"cat": [salt, value]}, …]}` hashes.
#[inline]
#[must_use]
pub fn hash_salted(generation: Generation, salt: &str, value: &str) -> u32 {
    let mut hasher = X86_32::new(SEED);
    match generation {
        Generation::V2 => {}
        // The sum saturates only in theory: each text is at most half of the address space.
        Generation::V3 => cbor_text_header(&mut hasher, salt.len().saturating_add(value.len())),
    }
    hasher.update(salt.as_bytes());
    hasher.update(value.as_bytes());
    hasher.finish()
}

/// Appends the head of a CBOR text string: major type 3 and the byte length in the fewest bytes that hold it,
/// which is what "deterministic" asks for.
#[inline]
fn cbor_text_header(hasher: &mut X86_32, length: usize) {
    if let Ok(length) = u8::try_from(length) {
        if length < 24 {
            hasher.update(&[0x60 | length]);
        } else {
            hasher.update(&[0x78, length]);
        }
    } else if let Ok(length) = u16::try_from(length) {
        hasher.update(&[0x79]);
        hasher.update(&length.to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        hasher.update(&[0x7a]);
        hasher.update(&length.to_be_bytes());
    } else {
        hasher.update(&[0x7b]);
        hasher.update(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }
}

/// Scales a hash to `0..total`, evenly: `(hash × total) >> 32`.
#[inline]
#[must_use]
pub fn bucket(hash: u32, total: u32) -> u32 {
    // The high word of the 64-bit product is that shift.
    hash.carrying_mul(total, 0).1
}

/// The weights of a split as their running sums, ready to be picked from.
///
/// The unit of the weights is the caller's: the same proportions pick the same entries in any unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cumulative {
    /// Never falls, and its last element is the total.
    ends: Box<[u32]>,
    total: u32,
}

impl Cumulative {
    /// Compiles weights; `None` unless their sum is in `1..=TOTAL_MAX`, which is what flagd accepts.
    ///
    /// An entry of weight zero keeps its place and is never picked.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut total = 0_u32;
        let ends = weights
            .into_iter()
            .map(|weight| {
                total = total.checked_add(weight).filter(|sum| *sum <= TOTAL_MAX)?;
                Some(total)
            })
            .collect::<Option<_>>()?;
        (total > 0).then_some(Self { ends, total })
    }

    /// The index of the first entry whose running sum is above the hash's bucket.
    #[inline]
    #[must_use]
    pub fn pick(&self, hash: u32) -> usize {
        // There always is one: a bucket is below the total, and the total is the last running sum.
        let bucket = bucket(hash, self.total);
        self.ends.partition_point(|end| *end <= bucket)
    }

    /// The bucket that each entry ends before.
    pub fn ends(&self) -> impl Iterator<Item = u32> {
        self.ends.iter().copied()
    }

    /// The sum of all weights.
    #[inline]
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use proptest::prelude::*;

    use super::*;

    const BOTH: [Generation; 2] = [Generation::V2, Generation::V3];
    const WHOLE: u32 = 100_000;

    /// The split of a plain rollout: so many thousandths of a percent on, the rest off.
    fn rollout(on: u32) -> Option<Cumulative> {
        Cumulative::new([on, WHOLE - on])
    }

    #[test]
    fn a_generation_is_read_as_it_is_printed() {
        for generation in BOTH {
            assert_eq!(Generation::parse(generation.as_str()), Some(generation));
        }
        assert_eq!(Generation::default(), Generation::V3);
        for text in ["", "v1", "V3", "3", "v3 "] {
            assert_eq!(Generation::parse(text), None, "{text:?}");
        }
    }

    /// Whole hashes from flagd's Python core; the vectors hold indices, which show only some of their bits.
    #[test]
    fn the_hashes_are_flagds() {
        let key = |generation, key| hash_flag_key(generation, "flag-a", key);
        assert_eq!(key(Generation::V2, "user-1"), 1_175_746_023);
        assert_eq!(key(Generation::V3, "user-1"), 1_692_256_058);
        assert_eq!(key(Generation::V3, "日本語"), 1_902_217_842);
        let email = |generation, email| hash_salted(generation, "cat-email", email);
        assert_eq!(email(Generation::V2, "foo@bar.com"), 291_334_201);
        assert_eq!(email(Generation::V3, "foo@bar.com"), 3_462_507_854);
        assert_eq!(email(Generation::V3, "rachel@faas.com"), 3_844_838_589);
        assert_eq!(hash_salted(Generation::V3, "", ""), 661_569_231);
    }

    #[test]
    fn a_hash_is_scaled_evenly_to_the_total() {
        assert_eq!(bucket(0, WHOLE), 0);
        assert_eq!(bucket(u32::MAX, WHOLE), WHOLE - 1);
        assert_eq!(bucket(u32::MAX, 1), 0);
        assert_eq!(bucket(u32::MAX, TOTAL_MAX), TOTAL_MAX - 1);
        assert_eq!(bucket(1 << 31, 100), 50);
        assert_eq!(bucket((1 << 31) - 1, 100), 49);
    }

    #[test]
    fn only_a_total_that_flagd_accepts_is_compiled() {
        let total = |weights: &[u32]| Cumulative::new(weights.iter().copied()).map(|split| split.total());
        assert_eq!(total(&[]), None);
        assert_eq!(total(&[0, 0]), None);
        assert_eq!(total(&[0, 1]), Some(1));
        assert_eq!(total(&[1, TOTAL_MAX - 1]), Some(TOTAL_MAX));
        assert_eq!(total(&[1, TOTAL_MAX]), None);
        assert_eq!(total(&[u32::MAX, u32::MAX, 2]), None);
    }

    /// The table of `tests/vectors`, computed by implementations that are not ours.
    const VECTORS: &str = include_str!("../../tests/vectors/vectors.tsv");

    /// `unit*count`, or `unit` once.
    fn repeated(column: &str) -> Result<(&str, usize), Box<dyn Error>> {
        Ok(match column.split_once('*') {
            Some((unit, count)) => (unit, count.parse()?),
            None => (column, 1),
        })
    }

    fn text(column: &str) -> Result<String, Box<dyn Error>> {
        let (hex, count) = repeated(column)?;
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
            return Err("half a byte".into());
        };
        let bytes = pairs
            .iter()
            .map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?))
            .collect::<Result<_, Box<dyn Error>>>()?;
        Ok(String::from_utf8(bytes)?.repeat(count))
    }

    fn weights(column: &str) -> Result<Vec<u32>, Box<dyn Error>> {
        let (unit, count) = repeated(column)?;
        let once = unit.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(once.repeat(count))
    }

    /// What the line expects, and what we pick.
    fn expected_and_picked(line: &str) -> Result<(usize, usize), Box<dyn Error>> {
        let mut columns = line.split('\t');
        let mut next = || columns.next().ok_or("too few columns");
        let generation = Generation::parse(next()?).ok_or("no generation")?;
        let kind = next()?;
        let (name, value) = (text(next()?)?, text(next()?)?);
        let hash = match kind {
            "flag-key" => hash_flag_key(generation, &name, &value),
            "salted" => hash_salted(generation, &name, &value),
            _ => return Err("no kind of ours".into()),
        };
        let split = Cumulative::new(weights(next()?)?).ok_or("no valid weights")?;
        Ok((next()?.parse()?, split.pick(hash)))
    }

    #[test]
    fn two_foreign_implementations_pick_the_same_entries() -> Result<(), Box<dyn Error>> {
        let mut checked = 0;
        for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
            let (expected, picked) = expected_and_picked(line).map_err(|error| format!("{error}: {line}"))?;
            assert_eq!(picked, expected, "{line}");
            checked += 1;
        }
        // A file that was cut short must not pass.
        assert_eq!(checked, 1328);
        Ok(())
    }

    /// The chi-square statistic of 200 000 keys in 100 buckets, multiplied by the 2000 that each should hold.
    fn unevenness(hash: impl Fn(&str) -> u32) -> Option<u64> {
        let split = Cumulative::new([1000; 100])?;
        let mut counts = [0_u64; 100];
        for number in 0..200_000 {
            *counts.get_mut(split.pick(hash(&format!("user-{number}"))))? += 1;
        }
        Some(counts.iter().map(|count| count.abs_diff(2000).pow(2)).sum())
    }

    /// With 99 degrees of freedom chi-square is 99 on average, and above 149 or below 60 about once in a thousand
    /// each; below would mean dealt out in turn instead of hashed. The keys are fixed: this never flickers.
    #[test]
    fn people_spread_evenly() {
        for generation in BOTH {
            for name in ["flag-a", "checkout.new-flow", "機能"] {
                for chi_square_2000 in [
                    unevenness(|key| hash_flag_key(generation, name, key)),
                    unevenness(|key| hash_salted(generation, name, key)),
                ] {
                    let within = chi_square_2000.is_some_and(|sum| (60 * 2000..149 * 2000).contains(&sum));
                    assert!(within, "{generation:?} {name}: {chi_square_2000:?}");
                }
            }
        }
    }

    fn weightings() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0_u32..=WHOLE, 1..8)
            .prop_filter("a total above zero", |weights| weights.iter().any(|weight| *weight > 0))
    }

    proptest! {
        #[test]
        fn raising_a_percentage_only_adds_people(key: String, low in 0..=WHOLE, high in 0..=WHOLE) {
            let (low, high) = (low.min(high), low.max(high));
            for generation in BOTH {
                let hash = hash_flag_key(generation, "checkout.new-flow", &key);
                let before = rollout(low).map(|split| split.pick(hash));
                let after = rollout(high).map(|split| split.pick(hash));
                // Nobody is on at `low` and off at `high`: forwards this is raising, backwards lowering.
                prop_assert!(before == Some(1) || after == Some(0), "{before:?} then {after:?}");
            }
        }

        #[test]
        fn raising_the_first_of_many_only_adds_people(
            weights in weightings(),
            raise in 0_u32..=WHOLE,
            hash: u32,
        ) {
            let mut raised = weights.clone();
            if let Some(first) = raised.first_mut() {
                *first += raise;
            }
            let before = Cumulative::new(weights).map(|split| split.pick(hash));
            let after = Cumulative::new(raised).map(|split| split.pick(hash));
            prop_assert!(before != Some(0) || after == Some(0), "{before:?} then {after:?}");
        }

        #[test]
        fn what_the_first_takes_from_the_second_moves_nobody_else(
            first in 0..=WHOLE,
            second in 0..=WHOLE,
            taken in 0..=WHOLE,
            rest in weightings(),
            hash: u32,
        ) {
            let taken = taken.min(second);
            let pick = |first, second| {
                let all = [first, second].into_iter().chain(rest.iter().copied());
                Cumulative::new(all).map(|split| split.pick(hash))
            };
            let (before, after) = (pick(first, second), pick(first + taken, second - taken));
            if before != after {
                prop_assert_eq!((before, after), (Some(1), Some(0)));
            }
        }

        #[test]
        fn the_unit_of_the_weights_does_not_matter(
            weights in weightings(),
            unit in 1_u32..=2000,
            hash: u32,
        ) {
            let scaled = weights.iter().map(|weight| weight * unit);
            let scaled = Cumulative::new(scaled).map(|split| split.pick(hash));
            let plain = Cumulative::new(weights).map(|split| split.pick(hash));
            prop_assert_eq!(plain, scaled);
        }

        #[test]
        fn somebody_is_always_picked_and_never_a_weight_of_zero(weights in weightings(), hash: u32) {
            let picked = Cumulative::new(weights.iter().copied()).map(|split| split.pick(hash));
            prop_assert!(picked.and_then(|at| weights.get(at)).is_some_and(|weight| *weight > 0));
        }

        #[test]
        fn a_salted_text_is_one_text(salt: String, value: String) {
            for generation in BOTH {
                let whole = format!("{salt}{value}");
                let cut = hash_salted(generation, &salt, &value);
                prop_assert_eq!(cut, hash_salted(generation, "", &whole));
            }
        }
    }
}
