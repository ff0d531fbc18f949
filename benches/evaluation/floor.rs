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
    /// On below this bucket of 100,000, for whom nothing else decides.
    share: Option<u32>,
}

#[derive(Debug)]
enum FloorTest {
    Equals(&'static str, Box<str>),
    In(&'static str, Box<[Box<str>]>),
    StartsWith(&'static str, Box<str>),
    EndsWith(&'static str, Box<str>),
    Contains(&'static str, Box<str>),
    Less(&'static str, i64),
    Greater(&'static str, i64),
    True(&'static str),
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
    attributes: Vec<(&'static str, FloorValue)>,
}

impl FloorContext {
    pub(crate) fn of(person: &Person) -> Self {
        let texts =
            person.texts.iter().map(|(name, text)| (*name, FloorValue::Text(Box::from(text.as_str()))));
        let numbers = person.numbers.iter().map(|(name, number)| (*name, FloorValue::Number(*number)));
        let beta = [("beta", FloorValue::Boolean(person.beta))];
        let mut attributes: Vec<_> = texts.chain(numbers).chain(beta).collect();
        attributes.sort_by_key(|(name, _)| *name);
        Self { key: Box::from(person.key.as_str()), attributes }
    }

    /// A handful is found faster by looking at each than by hashing.
    #[inline]
    fn get(&self, name: &str) -> Option<&FloorValue> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
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
            Test::Equals(name, text) => Self::Equals(name, text.into()),
            Test::In(name, texts) => Self::In(name, texts.into_iter().map(Into::into).collect()),
            Test::StartsWith(name, text) => Self::StartsWith(name, text.into()),
            Test::EndsWith(name, text) => Self::EndsWith(name, text.into()),
            Test::Contains(name, text) => Self::Contains(name, text.into()),
            Test::Less(name, number) => Self::Less(name, number),
            Test::Greater(name, number) => Self::Greater(name, number),
            Test::True(name) => Self::True(name),
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
            Kind::Rollout => built.share = Some(QUARTER),
            Kind::Allowlist(count) => {
                built.allowed = Some((0..count).map(|number| member(number).into()).collect());
                built.share = Some(QUARTER);
            }
            Kind::TenRules => built.rules = ten_rules(flag.number).into_iter().map(FloorTest::of).collect(),
        }
        built
    }

    #[inline]
    pub(crate) fn evaluate(&self, key: &str, context: &FloorContext) -> bool {
        if !self.is_enabled {
            return false;
        }
        if self.allowed.as_ref().is_some_and(|allowed| allowed.contains(&context.key)) {
            return true;
        }
        if self.rules.iter().any(|rule| rule.holds(context)) {
            return true;
        }
        self.share.is_some_and(|share| bucket(key, &context.key) < share)
    }
}

/// The same bucket as flagd's: `MurmurHash3` over the CBOR of `[key, targeting key]`, scaled to 100,000. Both texts are
/// shorter than 24 bytes here, so that the heads are single bytes; they are put together on the stack.
#[inline]
fn bucket(key: &str, targeting_key: &str) -> u32 {
    let mut bytes = [0_u8; 64];
    let heads = 3;
    let length = heads + key.len() + targeting_key.len();
    let Some(text) = bytes.get_mut(..length) else {
        return 0;
    };
    let (head, rest) = text.split_at_mut(2);
    head.copy_from_slice(&[0x82, 0x60 | low_byte(key.len())]);
    let (first, rest) = rest.split_at_mut(key.len());
    first.copy_from_slice(key.as_bytes());
    if let Some((head, second)) = rest.split_first_mut() {
        *head = 0x60 | low_byte(targeting_key.len());
        second.copy_from_slice(targeting_key.as_bytes());
    }
    let hash = murmur3(text);
    u32::try_from((u64::from(hash) * 100_000) >> 32).unwrap_or(0)
}

#[inline]
fn low_byte(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(0)
}

#[inline]
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= scramble(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = tail.iter().rev().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    hash ^= scramble(rest);
    hash ^= u32::try_from(bytes.len()).unwrap_or(0);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Builds all flags.
pub(crate) fn load(flags: &[Flag]) -> FloorSet {
    flags.iter().map(|flag| (Box::from(flag.key.as_str()), FloorFlag::of(flag))).collect()
}
