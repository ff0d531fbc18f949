//! What environments allow, and changes that wait for approval.

use clap::{Args, Subcommand, ValueEnum};
use mycelia_flags_proto::v1;
use prost_types::Timestamp;

use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;
use crate::freeze_text::parse_freeze;
use crate::percent::Percent;
use crate::view::moment;

/// `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show what the environments allow; with --env only one
    Show,
    /// Replace the policy of an environment: what is not said is not demanded
    Set(Box<PolicySetArgs>),
    /// Remove the policy of an environment
    Clear(PolicyClearArgs),
}

/// What happens to a person's change to a flag that a rollout plan drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriftArg {
    /// It is made, and the plan sees it
    Accept,
    /// It is refused
    Refuse,
}

/// `policy set`.
#[derive(Debug, Args)]
pub(crate) struct PolicySetArgs {
    /// Whatever writes anything of the environment says why
    #[arg(long)]
    pub(crate) reason_required: bool,

    /// By how many percentage points one change may raise a boolean flag at most
    #[arg(long, value_name = "PERCENT")]
    pub(crate) largest_step: Option<Percent>,

    /// How long two raises of one flag lie apart at least, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) smallest_interval: Option<std::time::Duration>,

    /// How many people other than its author must approve a change
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) approvals: u32,

    /// A flag that needs an approval even where others do not, and is neither archived nor deleted; may be repeated
    #[arg(long = "protect", value_name = "FLAG")]
    pub(crate) protected: Vec<String>,

    /// When only what makes things safer is allowed, every week: `fri 16:00-mon 08:00 +01:00 weekend`; may be repeated
    #[arg(long = "freeze", value_name = "WHEN NAME", value_parser = parse_freeze)]
    pub(crate) freezes: Vec<v1::FreezeWindow>,

    /// The same once: from this date or moment on
    #[arg(long, value_name = "DATE", value_parser = moment::parse, requires = "freeze_to")]
    pub(crate) freeze_from: Option<Timestamp>,

    /// Until this date or moment
    #[arg(long, value_name = "DATE", value_parser = moment::parse, requires = "freeze_from")]
    pub(crate) freeze_to: Option<Timestamp>,

    /// What that is for
    #[arg(long, value_name = "NAME", default_value = "freeze", requires = "freeze_from")]
    pub(crate) freeze_name: String,

    /// What happens to a change beside the rollout plan that drives a flag
    #[arg(long, value_enum, default_value_t = DriftArg::Accept)]
    pub(crate) drift: DriftArg,

    /// A promotion may be forced, whatever its rules say
    #[arg(long)]
    pub(crate) break_glass: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `policy clear`.
#[derive(Debug, Args)]
pub(crate) struct PolicyClearArgs {
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `request`.
#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// Show the changes that wait for approval
    List(RequestListArgs),
    /// Show one request: who asks for what, why, and who has approved it
    Show(RequestShowArgs),
    /// Approve a request; with the last approval that it needs its changes are made
    Approve(RequestArgs),
    /// Say no to a request
    Reject(RequestArgs),
    /// Take your own request back
    Withdraw(RequestArgs),
}

/// `request list`.
#[derive(Debug, Args)]
pub(crate) struct RequestListArgs {
    /// Also those that were applied, rejected or withdrawn
    #[arg(long)]
    pub(crate) all: bool,
}

/// `request show`.
#[derive(Debug, Args)]
pub(crate) struct RequestShowArgs {
    /// The request: the revision in which it was made
    #[arg(value_name = "REQUEST")]
    pub(crate) number: u64,
}

/// `request approve`, `reject` and `withdraw`.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The request: the revision in which it was made
    #[arg(value_name = "REQUEST")]
    pub(crate) number: u64,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
