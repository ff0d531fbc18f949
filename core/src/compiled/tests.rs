//! What a flag decides, in which order, and for whom.

mod buckets;
mod set;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Around, CompileError, CompiledFlag};
use crate::bucketing::Generation;
use crate::check::tests::{rule, serve, split, split_by, test};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::flag::{EffectiveFlag, Serve, Variant};
use crate::key::{FlagKey, VariantName};
use crate::matcher::OperandError;
use crate::value::{FlagType, Value};

const DEFAULT: ResolutionReason = ResolutionReason::Default;
const DISABLED: ResolutionReason = ResolutionReason::Disabled;
const MATCH: ResolutionReason = ResolutionReason::TargetingMatch;
const SPLIT: ResolutionReason = ResolutionReason::Split;
const STATIC: ResolutionReason = ResolutionReason::Static;

/// A split that nearly everybody gets c of.
const NEARLY_ALL: [(&str, u32); 2] = [("c", 99_999), ("a", 1)];

/// The texts a to d, enabled: a by default, d when off, and b where a split finds no key.
fn flag(key: &str) -> EffectiveFlag {
    let variants =
        ["a", "b", "c", "d"].map(|name| Variant { name: VariantName::new(name), value: Value::string(name) });
    EffectiveFlag {
        off_variant: VariantName::new("d"),
        default_variant: VariantName::new("b"),
        ..EffectiveFlag::constant(
            FlagKey::new(key),
            FlagType::String,
            variants.into(),
            &VariantName::new("a"),
        )
    }
}

fn by_default(serve: Serve) -> EffectiveFlag {
    EffectiveFlag { default_serve: serve, ..flag("voice") }
}

fn country(name: &str) -> Condition {
    test("country", Operator::Equals, &[Value::string(name)])
}

/// DE gets b; DE and AT get c; CH is split, nearly all of it to c; everybody else gets a.
fn targeted() -> EffectiveFlag {
    EffectiveFlag {
        rules: vec![
            rule(country("DE"), serve("b")),
            rule(Condition::Any(vec![country("DE"), country("AT")]), serve("c")),
            rule(country("CH"), split(&NEARLY_ALL)),
        ],
        ..flag("voice")
    }
}

fn compile(flag: &EffectiveFlag) -> CompiledFlag {
    CompiledFlag::compile(flag, Generation::V3).unwrap()
}

fn from(country: &str) -> Context {
    Context::new("user-1").with("country", Value::string(country))
}

#[track_caller]
fn check(flag: &EffectiveFlag, context: &Context, variant: &str, reason: ResolutionReason) {
    let compiled = compile(flag);
    let served = compiled.evaluate(Around::nothing(), context);
    assert_eq!((served.variant.name.as_str(), served.reason, served.error), (variant, reason, None));
}

/// The variant that stands in for a split which finds no key.
#[track_caller]
fn check_no_key(flag: &EffectiveFlag, context: &Context) {
    let compiled = compile(flag);
    let served = compiled.evaluate(Around::nothing(), context);
    let expected = ("b", DEFAULT, Some(ErrorCode::TargetingKeyMissing));
    assert_eq!((served.variant.name.as_str(), served.reason, served.error), expected);
}

#[track_caller]
fn check_broken(flag: &EffectiveFlag, expected: &CompileError) {
    assert_eq!(&CompiledFlag::compile(flag, Generation::V3).unwrap_err(), expected);
}

#[test]
fn a_disabled_flag_serves_its_off_variant_whatever_its_rules_say() {
    let disabled = EffectiveFlag { enabled: false, ..targeted() };
    for country in ["DE", "AT", "CH", "FR"] {
        check(&disabled, &from(country), "d", DISABLED);
    }
    check(&disabled, &Context::anonymous(), "d", DISABLED);
    let split = EffectiveFlag { enabled: false, ..by_default(split(&[("a", 100_000)])) };
    check(&split, &Context::anonymous(), "d", DISABLED);
}

#[test]
fn the_first_rule_that_matches_decides() {
    check(&targeted(), &from("DE"), "b", MATCH);
    check(&targeted(), &from("AT"), "c", MATCH);
    check(&targeted(), &from("CH"), "c", SPLIT);
    check(&targeted(), &from("FR"), "a", DEFAULT);
    check(&targeted(), &Context::anonymous(), "a", DEFAULT);
}

#[test]
fn the_default_serve_says_whether_there_were_rules() {
    check(&flag("voice"), &from("DE"), "a", STATIC);
    check(&targeted(), &from("FR"), "a", DEFAULT);
    check(&by_default(split(&NEARLY_ALL)), &from("DE"), "c", SPLIT);
    let both = EffectiveFlag { default_serve: split(&NEARLY_ALL), ..targeted() };
    check(&both, &from("FR"), "c", SPLIT);
    check(&both, &from("DE"), "b", MATCH);
}

/// As flagd has it: everybody gets the same.
#[test]
fn an_empty_targeting_expression_is_none() {
    let targeted = |targeting: &str| EffectiveFlag { targeting: Some(Box::from(targeting)), ..flag("voice") };
    check(&targeted("{}"), &from("DE"), "a", STATIC);
    check(&targeted(" null "), &from("DE"), "a", STATIC);
    check(&targeted(r#"{"var": "nothing"}"#), &from("DE"), "a", DEFAULT);
}

#[test]
fn without_a_key_a_split_serves_the_default_variant_and_says_so() {
    let split_everybody = by_default(split(&[("a", 50_000), ("c", 50_000)]));
    check_no_key(&split_everybody, &Context::anonymous());
    check_no_key(&split_everybody, &Context::new(""));
    let no_key = Context::anonymous().with("country", Value::string("CH"));
    check_no_key(&targeted(), &no_key);
    let salted = EffectiveFlag { salt: Some(Box::from("beta")), ..split_everybody };
    check_no_key(&salted, &Context::anonymous());
}

#[test]
fn an_attribute_that_identifies_nobody_is_a_missing_key() {
    let by_company = by_default(split_by(Some("company"), &NEARLY_ALL));
    let company = |value| Context::new("user-1").with("company", value);
    check(&by_company, &company(Value::string("acme")), "c", SPLIT);
    check_no_key(&by_company, &Context::new("user-1"));
    check_no_key(&by_company, &company(Value::string("")));
    check_no_key(&by_company, &company(Value::Null));
    check_no_key(&by_company, &company(Value::List(vec![Value::string("acme")])));
    check_no_key(&by_company, &company(Value::Object(BTreeMap::new())));
    let nested = by_default(split_by(Some("company.id"), &NEARLY_ALL));
    check_no_key(&nested, &company(Value::string("acme")));
    let object = Value::Object(BTreeMap::from([(Box::from("id"), Value::Integer(7))]));
    check(&nested, &company(object), "c", SPLIT);
}

#[test]
fn a_variant_of_every_type_is_served() {
    let object = Value::Object(BTreeMap::from([(Box::from("a"), Value::List(vec![Value::Null]))]));
    let values = [
        (FlagType::Boolean, Value::Boolean(true)),
        (FlagType::String, Value::string("")),
        (FlagType::Integer, Value::Integer(i64::MIN)),
        (FlagType::Float, Value::Float(0.1)),
        (FlagType::Object, object),
    ];
    for (flag_type, value) in values {
        let name = VariantName::new("a");
        let typed = EffectiveFlag {
            flag_type,
            variants: Arc::from([Variant { name: name.clone(), value: value.clone() }]),
            off_variant: name.clone(),
            default_variant: name,
            ..flag("typed")
        };
        let compiled = compile(&typed);
        assert_eq!(compiled.flag_type(), flag_type);
        assert_eq!(compiled.evaluate(Around::nothing(), &Context::anonymous()).variant.value, value);
    }
}

#[test]
fn a_variant_that_is_not_there_does_not_compile() {
    let missing = CompileError::UnknownVariant(VariantName::new("z"));
    let z = || VariantName::new("z");
    let of_off = EffectiveFlag { off_variant: z(), ..flag("voice") };
    let of_default = EffectiveFlag { default_variant: z(), ..flag("voice") };
    let of_rule = EffectiveFlag { rules: vec![rule(country("DE"), serve("z"))], ..flag("voice") };
    check_broken(&of_off, &missing);
    check_broken(&of_default, &missing);
    check_broken(&of_rule, &missing);
    check_broken(&by_default(serve("z")), &missing);
    check_broken(&by_default(split(&[("a", 100_000), ("z", 0)])), &missing);
}

#[test]
fn an_operand_that_does_not_fit_names_its_rule() {
    let later = EffectiveFlag {
        rules: vec![
            rule(country("DE"), serve("a")),
            rule(Condition::Not(Box::new(test("age", Operator::Less, &[]))), serve("a")),
        ],
        ..flag("voice")
    };
    let error = OperandError { index: None, allowed: "exactly one operand" };
    check_broken(&later, &CompileError::Operand { rule: 1, error });
}

#[test]
fn weights_that_are_nothing_or_too_much_do_not_compile() {
    check_broken(&by_default(split(&[])), &CompileError::Weights);
    check_broken(&by_default(split(&[("a", 0), ("b", 0)])), &CompileError::Weights);
    check_broken(&by_default(split(&[("a", 1 << 31)])), &CompileError::Weights);
    check(&by_default(split(&[("a", (1 << 31) - 1)])), &from("DE"), "a", STATIC);
}

/// 0 % is nobody and 100 % is everybody, whether they have a key or not.
#[test]
fn a_split_that_gives_everything_to_one_variant_is_that_variant() {
    let nobody = Context::anonymous();
    let no_key = Context::anonymous().with("country", Value::string("CH"));
    let whole = || split(&[("a", 0), ("c", 100_000)]);
    for salt in [None, Some(Box::from("beta"))] {
        let by_company = split_by(Some("company"), &[("c", 100_000), ("a", 0)]);
        let named_twice = split(&[("c", 50_000), ("c", 50_000)]);
        for serve in [whole(), by_company, named_twice, split(&[("c", 1)])] {
            let salted = EffectiveFlag { salt: salt.clone(), ..by_default(serve) };
            check(&salted, &nobody, "c", STATIC);
            check(&salted, &from("DE"), "c", STATIC);
        }
    }
    let ruled =
        EffectiveFlag { rules: vec![rule(country("CH"), whole())], ..by_default(split(&[("b", 100_000)])) };
    check(&ruled, &no_key, "c", MATCH);
    check(&ruled, &from("CH"), "c", MATCH);
    check(&ruled, &nobody, "b", DEFAULT);
    check_no_key(&by_default(split(&NEARLY_ALL)), &nobody);
}

#[test]
fn a_variant_of_weight_zero_is_served_to_nobody() {
    let compiled = compile(&by_default(split(&[("a", 0), ("b", 50_000), ("c", 0), ("d", 50_000)])));
    for number in 0..1_000 {
        let context = Context::new(&format!("user-{number}"));
        assert!(matches!(compiled.evaluate(Around::nothing(), &context).variant.name.as_str(), "b" | "d"));
    }
}
