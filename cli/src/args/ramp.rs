//! `ramp`: a plan for one flag, typed on the command line.

use clap::Args;

use crate::plan_file::RampStage;

/// `ramp`.
#[derive(Debug, Args)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the command that reads them comes with the plans on the server")
)]
pub(crate) struct RampArgs {
    /// The flag; the plan is called `ramp.FLAG`
    #[arg(value_name = "FLAG")]
    pub(crate) flag: String,
    /// A percentage and how long it stays, such as 10,3d; the last one needs no stay
    #[arg(long = "stage", value_name = "PERCENT[,LENGTH]", required = true)]
    pub(crate) stages: Vec<RampStage>,
    /// Before each step somebody must say go
    #[arg(long)]
    pub(crate) gate_go: bool,
    /// So many people must approve each step
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) approvals: u32,
}
