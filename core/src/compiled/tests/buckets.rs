//! Who gets what of a split, from the change to the evaluation.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{by_default, check, compile, flag};
use crate::bucketing::{self, Cumulative, Generation};
use crate::check::tests::{
    Store, create, default_serve, disable, enable, rollout, set_salt, split, split_by,
};
use crate::compiled::{Around, CompiledFlag};
use crate::context::Context;
use crate::evaluation::ResolutionReason;
use crate::flag::EffectiveFlag;
use crate::value::Value;

const HALF: [(&str, u32); 2] = [("a", 50_000), ("c", 50_000)];

/// A split in half of the flag `key` over this salt and attribute.
fn halved(key: &str, salt: Option<&str>, attribute: Option<&str>) -> EffectiveFlag {
    EffectiveFlag { salt: salt.map(Box::from), default_serve: split_by(attribute, &HALF), ..flag(key) }
}

/// Which of a thousand users get a.
fn chosen(flag: &EffectiveFlag, generation: Generation) -> BTreeSet<u32> {
    let compiled = CompiledFlag::compile(flag, generation).unwrap();
    let is_chosen = |number: &u32| {
        let served = compiled.evaluate(Around::nothing(), &Context::new(&format!("user-{number}")));
        served.variant.name.as_str() == "a"
    };
    (0..1_000).filter(is_chosen).collect()
}

/// What a split in half by this attribute value serves is what the hash of the salt and this text picks.
#[track_caller]
fn check_text(value: Value, text: &str) {
    for salt in [None, Some("beta")] {
        let compiled = compile(&halved("voice", salt, Some("id")));
        let context = Context::new("user-1").with("id", value.clone());
        let hash = bucketing::hash_salted(Generation::V3, salt.unwrap_or("voice"), text);
        let expected = Cumulative::new([50_000, 50_000]).unwrap().pick(hash);
        let served = compiled.evaluate(Around::nothing(), &context);
        assert_eq!((served.variant.name.as_str(), served.error), (["a", "c"][expected], None));
    }
}

/// Who has the boolean flag `dreams` in production, of these users.
fn having(store: &Store, users: &[String]) -> Vec<bool> {
    let flag = store.flag("production", "dreams");
    let compiled = CompiledFlag::compile(&flag, store.snapshot.settings().bucketing).unwrap();
    let has = |user: &String| {
        let served = compiled.evaluate(Around::nothing(), &Context::new(user));
        assert_eq!(served.error, None);
        served.variant.value == Value::Boolean(true)
    };
    users.iter().map(has).collect()
}

#[test]
fn a_value_is_hashed_as_its_text() {
    for number in 0..50 {
        let text = number.to_string();
        check_text(Value::string(&text), &text);
        check_text(Value::Integer(number), &text);
        check_text(Value::Float(f64::from(u8::try_from(number).unwrap())), &text);
    }
    check_text(Value::Integer(i64::MIN), "-9223372036854775808");
    check_text(Value::Float(0.1), "0.1");
    check_text(Value::Float(-2.5), "-2.5");
    check_text(Value::Float(-0.0), "0");
    check_text(Value::Float(1e21), "1e+21");
    check_text(Value::Float(1e-7), "1e-7");
    check_text(Value::Boolean(true), "true");
    check_text(Value::Boolean(false), "false");
    check_text(Value::string("日本語"), "日本語");
}

#[test]
fn flags_of_one_salt_go_to_the_same_people() {
    for generation in [Generation::V2, Generation::V3] {
        let of = |key, salt| chosen(&halved(key, salt, None), generation);
        assert_eq!(of("voice", Some("beta")), of("cues", Some("beta")));
        assert_ne!(of("voice", Some("beta")), of("voice", Some("gamma")));
        assert_ne!(of("voice", None), of("cues", None));
        assert_ne!(of("voice", None), of("voice", Some("beta")));
    }
}

/// The same through everything, for whole features: a page, its worker and its assistant.
#[test]
fn rollouts_of_one_salt_go_to_the_same_people() {
    let users: Vec<String> = (0..500).map(|number| format!("user-{number}")).collect();
    let having = |flag: &str, salt: &str| {
        let store = Store::with(&[create(flag), set_salt(flag, salt), rollout(flag, 50.0)]);
        let compiled = compile(&store.flag("production", flag));
        let has = |user: &&String| {
            compiled.evaluate(Around::nothing(), &Context::new(user)).variant.name.as_str() == "on"
        };
        users.iter().filter(has).cloned().collect::<Vec<_>>()
    };
    assert_eq!(having("dreams", "beta"), having("maya.voice", "beta"));
    assert_ne!(having("dreams", "beta"), having("dreams", "gamma"));
    assert_ne!(having("dreams", ""), having("maya.voice", ""));
}

#[test]
fn people_of_one_salt_are_independent_of_those_of_another() {
    let of = |salt| chosen(&halved("voice", Some(salt), None), Generation::V3);
    let both = of("beta").intersection(&of("gamma")).count();
    assert!((200..300).contains(&both), "a quarter of a thousand is expected, not {both}");
}

#[test]
fn the_generation_of_the_store_decides_who_it_is() {
    let flag = halved("voice", None, None);
    assert_ne!(chosen(&flag, Generation::V2), chosen(&flag, Generation::V3));
    let changes = [create("dreams"), rollout("dreams", 50.0)];
    let users: Vec<String> = (0..100).map(|number| format!("user-{number}")).collect();
    let having = [Generation::V2, Generation::V3].map(|generation| {
        let mut store = Store::of_generation(generation);
        store.submit(&changes).unwrap();
        having(&store, &users)
    });
    assert_ne!(having[0], having[1]);
}

#[test]
fn naming_the_targeting_key_moves_nobody() {
    for salt in [None, Some("beta")] {
        let unnamed = halved("voice", salt, None);
        let named = halved("voice", salt, Some("targetingKey"));
        assert_eq!(chosen(&unnamed, Generation::V3), chosen(&named, Generation::V3));
    }
}

/// The hash is of the key as it was spelled at creation, whatever spelling is asked for.
#[test]
fn two_keys_are_two_populations() {
    let spelled = |key| chosen(&halved(key, None, None), Generation::V3);
    assert_ne!(spelled("oracle.chat"), spelled("oracle_chat"));
}

#[test]
fn a_share_of_nothing_is_nobody_and_of_everything_is_everybody() {
    for salt in ["", "beta"] {
        for (percent, expected) in [(0.0, false), (100.0, true)] {
            let store =
                Store::with(&[create("dreams"), set_salt("dreams", salt), rollout("dreams", percent)]);
            let users: Vec<String> = (0..2_000).map(|number| format!("user-{number}")).collect();
            assert_eq!(having(&store, &users), vec![expected; users.len()]);
        }
    }
}

#[test]
fn a_share_is_about_as_large_as_it_says() {
    let users: Vec<String> = (0..20_000).map(|number| format!("user-{number}")).collect();
    for percent in [1.0, 12.5, 50.0, 99.0] {
        let store = Store::with(&[create("dreams"), rollout("dreams", percent)]);
        let having = having(&store, &users).iter().filter(|has| **has).count();
        let having = f64::from(u32::try_from(having).unwrap()) / 200.0;
        // Four standard deviations of 20,000 draws at 50 % are 1.4 %.
        assert!((having - percent).abs() < 1.5, "{having} of {percent}");
    }
}

#[test]
fn whoever_had_a_feature_has_it_again_after_a_break() {
    let users: Vec<String> = (0..1_000).map(|number| format!("user-{number}")).collect();
    let mut store = Store::with(&[create("dreams"), rollout("dreams", 25.0)]);
    let before = having(&store, &users);
    store.submit(&[disable("dreams")]).unwrap();
    store.submit(&[enable("dreams"), rollout("dreams", 0.0)]).unwrap();
    store.submit(&[rollout("dreams", 25.0)]).unwrap();
    assert_eq!(having(&store, &users), before);
}

#[test]
fn the_order_of_a_split_is_the_order_of_its_buckets() {
    let first = compile(&by_default(split(&[("a", 30_000), ("c", 70_000)])));
    let second = compile(&by_default(split(&[("c", 70_000), ("a", 30_000)])));
    let differs = |number: &u32| {
        let context = Context::new(&format!("user-{number}"));
        first.evaluate(Around::nothing(), &context).variant
            != second.evaluate(Around::nothing(), &context).variant
    };
    assert!((0..1_000).any(|number| differs(&number)));
    check(&by_default(split(&[("c", 0), ("a", 100_000)])), &Context::new("x"), "a", ResolutionReason::Static);
}

/// A percentage in thousandths, as somebody would write it.
fn percent(weight: u32) -> f64 {
    format!("{}.{:03}", weight / 1_000, weight % 1_000).parse().unwrap()
}

proptest! {
    /// Through everything: the change is checked and folded, the flag compiled and evaluated.
    #[test]
    fn raising_a_percentage_only_adds_people_and_lowering_it_only_removes_some(
        low in 0_u32..=100_000,
        high in 0_u32..=100_000,
        salt in "[a-z]{0,4}",
        by_attribute: bool,
        off_first: bool,
        users in proptest::collection::vec("[a-zA-Z0-9@.é-]{1,24}", 1..40),
    ) {
        let (low, high) = (low.min(high), low.max(high));
        let order = if off_first { [("off", 100_000), ("on", 0)] } else { [("on", 0), ("off", 100_000)] };
        let attribute = by_attribute.then_some("targetingKey");
        let mut store = Store::with(&[
            create("dreams"),
            set_salt("dreams", &salt),
            default_serve("dreams", split_by(attribute, &order)),
            rollout("dreams", percent(low)),
        ]);
        let few = having(&store, &users);
        store.submit(&[rollout("dreams", percent(high))]).unwrap();
        let many = having(&store, &users);
        prop_assert!(few.iter().zip(&many).all(|(had, has)| has >= had));
        store.submit(&[rollout("dreams", percent(low))]).unwrap();
        prop_assert_eq!(having(&store, &users), few);
    }

    /// A rollout must not exchange people because somebody chose by what they are known.
    #[test]
    fn raising_a_percentage_only_adds_companies(low in 0_u32..=100_000, high in 0_u32..=100_000) {
        let (low, high) = (low.min(high), low.max(high));
        let by_company = split_by(Some("company"), &[("on", low), ("off", 100_000 - low)]);
        let mut store = Store::with(&[create("dreams"), enable("dreams"), default_serve("dreams", by_company)]);
        let having = |store: &Store| {
            let compiled = compile(&store.flag("production", "dreams"));
            let has = |company| {
                let context = Context::new("user-1").with("company", Value::Integer(company));
                compiled.evaluate(Around::nothing(), &context).variant.value == Value::Boolean(true)
            };
            (0..100).map(has).collect::<Vec<bool>>()
        };
        let few = having(&store);
        store.submit(&[rollout("dreams", percent(high))]).unwrap();
        prop_assert!(few.iter().zip(having(&store)).all(|(had, has)| has >= *had));
    }
}
