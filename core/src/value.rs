//! Values of variants and of context attributes.

use std::collections::BTreeMap;
use std::fmt;

use crate::number_text::javascript_number;

/// A JSON-like value that keeps 64-bit integers exact.
///
/// Two values are equal when they have the same kind and content; [`Value::loosely_equals`] also lets an integer equal
/// a float of the same number, which is what conditions use. A float is never NaN or infinite once validated.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// true or false.
    Boolean(bool),
    /// An exact 64-bit integer.
    Integer(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    String(Box<str>),
    /// A list.
    List(Vec<Value>),
    /// Named values.
    Object(BTreeMap<Box<str>, Value>),
}

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagType {
    /// true or false.
    Boolean,
    /// Text.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating-point number.
    Float,
    /// A JSON object.
    Object,
}

impl FlagType {
    /// The name by which people and errors call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for FlagType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// As JSON, for people: text is quoted, so that it is not taken for a number or a truth.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Float(number) => formatter.write_str(&javascript_number(*number)),
            Self::String(text) => write!(formatter, "{text:?}"),
            Self::List(values) => {
                formatter.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(formatter, "{comma}{value}")?;
                }
                formatter.write_str("]")
            }
            Self::Object(fields) => {
                formatter.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(formatter, "{comma}{name:?}: {value}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}

impl Value {
    /// Text.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self::String(Box::from(text))
    }

    /// The flag type that this value could be a variant of; none for null and lists.
    #[must_use]
    pub const fn flag_type(&self) -> Option<FlagType> {
        match self {
            Self::Boolean(_) => Some(FlagType::Boolean),
            Self::String(_) => Some(FlagType::String),
            Self::Integer(_) => Some(FlagType::Integer),
            Self::Float(_) => Some(FlagType::Float),
            Self::Object(_) => Some(FlagType::Object),
            Self::Null | Self::List(_) => None,
        }
    }

    /// How many levels of lists and objects the value has; a plain value has none.
    ///
    /// Recursion is bounded by whoever decoded the value: both the wire and JSON refuse more than about a hundred.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::List(values) => 1 + values.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(fields) => 1 + fields.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Roughly how many bytes the value takes when it is written down.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Boolean(_) => 1,
            Self::Integer(_) | Self::Float(_) => 8,
            Self::String(text) => text.len(),
            Self::List(values) => values.iter().map(|value| value.size() + 1).sum(),
            Self::Object(fields) => fields.iter().map(|(name, value)| name.len() + value.size() + 2).sum(),
        }
    }

    /// Whether the value holds only finite numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Float(number) => number.is_finite(),
            Self::List(values) => values.iter().all(Self::is_finite),
            Self::Object(fields) => fields.values().all(Self::is_finite),
            _ => true,
        }
    }

    /// Equality as conditions see it: numbers by value, everything else by kind and content.
    #[must_use]
    pub fn loosely_equals(&self, other: &Self) -> bool {
        match (Number::of(self), Number::of(other)) {
            (Some(left), Some(right)) => left.compare(right) == Some(std::cmp::Ordering::Equal),
            _ => self == other,
        }
    }
}

/// A number, as conditions compare it: two integers exactly, anything else as floats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An exact integer.
    Integer(i64),
    /// A float.
    Float(f64),
}

impl Number {
    /// The number that a value is, if it is one.
    #[must_use]
    pub const fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(Self::Integer(*number)),
            Value::Float(number) => Some(Self::Float(*number)),
            _ => None,
        }
    }

    /// Which one is greater; none when one of them is NaN.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (left, right) => left.as_float().partial_cmp(&right.as_float()),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "JSON numbers are doubles everywhere else in the field, so a mixed comparison is one of doubles"
    )]
    const fn as_float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_equal_by_value_and_integers_exactly() {
        assert!(Value::Integer(5).loosely_equals(&Value::Float(5.0)));
        assert!(
            !Value::Integer(9_007_199_254_740_993).loosely_equals(&Value::Integer(9_007_199_254_740_992))
        );
        assert!(!Value::Integer(1).loosely_equals(&Value::Boolean(true)));
        assert!(!Value::Float(f64::NAN).loosely_equals(&Value::Float(f64::NAN)));
    }

    #[test]
    fn a_value_is_shown_as_json() {
        let shown = |value: &Value, expected: &str| assert_eq!(value.to_string(), expected);
        shown(&Value::string("a\"b\n"), r#""a\"b\n""#);
        let list =
            Value::List(vec![Value::Null, Value::Boolean(true), Value::Integer(-1), Value::Float(0.5)]);
        shown(&list, "[null, true, -1, 0.5]");
        let fields = [(Box::from("a"), list), (Box::from("b c"), Value::List(Vec::new()))];
        shown(&Value::Object(BTreeMap::from(fields)), r#"{"a": [null, true, -1, 0.5], "b c": []}"#);
    }

    #[test]
    fn depth_counts_containers() {
        assert_eq!(Value::Null.depth(), 0);
        assert_eq!(Value::List(vec![Value::Object(BTreeMap::new())]).depth(), 2);
    }
}
