//! `docs/plan.schema.json` says to editors what the reader takes.

use std::fs;
use std::path::Path;

use serde_json::{Map, Number, Value};

use super::{EVERYTHING, PROGRESSION, SMALL, bad};
use crate::plan_file::node::{Content, Node, parse};
use crate::plan_file::read;

/// Of the wrong plans of `samples/bad.txt` that are YAML, so many are wrong to the schema too. It cannot hold a stage
/// against another one, nor tell which texts stand in quotes, nor say that a name is there twice.
const REFUSED_MIN: usize = 74;

fn schema() -> jsonschema::Validator {
    let text = fs::read_to_string(root().join("docs/plan.schema.json")).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A document as an editor sees it, by YAML's core schema.
fn json(node: &Node) -> Value {
    match &node.content {
        _ if node.is_null() => Value::Null,
        Content::Scalar { text, quoted } => plain(text, *quoted),
        Content::List(items) => items.iter().map(|item| json(item)).collect(),
        Content::Mapping(entries) => {
            let entries = entries.iter().map(|(key, node)| (key.text.clone(), json(node)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
    }
}

fn plain(text: &str, quoted: bool) -> Value {
    let number = text.parse::<i64>().map(Number::from).ok();
    let number = number.or_else(|| text.parse().ok().and_then(Number::from_f64));
    match (text, number) {
        _ if quoted => Value::from(text),
        ("true" | "false", _) => Value::from(text == "true"),
        (_, Some(number)) => Value::Number(number),
        _ => Value::from(text),
    }
}

#[test]
fn what_is_right_is_right_to_the_schema() {
    let mut texts = [EVERYTHING, PROGRESSION, SMALL].map(str::to_owned).to_vec();
    for entry in fs::read_dir(root().join("plans")).unwrap() {
        texts.push(fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(texts.len() >= 8, "the five plans are there");
    for metric in ["ratio(weight_fallbacks, weight_loads)", r#"promql("rate(errors{job=\"a, b\"}[5m]) > 0")"#]
    {
        let condition = format!("when: '{metric} > 5% for 10m'");
        texts.push(EVERYTHING.replace("when: error_rate > 5% for 10m", &condition));
    }
    let schema = schema();
    for text in texts {
        read(&text).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"));
        let document = json(&parse(&text).unwrap());
        let faults: Vec<String> = schema
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}\n{text}");
    }
}

#[test]
fn most_of_what_is_wrong_is_wrong_to_the_schema() {
    let schema = schema();
    let documents = bad::cases().into_iter().filter_map(|(text, _)| {
        let root = parse(&text).ok()?;
        Some((json(&root), text))
    });
    let (refused, accepted): (Vec<_>, Vec<_>) =
        documents.partition(|(document, _)| !schema.is_valid(document));
    let accepted: Vec<String> = accepted.into_iter().map(|(_, text)| text).collect();
    assert!(refused.len() >= REFUSED_MIN, "only {} are refused; accepted are {accepted:#?}", refused.len());
}

#[test]
fn the_schema_knows_the_fields_that_the_reader_knows() {
    let text = fs::read_to_string(root().join("docs/plan.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let fields = |pointer: &str| {
        let fields = schema.pointer(pointer).unwrap().as_object().unwrap();
        let mut fields: Vec<String> = fields.keys().cloned().collect();
        fields.sort();
        fields
    };
    // An unknown field is answered with the known ones.
    let known = |text: &str| {
        let faults = read(text).unwrap_err();
        let allowed = faults.iter().find(|fault| fault.reason == "UNKNOWN_FIELD").unwrap().allowed.clone();
        let mut known: Vec<String> =
            allowed.rsplit(": ").next().unwrap().split(", ").map(str::to_owned).collect();
        known.sort();
        known
    };
    for (pointer, text) in [
        ("/properties", "'?': 1"),
        ("/properties/on_complete/properties", "on_complete: { '?': 1 }"),
        ("/$defs/stage/properties", "stages: [{ '?': 1 }]"),
        ("/$defs/stage/properties/canary/properties", "stages: [{ canary: { '?': 1 } }]"),
        ("/$defs/gate/properties", "stages: [{ gate: { '?': 1 } }]"),
        ("/$defs/guard/properties", "guards: [{ '?': 1 }]"),
        ("/$defs/progression/properties", "progression: { '?': 1 }"),
    ] {
        assert_eq!(fields(pointer), known(&format!("plan: p\n{text}")), "{pointer}");
    }
}
