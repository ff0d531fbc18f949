//! Incidents, promotions between environments, and rollback drills.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;

/// `incident`.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Say that something went wrong with flags in an environment
    Open(IncidentOpenArgs),
    /// Say that it is over
    Close(IncidentCloseArgs),
    /// Show what is open
    List(IncidentListArgs),
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    /// People are hurt by it: soaks begin anew, promotions and gates wait
    Critical,
    /// Something is not as it should be
    Warning,
    /// Worth knowing
    Info,
}

/// `incident open`.
#[derive(Debug, Args)]
pub(crate) struct IncidentOpenArgs {
    /// The keys of the flags, and at last what went wrong, in quotes
    #[arg(required = true, value_name = "FLAG… WHAT")]
    pub(crate) flags_and_what: Vec<String>,

    /// How bad it is
    #[arg(long, value_enum, default_value_t = SeverityArg::Critical)]
    pub(crate) severity: SeverityArg,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `incident close`.
#[derive(Debug, Args)]
pub(crate) struct IncidentCloseArgs {
    /// A flag's key, for all open incidents of the flag in the environment; or an incident's number
    #[arg(value_name = "FLAG|NUMBER")]
    pub(crate) incident: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `incident list`.
#[derive(Debug, Args)]
pub(crate) struct IncidentListArgs {
    /// Those that are closed as well
    #[arg(long)]
    pub(crate) all: bool,
}

/// `promotion`.
#[derive(Debug, Subcommand)]
pub(crate) enum PromotionCommand {
    /// Show and change what an environment asks for before it takes a flag over
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Show whether flags may be promoted, and why not yet
    Status(PromotionStatusArgs),
    /// Approve what the source serves of a flag
    Approve(ApproveArgs),
    /// Tick off a point of the checklist
    Check(CheckArgs),
}

/// `promotion rules`.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Show the rules of all environments
    Show,
    /// Set the rules of the environment that `--env` names; they replace those that are there
    Set(RulesSetArgs),
    /// Clear the rules of the environment that `--env` names
    Clear(RulesClearArgs),
}

/// `promotion rules set`.
#[derive(Debug, Args)]
pub(crate) struct RulesSetArgs {
    /// The environment that flags come from
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) from: String,

    /// For how long a flag must have been serving there, such as 48h or 7d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) soak: Option<Duration>,

    /// For how long there must have been no critical incident there
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) incident_free: Option<Duration>,

    /// How many people beside the one who promotes must approve
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) approvals: u32,

    /// A point that somebody ticks off; may be repeated
    #[arg(long = "check", value_name = "TEXT")]
    pub(crate) checks: Vec<String>,

    /// How old the last rollback drill of the flag may be
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) drill_within: Option<Duration>,

    /// Whoever has a reason may promote what is not ready
    #[arg(long)]
    pub(crate) allow_force: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `promotion rules clear`.
#[derive(Debug, Args)]
pub(crate) struct RulesClearArgs {
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `promotion status`.
#[derive(Debug, Args)]
pub(crate) struct PromotionStatusArgs {
    /// The flags' keys
    #[arg(required = true)]
    pub(crate) flags: Vec<String>,

    /// The environment that flags come from [default: the one that the target's rules name]
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) from: Option<String>,

    /// The environment that takes them over
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: String,
}

/// `promotion approve`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The environment that takes it over
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `promotion check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The point as the rules word it, or its number
    pub(crate) item: String,

    /// The environment that takes it over
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The flags' keys; all of them or none
    #[arg(required = true)]
    pub(crate) flags: Vec<String>,

    /// The environment that flags come from [default: the one that the target's rules name]
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) from: Option<String>,

    /// The environment that takes them over
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: String,

    /// Break the glass: promote what is not ready, where the rules allow it
    #[arg(long, requires = "reason")]
    pub(crate) force: bool,

    /// Only show how far they are
    #[arg(long, conflicts_with_all = ["force", "dry_run", "wait"])]
    pub(crate) status: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `drill`.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Take a flag back, measure how long every service takes, and restore what was there
    Rollback(DrillRollbackArgs),
    /// Show the last drill of each flag
    List,
}

/// `drill rollback`.
#[derive(Debug, Args)]
pub(crate) struct DrillRollbackArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// How long to wait for the services
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub(crate) wait_timeout: Duration,

    /// Also when no service is connected that could be measured
    #[arg(long)]
    pub(crate) allow_nobody: bool,

    /// Why, in words; kept in the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}
