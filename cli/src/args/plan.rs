//! Rollout plans on the server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::plan_file::{PlanSimulateArgs, PlanValidateArgs};
use crate::args::rollback::WayBackArgs;
use crate::args::write::WriteArgs;

/// `plan`.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Check plan files, without a server: each fault with its line, its column and what is allowed
    Validate(PlanValidateArgs),
    /// Run a plan file in simulated time, without a server: what happens when, and where it waits
    Simulate(PlanSimulateArgs),
    /// Create a plan from a file, or replace one that is not under way
    Apply(PlanApplyArgs),
    /// Show all plans
    List,
    /// Show how far a plan is, who is waited for and what is next; without a name every plan that is not over
    Status(PlanStatusArgs),
    /// Start a plan: its first stage begins
    Start(PlanArgs),
    /// Say go: as far as you are concerned the stage may be left; on the way down, that health has returned
    Go(PlanArgs),
    /// Say no-go: the stage is not left before somebody says go
    NoGo(PlanArgs),
    /// Approve that the stage is left; each person counts once
    Approve(PlanArgs),
    /// Tick points of the stage's checklist off, or show it
    Check(PlanCheckArgs),
    /// Report the value of a metric that no service measures
    #[command(visible_alias = "metric")]
    ReportValue(PlanReportValueArgs),
    /// Let a plan stay where it is
    Pause(PlanArgs),
    /// Let a plan go on: after a pause where it was, after a rollback from the beginning of its stage
    Resume(PlanArgs),
    /// Take the flags of a plan back; nothing raises them until the cause is acknowledged
    Rollback(PlanRollbackArgs),
    /// Say what the cause of a rollback was (--reason), so that the plan may be resumed
    Acknowledge(PlanArgs),
    /// Give a plan up; its flags stay as they are
    Cancel(PlanArgs),
    /// Remove a plan that is not under way; its flags stay as they are
    Delete(PlanArgs),
    /// Write the report of a day, in Markdown
    Report(PlanReportArgs),
    /// Follow a plan and print each transition, until it is over; exit code 6 when it was given up
    Watch(PlanWatchArgs),
}

/// `plan apply`.
#[derive(Debug, Args)]
pub(crate) struct PlanApplyArgs {
    /// The plan in YAML; `-` for the standard input
    pub(crate) file: PathBuf,

    /// Start it in the same revision
    #[arg(long)]
    pub(crate) start: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `plan status`.
#[derive(Debug, Args)]
pub(crate) struct PlanStatusArgs {
    /// The plan's key
    pub(crate) plan: Option<String>,
}

/// What is done to a plan in a word.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The plan's key
    pub(crate) plan: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `plan check`.
#[derive(Debug, Args)]
pub(crate) struct PlanCheckArgs {
    /// The plan's key
    pub(crate) plan: String,

    /// Points of the checklist, in words or by number; without any the checklist is shown
    #[arg(value_name = "ITEM")]
    pub(crate) items: Vec<String>,

    /// Open them again
    #[arg(long, requires = "items")]
    pub(crate) undo: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `plan report-value`.
#[derive(Debug, Args)]
pub(crate) struct PlanReportValueArgs {
    /// The plan's key
    pub(crate) plan: String,

    /// As a check of the stage or a guard names it, such as error_rate or "latency.p99 of dreams"
    pub(crate) metric: String,

    /// With its unit: 1.2%, 850ms or 4.3
    pub(crate) value: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `plan rollback`.
#[derive(Debug, Args)]
pub(crate) struct PlanRollbackArgs {
    /// The plan's key
    pub(crate) plan: String,

    #[command(flatten)]
    pub(crate) way: WayBackArgs,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `plan report`.
#[derive(Debug, Args)]
pub(crate) struct PlanReportArgs {
    /// The plan's key
    pub(crate) plan: String,

    /// The day of the plan, as the plan counts [default: today]
    #[arg(long, value_name = "N")]
    pub(crate) day: Option<u32>,
}

/// `plan watch`.
#[derive(Debug, Args)]
pub(crate) struct PlanWatchArgs {
    /// The plan's key
    pub(crate) plan: String,
}
