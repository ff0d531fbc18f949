//! Commands that say why, what differs, and what is left over; and documents in and out.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;
use crate::subject::SubjectArgs;

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,

    #[command(flatten)]
    pub(crate) subject: SubjectArgs,

    /// The service that asks
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// As it was at a revision, or at a moment such as 2026-11-27T09:30:00Z
    #[arg(long, value_name = "REVISION|TIME")]
    pub(crate) at: Option<String>,
}

/// `bucket`.
#[derive(Debug, Args)]
pub(crate) struct BucketArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,

    /// The subject's targeting key
    pub(crate) user: String,
}

/// `undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The revision; refused where what it wrote was changed since
    pub(crate) revision: u64,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier revision; or an environment
    pub(crate) from: String,

    /// The later revision [default: the newest]; or another environment (with one alone, --env is the other one)
    pub(crate) to: Option<String>,

    /// Only this flag; may be repeated
    #[arg(long = "flag", value_name = "KEY")]
    pub(crate) flags: Vec<String>,
}

/// `stale`.
#[derive(Debug, Args)]
pub(crate) struct StaleArgs {
    /// How long a flag must have given everybody the same, such as 30d or 12h [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = parse_days)]
    pub(crate) settled_for: Option<Duration>,
}

/// Days as well: `parse_duration` knows hours and less.
fn parse_days(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        _ => parse_duration(text),
    }
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that required flags are there, have their type, and are not archived; exit code 6 when not
    Features(AuditFeaturesArgs),
}

/// `audit features`.
#[derive(Debug, Args)]
pub(crate) struct AuditFeaturesArgs {
    /// The required flags, one a line: `KEY`, or `KEY TYPE`; `#` begins a comment; `-` for the standard input. A JSON list
    /// of keys, or a JSON object of keys and types, will do as well
    #[arg(long, value_name = "FILE")]
    pub(crate) required: PathBuf,
}

/// `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A flagd file (JSON), or `-` for the standard input
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only what this service may see, with its overrides
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// The file to write [default: the standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_durations_too() {
        assert_eq!(parse_days("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse_days("90m"), Ok(Duration::from_secs(5_400)));
        assert!(parse_days("d").is_err() && parse_days("a month").is_err());
    }
}
