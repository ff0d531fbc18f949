//! What callers ask for about features and segments.

use crate::condition::Condition;

/// What is done to all flags of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeatureAction {
    /// Switches them on.
    Enable,
    /// Switches them off.
    Disable,
    /// Serves each to a share of the subjects.
    Rollout {
        /// 0 to 100 with at most three decimals.
        percent: f64,
        /// Enables a flag even if somebody has disabled it.
        enable: bool,
    },
}

/// A segment to create or replace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetSegment {
    /// The environment's key.
    pub environment: String,
    /// The segment's key.
    pub segment: String,
    /// For people.
    pub description: String,
    /// What must be true of the context.
    pub condition: Option<Condition>,
    /// How much of everybody.
    pub share: Option<SegmentShare>,
}

/// A share of all subjects, as it is asked for: those whose bucket lies between two percentages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentShare {
    /// What the targeting key is hashed with; empty means the segment's key.
    pub salt: String,
    /// 0 to 100 with at most three decimals.
    pub from_percent: f64,
    /// Above `from_percent`, up to 100.
    pub to_percent: f64,
}
