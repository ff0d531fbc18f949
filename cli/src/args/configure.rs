//! Commands that change one flag beyond its switch: what it is, and what it does in an environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand};
use prost_types::Timestamp;

use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;
use crate::view::moment;

/// `unarchive`, and whatever needs no more than a flag.
#[derive(Debug, Args)]
pub(crate) struct FlagArgs {
    /// The flag's key
    pub(crate) flag: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// What the flag is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// Who answers for the flag
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// Replaces all tags; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Removes all tags
    #[arg(long, conflicts_with = "tags")]
    pub(crate) no_tags: bool,

    /// Replaces the services that may see the flag; may be repeated
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,

    /// Every service may see the flag
    #[arg(long, conflicts_with = "services")]
    pub(crate) all_services: bool,

    /// The flag serves one rollout and is then removed
    #[arg(long)]
    pub(crate) temporary: bool,

    /// The flag is meant to stay: a kill switch, a configuration value
    #[arg(long, conflicts_with = "temporary")]
    pub(crate) permanent: bool,

    /// When the flag should be gone, such as 2026-12-31; it is reported as stale afterwards
    #[arg(long, value_name = "DATE", value_parser = moment::parse)]
    pub(crate) ends: Option<Timestamp>,

    /// Nobody says when the flag should be gone
    #[arg(long, conflicts_with = "ends")]
    pub(crate) no_end: bool,

    /// A file with a JSON Schema that the value of every variant satisfies; `-` for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,

    /// Values need satisfy no schema
    #[arg(long, conflicts_with = "schema")]
    pub(crate) no_schema: bool,

    /// Whether browsers may ask for the flag's values, on the listener that is theirs (serve --browser-listen)
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    pub(crate) client_visible: Option<bool>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `variants`.
#[derive(Debug, Args)]
pub(crate) struct VariantsArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// All variants (the value of an object flag as JSON); one that is still served somewhere cannot be left out
    #[arg(value_name = "NAME=VALUE", required = true)]
    pub(crate) variants: Vec<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `set-default`.
#[derive(Debug, Args)]
pub(crate) struct SetDefaultArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// One variant for everybody, or the share of each of several; shares add up to 100
    #[arg(value_name = "VARIANT[=PERCENT]", required = true)]
    pub(crate) serve: Vec<String>,

    /// The attribute that identifies the subject [default: the targeting key]
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) bucket_by: Option<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `set-off`.
#[derive(Debug, Args)]
pub(crate) struct SetOffArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// What is served while the flag is disabled
    pub(crate) variant: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `salt`.
#[derive(Debug, Args)]
pub(crate) struct SaltArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The text; flags with the same one roll out to the same subjects
    #[arg(value_name = "TEXT", required_unless_present = "clear", conflicts_with = "clear")]
    pub(crate) salt: Option<String>,

    /// Compute buckets from the flag's key again
    #[arg(long)]
    pub(crate) clear: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `override`.
#[derive(Debug, Subcommand)]
pub(crate) enum OverrideCommand {
    /// Give a service one variant for a while, whatever the flag decides
    Set(OverrideSetArgs),
    /// End an override before its time
    Remove(OverrideRemoveArgs),
    /// Show the overrides: of all environments, or of the one that --env names
    List,
}

/// `override set`.
#[derive(Debug, Args)]
pub(crate) struct OverrideSetArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,

    /// What it is given
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: String,

    /// For how long, up to 720h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) expires: Duration,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `override remove`.
#[derive(Debug, Args)]
pub(crate) struct OverrideRemoveArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `prerequisite`.
#[derive(Debug, Subcommand)]
pub(crate) enum PrerequisiteCommand {
    /// Let other flags have to serve something first; replaces what was needed before
    Set(PrerequisiteSetArgs),
    /// Need no other flag
    Clear(FlagArgs),
}

/// `prerequisite set`.
#[derive(Debug, Args)]
pub(crate) struct PrerequisiteSetArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// Another flag and the variants of which it must serve one; of a boolean flag the true one unless said
    #[arg(value_name = "OTHER[=VARIANT[,VARIANT]]", required = true)]
    pub(crate) needs: Vec<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `targeting`.
#[derive(Debug, Subcommand)]
pub(crate) enum TargetingCommand {
    /// Let a flagd targeting expression decide in place of rules
    Set(TargetingSetArgs),
    /// Remove the targeting expression
    Clear(FlagArgs),
    /// Show the targeting expression
    Get(TargetingGetArgs),
}

/// `targeting set`.
#[derive(Debug, Args)]
pub(crate) struct TargetingSetArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The expression: a file, `-` for the standard input, or the JSON object itself
    #[arg(value_name = "FILE|-|JSON")]
    pub(crate) source: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `targeting get`.
#[derive(Debug, Args)]
pub(crate) struct TargetingGetArgs {
    /// The flag's key
    pub(crate) flag: String,
}
