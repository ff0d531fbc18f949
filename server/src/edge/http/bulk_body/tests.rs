use super::*;

const CHANGES: &str = "1 to 1000 changes";
const EITHER: &str = "enabled, rollout, client_visible or several of them";
const A_CHANGE: &str = "an object with a key, and with enabled, rollout, client_visible or several of them";
const FIELDS: &str = "one of changes, actor, reason, dry_run, expected_revision";
const CHANGE_FIELDS: &str = "one of key, enabled, rollout, client_visible";

fn read(body: &[u8]) -> (Bulk, Faults) {
    let mut faults = Faults::default();
    let bulk = Bulk::read(body, &EnvironmentKey::new("production"), &mut faults);
    (bulk, faults)
}

/// A body, and all that is wrong with it: reason, field, value, what is allowed.
#[track_caller]
fn check(body: &str, expected: &[(&str, &str, &str, &str)]) {
    let (_, faults) = read(body.as_bytes());
    let found: Vec<_> = faults
        .as_slice()
        .iter()
        .map(|fault| (fault.reason, &*fault.field, &*fault.value, &*fault.allowed))
        .collect();
    assert_eq!(found, expected, "{body}");
}

/// One change within a body that is right otherwise.
#[track_caller]
fn check_change(change: &str, expected: &[(&str, &str, &str, &str)]) {
    check(&format!(r#"{{"changes":[{change}]}}"#), expected);
}

#[test]
fn what_is_no_json_is_told_where_it_ends_to_be() {
    let bad = |at, allowed| [("INVALID_JSON", "body", at, allowed)];
    check("", &bad("line 1, column 1", "a value"));
    check("key=dreams", &bad("line 1, column 1", "a value"));
    check("{\n  \"changes\": [,]\n}", &bad("line 2, column 15", "a value"));
    check(r#"{"changes":[]"#, &bad("line 1, column 14", "`,` or `}`"));
    check("{'changes':[]}", &bad("line 1, column 2", "a field's name in double quotes"));
    check(r#"{"changes":[]} {}"#, &bad("line 1, column 16", "nothing after the value"));
    let deep = "[".repeat(200);
    check(&deep, &bad("line 1, column 129", "at most 128 levels of lists and objects"));
    let (_, faults) = read(b"{\"key\":\"\xff\"}");
    assert_eq!(faults.as_slice(), [Fault::new("INVALID_JSON", "body", "byte 8", "JSON in UTF-8")]);
}

#[test]
fn what_is_no_bulk_change_is_told_what_one_is() {
    check("[]", &[("WRONG_TYPE", "body", "[]", EXAMPLE)]);
    check("null", &[("WRONG_TYPE", "body", "null", EXAMPLE)]);
    check("\"dreams\"", &[("WRONG_TYPE", "body", "\"dreams\"", EXAMPLE)]);
    check("{}", &[("REQUIRED", "changes", "", CHANGES)]);
    check(r#"{"changes":[]}"#, &[("REQUIRED", "changes", "0", CHANGES)]);
    check(r#"{"changes":{}}"#, &[("WRONG_TYPE", "changes", "{}", "a list of changes")]);
    let many = vec![r#"{"key":"a","enabled":true}"#; 1_001].join(",");
    check_change(&many, &[("TOO_LARGE", "changes", "1001", "at most 1000")]);
    let many: Vec<_> = (0..501).map(|n| format!(r#"{{"key":"a{n}","enabled":false,"rollout":0}}"#)).collect();
    let allowed = "at most 1000; one that is not enabled and has a rollout counts as two, and client_visible as one more";
    check_change(&many.join(","), &[("TOO_LARGE", "changes", "1002", allowed)]);
}

#[test]
fn what_stands_beside_the_changes_is_looked_at() {
    let with = |more: &str| format!(r#"{{"changes":[{{"key":"a","enabled":true}}],{more}}}"#);
    check(&with(r#""actor":7"#), &[("WRONG_TYPE", "actor", "7", "text")]);
    check(&with(r#""reason":null"#), &[("WRONG_TYPE", "reason", "null", "text")]);
    check(&with(r#""dry_run":"yes""#), &[("WRONG_TYPE", "dry_run", "\"yes\"", "true or false")]);
    let number = "a whole number from 0 on";
    check(&with(r#""expected_revision":"3""#), &[("WRONG_TYPE", "expected_revision", "\"3\"", number)]);
    check(&with(r#""expected_revision":-1"#), &[("WRONG_TYPE", "expected_revision", "-1", number)]);
    check(&with(r#""expected_revision":1.5"#), &[("WRONG_TYPE", "expected_revision", "1.5", number)]);
    check(&with(r#""dryRun":true"#), &[("UNKNOWN_FIELD", "dryRun", "true", FIELDS)]);
    check(&with(r#""env":"staging""#), &[("UNKNOWN_FIELD", "env", "\"staging\"", FIELDS)]);
}

#[test]
fn a_change_says_which_flag_and_what() {
    check_change("7", &[("WRONG_TYPE", "changes[0]", "7", A_CHANGE)]);
    check_change("\"dreams\"", &[("WRONG_TYPE", "changes[0]", "\"dreams\"", A_CHANGE)]);
    check_change(
        "{}",
        &[("REQUIRED", "changes[0].key", "", NAME_GRAMMAR), ("REQUIRED", "changes[0]", "", EITHER)],
    );
    check_change(r#"{"enabled":true}"#, &[("REQUIRED", "changes[0].key", "", NAME_GRAMMAR)]);
    check_change(r#"{"key":"dreams"}"#, &[("REQUIRED", "changes[0]", "", EITHER)]);
    check_change(r#"{"key":5,"enabled":true}"#, &[("WRONG_TYPE", "changes[0].key", "5", "text")]);
    check_change(
        r#"{"key":"a","enabled":"true"}"#,
        &[("WRONG_TYPE", "changes[0].enabled", "\"true\"", "true or false")],
    );
    check_change(r#"{"key":"a","enabled":1}"#, &[("WRONG_TYPE", "changes[0].enabled", "1", "true or false")]);
    check_change(
        r#"{"key":"a","enabled":null}"#,
        &[("WRONG_TYPE", "changes[0].enabled", "null", "true or false")],
    );
    check_change(
        r#"{"key":"a","client_visible":"yes"}"#,
        &[("WRONG_TYPE", "changes[0].client_visible", "\"yes\"", "true or false")],
    );
    check_change(
        r#"{"key":"a","rollout":"25%"}"#,
        &[("WRONG_TYPE", "changes[0].rollout", "\"25%\"", PERCENT)],
    );
    check_change(r#"{"key":"a","rollout":[25]}"#, &[("WRONG_TYPE", "changes[0].rollout", "[25]", PERCENT)]);
    check_change(
        r#"{"key":"a","rollout":25,"percent":25}"#,
        &[("UNKNOWN_FIELD", "changes[0].percent", "25", CHANGE_FIELDS)],
    );
    check_change(
        r#"{"key":"oracle.chat","enabled":true},{"key":"oracle_chat","enabled":false}"#,
        &[("DUPLICATE", "changes[1].key", "oracle_chat", "each flag once; changes[0] names it already")],
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    check(
        r#"{"actor":1,"changes":[{"key":"a","rollout":true},{"key":"b"},{"enable":true}],"x":0}"#,
        &[
            ("WRONG_TYPE", "actor", "1", "text"),
            ("WRONG_TYPE", "changes[0].rollout", "true", PERCENT),
            ("REQUIRED", "changes[1]", "", EITHER),
            ("REQUIRED", "changes[2].key", "", NAME_GRAMMAR),
            ("REQUIRED", "changes[2]", "", EITHER),
            ("UNKNOWN_FIELD", "changes[2].enable", "true", CHANGE_FIELDS),
            ("UNKNOWN_FIELD", "x", "0", FIELDS),
        ],
    );
    let long = "x".repeat(100);
    let shown = format!("\"{}…", "x".repeat(79));
    check(&format!(r#"{{"changes":"{long}"}}"#), &[("WRONG_TYPE", "changes", &shown, "a list of changes")]);
    let many = vec!["7"; 1_000].join(",");
    let (_, faults) = read(format!("{{\"changes\":[{many}],\"x\":0,\"y\":0}}").as_bytes());
    assert_eq!(faults.as_slice().len(), 1_000, "as much as anybody reads");
}

fn mark(flag: &str, client_visible: bool) -> Change {
    let flag = flag.to_owned();
    Change::UpdateFlag(UpdateFlag { flag, client_visible: Some(client_visible), ..UpdateFlag::default() })
}

fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

#[test]
fn what_is_asked_for_becomes_one_change_set() {
    let (bulk, faults) = read(
        br#"{"changes":[
            {"key":"a","enabled":true,"rollout":12.5},
            {"key":"b","enabled":true},
            {"key":"c","enabled":false,"rollout":0},
            {"key":"d","enabled":false},
            {"key":"e","rollout":100,"client_visible":true},
            {"key":"f","client_visible":false}
        ],"reason":"day 1","dry_run":true,"expected_revision":7}"#,
    );
    assert_eq!(faults, Faults::default());
    let expected = Bulk {
        change_set: ChangeSet {
            actor: "http".to_owned(),
            reason: "day 1".to_owned(),
            changes: vec![
                Change::Rollout { place: place("a"), percent: 12.5, enable: true },
                Change::Enable(place("b")),
                Change::Rollout { place: place("c"), percent: 0.0, enable: true },
                Change::Disable(place("c")),
                Change::Disable(place("d")),
                Change::Rollout { place: place("e"), percent: 100.0, enable: false },
                mark("e", true),
                mark("f", false),
            ],
        },
        origins: vec![0, 1, 2, 2, 3, 4, 4, 5],
        flags: ["a", "b", "c", "d", "e", "f"].map(FoldedKey::of).to_vec(),
        expected_revision: Some(Revision::new(7)),
        dry_run: true,
    };
    assert_eq!(bulk, expected);
}

#[test]
fn a_violation_is_shown_where_the_caller_wrote_it() {
    let (bulk, _) = read(
        br#"{"changes":[{"key":"a","enabled":false,"rollout":0},{"key":"b","enabled":true,"rollout":1}]}"#,
    );
    let field = |field: &str| {
        let field = field.to_owned();
        bulk.place(&Violation {
            reason: Reason::Required,
            field,
            value: String::new(),
            allowed: String::new(),
        })
        .field
    };
    assert_eq!(field("changes[1].disable_flag.flag"), "changes[0].key");
    assert_eq!(field("changes[2].rollout.flag"), "changes[1].key");
    assert_eq!(field("changes[2].rollout.percent"), "changes[1].rollout");
    assert_eq!(field("changes[2].rollout.environment"), "env");
    assert_eq!(field("changes[2].rollout"), "changes[1]");
    assert_eq!(field("idempotency_key"), "Idempotency-Key");
    for same in ["actor", "reason", "changes", "expected_revision"] {
        assert_eq!(field(same), same);
    }
}
