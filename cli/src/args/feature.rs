//! Features: several flags as one.

use clap::{Args, Subcommand};

use crate::args::write::WriteArgs;
use crate::percent::Percent;

/// `feature`.
#[derive(Debug, Subcommand)]
pub(crate) enum FeatureCommand {
    /// Create a feature, or replace what it says
    Set(FeatureSetArgs),
    /// Show all features
    List,
    /// Show a feature: its flags in every environment
    Get(FeatureGetArgs),
    /// Remove a feature; its flags stay
    Delete(FeatureArgs),
    /// Switch every flag of a feature on
    Enable(FeatureArgs),
    /// Switch every flag of a feature off
    Disable(FeatureArgs),
    /// Serve every flag of a feature to a share of the subjects
    Rollout(FeatureRolloutArgs),
    /// Show how the flags of a feature differ between two environments
    Compare(FeatureCompareArgs),
}

/// `feature set`.
#[derive(Debug, Args)]
pub(crate) struct FeatureSetArgs {
    /// The feature's key
    pub(crate) key: String,

    /// A flag that belongs to it; may be repeated
    #[arg(long = "flag", value_name = "FLAG", required = true)]
    pub(crate) flags: Vec<String>,

    /// What it is, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `feature get`.
#[derive(Debug, Args)]
pub(crate) struct FeatureGetArgs {
    /// The feature's key
    pub(crate) key: String,
}

/// `feature delete`, `enable` and `disable`.
#[derive(Debug, Args)]
pub(crate) struct FeatureArgs {
    /// The feature's key
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `feature rollout`.
#[derive(Debug, Args)]
pub(crate) struct FeatureRolloutArgs {
    /// The feature's key
    pub(crate) key: String,

    /// The share of the subjects that gets each flag: 25, 25% or 12.5
    pub(crate) percent: Percent,

    /// Enable flags even if somebody has disabled them
    #[arg(long)]
    pub(crate) enable: bool,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `feature compare`.
#[derive(Debug, Args)]
pub(crate) struct FeatureCompareArgs {
    /// The feature's key
    pub(crate) key: String,

    /// The one environment
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) from: String,

    /// The other
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) to: String,
}
