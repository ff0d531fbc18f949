//! How conditions and serves are said, word for word.

use super::{production, translated};
use crate::bucketing::Generation;
use crate::change::{Change, SegmentShare, SetSegment};
use crate::check::tests::{
    Store, create, create_text, default_serve, enable, place, rollout, rule, serve, set_rules, set_salt,
    split, split_by, test,
};
use crate::condition::{Condition, Operator};
use crate::flagd::{Audiences, Source, flag};
use crate::json;
use crate::key::{FoldedKey, SegmentKey};
use crate::value::Value;

const IS_TEXT: &str = r#"{"starts_with":[{"var":"a"},""]}"#;
const IS_THERE: &str = r#"{"!==":[{"var":"a"},null]}"#;
const IS_NO_LIST: &str = r#"{"in":[{"var":"a"},{"merge":[{"var":"a"}]}]}"#;
const STARTS: &str = r#"{"substr":[{"cat":[{"var":"a"}]},0,1]}"#;
const IS_TRUE: &str =
    r#"{"and":[{"===":[{"var":"a"},true]},{"in":[{"cat":[{"var":"a"}]},["true","True"]]}]}"#;
const DIGITS: &str = r#""-","0","1","2","3","4","5","6","7","8","9""#;

/// The targeting of a flag after some changes, and its default variant.
fn said(store: &Store, key: &str, audiences: Audiences) -> (String, String) {
    let source = Source { snapshot: &store.snapshot, environment: &production(), service: None };
    let said = flag(&source, &FoldedKey::of(key), audiences).unwrap();
    let fields = super::fields(&said);
    let targeting = fields.get("targeting").map(json::print).unwrap_or_default();
    (targeting, super::string(&fields["defaultVariant"]).to_owned())
}

#[track_caller]
fn check_condition(condition: Condition, expected: &str) {
    let rules = set_rules("dreams", vec![rule(condition, serve("off"))]);
    let store = Store::with(&[create("dreams"), enable("dreams"), rules]);
    let expected = format!(r#"{{"if":[{expected},"off"]}}"#);
    assert_eq!(said(&store, "dreams", Audiences::Inlined), (expected, "on".to_owned()));
}

#[track_caller]
fn check_test(operator: Operator, operands: &[Value], expected: &str) {
    check_condition(test("a", operator, operands), expected);
}

#[track_caller]
fn check_serve(salt: &str, serve: crate::flag::Serve, expected: &str) {
    let changes =
        [create("dreams"), enable("dreams"), set_salt("dreams", salt), default_serve("dreams", serve)];
    assert_eq!(said(&Store::with(&changes), "dreams", Audiences::Inlined).0, expected);
}

#[test]
fn equality_is_strict() {
    check_test(Operator::Equals, &[Value::string("DE")], r#"{"===":[{"var":"a"},"DE"]}"#);
    check_test(Operator::Equals, &[Value::Integer(5)], r#"{"===":[{"var":"a"},5]}"#);
    let two = [Value::string("DE"), Value::string("FR")];
    check_test(Operator::In, &two, r#"{"in":[{"var":"a"},["DE","FR"]]}"#);
    let mixed = [Value::string("DE"), Value::Boolean(true)];
    check_test(Operator::In, &mixed, &format!(r#"{{"or":[{{"===":[{{"var":"a"}},"DE"]}},{IS_TRUE}]}}"#));
}

#[test]
fn numbers_are_compared_with_numbers_only() {
    let expected = format!(
        r#"{{"and":[{{"!":[{IS_TEXT}]}},{IS_THERE},{IS_NO_LIST},{{"in":[{STARTS},[{DIGITS}]]}},{{">=":[{{"var":"a"}},0.5]}}]}}"#
    );
    check_test(Operator::GreaterOrEqual, &[Value::Float(0.5)], &expected);
}

#[test]
fn versions_are_texts_and_spelled_out() {
    let expected = format!(r#"{{"and":[{IS_TEXT},{{"sem_ver":[{{"var":"a"}},"<","1.2.0"]}}]}}"#);
    check_test(Operator::VersionLess, &[Value::string("v1.2+b7")], &expected);
}

#[test]
fn parts_are_of_texts_and_elements_of_lists() {
    let is_list = format!(r#"{{"!":[{IS_NO_LIST}]}}"#);
    let is_element = |operand: &str| format!(r#"{{"in":[{operand},{{"merge":[{{"var":"a"}}]}}]}}"#);
    let some = r#"{"some":[{"merge":[{"var":"a"}]},{"===":[{"var":""},5]}]}"#;
    let number = format!(r#"{{"and":[{is_list},{some}]}}"#);
    check_test(Operator::Contains, &[Value::Integer(5)], &number);
    let text = format!(
        r#"{{"if":[{IS_TEXT},{{"in":["D",{{"var":"a"}}]}},{{"and":[{is_list},{}]}}]}}"#,
        is_element("\"D\"")
    );
    check_test(Operator::Contains, &[Value::string("D")], &text);
}

#[test]
fn an_empty_targeting_key_is_none() {
    let key = |operator, operands: &[Value]| test("targetingKey", operator, operands);
    check_condition(key(Operator::Exists, &[]), r#"{"!!":[{"var":"targetingKey"}]}"#);
    let starts = r#"{"starts_with":[{"var":"targetingKey"},""]}"#;
    let guarded = format!(r#"{{"and":[{{"!!":[{{"var":"targetingKey"}}]}},{starts}]}}"#);
    check_condition(key(Operator::StartsWith, &[Value::string("")]), &guarded);
    check_test(Operator::Exists, &[], r#"{"!==":[{"var":"a"},null]}"#);
}

#[test]
fn what_is_decided_beforehand_is_not_said() {
    let never = Condition::Any(Vec::new());
    let exists = test("a", Operator::Exists, &[]);
    let nested = Condition::All(vec![
        Condition::always(),
        Condition::Any(vec![exists.clone(), never.clone()]),
        Condition::Not(Box::new(never.clone())),
    ]);
    check_condition(nested, r#"{"!==":[{"var":"a"},null]}"#);
    let rules = vec![
        rule(never, serve("off")),
        rule(exists.clone(), serve("off")),
        rule(Condition::always(), serve("on")),
        rule(exists, serve("off")),
    ];
    let store = Store::with(&[create("dreams"), enable("dreams"), set_rules("dreams", rules)]);
    let expected = r#"{"if":[{"!==":[{"var":"a"},null]},"off","on"]}"#;
    assert_eq!(said(&store, "dreams", Audiences::Inlined).0, expected);
}

#[test]
fn a_split_is_fractional() {
    let quarter = [("on", 25_000), ("off", 75_000)];
    let weights = r#"["on",25000],["off",75000]"#;
    check_serve("", split(&quarter), &format!(r#"{{"fractional":[{weights}]}}"#));
    check_serve("", split_by(Some("targetingKey"), &quarter), &format!(r#"{{"fractional":[{weights}]}}"#));
    let salted = r#"{"cat":["s",{"var":"targetingKey"}]}"#;
    let guarded =
        format!(r#"{{"if":[{{"!!":[{{"var":"targetingKey"}}]}},{{"fractional":[{salted},{weights}]}}]}}"#);
    check_serve("s", split(&quarter), &guarded);
    let is_false = IS_TRUE.replace("true", "false").replace("True", "False");
    let truths = format!("{IS_TRUE},{is_false}");
    let number = format!(r#"{{"and":[{IS_THERE},{IS_NO_LIST},{{"in":[{STARTS},[{DIGITS}]]}}]}}"#);
    let identity =
        format!(r#"{{"if":[{IS_TEXT},{{"!==":[{{"var":"a"}},""]}},{{"or":[{truths},{number}]}}]}}"#);
    let printed = format!(r#"{{"if":[{IS_TRUE},"true",{is_false},"false",{{"var":"a"}}]}}"#);
    let salted = format!(r#"{{"cat":["dreams",{printed}]}}"#);
    let guarded = format!(r#"{{"if":[{identity},{{"fractional":[{salted},{weights}]}}]}}"#);
    check_serve("", split_by(Some("a"), &quarter), &guarded);
    check_serve("", split(&[("on", 100_000), ("off", 0)]), "");
}

#[test]
fn a_segment_is_its_lists_and_then_its_condition_and_share() {
    let key = |number: &u32| format!("user-{number}");
    let list = |list: &str, keys: &[u32]| Change::EditList {
        environment: "production".to_owned(),
        list: format!("segment/early.birds/{list}"),
        add: keys.iter().map(key).collect(),
        remove: Vec::new(),
    };
    let segment = Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: "early.birds".to_owned(),
        condition: Some(test("a", Operator::Exists, &[])),
        share: Some(SegmentShare { from_percent: 10.0, to_percent: 30.0, ..SegmentShare::default() }),
        ..SetSegment::default()
    });
    let rules = vec![rule(Condition::Segment(SegmentKey::new("early.birds")), serve("off"))];
    let store = Store::with(&[
        create("dreams"),
        enable("dreams"),
        segment,
        list("excluded", &[1]),
        list("included", &[2, 3]),
        set_rules("dreams", rules),
    ]);
    let share = concat!(
        r#"{"!!":[{"var":"targetingKey"}]},{"===":[{"fractional":[{"cat":["early.birds",{"var":"targetingKey"}]},"#,
        r#"["before",10000],["in",20000],["after",70000]]},"in"]}"#
    );
    let membership = format!(
        concat!(
            r#"{{"and":[{{"!":[{{"===":[{{"var":"targetingKey"}},"user-1"]}}]}},"#,
            r#"{{"or":[{{"in":[{{"var":"targetingKey"}},["user-2","user-3"]]}},"#,
            r#"{{"and":[{{"!==":[{{"var":"a"}},null]}},{}]}}]}}]}}"#
        ),
        share
    );
    assert_eq!(said(&store, "dreams", Audiences::Inlined).0, format!(r#"{{"if":[{membership},"off"]}}"#));
    let reference = r#"{"if":[{"$ref":"segment-early~birds"},"off"]}"#;
    assert_eq!(said(&store, "dreams", Audiences::Shared).0, reference);
    let document = translated(&store.snapshot, None, Audiences::Shared);
    let evaluators = json::print(&super::fields(&document.json)["$evaluators"]);
    assert_eq!(evaluators, format!(r#"{{"segment-early~birds":{membership}}}"#));
}

#[test]
fn a_prerequisite_is_compared_with_what_will_not_do() {
    let mut store = Store::of_generation(Generation::V2);
    let voice = place("voice");
    let wanted = vec![("dreams".to_owned(), vec!["on".to_owned()])];
    let changes = [
        create("dreams"),
        rollout("dreams", 25.0),
        create_text("voice", &["a", "off"]),
        enable("voice"),
        Change::SetPrerequisites { place: voice, prerequisites: wanted },
    ];
    store.submit(&changes).unwrap();
    let decision = concat!(
        r#"{"if":[{"!!":[{"var":"targetingKey"}]},"#,
        r#"{"fractional":[{"cat":["dreams",{"var":"targetingKey"}]},["on",25000],["off",75000]]},"off"]}"#
    );
    let expected = format!(r#"{{"if":[{{"===":[{decision},"off"]}},"off"]}}"#);
    assert_eq!(said(&store, "voice", Audiences::Inlined), (expected, "a".to_owned()));
}
