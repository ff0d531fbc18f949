//! What is printed is what is read.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{DEPTH_MAX, JsonError, parse, print};
use crate::value::Value;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(parse(text).map(|value| print(&value)).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn check_refused(text: &str, line: usize, column: usize, expected: &'static str) {
    assert_eq!(parse(text), Err(JsonError { line, column, expected }), "{text}");
}

#[test]
fn values_are_printed_without_spaces() {
    check(" null ", "null");
    check("[ ]", "[]");
    check("{ }", "{}");
    check("\t[true,\r\n false]", "[true,false]");
    check(r#"{"b": 1, "a": {"c": [1, 2]}, "b": 2}"#, r#"{"a":{"c":[1,2]},"b":2}"#);
}

#[test]
fn numbers_stay_what_they_are() {
    check("9223372036854775807", "9223372036854775807");
    check("-9223372036854775808", "-9223372036854775808");
    check("9223372036854775808", "9223372036854776000.0");
    check("5.0", "5.0");
    check("-0", "0");
    check("-0.0", "-0.0");
    check("1e2", "100.0");
    check("1E+300", "1e+300");
    check("0.1", "0.1");
    check("5e-324", "5e-324");
    assert_eq!(print(&Value::Float(f64::NAN)), "null");
}

#[test]
fn texts_are_escaped_where_they_must_be() {
    check(r#""a\"\\\/\b\f\n\r\t""#, r#""a\"\\/\u0008\u000c\n\r\t""#);
    check(r#""\u00e9\ud83d\ude00""#, "\"é😀\"");
    check("\"日本語\u{7f}\"", "\"日本語\u{7f}\"");
}

#[test]
fn what_is_no_json_is_refused_where_it_is_wrong() {
    check_refused("", 1, 1, "a value");
    check_refused("tru", 1, 1, "a value");
    check_refused("[1,\n  2,]", 2, 5, "a value");
    check_refused("[1 2]", 1, 4, "`,` or `]`");
    check_refused("{\"a\" 1}", 1, 6, "`:`");
    check_refused("{\"a\":1 \"b\":2}", 1, 8, "`,` or `}`");
    check_refused("{a:1}", 1, 2, "a field's name in double quotes");
    check_refused("{\"a\":1,}", 1, 8, "a field's name in double quotes");
    check_refused("1 // one", 1, 3, "nothing after the value");
    check_refused("01", 1, 2, "nothing after the value");
    check_refused("-", 1, 2, "a digit");
    check_refused("1.", 1, 3, "a digit");
    check_refused("1e", 1, 3, "a digit");
    check_refused("1e999", 1, 6, "a number that 64 bits hold");
    check_refused("\"é\n\"", 1, 3, "text without control characters, and `\"` at its end");
    check_refused("\"a", 1, 3, "text without control characters, and `\"` at its end");
    check_refused("\"\\x\"", 1, 3, "one of \" \\ / b f n r t u");
    check_refused("\"\\u12g4\"", 1, 4, "four hexadecimal digits");
    check_refused("\"\\ud83d\"", 1, 8, "both halves of a surrogate pair");
    check_refused("\"\\ud83d\\u0041\"", 1, 14, "both halves of a surrogate pair");
    check_refused("\"\\ude00\"", 1, 8, "both halves of a surrogate pair");
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    check_refused(&nested(DEPTH_MAX + 1), 1, 129, "at most 128 levels of lists and objects");
    check_refused(&"[".repeat(1_000_000), 1, 129, "at most 128 levels of lists and objects");
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then_some(Value::Float(number))),
        any::<String>().prop_map(|text| Value::string(&text)),
    ];
    plain.prop_recursive(4, 32, 4, |inner| {
        let name = any::<String>().prop_map(String::into_boxed_str);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(name, inner, 0..4).prop_map(|fields: BTreeMap<Box<str>, Value>| Value::Object(fields)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_what_is_read(value in value()) {
        prop_assert_eq!(parse(&print(&value)), Ok(value));
    }

    #[test]
    fn no_text_is_too_strange(text in "[\\[\\]{}:,\"\\\\0-9eEtrufalsn. +-]{0,40}") {
        if let Ok(value) = parse(&text) {
            prop_assert_eq!(parse(&print(&value)), Ok(value));
        }
    }
}
