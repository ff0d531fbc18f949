//! Segments: reusable audiences of an environment.

use crate::condition::Condition;
use crate::key::SegmentKey;

/// A reusable audience. Who is in it, in this order:
///
/// 1. whoever is on its excluded list is not;
/// 2. whoever is on its included list is;
/// 3. whoever satisfies the condition *and* falls into the share is, when the segment has at least one of the two.
///
/// A segment never names another one: who is in it can be said without following anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Unique within the environment.
    pub key: SegmentKey,
    /// For people.
    pub description: Box<str>,
    /// What must be true of the context.
    pub condition: Option<Condition>,
    /// How much of everybody.
    pub share: Option<Share>,
}

/// A share of all subjects: those whose bucket lies between two numbers.
///
/// Segments with the same salt and ranges that do not overlap have no member in common, so that 0–10, 10–70, 70–95 and
/// 95–100 divide everybody into four.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What the targeting key is hashed with; the segment's key unless said otherwise.
    pub salt: Box<str>,
    /// The first bucket that is in, in thousandths of a percent.
    pub from: u32,
    /// The first bucket that is not, up to [`crate::limits::WEIGHT_TOTAL`].
    pub to: u32,
}
