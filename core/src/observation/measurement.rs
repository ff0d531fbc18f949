//! What a metric was measured to be, with what it rests on: the evidence that a guard keeps.

use crate::key::ServiceName;
use crate::revision::Timestamp;

/// A metric over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The value in the unit of the condition: percent for rates, milliseconds for times. Versus a reference it is how
    /// many percent more than that.
    pub value: f64,
    /// How many observations it rests on.
    pub samples: u64,
    /// Where the window begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// What it was compared with, when the condition says `versus`.
    pub reference: Option<Reference>,
    /// Who reported, the worst first; at most [`INSTANCES_MAX`].
    pub instances: Vec<InstanceShare>,
}

/// Instances that a measurement names. The worst ones are what somebody looks for.
pub const INSTANCES_MAX: usize = 8;

/// What a relative condition compares with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// The value there, in the metric's own unit.
    pub value: f64,
    /// The value that was compared with it, in the same unit.
    pub compared: f64,
    /// How many observations the reference rests on.
    pub samples: u64,
}

/// What one instance contributed to a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceShare {
    /// Its service.
    pub service: ServiceName,
    /// Its own name.
    pub instance: Box<str>,
    /// The metric as this instance alone reported it.
    pub value: f64,
    /// How many of the observations are its own.
    pub samples: u64,
}
