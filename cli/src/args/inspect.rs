//! Commands that look into why, since when, and what would be different.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use prost_types::Timestamp;

use crate::args::write::WriteArgs;
use crate::duration_text::parse_duration;
use crate::subject::SubjectArgs;
use crate::view::moment;

/// A point in the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PastArg {
    Revision(u64),
    Moment(Timestamp),
}

/// Reads a revision, or a date or time.
fn parse_past(text: &str) -> Result<PastArg, String> {
    match text.parse() {
        Ok(revision) => Ok(PastArg::Revision(revision)),
        Err(_no_number) => moment::parse(text).map(PastArg::Moment).map_err(|_no_moment| {
            format!("expected a revision, or a time such as 2026-12-31T18:00:00Z, not `{text}`")
        }),
    }
}

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

    /// As it was at this revision, or at this time
    #[arg(long, value_name = "TIME|REVISION", value_parser = parse_past)]
    pub(crate) at: Option<PastArg>,
}

/// `bucket`.
#[derive(Debug, Args)]
pub(crate) struct BucketArgs {
    /// The flag's key, in any of its spellings
    pub(crate) flag: String,

    /// The subject's targeting key
    pub(crate) user: String,

    /// An attribute of the subject, for a flag that buckets by one
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
}

/// `undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The revision whose changes are taken back; refused where somebody has changed the same again since
    pub(crate) revision: u64,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier revision; or an environment
    #[arg(value_name = "REVISION|ENVIRONMENT", required_unless_present = "environments")]
    pub(crate) from: Option<String>,

    /// The later revision [default: the newest]; or another environment (with one alone, --env is the other one)
    #[arg(value_name = "REVISION|ENVIRONMENT", conflicts_with = "environments")]
    pub(crate) to: Option<String>,

    /// Between these two environments, whatever they are called
    #[arg(long, value_names = ["NAME", "NAME"], num_args = 2, conflicts_with = "from")]
    pub(crate) environments: Option<Vec<String>>,

    /// Only this flag; may be repeated
    #[arg(long = "flag", value_name = "KEY")]
    pub(crate) flags: Vec<String>,
}

/// `stale`.
#[derive(Debug, Args)]
pub(crate) struct StaleArgs {
    /// How long a flag must have given everybody the same, such as 30d
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    pub(crate) settled_for: Duration,
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Hold the server against a list of the flags that there must be; exit code 6 when one is not as required
    Features(AuditFeaturesArgs),
}

/// `audit features`.
#[derive(Debug, Args)]
pub(crate) struct AuditFeaturesArgs {
    /// A file with lines `KEY [TYPE]`, YAML or JSON; `-` for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) required: PathBuf,
}

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// A flag definition file of flagd's
    Flagd,
    /// An export of Unleash's, or what its client API answers
    Unleash,
    /// A flag or a list of flags, as LaunchDarkly's REST API answers them
    #[value(name = "launchdarkly")]
    LaunchDarkly,
}

/// `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file to read; `-` for the standard input
    pub(crate) file: PathBuf,

    /// Whose file it is; found out by its shape when it is not said
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<FormatArg>,

    /// The environment of the file that is read; the one called as the environment that is written, or the only one,
    /// when it is not said
    #[arg(long, value_name = "NAME")]
    pub(crate) from_environment: Option<String>,

    /// Import what can be said here even when a flag of Unleash's or LaunchDarkly's has to be left out
    #[arg(long)]
    pub(crate) allow_partial: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only what this service may see, with its overrides
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// The file to write; the standard output when there is none
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Replace the file when it is there
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_a_revision_or_a_moment() {
        assert_eq!(parse_past("12"), Ok(PastArg::Revision(12)));
        let midnight = Timestamp { seconds: 86_400, nanos: 0 };
        assert_eq!(parse_past("1970-01-02"), Ok(PastArg::Moment(midnight)));
        assert_eq!(parse_past("1970-01-02T00:00:00Z"), Ok(PastArg::Moment(midnight)));
        for bad in ["", "-1", "yesterday"] {
            assert!(parse_past(bad).is_err(), "{bad:?}");
        }
    }
}
