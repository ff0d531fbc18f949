//! Which of its variants a new flag serves when nobody says which.

use super::{Store, check_fault, texts};
use crate::change::{Change, CreateFlag};
use crate::rejection::Reason;
use crate::value::{FlagType, Value};

fn create_boolean(variants: &[(&str, bool)]) -> CreateFlag {
    let boolean = |(name, value): &(&str, bool)| (name.to_string(), Value::Boolean(*value));
    CreateFlag { variants: variants.iter().map(boolean).collect(), ..CreateFlag::boolean("x") }
}

/// The default variant and the off variant of a flag that was created like this.
#[track_caller]
fn check(create: CreateFlag, expected: (&str, &str)) {
    let flag = Store::with(&[Change::CreateFlag(create)]).flag("staging", "x");
    assert_eq!((flag.default_variant.as_str(), flag.off_variant.as_str()), expected);
    assert!(!flag.enabled);
}

#[track_caller]
fn check_required(create: CreateFlag, field: &str, allowed: &str) {
    check_fault(Change::CreateFlag(create), Reason::Required, field, "", allowed);
}

#[test]
fn a_boolean_flag_serves_true_and_is_dark_when_false() {
    check(create_boolean(&[]), ("on", "off"));
    check(create_boolean(&[("yes", true), ("no", false)]), ("yes", "no"));
    check(create_boolean(&[("no", false), ("yes", true)]), ("yes", "no"));
    check(create_boolean(&[("no", false), ("yes", true), ("really", true), ("never", false)]), ("yes", "no"));
}

#[test]
fn on_and_off_come_first_when_they_mean_what_they_say() {
    let more = [("yes", true), ("no", false), ("off", false), ("on", true)];
    check(create_boolean(&more), ("on", "off"));
    check(create_boolean(&[("on", false), ("off", true)]), ("off", "on"));
    check(create_boolean(&[("on", false), ("yes", true)]), ("yes", "on"));
}

#[test]
fn a_boolean_flag_that_is_always_the_same_says_so() {
    check_required(create_boolean(&[("yes", true)]), ".create_flag.off_variant", "one of yes");
    check_required(create_boolean(&[("no", false)]), ".create_flag.default_variant", "one of no");
    let named = CreateFlag { off_variant: "yes".to_owned(), ..create_boolean(&[("yes", true)]) };
    check(named, ("yes", "yes"));
}

#[test]
fn what_is_named_is_taken() {
    let named = CreateFlag {
        default_variant: "no".to_owned(),
        off_variant: "yes".to_owned(),
        ..create_boolean(&[("yes", true), ("no", false)])
    };
    check(named, ("no", "yes"));
}

#[test]
fn the_only_variant_of_another_type_is_both() {
    let only =
        CreateFlag { flag_type: FlagType::String, variants: texts(&["a"]), ..CreateFlag::boolean("x") };
    check(only, ("a", "a"));
}

#[test]
fn a_value_of_another_type_is_one_fault_and_not_two() {
    let mut half = create_boolean(&[("off", false)]);
    half.variants.push(("on".to_owned(), Value::string("true")));
    let field = ".create_flag.definition.variants[1].value";
    let allowed = "a value of type boolean";
    check_fault(Change::CreateFlag(half), Reason::WrongType, field, "string", allowed);
}
