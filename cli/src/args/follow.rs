//! Commands that follow what happens.

use clap::Args;

/// `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Watch as this service: flags that are reserved for other services are not shown
    #[arg(long, value_name = "NAME", default_value = "mycelia-flags-watch")]
    pub(crate) service: String,
}

/// `wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The revision to wait for [default: the newest]
    pub(crate) revision: Option<u64>,

    /// At least this many instances must be connected and have applied it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_instances: u32,
}
