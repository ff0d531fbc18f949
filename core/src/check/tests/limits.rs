//! Every bound of `limits.rs`: what is just inside is accepted, what is just outside is refused.
//!
//! The bound of idempotency keys is the store's; it is tested there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Store, change_set, create, create_store, create_text, default_serve, enable, nowhere, place, rule, serve,
    set_rules, set_salt, set_variants, split_by, test, texts,
};
use crate::bucketing::Generation;
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::check::{Origin, check};
use crate::condition::{Condition, Operator};
use crate::entity::{Entity, EntityId, Write};
use crate::flag::{FlagDefinition, Lifetime, Rule};
use crate::key::FlagKey;
use crate::limits::{
    CHANGES_MAX, CONDITION_DEPTH_MAX, DESCRIPTION_BYTES_MAX, ENVIRONMENTS_MAX, FLAGS_MAX, OPERAND_BYTES_MAX,
    OPERANDS_MAX, REASON_BYTES_MAX, RULES_BYTES_MAX, RULES_MAX, TAGS_MAX, TESTS_MAX, TEXT_BYTES_MAX,
    VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VARIANTS_MAX, VIOLATIONS_MAX,
};
use crate::rejection::{Reason, Rejection};
use crate::value::{FlagType, Value};

/// The only violation is that something at this field is too large, and it says how much is allowed.
#[track_caller]
fn check_too_large(refused: Result<super::Checked, Rejection>, field: &str, max: usize) {
    let violations = refused.unwrap_err().violations;
    let found: Vec<(Reason, &str)> =
        violations.iter().map(|violation| (violation.reason, violation.field.as_str())).collect();
    assert_eq!(found, [(Reason::TooLarge, field)]);
    assert!(violations[0].allowed.contains(&format!("at most {max}")), "{}", violations[0].allowed);
}

/// On a store with the boolean flag `dreams` and the text flag `voice`: this much is accepted, and one more is not.
#[track_caller]
fn check_bound(max: usize, field: &str, change: impl Fn(usize) -> Change) {
    let store = Store::with(&[create("dreams"), create_text("voice", &["v0"])]);
    assert_eq!(store.check(&[change(max)]).map(|_| ()), Ok(()));
    check_too_large(store.check(&[change(max + 1)]), &format!("changes[0].{field}"), max);
}

fn update(edit: impl FnOnce(&mut UpdateFlag)) -> Change {
    let mut update = UpdateFlag { flag: "dreams".to_owned(), ..UpdateFlag::default() };
    edit(&mut update);
    Change::UpdateFlag(update)
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("v{number}")).collect()
}

fn rules(condition: Condition) -> Change {
    set_rules("dreams", vec![rule(condition, serve("on"))])
}

fn exists() -> Condition {
    test("country", Operator::Exists, &[])
}

fn nested(levels: usize, innermost: Condition) -> Condition {
    (0..levels).fold(innermost, |inner, _| Condition::Not(Box::new(inner)))
}

fn nested_value(levels: usize) -> Value {
    let deeper = |inner, _| Value::Object(BTreeMap::from([(Box::from("a"), inner)]));
    (0..levels).fold(Value::Integer(1), deeper)
}

fn create_object(value: Value) -> Change {
    Change::CreateFlag(CreateFlag {
        flag_type: FlagType::Object,
        variants: vec![("x".to_owned(), value)],
        ..CreateFlag::boolean("settings")
    })
}

#[test]
fn texts_have_a_longest_one() {
    let text = |length| "ä".repeat(length / 2) + &"x".repeat(length % 2);
    check_bound(DESCRIPTION_BYTES_MAX, "update_flag.description", |length| {
        update(|update| update.description = Some(text(length)))
    });
    check_bound(TEXT_BYTES_MAX, "update_flag.owner", |length| {
        update(|update| update.owner = Some(text(length)))
    });
    check_bound(TEXT_BYTES_MAX, "update_flag.tags[0]", |length| {
        update(|update| update.tags = Some(vec![text(length)]))
    });
    check_bound(TEXT_BYTES_MAX, "set_salt.salt", |length| set_salt("dreams", &text(length)));
    check_bound(TEXT_BYTES_MAX, "set_rules.rules[0].name", |length| {
        let name = Box::from(text(length));
        set_rules("dreams", vec![Rule { name, ..rule(exists(), serve("on")) }])
    });
    check_bound(TEXT_BYTES_MAX, "set_rules.rules[0].condition.test.attribute", |length| {
        rules(test(&text(length), Operator::Exists, &[]))
    });
    check_bound(TEXT_BYTES_MAX, "set_default_serve.serve.split.bucket_by", |length| {
        default_serve("dreams", split_by(Some(&text(length)), &[("on", 100_000)]))
    });
}

#[test]
fn an_actor_and_a_reason_have_a_longest_one() {
    let store = Store::with(&[create("dreams")]);
    let checked = |actor: usize, reason: usize| {
        let mut asked = change_set(&"a".repeat(actor), &[enable("dreams")]);
        asked.reason = "r".repeat(reason);
        check(&store.snapshot, &asked, nowhere())
    };
    assert!(checked(TEXT_BYTES_MAX, REASON_BYTES_MAX).is_ok());
    check_too_large(checked(TEXT_BYTES_MAX + 1, 0), "actor", TEXT_BYTES_MAX);
    check_too_large(checked(1, REASON_BYTES_MAX + 1), "reason", REASON_BYTES_MAX);
}

#[test]
fn lists_have_a_longest_one() {
    check_bound(TAGS_MAX, "update_flag.tags", |count| update(|update| update.tags = Some(numbered(count))));
    check_bound(TAGS_MAX, "update_flag.services", |count| {
        update(|update| update.services = Some(numbered(count)))
    });
    check_bound(VARIANTS_MAX, "set_variants.variants", |count| {
        let names = numbered(count);
        set_variants("voice", texts(&names.iter().map(String::as_str).collect::<Vec<_>>()))
    });
    check_bound(RULES_MAX, "set_rules.rules", |count| {
        set_rules("dreams", vec![rule(exists(), serve("on")); count])
    });
    check_bound(OPERANDS_MAX, "set_rules.rules[0].condition.test.operands", |count| {
        rules(test("country", Operator::In, &vec![Value::string("DE"); count]))
    });
}

#[test]
fn a_split_names_no_more_variants_than_a_flag_has() {
    let names = numbered(VARIANTS_MAX);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut weights: Vec<(&str, u32)> = names.iter().map(|name| (*name, 0)).collect();
    weights[0].1 = 100_000;
    let store = Store::with(&[create_text("voice", &names)]);
    assert!(store.check(&[default_serve("voice", split_by(None, &weights))]).is_ok());
    weights.push(("v0", 0));
    let refused = store.check(&[default_serve("voice", split_by(None, &weights))]);
    check_too_large(refused, "changes[0].set_default_serve.serve.split.weights", VARIANTS_MAX);
}

#[test]
fn conditions_have_bounds() {
    let condition = "set_rules.rules[0].condition";
    check_bound(TESTS_MAX, condition, |count| rules(Condition::All(vec![exists(); count])));
    check_bound(TESTS_MAX, condition, |count| {
        let half = |count| Condition::Any(vec![Condition::Not(Box::new(exists())); count]);
        rules(Condition::All(vec![half(count / 2), half(count - count / 2)]))
    });
    // Groups without tests are something to evaluate too.
    check_bound(TESTS_MAX, condition, |count| rules(Condition::Any(vec![Condition::always(); count])));
    let deepest = format!("{condition}{}", ".not".repeat(CONDITION_DEPTH_MAX));
    check_bound(CONDITION_DEPTH_MAX, &deepest, |levels| rules(nested(levels, exists())));
    check_bound(CONDITION_DEPTH_MAX, &deepest, |levels| rules(nested(levels - 1, Condition::always())));
}

#[test]
fn operands_have_bounds() {
    let operand = "set_rules.rules[0].condition.test.operands[0]";
    check_bound(OPERAND_BYTES_MAX, operand, |length| {
        rules(test("country", Operator::Equals, &[Value::string(&"x".repeat(length))]))
    });
}

/// The rule, and another one whose operands bring the bytes of both to the bound; so far the rule has this many.
fn filled_up(first: Rule, first_bytes: usize) -> Change {
    // The second rule: its name, its attribute and its variant; each operand counts one byte more than it has.
    let mut left = RULES_BYTES_MAX - first_bytes - "a rule".len() - "country".len() - "on".len();
    let mut operands = Vec::new();
    while left > 0 {
        let length = (left - 1).min(OPERAND_BYTES_MAX);
        operands.push(Value::string(&"x".repeat(length)));
        left -= length + 1;
    }
    let second = rule(test("country", Operator::In, &operands), serve("on"));
    set_rules("dreams", vec![first, second])
}

#[test]
fn the_rules_of_a_flag_fit_a_frame_together() {
    // Up to the bound the growing text has 100 bytes; what else the rule has is counted by hand.
    let text = |bytes: usize| "x".repeat(bytes + 100 - RULES_BYTES_MAX);
    let field = "set_rules.rules";
    check_bound(RULES_BYTES_MAX, field, |bytes| {
        let named = Rule { name: Box::from(text(bytes)), ..rule(Condition::always(), serve("on")) };
        filled_up(named, 100 + "on".len())
    });
    let named = "a rule".len() + "on".len();
    check_bound(RULES_BYTES_MAX, field, |bytes| {
        let attribute = Condition::Not(Box::new(test(&text(bytes), Operator::Exists, &[])));
        filled_up(rule(attribute, serve("on")), 100 + named)
    });
    check_bound(RULES_BYTES_MAX, field, |bytes| {
        let operand = test("id", Operator::Equals, &[Value::string(&text(bytes))]);
        let group = Condition::Any(vec![Condition::All(vec![operand])]);
        filled_up(rule(group, serve("on")), 100 + named + "id".len() + 1)
    });
    check_bound(RULES_BYTES_MAX, field, |bytes| {
        let by = split_by(Some(&text(bytes)), &[("on", 40_000), ("off", 60_000)]);
        filled_up(rule(Condition::always(), by), 100 + named + "off".len())
    });
}

#[test]
fn values_have_bounds() {
    let value = "create_flag.definition.variants[0].value";
    check_bound(VALUE_DEPTH_MAX, value, |levels| create_object(nested_value(levels)));
    check_bound(VALUE_BYTES_MAX, "set_variants.variants[0].value", |length| {
        set_variants("voice", vec![("v0".to_owned(), Value::string(&"x".repeat(length)))])
    });
    check_bound(VALUE_BYTES_MAX, value, |length| {
        // The field's name and two bytes of punctuation count too.
        let text = Value::string(&"x".repeat(length - 3));
        create_object(Value::Object(BTreeMap::from([(Box::from("a"), text)])))
    });
}

#[test]
fn a_store_has_bounds() {
    let created = |count| {
        let environments = numbered(count);
        let environments: Vec<&str> = environments.iter().map(String::as_str).collect();
        let asked = [create_store(Generation::V3, &environments)];
        Store::default().submit_as("mycelia", Origin::Store, &asked)
    };
    assert!(created(ENVIRONMENTS_MAX).is_ok());
    let field = "changes[0].create_store.environments";
    check_too_large(created(ENVIRONMENTS_MAX + 1), field, ENVIRONMENTS_MAX);
}

#[test]
fn a_store_holds_so_many_flags() {
    let mut store = Store::new();
    for number in 1..FLAGS_MAX {
        let key = FlagKey::new(&format!("flag{number}"));
        let definition = FlagDefinition {
            key: key.clone(),
            flag_type: FlagType::Boolean,
            variants: Arc::from([]),
            description: Box::from(""),
            owner: Box::from(""),
            tags: Vec::new(),
            services: Vec::new(),
            lifetime: Lifetime::Temporary,
            expected_end: None,
            schema: None,
            archived: None,
            client_visible: false,
        };
        store.snapshot.put(&Write {
            id: EntityId::Flag(key.folded()),
            value: Some(Entity::Flag(Arc::new(definition))),
        });
    }
    assert!(store.check(&[create("last")]).is_ok());
    let refused = store.check(&[create("last"), create("one.more"), enable("one_more")]);
    check_too_large(refused, "changes[1].create_flag", FLAGS_MAX);
}

#[test]
fn a_change_set_has_so_many_changes() {
    let store = Store::with(&[create("dreams")]);
    assert!(store.check(&vec![enable("dreams"); CHANGES_MAX]).is_ok());
    // What is in a set that is too long is not looked at.
    let refused = store.check(&vec![enable("x"); CHANGES_MAX + 1]);
    check_too_large(refused, "changes", CHANGES_MAX);
}

#[test]
fn a_long_value_is_not_repeated_in_full() {
    let store = Store::with(&[create("dreams")]);
    let rejection = store.check(&[enable(&"é".repeat(200))]).unwrap_err();
    assert_eq!(rejection.violations[0].value, "é".repeat(80) + "…");
}

#[test]
fn a_rejection_says_so_many_things() {
    let store = Store::with(&[create("dreams")]);
    let twice_wrong = |number: usize| {
        Change::Enable(crate::change::Place { environment: "moon".to_owned(), flag: format!("x{number}") })
    };
    let violations = |count: usize| {
        let changes: Vec<Change> = (0..count).map(twice_wrong).collect();
        store.check(&changes).unwrap_err().violations
    };
    assert_eq!(violations(VIOLATIONS_MAX / 2 - 1).len(), VIOLATIONS_MAX - 2);
    let first = violations(VIOLATIONS_MAX / 2);
    assert_eq!(first.len(), VIOLATIONS_MAX);
    assert_eq!(first.last().unwrap().value, format!("x{}", VIOLATIONS_MAX / 2 - 1));
    assert_eq!(violations(VIOLATIONS_MAX), first);
}

#[test]
fn a_rejection_of_one_change_says_no_more() {
    let store = Store::with(&[create("dreams")]);
    let nothing = test("", Operator::Exists, &[]);
    let wrong = rule(Condition::All(vec![nothing; TESTS_MAX]), serve("nobody"));
    let refused = store.check(&[set_rules("dreams", vec![wrong; RULES_MAX]), enable("dreams")]);
    assert_eq!(refused.unwrap_err().violations.len(), VIOLATIONS_MAX);
}

#[test]
fn prerequisites_that_multiply_are_refused() {
    let layers = 7;
    let key = |layer: usize, number: usize| format!("layer{layer}.flag{number}");
    let names = (0..layers).flat_map(|layer| (0..3).map(move |number| (layer, number)));
    let store = Store::with(&names.map(|(layer, number)| create(&key(layer, number))).collect::<Vec<_>>());
    let all_need_all_below = |layers: usize| {
        let needs = |layer: usize, number: usize| Change::SetPrerequisites {
            place: place(&key(layer, number)),
            prerequisites: (0..3).map(|below| (key(layer - 1, below), vec!["on".to_owned()])).collect(),
        };
        let places = (1..layers).flat_map(|layer| (0..3).map(move |number| (layer, number)));
        store.check(&places.map(|(layer, number)| needs(layer, number)).collect::<Vec<_>>())
    };
    assert!(all_need_all_below(6).is_ok(), "1 + 3 + 9 + 27 + 81 + 243 evaluations");
    let refused = all_need_all_below(layers).unwrap_err().violations;
    assert_eq!((refused.len(), refused[0].reason), (1, Reason::TooLarge));
    assert_eq!(refused[0].value, "layer6_flag0: 1093");
}
