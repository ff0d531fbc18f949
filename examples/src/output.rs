//! The only file that writes to the standard output.

use std::io::{self, Write as _};

/// Writes a line, at once. That nobody reads it (a closed pipe) is no reason for a service to end.
pub fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    let _nobody_reads = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
