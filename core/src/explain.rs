//! One decision in words: what was looked at, in order, what was found there, and which of it decided.
//!
//! An explanation walks through the plain model, in the order of [`crate::compiled::CompiledFlag::evaluate`], and shares
//! with it only the smallest parts: comparisons, lists and hashes. A property holds the two against each other, so that
//! neither can leave the order of precedence without the other. It is for people, and takes its time.

mod audience;
mod condition;
mod serve;
mod walk;

use crate::context::Context;
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::flag::Variant;
use crate::key::{EnvironmentKey, SegmentKey, VariantName};
use crate::snapshot::Snapshot;

pub use serve::bucket;

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// Where.
    pub environment: &'q EnvironmentKey,
    /// The flag's key, in any of its spellings.
    pub flag: &'q str,
    /// The service that asks; empty when none does: then every flag is visible and no override applies.
    pub service: &'q str,
    /// The subject.
    pub context: &'q Context,
    /// The time, for expressions that ask for it and for the word "expired".
    pub now_unix_s: i64,
}

/// What a flag decided, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The flag's key: as it was spelled at creation, or as it was asked for when there is no such flag.
    pub flag: String,
    /// What is served; none leaves it to the caller's default.
    pub variant: Option<Variant>,
    /// Why; none when nothing is served.
    pub reason: Option<ResolutionReason>,
    /// Why nothing is served, or why the default variant had to stand in.
    pub error: Option<ErrorCode>,
    /// What was looked at, in order, up to what decided.
    pub steps: Vec<Step>,
    /// Where the subject falls in the split that decided; none when no split did.
    pub bucket: Option<Bucket>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it was.
    pub kind: StepKind,
    /// Whether the answer rests on it. The answer of an inner step is whether the step around it holds.
    pub decided: bool,
    /// What was found, in one sentence.
    pub text: String,
    /// Conditions, segments, and the steps of a prerequisite.
    pub inner: Vec<Step>,
}

/// What a [`Step`] looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// Whether there is such a flag for whoever asks.
    Flag,
    /// The service's override.
    Override,
    /// Whether the flag is enabled.
    Switch,
    /// Another flag that must serve something.
    Prerequisite,
    /// Canary mode and its allowlist.
    Canary,
    /// A rule.
    Rule,
    /// The targeting expression.
    Targeting,
    /// The default serve.
    Default,
    /// A condition of a rule or a segment, or one of its parts.
    Condition,
    /// Whether the subject is in a segment.
    Segment,
    /// A segment's list.
    List,
    /// A segment's share.
    Share,
}

impl StepKind {
    /// One word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Override => "override",
            Self::Switch => "switch",
            Self::Prerequisite => "prerequisite",
            Self::Canary => "canary",
            Self::Rule => "rule",
            Self::Targeting => "targeting",
            Self::Default => "default",
            Self::Condition => "condition",
            Self::Segment => "segment",
            Self::List => "list",
            Self::Share => "share",
        }
    }
}

/// Where a subject falls in a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The hash that the bucket is scaled from.
    pub hash: u32,
    /// In thousandths of a percent.
    pub bucket: u32,
    /// What was hashed: `flag key "dreams" and targeting key "alice"`.
    pub hashed: String,
    /// The bucket that each variant ends before, in order.
    pub ends: Vec<(VariantName, u32)>,
}

impl Bucket {
    /// The variant that the bucket falls to.
    #[must_use]
    pub fn variant(&self) -> Option<&VariantName> {
        self.ends.iter().find(|(_, end)| self.bucket < *end).map(|(variant, _)| variant)
    }
}

impl Step {
    fn new(kind: StepKind, decided: bool, text: impl Into<String>) -> Self {
        Self { kind, decided, text: text.into(), inner: Vec::new() }
    }

    fn around(self, inner: Vec<Self>) -> Self {
        Self { inner, ..self }
    }
}

/// Explains what a flag decides.
#[must_use]
pub fn explain(snapshot: &Snapshot, question: &Question<'_>) -> Explanation {
    walk::explain(snapshot, question)
}

/// Whether a context is in a segment, and why.
#[must_use]
pub fn explain_segment(
    snapshot: &Snapshot,
    environment: &EnvironmentKey,
    segment: &SegmentKey,
    context: &Context,
) -> (bool, Step) {
    audience::segment(condition::Subject { snapshot, environment, context }, segment)
}

/// `yes` or `no`.
const fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

#[cfg(test)]
pub(crate) mod tests;
