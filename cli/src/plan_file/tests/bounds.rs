//! Files that are too much of something.

use super::faults;
use crate::plan_file::limits::{DEPTH_MAX, FAULTS_MAX, FILE_BYTES_MAX};

#[track_caller]
fn check(text: &str, allowed: &str) {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].4.starts_with(allowed), "{faults:?}");
    assert_eq!(faults[0].5, "TOO_LARGE");
}

#[test]
fn aliases_of_aliases_are_counted() {
    let mut text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = level - 1;
        text.push_str(&format!("b{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
    }
    check(&text, "at most 50000 values");
}

#[test]
fn levels_are_counted_through_aliases() {
    let mut text = "a: &a0 [x]\n".to_owned();
    for level in 1..=DEPTH_MAX {
        text.push_str(&format!("b{level}: &a{level} [*a{}]\n", level - 1));
    }
    check(&text, "at most 32 levels");
    check(&format!("a: {}x{}", "[".repeat(60), "]".repeat(60)), "at most 32 levels");
}

#[test]
fn brackets_without_end_are_no_yaml_and_no_stack_overflow() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert_eq!(faults(&text)[0].5, "INVALID_YAML");
    }
}

#[test]
fn a_file_has_an_end() {
    check(&format!("plan: p\n# {}", "x".repeat(FILE_BYTES_MAX)), "a file of at most");
}

#[test]
fn not_more_faults_are_said_than_somebody_reads() {
    let fields: String = (0..FAULTS_MAX * 2).map(|number| format!("x{number}: 1\n")).collect();
    assert_eq!(faults(&fields).len(), FAULTS_MAX);
}

#[test]
fn no_text_is_beyond_the_reader() {
    // Every beginning of a file that has everything, and every file without one of its lines: an answer, never a panic.
    let text = super::EVERYTHING;
    for (end, _) in text.char_indices() {
        let _answer = crate::plan_file::read(&text[..end]);
    }
    let lines: Vec<&str> = text.lines().collect();
    for left_out in 0..lines.len() {
        let rest: Vec<&str> =
            lines.iter().enumerate().filter(|(line, _)| *line != left_out).map(|(_, line)| *line).collect();
        let _answer = crate::plan_file::read(&rest.join("\n"));
    }
}
