//! Commands that read.

use clap::Args;

use crate::subject::SubjectArgs;

/// `get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Show archived flags too
    #[arg(long)]
    pub(crate) archived: bool,
}

/// `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only changes of this flag
    pub(crate) flag: Option<String>,

    /// At most this many records
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,

    /// Only revisions after this one
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    pub(crate) after: u64,
}

/// `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,

    #[command(flatten)]
    pub(crate) subject: SubjectArgs,

    /// The service that asks
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}
