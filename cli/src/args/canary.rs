//! Canary mode and lists of targeting keys.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::write::WriteArgs;

/// What `canary` is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CanaryAction {
    /// Whoever is on the allowlist gets the canary variant of every flag that takes part
    On,
    /// The allowlist is kept and means nothing
    Off,
    /// Show the switch, the allowlist's length and the flags that take part
    Status,
}

/// `canary`.
#[derive(Debug, Args)]
pub(crate) struct CanaryArgs {
    /// Switch canary mode, or show it
    #[arg(value_enum, default_value_t = CanaryAction::Status)]
    pub(crate) action: CanaryAction,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Whom a list is edited by: `canary-add`, `canary-remove`, and the lists of a segment.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    /// Targeting keys
    #[arg(value_name = "USER", required_unless_present = "file")]
    pub(crate) users: Vec<String>,

    /// A file with more of them, one on each line; `-` for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `canary-variant`.
#[derive(Debug, Args)]
pub(crate) struct CanaryVariantArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// What whoever is on the allowlist gets
    #[arg(required_unless_present_any = ["out", "by_type"], conflicts_with_all = ["out", "by_type"])]
    pub(crate) variant: Option<String>,

    /// The flag takes no part
    #[arg(long)]
    pub(crate) out: bool,

    /// As at creation: the true variant of a boolean flag; a flag of another type takes no part
    #[arg(long, conflicts_with = "out")]
    pub(crate) by_type: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
