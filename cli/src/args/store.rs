//! The server, and its store as files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How subjects are assigned to buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BucketingArg {
    /// flagd 0.15 to 0.16, for fleets of older providers
    V2,
    /// flagd's current generation
    V3,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormatArg {
    /// For people
    Text,
    /// One object per line
    Json,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the store is kept; made when it is not there
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./data",
        env = "MYCELIA_DATA_DIR",
        hide_env_values = true
    )]
    pub(crate) data_dir: PathBuf,

    /// Where to listen
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8013",
        env = "MYCELIA_LISTEN",
        hide_env_values = true
    )]
    pub(crate) listen: String,

    /// The environments of a new store, in the order in which they are shown
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "development,staging,production"
    )]
    pub(crate) environments: Vec<String>,

    /// The environment that a change without one means
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub(crate) default_environment: String,

    /// How a new store assigns subjects to buckets; it never changes
    #[arg(long, value_name = "GENERATION", value_enum, default_value_t = BucketingArg::V3)]
    pub(crate) bucketing: BucketingArg,

    /// A shutdown takes at most this long
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) drain_seconds: u64,

    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormatArg::Text)]
    pub(crate) log_format: LogFormatArg,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write, or `-` for the standard output
    pub(crate) file: PathBuf,

    /// Replace the file when it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The file that `backup` wrote
    pub(crate) file: PathBuf,

    /// The data directory to make; it must be empty or not there
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}
