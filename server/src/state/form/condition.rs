//! Rules, and the conditions in them.

use mycelia_flags_core::condition as core;
use mycelia_flags_core::flag;
use mycelia_flags_core::key::SegmentKey;

use super::flag::Serve;
use super::number::Numbered;
use super::value::{Value, values};
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Rule {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) condition: Option<Condition>,
    #[prost(message, optional, tag = "3")]
    pub(super) serve: Option<Serve>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Condition {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Test(Test),
    #[prost(message, tag = "2")]
    All(Conditions),
    #[prost(message, tag = "3")]
    Any(Conditions),
    #[prost(message, boxed, tag = "4")]
    Not(Box<Condition>),
    /// The segment's key.
    #[prost(string, tag = "5")]
    Segment(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Conditions {
    #[prost(message, repeated, tag = "1")]
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Test {
    #[prost(string, tag = "1")]
    pub(super) attribute: String,
    #[prost(uint32, tag = "2")]
    pub(super) operator: u32,
    #[prost(message, repeated, tag = "3")]
    pub(super) operands: Vec<Value>,
    #[prost(bool, tag = "4")]
    pub(super) negated: bool,
}

impl From<&flag::Rule> for Rule {
    fn from(rule: &flag::Rule) -> Self {
        Self {
            name: rule.name.to_string(),
            condition: Some(Condition::from(&rule.condition)),
            serve: Some(Serve::from(&rule.serve)),
        }
    }
}

impl TryFrom<Rule> for flag::Rule {
    type Error = FormError;

    fn try_from(rule: Rule) -> Result<Self, FormError> {
        Ok(Self {
            name: rule.name.into(),
            condition: required("a rule's condition", rule.condition)?.try_into()?,
            serve: required("what a rule serves", rule.serve)?.try_into()?,
        })
    }
}

pub(super) fn rules(rules: Vec<Rule>) -> Result<Vec<flag::Rule>, FormError> {
    rules.into_iter().map(flag::Rule::try_from).collect()
}

impl From<&core::Condition> for Condition {
    fn from(condition: &core::Condition) -> Self {
        let several = |conditions: &[core::Condition]| Conditions {
            conditions: conditions.iter().map(Self::from).collect(),
        };
        let kind = match condition {
            core::Condition::Test(test) => Kind::Test(Test {
                attribute: test.attribute.to_string(),
                operator: test.operator.number(),
                operands: test.operands.iter().map(Value::from).collect(),
                negated: test.negated,
            }),
            core::Condition::All(conditions) => Kind::All(several(conditions)),
            core::Condition::Any(conditions) => Kind::Any(several(conditions)),
            core::Condition::Not(condition) => Kind::Not(Box::new(Self::from(&**condition))),
            core::Condition::Segment(segment) => Kind::Segment(segment.to_string()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Condition> for core::Condition {
    type Error = FormError;

    fn try_from(condition: Condition) -> Result<Self, FormError> {
        let several = |several: Conditions| {
            several.conditions.into_iter().map(Self::try_from).collect::<Result<_, _>>()
        };
        Ok(match required("a condition", condition.kind)? {
            Kind::Test(test) => Self::Test(core::Test {
                attribute: test.attribute.into(),
                operator: core::Operator::numbered(test.operator)?,
                operands: values(test.operands)?,
                negated: test.negated,
            }),
            Kind::All(conditions) => Self::All(several(conditions)?),
            Kind::Any(conditions) => Self::Any(several(conditions)?),
            Kind::Not(condition) => Self::Not(Box::new(Self::try_from(*condition)?)),
            Kind::Segment(segment) => Self::Segment(SegmentKey::new(&segment)),
        })
    }
}
