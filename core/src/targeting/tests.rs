//! Expressions, over contexts that are written as JSON.

use std::collections::BTreeMap;

use datalogic_rs::datavalue::OwnedDataValue;

use super::*;
use crate::limits::{TARGETING_BYTES_MAX, TARGETING_DEPTH_MAX};

mod laws;
mod vectors;

const BOTH: [Generation; 2] = [Generation::V2, Generation::V3];

fn json(text: &str) -> OwnedDataValue {
    OwnedDataValue::from_json(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn value_of(json: &OwnedDataValue) -> Value {
    match json {
        OwnedDataValue::Null => Value::Null,
        OwnedDataValue::Bool(truth) => Value::Boolean(*truth),
        OwnedDataValue::Number(NumberValue::Integer(number)) => Value::Integer(*number),
        OwnedDataValue::Number(NumberValue::Float(number)) => Value::Float(*number),
        OwnedDataValue::String(text) => Value::string(text),
        OwnedDataValue::Array(values) => Value::List(values.iter().map(value_of).collect()),
        OwnedDataValue::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (Box::from(name.as_str()), value_of(value)));
            Value::Object(fields.collect::<BTreeMap<_, _>>())
        }
    }
}

fn context_of(json: &OwnedDataValue) -> Context {
    let mut context = Context::new(json[TARGETING_KEY].as_str().unwrap_or(""));
    for (name, value) in json.as_object().unwrap() {
        if name != TARGETING_KEY {
            context.set(name, value_of(value));
        }
    }
    context
}

fn compiled(rule: &str, generation: Generation) -> CompiledTargeting {
    CompiledTargeting::compile(rule, generation).unwrap_or_else(|error| panic!("{error}: {rule}"))
}

fn evaluated(rule: &str, context: &str, generation: Generation) -> Result<Option<Box<str>>, TargetingFault> {
    compiled(rule, generation).evaluate("flag-a", &context_of(&json(context)), 1_800_000_000)
}

#[track_caller]
fn check(rule: &str, context: &str, expected: Option<&str>) {
    for generation in BOTH {
        assert_eq!(evaluated(rule, context, generation).unwrap().as_deref(), expected, "{rule}");
    }
}

#[track_caller]
fn check_refused(rule: &str, path: &str, allowed: &str) {
    let error = CompiledTargeting::compile(rule, Generation::V3).unwrap_err();
    assert_eq!(error.path, path, "{rule}");
    assert!(error.allowed.contains(allowed), "{rule}: {error}");
}

#[test]
fn a_rule_names_a_variant_or_nothing() {
    let rule = r#"{"if":[{"==":[{"var":"plan"},"pro"]},"on",{"in":["@b.de",{"var":"email"}]},"eu",null]}"#;
    check(rule, r#"{"plan":"pro"}"#, Some("on"));
    check(rule, r#"{"email":"a@b.de"}"#, Some("eu"));
    check(rule, "{}", None);
    check("{}", "{}", None);
    check("null", "{}", None);
    check(r#"{"var":"zero"}"#, r#"{"zero":0}"#, Some("0"));
    check(r#"{"var":"half"}"#, r#"{"half":0.5}"#, Some("0.5"));
    check(r#"{"!":[1]}"#, "{}", Some("false"));
    check(r#"{"var":"empty"}"#, r#"{"empty":""}"#, Some(""));
}

#[test]
fn a_list_or_an_object_names_no_variant() {
    let general = |variant: &str| Err(TargetingFault::General { variant: Box::from(variant) });
    let of = |rule, context| evaluated(rule, context, Generation::V3);
    assert_eq!(of(r#"{"merge":["a","b"]}"#, "{}"), general("a,b"));
    assert_eq!(of(r#"{"var":"it"}"#, r#"{"it":{"a":1}}"#), general("[object Object]"));
}

#[test]
fn flagd_says_which_flag_and_when_whatever_the_caller_says() {
    let forged = r#"{"$flagd":{"flagKey":"forged","timestamp":1}}"#;
    check(r#"{"var":"$flagd.flagKey"}"#, forged, Some("flag-a"));
    check(r#"{"var":"$flagd.timestamp"}"#, forged, Some("1800000000"));
    check(r#"{"var":"targetingKey"}"#, r#"{"targetingKey":"user-1"}"#, Some("user-1"));
    check(r#"{"var":"targetingKey"}"#, "{}", None);
    check(r#"{"cat":[{"missing":["targetingKey"]}]}"#, "{}", Some("targetingKey"));
    check(r#"{"cat":[{"missing":["targetingKey"]}]}"#, r#"{"targetingKey":"user-1"}"#, Some(""));
}

#[test]
fn integers_stay_exact() {
    let context = r#"{"big":9007199254740993,"max":9223372036854775807}"#;
    check(r#"{"var":"big"}"#, context, Some("9007199254740993"));
    check(r#"{"==":[{"var":"big"},9007199254740992]}"#, context, Some("false"));
    check(r#"{"+":[{"var":"big"},2]}"#, context, Some("9007199254740995"));
    check(r#"{"==":[{"var":"big"},"9007199254740993"]}"#, context, Some("true"));
    check(r#"{"cat":[{"var":"max"}]}"#, context, Some("9223372036854775807"));
    check(r#"{"+":[{"var":"max"},1]}"#, context, Some("9223372036854776000"));
}

#[test]
fn what_is_no_number_compares_with_nothing() {
    check(r#"{"<":["x",1]}"#, "{}", Some("false"));
    check(r#"{">=":["x",1]}"#, "{}", Some("false"));
    check(r#"{"+":["x",1]}"#, "{}", Some("NaN"));
    check(r#"{"/":[1,0]}"#, "{}", Some("Infinity"));
    check(r#"{"max":[]}"#, "{}", Some("NaN"));
    check(r#"{"==":["0x10",16]}"#, "{}", Some("true"));
    check(r#"{"==":["inf",1]}"#, "{}", Some("false"));
    check(r#"{"==":["Infinity",{"/":[1,0]}]}"#, "{}", Some("true"));
}

#[test]
fn a_single_list_without_brackets_is_spread() {
    let context = r#"{"l":[3,1,2]}"#;
    check(r#"{"max":{"var":"l"}}"#, context, Some("3"));
    check(r#"{"+":{"var":"l"}}"#, context, Some("6"));
    check(r#"{"cat":{"var":"l"}}"#, context, Some("312"));
    check(r#"{"cat":[{"var":"l"}]}"#, context, Some("3,1,2"));
    check(r#"{"max":{"var":"none"}}"#, context, Some("0"));
}

#[test]
fn reduce_knows_its_accumulator_and_no_more() {
    let context = r#"{"l":[[1,2],[3]],"current":"outer"}"#;
    let inner = r#"{"reduce":[{"var":"current"},{"+":[{"var":"accumulator"},{"var":"current"}]},0]}"#;
    let sum = format!(r#"{{"reduce":[{{"var":"l"}},{{"+":[{{"var":"accumulator"}},{inner}]}},0]}}"#);
    check(&sum, context, Some("6"));
    check(r#"{"reduce":[[1],{"var":"l"},0]}"#, context, None);
    check(r#"{"var":"current"}"#, context, Some("outer"));
    check(r#"{"cat":[{"map":[["a"],{"var":"current"}]}]}"#, context, Some(""));
    check(r#"{"reduce":[[{"if":[]},[7]],{"var":"current.0"}]}"#, context, Some("7"));
    check(r#"{"reduce":[{"var":"l"},{"var":{"cat":["curr","ent.0"]}},0]}"#, context, Some("3"));
}

#[test]
fn what_is_no_rule_does_not_compile() {
    check_refused("", "", "JSON");
    check_refused("{", "", "JSON");
    check_refused("5", "", "object");
    check_refused("[]", "", "object");
    check_refused(r#""on""#, "", "object");
    check_refused(r#"{"foo":[]}"#, "foo", "one of the operators var, ");
    check_refused(r#"{"if":[{"foo":[]},"a"]}"#, "if[0].foo", "one of the operators");
    check_refused(r#"{"if":[true,{"in":[{"val":"a"},[]]}]}"#, "if[1].in[0].val", "one of the operators");
    check_refused(r#"{"!":{"in":["a",[1,{"b":1}]]}}"#, "!.in[1][1].b", "one of the operators");
    check_refused(r#"{"and":[{"$ref":"staff"}]}"#, "and[0].$ref", "in place of a $ref");
    check_refused(r#"{"==":[1,1],"!=":[1,2]}"#, "", "one operator");
    check_refused(r#"{"or":[{"==":[1,1],"==":[1,2]}]}"#, "or[0]", "one operator");
    check_refused(r#"{"map":[[1]]}"#, "map", "two arguments");
    check_refused(r#"{"reduce":[[1],1,1,1]}"#, "reduce", "two or three");
    check_refused(r#"{"==":[1,1e999]}"#, "==[1]", "finite");
    check_refused(r#"{"flagd:list":[1]}"#, "flagd:list", "one of the operators");
    let error = CompiledTargeting::compile(r#"{"or":[{"a":1}]}"#, Generation::V3).unwrap_err().to_string();
    assert!(error.starts_with("or[0].a: expected one of"), "{error}");
}

fn nested(levels: usize) -> String {
    format!("{}1{}", r#"{"!":["#.repeat(levels), "]}".repeat(levels))
}

#[test]
fn the_limits_of_a_rule_are_what_they_say() {
    compiled(&nested(TARGETING_DEPTH_MAX), Generation::V3);
    let path = ["![0]"; TARGETING_DEPTH_MAX].join(".");
    check_refused(&nested(TARGETING_DEPTH_MAX + 1), &path, "20 levels");
    let lists =
        format!(r#"{{"!":[{}{}]}}"#, "[".repeat(TARGETING_DEPTH_MAX), "]".repeat(TARGETING_DEPTH_MAX));
    assert!(CompiledTargeting::compile(&lists, Generation::V3).is_err());
    let long = |bytes: usize| format!(r#"{{"var":"{}"}}"#, "x".repeat(bytes - 10));
    compiled(&long(TARGETING_BYTES_MAX), Generation::V3);
    check_refused(&long(TARGETING_BYTES_MAX + 1), "", "65536 bytes");
    assert!(CompiledTargeting::compile(&"[".repeat(TARGETING_BYTES_MAX), Generation::V3).is_err());
}

#[test]
fn an_evaluation_ends() {
    let list = format!("[{}]", vec!["1"; 300].join(","));
    let map = |body: &str| format!(r#"{{"map":[{list},{body}]}}"#);
    let cubic = map(&map(&map(r#"{"var":""}"#)));
    assert_eq!(evaluated(&cubic, "{}", Generation::V3), Err(TargetingFault::Parse));
    let doubled = r#"{"cat":[{"var":"accumulator"},{"var":"accumulator"}]}"#;
    let doubling = format!(r#"{{"reduce":[{list},{doubled},"x"]}}"#);
    assert_eq!(evaluated(&doubling, "{}", Generation::V3), Err(TargetingFault::Parse));
    let twice = r#"{"merge":[{"var":"accumulator"},{"var":"accumulator"}]}"#;
    let doubling = format!(r#"{{"reduce":[{list},{twice},[1]]}}"#);
    assert_eq!(evaluated(&doubling, "{}", Generation::V3), Err(TargetingFault::Parse));
    let quadratic = format!(r#"{{"all":[{list},{{"==":["x",{list}]}}]}}"#);
    assert_eq!(evaluated(&quadratic, "{}", Generation::V3).unwrap().as_deref(), Some("false"));
    let long = format!("[{}]", vec!["1"; 7000].join(","));
    let quadratic = format!(r#"{{"none":[{long},{{"==":["x",{long}]}}]}}"#);
    assert_eq!(evaluated(&quadratic, "{}", Generation::V3), Err(TargetingFault::Parse));
    // And the next one is none the poorer.
    check(r#"{"cat":["a"]}"#, "{}", Some("a"));
}

#[test]
fn a_value_that_is_wrapped_again_and_again_does_not_exhaust_the_stack() {
    let list = format!("[{}]", vec!["1"; 30_000].join(","));
    let wrapped = format!(r#"{{"reduce":[{list},{{"if":[true,[{{"var":"accumulator"}}]]}},0]}}"#);
    let uses =
        [r"{0}", r#"{"cat":[{0}]}"#, r#"{"==":[{0},{0}]}"#, r#"{"var":[{0}]}"#, r#"{"missing":[[{0}]]}"#];
    for shape in uses.iter().chain(&[r#"{"fractional":[{"map":[{0},1]},["a",1]]}"#, r#"{"in":[{0},[1]]}"#]) {
        let rule = shape.replacen("{0}", &wrapped, 1).replace("{0}", "1");
        let answer = evaluated(&rule, r#"{"targetingKey":"a"}"#, Generation::V3);
        let is_given_up = answer == Err(TargetingFault::Parse);
        assert!(is_given_up || shape.contains("map"), "{shape}: {answer:?}");
    }
}

#[test]
fn a_rule_says_what_it_reads_and_names() {
    let rule = r#"{"if":[
        {"and":["not-me",{"in":["not-me",{"var":"email"}]}]}, "a",
        {"var":["address.country","not-me"]}, {"fractional":[{"var":"unit"},["b",1],[{"var":"x"},1]]},
        {"map":[{"var":"list"},{"var":"hidden"}]}, {"or":["c",{"var":["y","d"]}]},
        {"if":[true,null,"e"]}]}"#;
    let compiled = compiled(rule, Generation::V3);
    let texts = |texts: Vec<Box<str>>| texts.join(" ");
    assert_eq!(texts(compiled.named_variants()), "a b c d e");
    assert_eq!(texts(compiled.attributes()), "address email list unit x y");
    assert!(!compiled.needs_time());
}

#[test]
fn a_rule_that_can_read_the_clock_says_so() {
    let needs_time = |rule| compiled(rule, Generation::V3).needs_time();
    assert!(needs_time(r#"{"<":[{"var":"$flagd.timestamp"},5]}"#));
    assert!(needs_time(r#"{"var":["$flagd"]}"#));
    assert!(needs_time(r#"{"var":""}"#));
    assert!(needs_time(r#"{"var":[]}"#));
    assert!(needs_time(r#"{"var":{"cat":["$flagd.","timestamp"]}}"#));
    assert!(!needs_time(r#"{"var":"$flagd.flagKey"}"#));
    assert!(!needs_time(r#"{"map":[[1],{"var":""}]}"#));
    assert!(!needs_time("{}"));
}

#[test]
fn what_is_compiled_is_shared_between_threads() {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<CompiledTargeting>();
}
