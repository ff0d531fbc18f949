//! What the three services `ui`, `runner` and `agent` share: a process that follows one flag and answers over HTTP.
//!
//! They play the rollout plan of a real team (ElevenLabs Agent Integration): one feature, finished in three services
//! and dark in all of them, which must be released, and taken back, everywhere at once. There each service had an
//! environment variable, a rebuild and a redeployment of its own; here all three look at [`FLAG`].
//!
//! `examples/tour` starts a server and the three services, flips the flag, and shows what happens. `examples/fault` breaks one
//! of them, and a guard takes the feature back in all three.

pub mod args;
pub mod clock;
pub mod event;
pub mod feature;
pub mod flag;
pub mod output;
pub mod problem;
pub mod service;
pub mod stop;
pub mod visitor;

mod follow;

pub use crate::args::ServiceArgs;
pub use crate::feature::Feature;
pub use crate::flag::FLAG;
pub use crate::problem::Problem;
pub use crate::service::Service;
pub use crate::visitor::Visitor;
