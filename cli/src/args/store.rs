//! The server, and its store as files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::duration_text::parse_duration;

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
    pub(crate) listen: SocketAddr,

    /// Speak TLS and nothing else: the server's chain of certificates as PEM, its own one first. Looked at every 10 s and at
    /// a SIGHUP: new connections get the new one
    #[arg(long, value_name = "FILE", env = "MYCELIA_TLS_CERT", hide_env_values = true, requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of that certificate as PEM, without a passphrase
    #[arg(long, value_name = "FILE", env = "MYCELIA_TLS_KEY", hide_env_values = true, requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let in only those who show a certificate of these authorities (PEM); pages on the listener for browsers need none
    #[arg(
        long,
        value_name = "FILE",
        env = "MYCELIA_TLS_CLIENT_CA",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Pages of this origin, such as `https://console.example`, may read all that is served here, and change it; may be
    /// repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<String>,

    /// Serve browsers on an address of its own: evaluated values of flags marked client-visible, and nothing else
    #[arg(long, value_name = "HOST:PORT", env = "MYCELIA_BROWSER_LISTEN", hide_env_values = true)]
    pub(crate) browser_listen: Option<SocketAddr>,

    /// Pages of this origin, such as `https://shop.example`, may read what browsers are served, `*` for every page; may be
    /// repeated
    #[arg(long, value_name = "ORIGIN", requires = "browser_listen")]
    pub(crate) browser_origin: Vec<String>,

    /// An environment that browsers are served [default: the default environment]; may be repeated
    #[arg(long, value_name = "NAME", requires = "browser_listen")]
    pub(crate) browser_environment: Vec<String>,

    /// Let callers of OpenFeature's protocols who send this bearer token mean this environment; it protects nothing. SOURCE is
    /// `file:PATH` or `env:VARIABLE`; may be repeated
    #[arg(long, value_name = "ENVIRONMENT=SOURCE")]
    pub(crate) selector_token: Vec<String>,

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

    /// How a new store assigns subjects to buckets (v3 when not given); it never changes
    #[arg(long, value_name = "GENERATION", value_enum)]
    pub(crate) bucketing: Option<BucketingArg>,

    /// At a shutdown: how long health says NOT_SERVING before streams are sent away, so that balancers can notice
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub(crate) drain_notice: Duration,

    /// At a shutdown: everything after the notice takes at most this long
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    pub(crate) drain_limit: Duration,

    /// The longest silence on a stream; a subscriber takes three of them for the server's death
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = parse_duration)]
    pub(crate) heartbeat: Duration,

    /// A stream ends at this age, give or take a fifth, so that balancers can spread load anew
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    pub(crate) stream_age: Duration,

    /// A subscriber that lacks something and reads nothing for this long is sent away
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub(crate) progress_timeout: Duration,

    /// Keep no sample of those for whom flags are evaluated (it is in memory only, with targeting keys hashed, and lets a
    /// dry run say whom a change concerns)
    #[arg(long)]
    pub(crate) no_seen_contexts: bool,

    /// Tell others what happens: a TOML file with one table `notify` for each target
    #[arg(long, value_name = "FILE", env = "MYCELIA_NOTIFY", hide_env_values = true)]
    pub(crate) notify: Option<PathBuf>,

    /// Trust these certificates, too, where notices and queries go by TLS: a PEM file with those of your own authorities
    #[arg(long, value_name = "FILE", env = "MYCELIA_OUTBOUND_CA", hide_env_values = true)]
    pub(crate) outbound_ca: Option<PathBuf>,

    /// Tell when live instances have not acknowledged a revision within this time
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub(crate) convergence_bound: Duration,

    /// Tell when live instances of an environment serve different states for longer than this time
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub(crate) skew_bound: Duration,

    /// Ask this Prometheus-compatible server the queries that conditions name by promql("…")
    #[arg(long, value_name = "URL", env = "MYCELIA_PROMETHEUS_URL", hide_env_values = true)]
    pub(crate) prometheus_url: Option<String>,

    /// A file with the bearer token for it
    #[arg(long, value_name = "FILE", requires = "prometheus_url")]
    pub(crate) prometheus_token_file: Option<PathBuf>,

    /// The environment variable with the bearer token for it
    #[arg(long, value_name = "NAME", requires = "prometheus_url", conflicts_with = "prometheus_token_file")]
    pub(crate) prometheus_token_env: Option<String>,

    /// How often each query is asked
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub(crate) prometheus_rhythm: Duration,

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
