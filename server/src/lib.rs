//! The Mycelia Flags server as a library.
//!
//! Floors, each of which may use what is below it and never what is above: [`app`] → [`edge`] → [`control`] and
//! [`distribution`], which do not know each other, → [`state`]. Beside them [`outbound`] speaks to others, and knows none
//! of them. `tests/tidy.rs` holds the arrows.

pub mod app;
pub mod clock;
pub mod control;
pub mod distribution;
pub mod edge;
pub mod outbound;
pub mod state;
pub mod tasks;
