//! Values of flags and attributes as plain JSON, and back.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::value::Kind;
use serde_json::{Map, Number, Value as Json};

/// A value as plain JSON.
pub(crate) fn to_json(value: &v1::Value) -> Json {
    match &value.kind {
        None => Json::Null,
        Some(Kind::BooleanValue(boolean)) => Json::Bool(*boolean),
        Some(Kind::IntegerValue(integer)) => Json::from(*integer),
        // JSON has no NaN and no infinity, and neither has a flag.
        Some(Kind::FloatValue(float)) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Some(Kind::StringValue(text)) => Json::String(text.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(to_json).collect()),
        Some(Kind::ObjectValue(object)) => {
            Json::Object(object.fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
        }
    }
}

/// Plain JSON as a value. Integers that fit 64 bits stay exact; larger ones would change silently and are refused.
pub(crate) fn of_json(json: Json) -> Result<v1::Value, String> {
    let kind = match json {
        Json::Null => None,
        Json::Bool(boolean) => Some(Kind::BooleanValue(boolean)),
        Json::Number(number) => Some(of_number(&number)?),
        Json::String(text) => Some(Kind::StringValue(text)),
        Json::Array(values) => {
            let values = values.into_iter().map(of_json).collect::<Result<_, _>>()?;
            Some(Kind::ListValue(v1::ValueList { values }))
        }
        Json::Object(fields) => return of_object(fields),
    };
    Ok(v1::Value { kind })
}

/// The text of a variant, by the flag's type.
pub(crate) fn of_text(text: &str, flag_type: v1::FlagType) -> Result<v1::Value, String> {
    let kind = match flag_type {
        v1::FlagType::Unspecified | v1::FlagType::Boolean => {
            Kind::BooleanValue(text.parse().map_err(|_error| format!("`{text}` is not true or false"))?)
        }
        v1::FlagType::String => Kind::StringValue(text.to_owned()),
        v1::FlagType::Integer => Kind::IntegerValue(
            text.parse().map_err(|error| format!("`{text}` is not a 64-bit integer: {error}"))?,
        ),
        v1::FlagType::Float => {
            let float: f64 = text.parse().map_err(|_error| format!("`{text}` is not a number"))?;
            if !float.is_finite() {
                return Err(format!("`{text}` is not a finite number"));
            }
            Kind::FloatValue(float)
        }
        v1::FlagType::Object => {
            let fields = serde_json::from_str::<Map<String, Json>>(text)
                .map_err(|error| format!("`{text}` is not a JSON object: {error}"))?;
            return of_object(fields);
        }
    };
    Ok(v1::Value { kind: Some(kind) })
}

/// The text of an attribute: JSON where it parses as JSON other than null, else text.
pub(crate) fn of_attribute(text: &str) -> Result<v1::Value, String> {
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Null) | Err(_) => Ok(v1::Value { kind: Some(Kind::StringValue(text.to_owned())) }),
        Ok(json) => of_json(json),
    }
}

/// JSON that travels as text; what is no JSON is shown as the text that it is, and nothing when it is empty.
pub(crate) fn json_of(text: &str) -> Option<Json> {
    let json = || serde_json::from_str(text).unwrap_or_else(|_error| Json::String(text.to_owned()));
    (!text.is_empty()).then(json)
}

fn of_object(fields: Map<String, Json>) -> Result<v1::Value, String> {
    let fields =
        fields.into_iter().map(|(name, json)| Ok((name, of_json(json)?))).collect::<Result<_, String>>()?;
    Ok(v1::Value { kind: Some(Kind::ObjectValue(v1::ValueMap { fields })) })
}

fn of_number(number: &Number) -> Result<Kind, String> {
    if let Some(integer) = number.as_i64() {
        return Ok(Kind::IntegerValue(integer));
    }
    match number.as_f64() {
        Some(float) if number.is_f64() => Ok(Kind::FloatValue(float)),
        _ => Err(format!("{number} does not fit a 64-bit integer")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_attribute(text: &str, expected: Json) {
        assert_eq!(to_json(&of_attribute(text).unwrap()), expected, "{text:?}");
    }

    #[test]
    fn attributes_are_json_where_they_look_like_it() {
        check_attribute("42", json!(42));
        check_attribute("4.5", json!(4.5));
        check_attribute("true", json!(true));
        check_attribute("[1,\"a\"]", json!([1, "a"]));
        check_attribute("{\"a\":{\"b\":1}}", json!({"a": {"b": 1}}));
        check_attribute("\"42\"", json!("42"));
        check_attribute("DE", json!("DE"));
        check_attribute("1.2.3", json!("1.2.3"));
        check_attribute("null", json!("null"));
        check_attribute("", json!(""));
    }

    #[track_caller]
    fn check_variant(text: &str, flag_type: v1::FlagType, expected: Option<Json>) {
        assert_eq!(of_text(text, flag_type).ok().map(|value| to_json(&value)), expected, "{text:?}");
    }

    #[test]
    fn variants_are_read_by_type() {
        check_variant("true", v1::FlagType::Boolean, Some(json!(true)));
        check_variant("yes", v1::FlagType::Boolean, None);
        check_variant("42", v1::FlagType::String, Some(json!("42")));
        check_variant("9223372036854775807", v1::FlagType::Integer, Some(json!(i64::MAX)));
        check_variant("9223372036854775808", v1::FlagType::Integer, None);
        check_variant("1.5", v1::FlagType::Integer, None);
        check_variant("1", v1::FlagType::Float, Some(json!(1.0)));
        check_variant("NaN", v1::FlagType::Float, None);
        check_variant("{\"max\": 3}", v1::FlagType::Object, Some(json!({"max": 3})));
        check_variant("{\"max\": 18446744073709551615}", v1::FlagType::Object, None);
        check_variant("[1]", v1::FlagType::Object, None);
    }
}
