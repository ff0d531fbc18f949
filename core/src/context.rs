//! The subject of an evaluation.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::same::is_same;
use crate::value::Value;

/// An evaluation context, as OpenFeature defines it: a targeting key and attributes.
///
/// Attributes are kept sorted by name: a handful of them is found faster by comparing than by hashing. What is compared
/// are the heads of the names, which lie side by side, so that a rule looks at one attribute and not at all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    targeting_key: Option<Box<str>>,
    heads: Vec<Head>,
    attributes: Vec<(Box<str>, Value)>,
}

/// The first bytes of a name and its length, in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head(u64);

/// Bytes of a name in its head.
const HEAD_BYTES: usize = 7;

impl Head {
    fn of(name: &str) -> Self {
        let mut first = [0; HEAD_BYTES];
        for (place, byte) in first.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
        let [a, b, c, d, e, f, g] = first;
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, length]))
    }
}

/// The name of an attribute as rules have it: it is found by its head, and looked for where it was first.
#[derive(Debug, Clone)]
pub struct AttributeName {
    head: Head,
    /// The whole name; nothing when the head says it all.
    long: Box<str>,
    usual: UsualPlace,
}

impl AttributeName {
    /// Takes any text.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let long = Box::from(if name.len() > HEAD_BYTES { name } else { "" });
        Self { head: Head::of(name), long, usual: UsualPlace::default() }
    }

    #[inline(always)]
    fn is(&self, head: Head, name: &str) -> bool {
        head == self.head && (self.long.is_empty() || is_same(name, &self.long))
    }
}

impl PartialEq for AttributeName {
    fn eq(&self, other: &Self) -> bool {
        other.is(self.head, &self.long)
    }
}

/// Where in a context a name was found first. It is nearly always there, because a service builds its contexts alike, and
/// to look there is cheaper than any search. Written once: what is written again and again travels between the
/// processors' caches. Says nothing about where a name is, only where to look first.
#[derive(Debug)]
struct UsualPlace(AtomicU8);

impl UsualPlace {
    const UNKNOWN: u8 = u8::MAX;

    #[inline(always)]
    fn get(&self) -> usize {
        usize::from(self.0.load(Ordering::Relaxed))
    }

    fn learn(&self, place: usize) {
        if self.0.load(Ordering::Relaxed) == Self::UNKNOWN {
            self.0.store(u8::try_from(place).unwrap_or(Self::UNKNOWN), Ordering::Relaxed);
        }
    }
}

impl Default for UsualPlace {
    fn default() -> Self {
        Self(AtomicU8::new(Self::UNKNOWN))
    }
}

impl Clone for UsualPlace {
    fn clone(&self) -> Self {
        Self(AtomicU8::new(self.0.load(Ordering::Relaxed)))
    }
}

/// The attribute name by which conditions reach the targeting key.
pub const TARGETING_KEY: &str = "targetingKey";

impl Context {
    /// A subject without identity.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { targeting_key: None, heads: Vec::new(), attributes: Vec::new() }
    }

    /// A subject with an identity. An empty one is none.
    #[must_use]
    pub fn new(targeting_key: &str) -> Self {
        let targeting_key = (!targeting_key.is_empty()).then(|| Box::from(targeting_key));
        Self { targeting_key, heads: Vec::new(), attributes: Vec::new() }
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
            Err(at) => {
                self.heads.insert(at, Head::of(name));
                self.attributes.insert(at, (Box::from(name), value));
            }
        }
    }

    /// The subject's identity.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.targeting_key.as_deref()
    }

    /// A top-level attribute.
    #[must_use]
    #[inline(always)]
    pub fn attribute(&self, name: &AttributeName) -> Option<&Value> {
        let usual = name.usual.get();
        match (self.heads.get(usual), self.attributes.get(usual)) {
            (Some(head), Some((known, value))) if name.is(*head, known) => Some(value),
            _ => self.search(name),
        }
    }

    /// Apart, because it is seldom needed, and its loop would take the registers of whoever asks.
    #[inline(never)]
    fn search(&self, name: &AttributeName) -> Option<&Value> {
        let mut attributes = self.heads.iter().zip(&self.attributes);
        let place = attributes.position(|(head, (known, _))| name.is(*head, known))?;
        name.usual.learn(place);
        self.attributes.get(place).map(|(_, value)| value)
    }

    /// All attributes, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.attributes.iter().map(|(name, value)| (&**name, value))
    }
}

/// Where a condition finds its attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Path {
    /// The targeting key.
    TargetingKey,
    /// A top-level attribute.
    Attribute(AttributeName),
    /// A field of an object, or of an object within it. Apart, because it is rare and rules are better small.
    Nested(Box<(AttributeName, Box<[Box<str>]>)>),
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
            None => Self::Attribute(AttributeName::new(text)),
            Some((first, rest)) => {
                let fields = rest.split('.').map(Box::from).collect();
                Self::Nested(Box::new((AttributeName::new(first), fields)))
            }
        }
    }

    /// Whether it leads through a top-level attribute.
    #[must_use]
    pub fn begins_with(&self, attribute: &AttributeName) -> bool {
        match self {
            Self::TargetingKey => false,
            Self::Attribute(name) => name == attribute,
            Self::Nested(nested) => nested.0 == *attribute,
        }
    }

    /// Looks the attribute up. Null counts as missing. Part of every rule's loop, and not called from it.
    #[must_use]
    #[inline(always)]
    pub fn find<'c>(&self, context: &'c Context) -> Option<Found<'c>> {
        let value = match self {
            Self::TargetingKey => return context.targeting_key().map(Found::Text),
            Self::Attribute(name) => context.attribute(name)?,
            Self::Nested(nested) => find_nested(nested, context)?,
        };
        match value {
            Value::Null => None,
            Value::String(text) => Some(Found::Text(text)),
            other => Some(Found::Value(other)),
        }
    }
}

/// Apart from the rules' loop, where it would take the registers of the others.
#[inline(never)]
fn find_nested<'c>(
    (first, rest): &(AttributeName, Box<[Box<str>]>),
    context: &'c Context,
) -> Option<&'c Value> {
    let mut value = context.attribute(first)?;
    for name in rest {
        let Value::Object(fields) = value else { return None };
        value = fields.get(name)?;
    }
    Some(value)
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
        assert_eq!(context.attribute(&AttributeName::new("b")), Some(&Value::Integer(2)));
        assert_eq!(context.attributes().count(), 2);
    }

    #[test]
    fn a_name_is_found_wherever_a_context_has_it() {
        let named = |names: &[&str]| {
            names.iter().fold(Context::anonymous(), |context, name| context.with(name, Value::string(name)))
        };
        let many: Vec<String> = (0..300).map(|number| format!("attribute-{number:03}")).collect();
        let crowded = many
            .iter()
            .fold(named(&["plan", "subscription"]), |context, name| context.with(name, Value::Boolean(true)));
        let contexts =
            [crowded, named(&["a", "b", "plan", "subscription"]), named(&["plan", "subscription"])];
        for name in ["plan", "subscription"] {
            for first in &contexts {
                let attribute = AttributeName::new(name);
                for context in [first].into_iter().chain(&contexts) {
                    assert_eq!(context.attribute(&attribute), Some(&Value::string(name)));
                }
                assert_eq!(named(&["a", "b", "c", "d"]).attribute(&attribute), None);
            }
        }
    }

    #[test]
    fn names_that_begin_alike_are_told_apart() {
        let names =
            ["", "a", "a\0", "country", "countrY", "country-of-birth", "country-of-death", "countryside"];
        let attribute = |context: &Context, name: &str| context.attribute(&AttributeName::new(name)).cloned();
        let mut context = Context::anonymous();
        for (number, name) in (0..).zip(names) {
            context.set(name, Value::Integer(number));
        }
        for (number, name) in (0..).zip(names) {
            assert_eq!(attribute(&context, name), Some(Value::Integer(number)), "{name:?}");
        }
        for missing in ["country-of-origin", "a\0\0", "b", "countr"] {
            assert_eq!(attribute(&context, missing), None, "{missing:?}");
        }
    }
}
