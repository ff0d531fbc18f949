//! The floor: the least that a careful programmer could write by hand for exactly these columns.
//!
//! No variants, no reasons, no other types than boolean, no generations, no folding of keys: it does less than any
//! product may. It does share what cannot be given up: evaluations go on while another thread replaces all flags.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::population::{Flag, Kind, Person, QUARTER, Test, member, ten_rules};

/// All flags.
pub(crate) type FloorSet = HashMap<Box<str>, FloorFlag, FixedState>;

#[derive(Debug)]
pub(crate) struct FloorFlag {
    is_enabled: bool,
    allowed: Option<HashSet<Box<str>, FixedState>>,
    rules: Box<[FloorTest]>,
    /// Decides for whom nothing else does.
    share: Option<Share>,
}

/// On for those in the first buckets of 100,000.
#[derive(Debug)]
struct Share {
    begun: Murmur3,
    buckets: u32,
}

#[derive(Debug)]
enum FloorTest {
    Equals(Box<str>, Box<str>),
    In(Box<str>, Box<[Box<str>]>),
    StartsWith(Box<str>, Box<str>),
    EndsWith(Box<str>, Box<str>),
    Contains(Box<str>, Box<str>),
    Less(Box<str>, i64),
    Greater(Box<str>, i64),
    True(Box<str>),
}

#[derive(Debug)]
pub(crate) enum FloorValue {
    Text(Box<str>),
    Number(i64),
    Boolean(bool),
}

/// Whom a flag is evaluated for.
#[derive(Debug)]
pub(crate) struct FloorContext {
    key: Box<str>,
    attributes: Vec<(Box<str>, FloorValue)>,
}

impl FloorContext {
    pub(crate) fn of(person: &Person) -> Self {
        let texts = person
            .texts
            .iter()
            .map(|(name, text)| (Box::from(*name), FloorValue::Text(Box::from(text.as_str()))));
        let numbers =
            person.numbers.iter().map(|(name, number)| (Box::from(*name), FloorValue::Number(*number)));
        let beta = [(Box::from("beta"), FloorValue::Boolean(person.beta))];
        let mut attributes: Vec<(Box<str>, FloorValue)> = texts.chain(numbers).chain(beta).collect();
        attributes.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self { key: Box::from(person.key.as_str()), attributes }
    }

    /// A handful is found faster by looking at each than by hashing.
    #[inline]
    fn get(&self, name: &str) -> Option<&FloorValue> {
        self.attributes.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    #[inline]
    fn text(&self, name: &str) -> Option<&str> {
        if let Some(FloorValue::Text(text)) = self.get(name) { Some(text) } else { None }
    }

    #[inline]
    fn number(&self, name: &str) -> Option<i64> {
        if let Some(FloorValue::Number(number)) = self.get(name) { Some(*number) } else { None }
    }
}

impl FloorTest {
    fn of(test: Test) -> Self {
        match test {
            Test::Equals(name, text) => Self::Equals(name.into(), text.into()),
            Test::In(name, texts) => Self::In(name.into(), texts.into_iter().map(Into::into).collect()),
            Test::StartsWith(name, text) => Self::StartsWith(name.into(), text.into()),
            Test::EndsWith(name, text) => Self::EndsWith(name.into(), text.into()),
            Test::Contains(name, text) => Self::Contains(name.into(), text.into()),
            Test::Less(name, number) => Self::Less(name.into(), number),
            Test::Greater(name, number) => Self::Greater(name.into(), number),
            Test::True(name) => Self::True(name.into()),
        }
    }

    #[inline]
    fn holds(&self, context: &FloorContext) -> bool {
        match self {
            Self::Equals(name, text) => context.text(name) == Some(text),
            Self::In(name, texts) => {
                context.text(name).is_some_and(|found| texts.iter().any(|text| **text == *found))
            }
            Self::StartsWith(name, text) => {
                context.text(name).is_some_and(|found| found.starts_with(&**text))
            }
            Self::EndsWith(name, text) => context.text(name).is_some_and(|found| found.ends_with(&**text)),
            Self::Contains(name, text) => context.text(name).is_some_and(|found| found.contains(&**text)),
            Self::Less(name, number) => context.number(name).is_some_and(|found| found < *number),
            Self::Greater(name, number) => context.number(name).is_some_and(|found| found > *number),
            Self::True(name) => matches!(context.get(name), Some(FloorValue::Boolean(true))),
        }
    }
}

impl FloorFlag {
    fn of(flag: &Flag) -> Self {
        let mut built = Self { is_enabled: true, allowed: None, rules: Box::default(), share: None };
        match flag.kind {
            Kind::Boolean => {}
            Kind::Rollout => built.share = Some(Share::of(&flag.key)),
            Kind::Allowlist(count) => {
                built.allowed = Some((0..count).map(|number| member(number).into()).collect());
                built.share = Some(Share::of(&flag.key));
            }
            Kind::TenRules => built.rules = ten_rules(flag.number).into_iter().map(FloorTest::of).collect(),
        }
        built
    }

    #[inline]
    pub(crate) fn evaluate(&self, context: &FloorContext) -> bool {
        if !self.is_enabled {
            return false;
        }
        if self.allowed.as_ref().is_some_and(|allowed| allowed.contains(&context.key)) {
            return true;
        }
        if self.rules.iter().any(|rule| rule.holds(context)) {
            return true;
        }
        self.share.as_ref().is_some_and(|share| share.has(&context.key))
    }
}

impl Share {
    /// flagd's buckets: `MurmurHash3` over the CBOR of `[flag key, targeting key]`, scaled to 100,000. The flag's part is
    /// hashed beforehand. Both texts are shorter than 24 bytes here, so that each head is a single byte.
    fn of(key: &str) -> Self {
        let mut begun = Murmur3 { hash: 0, pending: 0, bits: 0, length: 0 };
        begun.add(&[0x82, head(key)]);
        begun.add(key.as_bytes());
        Self { begun, buckets: QUARTER }
    }

    #[inline]
    fn has(&self, targeting_key: &str) -> bool {
        let mut hash = self.begun;
        hash.add(&[head(targeting_key)]);
        hash.add(targeting_key.as_bytes());
        (u64::from(hash.end()) * 100_000) >> 32 < u64::from(self.buckets)
    }
}

#[inline]
fn head(text: &str) -> u8 {
    0x60 | u8::try_from(text.len()).unwrap_or(0)
}

/// `MurmurHash3` x86 32-bit with seed 0, in pieces.
#[derive(Debug, Clone, Copy)]
struct Murmur3 {
    hash: u32,
    pending: u64,
    bits: u32,
    length: u32,
}

impl Murmur3 {
    #[inline]
    fn add(&mut self, bytes: &[u8]) {
        self.length += u32::try_from(bytes.len()).unwrap_or(0);
        let (blocks, tail) = bytes.as_chunks::<4>();
        for block in blocks {
            self.word(u32::from_le_bytes(*block), 32);
        }
        match *tail {
            [a] => self.word(u32::from(a), 8),
            [a, b] => self.word(u32::from_le_bytes([a, b, 0, 0]), 16),
            [a, b, c] => self.word(u32::from_le_bytes([a, b, c, 0]), 24),
            _ => {}
        }
    }

    #[inline]
    fn word(&mut self, word: u32, bits: u32) {
        self.pending |= u64::from(word) << self.bits;
        self.bits += bits;
        if self.bits >= 32 {
            let [a, b, c, d, ..] = self.pending.to_le_bytes();
            self.hash ^= scramble(u32::from_le_bytes([a, b, c, d]));
            self.hash = self.hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            self.pending >>= 32;
            self.bits -= 32;
        }
    }

    #[inline]
    fn end(self) -> u32 {
        let [a, b, c, d, ..] = self.pending.to_le_bytes();
        let hash = self.hash ^ scramble(u32::from_le_bytes([a, b, c, d])) ^ self.length;
        let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

#[inline]
fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// Builds all flags.
pub(crate) fn load(flags: &[Flag]) -> FloorSet {
    flags.iter().map(|flag| (Box::from(flag.key.as_str()), FloorFlag::of(flag))).collect()
}
