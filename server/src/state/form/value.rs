//! Values. A list and an object cost two levels of messages for each of theirs, so that the deepest value that is
//! allowed stays well below protobuf's limit of a hundred.

use mycelia_flags_core::value as core;

use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    /// Always true.
    #[prost(bool, tag = "1")]
    Null(bool),
    #[prost(bool, tag = "2")]
    Boolean(bool),
    #[prost(sint64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(string, tag = "5")]
    String(String),
    #[prost(message, tag = "6")]
    List(List),
    #[prost(message, tag = "7")]
    Object(Object),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

/// Names and values side by side.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Object {
    #[prost(string, repeated, tag = "1")]
    pub(super) names: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<Value>,
}

impl From<&core::Value> for Value {
    fn from(value: &core::Value) -> Self {
        let kind = match value {
            core::Value::Null => Kind::Null(true),
            core::Value::Boolean(boolean) => Kind::Boolean(*boolean),
            core::Value::Integer(number) => Kind::Integer(*number),
            core::Value::Float(number) => Kind::Float(*number),
            core::Value::String(text) => Kind::String(text.to_string()),
            core::Value::List(values) => Kind::List(List { values: values.iter().map(Self::from).collect() }),
            core::Value::Object(fields) => Kind::Object(Object {
                names: fields.keys().map(ToString::to_string).collect(),
                values: fields.values().map(Self::from).collect(),
            }),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Value> for core::Value {
    type Error = FormError;

    fn try_from(value: Value) -> Result<Self, FormError> {
        Ok(match required("a value", value.kind)? {
            Kind::Null(_) => Self::Null,
            Kind::Boolean(boolean) => Self::Boolean(boolean),
            Kind::Integer(number) => Self::Integer(number),
            Kind::Float(number) => Self::Float(number),
            Kind::String(text) => Self::String(text.into()),
            Kind::List(list) => Self::List(values(list.values)?),
            Kind::Object(object) => {
                let (names, found) = (object.names.len(), object.values.len());
                if names != found {
                    return Err(FormError::Uneven { names, values: found });
                }
                let names = object.names.into_iter().map(Box::from);
                Self::Object(names.zip(values(object.values)?).collect())
            }
        })
    }
}

pub(super) fn values(values: Vec<Value>) -> Result<Vec<core::Value>, FormError> {
    values.into_iter().map(core::Value::try_from).collect()
}
