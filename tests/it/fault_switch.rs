//! `examples/fault`: three services as processes of their own, one of which is broken by its switch. What it prints is held
//! against what the log says afterwards.

use std::process::Command;

use mycelia_flags_core::revision::Timestamp;
use serde_json::Value;

use crate::binary::{self, Process};
use crate::command_line::json;

const FLAG: &str = "elevenlabs_agent";

/// How long the way back may take, once the window is crossed.
const PROMISED_MICROS: u64 = 2_000_000;

/// How often a guard looks: the window was crossed at most so long before it was seen.
const GUARD_PACE_MICROS: u64 = 250_000;

/// The moment in the row of the table that begins so.
#[track_caller]
fn moment(printed: &str, row: &str) -> Timestamp {
    let found = printed.lines().find_map(|line| line.trim_start().strip_prefix(row));
    let found = found.unwrap_or_else(|| panic!("no row {row:?}: {printed}"));
    parse(found.split_whitespace().next().unwrap())
}

#[track_caller]
fn parse(text: &str) -> Timestamp {
    let at: prost_types::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp::from_unix_micros(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
}

#[track_caller]
fn logged(value: &Value) -> Timestamp {
    parse(value.as_str().unwrap_or_else(|| panic!("no moment: {value}")))
}

#[test]
fn a_broken_runner_takes_all_three_services_back_and_the_printed_times_are_those_of_the_log() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("store");
    let tour = binary::path().with_file_name("tour");
    assert!(tour.exists(), "{} is missing: run plain `cargo test`", tour.display());
    let output = Command::new(tour).args(["fault", "--data-dir"]).arg(&store).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}\n{printed}", output.status);
    println!("{printed}");

    // What each of the three answers when the guard has acted.
    let (before, after) = printed.split_once("4. The guard has acted").unwrap();
    assert!(before.contains("touch") && before.contains("runner.broken"), "{printed}");
    for (service, status, words) in [
        ("ui ", "200", "no trace of the panel"),
        ("runner ", "409", "agent jobs are not taken"),
        ("agent ", "503", "the agent is not available"),
    ] {
        let said = after.lines().find(|line| line.trim_start().starts_with(service));
        let said = said.unwrap_or_else(|| panic!("{service} says nothing: {printed}"));
        assert!(said.contains(status) && said.contains(words), "{said}");
    }

    // What the log says, asked of a server that has nothing but the log.
    let server = Process::serve(&store);
    let status = json(&server.url, &["guard", "status", "errors"]);
    let guard = &status["guards"][0];
    assert_eq!((&guard["state"], &guard["trips"]), (&"latched".into(), &1.into()), "{status:#}");
    let trip = &guard["trip"];
    assert_eq!(trip["taken"][0]["flag"], FLAG);
    let instances = trip["instances"].as_array().unwrap();
    assert_eq!(instances[0]["service"], "runner", "the worst comes first: {trip:#}");
    assert!(instances[1..].iter().all(|instance| instance["value"] == 0.0), "only runner fails: {trip:#}");
    assert!(trip["value"].as_f64().unwrap() > 10.0 && trip["samples"].as_u64().unwrap() >= 50, "{trip:#}");

    let fault = moment(&printed, "fault ");
    let crossed = moment(&printed, "window crossed ");
    let decided = moment(&printed, "decision ");
    let acknowledged = moment(&printed, "last acknowledgement ");
    assert_eq!((crossed, decided), (logged(&trip["until"]), logged(&trip["at"])), "{trip:#}");
    assert!(fault < crossed && crossed <= decided && decided < acknowledged, "{printed}");
    let back = acknowledged.micros_since(crossed) + GUARD_PACE_MICROS;
    assert!(back < PROMISED_MICROS, "{back} µs from the window crossed to off everywhere: {printed}");
    assert!(printed.contains("one of 3"), "all three have acknowledged: {printed}");
    assert!(server.terminate().success());
}
