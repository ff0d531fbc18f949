//! Holds the house: who may know whom, how files look, and that documents say what the code says.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a rule that does not hold panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mycelia_flags_core::rejection::Reason;
use mycelia_flags_server::edge::status::word;

/// Lines of a file before it wants to be two.
const LINES_MAX: usize = 450;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    let folders = ["core", "proto", "server", "client-sdk", "cli", "examples", "benches", "tests"];
    folders.iter().flat_map(|folder| files(folder, ".rs")).collect()
}

/// The code of a file: without comments, and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "simulation.rs")))
}

/// No file below `folder` mentions any of the words.
#[track_caller]
fn forbid(folder: &str, words: &[&str]) {
    let mut faults = Vec::new();
    for path in files(folder, ".rs").into_iter().filter(|path| !is_test(path)) {
        let code = code(&path);
        faults.extend(
            words
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(faults.is_empty(), "arrows point down only:\n{}", faults.join("\n"));
}

#[test]
fn core_is_pure() {
    forbid(
        "core/src",
        &[
            "async fn",
            ".await",
            "tokio",
            "prost",
            "tonic",
            "sled",
            "serde",
            "std::fs",
            "std::net",
            "std::io",
            "std::time::",
            "SystemTime",
            "Instant::",
            "fastrand",
            "rand::",
            "std::env",
            "std::thread",
            "println!",
            "mycelia_flags_proto",
            "mycelia_flags_server",
        ],
    );
    let manifest = fs::read_to_string(root().join("core/Cargo.toml")).unwrap();
    let dependencies: Vec<&str> = manifest
        .split("[dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .unwrap()
        .lines()
        .filter_map(|line| line.split('.').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(dependencies, ["datalogic-rs", "foldhash", "imbl", "jiff", "semver", "thiserror"]);
}

#[test]
fn the_wire_knows_only_core() {
    forbid("proto", &["mycelia_flags_server", "mycelia_flags_sdk", "sled", "tokio::"]);
}

#[test]
fn state_knows_nobody_above_it() {
    forbid(
        "server/src/state",
        &[
            "crate::distribution",
            "crate::control",
            "crate::edge",
            "crate::app",
            "tonic",
            "mycelia_flags_proto",
            "axum",
            "hyper",
        ],
    );
}

#[test]
fn control_knows_neither_the_wire_nor_who_listens() {
    forbid(
        "server/src/control",
        &[
            "crate::distribution",
            "crate::edge",
            "crate::app",
            "tonic",
            "mycelia_flags_proto",
            "sled",
            "axum",
            "hyper",
        ],
    );
}

#[test]
fn what_speaks_to_others_knows_nobody_here() {
    forbid(
        "server/src/outbound",
        &[
            "crate::state",
            "crate::distribution",
            "crate::control",
            "crate::edge",
            "crate::app",
            "tonic",
            "mycelia_flags_",
        ],
    );
}

#[test]
fn distribution_knows_neither_the_wire_nor_who_writes() {
    forbid(
        "server/src/distribution",
        &[
            "crate::control",
            "crate::edge",
            "crate::app",
            "tonic",
            "mycelia_flags_proto",
            "sled",
            "axum",
            "hyper",
            ".commit(",
        ],
    );
}

#[test]
fn the_edge_knows_no_engine() {
    forbid("server/src/edge", &["sled", "crate::app", "SledLog", "MemoryLog"]);
}

#[test]
fn sled_is_known_in_one_place() {
    for path in rust_files().into_iter().filter(|path| !is_test(path)) {
        let allowed = path.to_string_lossy().contains("server/src/state");
        assert!(allowed || !code(&path).contains("sled::"), "{} knows sled", path.display());
    }
}

#[test]
fn the_sdk_and_the_cli_stand_beside_the_server() {
    forbid("client-sdk/src", &["mycelia_flags_server", "sled"]);
}

#[test]
fn tasks_are_owned() {
    for path in rust_files().into_iter().filter(|path| !is_test(path)) {
        if path.ends_with("tasks.rs") {
            continue;
        }
        assert!(!code(&path).contains("tokio::spawn("), "{} spawns a task that nobody owns", path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    for path in rust_files() {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{}: {lines} lines want to be two files", path.display());
        assert!(
            is_test(&path) || text.starts_with("//!") || text.starts_with("#![doc"),
            "{} does not say what it is for",
            path.display()
        );
        let name = path.file_name().unwrap().to_str().unwrap();
        let vague =
            ["mod.rs", "util.rs", "utils.rs", "common.rs", "helper.rs", "helpers.rs", "types.rs", "misc.rs"];
        assert!(!vague.contains(&name), "{}: a file is named by what is inside", path.display());
    }
}

#[test]
fn tests_wait_for_conditions_and_never_for_time() {
    for path in files("tests", ".rs") {
        if path.ends_with("patience.rs") || path.ends_with("tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("sleep("), "{} sleeps", path.display());
    }
}

#[test]
fn every_reason_word_has_a_paragraph_and_every_paragraph_a_word() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let documented: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `"))
        .filter_map(|line| line.strip_suffix('`'))
        .collect();
    let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).chain(word::ALL).collect();
    assert_eq!(documented, words);
}

#[test]
fn documents_link_to_files_that_are_there() {
    let mut pages = files("docs", ".md");
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|page| root().join(page)),
    );
    for page in pages {
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{} links to {target}, which is not there", page.display());
        }
    }
}

#[test]
fn architecture_names_files_that_are_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let mut named = 0;
    for path in quoted.filter(|word| word.ends_with(".rs") || word.ends_with(".proto")) {
        named += 1;
        assert!(root().join(path).exists(), "ARCHITECTURE.md names {path}, which is not there");
    }
    assert!(named > 20, "the walks are shown file by file");
}

/// `docs/plans.md` says which line of a plan executes which demand of a document.
#[test]
fn the_lines_of_plans_that_a_document_names_say_what_it_says() {
    let page = fs::read_to_string(root().join("docs/plans.md")).unwrap();
    let mut named = 0;
    for row in page.lines().filter(|line| line.contains("| `plans/")) {
        let cell = row.rsplit("| `plans/").next().unwrap();
        let (place, rest) = cell.split_once("` `").unwrap_or_else(|| panic!("{row}"));
        let text = rest.split('`').next().unwrap();
        let (file, line) = place.split_once(':').unwrap_or_else(|| panic!("{row}"));
        let plan = fs::read_to_string(root().join("plans").join(file)).unwrap();
        let found = plan.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap_or_default();
        assert!(found.contains(text), "{file}:{line} says {found:?}, not {text:?}");
        named += 1;
    }
    assert!(named > 100, "{named} lines of plans are named");
}
