//! The real binary on plan files, with no server anywhere: `plan validate` and `plan simulate`.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mycelia-flags"));
    command.args(arguments).current_dir(folder).env_clear().output().unwrap()
}

/// The answer, which is JSON because nobody looks at a terminal.
#[track_caller]
fn answer(output: &Output, code: i32) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn plans() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plans")
}

const BAD: &str = "plan: p\nstages:\n  - name: a\n    set: { dreams: 120% }\n    hold: soon\n";

#[test]
fn the_plans_of_the_repository_are_valid() {
    let files = ["beta_week.yaml", "elevenlabs.yaml", "mycelia.yaml", "playbook.yaml", "whispers.yaml"];
    let answer = answer(&run(&plans(), &[&["plan", "validate"], &files[..]].concat()), 0);
    let valid: Vec<&Value> = answer["files"].as_array().unwrap().iter().map(|file| &file["valid"]).collect();
    assert_eq!(valid, [true; 5]);
    assert_eq!(answer["files"][0]["flags"], 10);
}

#[test]
fn all_faults_of_all_files_are_said_and_the_exit_code_is_that_of_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), BAD).unwrap();
    fs::write(folder.path().join("b.yaml"), "plan: [").unwrap();
    let answer = answer(&run(folder.path(), &["plan", "validate", "a.yaml", "b.yaml"]), 1);
    let errors = answer["errors"].as_array().unwrap().iter();
    let errors: Vec<String> = errors
        .map(|error| {
            let field = |name: &str| error[name].as_str().unwrap().to_owned();
            let (file, name, value, reason) =
                (field("file"), field("field"), field("value"), field("reason"));
            format!("{file}:{}:{} {name} {value} {reason}", error["line"], error["column"])
        })
        .collect();
    assert_eq!(
        errors,
        [
            "a.yaml:4:20 stages[0].set.dreams 120% OUT_OF_RANGE",
            "a.yaml:5:11 stages[0].hold soon INVALID_FORM",
            "b.yaml:1:7   INVALID_YAML",
        ]
    );
    complaint(&run(folder.path(), &["plan", "validate", "nowhere.yaml"]), 2);
    complaint(&run(folder.path(), &["plan", "validate"]), 2);
}

#[test]
fn a_simulation_of_a_wrong_plan_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), BAD).unwrap();
    let stderr = complaint(&run(folder.path(), &["plan", "simulate", "a.yaml"]), 1);
    let expected = "error: a.yaml is not valid, 2 things are wrong; nothing was done\n  \
                    a.yaml:4:20: stages[0].set.dreams: \"120%\": a percentage such as 25%";
    assert!(stderr.starts_with(expected), "{stderr}");
    complaint(&run(folder.path(), &["plan", "simulate", "a.yaml", "--people", "soon"]), 2);
}

#[test]
fn a_trace_with_a_bad_hour_takes_the_whispers_back_and_a_picture_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let trace = "at,metric,value\n0,error_rate,0.5%\n9d,error_rate,8%\n9d1h,error_rate,0.5%\n";
    fs::write(folder.path().join("trace.csv"), trace).unwrap();
    let plan = plans().join("whispers.yaml");
    let arguments = ["plan", "simulate", plan.to_str().unwrap(), "--metrics", "trace.csv", "--healthy"];
    let more =
        ["--start", "2026-12-01T09:00[Europe/Berlin]", "--resume-after", "never", "--svg", "chart.svg"];
    let answer = answer(&run(folder.path(), &[&arguments[..], &more].concat()), 0);
    assert_eq!(answer["started"], "2026-12-01T08:00:00Z");
    assert_eq!(answer["state"], "latched");
    assert_eq!(answer["reason"], "guard: error_rate > 5% for 10m (8%)");
    assert_eq!(answer["ended_after_seconds"], 9 * 86_400 + 600);
    let picture = fs::read_to_string(folder.path().join("chart.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("▼1") && picture.trim_end().ends_with("</svg>"));

    fs::write(folder.path().join("trace.csv"), "at,metric,value\nsoon,error_rate,8%\n").unwrap();
    let stderr = complaint(&run(folder.path(), &arguments), 1);
    assert!(stderr.contains("trace.csv:2: at: \"soon\": a time since the start"), "{stderr}");
}

#[test]
fn without_anybody_who_reports_a_plan_waits_and_says_for_what() {
    let plan = plans().join("mycelia.yaml");
    let start = ["--start", "2026-12-01T08:00:00Z"];
    let answer =
        answer(&run(&plans(), &[&["plan", "simulate", plan.to_str().unwrap()], &start[..]].concat()), 0);
    assert_eq!(answer["state"], "waiting for a gate");
    assert_eq!(answer["waits_for"][0], "error_rate < 1% over 1h: not enough data");
}
