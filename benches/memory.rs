//! How much memory a process holds, as Linux counts it.

use std::fs;

use anyhow::{Context as _, Result};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// Now, in KiB.
    pub now_kib: f64,
    /// At most so far, in KiB.
    pub peak_kib: f64,
}

/// Reads `/proc/PID/status`; `self` is this process.
///
/// # Errors
/// When there is no such process, or this is no Linux.
pub fn resident(pid: &str) -> Result<Resident> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("{path} has no {name}"))?;
        let number = line.trim().trim_end_matches("kB").trim();
        number.parse().with_context(|| format!("{name} {line}"))
    };
    Ok(Resident { now_kib: field("VmRSS:")?, peak_kib: field("VmHWM:")? })
}
