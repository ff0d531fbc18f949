//! Commands that change flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use prost_types::Timestamp;

use crate::duration_text::parse_duration;
use crate::percent::Percent;
use crate::view::moment;

/// What every change takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WriteArgs {
    /// Why, in words; kept in the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// Say what would happen and change nothing
    #[arg(long, conflicts_with = "wait")]
    pub(crate) dry_run: bool,

    /// Ask for approval instead of changing anything: somebody else approves with `request approve`
    #[arg(long, visible_alias = "request-approval", conflicts_with = "wait")]
    pub(crate) request: bool,

    /// Change nothing unless the store is at exactly this revision
    #[arg(long, value_name = "N")]
    pub(crate) expect_revision: Option<u64>,

    /// Wait until every connected instance has applied the change
    #[arg(long)]
    pub(crate) wait: bool,

    /// How long to wait; exit code 4 when it is over
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration, requires = "wait")]
    pub(crate) wait_timeout: Duration,
}

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlagTypeArg {
    Boolean,
    String,
    Integer,
    Float,
    Object,
}

/// `create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The flag's key: letters, digits, `.`, `_` and `-`
    pub(crate) flag: String,

    /// The type of the flag's value; it never changes
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = FlagTypeArg::Boolean)]
    pub(crate) flag_type: FlagTypeArg,

    /// A named value (the value of an object flag as JSON); a boolean flag without any gets on=true and off=false
    #[arg(long = "variant", value_name = "NAME=VALUE")]
    pub(crate) variants: Vec<String>,

    /// The variant that is served when the flag is enabled
    #[arg(long = "default", value_name = "NAME")]
    pub(crate) default_variant: Option<String>,

    /// The variant that is served while the flag is disabled
    #[arg(long = "off", value_name = "NAME")]
    pub(crate) off_variant: Option<String>,

    /// What the flag is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// Who answers for the flag
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// For search and grouping; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// A service that may see the flag; may be repeated, all services may when there is none
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,

    /// The flag is meant to stay: a kill switch, a configuration value
    #[arg(long)]
    pub(crate) permanent: bool,

    /// When the flag should be gone, such as 2026-12-31; it is reported as stale afterwards
    #[arg(long, value_name = "DATE", value_parser = moment::parse, conflicts_with = "permanent")]
    pub(crate) ends: Option<Timestamp>,

    /// A file with a JSON Schema that the value of every variant satisfies; `-` for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,

    /// Browsers may ask for the flag's values, on the listener that is theirs (serve --browser-listen)
    #[arg(long)]
    pub(crate) client_visible: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `enable` and `disable`.
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// The flag's key
    pub(crate) flag: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `rollout`.
#[derive(Debug, Args)]
pub(crate) struct RolloutArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The share of the subjects that gets the flag: 25, 25% or 12.5
    pub(crate) percent: Percent,

    /// Enable the flag even if somebody has disabled it
    #[arg(long)]
    pub(crate) enable: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `delete` and `archive`.
#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// Even if a connected instance has declared that it needs the flag
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
