//! A test, compiled: operands parsed once, sets hashed once.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::{FixedState, FoldHasher};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use semver::Version;

use crate::audiences::Audiences;
use crate::condition::{Condition, Operator};
use crate::context::{AttributeName, Context, Found, Path};
use crate::key::SegmentKey;
use crate::same::{begins_with, ends_with, is_same};
use crate::value::{Number, Value};

/// An operand does not fit its operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {allowed}")]
pub struct OperandError {
    /// Which operand; none when their number is wrong.
    pub index: Option<usize>,
    /// What is allowed.
    pub allowed: &'static str,
}

/// A compiled comparison with operands.
///
/// Small on purpose: a flag may have hundreds of these, and to fetch one costs more than to compare.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Text that is this one.
    Text(Box<str>),
    /// Text that is one of a few.
    OneOfFewTexts(Box<[Box<str>]>),
    /// Text that is one of many.
    OneOfManyTexts(Box<Texts>),
    /// This truth.
    Boolean(bool),
    /// Any value that equals one of a list.
    OneOf(Box<[Value]>),
    /// Text that contains one of these, or a list that has an element equal to one.
    Contains(Box<[Value]>),
    /// Text that starts with this one.
    Start(Box<str>),
    /// Text that starts with one of these.
    StartsWith(Box<[Box<str>]>),
    /// Text that ends with this one.
    End(Box<str>),
    /// Text that ends with one of these.
    EndsWith(Box<[Box<str>]>),
    /// A number on the right side of this one.
    Compare(Wanted, Number),
    /// A semantic version on the right side of this one.
    CompareVersion(Wanted, Box<Version>),
    /// A date, or date and time, on the right side of this one.
    CompareTime(Wanted, Timestamp),
    /// Any value at all.
    Exists,
}

/// Many texts. A set that carried the seed of its hash would be larger than the rest of a condition.
type Texts = HashSet<Box<str>, TextState>;

/// The state that each hash of a text begins with, the same for all.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextState;

impl BuildHasher for TextState {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        FixedState::with_seed(0).build_hasher()
    }
}

/// So many texts are compared one after the other; with more, hashing is cheaper.
const FEW_TEXTS_MAX: usize = 8;

/// Which orderings of attribute to operand are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Wanted {
    const LESS: Self = Self { less: true, equal: false, greater: false };
    const LESS_OR_EQUAL: Self = Self { less: true, equal: true, greater: false };
    const EQUAL: Self = Self { less: false, equal: true, greater: false };
    const GREATER_OR_EQUAL: Self = Self { less: false, equal: true, greater: true };
    const GREATER: Self = Self { less: false, equal: false, greater: true };

    const fn holds(self, ordering: Ordering) -> bool {
        match ordering {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => self.greater,
        }
    }
}

impl Matcher {
    /// Compiles an operator with its operands.
    ///
    /// # Errors
    /// When the number of operands or the kind of one does not fit the operator.
    pub fn compile(operator: Operator, operands: &[Value]) -> Result<Self, OperandError> {
        match operator {
            Operator::Equals => one(operands).map(equal_to),
            Operator::In => some(operands).map(one_of),
            Operator::Contains => some(operands).map(|operands| Self::Contains(Box::from(operands))),
            Operator::StartsWith => {
                texts(operands).map(|texts| one_or_more(texts, Self::Start, Self::StartsWith))
            }
            Operator::EndsWith => texts(operands).map(|texts| one_or_more(texts, Self::End, Self::EndsWith)),
            Operator::Less => number(operands).map(|operand| Self::Compare(Wanted::LESS, operand)),
            Operator::LessOrEqual => {
                number(operands).map(|operand| Self::Compare(Wanted::LESS_OR_EQUAL, operand))
            }
            Operator::Greater => number(operands).map(|operand| Self::Compare(Wanted::GREATER, operand)),
            Operator::GreaterOrEqual => {
                number(operands).map(|operand| Self::Compare(Wanted::GREATER_OR_EQUAL, operand))
            }
            Operator::VersionEquals => version_operand(operands, Wanted::EQUAL),
            Operator::VersionLess => version_operand(operands, Wanted::LESS),
            Operator::VersionLessOrEqual => version_operand(operands, Wanted::LESS_OR_EQUAL),
            Operator::VersionGreater => version_operand(operands, Wanted::GREATER),
            Operator::VersionGreaterOrEqual => version_operand(operands, Wanted::GREATER_OR_EQUAL),
            Operator::Before => time(operands).map(|operand| Self::CompareTime(Wanted::LESS, operand)),
            Operator::After => time(operands).map(|operand| Self::CompareTime(Wanted::GREATER, operand)),
            Operator::Exists => Ok(Self::Exists),
        }
    }

    /// Whether an attribute's value satisfies the comparison. A flag may ask for it hundreds of times: calling it would
    /// cost as much as it does.
    #[must_use]
    #[inline(always)]
    pub fn matches(&self, found: Found<'_>) -> bool {
        match (self, found) {
            (Self::Exists, _) => true,
            (Self::Text(known), Found::Text(text)) => is_same(known, text),
            (Self::OneOfFewTexts(texts), Found::Text(text)) => texts.iter().any(|known| is_same(known, text)),
            (Self::OneOfManyTexts(texts), Found::Text(text)) => texts.contains(text),
            (Self::Boolean(known), Found::Value(Value::Boolean(truth))) => known == truth,
            (Self::Start(part), Found::Text(text)) => begins_with(text, part),
            (Self::End(part), Found::Text(text)) => ends_with(text, part),
            (Self::Compare(wanted, operand), Found::Value(value)) => Number::of(value)
                .and_then(|number| number.compare(*operand))
                .is_some_and(|ordering| wanted.holds(ordering)),
            _ => self.matches_at_length(found),
        }
    }

    /// The comparisons that take long anyway. Apart, so that the others take little room where they are used.
    #[inline(never)]
    fn matches_at_length(&self, found: Found<'_>) -> bool {
        match (self, found) {
            (Self::OneOf(values), Found::Text(text)) => {
                values.iter().any(|value| matches!(value, Value::String(known) if **known == *text))
            }
            (Self::OneOf(values), Found::Value(found)) => {
                values.iter().any(|value| value.loosely_equals(found))
            }
            (Self::Contains(parts), Found::Text(text)) => {
                parts.iter().any(|part| matches!(part, Value::String(part) if text.contains(&**part)))
            }
            (Self::Contains(parts), Found::Value(Value::List(elements))) => {
                elements.iter().any(|element| parts.iter().any(|part| part.loosely_equals(element)))
            }
            (Self::StartsWith(parts), Found::Text(text)) => {
                parts.iter().any(|part| text.starts_with(&**part))
            }
            (Self::EndsWith(parts), Found::Text(text)) => parts.iter().any(|part| text.ends_with(&**part)),
            (Self::CompareVersion(wanted, operand), Found::Text(text)) => {
                version(text).is_some_and(|version| wanted.holds(version.cmp_precedence(operand)))
            }
            (Self::CompareTime(wanted, operand), Found::Text(text)) => {
                moment(text).is_some_and(|time| wanted.holds(time.cmp(operand)))
            }
            _ => false,
        }
    }
}

fn one(operands: &[Value]) -> Result<&Value, OperandError> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(OperandError { index: None, allowed: "exactly one operand" }),
    }
}

fn some(operands: &[Value]) -> Result<&[Value], OperandError> {
    if operands.is_empty() {
        return Err(OperandError { index: None, allowed: "at least one operand" });
    }
    Ok(operands)
}

fn equal_to(operand: &Value) -> Matcher {
    match operand {
        Value::String(text) => Matcher::Text(text.clone()),
        Value::Boolean(truth) => Matcher::Boolean(*truth),
        other => Number::of(other).map_or_else(
            || Matcher::OneOf(Box::from([other.clone()])),
            |number| Matcher::Compare(Wanted::EQUAL, number),
        ),
    }
}

fn one_of(operands: &[Value]) -> Matcher {
    if let [operand] = operands {
        return equal_to(operand);
    }
    let text = |operand: &Value| if let Value::String(text) = operand { Some(text.clone()) } else { None };
    match operands.iter().map(text).collect::<Option<Box<[_]>>>() {
        Some(texts) if texts.len() <= FEW_TEXTS_MAX => Matcher::OneOfFewTexts(texts),
        Some(texts) => Matcher::OneOfManyTexts(Box::new(texts.into_iter().collect())),
        None => Matcher::OneOf(Box::from(operands)),
    }
}

fn one_or_more(
    texts: Box<[Box<str>]>,
    one: fn(Box<str>) -> Matcher,
    more: fn(Box<[Box<str>]>) -> Matcher,
) -> Matcher {
    match <Box<[Box<str>; 1]>>::try_from(texts) {
        Ok(text) => {
            let [text] = *text;
            one(text)
        }
        Err(texts) => more(texts),
    }
}

fn texts(operands: &[Value]) -> Result<Box<[Box<str>]>, OperandError> {
    let text = |(index, operand): (usize, &Value)| match operand {
        Value::String(text) => Ok(text.clone()),
        _ => Err(OperandError { index: Some(index), allowed: "text" }),
    };
    some(operands)?.iter().enumerate().map(text).collect()
}

fn number(operands: &[Value]) -> Result<Number, OperandError> {
    Number::of(one(operands)?).ok_or(OperandError { index: Some(0), allowed: "a number" })
}

fn version_operand(operands: &[Value], wanted: Wanted) -> Result<Matcher, OperandError> {
    let wrong = OperandError { index: Some(0), allowed: "a semantic version such as 2.10.0, as text" };
    let Value::String(text) = one(operands)? else {
        return Err(wrong);
    };
    let version = version(text).ok_or(wrong)?;
    Ok(Matcher::CompareVersion(wanted, Box::new(version)))
}

fn time(operands: &[Value]) -> Result<Timestamp, OperandError> {
    let wrong = OperandError {
        index: Some(0),
        allowed: "a date and time such as 2026-11-21T09:00:00Z (RFC 3339), or a date such as 2026-11-21, as text",
    };
    let Value::String(text) = one(operands)? else {
        return Err(wrong);
    };
    moment(text).ok_or(wrong)
}

/// Reads a date and time with its offset, or a plain date, which is its midnight in UTC. A time without an offset is
/// nobody's moment in particular, and is none here.
fn moment(text: &str) -> Option<Timestamp> {
    // jiff reads more as a date than people write as one: times whose hours it then drops, weeks, dates without dashes.
    let is_plain_date = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_plain_date {
        let midnight = text.parse::<Date>().ok()?.to_datetime(Time::midnight());
        return Offset::UTC.to_timestamp(midnight).ok();
    }
    text.parse().ok()
}

/// Reads a semantic version the way flagd's `sem_ver` does: one leading `v` is dropped, missing minor and patch numbers
/// are 0, build metadata plays no part.
pub(crate) fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    let numbers_end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at_checked(numbers_end)?;
    let missing = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => return None,
    };
    Version::parse(&format!("{numbers}{missing}{rest}")).ok()
}

/// A condition, compiled.
#[derive(Debug, Clone)]
pub enum CompiledCondition {
    /// A comparison of one attribute.
    Test(CompiledTest),
    /// True when all are true.
    All(Box<[CompiledCondition]>),
    /// True when one is true.
    Any(Box<[CompiledCondition]>),
    /// True when the other is false.
    Not(Box<CompiledCondition>),
    /// True for the members of a segment.
    Segment(SegmentKey),
    /// True for those whose targeting key is one of many: an allowlist. In place and not apart, because to look up where
    /// the keys are would cost as much as to look one up.
    Keys(Texts),
}

/// A test, compiled. One that is negated is [`CompiledCondition::Not`] of the other.
#[derive(Debug, Clone)]
pub struct CompiledTest {
    path: Path,
    matcher: Matcher,
}

impl CompiledCondition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// When an operand does not fit its operator.
    pub fn compile(condition: &Condition) -> Result<Self, OperandError> {
        let all = |conditions: &[Condition]| {
            conditions.iter().map(Self::compile).collect::<Result<Box<[Self]>, _>>()
        };
        Ok(match condition {
            Condition::Test(test) => {
                let path = Path::parse(&test.attribute);
                let compiled = match (path, Matcher::compile(test.operator, &test.operands)?) {
                    (Path::TargetingKey, Matcher::OneOfManyTexts(keys)) => Self::Keys(*keys),
                    (path, matcher) => Self::Test(CompiledTest { path, matcher }),
                };
                if test.negated { Self::Not(Box::new(compiled)) } else { compiled }
            }
            Condition::All(conditions) => Self::All(all(conditions)?),
            Condition::Any(conditions) => Self::Any(all(conditions)?),
            Condition::Not(condition) => Self::Not(Box::new(Self::compile(condition)?)),
            Condition::Segment(segment) => Self::Segment(segment.clone()),
        })
    }

    /// Whether it names a segment, at any level.
    #[must_use]
    pub fn names_segments(&self) -> bool {
        match self {
            Self::Segment(_) => true,
            Self::Test(_) | Self::Keys(_) => false,
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::names_segments),
            Self::Not(inner) => inner.names_segments(),
        }
    }

    /// Whether it looks at a top-level attribute, at any level.
    #[must_use]
    pub fn names_attribute(&self, name: &AttributeName) -> bool {
        match self {
            Self::Segment(_) | Self::Keys(_) => false,
            Self::Test(test) => test.path.begins_with(name),
            Self::All(inner) | Self::Any(inner) => inner.iter().any(|inner| inner.names_attribute(name)),
            Self::Not(inner) => inner.names_attribute(name),
        }
    }

    /// Whether the condition is true of a context; `audiences` says who is in a segment.
    ///
    /// A single test becomes part of the loop over the rules, which then looks up what they have in common once.
    #[must_use]
    #[inline(always)]
    pub fn holds(&self, context: &Context, audiences: &Audiences) -> bool {
        match self {
            Self::Test(test) => test.holds(context),
            Self::Keys(keys) => context.targeting_key().is_some_and(|key| keys.contains(key)),
            combined => combined.holds_at_length(context, audiences),
        }
    }

    fn holds_at_length(&self, context: &Context, audiences: &Audiences) -> bool {
        match self {
            Self::Test(_) | Self::Keys(_) => self.holds(context, audiences),
            Self::All(inner) => inner.iter().all(|inner| inner.holds_at_length(context, audiences)),
            Self::Any(inner) => inner.iter().any(|inner| inner.holds_at_length(context, audiences)),
            Self::Not(inner) => !inner.holds_at_length(context, audiences),
            Self::Segment(segment) => audiences.has(segment, context),
        }
    }
}

impl CompiledTest {
    #[inline(always)]
    fn holds(&self, context: &Context) -> bool {
        self.path.find(context).is_some_and(|found| self.matcher.matches(found))
    }
}

#[cfg(test)]
mod tests;
