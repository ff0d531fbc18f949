//! Who is told what happens.

use clap::{Args, Subcommand};

/// `notify`.
#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Show the targets, and how far the server is with each
    List,
    /// Show what could not be delivered
    Dead(DeadArgs),
    /// Try once more what could not be delivered
    Retry(RetryArgs),
    /// Send a test to a target
    Test(TestArgs),
}

/// `notify dead`.
#[derive(Debug, Args)]
pub(crate) struct DeadArgs {
    /// Only of this target
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
}

/// `notify retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The event's id
    pub(crate) id: String,

    /// Only to this target
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
}

/// `notify test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The target's name
    pub(crate) target: String,
}
