//! The command line that all three services have.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Where the flags come from, and where the service listens.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// The flag server
    #[arg(long, value_name = "URL", env = "MYCELIA_SERVER", default_value = "http://127.0.0.1:8013")]
    pub server: String,

    /// The environment to follow [default: the server's default environment]
    #[arg(long, value_name = "NAME", env = "MYCELIA_ENV")]
    pub env: Option<String>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", env = "LISTEN", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// The name of this process among those of the service [default: host name and process number]
    #[arg(long, value_name = "NAME", env = "INSTANCE")]
    pub instance: Option<String>,

    /// Where to keep the last known flags, to start with when the server is away
    #[arg(long, value_name = "DIR", env = "CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,

    /// The fault switch: while this file exists, requests of whoever has the feature fail
    #[arg(long, value_name = "PATH", env = "FAULT_FILE")]
    pub fault_file: Option<PathBuf>,

    /// Print what happens as JSON, one object per line
    #[arg(long)]
    pub json_events: bool,
}
