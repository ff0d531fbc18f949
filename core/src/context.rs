//! The subject of an evaluation.

use crate::value::Value;

/// An evaluation context, as OpenFeature defines it: a targeting key and attributes.
///
/// Attributes are kept sorted by name: a handful of them is found faster by comparing than by hashing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    targeting_key: Option<Box<str>>,
    attributes: Vec<(Box<str>, Value)>,
}

/// The attribute name by which conditions reach the targeting key.
pub const TARGETING_KEY: &str = "targetingKey";

impl Context {
    /// A subject without identity.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { targeting_key: None, attributes: Vec::new() }
    }

    /// A subject with an identity. An empty one is none.
    #[must_use]
    pub fn new(targeting_key: &str) -> Self {
        let targeting_key = (!targeting_key.is_empty()).then(|| Box::from(targeting_key));
        Self { targeting_key, attributes: Vec::new() }
    }

    /// Adds an attribute, or replaces it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// Adds an attribute, or replaces it.
    pub fn set(&mut self, name: &str, value: Value) {
        match self.attributes.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(at) => {
                if let Some(slot) = self.attributes.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => self.attributes.insert(at, (Box::from(name), value)),
        }
    }

    /// The subject's identity.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.targeting_key.as_deref()
    }

    /// A top-level attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// All attributes, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.attributes.iter().map(|(name, value)| (&**name, value))
    }
}

/// Where a condition finds its attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// The targeting key.
    TargetingKey,
    /// A top-level attribute.
    Attribute(Box<str>),
    /// An attribute of an object, or of an object within it.
    Nested(Box<str>, Box<[Box<str>]>),
}

/// What a [`Path`] leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'c> {
    /// Text: the targeting key or a text attribute.
    Text(&'c str),
    /// Any other value; never null.
    Value(&'c Value),
}

impl Path {
    /// Reads `name` or `name.of.nested`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == TARGETING_KEY {
            return Self::TargetingKey;
        }
        match text.split_once('.') {
            None => Self::Attribute(Box::from(text)),
            Some((first, rest)) => Self::Nested(Box::from(first), rest.split('.').map(Box::from).collect()),
        }
    }

    /// Looks the attribute up. Null counts as missing.
    #[must_use]
    pub fn find<'c>(&self, context: &'c Context) -> Option<Found<'c>> {
        let value = match self {
            Self::TargetingKey => return context.targeting_key().map(Found::Text),
            Self::Attribute(name) => context.attribute(name)?,
            Self::Nested(first, rest) => {
                let mut value = context.attribute(first)?;
                for name in rest {
                    let Value::Object(fields) = value else { return None };
                    value = fields.get(name)?;
                }
                value
            }
        };
        match value {
            Value::Null => None,
            Value::String(text) => Some(Found::Text(text)),
            other => Some(Found::Value(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn paths_reach_into_objects() {
        let address = Value::Object(BTreeMap::from([(Box::from("country"), Value::string("DE"))]));
        let context = Context::new("user-1").with("address", address).with("nothing", Value::Null);
        assert_eq!(Path::parse("address.country").find(&context), Some(Found::Text("DE")));
        assert_eq!(Path::parse("address.country.code").find(&context), None);
        assert_eq!(Path::parse("targetingKey").find(&context), Some(Found::Text("user-1")));
        assert_eq!(Path::parse("nothing").find(&context), None);
    }

    #[test]
    fn setting_an_attribute_twice_keeps_the_last() {
        let context = Context::anonymous()
            .with("b", Value::Integer(1))
            .with("a", Value::Null)
            .with("b", Value::Integer(2));
        assert_eq!(context.attribute("b"), Some(&Value::Integer(2)));
        assert_eq!(context.attributes().count(), 2);
    }
}
