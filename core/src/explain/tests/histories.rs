//! Random stores, and random subjects to ask about. Changes that are refused are left out, so that what is left is
//! whatever a store can come to hold.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{canary, country, detach, in_segment, list, segment};
use crate::change::{Change, UpdateFlag};
use crate::check::tests::{
    Store, create, create_text, place, rule, serve, set_rules, set_salt, split_by, test,
};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::flag::{CanaryPart, Lifetime, Serve};
use crate::value::Value;

/// Three boolean flags, the last with two spellings, and a flag of texts.
pub(crate) const FLAGS: [&str; 4] = ["dreams", "whispers", "oracle.chat", "voice"];
pub(crate) const SERVICES: [&str; 3] = ["", "ui", "runner"];
const VARIANTS: [&str; 3] = ["on", "off", "a"];
const SEGMENTS: [&str; 2] = ["beta", "staff"];
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn flag() -> impl Strategy<Value = &'static str> {
    select(&FLAGS[..])
}

fn variant() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => select(&VARIANTS[..2]), 1 => Just("a")]
}

fn operand() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec!["DE", "AT", "1.2.3", "al"]).prop_map(Value::string),
        (16_i64..20).prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
    ]
}

fn condition(with_segments: bool) -> impl Strategy<Value = Condition> {
    let attribute = select(vec!["country", "age", "targetingKey", "app.version"]);
    let negated = any::<bool>();
    let any_test = (attribute, select(&Operator::ALL[..]), vec(operand(), 0..3), negated).prop_map(
        |(attribute, operator, operands, negated)| match test(attribute, operator, &operands) {
            Condition::Test(test) => Condition::Test(crate::condition::Test { negated, ..test }),
            other => other,
        },
    );
    let fitting = prop_oneof![
        select(vec!["DE", "AT"]).prop_map(country),
        (16_i64..20).prop_map(|age| test("age", Operator::GreaterOrEqual, &[Value::Integer(age)])),
    ];
    let named = if with_segments {
        select(&SEGMENTS[..]).prop_map(in_segment).boxed()
    } else {
        Just(Condition::always()).boxed()
    };
    prop_oneof![4 => fitting, 1 => any_test, 2 => named].prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner, 0..3).prop_map(Condition::Any),
        ]
    })
}

fn any_serve() -> impl Strategy<Value = Serve> {
    let weight = prop_oneof![Just(0), Just(100_000), 0_u32..=100_000];
    let attribute = select(vec![None, None, Some("country"), Some("targetingKey"), Some("age")]);
    let halves = (variant(), variant(), weight, attribute).prop_map(|(one, other, weight, attribute)| {
        split_by(attribute, &[(one, weight), (other, 100_000 - weight)])
    });
    prop_oneof![variant().prop_map(serve), halves]
}

fn of_flag() -> impl Strategy<Value = Change> {
    let rules = vec((condition(true), any_serve()), 0..3);
    let rules = (flag(), rules).prop_map(|(flag, rules)| {
        set_rules(flag, rules.into_iter().map(|(condition, serve)| rule(condition, serve)).collect())
    });
    let part = prop_oneof![
        Just(CanaryPart::ByType),
        Just(CanaryPart::Out),
        variant().prop_map(|name| CanaryPart::Variant(crate::key::VariantName::new(name))),
    ];
    let expressions = vec![
        "",
        r#"{"if": [{"==": [{"var": "country"}, "DE"]}, "on", null]}"#,
        r#"{"fractional": [["on", 30], ["off", 70]]}"#,
        r#"{"if": [{">": [{"var": "$flagd.timestamp"}, 5]}, "off", "on"]}"#,
    ];
    prop_oneof![
        4 => rules,
        4 => (flag(), any_serve())
            .prop_map(|(flag, serve)| Change::SetDefaultServe { place: place(flag), serve }),
        1 => (flag(), select(vec!["", "salt"])).prop_map(|(flag, salt)| set_salt(flag, salt)),
        1 => (flag(), variant()).prop_map(|(flag, variant)| crate::check::tests::set_off_variant(flag, variant)),
        1 => (flag(), part).prop_map(|(flag, part)| Change::SetCanaryPart { place: place(flag), part }),
        1 => (flag(), select(expressions)).prop_map(|(flag, targeting)| Change::SetTargeting {
            place: place(flag),
            targeting: targeting.to_owned(),
        }),
    ]
}

fn around_flag() -> impl Strategy<Value = Change> {
    let prerequisites = vec((flag(), vec(variant(), 1..3)), 0..3).prop_map(|needed| {
        let owned = |names: Vec<&str>| names.iter().map(ToString::to_string).collect();
        needed.into_iter().map(|(flag, variants)| (flag.to_owned(), owned(variants))).collect()
    });
    let service = || select(&SERVICES[1..]);
    prop_oneof![
        4 => flag().prop_map(crate::check::tests::enable),
        1 => flag().prop_map(crate::check::tests::disable),
        3 => (flag(), prerequisites)
            .prop_map(|(flag, prerequisites)| Change::SetPrerequisites { place: place(flag), prerequisites }),
        2 => (flag(), service(), variant())
            .prop_map(|(flag, service, variant)| detach(flag, service, variant)),
        1 => (flag(), service()).prop_map(|(flag, service)| Change::RemoveOverride {
            place: place(flag),
            service: service.to_owned(),
        }),
        1 => flag().prop_map(|flag| Change::ArchiveFlag { flag: flag.to_owned(), force: false }),
        1 => flag().prop_map(|flag| Change::UnarchiveFlag { flag: flag.to_owned() }),
        1 => (flag(), vec(service(), 0..2)).prop_map(|(flag, services)| Change::UpdateFlag(UpdateFlag {
            flag: flag.to_owned(),
            services: Some(services.iter().map(ToString::to_string).collect()),
            ..UpdateFlag::default()
        })),
        1 => (flag(), any::<bool>()).prop_map(|(flag, stays)| Change::UpdateFlag(UpdateFlag {
            flag: flag.to_owned(),
            description: Some("another".to_owned()),
            lifetime: Some(if stays { Lifetime::Permanent } else { Lifetime::Temporary }),
            ..UpdateFlag::default()
        })),
    ]
}

fn audience() -> impl Strategy<Value = Change> {
    let lists =
        select(vec!["canary", "segment/beta/included", "segment/beta/excluded", "segment/staff/included"]);
    let people = || vec(select(&PEOPLE[..]), 0..3);
    let share = prop_oneof![Just(None), (0_u32..90).prop_map(|from| Some((f64::from(from), 100.0)))];
    let condition = prop_oneof![Just(None), condition(false).prop_map(Some)];
    prop_oneof![
        3 => (select(&SEGMENTS[..]), condition, share)
            .prop_map(|(key, condition, share)| segment(key, condition, share)),
        1 => select(&SEGMENTS[..]).prop_map(|key| Change::DeleteSegment {
            environment: "production".to_owned(),
            segment: key.to_owned(),
        }),
        4 => (lists, people(), people()).prop_map(|(name, add, remove)| list(name, &add, &remove)),
        2 => any::<bool>().prop_map(canary),
    ]
}

/// Any change in production, or of what all environments share. About one in three is refused.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![4 => of_flag(), 4 => around_flag(), 3 => audience()]
}

/// A store after changes in production, and a few of them in staging.
pub(crate) fn history() -> impl Strategy<Value = Store> {
    vec((change(), 0..8), 0..40).prop_map(|changes| {
        let mut store = beginning();
        for (mut change, somewhere) in changes {
            if let (0, Some(environment)) = (somewhere, change.environment_mut()) {
                "staging".clone_into(environment);
            }
            // Refused or not, the store is one that can be.
            let _ = store.submit(&[change]);
        }
        store
    })
}

/// The flags, the segments, and somebody on every list; nothing enabled.
pub(crate) fn beginning() -> Store {
    Store::with(&[
        create("dreams"),
        create("whispers"),
        create("oracle.chat"),
        create_text("voice", &["on", "a", "off"]),
        segment("beta", Some(country("DE")), None),
        segment("staff", None, Some((0.0, 50.0))),
        list("canary", &["alice"], &[]),
        list("segment/beta/included", &["bob"], &[]),
        list("segment/beta/excluded", &["carol"], &[]),
    ])
}

/// One of a few people, or nobody.
pub(crate) fn context() -> impl Strategy<Value = Context> {
    let key = prop_oneof![4 => select(&PEOPLE[..]).prop_map(str::to_owned), 2 => "user-[0-9]{1,3}", 1 => Just(String::new())];
    let country = proptest::option::of(select(vec!["DE", "AT", ""]));
    (key, country, proptest::option::of(operand())).prop_map(|(key, country, age)| {
        let mut context = Context::new(&key);
        if let Some(country) = country {
            context.set("country", Value::string(country));
        }
        if let Some(age) = age {
            context.set("age", age);
        }
        context
    })
}
