//! What every command that talks to a server takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::duration_text::parse_duration;

/// Options before any defaults are filled in.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Client options")]
pub(crate) struct ClientArgs {
    /// The server, by TLS with https [default: http://127.0.0.1:8013]
    #[arg(long, global = true, value_name = "URL", env = "MYCELIA_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,

    /// Trust an https server whose certificate comes from these authorities (PEM) [default: those of the system]
    #[arg(long, global = true, value_name = "FILE", env = "MYCELIA_TLS_CA", hide_env_values = true)]
    pub(crate) tls_ca: Option<PathBuf>,

    /// Show this certificate (PEM) to an https server that asks for one
    #[arg(long, global = true, value_name = "FILE", env = "MYCELIA_TLS_CLIENT_CERT", hide_env_values = true)]
    pub(crate) tls_client_cert: Option<PathBuf>,

    /// The private key of that certificate (PEM, without a passphrase)
    #[arg(long, global = true, value_name = "FILE", env = "MYCELIA_TLS_CLIENT_KEY", hide_env_values = true)]
    pub(crate) tls_client_key: Option<PathBuf>,

    /// The environment to change or look at [default: the server's default environment]
    #[arg(long, global = true, value_name = "NAME", env = "MYCELIA_ENV", hide_env_values = true)]
    pub(crate) env: Option<String>,

    /// Print one JSON document (also done when the output is not a terminal), and errors as JSON too
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Take defaults from this profile of the configuration file
    #[arg(long, global = true, value_name = "NAME", env = "MYCELIA_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,

    /// The configuration file [default: $XDG_CONFIG_HOME/mycelia-flags/config.toml]
    #[arg(long, global = true, value_name = "FILE", env = "MYCELIA_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Who asks, for the history [default: $USER]
    #[arg(long, global = true, value_name = "NAME", env = "MYCELIA_ACTOR", hide_env_values = true)]
    pub(crate) actor: Option<String>,

    /// How long to wait for an answer, such as 500ms, 10s or 2m [default: 10s; for `wait` 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
}
