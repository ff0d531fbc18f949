//! Flags of every shape that decides by who somebody is, and people drawn by a seed.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::check::{Circumstances, Origin, check};
use mycelia_flags_core::compiled::of_snapshot::compiled;
use mycelia_flags_core::compiled::{Around, Now, Slot};
use mycelia_flags_core::json;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::schema::AnyValue;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::condition::Condition as Case;
use mycelia_flags_proto::v1::serve::Serve as Served;
use mycelia_flags_proto::v1::value::Kind as ValueKind;
use mycelia_flags_proto::{convert, v1};
use open_feature::{EvaluationContext, EvaluationContextFieldValue, StructValue};
use serde_json::{Value, json as object};

use crate::server::{apply_request, create, enable, rollout};

/// The flags, and their types.
pub(super) const FLAGS: [(&str, &str); 6] = [
    ("thirds", "string"),
    ("badge", "boolean"),
    ("beta.panel", "boolean"),
    ("dreams", "boolean"),
    ("oracle.chat", "boolean"),
    ("by.country", "string"),
];

fn production() -> String {
    "production".to_owned()
}

fn served(variant: &str) -> v1::Serve {
    v1::Serve { serve: Some(Served::Variant(variant.to_owned())) }
}

fn split(weights: &[(&str, u32)], bucket_by: &str) -> v1::Serve {
    let weight = |(variant, weight): &(&str, u32)| v1::WeightedVariant {
        variant: (*variant).to_owned(),
        weight: *weight,
    };
    let weights = weights.iter().map(weight).collect();
    v1::Serve { serve: Some(Served::Split(v1::Split { weights, bucket_by: bucket_by.to_owned() })) }
}

fn test(attribute: &str, operator: v1::Operator, operands: &[ValueKind]) -> v1::Condition {
    let operands = operands.iter().map(|kind| v1::Value { kind: Some(kind.clone()) }).collect();
    let test =
        v1::Test { attribute: attribute.to_owned(), operator: operator.into(), operands, negated: false };
    v1::Condition { condition: Some(Case::Test(test)) }
}

fn text(text: &str) -> ValueKind {
    ValueKind::StringValue(text.to_owned())
}

fn by_default(flag: &str, serve: v1::Serve) -> Kind {
    Kind::SetDefaultServe(v1::SetDefaultServe {
        environment: production(),
        flag: flag.to_owned(),
        serve: Some(serve),
    })
}

fn rules(flag: &str, rules: Vec<(v1::Condition, v1::Serve)>) -> Kind {
    let rules = rules.into_iter().enumerate().map(|(number, (condition, serve))| v1::Rule {
        name: format!("rule {number}"),
        condition: Some(condition),
        serve: Some(serve),
    });
    Kind::SetRules(v1::SetRules { environment: production(), flag: flag.to_owned(), rules: rules.collect() })
}

fn texts(key: &str, variants: &[&str]) -> Kind {
    let variant = |name: &&str| v1::Variant {
        name: (*name).to_owned(),
        value: Some(v1::Value { kind: Some(text(name)) }),
    };
    let definition = v1::FlagDefinition {
        key: key.to_owned(),
        r#type: v1::FlagType::String.into(),
        variants: variants.iter().map(variant).collect(),
        ..Default::default()
    };
    let first = variants[0].to_owned();
    Kind::CreateFlag(v1::CreateFlag {
        definition: Some(definition),
        default_variant: first.clone(),
        off_variant: first,
    })
}

fn edit(list: &str, keys: Vec<String>) -> Kind {
    Kind::EditList(v1::EditList {
        environment: production(),
        list: list.to_owned(),
        add: keys,
        remove: vec![],
    })
}

/// Somebody, as providers send them.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) context: Value,
}

impl Person {
    fn draw(number: usize, chance: &mut Chance) -> Self {
        let mut context = object!({
            "country": chance.one_of(&["DE", "FR", "CA", "JP", "BR"]),
            "beta": chance.below(4) == 0,
        });
        let tail = chance.below(1 << 32);
        match chance.below(20) {
            // Nobody in particular, and somebody beyond ASCII.
            0 => {}
            1 => context["targetingKey"] = object!(format!("ünïcödé-日本-{tail:x}")),
            2..10 => context["targetingKey"] = object!(format!("user-{number}")),
            _ => context["targetingKey"] = object!(format!("{tail:08x}-{number}@example.com")),
        }
        if chance.below(10) != 0 {
            context["account"] = object!({
                "id": format!("acc-{}", chance.below(300)),
                "plan": chance.one_of(&["free", "team", "pro"]),
                "seats": chance.below(40),
                "owner": { "age": 16 + chance.below(60) },
            });
        }
        Self { context }
    }

    /// The same with a key of ASCII letters.
    pub(super) fn in_ascii(&mut self) {
        if let Some(key) = self.context["targetingKey"].as_str() {
            let ascii: String = key.chars().filter(char::is_ascii).collect();
            self.context["targetingKey"] = object!(ascii);
        }
    }

    /// As our own protocol has it.
    pub(crate) fn wire(&self) -> v1::EvaluationContext {
        let mut wire = v1::EvaluationContext::default();
        for (name, value) in self.context.as_object().unwrap() {
            match (name.as_str(), value) {
                ("targetingKey", Value::String(key)) => wire.targeting_key.clone_from(key),
                _ => drop(wire.attributes.insert(name.clone(), of_json(value))),
            }
        }
        wire
    }

    /// As OpenFeature's Rust SDK has it.
    pub(super) fn openfeature(&self) -> EvaluationContext {
        let mut context = EvaluationContext::default();
        for (name, value) in self.context.as_object().unwrap() {
            match value {
                Value::String(key) if name == "targetingKey" => context = context.with_targeting_key(key),
                Value::String(text) => context.add_custom_field(name, text.as_str()),
                Value::Bool(value) => context.add_custom_field(name, *value),
                Value::Object(_) => {
                    let fields = nested(value);
                    context.add_custom_field(name, EvaluationContextFieldValue::new_struct(fields));
                }
                other => panic!("people have no {other}"),
            }
        }
        context
    }
}

fn nested(value: &Value) -> StructValue {
    let mut fields = StructValue::default();
    for (name, value) in value.as_object().unwrap() {
        match value {
            Value::String(text) => fields.add_field(name, text.as_str()),
            Value::Number(number) => fields.add_field(name, number.as_i64().unwrap()),
            other => fields.add_field(name, nested(other)),
        }
    }
    fields
}

fn of_json(value: &Value) -> v1::Value {
    convert::value_to_wire(&json::parse(&value.to_string()).unwrap())
}

/// splitmix64: the same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[usize::try_from(self.below(words.len() as u64)).unwrap()]
    }
}

/// What is asked.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) generation: Generation,
    pub(super) people: Vec<Person>,
}

impl World {
    pub(super) fn draw(generation: Generation, people: usize) -> Self {
        let named = std::env::var("MYCELIA_SEED").ok().and_then(|seed| seed.parse().ok());
        // Other people in every run, and the same ones in all stories of a run.
        let seed = named.unwrap_or_else(|| u64::from(std::process::id()));
        println!("MYCELIA_SEED={seed}");
        let mut chance = Chance(seed);
        let people = (0..people).map(|number| Person::draw(number, &mut chance)).collect();
        Self { seed, generation, people }
    }

    /// Some of the people by name.
    fn some(&self, step: usize) -> Vec<String> {
        let keys =
            self.people.iter().step_by(step).filter_map(|person| person.context["targetingKey"].as_str());
        let mut keys: Vec<String> = keys.map(str::to_owned).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The flags: uneven shares, rules on nested attributes, shares by another attribute, segments with a condition, a share
    /// and lists, the canary, and prerequisites.
    pub(super) fn changes(&self) -> Vec<Kind> {
        let rest: u32 = 100_000 - 12_345 - 54_321;
        let segment = v1::SetSegment {
            environment: production(),
            segment: "beta".to_owned(),
            condition: Some(test("account.plan", v1::Operator::In, &[text("team"), text("pro")])),
            share: Some(v1::SegmentShare { salt: "beta".to_owned(), from_percent: 0.0, to_percent: 62.5 }),
            ..Default::default()
        };
        let shares = vec![v1::SegmentPercent { segment: "beta".to_owned(), percent: 77.7 }];
        let matrix = v1::SetMatrix {
            environment: production(),
            flag: "beta.panel".to_owned(),
            shares,
            rest_percent: Some(7.5),
            enable: true,
        };
        let needed =
            v1::Prerequisite { flag: "thirds".to_owned(), variants: vec!["b".to_owned(), "c".to_owned()] };
        vec![
            texts("thirds", &["a", "b", "c"]),
            // A prerequisite that splits can be said in flagd's language when it has a salt.
            Kind::SetSalt(v1::SetSalt {
                environment: production(),
                flag: "thirds".to_owned(),
                salt: "thirds-1".to_owned(),
            }),
            by_default("thirds", split(&[("a", 12_345), ("b", 54_321), ("c", rest)], "")),
            enable("thirds"),
            create("badge"),
            rules(
                "badge",
                vec![
                    (
                        test("account.seats", v1::Operator::GreaterOrEqual, &[ValueKind::IntegerValue(35)]),
                        served("on"),
                    ),
                    (
                        test("account.plan", v1::Operator::Equals, &[text("pro")]),
                        split(&[("on", 33_333), ("off", 66_667)], ""),
                    ),
                    (
                        test("account.owner.age", v1::Operator::Less, &[ValueKind::IntegerValue(30)]),
                        split(&[("on", 50), ("off", 99_950)], ""),
                    ),
                ],
            ),
            by_default("badge", split(&[("on", 9_999), ("off", 90_001)], "")),
            enable("badge"),
            create("beta.panel"),
            Kind::SetSegment(segment),
            edit("segment/beta/included", self.some(17)),
            edit("segment/beta/excluded", self.some(23)),
            Kind::SetMatrix(matrix),
            create("dreams"),
            rollout("dreams", 12.5),
            enable("dreams"),
            Kind::SwitchCanary(v1::SwitchCanary { environment: production(), on: true }),
            edit("canary", self.some(9)),
            create("oracle.chat"),
            rollout("oracle.chat", 60.0),
            enable("oracle.chat"),
            Kind::SetPrerequisites(v1::SetPrerequisites {
                environment: production(),
                flag: "oracle.chat".to_owned(),
                prerequisites: vec![needed],
            }),
            texts("by.country", &["x", "y", "z"]),
            rules(
                "by.country",
                vec![(test("country", v1::Operator::In, &[text("DE"), text("JP")]), served("z"))],
            ),
            by_default("by.country", split(&[("x", 25_000), ("y", 75_000)], "country")),
            enable("by.country"),
        ]
    }

    /// What core says, without any server.
    pub(super) fn by_core(&self) -> Vec<[String; FLAGS.len()]> {
        let asked = apply_request(self.changes()).change_set.unwrap();
        let snapshot = folded(self.generation, convert::change_set_from_wire(&asked).unwrap().changes);
        let set = compiled(&snapshot, &EnvironmentKey::new("production"), None);
        let around = Around::new(&set, "", Now::At(0));
        let of_person = |person: &Person| {
            let context = convert::context_from_wire("context", &person.wire()).unwrap();
            FLAGS.map(|(flag, _)| match &**set.get(flag).unwrap() {
                Slot::Flag(flag) => flag.evaluate(around, &context).variant.name.to_string(),
                Slot::Broken { why, .. } => panic!("{flag}: {why}"),
            })
        };
        self.people.iter().map(of_person).collect()
    }
}

/// A store with these changes, as the server would have it, without a server.
pub(crate) fn folded(generation: Generation, changes: Vec<Change>) -> Snapshot {
    let environments = ["development", "staging", "production"].map(str::to_owned).to_vec();
    let store = vec![Change::CreateStore { bucketing: generation, environments }];
    let mut snapshot = Snapshot::default();
    for (changes, origin) in [(store, Origin::Store), (changes, Origin::Caller)] {
        if changes.is_empty() {
            continue;
        }
        let change_set = ChangeSet { actor: "test".to_owned(), reason: String::new(), changes };
        let circumstances =
            Circumstances { origin, at: Timestamp::default(), schemas: &AnyValue, undone: &[] };
        let checked = check(&snapshot, &change_set, circumstances).unwrap();
        let record = Record {
            revision: snapshot.revision().next(),
            committed_at: Timestamp::default(),
            change_set,
            writes: checked.writes,
            idempotency_key: Box::from(""),
        };
        snapshot.fold(&record).unwrap();
    }
    snapshot
}
