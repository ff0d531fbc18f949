//! What a whole document has, and what is left out of it.

use super::{fields, production, translated};
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::check::tests::{
    Store, create, create_text, default_serve, disable, enable, place, rollout, rule, serve, set_rules,
    set_salt, split, test,
};
use crate::condition::Operator;
use crate::flag::Serve;
use crate::flagd::{
    Audiences, FLAG_BYTES_MAX, Source, Unresolved, Untranslatable, document, flag, substitute,
};
use crate::json;
use crate::key::{FlagKey, FoldedKey, ServiceName};
use crate::value::Value;

fn needs(flag: &str, other: &str) -> Change {
    let prerequisites = vec![(other.to_owned(), vec!["on".to_owned()])];
    Change::SetPrerequisites { place: place(flag), prerequisites }
}

fn canary(keys: impl IntoIterator<Item = String>) -> [Change; 2] {
    let environment = "production".to_owned();
    let (add, remove) = (keys.into_iter().collect(), Vec::new());
    [
        Change::EditList { environment: environment.clone(), list: "canary".to_owned(), add, remove },
        Change::SwitchCanary { environment, on: true },
    ]
}

#[track_caller]
fn check_untranslatable(changes: &[Change], key: &str, expected: &str) {
    let store = Store::with(changes);
    for audiences in [Audiences::Inlined, Audiences::Shared] {
        let document = translated(&store.snapshot, None, audiences);
        assert_eq!(document.untranslatable, [(FlagKey::new(key), expected.to_owned())]);
        assert!(!fields(&fields(&document.json)["flags"]).contains_key(key));
    }
}

#[test]
fn a_payload_has_only_what_every_provider_knows() {
    let described = UpdateFlag {
        flag: "dreams".to_owned(),
        description: Some("Dreams".to_owned()),
        owner: Some("ana".to_owned()),
        client_visible: Some(true),
        ..UpdateFlag::default()
    };
    let store = Store::with(&[
        create("dreams"),
        Change::UpdateFlag(described),
        rollout("dreams", 10.0),
        create("voice"),
    ]);
    let expected = concat!(
        r#"{"flags":{"dreams":{"defaultVariant":"off","#,
        r#""metadata":{"description":"Dreams","flagSetId":"production","owner":"ana"},"state":"ENABLED","#,
        r#""targeting":{"fractional":[["on",10000],["off",90000]]},"variants":{"off":false,"on":true}},"#,
        r#""voice":{"defaultVariant":"off","metadata":{"flagSetId":"production"},"state":"ENABLED","#,
        r#""variants":{"off":false,"on":true}}}}"#
    );
    assert_eq!(json::print(&translated(&store.snapshot, None, Audiences::Inlined).json), expected);
}

#[test]
fn a_file_says_once_what_is_shared() {
    let mut changes = vec![create("dreams"), enable("dreams"), default_serve("dreams", serve("off"))];
    changes.extend(canary(["user-2".to_owned(), "user-1".to_owned()]));
    let store = Store::with(&changes);
    let expected = concat!(
        r#"{"$evaluators":{"canary":{"in":[{"var":"targetingKey"},["user-1","user-2"]]}},"#,
        r#""$schema":"https://flagd.dev/schema/v0/flags.json","flags":{"dreams":{"defaultVariant":"off","#,
        r#""state":"ENABLED","targeting":{"if":[{"$ref":"canary"},"on"]},"variants":{"off":false,"on":true}}},"#,
        r#""metadata":{"flagSetId":"production"}}"#
    );
    assert_eq!(json::print(&translated(&store.snapshot, None, Audiences::Shared).json), expected);
}

/// The Python core refuses the whole document for an escape in an evaluator.
#[test]
fn what_json_escapes_is_written_out_in_a_file_too() {
    for key in ["zoë", "a\"b", "a\\b"] {
        let mut changes = vec![create("dreams"), enable("dreams"), default_serve("dreams", serve("off"))];
        changes.extend(canary([key.to_owned()]));
        let document = translated(&Store::with(&changes).snapshot, None, Audiences::Shared);
        assert_eq!(fields(&document.json).get("$evaluators"), None, "{key}");
        let dreams = &fields(&fields(&document.json)["flags"])["dreams"];
        let expected = json::print(&Value::string(key));
        let expected = format!(r#"{{"if":[{{"===":[{{"var":"targetingKey"}},{expected}]}},"on"]}}"#);
        assert_eq!(json::print(&fields(dreams)["targeting"]), expected);
    }
}

#[test]
fn an_overridden_flag_and_a_disabled_one_are_constant() {
    let detached = Change::SetOverride {
        place: place("dreams"),
        service: "ui".to_owned(),
        variant: "on".to_owned(),
        seconds: 60,
    };
    let store = Store::with(&[create("dreams"), rollout("dreams", 10.0), disable("dreams"), detached]);
    let said = |service: Option<&str>| {
        let service = service.map(ServiceName::new);
        let source =
            Source { snapshot: &store.snapshot, environment: &production(), service: service.as_ref() };
        let said = flag(&source, &FoldedKey::of("dreams"), Audiences::Inlined).unwrap();
        let fields = fields(&said);
        assert_eq!(fields.get("targeting"), None);
        assert_eq!(fields["state"], Value::string("ENABLED"));
        fields["defaultVariant"].clone()
    };
    assert_eq!(said(Some("ui")), Value::string("on"));
    assert_eq!(said(Some("runner")), Value::string("off"));
    assert_eq!(said(None), Value::string("off"));
}

#[test]
fn a_service_is_given_the_flags_that_it_may_see() {
    let hidden = CreateFlag { services: vec!["runner".to_owned()], ..CreateFlag::boolean("hidden") };
    let gone = Change::ArchiveFlag { flag: "voice".to_owned(), force: false };
    let store = Store::with(&[create("dreams"), Change::CreateFlag(hidden), create("voice"), gone]);
    let keys = |service: Option<&str>| {
        let service = service.map(ServiceName::new);
        let document = translated(&store.snapshot, service.as_ref(), Audiences::Inlined);
        assert_eq!(document.untranslatable, []);
        let Value::Object(flags) = &fields(&document.json)["flags"] else { panic!("no flags") };
        flags.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(keys(Some("ui")), ["dreams"]);
    assert_eq!(keys(Some("runner")), ["dreams", "hidden"]);
    assert_eq!(keys(None), ["dreams", "hidden"]);
    let source = Source { snapshot: &store.snapshot, environment: &production(), service: None };
    let unknown = flag(&source, &FoldedKey::of("voice"), Audiences::Inlined);
    assert_eq!(unknown, Err(Untranslatable::UnknownFlag));
}

#[test]
fn what_flagds_language_lacks_is_named() {
    let tested = |attribute: &str, operator, operands: &[Value]| {
        [
            create("dreams"),
            enable("dreams"),
            set_rules("dreams", vec![rule(test(attribute, operator, operands), serve("off"))]),
        ]
    };
    let dated = tested("born", Operator::Before, &[Value::string("2000-01-01")]);
    let expected = "attribute born is compared with a date, and flagd's language knows none";
    check_untranslatable(&dated, "dreams", expected);
    for (attribute, why) in [
        ("groups.0", "a number is an element of a list, or a character of a text, to flagd"),
        ("0", "a number is an element of a list to flagd"),
        ("country.length", "it is the length of a list or text to flagd"),
        ("user.constructor", "every object has it in JavaScript"),
        ("$flagd.flagKey", "flagd itself says what it is"),
        ("targetingKey.domain", "the targeting key is text and has no fields"),
    ] {
        let expected = format!("attribute {attribute} means another thing to flagd: {why}");
        check_untranslatable(&tested(attribute, Operator::Exists, &[]), "dreams", &expected);
    }
}

#[test]
fn a_prerequisite_that_is_split_by_its_own_key_wants_a_salt() {
    let changes = [
        create("dreams"),
        create("voice"),
        enable("voice"),
        rollout("dreams", 10.0),
        needs("voice", "dreams"),
    ];
    let expected = "flag dreams, a prerequisite, is split by its own key, which no other flag can do in flagd's \
                    language; give dreams a salt (another salt moves subjects between its buckets)";
    check_untranslatable(&changes, "voice", expected);
    let mut store = Store::with(&changes);
    store.submit(&[set_salt("dreams", "dreams")]).unwrap();
    assert_eq!(translated(&store.snapshot, None, Audiences::Inlined).untranslatable, []);
}

#[test]
fn a_prerequisite_whose_targeting_reads_its_own_key_is_named() {
    let expected = "flag dreams, a prerequisite, has a targeting expression that depends on its own key; bucket by a \
                    text with `cat`, and do not read $flagd";
    for targeting in [
        r#"{"fractional":[["on",1],["off",1]]}"#,
        r#"{"fractional":[{"var":"company"},["on",1],["off",1]]}"#,
        r#"{"if":[{"===":[{"var":["$flagd.flagKey"]},"dreams"]},"on"]}"#,
        r#"{"if":[{"in":["dreams",{"cat":[{"var":""}]}]},"on"]}"#,
    ] {
        let set = Change::SetTargeting { place: place("dreams"), targeting: targeting.to_owned() };
        let changes = [
            create("dreams"),
            create("voice"),
            enable("dreams"),
            enable("voice"),
            set,
            needs("voice", "dreams"),
        ];
        check_untranslatable(&changes, "voice", expected);
    }
}

#[test]
fn a_flag_has_a_largest_size_where_lists_are_written_out() {
    let keys = (0..10_000).map(|number| format!("user-{number:0>150}"));
    let mut changes =
        vec![create("dreams"), enable("dreams"), default_serve("dreams", serve("off")), create("voice")];
    changes.extend(canary(keys));
    let store = Store::with(&changes);
    let inlined = translated(&store.snapshot, None, Audiences::Inlined);
    let why = format!(
        "it would be larger than {FLAG_BYTES_MAX} bytes; shorten the lists and prerequisites that it is about"
    );
    assert_eq!(inlined.untranslatable, [(FlagKey::new("dreams"), why)]);
    assert_eq!(translated(&store.snapshot, None, Audiences::Shared).untranslatable, []);
}

/// Each flag needs the four below it: written out, that is four times as much with every level.
#[test]
fn prerequisites_of_prerequisites_do_not_fill_the_memory() {
    let flag = |level: usize, side: &str| format!("f{level}{side}");
    let mut store = Store::new();
    let many: Vec<Value> = (0..100).map(|number| Value::String(format!("{number:0>200}").into())).collect();
    for level in 0..5 {
        for side in ["a", "b", "c", "d"] {
            let key = flag(level, side);
            let rules = vec![rule(test("a", Operator::In, &many), serve("off"))];
            let mut changes = vec![create(&key), enable(&key), set_rules(&key, rules)];
            if let Some(below) = level.checked_sub(1) {
                let below = ["a", "b", "c", "d"].map(|side| (flag(below, side), vec!["on".to_owned()]));
                changes.push(Change::SetPrerequisites { place: place(&key), prerequisites: below.into() });
            }
            store.submit(&changes).unwrap();
        }
    }
    let document = translated(&store.snapshot, None, Audiences::Inlined);
    assert!((1..20).contains(&document.untranslatable.len()), "the lower levels can be said");
    let why = format!(
        "it would be larger than {FLAG_BYTES_MAX} bytes; shorten the lists and prerequisites that it is about"
    );
    assert!(document.untranslatable.iter().all(|(_, found)| *found == why), "{:?}", document.untranslatable);
}

#[test]
fn evaluators_refer_to_no_other_ones() {
    let parse = |text: &str| json::parse(text).unwrap();
    let evaluators = parse(r#"{"a":{"!!":[{"var":"a"}]},"b":{"$ref":"a"}}"#);
    let evaluators = fields(&evaluators);
    let substituted = |text: &str| substitute(&parse(text), evaluators).map(|whole| json::print(&whole));
    let whole = r#"{"if":[{"!!":[{"var":"a"}]},"on",{"and":[{"!!":[{"var":"a"}]}]}]}"#;
    let parts = r#"{"if":[{"$ref":"a"},"on",{"and":[{"$ref":"a"}]}]}"#;
    assert_eq!(substituted(parts).as_deref(), Ok(whole));
    assert_eq!(substituted(r#"{"!":[{"$ref":"b"}]}"#).as_deref(), Ok(r#"{"!":[{"$ref":"a"}]}"#));
    assert_eq!(substituted(r#"{"$ref":"c"}"#), Err(Unresolved::Unknown { name: Box::from("c") }));
    // A $ref with something beside it is none.
    assert_eq!(substituted(r#"{"$ref":"a","x":1}"#).as_deref(), Ok(r#"{"$ref":"a","x":1}"#));
}

#[test]
fn a_default_that_is_a_split_leaves_the_default_variant_to_the_others() {
    let thirds: Serve = split(&[("a", 33_333), ("b", 66_667)]);
    let store = Store::with(&[
        create_text("voice", &["a", "b", "off"]),
        enable("voice"),
        default_serve("voice", thirds),
    ]);
    let source = Source { snapshot: &store.snapshot, environment: &production(), service: None };
    let document = document(&source, Audiences::Inlined);
    let voice = &fields(&fields(&document.json)["flags"])["voice"];
    assert_eq!(fields(voice)["defaultVariant"], Value::string("a"));
    assert_eq!(json::print(&fields(voice)["targeting"]), r#"{"fractional":[["a",33333],["b",66667]]}"#);
}
