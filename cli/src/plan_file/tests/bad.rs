//! Every fault is at its line and column, and says what is allowed.

use crate::plan_file::read;

/// The cases of `samples/bad.txt`: a text, and what is said of it.
pub(super) fn cases() -> Vec<(String, Vec<&'static str>)> {
    let mut cases = Vec::new();
    for block in include_str!("../samples/bad.txt").split("\n\n") {
        let lines = |mark: &'static str| block.lines().filter_map(move |line| line.strip_prefix(mark));
        let text: Vec<&str> = lines("|").map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        let faults: Vec<&str> = lines(">> ").collect();
        if !faults.is_empty() {
            cases.push((text.join("\n"), faults));
        }
    }
    cases
}

#[test]
fn each_fault_is_said_at_its_place_with_what_is_allowed() {
    let cases = cases();
    assert!(cases.len() >= 100, "only {} cases were read", cases.len());
    for (text, expected) in cases {
        let faults = read(&text).expect_err(&text);
        let said: Vec<String> = faults
            .iter()
            .map(|fault| format!("{}:{}: {fault} [{}]", fault.mark.line, fault.mark.column, fault.reason))
            .collect();
        assert_eq!(said, expected, "\n{text}\n");
    }
}
