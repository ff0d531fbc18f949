//! Variations as variants.

use super::super::names::{name_of, unique};
use super::super::node::Node;
use super::super::report::Report;
use super::super::variants::typed;
use crate::value::{FlagType, Value};

/// The variants of a flag, in the order of its variations.
pub(super) struct Variations {
    pub(super) flag_type: FlagType,
    pub(super) variants: Vec<(String, Value)>,
}

impl Variations {
    pub(super) fn read(flag: &Node<'_>, report: &mut Report<'_>) -> Option<Self> {
        let variations = flag.list("variations");
        let mut names: Vec<String> = Vec::new();
        let mut values = Vec::new();
        for (number, variation) in (0_usize..).zip(&variations) {
            let Some(value) = variation.get("value") else {
                return report
                    .unmapped(variation, "the variation has no value, or null, and a variant here has one");
            };
            let name = name_of(variation.text("name")).or_else(|| by_value(value.value));
            let name = name.unwrap_or_else(|| format!("variation-{number}"));
            names.push(unique(&name, |name| names.iter().any(|known| known == name)));
            values.push(value.value.clone());
        }
        match typed(values) {
            Ok((flag_type, values)) => {
                Some(Self { flag_type, variants: names.into_iter().zip(values).collect() })
            }
            Err(why) => report.unmapped(flag, why),
        }
    }

    /// The variant of an index, which is how everything there names variations.
    pub(super) fn at(&self, index: Option<usize>) -> Option<&str> {
        self.variants.get(index?).map(|(name, _)| name.as_str())
    }

    /// The variant that stands for no: the false one of a boolean flag, else the last.
    pub(super) fn off(&self) -> &str {
        let off = self.variants.iter().find(|(_, value)| *value == Value::Boolean(false));
        off.or(self.variants.last()).map_or("", |(name, _)| name.as_str())
    }
}

fn by_value(value: &Value) -> Option<String> {
    match value {
        Value::Boolean(true) => Some("on".to_owned()),
        Value::Boolean(false) => Some("off".to_owned()),
        Value::String(text) => name_of(text).filter(|name| **name == **text),
        _ => None,
    }
}
