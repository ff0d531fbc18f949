//! What comes of a document.

use proptest::collection::vec;
use proptest::prelude::*;

use super::random::{any_context, any_store};
use super::{compiled, served, translated};
use crate::bucketing::Generation;
use crate::change::{Change, UpdateFlag};
use crate::check::tests::{Store, create, create_text, enable, rule, serve, set_rules, test};
use crate::condition::Operator;
use crate::context::Context;
use crate::flag::Serve;
use crate::flagd::{Audiences, Import, Outcome, import};
use crate::json;
use crate::key::VariantName;
use crate::value::{FlagType, Value};

fn imported(store: &Store, document: &str) -> Import {
    import(&json::parse(document).unwrap(), "production", &store.snapshot)
}

/// The lines of a report, `flag: outcome: text`.
fn lines(import: &Import) -> Vec<String> {
    import.report.iter().map(|line| format!("{}: {:?}: {}", line.flag, line.outcome, line.text)).collect()
}

/// A document of one flag, `dreams`.
fn of(fields: &str) -> String {
    format!(r#"{{"flags":{{"dreams":{{{fields}}}}}}}"#)
}

const BOOLEAN: &str = r#""state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on""#;

/// A flag of these fields is skipped for this reason, in a store that has none.
#[track_caller]
fn check_skipped(fields: &str, why: &str) {
    let import = imported(&Store::new(), &of(fields));
    assert_eq!(lines(&import), [format!("dreams: Skipped: {why}")]);
    assert_eq!(import.changes, []);
}

#[track_caller]
fn check_type(variants: &str, default_variant: &str, expected: FlagType) {
    let fields = format!(r#""state":"ENABLED","variants":{variants},"defaultVariant":"{default_variant}""#);
    let mut store = Store::new();
    store.submit(&imported(&store, &of(&fields)).changes).unwrap();
    assert_eq!(store.flag("production", "dreams").flag_type, expected);
}

#[test]
fn a_flag_is_created_as_it_was() {
    let mut store = Store::new();
    let import = imported(
        &store,
        r#"{
            "$evaluators": {"german": {"===": [{"var": "country"}, "DE"]}},
            "metadata": {"owner": "ana", "flagSetId": "shop"},
            "flags": [{
                "key": "dreams", "state": "ENABLED", "variants": {"a": "A", "b": "B"}, "defaultVariant": "b",
                "targeting": {"if": [{"$ref": "german"}, "a"]},
                "metadata": {"description": "Dreams", "tags": "sleep, night", "owner": "ben"}
            }]
        }"#,
    );
    assert_eq!(lines(&import), ["dreams: Imported: "]);
    store.submit(&import.changes).unwrap();
    let definition = store.snapshot.flag(&crate::key::FoldedKey::of("dreams")).unwrap();
    assert_eq!((&*definition.description, &*definition.owner), ("Dreams", "ben"));
    assert_eq!(definition.tags, [Box::from("night"), Box::from("sleep")]);
    let set = compiled(&store.snapshot, None);
    let variant =
        |country| served(&set, None, "dreams", &Context::new("u").with("country", Value::string(country)));
    assert_eq!((variant("DE"), variant("FR")), ("a".to_owned(), "b".to_owned()));
}

#[test]
fn the_mark_for_browsers_goes_there_and_back() {
    let mark = |visible| {
        let visible = Some(visible);
        Change::UpdateFlag(UpdateFlag {
            flag: "dreams".to_owned(),
            client_visible: visible,
            ..UpdateFlag::default()
        })
    };
    let is_visible = |store: &Store| {
        let flag = |key| store.snapshot.flag(&crate::key::FoldedKey::of(key)).unwrap().client_visible;
        (flag("dreams"), flag("voice"))
    };
    let here = Store::with(&[create("dreams"), create("voice"), mark(true)]);
    let file = translated(&here.snapshot, None, Audiences::Shared).json;
    let mut there = Store::new();
    let import = import(&file, "production", &there.snapshot);
    assert_eq!(lines(&import), ["dreams: Imported: ", "voice: Imported: "]);
    there.submit(&import.changes).unwrap();
    assert_eq!(is_visible(&there), (true, false));
    assert_eq!(translated(&there.snapshot, None, Audiences::Shared).json, file);

    // A flag that is there keeps its mark unless the document speaks of it.
    let said = |metadata: &str| of(&format!(r#"{BOOLEAN},"metadata":{{{metadata}}}"#));
    there.submit(&imported(&there, &said("")).changes).unwrap();
    assert_eq!(is_visible(&there), (true, false));
    there.submit(&imported(&there, &said(r#""clientVisible":false"#)).changes).unwrap();
    assert_eq!(is_visible(&there), (false, false));
    let wrong = imported(&there, &said(r#""clientVisible":"yes""#));
    assert_eq!(lines(&wrong), ["dreams: Changed: metadata that has no place here is dropped: clientVisible"]);
    // For the whole set, as flagd's metadata is.
    let whole = format!(r#"{{"metadata":{{"clientVisible":true}},"flags":{{"voice":{{{BOOLEAN}}}}}}}"#);
    there.submit(&imported(&there, &whole).changes).unwrap();
    assert_eq!(is_visible(&there), (false, true));
}

#[test]
fn a_disabled_flag_serves_its_off_variant() {
    let mut store = Store::new();
    let import = imported(
        &store,
        r#"{"flags": {
            "a": {"state": "DISABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "yes"},
            "b": {"state": "DISABLED", "variants": {"x": 1, "y": 2}, "defaultVariant": "y", "targeting": {}}
        }}"#,
    );
    let why = "flagd leaves a disabled flag to the caller's default; here it serves its off variant";
    assert_eq!(lines(&import), [format!("a: Changed: {why} no"), format!("b: Changed: {why} y")]);
    store.submit(&import.changes).unwrap();
    for (flag, off) in [("a", "no"), ("b", "y")] {
        let flag = store.flag("production", flag);
        assert_eq!((flag.enabled, flag.off_variant.as_str(), flag.targeting), (false, off, None));
    }
    assert!(store.configuration("production", "a").switched.is_some(), "a rollout asks before it enables it");
}

#[test]
fn numbers_are_integers_when_all_are_written_as_such() {
    check_type(r#"{"a": true, "b": false}"#, "a", FlagType::Boolean);
    check_type(r#"{"a": "x"}"#, "a", FlagType::String);
    check_type(r#"{"a": 1, "b": -2}"#, "a", FlagType::Integer);
    check_type(r#"{"a": 1, "b": 2.5}"#, "a", FlagType::Float);
    check_type(r#"{"a": 1.0, "b": 2.0}"#, "a", FlagType::Float);
    check_type(r#"{"a": {}, "b": {"c": [1]}}"#, "a", FlagType::Object);
}

#[test]
fn what_cannot_be_ours_is_skipped_for_a_reason() {
    check_skipped(r#""variants":{"on":true},"defaultVariant":"on""#, "state: expected ENABLED or DISABLED");
    check_skipped(
        r#""state":"ENABLED","defaultVariant":"on""#,
        "variants: expected an object with at least one",
    );
    let mixed = r#""state":"ENABLED","variants":{"a":1,"b":"x"},"defaultVariant":"a""#;
    check_skipped(mixed, "variants: expected values of one type");
    let list = r#""state":"ENABLED","variants":{"a":[]},"defaultVariant":"a""#;
    check_skipped(list, "variant a: expected text, a number, a boolean or an object");
    let named = r#""state":"ENABLED","variants":{"b c":1},"defaultVariant":"b c""#;
    let grammar = "1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit";
    check_skipped(named, &format!("variant \"b c\" is no name of ours: {grammar}"));
    let left = "the flag leaves its default to the caller, and a flag of ours always serves a variant; name a \
                defaultVariant";
    for default_variant in ["", r#","defaultVariant":null"#, r#","defaultVariant":"""#] {
        check_skipped(&format!(r#""state":"ENABLED","variants":{{"on":true}}{default_variant}"#), left);
    }
    let unknown = r#""state":"ENABLED","variants":{"on":true},"defaultVariant":"off""#;
    check_skipped(unknown, "defaultVariant: expected one of the variants");
}

#[test]
fn targeting_that_does_not_compile_is_skipped_for_a_reason() {
    let targeted = |targeting: &str| format!(r#"{BOOLEAN},"targeting":{targeting}"#);
    check_skipped(&targeted(r#"{"$ref":"x"}"#), "targeting: there is no evaluator x");
    check_skipped(
        &targeted(r#"{"if":[true,"maybe"]}"#),
        "targeting: it names variant maybe, which the flag does not have",
    );
    let import = imported(&Store::new(), &of(&targeted(r#"{"if":[{"log":[1]},"on"]}"#)));
    assert!(
        lines(&import)[0].starts_with("dreams: Skipped: targeting: if[0].log: expected one of the operators")
    );
}

#[test]
fn what_is_no_document_is_said_once() {
    let store = Store::new();
    assert_eq!(lines(&imported(&store, "[]")), [": Skipped: expected a JSON object with `flags`"]);
    let expected = ": Skipped: expected `flags`: an object, or a list of flags with a `key` each";
    assert_eq!(lines(&imported(&store, r#"{"flags": 1}"#)), [expected]);
    let import =
        imported(&store, &format!(r#"{{"flags": [{{{BOOLEAN}}}, 7, {{"key": "a b", {BOOLEAN}}}]}}"#));
    let grammar =
        "the key is no name of ours: 1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit";
    let expected = [
        format!("flags[0]: Skipped: {grammar}"),
        "flags[1]: Skipped: expected an object".to_owned(),
        format!("a b: Skipped: {grammar}"),
    ];
    assert_eq!(lines(&import), expected);
    let twice = imported(&store, &format!(r#"{{"flags": {{"a.b": {{{BOOLEAN}}}, "a_b": {{{BOOLEAN}}}}}}}"#));
    let expected =
        ["a.b: Imported: ", "a_b: Skipped: the document has the flag already, in this or another spelling"];
    assert_eq!(lines(&twice), expected);
}

#[test]
fn metadata_without_a_place_is_named() {
    let fields = format!(r#"{BOOLEAN},"metadata":{{"version":"3","description":"x","owner":7,"team":"a"}}"#);
    let import = imported(&Store::new(), &of(&fields));
    let expected = "dreams: Changed: metadata that has no place here is dropped: owner, team, version";
    assert_eq!(lines(&import), [expected]);
}

#[test]
fn a_flag_that_is_there_becomes_the_one_of_the_document() {
    let rules = vec![rule(test("a", Operator::Exists, &[]), serve("off"))];
    let mut store = Store::with(&[create("dreams"), enable("dreams"), set_rules("dreams", rules)]);
    let text = of(r#""state":"ENABLED","variants":{"on":true,"no":false},"defaultVariant":"no",
        "targeting":{"if":[{"var":"a"},"on"]}"#);
    let import = imported(&store, &text);
    let expected = [
        "dreams: Changed: variants that only the flag here has are kept: off",
        "dreams: Changed: the rules of the flag here are replaced: 1",
    ];
    assert_eq!(lines(&import), expected);
    store.submit(&import.changes).unwrap();
    let flag = store.flag("production", "dreams");
    assert_eq!(flag.rules, []);
    assert_eq!(flag.targeting.as_deref(), Some(r#"{"if":[{"var":"a"},"on"]}"#));
    assert_eq!(flag.default_serve, Serve::Variant(VariantName::new("no")));
    assert_eq!(flag.variants.len(), 3);
    // A second time there is nothing to do.
    assert_eq!(store.check(&imported(&store, &text).changes).unwrap().writes, []);
}

#[test]
fn a_flag_of_another_type_is_skipped() {
    let store = Store::with(&[create_text("dreams", &["a"])]);
    let expected =
        "dreams: Skipped: a flag of this key is there, of type string, and this one is of type boolean";
    assert_eq!(lines(&imported(&store, &of(BOOLEAN))), [expected]);
    let elsewhere =
        import(&json::parse(&of(BOOLEAN)).unwrap(), "moon", &Store::with(&[create("dreams")]).snapshot);
    assert_eq!(lines(&elsewhere), ["dreams: Skipped: there is no environment moon"]);
}

/// A store that has only what a document says.
fn from_document(document: &Value, generation: Generation) -> Store {
    let mut store = Store::of_generation(generation);
    let import = import(document, "production", &store.snapshot);
    let skipped = import.report.iter().filter(|line| line.outcome != Outcome::Imported);
    assert_eq!(skipped.collect::<Vec<_>>(), Vec::<&super::super::Line>::new());
    store.submit(&import.changes).unwrap();
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_exported_and_imported_serves_the_same(store in any_store(), contexts in vec(any_context(), 1..12)) {
        let snapshot = &store.snapshot;
        let generation = snapshot.settings().bucketing;
        let document = translated(snapshot, None, Audiences::Shared);
        let again = from_document(&json::parse(&json::print(&document.json)).unwrap(), generation);
        let (before, after) = (compiled(snapshot, None), compiled(&again.snapshot, None));
        prop_assert_eq!(after.len() + document.untranslatable.len(), before.len());
        for slot in after.slots() {
            let key = slot.key().as_str();
            let folded = slot.key().folded();
            let (old, new) = (snapshot.flag(&folded).unwrap(), again.snapshot.flag(&folded).unwrap());
            prop_assert_eq!(old.flag_type, new.flag_type);
            prop_assert!(old.variants.iter().all(|variant| new.variant(&variant.name) == Some(variant)));
            for context in &contexts {
                prop_assert_eq!(served(&before, None, key, context), served(&after, None, key, context), "{}", key);
            }
        }
    }
}
