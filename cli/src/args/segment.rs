//! Segments and rules: who somebody is, and what that decides.

use clap::{Args, Subcommand};
use mycelia_flags_proto::v1;

use crate::args::canary::KeysArgs;
use crate::args::write::WriteArgs;
use crate::condition_text::{self, GRAMMAR};
use crate::percent::{Percent, PercentRange};
use crate::subject::SubjectArgs;

/// `segment`.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Create a segment, or replace what it says; its lists stay
    #[command(after_help = GRAMMAR)]
    Set(SegmentSetArgs),
    /// Remove a segment and its lists; refused while a rule names it
    Delete(SegmentDeleteArgs),
    /// Show all segments of the environment
    List,
    /// Show one segment
    Get(SegmentGetArgs),
    /// Put users on the included list: they are members whatever the conditions say
    Add(SegmentKeysArgs),
    /// Take users off the included list
    Remove(SegmentKeysArgs),
    /// Put users on the excluded list: they are no members, whatever else says so
    Exclude(SegmentKeysArgs),
    /// Take users off the excluded list
    Unexclude(SegmentKeysArgs),
    /// Show who is on the included list
    Members(SegmentMembersArgs),
    /// Say whether a subject is a member, and why; exit code 6 when not
    Test(SegmentTestArgs),
}

/// `segment set`.
#[derive(Debug, Args)]
pub(crate) struct SegmentSetArgs {
    /// The segment's key
    pub(crate) key: String,

    /// Who they are, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// What must be true of a member, such as "country in DE,AT"; may be repeated, all must be true
    #[arg(long = "when", value_name = "CONDITION", value_parser = condition_text::parse)]
    pub(crate) conditions: Vec<v1::Condition>,

    /// A share of everybody: 10, or a range such as 10..70
    #[arg(long, value_name = "PERCENT")]
    pub(crate) percent: Option<PercentRange>,

    /// What the share is computed from [default: the segment's key]; segments with the same salt and ranges that do not
    /// overlap share no member
    #[arg(long, value_name = "TEXT", requires = "percent")]
    pub(crate) salt: Option<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `segment delete`.
#[derive(Debug, Args)]
pub(crate) struct SegmentDeleteArgs {
    /// The segment's key
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `segment get`.
#[derive(Debug, Args)]
pub(crate) struct SegmentGetArgs {
    /// The segment's key
    pub(crate) key: String,
}

/// `segment add`, `remove`, `exclude` and `unexclude`.
#[derive(Debug, Args)]
pub(crate) struct SegmentKeysArgs {
    /// The segment's key
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) keys: KeysArgs,
}

/// `segment members`.
#[derive(Debug, Args)]
pub(crate) struct SegmentMembersArgs {
    /// The segment's key
    pub(crate) key: String,

    /// Show who is on the excluded list
    #[arg(long)]
    pub(crate) excluded: bool,
}

/// `segment test`.
#[derive(Debug, Args)]
pub(crate) struct SegmentTestArgs {
    /// The segment's key
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) subject: SubjectArgs,
}

/// `rule`.
#[derive(Debug, Subcommand)]
pub(crate) enum RuleCommand {
    /// Show the rules of a flag in the order in which they are tried
    List(RuleListArgs),
    /// Add a rule, behind the others unless --at says where
    #[command(after_help = GRAMMAR)]
    Add(RuleAddArgs),
    /// Remove the rule of this number
    Remove(RuleRemoveArgs),
    /// Remove all rules
    Clear(RuleClearArgs),
}

/// `rule list`.
#[derive(Debug, Args)]
pub(crate) struct RuleListArgs {
    /// The flag's key
    pub(crate) flag: String,
}

/// `rule add`.
#[derive(Debug, Args)]
#[group(id = "served", required = true, multiple = false, args = ["serve", "percent"])]
pub(crate) struct RuleAddArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// When the rule applies, such as "country in DE,AT"; may be repeated, all must be true
    #[arg(
        long = "when",
        value_name = "CONDITION",
        value_parser = condition_text::parse,
        required_unless_present = "segments"
    )]
    pub(crate) conditions: Vec<v1::Condition>,

    /// It applies to members of this segment only; may be repeated, all must be true
    #[arg(long = "segment", value_name = "KEY")]
    pub(crate) segments: Vec<String>,

    /// The variant that is served then
    #[arg(long, value_name = "VARIANT")]
    pub(crate) serve: Option<String>,

    /// The share that gets the true variant then; the rest gets the false one
    #[arg(long, value_name = "PERCENT")]
    pub(crate) percent: Option<Percent>,

    /// What the rule is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,

    /// Its number afterwards: 1 is tried first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) at: Option<u32>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `rule remove`.
#[derive(Debug, Args)]
pub(crate) struct RuleRemoveArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The rule's number, as `rule list` shows it
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) number: u32,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `rule clear`.
#[derive(Debug, Args)]
pub(crate) struct RuleClearArgs {
    /// The flag's key
    pub(crate) flag: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `matrix`.
#[derive(Debug, Args)]
pub(crate) struct MatrixArgs {
    /// The flag's key
    pub(crate) flag: String,

    /// The share of each segment that gets the flag, such as beta=75; they replace those that were there
    #[arg(value_name = "SEGMENT=PERCENT", value_parser = segment_percent)]
    pub(crate) shares: Vec<(String, Percent)>,

    /// The share of everybody else; unless said, it stays as it is
    #[arg(long, value_name = "PERCENT", requires = "shares")]
    pub(crate) rest: Option<Percent>,

    /// Enable the flag even if somebody has disabled it
    #[arg(long)]
    pub(crate) enable: bool,

    /// Remove the shares of all segments
    #[arg(long, conflicts_with = "shares")]
    pub(crate) clear: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

fn segment_percent(text: &str) -> Result<(String, Percent), String> {
    let (segment, percent) =
        text.split_once('=').ok_or_else(|| "expected SEGMENT=PERCENT, such as beta=75".to_owned())?;
    Ok((segment.to_owned(), percent.parse()?))
}
