//! JSON as text: what leaves for flagd's files and payloads, and what comes back from them.
//!
//! The tree is [`Value`](crate::value::Value). Integers of 64 bits stay exact, and a float stays one: `5.0` is printed
//! as `5.0`. Nothing here knows what the JSON means.

mod parse;
mod print;

pub use parse::{DEPTH_MAX, JsonError, parse};
pub use print::print;

#[cfg(test)]
mod tests;
