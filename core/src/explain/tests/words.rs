//! What people read.

use super::{canary, country, detach, explained, from, in_segment, list, need, production, segment, shown};
use crate::change::{Change, UpdateFlag};
use crate::check::tests::{
    Store, create, create_text, default_serve, disable, enable, rollout, rule, serve, set_rules, set_salt,
    split, split_by, test,
};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::entity::{Entity, EntityId, Write};
use crate::evaluation::ErrorCode;
use crate::explain::bucket;
use crate::flag::FlagConfiguration;
use crate::value::Value;

/// All steps for Alice from Germany.
#[track_caller]
fn check(changes: &[Change], flag: &str, service: &str, expected: &[&str]) {
    let found = explained(&Store::with(changes), flag, service, &from("DE"));
    assert_eq!(shown(&found.steps), expected);
}

/// The last step, for a context.
#[track_caller]
fn check_last(store: &Store, flag: &str, context: &Context, expected: &str) {
    let found = explained(store, flag, "", context);
    assert_eq!(found.steps.last().unwrap().text, expected);
}

/// The conditions of one rule, for Alice from Germany, who is 17.
#[track_caller]
fn check_condition(condition: Condition, expected: &[&str]) {
    let rules = vec![rule(condition, serve("on"))];
    let store = Store::with(&[create("dreams"), enable("dreams"), set_rules("dreams", rules)]);
    let found = explained(&store, "dreams", "", &from("DE").with("age", Value::Integer(17)));
    let rule = found.steps.iter().find(|step| step.kind == super::StepKind::Rule).unwrap();
    assert_eq!(shown(&rule.inner), expected);
}

fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Test(test) => Condition::Test(crate::condition::Test { negated: true, ..test }),
        other => Condition::Not(Box::new(other)),
    }
}

#[test]
fn every_step_up_to_the_one_that_decides_says_what_it_found() {
    let rules = vec![rule(country("AT"), serve("on"))];
    let changes = [
        create("dreams"),
        create("whispers"),
        enable("whispers"),
        rollout("dreams", 3.0),
        set_rules("dreams", rules),
        need("dreams", "whispers", &["on"]),
        list("canary", &["bob", "carol"], &[]),
        canary(true),
    ];
    let canary = "canary mode is on in production, switched on by ana at 2026-11-21T09:00:08Z (revision 9); \
                  the flag takes part with on; \"alice\" is not on the allowlist of 2 keys: no";
    check(
        &changes,
        "dreams",
        "runner",
        &[
            "- flag: dreams is a boolean flag for every service",
            "- override: no override for runner",
            "- switch: enabled by ana at 2026-11-21T09:00:04Z (revision 5)",
            "- prerequisite: whispers must serve on; it serves on (DEFAULT): yes",
            "  - flag: whispers is a boolean flag for every service",
            "  - override: no override for runner",
            "  - switch: enabled by ana at 2026-11-21T09:00:03Z (revision 4)",
            &format!("  - canary: {canary}"),
            "  * default: default serve: on",
            &format!("- canary: {canary}"),
            "- rule: rule 1 \"a rule\" does not match",
            "  * condition: country is \"DE\", not \"AT\": no",
            "* default: default serve: 3% on, 97% off; bucket 3.130 is not below 3.000: off",
        ],
    );
}

#[test]
fn a_flag_that_is_not_there_says_why() {
    check(&[], "dreams", "", &["* flag: there is no flag dreams"]);
    let archived =
        [create("oracle.chat"), Change::ArchiveFlag { flag: "oracle.chat".to_owned(), force: false }];
    let expected = "* flag: oracle.chat was archived by ana at 2026-11-21T09:00:02Z (revision 3)";
    check(&archived, "oracle_chat", "", &[expected]);
    let narrow = UpdateFlag {
        flag: "dreams".to_owned(),
        services: Some(vec!["ui".to_owned(), "agent".to_owned()]),
        ..UpdateFlag::default()
    };
    let narrow = [create("dreams"), Change::UpdateFlag(narrow)];
    check(&narrow, "dreams", "runner", &["* flag: dreams is for ui, agent, not for runner"]);
    let found = explained(&Store::with(&narrow), "dreams", "", &from("DE"));
    assert_eq!(found.error, None, "whoever is no service sees every flag");
}

#[test]
fn a_flag_that_this_version_cannot_evaluate_says_so() {
    let mut store = Store::with(&[create("dreams")]);
    let held = store.configuration("production", "dreams");
    let broken = FlagConfiguration { targeting: Some(Box::from("{\"nonsense")), ..held };
    let id = EntityId::Configuration(production(), crate::key::FoldedKey::of("dreams"));
    store.snapshot.put(&Write { id, value: Some(Entity::Configuration(broken.into())) });
    let found = explained(&store, "dreams", "", &from("DE"));
    assert_eq!((found.variant, found.reason, found.error), (None, None, Some(ErrorCode::ParseError)));
    let text = &found.steps.last().unwrap().text;
    assert!(text.starts_with("this version cannot evaluate dreams: targeting: "), "{text}");
}

#[test]
fn an_override_says_until_when_and_by_whom() {
    let store = Store::with(&[create("dreams"), detach("dreams", "ui", "on")]);
    let last = |now_unix_s| {
        let (environment, context) = (production(), from("DE"));
        let question = super::Question {
            environment: &environment,
            flag: "dreams",
            service: "ui",
            context: &context,
            now_unix_s,
        };
        super::explain(&store.snapshot, &question).steps.pop().unwrap().text
    };
    let by = "set by ana at 2026-11-21T09:00:02Z (revision 3)";
    assert_eq!(last(0), format!("ui is overridden to on, until 2026-11-21T10:00:02Z; {by}"));
    let expired = "which expired at 2026-11-21T10:00:02Z and is about to be taken back";
    assert_eq!(last(1_900_000_000), format!("ui is overridden to on, {expired}; {by}"));
}

#[test]
fn a_switch_says_who_switched_it() {
    let disabled = [create("dreams"), disable("dreams")];
    let expected = "disabled by ana at 2026-11-21T09:00:02Z (revision 3): off variant off";
    check_last(&Store::with(&disabled), "dreams", &from("DE"), expected);
    let expected = "disabled, and never enabled yet: off variant off";
    check_last(&Store::with(&disabled[..1]), "dreams", &from("DE"), expected);
}

#[test]
fn the_allowlist_says_who_is_on_it() {
    let changes = [create("dreams"), enable("dreams"), list("canary", &["alice"], &[]), canary(true)];
    let on = "canary mode is on in production, switched on by ana at 2026-11-21T09:00:04Z (revision 5)";
    let part = "the flag takes part with on";
    let expected = format!("{on}; {part}; \"alice\" is on the allowlist of 1 key: yes");
    check_last(&Store::with(&changes), "dreams", &from("DE"), &expected);
}

#[test]
fn tests_show_the_value_beside_what_is_wanted() {
    let countries = || test("country", Operator::In, &[Value::string("AT"), Value::string("CH")]);
    let adult = || test("age", Operator::GreaterOrEqual, &[Value::Integer(18)]);
    let city = || test("city", Operator::Equals, &[Value::string("Wien")]);
    check_condition(country("AT"), &["* condition: country is \"DE\", not \"AT\": no"]);
    check_condition(country("DE"), &["* condition: country is \"DE\": yes"]);
    check_condition(not(country("DE")), &["* condition: country is \"DE\", which it must not be: no"]);
    check_condition(not(country("AT")), &["* condition: country is \"DE\", not \"AT\": yes"]);
    check_condition(countries(), &["* condition: country is \"DE\", not in \"AT\", \"CH\": no"]);
    check_condition(adult(), &["* condition: age is 17, not at least 18: no"]);
    check_condition(city(), &["* condition: city is missing: no"]);
    check_condition(not(city()), &["* condition: city is missing: yes"]);
    let seventeen = test("age", Operator::Equals, &[Value::Float(17.0)]);
    check_condition(seventeen, &["* condition: age is 17, 17.0: yes"]);
    check_condition(test("age", Operator::Exists, &[]), &["* condition: age is there, as 17: yes"]);
    check_condition(test("city", Operator::Exists, &[]), &["* condition: city is missing: no"]);
}

#[test]
fn a_condition_marks_the_part_that_it_rests_on() {
    let young = || test("age", Operator::Less, &[Value::Integer(18)]);
    check_condition(
        Condition::All(vec![young(), country("AT"), not(country("DE"))]),
        &[
            "* condition: all of these: no",
            "  - condition: age is 17, below 18: yes",
            "  * condition: country is \"DE\", not \"AT\": no",
            "  - condition: country is \"DE\", which it must not be: no",
        ],
    );
    check_condition(
        Condition::Not(Box::new(Condition::Any(vec![country("AT"), young()]))),
        &[
            "* condition: the opposite of: no",
            "  * condition: one of these: yes",
            "    - condition: country is \"DE\", not \"AT\": no",
            "    * condition: age is 17, below 18: yes",
        ],
    );
    check_condition(Condition::always(), &["* condition: always: yes"]);
    check_condition(Condition::Any(Vec::new()), &["* condition: never: no"]);
}

#[test]
fn a_segment_says_what_put_somebody_in_or_kept_them_out() {
    let set_up = |condition, share, lists: &[Change]| {
        let mut changes = vec![create("dreams"), enable("dreams"), segment("beta", condition, share)];
        changes.extend_from_slice(lists);
        changes.push(set_rules("dreams", vec![rule(in_segment("beta"), serve("on"))]));
        let found = explained(&Store::with(&changes), "dreams", "", &from("DE"));
        let rule = found.steps.into_iter().find(|step| step.kind == super::StepKind::Rule).unwrap();
        shown(&rule.inner)
    };
    let excluded = "  - list: \"alice\" is not on the excluded list of 0 keys";
    let included = "  - list: \"alice\" is not on the included list of 0 keys";
    assert_eq!(
        set_up(None, None, &[list("segment/beta/excluded", &["alice", "bob"], &[])]),
        ["* segment: in segment beta: no", "  * list: \"alice\" is on the excluded list of 2 keys"]
    );
    assert_eq!(
        set_up(None, None, &[list("segment/beta/included", &["alice"], &[])]),
        ["* segment: in segment beta: yes", excluded, "  * list: \"alice\" is on the included list of 1 key"]
    );
    let neither = "  * segment: the segment has neither condition nor share: nobody else is in it";
    assert_eq!(set_up(None, None, &[]), ["* segment: in segment beta: no", excluded, included, neither]);
    assert_eq!(
        set_up(Some(country("DE")), Some((0.0, 1.0)), &[]),
        [
            "* segment: in segment beta: no",
            excluded,
            included,
            "  - condition: country is \"DE\": yes",
            "  * share: bucket 45.132 of salt \"beta\" is not from 0.000 to 1.000: no",
        ]
    );
}

#[test]
fn a_split_says_where_the_bucket_lies() {
    let serve = |serve| {
        Store::with(&[create_text("voice", &["a", "b", "c"]), enable("voice"), default_serve("voice", serve)])
    };
    let last = |store: &Store| explained(store, "voice", "", &from("DE")).steps.pop().unwrap().text;
    let thirds = serve(split(&[("a", 10_000), ("b", 80_000), ("c", 10_000)]));
    let middle = "bucket 50.672 is not below 10.000 but below 90.000: b";
    assert_eq!(last(&thirds), format!("default serve: 10% a, 80% b, 10% c; {middle}"));
    let first = serve(split(&[("a", 60_000), ("b", 0), ("c", 40_000)]));
    assert_eq!(last(&first), "default serve: 60% a, 0% b, 40% c; bucket 50.672 of 60.000: a");
    let second = serve(split(&[("a", 0), ("b", 25_000), ("c", 75_000)]));
    assert_eq!(last(&second), "default serve: 0% a, 25% b, 75% c; bucket 50.672 is not below 25.000: c");
    let whole = serve(split(&[("a", 100_000), ("b", 0)]));
    assert_eq!(last(&whole), "default serve: 100% a, 0% b, which is a for everybody");
    let by_company = serve(split_by(Some("company"), &[("b", 50_000), ("c", 50_000)]));
    let stands_in = "there is no company to bucket by, so the default variant a stands in";
    assert_eq!(last(&by_company), format!("default serve: 50% b, 50% c, by company; {stands_in}"));
    let halves = serve(split(&[("b", 50_000), ("c", 50_000)]));
    let found = explained(&halves, "voice", "", &Context::anonymous());
    let stands_in = "there is no targeting key, so the default variant a stands in";
    assert_eq!(found.steps.last().unwrap().text, format!("default serve: 50% b, 50% c; {stands_in}"));
}

#[test]
fn a_bucket_says_what_was_hashed() {
    let hashed = |store: &Store| bucket(&store.snapshot, &production(), "dreams", &from("DE")).unwrap();
    let plain = Store::with(&[create("dreams")]);
    let found = hashed(&plain);
    assert_eq!(found.hashed, "flag key \"dreams\" and targeting key \"alice\"");
    assert_eq!(found.hash, crate::bucketing::hash_flag_key(Default::default(), "dreams", "alice"));
    assert_eq!(found.ends, [(crate::key::VariantName::new("on"), 100_000)]);
    let salted = Store::with(&[create("dreams"), set_salt("dreams", "spring")]);
    assert_eq!(hashed(&salted).hashed, "salt \"spring\" followed by targeting key \"alice\"");
    let by = split_by(Some("country"), &[("on", 50_000), ("off", 50_000)]);
    let by = Store::with(&[create("dreams"), default_serve("dreams", by)]);
    assert_eq!(hashed(&by).hashed, "flag key \"dreams\" followed by country \"DE\"");
    assert_eq!(bucket(&by.snapshot, &production(), "dreams", &Context::new("alice")), None);
    assert_eq!(bucket(&by.snapshot, &production(), "whispers", &from("DE")), None);
}
