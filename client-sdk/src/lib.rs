#![doc = include_str!("../../docs/sdk-rust.md")]
//!
//! ---
//!
//! # How this crate is built
//!
//! * the protocol is a pure state machine, `replica`: frames in, actions out; `backoff` decides how long to wait;
//! * `connection` is its thin driver, `disk` keeps the last known good state, `tasks` owns every task;
//! * evaluation reads the state in force (`shared`) and nothing else: no lock, no await, no clock.
//!
//! What is deliberately absent: writing. The SDK cannot change a flag.

mod address;
mod backoff;
mod builder;
mod change_log;
mod changes;
mod client;
mod clock;
mod connection;
mod counts;
mod declaration;
mod decode;
mod details;
mod disk;
mod evaluate;
mod handle;
mod instance;
mod keeper;
mod limits;
mod observed;
#[cfg(feature = "openfeature")]
pub mod openfeature;
mod replica;
mod reporter;
mod seen;
mod shared;
#[cfg(test)]
mod simulation;
mod state;
mod status;
mod tasks;
mod transport;

pub use mycelia_flags_core::context::Context;
pub use mycelia_flags_core::evaluation::{ErrorCode, ResolutionReason};
pub use mycelia_flags_core::key::{FlagKey, VariantName};
pub use mycelia_flags_core::value::{FlagType, Value};

pub use crate::backoff::Backoff;
pub use crate::builder::{BuildError, ClientBuilder, Config};
pub use crate::changes::{ChangeEvent, ChangeKind, ChangedKeys, Changes, ClosedError, FlagWatch};
pub use crate::client::{Client, NotReady};
pub use crate::declaration::{Breach, BreachKind};
pub use crate::details::{EvaluationDetails, Reason};
pub use crate::handle::FlagHandle;
pub use crate::observed::{Event, Observation, Outcome};
pub use crate::status::{ClientState, Origin, Status};
