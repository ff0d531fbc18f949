//! What all environments share of a flag: creation, description, variants, schema, and the end.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::FlagType;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::value::Kind as Value;
use tonic::Code;

use super::stage::{Stage, create_as, definition, named, text, texts};
use super::{A_FLAG, Case, NAME, Violation, cut, invalid, not_found, precondition, too_long};
use crate::server::{apply_request, create};

const CLEAN: &str = "text without control characters";
const FLAG_TYPES: &str = "boolean (1), string (2), integer (3), float (4) or object (5)";
const LIFETIMES: &str = "temporary (1) or permanent (2)";

fn boolean(edit: impl FnOnce(&mut v1::FlagDefinition)) -> Kind {
    let mut definition = definition("new", FlagType::Boolean, Vec::new());
    edit(&mut definition);
    Kind::CreateFlag(v1::CreateFlag { definition: Some(definition), ..Default::default() })
}

fn of(flag_type: FlagType, variants: Vec<v1::Variant>) -> Kind {
    create_as(definition("new", flag_type, variants))
}

/// A boolean flag with variants of its own and nothing said about which is which.
fn choosing(
    default_variant: &str,
    off_variant: &str,
    flag_type: FlagType,
    variants: Vec<v1::Variant>,
) -> Kind {
    Kind::CreateFlag(v1::CreateFlag {
        definition: Some(definition("new", flag_type, variants)),
        default_variant: default_variant.to_owned(),
        off_variant: off_variant.to_owned(),
    })
}

/// A list in a list in a list: so many levels.
pub(super) fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::BooleanValue(true), |inner, _| {
        Value::ListValue(v1::ValueList { values: vec![v1::Value { kind: Some(inner) }] })
    })
}

/// An object with one field.
fn object(value: Value) -> Value {
    let fields = [("x".to_owned(), v1::Value { kind: Some(value) })];
    Value::ObjectValue(v1::ValueMap { fields: fields.into() })
}

pub(super) fn created() -> Vec<Case> {
    [names(), variants(), values(), words(), schemas()].into_iter().flatten().collect()
}

fn names() -> Vec<Case> {
    let key = "create_flag.definition.key";
    let mut cases = vec![invalid(create(""), "REQUIRED", key, "", NAME)];
    for name in [".a", "_a", "-a", "a b", "a/b", "é", "a\n", "a\0", "a\u{202e}b", "..", "%2e"] {
        cases.push(invalid(create(name), "INVALID_NAME", key, name, NAME));
    }
    let long = "k".repeat(129);
    cases.push(invalid(create(&long), "INVALID_NAME", key, cut(&long), NAME));
    for spelling in ["oracle.chat", "oracle-chat", "oracle_chat"] {
        let taken = "a key that is not taken; flag oracle.chat is the same key";
        cases.push(Case::refused(Code::AlreadyExists, create(spelling), "FLAG_EXISTS", key, spelling, taken));
    }
    let archived = "a key that is not taken; flag archived is the same key";
    cases.push(Case::refused(
        Code::AlreadyExists,
        create("archived"),
        "FLAG_EXISTS",
        key,
        "archived",
        archived,
    ));
    let taken = "a key that is not taken; flag new.flag is the same key";
    cases.push(Case::of(
        Code::AlreadyExists,
        apply_request(vec![create("new.flag"), create("new-flag")]),
        vec![Violation::new("FLAG_EXISTS", "changes[1].create_flag.definition.key", "new-flag", taken)],
    ));
    let nothing = Kind::CreateFlag(v1::CreateFlag::default());
    let a_definition = "a definition with at least a key";
    cases.push(invalid(nothing, "REQUIRED", "create_flag.definition", "", a_definition));
    cases
}

fn variants() -> Vec<Case> {
    let list = "create_flag.definition.variants";
    let (default, off) = ("create_flag.default_variant", "create_flag.off_variant");
    let ab = || texts(&["a", "b"]);
    let yes = || vec![named("yes", Value::BooleanValue(true))];
    let many: Vec<String> = (0..65).map(|number| format!("v{number}")).collect();
    vec![
        invalid(of(FlagType::String, Vec::new()), "REQUIRED", list, "", "1 to 64 variants of type string"),
        invalid(of(FlagType::String, texts(&many)), "TOO_LARGE", list, "65", "at most 64"),
        invalid(
            of(FlagType::String, texts(&["a", "b", "a"])),
            "DUPLICATE",
            "create_flag.definition.variants[2].name",
            "a",
            "each variant name once",
        ),
        invalid(
            choosing("a", "a", FlagType::String, texts(&["a", "b c"])),
            "INVALID_NAME",
            "create_flag.definition.variants[1].name",
            "b c",
            NAME,
        ),
        invalid(
            choosing("a", "a", FlagType::String, texts(&["a", ""])),
            "REQUIRED",
            "create_flag.definition.variants[1].name",
            "",
            NAME,
        ),
        invalid(
            choosing("c", "a", FlagType::String, ab()),
            "UNKNOWN_VARIANT",
            default,
            "c",
            "one of a, b of flag new",
        ),
        invalid(
            choosing("a", "A", FlagType::String, ab()),
            "UNKNOWN_VARIANT",
            off,
            "A",
            "one of a, b of flag new",
        ),
        invalid(choosing("", "", FlagType::String, ab()), "REQUIRED", default, "", "one of a, b").and(
            "REQUIRED",
            off,
            "",
            "one of a, b",
        ),
        invalid(choosing("yes", "", FlagType::Boolean, yes()), "REQUIRED", off, "", "one of yes"),
        invalid(
            boolean(|definition| definition.r#type = 9),
            "OUT_OF_RANGE",
            "create_flag.definition.type",
            "9",
            FLAG_TYPES,
        ),
        invalid(
            boolean(|definition| definition.r#type = -1),
            "OUT_OF_RANGE",
            "create_flag.definition.type",
            "-1",
            FLAG_TYPES,
        ),
    ]
}

fn values() -> Vec<Case> {
    let value = "create_flag.definition.variants[0].value";
    let one = |flag_type, kind| of(flag_type, vec![named("a", kind)]);
    let wrong = |flag_type, kind, found: &str, wanted: &str| {
        invalid(one(flag_type, kind), "WRONG_TYPE", value, found, format!("a value of type {wanted}"))
    };
    let without = v1::Variant { name: "a".to_owned(), value: None };
    let null = v1::Variant { name: "a".to_owned(), value: Some(v1::Value::default()) };
    let mut cases = vec![
        wrong(FlagType::String, Value::IntegerValue(1), "integer", "string"),
        wrong(FlagType::Boolean, text("true"), "string", "boolean"),
        wrong(FlagType::Integer, Value::FloatValue(1.0), "float", "integer"),
        wrong(FlagType::Float, Value::IntegerValue(1), "integer", "float"),
        wrong(FlagType::Object, nested(1), "null or a list", "object"),
        wrong(FlagType::Integer, object(Value::IntegerValue(1)), "object", "integer"),
    ];
    for variant in [without, null] {
        let nothing = of(FlagType::String, vec![variant]);
        cases.push(invalid(nothing, "WRONG_TYPE", value, "null or a list", "a value of type string"));
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let finite = "a finite number";
        let plain = one(FlagType::Float, Value::FloatValue(number));
        cases.push(invalid(plain, "OUT_OF_RANGE", value, "NaN or infinite", finite));
        let within = one(FlagType::Object, object(Value::FloatValue(number)));
        cases.push(invalid(within, "OUT_OF_RANGE", value, "NaN or infinite", finite));
    }
    let long = one(FlagType::String, text(&"x".repeat(16 * 1024 + 1)));
    cases.push(invalid(long, "TOO_LARGE", value, "16385", "at most 16384 bytes"));
    let huge = one(FlagType::Object, object(text(&"x".repeat(500_000))));
    cases.push(invalid(huge, "TOO_LARGE", value, "500003", "at most 16384 bytes"));
    let deep = one(FlagType::Object, object(nested(20)));
    cases.push(invalid(deep, "TOO_LARGE", value, "more than 20", "at most 20 levels of nesting"));
    cases
}

/// Descriptions, owners, tags, services, lifetimes.
fn words() -> Vec<Case> {
    let field = |name: &str| format!("create_flag.definition.{name}");
    let (long, longer) = ("x".repeat(257), "ü".repeat(1025));
    let end =
        |seconds, nanos| boolean(move |d| d.expected_end = Some(prost_types::Timestamp { seconds, nanos }));
    let time = "a point in time in microseconds of 64 bits, with 0 to 999999999 nanoseconds";
    let tags = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        boolean(|definition| definition.tags = tags)
    };
    let services = |services: &[&str]| {
        let services = services.iter().map(|service| (*service).to_owned()).collect();
        boolean(|definition| definition.services = services)
    };
    let many: Vec<String> = (0..65).map(|number| format!("t{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let described = |text: &str| {
        let text = text.to_owned();
        boolean(|definition| definition.description = text)
    };
    let owned = |text: &str| {
        let text = text.to_owned();
        boolean(|definition| definition.owner = text)
    };
    let (description, owner) = (field("description"), field("owner"));
    vec![
        invalid(described(&longer), "TOO_LARGE", &description, cut(&longer), too_long(2048, 2050)),
        invalid(described("a\rb"), "INVALID_TEXT", &description, "a\u{fffd}b", CLEAN),
        invalid(owned(&long), "TOO_LARGE", &owner, cut(&long), too_long(256, 257)),
        invalid(owned("team\u{7f}"), "INVALID_TEXT", &owner, "team\u{fffd}", CLEAN),
        invalid(tags(&many), "TOO_LARGE", &field("tags"), "65", "at most 64"),
        invalid(tags(&["a", "b", "a"]), "DUPLICATE", &field("tags[2]"), "a", "each tag once"),
        invalid(tags(&["a", " "]), "REQUIRED", &field("tags[1]"), " ", "a tag that is not empty"),
        invalid(tags(&[&long]), "TOO_LARGE", &field("tags[0]"), cut(&long), too_long(256, 257)),
        invalid(tags(&["a\0"]), "INVALID_TEXT", &field("tags[0]"), "a\u{fffd}", CLEAN),
        invalid(services(&many), "TOO_LARGE", &field("services"), "65", "at most 64"),
        invalid(services(&["ui", "no name"]), "INVALID_NAME", &field("services[1]"), "no name", NAME),
        invalid(services(&[""]), "REQUIRED", &field("services[0]"), "", NAME),
        invalid(services(&["ui", "ui"]), "DUPLICATE", &field("services[1]"), "ui", "each service once"),
        invalid(boolean(|d| d.lifetime = 3), "OUT_OF_RANGE", &field("lifetime"), "3", LIFETIMES),
        invalid(end(0, -1), "OUT_OF_RANGE", &field("expected_end"), "0 s and -1 ns", time),
        invalid(
            end(i64::MAX, 0),
            "OUT_OF_RANGE",
            &field("expected_end"),
            "9223372036854775807 s and 0 ns",
            time,
        ),
    ]
}

fn schemas() -> Vec<Case> {
    let field = "create_flag.definition.schema";
    let with = |schema: &str| {
        let low = named("low", Value::IntegerValue(1));
        let schema = schema.to_owned();
        create_as(v1::FlagDefinition { schema, ..definition("new", FlagType::Integer, vec![low]) })
    };
    let long = format!("{{\"title\": \"{}\"}}", "x".repeat(32 * 1024));
    let looped = r##"{"$ref": "#"}"##;
    let back = r##"at /$ref: "#" leads back to itself; a schema says how deep a value may be"##;
    let things = r#"{"type": "number of things"}"#;
    let no_type =
        "at /type: what stands there is not valid under any of the schemas listed in the 'anyOf' keyword";
    let alone = concat!(
        r#"at /$ref: "http://127.0.0.1:1/x.json" is not fetched; "#,
        r##"a schema holds everything that it refers to, as in "#/$defs/name""##
    );
    let fetched = r#"{"$ref": "http://127.0.0.1:1/x.json"}"#;
    vec![
        invalid(with(&long), "TOO_LARGE", field, cut(&long), too_long(32 * 1024, long.len())),
        invalid(
            with("{"),
            "INVALID_SCHEMA",
            field,
            "{",
            "it is no JSON: EOF while parsing an object at line 1 column 1",
        ),
        invalid(with("7"), "INVALID_SCHEMA", field, "7", r#"the schema is not of types "boolean", "object""#),
        invalid(with(things), "INVALID_SCHEMA", field, things, no_type),
        invalid(with(looped), "INVALID_SCHEMA", field, looped, back),
        invalid(with(fetched), "INVALID_SCHEMA", field, fetched, alone),
        invalid(
            with(r#"{"minimum": 5}"#),
            "SCHEMA_VIOLATION",
            field,
            "low",
            "the value is less than the minimum of 5",
        ),
        invalid(
            with(r#"{"type": "string", "const": "x"}"#),
            "SCHEMA_VIOLATION",
            field,
            "low",
            r#"the value is not of type "string""#,
        )
        .and("SCHEMA_VIOLATION", field, "low", r#""x" was expected"#),
    ]
}

/// Changes of flags that are there.
pub(super) fn changed(stage: &Stage) -> Vec<Case> {
    [ends(stage), updates(stage), replaced()].into_iter().flatten().collect()
}

fn ends(stage: &Stage) -> Vec<Case> {
    let delete = |flag: &str| Kind::DeleteFlag(v1::DeleteFlag { flag: flag.to_owned(), force: true });
    let archive = |flag: &str| Kind::ArchiveFlag(v1::ArchiveFlag { flag: flag.to_owned(), force: true });
    let unarchive = |flag: &str| Kind::UnarchiveFlag(v1::UnarchiveFlag { flag: flag.to_owned() });
    let needed = "a flag that is no prerequisite; above in production need it";
    let shown = "a flag that is in no feature; take it out of night first";
    let enabled = crate::server::enable("archived");
    vec![
        not_found(delete("nowhere"), "UNKNOWN_FLAG", "delete_flag.flag", "nowhere", A_FLAG),
        invalid(delete(""), "REQUIRED", "delete_flag.flag", "", NAME),
        precondition(delete("base"), "FLAG_IN_USE", "delete_flag", "base", needed),
        precondition(delete("dreams"), "FLAG_IN_USE", "delete_flag", "dreams", shown),
        not_found(archive("nowhere"), "UNKNOWN_FLAG", "archive_flag.flag", "nowhere", A_FLAG),
        precondition(archive("base"), "FLAG_IN_USE", "archive_flag", "base", needed),
        not_found(unarchive("nowhere"), "UNKNOWN_FLAG", "unarchive_flag.flag", "nowhere", A_FLAG),
        precondition(enabled, "FLAG_ARCHIVED", "enable_flag.flag", "archived", stage.archived()),
    ]
}

fn updates(stage: &Stage) -> Vec<Case> {
    let update = |flag: &str, edit: fn(&mut v1::UpdateFlag)| {
        let mut update = v1::UpdateFlag { flag: flag.to_owned(), ..Default::default() };
        edit(&mut update);
        Kind::UpdateFlag(update)
    };
    let owner = |update: &mut v1::UpdateFlag| update.owner = Some("x".repeat(257));
    let tags = |update: &mut v1::UpdateFlag| {
        update.tags = Some(v1::StringList { values: vec!["a".to_owned(), "a".to_owned()] });
    };
    let services = |update: &mut v1::UpdateFlag| {
        update.services = Some(v1::StringList { values: vec!["no name".to_owned()] });
    };
    let both = |update: &mut v1::UpdateFlag| {
        update.expected_end = Some(prost_types::Timestamp::default());
        update.clear_expected_end = true;
    };
    let tight = |update: &mut v1::UpdateFlag| update.schema = Some(r#"{"maximum": 5}"#.to_owned());
    let description = |update: &mut v1::UpdateFlag| update.description = Some("a\0".to_owned());
    vec![
        not_found(update("nowhere", |_| {}), "UNKNOWN_FLAG", "update_flag.flag", "nowhere", A_FLAG),
        precondition(
            update("archived", |_| {}),
            "FLAG_ARCHIVED",
            "update_flag.flag",
            "archived",
            stage.archived(),
        ),
        invalid(
            update("dreams", owner),
            "TOO_LARGE",
            "update_flag.owner",
            cut(&"x".repeat(257)),
            too_long(256, 257),
        ),
        invalid(update("dreams", description), "INVALID_TEXT", "update_flag.description", "a\u{fffd}", CLEAN),
        invalid(update("dreams", tags), "DUPLICATE", "update_flag.tags[1]", "a", "each tag once"),
        invalid(update("dreams", services), "INVALID_NAME", "update_flag.services[0]", "no name", NAME),
        invalid(update("dreams", |u| u.lifetime = 7), "OUT_OF_RANGE", "update_flag.lifetime", "7", LIFETIMES),
        invalid(
            update("dreams", both),
            "DUPLICATE",
            "update_flag.clear_expected_end",
            "set",
            "not set beside expected_end",
        ),
        invalid(
            update("limits", tight),
            "SCHEMA_VIOLATION",
            "update_flag.schema",
            "high",
            "the value is greater than the maximum of 5",
        ),
    ]
}

fn replaced() -> Vec<Case> {
    let set = |flag: &str, variants| Kind::SetVariants(v1::SetVariants { flag: flag.to_owned(), variants });
    let list = "set_variants.variants";
    let keeps =
        |place: &str, environment: &str| format!("a list that keeps it: {place} in {environment} names it");
    let numbers = [("low", 1), ("high", 11)];
    let numbers = numbers.map(|(name, number)| named(name, Value::IntegerValue(number)));
    let mut lost = precondition(
        set("mode", texts(&["b", "c"])),
        "VARIANT_IN_USE",
        list,
        "a",
        keeps("default_variant", "development"),
    );
    for (place, environment) in [
        ("default_serve", "development"),
        ("default_variant", "staging"),
        ("default_serve", "staging"),
        ("default_variant", "production"),
        ("default_serve", "production"),
    ] {
        lost = lost.and("VARIANT_IN_USE", list, "a", keeps(place, environment));
    }
    vec![
        not_found(set("nowhere", texts(&["a"])), "UNKNOWN_FLAG", "set_variants.flag", "nowhere", A_FLAG),
        lost,
        invalid(set("mode", Vec::new()), "REQUIRED", list, "", "1 to 64 variants of type string"),
        invalid(
            set("mode", vec![named("a", Value::IntegerValue(1)), named("c", text("c"))]),
            "WRONG_TYPE",
            "set_variants.variants[0].value",
            "integer",
            "a value of type string",
        ),
        invalid(
            set("limits", numbers.to_vec()),
            "SCHEMA_VIOLATION",
            "set_variants.variants[1].value",
            "11",
            "the value is greater than the maximum of 10",
        ),
    ]
}
