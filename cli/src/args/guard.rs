//! Guards: what takes flags back when services report that something is wrong.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use mycelia_flags_core::plan::GuardAction;
use mycelia_flags_core::plan::metric_check::MetricCheck;

use crate::args::promotion::SeverityArg;
use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;
use crate::plan_file;

/// `guard`.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Create a guard, or replace what it says
    Set(Box<GuardSetArgs>),
    /// Show all guards
    List(GuardListArgs),
    /// Show what came of a guard, with its evidence; without a name of every guard that holds something down or alerts
    Status(GuardStatusArgs),
    /// Say what the cause was of what a guard did: its flags may be raised again
    Ack(GuardAckArgs),
    /// Remove a guard
    Delete(GuardDeleteArgs),
    /// Say when guards would have acted, by metrics in a file: those of a plan file, or one on the server
    Test(GuardTestArgs),
    /// Say when a guard would have acted, by what services have reported, with the false alarms counted
    Replay(GuardReplayArgs),
}

/// `guard set`.
#[derive(Debug, Args)]
pub(crate) struct GuardSetArgs {
    /// The guard's key
    pub(crate) guard: String,

    /// A flag that it watches over and takes back; may be repeated
    #[arg(
        long = "flag",
        value_name = "FLAG",
        required_unless_present = "feature",
        conflicts_with = "feature"
    )]
    pub(crate) flags: Vec<String>,

    /// The feature that it watches over and takes back, with the flags that it has then
    #[arg(long, value_name = "FEATURE")]
    pub(crate) feature: Option<String>,

    /// The condition, such as "error_rate > 10% over 300s" or "latency.p95 > 5s for 10m"
    #[arg(long, value_name = "CONDITION", value_parser = parse_condition)]
    pub(crate) when: MetricCheck,

    /// What happens then: alert, pause, rollback, rollback to 0%, "rollback gradually 50% 25% 0% every 10m",
    /// "rollback segments [B, C]", or canary off
    #[arg(long = "do", value_name = "ACTION", value_parser = parse_action)]
    pub(crate) action: GuardAction,

    /// How bad it is when the condition is true
    #[arg(long, value_enum, default_value_t = SeverityArg::Critical)]
    pub(crate) severity: SeverityArg,

    /// How long after a trip it is said whether it helped
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration)]
    pub(crate) recovery_after: Duration,

    /// What the guard is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// A notification target that is to hear of it; may be repeated
    #[arg(long = "notify", value_name = "NAME")]
    pub(crate) notify: Vec<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `guard list`.
#[derive(Debug, Args)]
pub(crate) struct GuardListArgs {
    /// Only those that watch over this flag
    #[arg(long, value_name = "FLAG")]
    pub(crate) flag: Option<String>,
}

/// `guard status`.
#[derive(Debug, Args)]
pub(crate) struct GuardStatusArgs {
    /// The guard's key
    pub(crate) guard: Option<String>,
}

/// `guard ack`.
#[derive(Debug, Args)]
pub(crate) struct GuardAckArgs {
    /// The guard's key
    #[arg(required_unless_present = "flag", conflicts_with = "flag")]
    pub(crate) guard: Option<String>,

    /// Every guard that holds this flag down
    #[arg(long, value_name = "FLAG")]
    pub(crate) flag: Option<String>,

    /// The cause, in words; kept in the history
    #[arg(long, value_name = "TEXT", conflicts_with = "reason")]
    pub(crate) cause: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `guard delete`.
#[derive(Debug, Args)]
pub(crate) struct GuardDeleteArgs {
    /// The guard's key
    pub(crate) guard: String,

    /// Even if it holds flags down: they may be raised again then; say why with --reason
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `guard test`.
#[derive(Debug, Args)]
pub(crate) struct GuardTestArgs {
    /// A plan file, of which all guards are tested (`-` is the standard input), or the key of a guard on the server
    #[arg(value_name = "FILE|GUARD")]
    pub(crate) what: String,

    /// Metrics as CSV: `at,metric,value`, where `at` is a time since the beginning (2d3h) or a date and time
    #[arg(long, value_name = "CSV")]
    pub(crate) metrics: PathBuf,
}

/// `guard replay`.
#[derive(Debug, Args)]
pub(crate) struct GuardReplayArgs {
    /// The guard's key; left out, one that is not there yet is tried out
    #[arg(required_unless_present_any = ["flags", "feature"], conflicts_with_all = ["flags", "feature"])]
    pub(crate) guard: Option<String>,

    /// A flag that the guard would watch over; may be repeated
    #[arg(long = "flag", value_name = "FLAG", conflicts_with = "feature", requires = "when")]
    pub(crate) flags: Vec<String>,

    /// The feature that the guard would watch over
    #[arg(long, value_name = "FEATURE", requires = "when")]
    pub(crate) feature: Option<String>,

    /// Another condition than the guard's own
    #[arg(long, value_name = "CONDITION", value_parser = parse_condition)]
    pub(crate) when: Option<MetricCheck>,

    /// How far back; what is not kept any more is not answered
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    pub(crate) since: Duration,

    /// How long after a firing somebody may still have done something about it
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) within: Duration,
}

fn parse_condition(text: &str) -> Result<MetricCheck, String> {
    MetricCheck::parse(text).map_err(|error| error.to_string())
}

fn parse_action(text: &str) -> Result<GuardAction, String> {
    plan_file::guard_action(text)
}
