//! Random stores and contexts. Every store is one that the check of change sets has let through.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::bucketing::Generation;
use crate::change::{Change, CreateFlag, SegmentShare, SetSegment};
use crate::check::tests::{Store, create, place, rule, serve, split_by, test};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::flag::{CanaryPart, Rule, Serve};
use crate::key::SegmentKey;
use crate::value::{FlagType, Value};

/// The last one is for the runner alone.
pub(super) const FLAGS: [&str; 7] = ["dreams", "oracle.chat", "voice", "limit", "ratio", "menu", "hidden"];
pub(super) const SERVICES: [&str; 2] = ["ui", "runner"];
const SEGMENTS: [&str; 3] = ["beta", "staff.eu", "half"];
const ATTRIBUTES: [&str; 8] =
    ["country", "age", "app.version", "groups", "user.plan.tier", "premium", "targetingKey", "company"];
/// Those that cannot be said in flagd's language.
const UNREACHABLE: [&str; 5] =
    ["constructor", "groups.0", "country.length", "$flagd.flagKey", "targetingKey.domain"];
const TEXTS: [&str; 17] = [
    "",
    "DE",
    "FR",
    "de",
    "D",
    "5",
    "-1",
    "1.2.3",
    "v1.2",
    "2.0.0-rc.1+b7",
    "true",
    "null",
    "on",
    "user-1",
    "[object Object]",
    "é",
    "1e3",
];

fn text() -> impl Strategy<Value = Value> {
    select(&TEXTS[..]).prop_map(Value::string)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(vec![-1_i64, 0, 1, 5, 7, 1000, 9_007_199_254_740_993, i64::MIN, i64::MAX]).prop_map(Value::Integer),
        3 => select(vec![0.0, -0.0, 0.5, 1.0, 5.0, -2.5, 1e21, 1e-7, 1e300]).prop_map(Value::Float),
    ]
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![4 => text(), 3 => number(), 1 => any::<bool>().prop_map(Value::Boolean)]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![6 => plain(), 1 => Just(Value::Null)];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let names = select(vec!["version", "plan", "tier", "0", "DE"]).prop_map(Box::from);
        let fields = vec((names, inner.clone()), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::List),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn attribute() -> impl Strategy<Value = &'static str> {
    prop_oneof![60 => select(&ATTRIBUTES[..]), 1 => select(&UNREACHABLE[..])]
}

fn tested() -> impl Strategy<Value = Condition> {
    use Operator::{
        Contains, EndsWith, Equals, Exists, Greater, GreaterOrEqual, In, Less, LessOrEqual, StartsWith,
        VersionEquals, VersionGreater, VersionGreaterOrEqual, VersionLess, VersionLessOrEqual,
    };
    let versions =
        select(vec!["1.2.3", "v1.2", "2", "1.2.3-rc.1+b7"]).prop_map(|version| vec![Value::string(version)]);
    let operands = prop_oneof![
        3 => (Just(Equals), plain().prop_map(|one| vec![one])),
        3 => (Just(In), vec(plain(), 1..5)),
        3 => (Just(Contains), vec(plain(), 1..4)),
        2 => (select(vec![StartsWith, EndsWith]), vec(text(), 1..3)),
        3 => (select(vec![Less, LessOrEqual, Greater, GreaterOrEqual]), number().prop_map(|one| vec![one])),
        2 => (
            select(vec![VersionEquals, VersionLess, VersionLessOrEqual, VersionGreater, VersionGreaterOrEqual]),
            versions
        ),
        1 => Just((Exists, Vec::new())),
    ];
    let dated = test("born", Operator::Before, &[Value::string("2000-01-01")]);
    let known =
        (attribute(), operands, any::<bool>()).prop_map(|(attribute, (operator, operands), negated)| {
            let Condition::Test(mut test) = test(attribute, operator, &operands) else { unreachable!() };
            test.negated = negated;
            Condition::Test(test)
        });
    prop_oneof![80 => known, 1 => Just(dated)]
}

fn combined(leaf: impl Strategy<Value = Condition> + 'static) -> impl Strategy<Value = Condition> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            vec(inner.clone(), 0..4).prop_map(Condition::All),
            vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let segment = select(&SEGMENTS[..]).prop_map(|segment| Condition::Segment(SegmentKey::new(segment)));
    combined(prop_oneof![4 => tested(), 1 => segment])
}

fn variants_of(flag: &'static str) -> &'static [&'static str] {
    match flag {
        "dreams" | "oracle.chat" | "hidden" => &["on", "off"],
        _ => &["on", "off", "a"],
    }
}

fn variant_of(flag: &'static str) -> impl Strategy<Value = String> {
    select(variants_of(flag)).prop_map(str::to_owned)
}

fn serve_of(flag: &'static str) -> impl Strategy<Value = Serve> {
    let weight = prop_oneof![1 => Just(0), 1 => Just(100_000), 6 => 0_u32..=100_000];
    let bucket_by = prop_oneof![3 => Just(None), 2 => attribute().prop_map(Some)];
    let split = (variant_of(flag), weight, bucket_by).prop_map(move |(first, weight, bucket_by)| {
        let rest = variants_of(flag).iter().filter(|name| **name != first).copied();
        let mut left = 100_000 - weight;
        let mut weights = vec![(first.as_str(), weight)];
        for name in rest {
            let share = if name == "a" { left } else { left / 3 * u32::from(flag != "dreams") };
            weights.push((name, share));
            left -= share;
        }
        weights.last_mut().unwrap().1 += left;
        split_by(bucket_by, &weights)
    });
    prop_oneof![1 => variant_of(flag).prop_map(|name| serve(&name)), 1 => split]
}

fn rules_of(flag: &'static str) -> impl Strategy<Value = Vec<Rule>> {
    vec((condition(), serve_of(flag)).prop_map(|(condition, serve)| rule(condition, serve)), 1..5)
}

fn targeting() -> impl Strategy<Value = String> {
    let expressions = vec![
        "",
        "{}",
        r#"{"if":[{"==":[{"var":"country"},"DE"]},"on",null]}"#,
        r#"{"if":[{"in":["x",{"var":"groups"}]},null,{"fractional":[["on",30],["off",70]]}]}"#,
        r#"{"fractional":[{"cat":["s",{"var":"targetingKey"}]},["on",1],["off",1.0]]}"#,
        r#"{"if":[{"===":[{"var":"$flagd.flagKey"},"dreams"]},"on","off"]}"#,
        r#"{"if":[{">":[{"var":"$flagd.timestamp"},5]},"on","off"]}"#,
        // It names whatever the context says.
        r#"{"var":["country","off"]}"#,
        r#"{"var":"groups"}"#,
    ];
    select(expressions).prop_map(str::to_owned)
}

fn change_of(flag: &'static str) -> impl Strategy<Value = Change> {
    let others = subsequence(&FLAGS[..], 0..2);
    let prerequisites = (others, any::<bool>()).prop_map(move |(others, off)| {
        let wanted = |other| variants_of(other).iter().filter(move |name| (**name == "on") != off);
        let wanted = |other| wanted(other).map(ToString::to_string).collect();
        let others = others.into_iter().filter(|other| *other != flag);
        others.map(|other| (other.to_owned(), wanted(other))).collect()
    });
    let part = prop_oneof![
        Just(CanaryPart::ByType),
        Just(CanaryPart::Out),
        variant_of(flag).prop_map(|name| CanaryPart::Variant(crate::key::VariantName::new(&name))),
    ];
    prop_oneof![
        9 => rules_of(flag).prop_map(move |rules| Change::SetRules { place: place(flag), rules }),
        5 => serve_of(flag).prop_map(move |serve| Change::SetDefaultServe { place: place(flag), serve }),
        3 => Just(Change::Enable(place(flag))),
        1 => proptest::bool::weighted(0.3).prop_map(move |disable| match disable {
            true => Change::Disable(place(flag)),
            false => Change::Enable(place(flag)),
        }),
        1 => variant_of(flag).prop_map(move |variant| Change::SetOffVariant { place: place(flag), variant }),
        3 => select(vec!["", "beta", "dreams", "ß"]).prop_map(move |salt| {
            Change::SetSalt { place: place(flag), salt: salt.to_owned() }
        }),
        1 => prerequisites.prop_map(move |prerequisites| Change::SetPrerequisites { place: place(flag), prerequisites }),
        2 => part.prop_map(move |part| Change::SetCanaryPart { place: place(flag), part }),
        1 => (select(&SERVICES[..]), variant_of(flag)).prop_map(move |(service, variant)| Change::SetOverride {
            place: place(flag),
            service: service.to_owned(),
            variant,
            seconds: 60,
        }),
        2 => targeting().prop_map(move |targeting| Change::SetTargeting { place: place(flag), targeting }),
    ]
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    vec((0_u32..12).prop_map(|number| format!("user-{number}")), 1..4)
}

fn audience_change() -> impl Strategy<Value = Change> {
    let production = || "production".to_owned();
    let share =
        (select(vec!["", "shared"]), 0_u32..100, 1_u32..=100).prop_map(|(salt, from, size)| SegmentShare {
            salt: salt.to_owned(),
            from_percent: f64::from(from),
            to_percent: f64::from((from + size).min(100)),
        });
    let segment =
        (select(&SEGMENTS[..]), proptest::option::of(combined(tested())), proptest::option::of(share));
    let lists = vec!["canary", "segment/beta/included", "segment/beta/excluded", "segment/staff.eu/included"];
    prop_oneof![
        3 => segment.prop_map(move |(segment, condition, share)| Change::SetSegment(SetSegment {
            environment: production(),
            segment: segment.to_owned(),
            description: String::new(),
            condition,
            share,
        })),
        3 => (select(lists), keys(), any::<bool>()).prop_map(move |(list, keys, add)| Change::EditList {
            environment: production(),
            list: list.to_owned(),
            add: if add { keys.clone() } else { Vec::new() },
            remove: if add { Vec::new() } else { keys },
        }),
        1 => any::<bool>().prop_map(move |on| Change::SwitchCanary { environment: production(), on }),
    ]
}

fn created(flag: &str) -> Change {
    let (flag_type, value): (_, fn(i64) -> Value) = match flag {
        "voice" => (FlagType::String, |number| Value::string(&number.to_string())),
        "limit" => (FlagType::Integer, Value::Integer),
        "ratio" => {
            (FlagType::Float, |number| Value::Float([0.5, 1.0, 2.0][usize::try_from(number).unwrap()]))
        }
        "menu" => (FlagType::Object, |number| {
            Value::Object(BTreeMap::from([(Box::from("items"), Value::List(vec![Value::Integer(number)]))]))
        }),
        "hidden" => {
            return Change::CreateFlag(CreateFlag {
                services: vec!["runner".to_owned()],
                ..CreateFlag::boolean(flag)
            });
        }
        _ => return create(flag),
    };
    let names = ["off", "on", "a"].into_iter().zip(0..);
    Change::CreateFlag(CreateFlag {
        flag_type,
        variants: names.map(|(name, number)| (name.to_owned(), value(number))).collect(),
        default_variant: "on".to_owned(),
        off_variant: "off".to_owned(),
        ..CreateFlag::boolean(flag)
    })
}

/// A store of all flags and segments, with whatever of the random changes is granted.
pub(super) fn any_store() -> impl Strategy<Value = Store> {
    let generation = select(vec![Generation::V2, Generation::V3]);
    let of_flags = select(&FLAGS[..]).prop_flat_map(change_of);
    let changes = vec(prop_oneof![5 => of_flags, 1 => audience_change()], 8..60);
    let enabled = subsequence(&FLAGS[..], 6..=7);
    (generation, enabled, changes).prop_map(|(generation, enabled, changes)| {
        let mut store = Store::of_generation(generation);
        for flag in FLAGS {
            store.submit(&[created(flag)]).unwrap();
        }
        for segment in SEGMENTS {
            let segment = SetSegment {
                environment: "production".to_owned(),
                segment: segment.to_owned(),
                ..SetSegment::default()
            };
            store.submit(&[Change::SetSegment(segment)]).unwrap();
        }
        for flag in enabled {
            store.submit(&[Change::Enable(place(flag))]).unwrap();
        }
        for change in changes {
            // Some are refused: a cycle of prerequisites, rules beside targeting.
            drop(store.submit(&[change]));
        }
        store
    })
}

pub(super) fn any_context() -> impl Strategy<Value = Context> {
    let key =
        prop_oneof![1 => Just(String::new()), 6 => (0_u32..200).prop_map(|number| format!("user-{number}"))];
    let names = select(vec!["country", "age", "groups", "premium", "app", "user", "targetingKey", "$flagd"]);
    let version = any_value().prop_map(|value| ("app", object("version", value)));
    let tier = any_value().prop_map(|value| ("user", object("plan", object("tier", value))));
    let attributes = vec(prop_oneof![6 => (names, any_value()), 1 => version, 1 => tier], 0..7);
    (key, attributes).prop_map(|(key, attributes)| {
        attributes.into_iter().fold(Context::new(&key), |context, (name, value)| context.with(name, value))
    })
}

fn object(name: &str, value: Value) -> Value {
    Value::Object(BTreeMap::from([(Box::from(name), value)]))
}
