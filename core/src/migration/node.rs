//! A value of a document together with its path.

use crate::json::{field_path, item_path};
use crate::value::Value;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'d> {
    pub(super) value: &'d Value,
    pub(super) path: String,
}

impl<'d> Node<'d> {
    pub(super) fn root(value: &'d Value) -> Self {
        Self { value, path: String::new() }
    }

    /// A field that is there, and is not null.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let Value::Object(fields) = self.value else { return None };
        let value = fields.get(name).filter(|value| **value != Value::Null)?;
        Some(Self { value, path: field_path(&self.path, name) })
    }

    /// The elements of a list; none where there is no list.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        self.get(name).map(|list| list.items()).unwrap_or_default()
    }

    pub(super) fn items(&self) -> Vec<Self> {
        let Value::List(items) = self.value else { return Vec::new() };
        let items = items.iter().enumerate();
        items.map(|(index, value)| Self { value, path: item_path(&self.path, index) }).collect()
    }

    /// The names of an object's fields.
    pub(super) fn names(&self) -> Vec<&'d str> {
        let Value::Object(fields) = self.value else { return Vec::new() };
        fields.keys().map(|name| &**name).collect()
    }

    pub(super) fn as_text(&self) -> Option<&'d str> {
        if let Value::String(text) = self.value { Some(text) } else { None }
    }

    /// A text field; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &'d str {
        self.get(name).and_then(|field| field.as_text()).unwrap_or("")
    }

    /// Whether a field is true; what is not there is not.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|field| *field.value == Value::Boolean(true))
    }

    /// A field that is no number, or no index, is none.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        match self.get(name)?.value {
            Value::Integer(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A plain value as text, as JSON has it.
    pub(super) fn words(&self) -> String {
        match self.value {
            Value::String(text) => text.to_string(),
            other => other.to_string(),
        }
    }
}
