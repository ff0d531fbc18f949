//! What is a schema, what is not, and what is said about a value.

use super::*;
use crate::state::limits::{SCHEMA_DEPTH_MAX, SCHEMA_PATTERNS_MAX, SCHEMA_UNEVALUATED_MAX};

fn object(fields: &[(&str, Value)]) -> Value {
    Value::Object(fields.iter().map(|(name, value)| (Box::from(*name), value.clone())).collect())
}

#[track_caller]
fn check_faults(schema: &str, value: &Value, expected: &[&str]) {
    let judge = JsonSchemas::default();
    assert_eq!(judge.check(schema), Ok(()));
    assert_eq!(judge.faults(schema, value), expected);
}

/// What is said about a text that is refused.
#[track_caller]
fn refused(schema: &str) -> String {
    let judge = JsonSchemas::default();
    let Err(why) = judge.check(schema) else { panic!("accepted: {schema}") };
    assert!(!why.contains('\n') && why.len() < 1_000, "{why}");
    assert_eq!(judge.faults(schema, &Value::Null), [""; 0], "no schema allows everything");
    why
}

#[track_caller]
fn check_refused(schema: &str, words: &str) {
    let why = refused(schema);
    assert!(why.contains(words), "{why}");
}

#[test]
fn a_value_is_judged_and_its_faults_are_named_with_their_place() {
    let schema = r##"{
        "type": "object",
        "properties": {
            "model": { "enum": ["small", "large"] },
            "limits": { "type": "array", "items": { "$ref": "#/$defs/limit" } },
            "ratio": { "type": "number", "maximum": 1 }
        },
        "required": ["model"],
        "additionalProperties": false,
        "$defs": { "limit": { "type": "integer", "minimum": 1 } }
    }"##;
    let fine = object(&[
        ("model", Value::string("small")),
        ("limits", Value::List(vec![Value::Integer(1), Value::Float(2.0)])),
        ("ratio", Value::Float(0.5)),
    ]);
    check_faults(schema, &fine, &[]);
    let wrong = object(&[
        ("model", Value::string("huge")),
        ("limits", Value::List(vec![Value::Integer(1), Value::Integer(0), Value::Null])),
    ]);
    let faults = [
        r#"at /model: what stands there is not one of "small" or "large""#,
        "at /limits/1: what stands there is less than the minimum of 1",
        r#"at /limits/2: what stands there is not of type "integer""#,
    ];
    let judge = JsonSchemas::default();
    let mut found = judge.faults(schema, &wrong);
    found.sort();
    let mut expected = faults.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    check_faults(schema, &Value::Boolean(true), &[r#"the value is not of type "object""#]);
}

#[test]
fn what_is_said_about_a_value_is_bounded() {
    let many = Value::List(vec![Value::Null; 1_000]);
    let judge = JsonSchemas::default();
    assert_eq!(judge.faults(r#"{"items": {"type": "string"}}"#, &many).len(), SCHEMA_FAULTS_MAX);
    let long = format!(r#"{{"const": "{}"}}"#, "ü".repeat(5_000));
    let faults = judge.faults(&long, &Value::Null);
    assert!(faults[0].chars().count() <= SCHEMA_FAULT_CHARS_MAX + 1, "{faults:?}");
}

#[test]
fn what_is_no_schema_is_refused_in_words() {
    check_refused("", "it is no JSON");
    check_refused("{", "it is no JSON");
    check_refused(r#"{"type": "text"}"#, "at /type: what stands there");
    check_refused("7", "the schema");
    check_refused(r#"{"pattern": "(?=a)b"}"#, "at /pattern");
    check_refused(r#"{"pattern": "(a{999}){999}"}"#, "at /pattern");
}

#[test]
fn nothing_is_ever_fetched() {
    for remote in
        ["https://example.com/schema", "http://169.254.169.254/", "file:///etc/passwd", "other.json#/a"]
    {
        check_refused(&format!(r#"{{"items": {{"$ref": "{remote}"}}}}"#), "at /items/$ref: ");
        check_refused(&format!(r#"{{"items": {{"$ref": "{remote}"}}}}"#), "is not fetched");
    }
    check_refused(r#"{"$schema": "https://example.com/meta"}"#, "");
    check_refused(
        r#"{"properties": {"a": {"$id": "https://example.com/"}}}"#,
        "an inner $id is not supported",
    );
    check_refused(r##"{"$dynamicRef": "#node"}"##, "$dynamicRef is not supported");
    check_refused(r##"{"$ref": "#/$defs/missing"}"##, "is not there");
    check_refused(r##"{"$ref": "#named", "$defs": {"a": {"$anchor": "named"}}}"##, "is not there");
}

#[test]
fn a_schema_that_leads_back_to_itself_is_refused() {
    check_refused(r##"{"$ref": "#"}"##, "leads back to itself");
    check_refused(r##"{"properties": {"default": {"$ref": "#"}}}"##, "leads back to itself");
    check_refused(
        r##"{"items": {"$ref": "#/$defs/a"},
             "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}}}"##,
        "leads back to itself",
    );
    check_refused(
        r##"{"properties": {"p": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"not": {"$ref": "#/properties"}}}}"##,
        "leads back to itself",
    );
}

/// References that double what they refer to, so many times.
fn doubling(times: usize) -> String {
    let doubled = (0..times).map(|level| {
        let next = format!(r##"{{"$ref": "#/$defs/d{}"}}"##, level + 1);
        format!(r#""d{level}": {{"allOf": [{next}, {next}]}}"#)
    });
    let definitions: Vec<String> = doubled.collect();
    format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d{times}": {{}}}}}}"##, definitions.join(", "))
}

#[test]
fn a_schema_that_is_endless_work_is_refused() {
    assert_eq!(JsonSchemas::default().check(&doubling(4)), Ok(()));
    check_refused(&doubling(40), "more than 5000 parts");
    let deep = |levels| format!("{}{{}}{}", r#"{"items": "#.repeat(levels), "}".repeat(levels));
    assert_eq!(JsonSchemas::default().check(&deep(SCHEMA_DEPTH_MAX - 1)), Ok(()));
    check_refused(&deep(SCHEMA_DEPTH_MAX), "more than 64 levels");
}

#[test]
fn the_same_schema_is_compiled_once_and_another_one_takes_its_place() {
    let judge = JsonSchemas::default();
    for _ in 0..2 {
        assert_eq!(judge.faults(r#"{"type": "string"}"#, &Value::string("a")), [""; 0]);
        assert_eq!(judge.faults(r#"{"type": "integer"}"#, &Value::string("a")).len(), 1);
    }
}

#[test]
fn patterns_cost_a_bounded_amount_of_memory() {
    let names = r#"{"type": "string", "pattern": "^[\\p{L}]{1,64}$"}"#;
    check_faults(names, &Value::string("Zoë"), &[]);
    check_faults(names, &Value::string("7"), &[r#"the value does not match "^[\p{L}]{1,64}$""#]);
    let many = |count: usize| {
        let patterns: Vec<String> = (0..count).map(|number| format!(r#""^{number}": {{}}"#)).collect();
        format!(r#"{{"patternProperties": {{{}}}}}"#, patterns.join(", "))
    };
    assert_eq!(JsonSchemas::default().check(&many(SCHEMA_PATTERNS_MAX)), Ok(()));
    check_refused(&many(SCHEMA_PATTERNS_MAX + 1), "more than 64 patterns");
}

#[test]
fn what_is_not_evaluated_yet_is_asked_for_a_few_times_only() {
    // Each level asks what the levels below have evaluated, which evaluate it once more: 20 of them are two seconds.
    let nested = |levels: usize| {
        let open = r#"{"unevaluatedItems": {"type": "string"}, "if": "#;
        format!("{}{{}}{}", open.repeat(levels), r#", "then": {}}"#.repeat(levels))
    };
    assert_eq!(JsonSchemas::default().check(&nested(SCHEMA_UNEVALUATED_MAX)), Ok(()));
    check_refused(
        &nested(SCHEMA_UNEVALUATED_MAX + 1),
        "unevaluatedItems and unevaluatedProperties more than 4 times",
    );
}
