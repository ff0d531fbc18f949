//! `ramp`: a plan for one flag, typed on the command line.

use clap::Args;

use crate::args::write::WriteArgs;
use crate::plan_file::RampStage;

/// `ramp`.
#[derive(Debug, Args)]
pub(crate) struct RampArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// A percentage and how long it stays, such as 10,3d; repeated, in order, the last one without a stay
    #[arg(long = "stage", value_name = "PERCENT[,STAY]", required = true)]
    pub(crate) stages: Vec<RampStage>,

    /// Somebody says go before each step
    #[arg(long)]
    pub(crate) go: bool,

    /// So many people approve each step
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) approvals: u32,

    /// Start it at once
    #[arg(long)]
    pub(crate) start: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
