//! `usage` and `metrics`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::duration_text::parse_duration;

/// How finely time is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Minutes, of the last day at most
    Minute,
    /// Hours, of the last 14 days at most
    Hour,
    /// Days in UTC, of the last 14 days at most
    Day,
}

/// `usage`.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// The flag; all of them unless one is named
    #[arg(value_name = "FLAG")]
    pub(crate) flag: Option<String>,
    /// Divide the time
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// One service alone
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Tell services apart
    #[arg(long)]
    pub(crate) services: bool,
    /// Tell variants apart
    #[arg(long)]
    pub(crate) variants: bool,
    /// How far back, such as 3d; 1h by minutes and 1d otherwise, unless said
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) since: Option<Duration>,
}

/// `metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// The flag
    #[arg(value_name = "FLAG")]
    pub(crate) flag: String,
    /// Draw each metric over time, with the limits that guards set to it
    #[arg(long)]
    pub(crate) chart: bool,
    /// One service alone
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Minutes, hours or days
    #[arg(long, value_enum, default_value = "minute")]
    pub(crate) by: By,
    /// How far back, such as 3h; 1h by minutes and 1d otherwise, unless said
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) since: Option<Duration>,
}
