//! Commands that read.

use clap::Args;

/// `get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,
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

    /// The subject's targeting key
    #[arg(long, value_name = "KEY")]
    pub(crate) user: Option<String>,

    /// An attribute of the subject; numbers, true, false, lists, objects and "text" are read as JSON, the rest is text
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,

    /// The service that asks
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}
