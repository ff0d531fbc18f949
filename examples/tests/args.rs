//! The command lines of the services. That this test exists also makes `cargo test` build the binaries, which the
//! end-to-end story of the three services runs.

use std::process::Command;

const BINARIES: [&str; 4] = [
    env!("CARGO_BIN_EXE_ui"),
    env!("CARGO_BIN_EXE_runner"),
    env!("CARGO_BIN_EXE_agent"),
    env!("CARGO_BIN_EXE_tour"),
];

#[test]
fn every_binary_explains_itself() {
    for binary in BINARIES {
        let output = Command::new(binary).arg("--help").output().unwrap();
        assert!(output.status.success(), "{binary}: {}", output.status);
        assert!(String::from_utf8(output.stdout).unwrap().contains("Usage:"), "{binary}");
    }
}

#[test]
fn a_service_that_cannot_work_says_why_and_ends() {
    for binary in &BINARIES[..3] {
        let output = Command::new(binary).args(["--server", "nowhere"]).output().unwrap();
        assert!(!output.status.success(), "{binary}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("cannot follow the flags") && error.contains("nowhere"), "{error}");
    }
}
