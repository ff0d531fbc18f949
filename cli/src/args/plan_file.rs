//! Plan files without a server.

use std::path::PathBuf;

use clap::Args;
use mycelia_flags_core::plan::duration_text;
use mycelia_flags_core::revision::Timestamp;

use crate::plan_file;

/// `plan validate`.
#[derive(Debug, Args)]
pub(crate) struct PlanValidateArgs {
    /// Plan files; `-` is the standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// `plan simulate`.
#[derive(Debug, Args)]
pub(crate) struct PlanSimulateArgs {
    /// The plan file; `-` is the standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Metrics as CSV: `at,metric,value`, where `at` is a time since the start (2d3h) or a date and time; `latency.p95
    /// versus control` gives a difference in percent, and a baseline that no row gives is what was before the stage
    #[arg(long, value_name = "CSV")]
    pub(crate) metrics: Option<PathBuf>,
    /// When the plan starts [default: its own date, else now]
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub(crate) start: Option<Timestamp>,
    /// How long people take to do what a gate waits for, or `never`
    #[arg(long, value_name = "LENGTH", default_value = "2h", value_parser = parse_patience)]
    pub(crate) people: Patience,
    /// How long it takes until somebody acknowledges a rollback or a pause and resumes the plan, or `never`
    #[arg(long, value_name = "LENGTH", default_value = "1d", value_parser = parse_patience)]
    pub(crate) resume_after: Patience,
    /// Take metrics that the trace does not hold for healthy; otherwise nobody knows them, and a gate waits
    #[arg(long)]
    pub(crate) healthy: bool,
    /// Write a chart to this file
    #[arg(long, value_name = "SVG")]
    pub(crate) svg: Option<PathBuf>,
}

/// How long people take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// So many seconds.
    Seconds(u64),
    /// They never do it.
    Never,
}

impl Patience {
    /// The seconds; none is never.
    pub(crate) const fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Never => None,
        }
    }
}

fn parse_patience(text: &str) -> Result<Patience, String> {
    match text {
        "never" => Ok(Patience::Never),
        _ => duration_text::parse(text)
            .map(Patience::Seconds)
            .ok_or_else(|| format!("expected never, or {}", duration_text::GRAMMAR)),
    }
}

fn parse_moment(text: &str) -> Result<Timestamp, String> {
    plan_file::moment(text).ok_or_else(|| format!("expected {}", plan_file::MOMENT_GRAMMAR))
}
