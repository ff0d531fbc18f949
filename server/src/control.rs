//! Control: what the server does by itself, and what it remembers to be able to.
//!
//! It decides pure and acts thin: every deed is a change set like anybody's. What is deliberately absent: gRPC, and who
//! listens.

pub mod answered;
pub mod expiry;
pub mod guard_watch;
pub mod measured;
pub mod notifier;
pub mod observations;
pub mod plan_report;
pub mod plan_runner;
pub mod prometheus;
pub mod seen;
pub mod usage;
pub mod written;
