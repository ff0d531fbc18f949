//! Targets, rules and clauses, each as LaunchDarkly decides.

use super::{ana, check_unmapped, imported, lines, migrated, served, somebody};
use crate::check::tests::Store;
use crate::context::Context;
use crate::key::FoldedKey;
use crate::value::Value;

const FLAGS: &str = include_str!("../../../../tests/vectors/migration/launchdarkly.json");

/// A flag whose one rule has one clause.
fn of(clause: &str) -> String {
    format!(
        r#"{{"key": "f", "kind": "boolean", "variations": [{{"value": true}}, {{"value": false}}],
            "environments": {{"production": {{"on": true, "offVariation": 1, "fallthrough": {{"variation": 1}},
            "rules": [{{"variation": 0, "clauses": [{clause}]}}]}}}}}}"#
    )
}

fn clause(op: &str, values: &str, negate: bool) -> String {
    of(&format!(r#"{{"attribute": "a", "op": "{op}", "values": [{values}], "negate": {negate}}}"#))
}

/// Who sends `a` as this value is on or off, and the other way round where the clause is negated.
#[track_caller]
fn check(op: &str, values: &str, value: &Value, expected: bool) {
    for negate in [false, true] {
        let (store, lines) = imported(&clause(op, values, negate));
        let found = served(&store, "f", &somebody(&[("a", value.clone())]));
        assert_eq!(found == "on", expected != negate, "{op} {values} negate={negate}: {lines:?}");
        let without = served(&store, "f", &ana());
        assert_eq!(without, "off", "of what is not there nothing is true");
    }
}

#[test]
fn each_operator_decides_as_there() {
    let text = Value::string;
    check("in", r#""x", 5"#, &text("x"), true);
    check("in", r#""x", 5"#, &Value::Integer(5), true);
    check("in", r#""x", 5"#, &text("5"), false);
    check("contains", r#""b""#, &text("abc"), true);
    check("startsWith", r#""b", "a""#, &text("abc"), true);
    check("endsWith", r#""b""#, &text("abc"), false);
    check("lessThan", "5", &Value::Integer(5), false);
    check("lessThanOrEqual", "5", &Value::Integer(5), true);
    check("greaterThan", "10, 4", &Value::Integer(5), true);
    check("greaterThanOrEqual", "6", &Value::Integer(5), false);
    check("before", "1767225600000", &text("2025-12-31"), true);
    check("after", r#""2026-01-01T00:00:00Z""#, &text("2025-12-31"), false);
    check("semVerEqual", r#""2.0.0""#, &text("2.0.0"), true);
    check("semVerLessThan", r#""2.10.0""#, &text("2.9.0"), true);
    check("semVerGreaterThan", r#""2.10.0""#, &text("2.9.0"), false);
}

#[test]
fn what_cannot_be_said_leaves_the_flag_out() {
    check_unmapped(&clause("matches", r#""^a""#, false), "regular expressions");
    check_unmapped(&clause("near", r#""x""#, false), "\"near\" is not known here");
    check_unmapped(&clause("lessThan", r#""x""#, false), "expected a number");
    check_unmapped(&clause("segmentMatch", r#""beta""#, false), "a segment of production");
    check_unmapped(&of(r#"{"attribute": "kind", "op": "in", "values": ["user"]}"#), "have no kinds");
    check_unmapped(&of(r#"{"attribute": "a.b", "op": "in", "values": ["x"]}"#), "leads into an object");
    let variations = |values: &str| of("").replace(r#"[{"value": true}, {"value": false}]"#, values);
    check_unmapped(&variations(r#"[{"value": [1]}, {"value": [2]}]"#), "wrap it in an object");
    check_unmapped(&variations(r#"[{"value": 1}, {"value": "x"}]"#), "several types");
    check_unmapped(&variations(r#"[{"value": true}]"#), "one of its 1 variations");
    let other =
        r#"{"key": "f", "variations": [{"value": true}], "environments": {"dev": {}, "production": {}}}"#;
    check_unmapped(other, "expected `fallthrough`");
}

#[test]
fn targets_come_before_rules_and_rules_before_the_fallthrough() {
    let (store, _) = imported(FLAGS);
    let page = |context: &Context| served(&store, "alternate.page", context);
    assert_eq!([page(&ana()), page(&Context::new("cy"))], ["true", "false"]);
    let acme = Value::Object([(Box::from("key"), Value::string("acme"))].into());
    let example = Value::string("x@example.com");
    let french = somebody(&[("email", example.clone()), ("country", Value::string("FR"))]);
    assert_eq!(page(&french), "true");
    assert_eq!(page(&french.with("organization", acme)), "false", "a target of another kind comes first");
    assert_eq!(page(&somebody(&[("email", example.clone()), ("country", Value::string("DE"))])), "false");
    assert_eq!(page(&somebody(&[("email", example)])), "false", "no country is no other country");
    let version = Value::Object([(Box::from("version"), Value::string("2.11.0"))].into());
    let on = |name: u32| page(&Context::new(&format!("u{name}")).with("app", version.clone())) == "true";
    let count = (0..1_000).filter(|name| on(*name)).count();
    assert!((160..240).contains(&count), "{count} of 1,000");
}

#[test]
fn a_prerequisite_must_serve_its_variation() {
    let (store, _) = imported(FLAGS);
    let plan = |name: &str, attribute: &str, value: Value| {
        served(&store, "plan-name", &Context::new(name).with(attribute, value))
    };
    assert_eq!(plan("ana", "seats", Value::Integer(6)), "Team-Plan");
    assert_eq!(plan("cy", "seats", Value::Integer(6)), "free", "alternate.page is not served to cy");
    assert_eq!(plan("ana", "since", Value::string("2025-06-01")), "variation-1");
    assert_eq!(plan("ana", "since", Value::string("2026-06-01")), "free");
}

#[test]
fn browsers_may_ask_for_what_pages_may_ask_for_there() {
    let availability = |says: &str| of("").replacen(r#""kind""#, &format!(r#"{says}, "kind""#), 1);
    let pages = r#""clientSideAvailability": {"usingEnvironmentId": true, "usingMobileKey": false}"#;
    let apps = r#""clientSideAvailability": {"usingEnvironmentId": false, "usingMobileKey": true}"#;
    let visible = |store: &Store| store.snapshot.flag(&FoldedKey::of("f")).unwrap().client_visible;
    let (mut store, _) = imported(&availability(pages));
    assert!(visible(&store));
    let (older, _) = imported(&availability(r#""includeInSnippet": true"#));
    assert!(visible(&older));
    let (hidden, said) = imported(&availability(apps));
    assert!(!visible(&hidden) && said.join("\n").contains("`update --client-visible true`"), "{said:?}");

    // A document that says nothing of it leaves it as it is; one that does is followed, and that is told.
    store.submit(&migrated(&store, &of("")).changes).unwrap();
    assert!(visible(&store));
    let hiding = migrated(&store, &availability(apps));
    store.submit(&hiding.changes).unwrap();
    assert!(!visible(&store) && lines(&hiding).join("\n").contains("browsers may no longer ask"));
    let showing = migrated(&store, &availability(pages));
    store.submit(&showing.changes).unwrap();
    assert!(
        visible(&store)
            && lines(&showing).join("\n").contains("browsers may ask for the flag here from now on")
    );
}

#[test]
fn an_import_is_repeatable() {
    let (mut store, _) = imported(FLAGS);
    let again = migrated(&store, FLAGS);
    assert!(store.submit(&again.changes).unwrap().writes.is_empty());
}
