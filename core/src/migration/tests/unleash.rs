//! Strategies, constraints and variants, each as Unleash decides.

use super::{ana, check_unmapped, imported, migrated, served, somebody};
use crate::context::Context;
use crate::value::Value;

const CLIENT: &str = include_str!("../../../../tests/vectors/migration/unleash-client.json");

/// A feature that is on for whoever a strategy is for.
fn of(strategies: &str) -> String {
    format!(r#"{{"features": [{{"name": "f", "enabled": true, "strategies": [{strategies}]}}]}}"#)
}

fn constraint(operator: &str, rest: &str) -> String {
    of(&format!(
        r#"{{"name": "default", "constraints": [{{"contextName": "a", "operator": "{operator}", {rest}}}]}}"#
    ))
}

/// Who sends `a` as this value is on or off.
#[track_caller]
fn check(operator: &str, rest: &str, value: Value, expected: bool) {
    let (store, lines) = imported(&constraint(operator, rest));
    let found = served(&store, "f", &somebody(&[("a", value)]));
    assert_eq!(found, if expected { "on" } else { "off" }, "{operator} {rest}: {lines:?}");
}

#[test]
fn each_operator_decides_as_there() {
    let text = Value::string;
    check("IN", r#""values": ["x", "5"]"#, text("x"), true);
    check("IN", r#""values": ["x", "5"]"#, Value::Integer(5), true);
    check("IN", r#""values": ["true"]"#, Value::Boolean(true), true);
    check("IN", r#""values": ["x"]"#, text("X"), false);
    check("IN", r#""values": []"#, text("x"), false);
    check("NOT_IN", r#""values": []"#, text("x"), true);
    check("NOT_IN", r#""values": ["x"]"#, text("x"), false);
    check("NOT_IN", r#""values": ["x"]"#, Value::Null, true);
    check("NOT_IN", r#""values": ["x"], "inverted": true"#, text("x"), true);
    check("STR_CONTAINS", r#""values": ["b", "q"]"#, text("abc"), true);
    check("STR_STARTS_WITH", r#""values": ["ab"]"#, text("abc"), true);
    check("STR_STARTS_WITH", r#""values": ["bc"]"#, text("abc"), false);
    check("STR_ENDS_WITH", r#""values": ["bc"], "inverted": true"#, text("abc"), false);
    check("NUM_EQ", r#""value": "5""#, Value::Float(5.0), true);
    check("NUM_LT", r#""value": "5""#, Value::Integer(5), false);
    check("NUM_LTE", r#""value": "5""#, Value::Integer(5), true);
    check("NUM_GT", r#""value": "4.5""#, Value::Integer(5), true);
    check("NUM_GTE", r#""value": "5""#, Value::Integer(4), false);
    check("DATE_BEFORE", r#""value": "2026-01-01T00:00:00Z""#, text("2025-12-31"), true);
    check("DATE_AFTER", r#""value": "2026-01-01T00:00:00Z""#, text("2025-12-31"), false);
    check("SEMVER_EQ", r#""value": "1.2.3""#, text("1.2.3"), true);
    check("SEMVER_LT", r#""value": "1.10.0""#, text("1.9.0"), true);
    check("SEMVER_GT", r#""value": "1.10.0""#, text("1.9.0"), false);
}

#[test]
fn what_cannot_be_said_leaves_the_flag_out() {
    check_unmapped(
        &constraint("STR_CONTAINS", r#""values": ["x"], "caseInsensitive": true"#),
        "ignores case",
    );
    check_unmapped(&constraint("REGEX", r#""value": "x""#), "\"REGEX\" is not known here");
    check_unmapped(&constraint("NUM_GT", r#""value": "many""#), "expected a number");
    check_unmapped(&constraint("SEMVER_GT", r#""value": "new""#), "a semantic version");
    let now = r#"{"name": "default", "constraints": [{"contextName": "currentTime", "operator": "DATE_AFTER",
        "value": "2026-01-01T00:00:00Z"}]}"#;
    check_unmapped(&of(now), "no time of day");
    check_unmapped(&of(r#"{"name": "moonPhase"}"#), "\"moonPhase\"");
    check_unmapped(&of(r#"{"name": "remoteAddress", "parameters": {"IPs": "10.0.0.0/8"}}"#), "10.0.0.0/8");
    check_unmapped(&of(r#"{"name": "flexibleRollout", "parameters": {"rollout": "most"}}"#), "from 0 to 100");
    check_unmapped(&of(r#"{"name": "default", "disabled": true}"#), "switched off");
    check_unmapped(&of(r#"{"name": "default", "segments": [9]}"#), "no segment with the id 9");
    check_unmapped(r#"{"features": [{"name": "not a name", "strategies": []}]}"#, "no name of ours");
    check_unmapped(
        r#"{"features": [{"name": "f", "strategies": [], "dependencies": [{"feature": "g"}]}]}"#,
        "it needs flag g",
    );
    check_unmapped(
        r#"{"features": [{"name": "f", "strategies": [], "dependencies": [{"feature": "g"}]},
            {"name": "g", "strategies": [], "dependencies": [{"feature": "f"}]}]}"#,
        "it needs flag",
    );
}

#[test]
fn one_of_several_strategies_is_enough() {
    let (store, _) = imported(CLIENT);
    for name in ["ana", "ben"] {
        assert_eq!(served(&store, "checkout.new-flow", &Context::new(name)), "on", "{name} is listed");
    }
    let meets = [
        ("country", Value::string("DE")),
        ("plan", Value::string("pro")),
        ("email", Value::string("x@example.com")),
        ("age", Value::Integer(18)),
        ("joined", Value::string("2025-01-01")),
        ("app", Value::string("2.11.0")),
        ("staff", Value::Boolean(true)),
    ];
    let nobody = Context::anonymous();
    let meeting =
        meets.iter().fold(nobody.clone(), |context, (name, value)| context.with(name, value.clone()));
    assert_eq!(served(&store, "checkout.new-flow", &meeting), "on");
    for (name, _) in meets.iter().filter(|(name, _)| *name != "plan") {
        let without = meeting.clone().with(name, Value::Null);
        assert_eq!(served(&store, "checkout.new-flow", &without), "off", "without {name}");
    }
    assert_eq!(served(&store, "checkout.new-flow", &meeting.with("plan", Value::string("free"))), "off");
    assert_eq!(served(&store, "checkout.new-flow", &nobody), "off", "nobody in particular is in no share");
}

#[test]
fn shares_that_are_not_the_last_let_the_others_through() {
    let rollout = |percent: u32, city: &str| {
        format!(
            r#"{{"name": "flexibleRollout", "parameters": {{"rollout": "{percent}", "groupId": "g"}},
                "constraints": [{{"contextName": "city", "operator": "IN", "values": ["{city}"]}}]}}"#
        )
    };
    let (store, _) = imported(&of(&format!("{}, {}", rollout(20, "Graz"), rollout(60, "Graz"))));
    let on = |name: u32| {
        let context = Context::new(&format!("user-{name}")).with("city", Value::string("Graz"));
        served(&store, "f", &context) == "on"
    };
    let count = (0..1_000).filter(|name| on(*name)).count();
    // One group, one hash: the smaller share is in the larger one.
    assert!((550..650).contains(&count), "{count} of 1,000");
    assert_eq!(served(&store, "f", &ana()), "off", "elsewhere nobody is");
}

#[test]
fn variants_keep_their_payloads_overrides_and_weights() {
    let (store, _) = imported(CLIENT);
    assert_eq!(served(&store, "theme", &ana()), "dark");
    let dark =
        (0..1_000).filter(|name| served(&store, "theme", &Context::new(&format!("u{name}"))) == "dark");
    let dark = dark.count();
    assert!((440..560).contains(&dark), "{dark} of 1,000");
    assert_eq!(store.flag("production", "theme").off_variant.as_str(), "disabled");
}

#[test]
fn a_feature_that_needs_another_is_off_where_that_is() {
    let (store, _) = imported(CLIENT);
    assert_eq!(served(&store, "voice", &ana()), "on");
    assert_eq!(served(&store, "voice", &Context::anonymous()), "off");
    assert_eq!(served(&store, "legacy", &somebody(&[("remoteAddress", Value::string("10.0.0.1"))])), "off");
}

#[test]
fn an_import_is_repeatable() {
    let (mut store, _) = imported(CLIENT);
    let again = migrated(&store, CLIENT);
    assert!(store.submit(&again.changes).unwrap().writes.is_empty());
}
