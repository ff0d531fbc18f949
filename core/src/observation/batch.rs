//! What an instance reports at once, and what becomes of it.

use std::sync::Arc;

use super::bucket::Bucket;
use crate::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};

/// What an instance has observed since it last reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Where.
    pub environment: EnvironmentKey,
    /// The service.
    pub service: ServiceName,
    /// The instance's own name.
    pub instance: Arc<str>,
    /// What tells this batch from every other one of the instance: the same one twice counts once. Empty means that
    /// nobody would notice.
    pub id: Box<str>,
    /// What was observed.
    pub observations: Vec<Observation>,
}

/// What was observed of one variant of one flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The flag; none is the service as such.
    pub flag: Option<FoldedKey>,
    /// The variant that was served; none where no variant was, or nobody knows which.
    pub variant: Option<VariantName>,
    /// What was observed.
    pub bucket: Bucket,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// It was taken before, and nothing was counted again.
    pub repeated: bool,
    /// How many observations were counted.
    pub accepted: usize,
    /// Those that were not.
    pub refused: Vec<Refused>,
}

/// An observation that was not counted, or not in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub why: Limit,
}

/// A bound that is hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// There are as many combinations of environment, flag, variant and service as are kept.
    Series {
        /// How many that are.
        max: usize,
    },
    /// There are as many custom names as are kept.
    Names {
        /// The one that is not.
        name: Box<str>,
        /// How many that are.
        max: usize,
    },
    /// It has more custom names than one observation may.
    Custom {
        /// How many that are.
        max: usize,
    },
}
