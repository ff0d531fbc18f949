//! What services observe while flags are evaluated, and what can be said of it.
//!
//! Instances report [batches](batch::Batch); [`window::Windows`] keeps them in rings of short [buckets](bucket::Bucket),
//! judges [conditions](crate::plan::metric_check::MetricCheck) and answers what is [used](usage). All of it is pure:
//! whoever calls says what time it is.

pub mod answered;
pub mod batch;
pub mod bucket;
pub mod judge;
pub mod measurement;
pub mod metric;
pub mod presence;
pub mod question;
pub mod recorded;
pub mod ring;
pub mod sequential;
pub mod series;
pub mod sketch;
#[cfg(test)]
mod tests;
mod unsettled;
pub mod usage;
pub mod users;
pub mod window;
