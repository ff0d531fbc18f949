//! What each field may hold, and what is said when it holds something else.

use std::collections::BTreeMap;

use super::{
    check_fault, check_refused, create, default_serve, enable, in_environment, operand, rule, serve,
    set_off_variant, set_rules, set_salt, set_variants, split, split_by, test, texts,
};
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::condition::{Condition, Operator};
use crate::key::{NAME_GRAMMAR, SegmentKey};
use crate::rejection::Reason;
use crate::value::{FlagType, Value};

const ON_OR_OFF: &str = "one of on, off of flag dreams";
const NO_CONTROLS: &str = "text without control characters";

#[test]
fn names_are_named() {
    check_fault(create(""), Reason::Required, ".create_flag.definition.key", "", NAME_GRAMMAR);
    check_fault(create("a b"), Reason::InvalidName, ".create_flag.definition.key", "a b", NAME_GRAMMAR);
    check_fault(enable(""), Reason::Required, ".enable_flag.flag", "", NAME_GRAMMAR);
    check_fault(enable("_x"), Reason::InvalidName, ".enable_flag.flag", "_x", NAME_GRAMMAR);
    check_fault(in_environment(""), Reason::Required, ".enable_flag.environment", "", NAME_GRAMMAR);
    check_fault(in_environment("é"), Reason::InvalidName, ".enable_flag.environment", "é", NAME_GRAMMAR);
    let known = "one of development, production, staging";
    check_fault(
        in_environment("moon"),
        Reason::UnknownEnvironment,
        ".enable_flag.environment",
        "moon",
        known,
    );
}

#[test]
fn variants_that_make_no_sense_are_named() {
    let voice = |variants| set_variants("voice", variants);
    let with = |name: &str, value| {
        let mut variants = texts(&["a", "b", "c"]);
        variants.push((name.to_owned(), value));
        variants
    };
    let name = ".set_variants.variants[3].name";
    let value = ".set_variants.variants[3].value";
    let variants = ".set_variants.variants";
    let d = || Value::string("d");
    check_fault(voice(with("", d())), Reason::Required, name, "", NAME_GRAMMAR);
    check_fault(voice(with("d e", d())), Reason::InvalidName, name, "d e", NAME_GRAMMAR);
    check_fault(voice(with("a", d())), Reason::Duplicate, name, "a", "each variant name once");
    let text = "a value of type string";
    check_fault(voice(with("d", Value::Integer(1))), Reason::WrongType, value, "integer", text);
    check_fault(voice(with("d", Value::Null)), Reason::WrongType, value, "null or a list", text);
    check_fault(voice(vec![]), Reason::Required, variants, "", "1 to 64 variants of type string");
    let number = CreateFlag {
        flag_type: FlagType::Float,
        variants: vec![("x".to_owned(), Value::Float(f64::NAN))],
        ..CreateFlag::boolean("limit")
    };
    let field = ".create_flag.definition.variants[0].value";
    check_fault(Change::CreateFlag(number), Reason::OutOfRange, field, "NaN or infinite", "a finite number");
}

#[test]
fn a_variant_that_the_flag_does_not_have_is_named() {
    let unknown = Reason::UnknownVariant;
    let half = split(&[("on", 50_000), ("no", 50_000)]);
    let ruled = set_rules("dreams", vec![rule(Condition::always(), serve("no"))]);
    check_fault(set_off_variant("dreams", "no"), unknown, ".set_off_variant.variant", "no", ON_OR_OFF);
    let served = ".set_default_serve.serve.variant";
    check_fault(default_serve("dreams", serve("no")), unknown, served, "no", ON_OR_OFF);
    let weighted = ".set_default_serve.serve.split.weights[1].variant";
    check_fault(default_serve("dreams", half), unknown, weighted, "no", ON_OR_OFF);
    check_fault(ruled, unknown, ".set_rules.rules[0].serve.variant", "no", ON_OR_OFF);
    let mut created = CreateFlag::boolean("x");
    created.off_variant = "no".to_owned();
    let allowed = "one of on, off of flag x";
    check_fault(Change::CreateFlag(created), unknown, ".create_flag.off_variant", "no", allowed);
}

#[test]
fn a_new_flag_says_which_of_its_variants_is_which() {
    let text =
        CreateFlag { flag_type: FlagType::String, variants: texts(&["a", "b"]), ..CreateFlag::boolean("x") };
    let required = |name| (Reason::Required, name, "", "one of a, b");
    let both =
        [required("changes[0].create_flag.default_variant"), required("changes[0].create_flag.off_variant")];
    check_refused(&[], &[Change::CreateFlag(text.clone())], &both);
    let none = CreateFlag { variants: Vec::new(), default_variant: "a".to_owned(), ..text };
    let field = ".create_flag.definition.variants";
    check_fault(Change::CreateFlag(none), Reason::Required, field, "", "1 to 64 variants of type string");
}

#[test]
fn weights_that_do_not_add_up_are_named() {
    let weights = "changes[0].set_default_serve.serve.split.weights";
    let allowed = "weights in thousandths of a percent that add up to 100000";
    let sum = |serve, sum| {
        check_refused(
            &[create("dreams")],
            &[default_serve("dreams", serve)],
            &[(Reason::InvalidWeights, weights, sum, allowed)],
        );
    };
    sum(split(&[]), "0");
    sum(split(&[("on", 99_999)]), "99999");
    sum(split(&[("on", 50_000), ("off", 50_001)]), "100001");
    sum(split(&[("on", u32::MAX), ("off", u32::MAX)]), "8589934590");
    let twice = split(&[("on", 50_000), ("on", 50_000)]);
    let field = ".set_default_serve.serve.split.weights[1].variant";
    check_fault(default_serve("dreams", twice), Reason::Duplicate, field, "on", "each variant once");
    let by_nothing = split_by(Some("a..b"), &[("on", 100_000)]);
    let field = ".set_default_serve.serve.split.bucket_by";
    let allowed = "an attribute name, or several joined by dots";
    check_fault(default_serve("dreams", by_nothing), Reason::Required, field, "a..b", allowed);
}

#[test]
fn operands_that_do_not_fit_are_named() {
    let wrong = Reason::InvalidOperand;
    let operands = ".set_rules.rules[0].condition.test.operands";
    let second = ".set_rules.rules[0].condition.test.operands[1]";
    let first = ".set_rules.rules[0].condition.test.operands[0]";
    check_fault(operand(Operator::Equals, &[]), wrong, operands, "0", "exactly one operand");
    check_fault(operand(Operator::In, &[]), wrong, operands, "0", "at least one operand");
    let mixed = [Value::string("D"), Value::Integer(1)];
    check_fault(operand(Operator::StartsWith, &mixed), wrong, second, "1", "text");
    check_fault(operand(Operator::Less, &[Value::Null]), wrong, first, "null", "a number");
    check_fault(operand(Operator::Exists, &[Value::Null]), wrong, operands, "1", "no operand for `exists`");
    let plain = "text, a number or a boolean";
    for operator in [Operator::Equals, Operator::In, Operator::Contains] {
        check_fault(operand(operator, &[Value::Null]), wrong, first, "null", plain);
        check_fault(operand(operator, &[Value::List(vec![])]), wrong, first, "[]", plain);
        let object = [Value::Object(BTreeMap::new())];
        check_fault(operand(operator, &object), wrong, first, "{}", plain);
    }
    let version = "a semantic version such as 2.10.0, as text";
    let latest = [Value::string("latest")];
    check_fault(operand(Operator::VersionLess, &latest), wrong, first, "\"latest\"", version);
    let time =
        "a date and time such as 2026-11-21T09:00:00Z (RFC 3339), or a date such as 2026-11-21, as text";
    let tomorrow = [Value::string("tomorrow")];
    check_fault(operand(Operator::Before, &tomorrow), wrong, first, "\"tomorrow\"", time);
    let infinite = [Value::Float(f64::INFINITY)];
    check_fault(
        operand(Operator::Less, &infinite),
        Reason::OutOfRange,
        first,
        "NaN or infinite",
        "a finite number",
    );
}

#[test]
fn a_fault_deep_in_a_condition_is_found() {
    let deep = Condition::Any(vec![
        Condition::always(),
        Condition::Not(Box::new(Condition::All(vec![test("", Operator::Exists, &[])]))),
    ]);
    let field = ".set_rules.rules[0].condition.any[1].not.all[0].test.attribute";
    let allowed = "an attribute name, or several joined by dots";
    let change = set_rules("dreams", vec![rule(deep, serve("on"))]);
    check_fault(change, Reason::Required, field, "", allowed);
}

#[test]
fn a_segment_is_named_where_it_stands() {
    let nobody = || Condition::Segment(SegmentKey::new("nobody"));
    let change = |condition| set_rules("dreams", vec![rule(condition, serve("on"))]);
    let known = "the key of a segment of production";
    let unknown = Reason::UnknownSegment;
    check_fault(change(nobody()), unknown, ".set_rules.rules[0].condition.segment", "nobody", known);
    let deep = Condition::Any(vec![Condition::always(), Condition::Not(Box::new(nobody()))]);
    let field = ".set_rules.rules[0].condition.any[1].not.segment";
    check_fault(change(deep), unknown, field, "nobody", known);
    // What is no name is said to be none, and not to be missing as well.
    let field = ".set_rules.rules[0].condition.segment";
    let change = change(Condition::Segment(SegmentKey::new("a b")));
    check_fault(change, Reason::InvalidName, field, "a b", NAME_GRAMMAR);
}

#[test]
fn keys_that_contradict_each_other_are_named_and_so_is_the_list_that_is_too_long() {
    let edit = |add: &[&str], remove: &[&str]| Change::EditList {
        environment: "production".to_owned(),
        list: "canary".to_owned(),
        add: add.iter().map(ToString::to_string).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
    };
    let both = "keys that are not added as well";
    let field = ".edit_list.remove[1]";
    check_fault(edit(&["ada"], &["bob", "ada"]), Reason::Duplicate, field, "ada", both);
    let (many, half) = (vec!["x"; 10_001], vec!["x"; 6_000]);
    let allowed = "at most 10000";
    check_fault(edit(&many, &[]), Reason::TooLarge, ".edit_list.add", "10001", allowed);
    check_fault(edit(&[], &many), Reason::TooLarge, ".edit_list.remove", "10001", allowed);
    check_fault(edit(&half, &half), Reason::TooLarge, ".edit_list.remove", "12000", allowed);
}

#[test]
fn control_characters_are_shown_but_not_repeated() {
    let described = UpdateFlag {
        flag: "dreams".to_owned(),
        description: Some("a\u{1b}[2Jb\r".to_owned()),
        ..UpdateFlag::default()
    };
    let shown = "a\u{fffd}[2Jb\u{fffd}";
    let field = ".update_flag.description";
    check_fault(Change::UpdateFlag(described), Reason::InvalidText, field, shown, NO_CONTROLS);
    check_fault(set_salt("dreams", "a\0"), Reason::InvalidText, ".set_salt.salt", "a\u{fffd}", NO_CONTROLS);
}
