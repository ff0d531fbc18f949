//! When a rule applies: the plain form, for editing, storing and explaining. `matcher.rs` holds the compiled one.

use crate::key::SegmentKey;
use crate::value::Value;

/// A condition over a context.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A comparison of one attribute.
    Test(Test),
    /// True when all are true; an empty list is true.
    All(Vec<Condition>),
    /// True when one is true; an empty list is false.
    Any(Vec<Condition>),
    /// True when the other is false.
    Not(Box<Condition>),
    /// True for the members of a segment of the environment.
    Segment(SegmentKey),
}

impl Condition {
    /// The segments that it names, at any level.
    #[must_use]
    pub fn segments(&self) -> Vec<&SegmentKey> {
        match self {
            Self::Segment(segment) => vec![segment],
            Self::Test(_) => Vec::new(),
            Self::Not(inner) => inner.segments(),
            Self::All(inner) | Self::Any(inner) => inner.iter().flat_map(Self::segments).collect(),
        }
    }

    /// The segments that it names, at any level, each with its field; `field` is that of the condition itself.
    pub(crate) fn segments_at(&self, field: &str) -> Vec<(String, &SegmentKey)> {
        let (word, inner) = match self {
            Self::Segment(segment) => return vec![(format!("{field}.segment"), segment)],
            Self::Test(_) => return Vec::new(),
            Self::Not(inner) => return inner.segments_at(&format!("{field}.not")),
            Self::All(inner) => ("all", inner),
            Self::Any(inner) => ("any", inner),
        };
        let inner = inner.iter().enumerate();
        inner.flat_map(|(index, inner)| inner.segments_at(&format!("{field}.{word}[{index}]"))).collect()
    }
}

/// A comparison of one attribute with operands.
///
/// A missing attribute, or one of another type than the operator needs, makes the comparison false; `negated` turns
/// that into true. So `negated` always means exactly [`Condition::Not`].
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// A top-level attribute, or a dotted path into objects; `targetingKey` is the targeting key.
    pub attribute: Box<str>,
    /// The comparison.
    pub operator: Operator,
    /// What is compared with.
    pub operands: Vec<Value>,
    /// Turns the answer round.
    pub negated: bool,
}

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// Equal to the operand.
    Equals,
    /// Equal to one of the operands.
    In,
    /// Text that contains one of the operands, or a list with an element equal to one.
    Contains,
    /// Text that starts with one of the operands.
    StartsWith,
    /// Text that ends with one of the operands.
    EndsWith,
    /// A smaller number.
    Less,
    /// A smaller or equal number.
    LessOrEqual,
    /// A greater number.
    Greater,
    /// A greater or equal number.
    GreaterOrEqual,
    /// The same semantic version.
    VersionEquals,
    /// An earlier semantic version.
    VersionLess,
    /// An earlier or equal semantic version.
    VersionLessOrEqual,
    /// A later semantic version.
    VersionGreater,
    /// A later or equal semantic version.
    VersionGreaterOrEqual,
    /// An earlier date and time; a plain date is its midnight in UTC.
    Before,
    /// A later date and time; a plain date is its midnight in UTC.
    After,
    /// There at all.
    Exists,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Equals,
        Self::In,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::VersionEquals,
        Self::VersionLess,
        Self::VersionLessOrEqual,
        Self::VersionGreater,
        Self::VersionGreaterOrEqual,
        Self::Before,
        Self::After,
        Self::Exists,
    ];
}
