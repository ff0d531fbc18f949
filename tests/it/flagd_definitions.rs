//! flagd's own definitions (`tests/vectors/flagd/`): imported by the command line, and evaluated by core, over OFREP and over
//! flagd's protocol as flagd documents it.

use std::path::{Path, PathBuf};

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::of_snapshot::compiled;
use mycelia_flags_core::compiled::{Around, CompiledSet, Now, Slot};
use mycelia_flags_core::evaluation::{ErrorCode, ResolutionReason};
use mycelia_flags_core::flagd::{Import, import};
use mycelia_flags_core::json;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_proto::convert;
use serde_json::{Value, json};

use crate::binary::{Process, tool};
use crate::command_line::run;
use crate::http_commands::curl;
use crate::same_people::world::{Person, folded};

const FILES: [&str; 4] = ["operators", "split", "shared", "states"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/flagd")
}

/// One line of the table.
#[derive(Debug)]
struct Case {
    file: String,
    flag: String,
    context: Value,
    /// Empty when there is no value.
    variant: String,
    /// flagd's reason, or an error code of OpenFeature.
    reason: String,
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let of = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, flag, context, variant, reason] = fields[..] else { panic!("five fields: {line}") };
        Case {
            file: file.to_owned(),
            flag: flag.to_owned(),
            context: serde_json::from_str(context).unwrap(),
            variant: variant.to_owned(),
            reason: reason.to_owned(),
        }
    };
    let cases: Vec<Case> = table.lines().skip(1).map(of).collect();
    assert!(cases.len() > 150, "the whole table: {}", cases.len());
    cases
}

/// What core makes of a document, without a server.
fn by_core(file: &str) -> CompiledSet {
    let text = std::fs::read_to_string(folder().join(file).with_extension("json")).unwrap();
    let Import { changes, .. } =
        import(&json::parse(&text).unwrap(), "production", &folded(Generation::V3, vec![]));
    compiled(&folded(Generation::V3, changes), &EnvironmentKey::new("production"), None)
}

/// flagd has one word for both.
const fn word(reason: ResolutionReason) -> &'static str {
    match reason {
        ResolutionReason::Disabled => "STATIC",
        ResolutionReason::Split => "TARGETING_MATCH",
        other => other.as_str(),
    }
}

#[test]
fn core_decides_them_as_flagd_documents() {
    for file in FILES {
        let set = by_core(file);
        let around = Around::new(&set, "", Now::At(1_800_000_000));
        for case in cases().iter().filter(|case| case.file == file) {
            let found = match set.get(&case.flag).map(|slot| &**slot) {
                None => (String::new(), "FLAG_NOT_FOUND"),
                Some(Slot::Broken { .. }) => (String::new(), "PARSE_ERROR"),
                Some(Slot::Flag(flag)) => {
                    let person = Person { context: case.context.clone() };
                    let context = convert::context_from_wire("context", &person.wire()).unwrap();
                    let resolution = flag.evaluate(around, &context);
                    match resolution.error {
                        None | Some(ErrorCode::TargetingKeyMissing) => {
                            (resolution.variant.name.to_string(), word(resolution.reason))
                        }
                        Some(code) => (String::new(), code.as_str()),
                    }
                }
            };
            assert_eq!(found, (case.variant.clone(), case.reason.as_str()), "{case:?}");
        }
    }
}

/// What the import says of the flags that it leaves out, or does not take as they were.
const NAMED: [(&str, &str, &str); 4] = [
    ("shared", "by-none", "there is no evaluator nobody"),
    ("states", "disabled", "here it serves its off variant off"),
    ("states", "null-default", "name a defaultVariant"),
    ("states", "no-default", "name a defaultVariant"),
];

#[tokio::test(flavor = "multi_thread")]
async fn they_are_imported_and_evaluated_over_ofrep_and_flagds_protocol() {
    let Some(_curl) = tool("curl") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Process::serve(dir.path());
    for file in FILES {
        let path = folder().join(file).with_extension("json");
        let output = run(&server.url, &["import", path.to_str().unwrap()]);
        let left_out = NAMED.iter().any(|(of, flag, _)| *of == file && *flag != "disabled");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(if left_out { 6 } else { 0 }), "{file}: {said}");
        let report = String::from_utf8_lossy(&output.stdout);
        for (_, flag, why) in NAMED.iter().filter(|(of, ..)| *of == file) {
            assert!(report.contains(flag) && report.contains(why), "{flag}: {report}");
        }
    }
    for case in cases() {
        let body = json!({ "context": case.context }).to_string();
        let path = format!("/ofrep/v1/evaluate/flags/{}", case.flag);
        let ofrep = curl(&server.url, &path, &["-d", &body]);
        match case.reason.as_str() {
            "FLAG_NOT_FOUND" => {
                assert_eq!((ofrep.status, &ofrep.body["errorCode"]), (404, &case.reason.as_str().into()))
            }
            // The default variant stands in.
            "GENERAL" => assert_eq!(ofrep.status, 200, "{case:?}: {}", ofrep.body),
            _ => assert_eq!(ofrep.body["variant"], case.variant.as_str(), "{case:?}: {}", ofrep.body),
        }
        check_flagd(&server.url, &case, &ofrep.body["value"]);
    }
    assert!(server.terminate().success());
}

/// By the method of the value's type: a flag that is not there is asked for as anything.
#[track_caller]
fn check_flagd(url: &str, case: &Case, value: &Value) {
    let method = match value {
        Value::Bool(_) => "ResolveBoolean",
        Value::Number(_) => "ResolveFloat",
        Value::Object(_) => "ResolveObject",
        _ => "ResolveString",
    };
    let body = json!({ "flagKey": case.flag, "context": case.context }).to_string();
    let arguments = ["-H", "Content-Type: application/json", "-d", &body];
    let flagd = curl(url, &format!("/flagd.evaluation.v2.Service/{method}"), &arguments);
    let code = |code: &str| assert_eq!(flagd.body["code"], code, "{case:?}: {}", flagd.body);
    match case.reason.as_str() {
        "FLAG_NOT_FOUND" => code("not_found"),
        "GENERAL" => code("unknown"),
        reason => {
            let found = (&flagd.body["variant"], &flagd.body["reason"]);
            assert_eq!(found, (&case.variant.as_str().into(), &reason.into()), "{case:?}: {}", flagd.body);
            if let (Some(value), Some(found)) = (value.as_f64(), flagd.body["value"].as_f64()) {
                assert!((value - found).abs() < f64::EPSILON, "{case:?}: {}", flagd.body);
            }
        }
    }
}
